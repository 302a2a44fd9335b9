//! What the tests with other programs share: programs whose lines are waited for, folders, connections that break.

#![allow(dead_code, reason = "not every test uses all of it")]

use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use socket2::SockRef;

/// How long anything may take.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A program that ends with the value.
pub struct Running {
    child: Child,
    lines: Receiver<String>,
}

impl Running {
    pub fn start(command: &mut Command) -> Running {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (tell, lines) = channel();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        thread::spawn(move || stdout.lines().map_while(Result::ok).try_for_each(|line| tell.send(line)));
        let stderr = BufReader::new(child.stderr.take().unwrap());
        thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                assert!(!line.contains("panicked"), "{line}");
            }
        });
        Running { child, lines }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn next_line(&self) -> String {
        self.lines.recv_timeout(PATIENCE).expect("a line")
    }

    pub fn prints(&self, due: &str) {
        assert_eq!(self.next_line(), due);
    }

    /// Waits for a line that ends like this; others may come before it.
    pub fn prints_at_last(&self, end: &str) {
        while !self.next_line().ends_with(end) {}
    }

    pub fn ends(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "it does not end");
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// How many threads and descriptors it has.
    #[cfg(target_os = "linux")]
    pub fn belongings(&self) -> (usize, usize) {
        let count = |what| fs::read_dir(format!("/proc/{}/{what}", self.id())).unwrap().count();
        (count("task"), count("fd"))
    }

    /// Waits until it has as many threads and descriptors as it had before.
    #[cfg(target_os = "linux")]
    pub fn comes_back_to(&self, before: (usize, usize)) {
        let deadline = Instant::now() + PATIENCE;
        while self.belongings() != before {
            assert!(Instant::now() < deadline, "{:?} threads and descriptors, {before:?} before", self.belongings());
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// How much processor time it has used, and its memory in bytes.
    #[cfg(target_os = "linux")]
    pub fn usage(&self) -> (Duration, u64) {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.id())).unwrap();
        let fields: Vec<u64> =
            stat.rsplit(") ").next().unwrap().split(' ').map(|field| field.trim().parse().unwrap_or(0)).collect();
        // Ticks of 10 ms, and pages of 4 KiB, on every Linux that a test is likely to meet.
        (Duration::from_millis(10 * (fields[11] + fields[12])), 4096 * fields[21])
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A server that says where it listens.
pub fn serve(command: &mut Command) -> (Running, SocketAddr) {
    let server = Running::start(command);
    let first = server.next_line();
    (server, first.strip_prefix("listening on ").unwrap().parse().unwrap())
}

/// Our server of a folder.
pub fn our_server(root: &Path, options: &[&str]) -> (Running, SocketAddr) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_http-server"));
    serve(command.args(["--bind", "127.0.0.1:0", "--root"]).arg(root).args(options))
}

/// An empty folder that goes with the value.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new(name: &str) -> Folder {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Where a program is that these tests need. Without it the test is left out, with a word on how to get it; where
/// `PEERS=required` is in the environment, it fails.
pub fn peer(program: &str, package: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&path).map(|folder| folder.join(program)).find(|path| path.is_file());
    if found.is_none() {
        let why = format!("there is no `{program}` here: apt-get install {package}");
        assert!(env::var("PEERS").as_deref() != Ok("required"), "{why}");
        eprintln!("left out: {why}");
    }
    found
}

/// A TCP port that nobody has just now.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Breaks a connection off: the other side is sent RST.
pub fn reset(stream: TcpStream) {
    SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
}

/// Random bytes from a seed (xorshift64*): the same ones each time.
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 8
    }

    pub fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.roll() as u8).collect()
    }
}
