//! Our server with other people's clients, and our client with other people's servers.

#![cfg(unix)]

mod common;

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};

use common::{SIZES, content, our_client, our_server};
use peers::{Folder, Running, free_udp_port, leave_out, peer, wait_until_taken};

/// Text with every kind of line end.
const TEXT: &[u8] = b"one\ntwo\r\nthree\rfour\n\n\r\r\nend";

/// Files of all sizes, and text, in a folder.
fn files(folder: &Folder) {
    for size in SIZES {
        fs::write(folder.file(&format!("f{size}")), content(size)).unwrap();
    }
    fs::write(folder.file("text"), TEXT).unwrap();
}

fn succeeds(command: &mut Command) {
    let output = command.output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?} failed: {stderr}{}", String::from_utf8_lossy(&output.stdout));
}

fn same(one: &Path, other: &Path) {
    let (one_bytes, other_bytes) = (fs::read(one), fs::read(other));
    let (one_bytes, other_bytes) = (one_bytes.unwrap_or_default(), other_bytes.unwrap_or_default());
    assert_eq!(one_bytes.len(), other_bytes.len(), "{} and {}", one.display(), other.display());
    assert!(one_bytes == other_bytes, "{} and {} differ", one.display(), other.display());
}

#[test]
fn curl_gets_and_puts() {
    let Some(curl) = peer("curl", "curl") else { return };
    let (root, here) = (Folder::new("curl-root"), Folder::new("curl-here"));
    files(&root);
    files(&here);
    let (_server, address) = our_server(root.path(), &[]);
    for size in SIZES {
        for (block_size, more) in
            [("512", &[][..]), ("1428", &["--tftp-blksize", "1428"]), ("8", &["--tftp-no-options"])]
        {
            let (name, up) = (format!("f{size}"), format!("up-{size}-{block_size}"));
            let url = |name: &str| format!("tftp://{address}/{name}");
            // Of an empty file, some versions of curl make no file, and others an error.
            if size > 0 {
                succeeds(Command::new(&curl).args(["-sS", "-o"]).arg(here.file("down")).args(more).arg(url(&name)));
                same(&here.file("down"), &root.file(&name));
            }
            succeeds(Command::new(&curl).args(["-sS", "-T"]).arg(here.file(&name)).args(more).arg(url(&up)));
            same(&root.file(&up), &here.file(&name));
        }
    }
    let missing = Command::new(&curl).args(["-sS", &format!("tftp://{address}/missing")]).output().unwrap();
    assert_eq!(missing.status.code(), Some(68), "curl's word for: no such file on the TFTP server");
}

#[test]
fn atftp_gets_and_puts() {
    let Some(atftp) = peer("atftp", "atftp") else { return };
    let (root, here) = (Folder::new("atftp-root"), Folder::new("atftp-here"));
    files(&root);
    files(&here);
    let (_server, address) = our_server(root.path(), &[]);
    let port = address.port().to_string();
    for size in SIZES {
        let options =
            [&[][..], &["blksize 1428"], &["blksize 1428", "windowsize 16"], &["windowsize 4", "tsize 0", "timeout 2"]];
        for (number, options) in options.into_iter().enumerate() {
            let (name, up, down) = (format!("f{size}"), format!("up-{size}-{number}"), format!("down-{size}-{number}"));
            let atftp = || {
                let mut command = Command::new(&atftp);
                command.args(options.iter().flat_map(|option| ["--option", option]));
                command.current_dir(here.path()).stdin(Stdio::null());
                command
            };
            succeeds(atftp().args(["--get", "-r", &name, "-l", &down, "127.0.0.1", &port]));
            same(&here.file(&down), &root.file(&name));
            succeeds(atftp().args(["--put", "-l", &name, "-r", &up, "127.0.0.1", &port]));
            same(&root.file(&up), &here.file(&name));
        }
    }
}

#[test]
fn the_tftp_of_hpa_gets_and_puts() {
    let Some(tftp) = peer("tftp", "tftp-hpa") else { return };
    let (root, here) = (Folder::new("hpa-root"), Folder::new("hpa-here"));
    files(&root);
    files(&here);
    let (_server, address) = our_server(root.path(), &[]);
    let port = address.port().to_string();
    let tftp = |mode: &str, words: [&str; 3]| {
        let mut command = Command::new(&tftp);
        command.args(["-m", mode, "127.0.0.1", &port, "-c"]).args(words).current_dir(here.path()).stdin(Stdio::null());
        succeeds(&mut command);
    };
    for size in SIZES {
        let (name, up, down) = (format!("f{size}"), format!("up-{size}"), format!("down-{size}"));
        tftp("octet", ["get", &name, &down]);
        same(&here.file(&down), &root.file(&name));
        tftp("octet", ["put", &name, &up]);
        same(&root.file(&up), &here.file(&name));
    }
    tftp("netascii", ["get", "text", "down-text"]);
    same(&here.file("down-text"), &root.file("text"));
    tftp("netascii", ["put", "text", "up-text"]);
    same(&root.file("up-text"), &here.file("text"));
}

/// Our client with a server: every size both ways, without options and with those that the server knows.
fn gets_and_puts(server: SocketAddr, root: &Folder, options: &[&[&str]], puts: bool, text: bool) {
    let here = Folder::new(&format!("here-{}", server.port()));
    let ours = |arguments: &[&str]| {
        let output = our_client(server, here.path(), arguments);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    };
    for size in SIZES {
        for (number, options) in options.iter().enumerate() {
            let (name, up) = (format!("f{size}"), format!("up-{size}-{number}"));
            ours(&[&["get", &name], *options].concat());
            same(&here.file(&name), &root.file(&name));
            if puts {
                ours(&[&["put", &name, &up], *options].concat());
                soon_same(&root.file(&up), &here.file(&name));
            }
        }
    }
    if text {
        ours(&["get", "text", "--mode", "netascii"]);
        same(&here.file("text"), &root.file("text"));
        ours(&["put", "text", "up-text", "--mode", "netascii"]);
        soon_same(&root.file("up-text"), &here.file("text"));
    }
    let refused = our_client(server, here.path(), &["get", "missing"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(!here.names().contains(&"missing".to_owned()));
}

/// Not every server has written all when it acknowledges the last block.
fn soon_same(one: &Path, other: &Path) {
    for _ in 0..100 {
        if fs::read(one).unwrap_or_default() == fs::read(other).unwrap() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    same(one, other);
}

const WITH_BLKSIZE: [&[&str]; 3] = [&[], &["--blksize", "1428"], &["--blksize", "65464"]];

#[test]
fn our_client_with_in_tftpd() {
    let Some(program) = peer("in.tftpd", "tftpd-hpa") else { return };
    if !is_root() {
        return leave_out("in.tftpd must be started by root");
    }
    let root = Folder::new("in-tftpd");
    files(&root);
    let address = SocketAddr::from(([127, 0, 0, 1], free_udp_port()));
    let mut command = Command::new(program);
    command.args(["-L", "-c", "-p", "-u", "root", "-a", &address.to_string(), "-s"]).arg(root.path());
    let _server = Running::start(&mut command);
    wait_until_taken(address);
    gets_and_puts(address, &root, &WITH_BLKSIZE, true, true);
}

#[test]
fn our_client_with_atftpd() {
    let how = "atftpd (where tftpd-hpa is in its way: apt-get download atftpd, dpkg -x atftpd_*.deb DIR, and DIR/usr/sbin into PATH)";
    let Some(program) = peer("atftpd", how) else { return };
    let root = Folder::new("atftpd");
    files(&root);
    let address = SocketAddr::from(([127, 0, 0, 1], free_udp_port()));
    let mut command = Command::new(program);
    command.args(["--daemon", "--no-fork", "--logfile", "/dev/null", "--bind-address", "127.0.0.1", "--port"]);
    command.arg(address.port().to_string());
    if is_root() {
        command.args(["--user", "root", "--group", "root"]);
    }
    let _server = Running::start(command.arg(root.path()));
    wait_until_taken(address);
    let windows: [&[&str]; 2] = [&["--windowsize", "8"], &["--blksize", "1428", "--windowsize", "16"]];
    let options = [&WITH_BLKSIZE[..2], &windows].concat();
    gets_and_puts(address, &root, &options, true, false);
}

#[test]
fn our_client_with_dnsmasq() {
    let Some(program) = peer("dnsmasq", "dnsmasq-base") else { return };
    if !is_root() {
        return leave_out("dnsmasq serves TFTP on port 69 only, which is root's");
    }
    let root = Folder::new("dnsmasq");
    files(&root);
    // Port 69 of a loopback address that nobody else uses.
    let address = SocketAddr::from(([127, 69, 69, 69], 69));
    if std::net::UdpSocket::bind(address).is_err() {
        return leave_out("somebody has port 69 of 127.69.69.69");
    }
    let mut command = Command::new(program);
    command.args([
        "--no-daemon",
        "--conf-file=/dev/null",
        "--port=0",
        "--enable-tftp",
        "--bind-interfaces",
        "--user=root",
    ]);
    command.args(["--listen-address=127.69.69.69", &format!("--tftp-root={}", root.path().display())]);
    let _server = Running::start(&mut command);
    wait_until_taken(address);
    gets_and_puts(address, &root, &[&[], &["--blksize", "1428"]], false, false);
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output();
    id.is_ok_and(|output| output.stdout == b"0\n")
}
