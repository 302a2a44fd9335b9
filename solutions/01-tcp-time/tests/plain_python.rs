//! Both programs against the few lines that a beginner writes in Python.

use std::process::Command;

use peers::{Running, peer, port};

#[test]
fn a_plain_client_reads_our_time() {
    let Some(python) = python() else { return };
    let server = start(env!("CARGO_BIN_EXE_tcp-time-server"), &["--bind", "127.0.0.1:0"]);
    let listening = server.next_line();
    let code = "
import socket, sys
s = socket.socket()
s.connect(('127.0.0.1', int(sys.argv[1])))
print(s.recv(1024).decode(), flush=True)
s.close()
";
    let client = start(&python, &["-c", code, port(&listening)]);
    assert!(client.next_line().starts_with("Current time is 2"));
    assert!(server.next_line().ends_with(" connected"));
    assert!(server.next_line().starts_with("sent \"Current time is 2"));
}

#[test]
fn our_client_reads_a_plain_servers_time() {
    let Some(python) = python() else { return };
    let code = "
import datetime, socket
s = socket.socket()
s.bind(('127.0.0.1', 0))
s.listen(1)
print(':%d' % s.getsockname()[1], flush=True)
connection, peer = s.accept()
connection.send(('Current time is ' + str(datetime.datetime.now())).encode())
connection.close()
";
    let server = start(&python, &["-c", code]);
    let listening = server.next_line();
    let mut client =
        start(env!("CARGO_BIN_EXE_tcp-time-client"), &["--connect", &format!("localhost:{}", port(&listening))]);
    assert_eq!(client.next_line(), format!("connected to 127.0.0.1:{}", port(&listening)));
    assert!(client.next_line().starts_with("received \"Current time is 2"));
    assert!(client.ends().success());
}

fn python() -> Option<String> {
    peer("python3", "python3").map(|path| path.to_string_lossy().into_owned())
}

fn start(program: &str, arguments: &[&str]) -> Running {
    Running::start(Command::new(program).args(arguments))
}
