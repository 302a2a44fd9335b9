//! Both programs against the few lines that a beginner writes in Python.

#[path = "../../plain.rs"]
mod plain;

use plain::{PATIENCE, line, port, start};

const LINES: [&str; 3] = ["我爱你", "你爱我", "exit"];

#[test]
fn our_server_echoes_to_a_plain_client() {
    let server = start(env!("CARGO_BIN_EXE_udp-echo-server"), &["--bind", "127.0.0.1:0"]);
    let listening = line(&server);
    let code = "
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for text in sys.argv[2:]:
    s.sendto(text.encode('utf-8'), ('127.0.0.1', int(sys.argv[1])))
    print(s.recvfrom(1024)[0].decode('utf-8'), flush=True)
s.close()
";
    let client = start("python3", &[&["-c", code, port(&listening)], &LINES[..]].concat());
    for words in LINES {
        assert_eq!(line(&client), words);
        assert!(line(&server).ends_with(&format!(" sent {words:?}")));
    }
    assert!(client.wait(PATIENCE).is_some_and(|status| status.success()));
}

#[test]
fn a_plain_server_echoes_to_our_client() {
    let code = "
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(('127.0.0.1', 0))
print(':%d' % s.getsockname()[1], flush=True)
while True:
    data, peer = s.recvfrom(1024)
    s.sendto(data, peer)
";
    let server = start("python3", &["-c", code]);
    let address = format!("127.0.0.1:{}", port(&line(&server)));
    let client = start(env!("CARGO_BIN_EXE_udp-echo-client"), &["--connect", &address]);
    client.write(format!("{}\n", LINES.join("\n")).as_bytes());
    for words in LINES {
        assert_eq!(line(&client), format!("echo {words:?}"));
    }
    assert!(client.wait(PATIENCE).is_some_and(|status| status.success()));
}
