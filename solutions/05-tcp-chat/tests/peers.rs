//! Our server with other people's clients, and our client with other people's servers.

#![cfg(unix)]

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use peers::{PATIENCE, Running, free_tcp_port, leave_out, peer, serve};

/// The `nc` of Debian's netcat-openbsd, with `-N`: at the end of its input it ends the stream, too.
fn nc() -> Option<PathBuf> {
    let nc = peer("nc", "netcat-openbsd")?;
    let help = Command::new(&nc).arg("-h").output().unwrap();
    if String::from_utf8_lossy(&help.stderr).contains("OpenBSD netcat") {
        return Some(nc);
    }
    leave_out("this `nc` is another one: apt-get install netcat-openbsd");
    None
}

fn our_server() -> (Running, SocketAddr) {
    serve(Command::new(env!("CARGO_BIN_EXE_tcp-chat-server")).args(["--bind", "127.0.0.1:0"]))
}

/// Somebody with `nc`, as client number so and so.
fn join(nc: &Path, server: &Running, address: SocketAddr, number: usize) -> Running {
    let arguments = ["-N".to_owned(), address.ip().to_string(), address.port().to_string()];
    let guest = Running::start(Command::new(nc).args(arguments));
    has_joined(server, number);
    guest
}

/// Somebody with telnet, as client number so and so.
fn join_by_telnet(telnet: &Path, server: &Running, address: SocketAddr, number: usize) -> Running {
    let arguments = [address.ip().to_string(), address.port().to_string()];
    let guest = Running::start(Command::new(telnet).args(arguments));
    guest.prints_at_last("Escape character is '^]'.");
    has_joined(server, number);
    guest
}

fn has_joined(server: &Running, number: usize) {
    let joined = server.next_line();
    assert!(joined.starts_with(&format!("client-{number} joined from 127.0.0.1:")), "{joined}");
}

#[test]
fn nc_is_a_client() {
    let Some(nc) = nc() else { return };
    let (mut server, address) = our_server();
    let mut alice = join(&nc, &server, address, 1);
    let mut bob = join(&nc, &server, address, 2);
    alice.prints("client-2 joined");
    alice.types("hi\n");
    server.prints("client-1: hi");
    bob.prints("client-1: hi");
    bob.types("我爱你\nand a last line");
    bob.ends_input();
    for line in ["client-2: 我爱你", "client-2: and a last line", "client-2 left"] {
        server.prints(line);
        alice.prints(line);
    }
    assert!(bob.ends().success());
    server.types("who is left?\n");
    alice.prints("server: who is left?");
    alice.types("exit\n");
    server.prints("client-1 left");
    // This `nc` goes on reading its input after the server has closed.
    alice.ends_input();
    assert!(alice.ends().success());
}

#[test]
fn nc_hears_the_end_of_the_server() {
    let Some(nc) = nc() else { return };
    let (mut server, address) = our_server();
    let mut alice = join(&nc, &server, address, 1);
    server.types("closing time\nexit\n");
    alice.prints("server: closing time");
    alice.ends_input();
    assert!(alice.ends().success());
    assert!(server.ends().success());
}

/// Telnet ends its lines with `\r\n` (RFC 854, page 11).
#[test]
fn telnet_is_a_client() {
    let (Some(telnet), Some(nc)) = (peer("telnet", "telnet"), nc()) else { return };
    let (mut server, address) = our_server();
    let mut alice = join_by_telnet(&telnet, &server, address, 1);
    let mut bob = join(&nc, &server, address, 2);
    alice.prints("client-2 joined");
    alice.types("hi\n");
    server.prints("client-1: hi");
    bob.prints("client-1: hi");
    bob.types("我爱你\n");
    server.prints("client-2: 我爱你");
    alice.prints("client-2: 我爱你");
    server.types("who is left?\n");
    alice.prints("server: who is left?");
    alice.types("exit\n");
    server.prints("client-1 left");
    alice.ends();
    bob.prints("server: who is left?");
    bob.prints("client-1 left");
}

#[test]
fn telnet_hears_the_end_of_the_server() {
    let Some(telnet) = peer("telnet", "telnet") else { return };
    let (mut server, address) = our_server();
    let mut alice = join_by_telnet(&telnet, &server, address, 1);
    server.types("closing time\nexit\n");
    alice.prints("server: closing time");
    alice.ends();
    assert!(server.ends().success());
}

#[test]
fn our_client_talks_with_nc_as_a_server() {
    let Some(nc) = nc() else { return };
    let port = free_tcp_port().to_string();
    let mut server = Running::start(Command::new(nc).args(["-N", "-l", "127.0.0.1", &port]));
    wait_until_taken(port.parse().unwrap());
    let mut client = Running::start(
        Command::new(env!("CARGO_BIN_EXE_tcp-chat-client")).args(["--connect", &format!("127.0.0.1:{port}")]),
    );
    client.types("hi\n");
    server.prints("hi");
    server.types("hello\n");
    client.prints("hello");
    server.ends_input();
    client.prints("connection closed by server");
    assert!(client.ends().success());
}

/// Waits until somebody listens there. Connecting to find out would be the only connection that `nc` takes.
fn wait_until_taken(port: u16) {
    let deadline = Instant::now() + PATIENCE;
    while TcpListener::bind(("127.0.0.1", port)).is_ok() {
        assert!(Instant::now() < deadline, "nobody listens on port {port}");
        thread::sleep(Duration::from_millis(20));
    }
}
