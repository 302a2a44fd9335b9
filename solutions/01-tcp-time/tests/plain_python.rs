//! Both programs against the few lines that a beginner writes in Python.

#[path = "../../plain.rs"]
mod plain;

use plain::{PATIENCE, line, port, start};

#[test]
fn a_plain_client_reads_our_time() {
    let server = start(env!("CARGO_BIN_EXE_tcp-time-server"), &["--bind", "127.0.0.1:0"]);
    let listening = line(&server);
    let code = "
import socket, sys
s = socket.socket()
s.connect(('127.0.0.1', int(sys.argv[1])))
print(s.recv(1024).decode(), flush=True)
s.close()
";
    let client = start("python3", &["-c", code, port(&listening)]);
    assert!(line(&client).starts_with("Current time is 2"));
    assert!(line(&server).ends_with(" connected"));
    assert!(line(&server).starts_with("sent \"Current time is 2"));
}

#[test]
fn our_client_reads_a_plain_servers_time() {
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
    let server = start("python3", &["-c", code]);
    let listening = line(&server);
    let client =
        start(env!("CARGO_BIN_EXE_tcp-time-client"), &["--connect", &format!("localhost:{}", port(&listening))]);
    assert_eq!(line(&client), format!("connected to 127.0.0.1:{}", port(&listening)));
    assert!(line(&client).starts_with("received \"Current time is 2"));
    assert!(client.wait(PATIENCE).is_some_and(|status| status.success()));
}
