//! What the solutions' tests with other programs share: a program that runs and is looked at, a program that may be
//! missing, a folder, connections that break, random bytes that are the same each time.
//!
//! Everything here panics where a test would: it is for tests alone.

mod folder;
mod running;

use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::PathBuf;
use std::time::{Duration, Instant};
use std::{env, thread};

use socket2::{Domain, SockRef, Socket, Type};

pub use folder::Folder;
pub use running::{Running, serve};

/// How long anything may take.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Where a program is that a test needs. Without it the test is left out, with a word on how to get it; where
/// `PEERS=required` is in the environment, it fails.
pub fn peer(program: &str, package: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = env::split_paths(&path).chain(["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from));
    let found = folders.map(|folder| folder.join(program)).find(|path| path.is_file());
    if found.is_none() {
        leave_out(&format!("there is no `{program}` here: apt-get install {package}"));
    }
    found
}

/// Says why a test is left out; or fails, where none may be.
pub fn leave_out(why: &str) {
    assert!(env::var("PEERS").as_deref() != Ok("required"), "{why}");
    eprintln!("left out: {why}");
}

/// A TCP port that nobody has just now.
pub fn free_tcp_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A UDP port that nobody has just now.
pub fn free_udp_port() -> u16 {
    UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// The port at the end of a line.
pub fn port(line: &str) -> &str {
    line.rsplit(':').next().expect("a line with a port")
}

/// Waits until somebody has the UDP address.
pub fn wait_until_taken(address: SocketAddr) {
    eventually(&format!("somebody receives at {address}"), || UdpSocket::bind(address).is_err());
}

/// Waits until something is so.
pub fn eventually(what: &str, is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "in vain: {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// A connection on which no read waits longer than the patience.
pub fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// A connection for which the system keeps little that is not read yet.
pub fn connect_with_little_room(address: SocketAddr) -> TcpStream {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None).unwrap();
    // Only before it connects: what the other side may send is agreed on then.
    socket.set_recv_buffer_size(4096).unwrap();
    socket.connect(&address.into()).unwrap();
    socket.into()
}

/// Breaks a connection off: the other side is sent RST.
pub fn reset(stream: TcpStream) {
    SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
}

/// Random numbers from a seed (xorshift64*): the same ones each time.
pub struct Dice(pub u64);

impl Dice {
    /// The next one.
    pub fn roll(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 8
    }

    /// From 0 to less than `limit`.
    pub fn below(&mut self, limit: usize) -> usize {
        (self.roll() % limit as u64) as usize
    }

    /// Random bytes.
    pub fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.roll() as u8).collect()
    }
}
