//! What the tests with other programs share: folders, servers that end with the test, programs that may be missing.

#![allow(dead_code, reason = "not every test uses all of it")]

use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

/// How long anything may take.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// An empty folder that goes with the value.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new(name: &str) -> Folder {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        // Some servers give up their rights before they write.
        #[cfg(unix)]
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
        Folder(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.0).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A program that ends with the value.
pub struct Running(pub Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Our server, and where it listens. Its lines are read and thrown away.
pub fn our_server(root: &Path, more: &[&str]) -> (Running, SocketAddr) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tftp-server"));
    command.args(["--bind", "127.0.0.1:0", "--root"]).arg(root).args(more);
    serve(command)
}

/// A server that says where it listens.
pub fn serve(mut command: Command) -> (Running, SocketAddr) {
    let mut server = Running(command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap());
    let mut lines = BufReader::new(server.0.stdout.take().unwrap()).lines();
    let first = lines.next().unwrap().unwrap();
    thread::spawn(move || lines.for_each(drop));
    let address = first.strip_prefix("listening on ").unwrap().parse().unwrap();
    (server, address)
}

/// Our client, to its end.
pub fn our_client(server: SocketAddr, here: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tftp-client"));
    command.arg("--connect").arg(server.to_string()).args(arguments).current_dir(here);
    command.output().unwrap()
}

/// Where a program is that these tests need. Without it the test is left out, with a word on how to get it; where
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

/// A UDP port that nobody has just now.
pub fn free_port() -> u16 {
    UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Waits until somebody has the address.
pub fn wait_until_taken(address: SocketAddr) {
    let deadline = Instant::now() + PATIENCE;
    while UdpSocket::bind(address).is_ok() {
        assert!(Instant::now() < deadline, "nobody listens on {address}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// `length` bytes of which no two blocks are equal.
pub fn content(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at % 251) as u8 ^ (at / 256 % 256) as u8).collect()
}

/// The sizes at which things go wrong.
pub const SIZES: [usize; 6] = [0, 1, 511, 512, 513, 1 << 20];

/// Random numbers from a seed (xorshift64*): the same ones each time.
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 8
    }

    pub fn below(&mut self, limit: usize) -> usize {
        (self.roll() % limit as u64) as usize
    }
}
