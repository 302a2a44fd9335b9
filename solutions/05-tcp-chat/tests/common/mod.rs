//! What the tests with other programs share: programs whose lines are waited for, and connections that break.

#![allow(dead_code, reason = "not every test uses all of it")]

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use socket2::SockRef;

/// How long anything may take.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A program that ends with the value, and must not have panicked then.
pub struct Running {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
    panic: Option<JoinHandle<Option<String>>>,
}

impl Running {
    pub fn start(command: &mut Command) -> Running {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (tell, lines) = channel();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        thread::spawn(move || stdout.lines().map_while(Result::ok).try_for_each(|line| tell.send(line)));
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let panic = thread::spawn(move || {
            // All of it is read, or the program would wait one day for somebody who does.
            stderr
                .lines()
                .map_while(Result::ok)
                .fold(None, |panic, line| if line.contains("panicked") { panic.or(Some(line)) } else { panic })
        });
        let stdin = child.stdin.take();
        Running { child, stdin, lines, panic: Some(panic) }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn types(&mut self, text: &str) {
        self.stdin.as_mut().unwrap().write_all(text.as_bytes()).unwrap();
    }

    pub fn ends_input(&mut self) {
        self.stdin = None;
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

    /// The same, once its guests are gone: when it has not changed for a while.
    #[cfg(target_os = "linux")]
    pub fn belongings_at_rest(&self) -> (usize, usize) {
        let (mut last, mut unchanged) = (self.belongings(), 0);
        while unchanged < 10 {
            thread::sleep(Duration::from_millis(20));
            let now = self.belongings();
            unchanged = if now == last { unchanged + 1 } else { 0 };
            last = now;
        }
        last
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
        let panic = self.panic.take().and_then(|reading| reading.join().ok()).flatten();
        assert!(panic.is_none() || thread::panicking(), "{panic:?}");
    }
}

/// A server that says where it listens.
pub fn serve(command: &mut Command) -> (Running, SocketAddr) {
    let server = Running::start(command);
    let first = server.next_line();
    (server, first.strip_prefix("listening on ").unwrap().parse().unwrap())
}

/// Where a program is that these tests need. Without it the test is left out, with a word on how to get it; where
/// `PEERS=required` is in the environment, it fails.
pub fn peer(program: &str, package: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&path).map(|folder| folder.join(program)).find(|path| path.is_file());
    if found.is_none() {
        leave_out(&format!("there is no `{program}` here: apt-get install {package}"));
    }
    found
}

/// Says why a test is left out, unless that is not allowed.
pub fn leave_out(why: &str) {
    assert!(env::var("PEERS").as_deref() != Ok("required"), "{why}");
    eprintln!("left out: {why}");
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
