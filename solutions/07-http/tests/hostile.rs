//! What nobody should send, and what nobody wishes for: spoiled requests, requests within requests, crowds that dawdle or
//! break off, no descriptors left, files that change their place.

#![cfg(target_os = "linux")]

mod common;

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::unix::fs::symlink;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use common::our_server;
use http::Parsed;
use http::body::Body;
use http::response::ResponseHead;
use peers::{Dice, Folder, Running, connect, reset, serve};

const SECRET: &str = "nobody may read this";

/// A folder `root` with files in it, and a secret beside it.
fn folder(name: &str) -> Folder {
    let folder = Folder::new(name);
    fs::create_dir_all(folder.file("root/sub")).unwrap();
    fs::write(folder.file("root/hello.txt"), "hello, world\n").unwrap();
    fs::write(folder.file("root/index.html"), "<p>hello").unwrap();
    fs::write(folder.file("root/sub/index.html"), "<p>below").unwrap();
    fs::write(folder.file("secret"), SECRET).unwrap();
    symlink("../secret", folder.file("root/link")).unwrap();
    symlink("..", folder.file("root/up")).unwrap();
    symlink(folder.file("root/hello.txt"), folder.file("root/absolute")).unwrap();
    folder
}

fn our_server_of(folder: &Folder, options: &[&str]) -> (Running, SocketAddr) {
    our_server(&folder.file("root"), &[&["--quiet"], options].concat())
}

/// Sends bytes and the end of the stream, and returns all that comes back.
fn answer_to(address: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let (mut stream, mut answer) = (connect(address), Vec::new());
    let _ = stream.write_all(bytes);
    let _ = stream.shutdown(Shutdown::Write);
    stream.read_to_end(&mut answer).unwrap();
    reset(stream);
    answer
}

/// The statuses of the responses in these bytes, which must be nothing but responses.
fn statuses(mut bytes: &[u8], methods: &[&str]) -> Vec<u16> {
    let mut statuses = Vec::new();
    while !bytes.is_empty() {
        let shown = String::from_utf8_lossy(bytes);
        let Ok(Parsed::Whole(head, length)) = ResponseHead::parse(bytes) else { panic!("no response: {shown:?}") };
        bytes = &bytes[length..];
        let method = methods.get(statuses.iter().filter(|status| **status >= 200).count()).unwrap_or(&"GET");
        let Ok(Body::Length(length)) = Body::of_response(method, &head) else { panic!("no length: {shown:?}") };
        bytes = bytes.get(length as usize..).unwrap_or_else(|| panic!("cut off: {shown:?}"));
        statuses.push(head.status);
    }
    statuses
}

fn still_serves(address: SocketAddr) {
    let answer = answer_to(address, b"GET /hello.txt HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    assert!(answer.ends_with(b"\r\n\r\nhello, world\n"), "{}", String::from_utf8_lossy(&answer));
}

const SENSIBLE: [&str; 9] = [
    "GET /hello.txt HTTP/1.1\r\nHost: localhost\r\nRange: bytes=0-4\r\n\r\n",
    "GET /sub HTTP/1.1\r\nHost: localhost:80\r\nIf-None-Match: \"a\", W/\"b\"\r\nConnection: keep-alive\r\n\r\n",
    "GET /sub/../../secret HTTP/1.1\r\nHost: [::1]:80\r\n\r\nGET /%2e%2e%2fsecret HTTP/1.0\r\n\r\n",
    "GET /up/secret HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /link HTTP/1.0\r\n\r\n",
    "GET http://a/app/query?page=1&name=da+vid%20%41 HTTP/1.1\r\nHost: a\r\n\r\n",
    "POST /app/echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Type: text/plain\r\n\r\nhello",
    "POST /app/echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n10\r\n0123456789abcdef\r\n0\r\nA: b\r\n\r\n",
    "POST /app/echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nhi",
    "OPTIONS * HTTP/1.1\r\nHost: a\r\nIf-Modified-Since: Wed, 01 Jan 2020 00:00:00 GMT\r\n\r\n",
];

/// Bytes that matter to somebody who reads a request.
const MORSELS: [&str; 20] = [
    "\r\n",
    "\n",
    "\r",
    " ",
    "\t",
    "\0",
    ":",
    "/",
    "..",
    "%",
    "%00",
    "%2f",
    "\r\n\r\n",
    "0\r\n\r\n",
    "chunked",
    "close",
    ",",
    "\"",
    "-1",
    "\u{ff}",
];

/// A request that was spoiled by chance: bytes changed, left out, doubled, brought in from elsewhere.
fn spoiled(dice: &mut Dice) -> Vec<u8> {
    let mut below = |limit: usize| (dice.roll() % limit as u64) as usize;
    let mut bytes = SENSIBLE[below(SENSIBLE.len())].as_bytes().to_vec();
    for _ in 0..=below(4) {
        let at = below(bytes.len());
        match below(6) {
            0 => bytes[at] = below(256) as u8,
            1 => bytes[at] ^= 1 << below(8),
            2 => drop(bytes.drain(at..(at + 1 + below(8)).min(bytes.len()))),
            3 => drop(bytes.splice(at..at, MORSELS[below(MORSELS.len())].bytes())),
            4 => bytes.extend_from_slice(SENSIBLE[below(SENSIBLE.len())].as_bytes()),
            _ => bytes = [&bytes[..at], &bytes[at / 2..]].concat(),
        }
        if bytes.is_empty() {
            return bytes;
        }
    }
    bytes
}

/// As many as the environment says: `MUTATIONS=100000`.
#[test]
fn spoiled_requests_are_answered_or_refused_and_reveal_nothing() {
    let mutations = env::var("MUTATIONS").ok().and_then(|text| text.parse().ok()).unwrap_or(20_000);
    let folder = folder("spoiled");
    let (server, address) = our_server_of(&folder, &[]);
    still_serves(address);
    let before = server.belongings_at_rest();
    thread::scope(|scope| {
        for seed in 1..=4 {
            scope.spawn(move || {
                let mut dice = Dice(seed);
                for _ in 0..mutations / 4 {
                    let bytes = spoiled(&mut dice);
                    let answer = answer_to(address, &bytes);
                    let (asked, answer) = (String::from_utf8_lossy(&bytes), String::from_utf8_lossy(&answer));
                    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 "), "{asked:?} was answered {answer:?}");
                    assert!(!answer.contains(SECRET), "{asked:?} was answered {answer:?}");
                }
            });
        }
    });
    server.comes_back_to(before);
    still_serves(address);
}

/// Fields and bodies that two programs might take to end at different places.
const AMBIGUOUS: [(&str, &str); 26] = [
    ("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
    ("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "0\r\n\r\n"),
    ("Transfer-Encoding: xchunked\r\n", "0\r\n\r\n"),
    ("Transfer-Encoding: \x0bchunked\r\n", "0\r\n\r\n"),
    ("Transfer-Encoding : chunked\r\n", "0\r\n\r\n"),
    ("Transfer-Encoding\r\n : chunked\r\n", "0\r\n\r\n"),
    ("Transfer-Encoding:\r\n chunked\r\n", "0\r\n\r\n"),
    ("A: b\rTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
    ("Transfer-Encoding: chunked, identity\r\n", "0\r\n\r\n"),
    ("Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
    ("Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n", "0\r\n\r\n"),
    ("Content-Length: 0\r\nContent-Length: 44\r\n", ""),
    ("Content-Length: 0, 44\r\n", ""),
    ("Content-Length: +0\r\n", ""),
    ("Content-Length: -0\r\n", ""),
    ("Content-Length: 0x0\r\n", ""),
    ("Content-Length : 0\r\n", ""),
    (" Content-Length: 0\r\n", ""),
    ("Transfer-Encoding: chunked\r\n", "0\n\n"),
    ("Transfer-Encoding: chunked\r\n", "0\r\n\n"),
    ("Transfer-Encoding: chunked\r\n", "0;\n\r\n"),
    ("Transfer-Encoding: chunked\r\n", "5\r\nhelloX0\r\n\r\n"),
    ("Transfer-Encoding: chunked\r\n", "-1\r\n0\r\n\r\n"),
    ("Transfer-Encoding: chunked\r\n", "10000000000000000\r\n0\r\n\r\n"),
    ("Transfer-Encoding: chunked\r\n", "0x0\r\n\r\n"),
    ("Transfer-Encoding: chunked\r\n", "0\r\nA b\r\n\r\n"),
];

/// What follows an ambiguous body must never be taken for a request.
#[test]
fn a_request_hidden_in_another_is_not_answered() {
    let folder = folder("smuggled");
    let (_server, address) = our_server_of(&folder, &[]);
    let hidden = "GET /hello.txt HTTP/1.1\r\nHost: a\r\n\r\n";
    for (fields, body) in AMBIGUOUS {
        let text = format!("POST /app/echo HTTP/1.1\r\nHost: a\r\n{fields}\r\n{body}{hidden}");
        let statuses = statuses(&answer_to(address, text.as_bytes()), &[]);
        assert!(matches!(statuses[..], [400 | 501]), "{text:?}: {statuses:?}");
    }
}

#[test]
fn a_request_within_a_body_is_a_part_of_it_and_one_behind_it_is_the_next() {
    let folder = folder("pipelined");
    let (_server, address) = our_server_of(&folder, &[]);
    let hidden = "GET /hello.txt HTTP/1.1\r\nHost: a\r\n\r\n";
    let in_a_body = format!("POST /app/echo HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{hidden}", hidden.len());
    assert_eq!(statuses(&answer_to(address, in_a_body.as_bytes()), &[]), [200]);
    let of_a_get = format!("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{hidden}{hidden}", hidden.len());
    assert_eq!(statuses(&answer_to(address, of_a_get.as_bytes()), &[]), [200, 200]);
    let http_1_0 = format!("GET / HTTP/1.0\r\n\r\n{hidden}");
    assert_eq!(statuses(&answer_to(address, http_1_0.as_bytes()), &[]), [200]);
    let head = format!("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n{hidden}");
    assert_eq!(statuses(&answer_to(address, head.as_bytes()), &["HEAD", "GET"]), [200, 200]);
}

/// The client says what is to come, and waits for what the server says to that.
/// What is left unread when a connection is closed makes the system reset it, and the end of the answer is lost.
#[test]
fn who_sends_more_than_the_last_request_gets_the_answer_all_the_same() {
    const SIZE: usize = 6 << 20;
    let folder = folder("more");
    fs::write(folder.file("root/large"), vec![b'x'; SIZE]).unwrap();
    let (_server, address) = our_server_of(&folder, &[]);
    let mut alice = connect(address);
    let request = "GET /large HTTP/1.1\r\nHost: a\r\nConnection: close\r\n";
    // As long as one read of the server.
    let filling = format!("X: {}\r\n\r\n", "x".repeat(1024 - request.len() - "X: \r\n\r\n".len()));
    alice.write_all(format!("{request}{filling}and more").as_bytes()).unwrap();
    let mut answer = Vec::new();
    alice.read_to_end(&mut answer).unwrap();
    assert!(answer.len() > SIZE, "{} bytes", answer.len());
}

#[test]
fn a_link_that_stays_inside_is_followed_also_when_it_is_absolute() {
    let folder = folder("absolute");
    let (_server, address) = our_server_of(&folder, &[]);
    for (path, status) in [("absolute", 200), ("link", 403), ("up/secret", 403)] {
        let answer = answer_to(address, format!("GET /{path} HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes());
        assert_eq!(statuses(&answer, &["GET"]), [status], "{path}");
    }
}

#[test]
fn a_body_that_is_only_announced_is_refused_at_once() {
    let folder = folder("announced");
    let (_server, address) = our_server_of(&folder, &["--timeout", "60"]);
    for (field, begun) in [("Content-Length: 1048577", ""), ("Transfer-Encoding: chunked", "100001\r\nhello")] {
        let (mut stream, mut answer) = (connect(address), Vec::new());
        write!(stream, "POST /app/echo HTTP/1.1\r\nHost: a\r\n{field}\r\n\r\n{begun}").unwrap();
        stream.read_to_end(&mut answer).unwrap();
        assert_eq!(statuses(&answer, &[]), [413], "{field}");
    }
}

#[test]
fn five_hundred_who_dawdle_keep_nobody_waiting() {
    let folder = folder("slowloris");
    let (server, address) = our_server_of(&folder, &["--timeout", "2"]);
    still_serves(address);
    let before = server.belongings_at_rest();
    let mut crowd: Vec<TcpStream> = (0..500).map(|_| connect(address)).collect();
    for stream in &mut crowd {
        stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nA: ").unwrap();
    }
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(1) {
        let moment = Instant::now();
        still_serves(address);
        assert!(moment.elapsed() < Duration::from_secs(1), "it took {:?}", moment.elapsed());
        crowd.iter_mut().for_each(|stream| drop(stream.write_all(b"b")));
    }
    for stream in &mut crowd {
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        assert!(answer.starts_with(b"HTTP/1.1 408 "), "{}", String::from_utf8_lossy(&answer));
    }
    drop(crowd);
    server.comes_back_to(before);
    still_serves(address);
}

#[test]
fn who_does_not_read_is_let_go() {
    let folder = folder("unread");
    fs::write(folder.file("root/large"), vec![0; 32 << 20]).unwrap();
    let (server, address) = our_server_of(&folder, &["--timeout", "1"]);
    still_serves(address);
    let before = server.belongings_at_rest();
    let mut crowd: Vec<TcpStream> = (0..50).map(|_| connect(address)).collect();
    for stream in &mut crowd {
        stream.write_all(b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    }
    still_serves(address);
    server.comes_back_to(before);
    drop(crowd);
}

#[test]
fn a_head_without_end_takes_no_memory() {
    let folder = folder("endless");
    let (server, address) = our_server_of(&folder, &[]);
    still_serves(address);
    let memory = server.usage().1;
    let mut stream = connect(address);
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n").unwrap();
    let fields = b"A: b\r\n".repeat(10_000);
    // Read and forgotten, or refused at some point: the answer is here, unless a reset has taken it away.
    let _ = (0..1 << 30).step_by(fields.len()).try_for_each(|_| stream.write_all(&fields));
    let mut answer = [0; 12];
    match stream.read_exact(&mut answer) {
        Ok(()) => assert_eq!(&answer, b"HTTP/1.1 431"),
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
    }
    let grown = server.usage().1.saturating_sub(memory);
    assert!(grown < 10 << 20, "{grown} bytes more");
    still_serves(address);
}

#[test]
fn who_breaks_off_leaves_nothing_behind() {
    let folder = folder("broken");
    fs::write(folder.file("root/large"), vec![0; 8 << 20]).unwrap();
    let (server, address) = our_server_of(&folder, &[]);
    still_serves(address);
    let before = server.belongings_at_rest();
    for number in 0..3000 {
        let mut mallory = connect(address);
        let sent: &[u8] = match number % 6 {
            0 => b"",
            1 => b"GET / HT",
            2 => b"POST /app/echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello",
            3 => b"POST /app/echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 10\r\n\r\n",
            4 => b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n",
            _ => b"GET / HTTP/1.1\r\n\r\n",
        };
        let _ = mallory.write_all(sent);
        if number % 2 == 0 {
            let _ = mallory.shutdown(Shutdown::Write);
        }
        reset(mallory);
        // A queue that overflows costs its next guest a second: now and then, wait until all are accepted.
        if number % 64 == 0 {
            still_serves(address);
        }
    }
    server.comes_back_to(before);
    still_serves(address);
}

#[test]
fn with_few_descriptors_some_wait_and_all_are_served() {
    let folder = folder("descriptors");
    let mut limited = Command::new("sh");
    limited.args(["-c", "ulimit -n 64; exec \"$@\"", "sh", env!("CARGO_BIN_EXE_http-server")]);
    limited.args(["--bind", "127.0.0.1:0", "--quiet", "--timeout", "3", "--root"]).arg(folder.file("root"));
    let (server, address) = serve(&mut limited);
    still_serves(address);
    let before = server.belongings_at_rest();
    let crowd: Vec<TcpStream> = (0..100).map(|_| connect(address)).collect();
    let (used, _) = server.usage();
    thread::sleep(Duration::from_secs(1));
    assert!(server.usage().0 - used < Duration::from_millis(300), "it spins");
    // They are let go after three seconds, and then it is our turn.
    still_serves(address);
    drop(crowd);
    thread::scope(|scope| {
        for _ in 0..100 {
            scope.spawn(|| still_serves(address));
        }
    });
    server.comes_back_to(before);
}

/// A name that is a folder at one moment and a way out at the next.
#[test]
fn a_symlink_that_comes_and_goes_is_no_way_out() {
    let folder = folder("race");
    fs::create_dir(folder.file("outside")).unwrap();
    fs::write(folder.file("outside/index.html"), SECRET).unwrap();
    symlink("../outside", folder.file("root/way-out")).unwrap();
    let (_server, address) = our_server_of(&folder, &[]);
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let [sub, out, aside] = ["root/sub", "root/way-out", "root/aside"].map(|name| folder.file(name));
            while !done.load(Ordering::Relaxed) {
                for (from, to) in [(&sub, &aside), (&out, &sub), (&sub, &out), (&aside, &sub)] {
                    fs::rename(from, to).unwrap();
                }
            }
        });
        let mut found = 0;
        for _ in 0..2000 {
            let answer = answer_to(address, b"GET /sub/index.html HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
            assert!(!String::from_utf8_lossy(&answer).contains(SECRET));
            found += usize::from(answer.starts_with(b"HTTP/1.1 200 "));
        }
        done.store(true, Ordering::Relaxed);
        assert!(found > 0, "the folder itself was never there");
    });
}
