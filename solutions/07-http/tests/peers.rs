//! Our server with other people's clients, a browser too, and our client with other people's servers.

#![cfg(target_os = "linux")]

mod common;

use std::fs;
use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use common::our_server;
use peers::{Folder, Running, eventually, free_tcp_port, peer, serve};

/// The site that the exercise brings along.
fn site() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../exercises/07-http/site")
}

/// A megabyte of which no two parts are equal.
fn content() -> Vec<u8> {
    (0..1 << 20).map(|at: usize| (at % 251) as u8 ^ (at / 256 % 256) as u8).collect()
}

/// A folder with files in it.
fn folder(name: &str) -> Folder {
    let folder = Folder::new(name);
    fs::create_dir(folder.file("sub")).unwrap();
    fs::write(folder.file("hello.txt"), "hello, world\n").unwrap();
    fs::write(folder.file("large"), content()).unwrap();
    fs::write(folder.file("sub/index.html"), "<p>below").unwrap();
    folder
}

fn output(command: &mut Command) -> Output {
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

fn stdout(command: &mut Command) -> String {
    String::from_utf8_lossy(&output(command).stdout).replace("\r\n", "\n")
}

#[test]
fn curl_gets_and_posts() {
    let Some(curl) = peer("curl", "curl") else { return };
    let root = folder("curl");
    let (server, address) = our_server(root.path(), &[]);
    let curl = || {
        let mut command = Command::new(&curl);
        command.args(["--silent", "--show-error", "--max-time", "30"]);
        command
    };
    let url = |path: &str| format!("http://{address}/{path}");
    let connections = stdout(curl().args(["-w", "%{num_connects}\n", &url("hello.txt"), &url("app/query?a=b+c")]));
    assert_eq!(connections, "hello, world\n1\na=b c\n0\n", "the second over the connection of the first");
    server.prints_at_last("\"GET /app/query?a=b+c HTTP/1.1\" 200 6");

    let head = stdout(curl().args(["--head", &url("large")]));
    assert!(head.starts_with("HTTP/1.1 200 OK\n") && head.contains("Content-Length: 1048576\n"), "{head}");
    assert_eq!(output(curl().arg(url("large"))).stdout, content());
    assert_eq!(output(curl().args(["--range", "1000-2999", &url("large")])).stdout, content()[1000..3000]);
    assert_eq!(output(curl().args(["--range", "-7", &url("hello.txt")])).stdout, b" world\n");
    assert_eq!(stdout(curl().args(["--location", &url("sub")])), "<p>below");

    let tag = root.file("tag");
    assert_eq!(stdout(curl().args(["--etag-save"]).arg(&tag).arg(url("hello.txt"))), "hello, world\n");
    assert_eq!(
        stdout(curl().args(["--etag-compare"]).arg(&tag).args(["-w", "%{http_code}", &url("hello.txt")])),
        "304"
    );
    let since = root.file("hello.txt");
    assert_eq!(stdout(curl().arg("--time-cond").arg(since).args(["-w", "%{http_code}", &url("hello.txt")])), "304");
}

#[test]
fn curl_uploads_in_chunks_and_when_it_is_told_to_go_on() {
    let Some(curl) = peer("curl", "curl") else { return };
    let root = folder("curl-up");
    let (_server, address) = our_server(root.path(), &[]);
    let upload = |field: &str, path: &str| {
        let mut command = Command::new(&curl);
        command.args(["--silent", "--show-error", "--verbose", "--max-time", "30", "--header", field, "--data-binary"]);
        output(command.arg(format!("@{}", root.file("large").display())).arg(format!("http://{address}{path}")))
    };
    let chunked = upload("Transfer-Encoding: chunked", "/app/echo");
    assert!(chunked.stdout == content());
    let told = upload("Expect: 100-continue", "/app/echo");
    assert!(told.stdout == content() && String::from_utf8_lossy(&told.stderr).contains("< HTTP/1.1 100 Continue"));
    let refused = upload("Expect: 100-continue", "/hello.txt");
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(said.contains("< HTTP/1.1 405 ") && !said.contains("100 Continue\r\n< "), "{said}");
}

#[test]
fn wget_fetches_goes_on_and_mirrors() {
    let Some(wget) = peer("wget", "wget") else { return };
    let (root, here) = (folder("wget"), Folder::new("wget-here"));
    let (_server, address) = our_server(root.path(), &[]);
    let fetch = |arguments: &[&str], path: &str| {
        let mut command = Command::new(&wget);
        command
            .args(["--no-verbose", "--tries=1", "--timeout=30"])
            .args(arguments)
            .arg(format!("http://{address}{path}"));
        output(command.current_dir(here.path()));
    };
    fs::write(here.file("large"), &content()[..400_000]).unwrap();
    fetch(&["--continue"], "/large");
    assert!(fs::read(here.file("large")).unwrap() == content(), "the rest is appended");
    fetch(&[], "/hello.txt");
    let modified = |path: PathBuf| fs::metadata(path).unwrap().modified().unwrap();
    let difference = modified(root.file("hello.txt")).duration_since(modified(here.file("hello.txt"))).unwrap();
    assert!(difference < Duration::from_secs(1), "wget takes the date over from Last-Modified");

    let (_server, address) = our_server(&site(), &[]);
    let mut mirror = Command::new(&wget);
    mirror.args(["--no-verbose", "--page-requisites", "--no-host-directories"]).arg(format!("http://{address}/"));
    output(mirror.current_dir(here.path()));
    for name in ["index.html", "style.css", "two-ends.svg"] {
        assert_eq!(fs::read(here.file(name)).unwrap(), fs::read(site().join(name)).unwrap(), "{name}");
    }
}

#[test]
fn load_generators_see_no_failure() {
    let root = folder("load");
    let (_server, address) = our_server(root.path(), &["--quiet"]);
    let url = format!("http://{address}/hello.txt");
    if let Some(ab) = peer("ab", "apache2-utils") {
        for options in [&["-k"][..], &[]] {
            let said = stdout(Command::new(&ab).args(["-q", "-n", "2000", "-c", "20"]).args(options).arg(&url));
            assert!(said.contains("Complete requests:      2000\nFailed requests:        0\n"), "{said}");
            assert!(!said.contains("Non-2xx"), "{said}");
        }
    }
    if let Some(wrk) = peer("wrk", "wrk") {
        let said = stdout(Command::new(&wrk).args(["-t1", "-c50", "-d1s", &url]));
        assert!(said.contains("Requests/sec:") && !said.contains("errors") && !said.contains("Non-2xx"), "{said}");
    }
}

/// The browser, with a profile of its own, and what it makes of a page in the end.
fn page_in_a_browser(chromium: &Path, here: &Folder, url: &str) -> String {
    let mut command = Command::new(chromium);
    // Root has no sandbox, and these pages are our own.
    command.args(["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]);
    command.arg(format!("--user-data-dir={}", here.file("profile").display()));
    stdout(command.args(["--virtual-time-budget=5000", "--dump-dom", url]))
}

#[test]
fn a_browser_loads_the_page_with_all_that_belongs_to_it() {
    let Some(chromium) = peer("chromium", "chromium") else { return };
    let here = Folder::new("browser");
    let (server, address) = our_server(&site(), &[]);
    let page = page_in_a_browser(&chromium, &here, &format!("http://{address}/"));
    assert!(page.contains(&format!("GET / HTTP/1.1\nHost: {address}\nUser-Agent: Mozilla/")), "{page}");
    for name in ["style.css", "two-ends.svg"] {
        assert!(page.contains(&format!("<td>/{name}</td><td>http/1.1</td><td>200</td>")), "{name} in {page}");
    }
    let size = fs::metadata(site().join("index.html")).unwrap().len();
    server.prints_at_last(&format!("\"GET / HTTP/1.1\" 200 {size}"));
}

#[test]
fn a_browser_sends_the_form() {
    let Some(chromium) = peer("chromium", "chromium") else { return };
    let (root, here) = (Folder::new("form"), Folder::new("form-browser"));
    // The page as it is, and somebody who fills in the form and presses the button.
    let finger = "<script>document.forms[0].name.value = '我 & +'; document.forms[0].submit()</script>";
    let page = fs::read_to_string(site().join("index.html")).unwrap();
    assert!(page.contains("<form action=\"/app/query\">"));
    fs::write(root.file("index.html"), page.replace("</body>", &format!("{finger}</body>"))).unwrap();
    let (server, address) = our_server(root.path(), &[]);
    let page = page_in_a_browser(&chromium, &here, &format!("http://{address}/"));
    assert!(page.contains("page=1\nname=我 &amp; +\n"), "{page}");
    server.prints_at_last("\"GET /app/query?page=1&name=%E6%88%91+%26+%2B HTTP/1.1\" 200 20");
}

/// Our client, with a word of how it ended.
fn ours(arguments: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_http-client")).args(arguments).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&said).into_owned())
}

fn body(arguments: &[&str]) -> String {
    let (status, said) = ours(arguments);
    assert_eq!(status, Some(0), "{said}");
    said.rsplit_once("\n\n").unwrap_or_else(|| panic!("{said:?} has no body")).1.to_owned()
}

fn wait_until_it_listens(address: SocketAddr) {
    eventually(&format!("somebody listens on {address}"), || TcpStream::connect(address).is_ok());
}

/// An nginx of our own, that lists folders in chunks.
fn nginx(program: &Path, root: &Folder) -> (Running, SocketAddr) {
    let address = SocketAddr::from(([127, 0, 0, 1], free_tcp_port()));
    let paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(|name| format!("{name}_temp_path temp;\n"));
    let configuration = format!(
        "daemon off; master_process off; pid nginx.pid; error_log stderr;\nevents {{}}\nhttp {{\n{}access_log off;\n\
         server {{ listen {address}; root {}; autoindex on; location = /gone {{ return 302 /hello.txt; }} }}\n}}\n",
        paths.concat(),
        root.path().display()
    );
    fs::write(root.file("nginx.conf"), configuration).unwrap();
    let prefix = format!("{}/", root.path().display());
    let server = Running::start(Command::new(program).args(["-p", &prefix, "-e", "stderr", "-c", "nginx.conf"]));
    wait_until_it_listens(address);
    (server, address)
}

#[test]
fn our_client_with_nginx() {
    let Some(program) = peer("nginx", "nginx-light") else { return };
    let root = folder("nginx");
    let (_server, address) = nginx(&program, &root);
    let url = |path: &str| format!("http://{address}{path}");
    assert_eq!(body(&[&url("/hello.txt")]), "hello, world\n");
    assert_eq!(body(&["-H", "Range: bytes=7-11", &url("/hello.txt")]), "world");
    assert_eq!(body(&["-X", "HEAD", &url("/large")]), "");
    assert_eq!(body(&["-L", &url("/sub")]), "<p>below");
    assert_eq!(body(&["-L", &url("/gone")]), "hello, world\n");
    let (status, list) = ours(&[&url("/")]);
    assert!(list.contains("\nTransfer-Encoding: chunked\n") && list.contains("hello.txt</a>"), "{list}");
    assert_eq!(status, Some(0));
    assert!(ours(&[&url("/missing")]).1.starts_with("HTTP/1.1 404 Not Found\n"));
    assert!(ours(&["-d", "a=b", &url("/hello.txt")]).1.starts_with("HTTP/1.1 405 Not Allowed\n"));
    let copy = root.file("copy").display().to_string();
    assert_eq!(ours(&["-o", &copy, &url("/large")]).0, Some(0));
    assert!(fs::read(root.file("copy")).unwrap() == content());
}

#[test]
fn our_client_with_python() {
    let Some(python) = peer("python3", "python3") else { return };
    let root = folder("python");
    let port = free_tcp_port();
    let mut command = Command::new(&python);
    command.args(["-m", "http.server", "--bind", "127.0.0.1", &port.to_string(), "--directory"]).arg(root.path());
    let _server = Running::start(&mut command);
    wait_until_it_listens(SocketAddr::from(([127, 0, 0, 1], port)));
    let url = |path: &str| format!("http://localhost:{port}{path}");
    assert_eq!(body(&[&url("/hello.txt")]), "hello, world\n");
    assert_eq!(body(&["-L", &url("/sub")]), "<p>below");
    assert_eq!(body(&["-X", "HEAD", &url("/large")]), "");
    assert!(ours(&[&url("/missing")]).1.starts_with("HTTP/1.0 404 File not found\n"));
    let copy = root.file("copy").display().to_string();
    assert_eq!(ours(&["-o", &copy, &url("/large")]).0, Some(0));
    assert!(fs::read(root.file("copy")).unwrap() == content());
}

/// A program of a few lines whose answers end with the connection, or break off.
#[test]
fn our_client_with_a_server_that_gives_no_length() {
    let Some(python) = peer("python3", "python3") else { return };
    let here = Folder::new("no-length");
    let code = "
import socket
s = socket.create_server(('127.0.0.1', 0))
print('listening on 127.0.0.1:%d' % s.getsockname()[1], flush=True)
for ending in [b'HTTP/1.0 200 OK\\r\\n\\r\\nhello', b'HTTP/1.1 200 OK\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n5\\r\\nhel']:
    c, _ = s.accept()
    c.recv(4096)
    c.sendall(ending)
    c.close()
";
    let (_server, address) = serve(Command::new(&python).args(["-c", code]));
    let url = format!("http://{address}/");
    assert_eq!(body(&[&url]), "hello");
    let copy = here.file("copy").display().to_string();
    let (status, said) = ours(&["-o", &copy, &url]);
    assert!(status == Some(1) && said.contains("error: "), "{said}");
    assert_eq!(fs::read_dir(here.path()).unwrap().count(), 0, "no half of a file");
}

#[test]
fn a_form_by_hand() {
    let root = folder("by-hand");
    let (server, address) = our_server(root.path(), &[]);
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(b"GET /hello.txt HTTP/1.0\n\n").unwrap();
    let mut answer = String::new();
    std::io::Read::read_to_string(&mut stream, &mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\n\r\nhello, world\n"), "{answer}");
    server.prints_at_last("\"GET /hello.txt HTTP/1.0\" 200 13");
}
