//! What the client makes of its arguments, and of answers without a body.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::{Command, Output};
use std::thread;

use peers::Folder;

/// Runs the client against a server that answers once; returns what the client did, and what it had asked.
fn asked(arguments: &[&str], answer: &'static str) -> (Output, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/a", listener.local_addr().unwrap());
    let answering = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(answer.as_bytes()).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut request = String::new();
        stream.read_to_string(&mut request).unwrap();
        request
    });
    let output = Command::new(env!("CARGO_BIN_EXE_http-client")).args(arguments).arg(url).output().unwrap();
    (output, answering.join().unwrap())
}

#[test]
fn what_is_not_modified_leaves_the_file_alone() {
    let folder = Folder::new("not-modified");
    let file = folder.file("page");
    fs::write(&file, "mine").unwrap();
    let (output, _) = asked(&["-o", file.to_str().unwrap()], "HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\n\r\n");
    assert!(output.status.success());
    assert_eq!(fs::read(&file).unwrap(), b"mine");
}

#[test]
fn data_may_begin_with_a_hyphen() {
    let (output, request) = asked(&["-d", "-5"], "HTTP/1.1 204 No Content\r\n\r\n");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(request.starts_with("POST /a ") && request.ends_with("\r\n\r\n-5"), "{request}");
}
