//! Both programs against the few lines that a beginner writes in Python.

use std::process::Command;

use peers::{Running, peer, port};

const LINES: [&str; 3] = ["我爱你", "你爱我", "exit"];

#[test]
fn our_server_echoes_to_a_plain_client() {
    let Some(python) = python() else { return };
    let server = start(env!("CARGO_BIN_EXE_udp-echo-server"), &["--bind", "127.0.0.1:0"]);
    let listening = server.next_line();
    let code = "
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for text in sys.argv[2:]:
    s.sendto(text.encode('utf-8'), ('127.0.0.1', int(sys.argv[1])))
    print(s.recvfrom(1024)[0].decode('utf-8'), flush=True)
s.close()
";
    let mut client = start(&python, &[&["-c", code, port(&listening)], &LINES[..]].concat());
    for words in LINES {
        assert_eq!(client.next_line(), words);
        assert!(server.next_line().ends_with(&format!(" sent {words:?}")));
    }
    assert!(client.ends().success());
}

#[test]
fn a_plain_server_echoes_to_our_client() {
    let Some(python) = python() else { return };
    let code = "
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(('127.0.0.1', 0))
print(':%d' % s.getsockname()[1], flush=True)
while True:
    data, peer = s.recvfrom(1024)
    s.sendto(data, peer)
";
    let server = start(&python, &["-c", code]);
    let address = format!("127.0.0.1:{}", port(&server.next_line()));
    let mut client = start(env!("CARGO_BIN_EXE_udp-echo-client"), &["--connect", &address]);
    client.types(&format!("{}\n", LINES.join("\n")));
    for words in LINES {
        assert_eq!(client.next_line(), format!("echo {words:?}"));
    }
    assert!(client.ends().success());
}

fn python() -> Option<String> {
    peer("python3", "python3").map(|path| path.to_string_lossy().into_owned())
}

fn start(program: &str, arguments: &[&str]) -> Running {
    Running::start(Command::new(program).args(arguments))
}
