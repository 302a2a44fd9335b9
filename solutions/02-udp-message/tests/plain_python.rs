//! Both programs against the few lines that a beginner writes in Python.

use std::process::Command;

use peers::{Running, peer, port};

#[test]
fn our_server_prints_a_plain_clients_message() {
    let Some(python) = python() else { return };
    let server = start(env!("CARGO_BIN_EXE_udp-message-server"), &["--bind", "127.0.0.1:0"]);
    let listening = server.next_line();
    let code = "
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.sendto('Hello UDP!'.encode('utf-8'), ('127.0.0.1', int(sys.argv[1])))
s.close()
";
    let mut client = start(&python, &["-c", code, port(&listening)]);
    assert!(server.next_line().starts_with("received \"Hello UDP!\" from 127.0.0.1:"));
    assert!(client.ends().success());
}

#[test]
fn a_plain_server_prints_our_clients_message() {
    let Some(python) = python() else { return };
    let code = "
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(('127.0.0.1', 0))
print(':%d' % s.getsockname()[1], flush=True)
while True:
    data, peer = s.recvfrom(1024)
    print(data.decode(), flush=True)
";
    let server = start(&python, &["-c", code]);
    let address = format!("127.0.0.1:{}", port(&server.next_line()));
    let mut client = start(env!("CARGO_BIN_EXE_udp-message-client"), &["--connect", &address, "Hello UDP!", "我爱你"]);
    assert_eq!(server.next_line(), "Hello UDP!");
    assert_eq!(server.next_line(), "我爱你");
    assert_eq!(client.next_line(), format!("sent \"Hello UDP!\" to {address}"));
    assert_eq!(client.next_line(), format!("sent \"我爱你\" to {address}"));
    assert!(client.ends().success());
}

fn python() -> Option<String> {
    peer("python3", "python3").map(|path| path.to_string_lossy().into_owned())
}

fn start(program: &str, arguments: &[&str]) -> Running {
    Running::start(Command::new(program).args(arguments))
}
