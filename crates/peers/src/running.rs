//! A program that runs beside a test: its lines, its input, what it has, and how it ends.

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::PATIENCE;

/// The end of what a program says on stderr is kept, up to this many bytes.
const KEPT: usize = 64 << 10;

/// A program that ends with the value, and must not have panicked then.
pub struct Running {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
    stderr: Option<JoinHandle<String>>,
}

impl Running {
    /// Starts it. Whatever it prints is read, or it would wait one day for somebody who does.
    pub fn start(command: &mut Command) -> Running {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (tell, lines) = channel();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                let _ = tell.send(line);
            }
        });
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let stderr = thread::spawn(move || stderr.lines().map_while(Result::ok).fold(String::new(), keep));
        let stdin = child.stdin.take();
        Running { child, stdin, lines, stderr: Some(stderr) }
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Writes to its standard input.
    pub fn types(&mut self, text: &str) {
        self.stdin.as_mut().unwrap().write_all(text.as_bytes()).unwrap();
    }

    /// Closes its standard input.
    pub fn ends_input(&mut self) {
        self.stdin = None;
    }

    /// The next line on its stdout.
    pub fn next_line(&self) -> String {
        self.lines.recv_timeout(PATIENCE).expect("a line")
    }

    /// The next line must be this.
    pub fn prints(&self, due: &str) {
        assert_eq!(self.next_line(), due);
    }

    /// Waits for a line that ends like this; others may come before it.
    pub fn prints_at_last(&self, end: &str) {
        let deadline = Instant::now() + PATIENCE;
        while !self.next_line().ends_with(end) {
            assert!(Instant::now() < deadline, "much, but not `{end}`");
        }
    }

    /// Whether it has ended.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Waits for its end.
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

    /// Waits for its end, and returns its exit code, if no signal ended it, with what it said on stderr.
    pub fn last_words(&mut self) -> (Option<i32>, String) {
        let code = self.ends().code();
        (code, self.stderr.take().unwrap().join().unwrap())
    }

    /// Kills it.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What Linux knows of it.
#[cfg(target_os = "linux")]
impl Running {
    /// How many threads and descriptors it has.
    pub fn belongings(&self) -> (usize, usize) {
        let count = |what| std::fs::read_dir(format!("/proc/{}/{what}", self.id())).unwrap().count();
        (count("task"), count("fd"))
    }

    /// The same, once its guests are gone: when it has not changed for a while.
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
    pub fn comes_back_to(&self, before: (usize, usize)) {
        let deadline = Instant::now() + PATIENCE;
        while self.belongings() != before {
            assert!(Instant::now() < deadline, "{:?} threads and descriptors, {before:?} before", self.belongings());
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// How much processor time it has used, and its memory in bytes.
    pub fn usage(&self) -> (Duration, u64) {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.id())).unwrap();
        let fields: Vec<u64> =
            stat.rsplit(") ").next().unwrap().split(' ').map(|field| field.trim().parse().unwrap_or(0)).collect();
        // Ticks of 10 ms, and pages of 4 KiB, on every Linux that a test is likely to meet.
        (Duration::from_millis(10 * (fields[11] + fields[12])), 4096 * fields[21])
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
        let words = self.stderr.take().and_then(|reading| reading.join().ok()).unwrap_or_default();
        assert!(!words.contains("panicked") || thread::panicking(), "{words}");
    }
}

/// Keeps a line, and forgets the first ones when there are too many; never one that tells of a panic.
fn keep(mut kept: String, line: String) -> String {
    if kept.len() + line.len() > KEPT && !kept.contains("panicked") {
        kept.clear();
    }
    if kept.len() <= KEPT {
        kept = kept + &line + "\n";
    }
    kept
}

/// A server that says where it listens.
pub fn serve(command: &mut Command) -> (Running, SocketAddr) {
    let server = Running::start(command);
    let first = server.next_line();
    (server, first.strip_prefix("listening on ").unwrap().parse().unwrap())
}
