//! Both programs against the few lines that a beginner writes in Python.

#[path = "../../plain.rs"]
mod plain;

use plain::{PATIENCE, line, port, start};

#[test]
fn our_server_prints_a_plain_clients_message() {
    let server = start(env!("CARGO_BIN_EXE_udp-message-server"), &["--bind", "127.0.0.1:0"]);
    let listening = line(&server);
    let code = "
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.sendto('Hello UDP!'.encode('utf-8'), ('127.0.0.1', int(sys.argv[1])))
s.close()
";
    let client = start("python3", &["-c", code, port(&listening)]);
    assert!(line(&server).starts_with("received \"Hello UDP!\" from 127.0.0.1:"));
    assert!(client.wait(PATIENCE).is_some_and(|status| status.success()));
}

#[test]
fn a_plain_server_prints_our_clients_message() {
    let code = "
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(('127.0.0.1', 0))
print(':%d' % s.getsockname()[1], flush=True)
while True:
    data, peer = s.recvfrom(1024)
    print(data.decode(), flush=True)
";
    let server = start("python3", &["-c", code]);
    let address = format!("127.0.0.1:{}", port(&line(&server)));
    let client = start(env!("CARGO_BIN_EXE_udp-message-client"), &["--connect", &address, "Hello UDP!", "我爱你"]);
    assert_eq!(line(&server), "Hello UDP!");
    assert_eq!(line(&server), "我爱你");
    assert_eq!(line(&client), format!("sent \"Hello UDP!\" to {address}"));
    assert_eq!(line(&client), format!("sent \"我爱你\" to {address}"));
    assert!(client.wait(PATIENCE).is_some_and(|status| status.success()));
}
