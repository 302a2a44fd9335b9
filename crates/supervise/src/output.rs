//! What a program prints: read as it comes, kept in bounds.

use std::collections::VecDeque;
use std::io::Read;
use std::process::{ChildStderr, ChildStdout};

/// How many bytes of stdout may wait for somebody who wants them before the rest is left unread. A chapter's longest
/// transcript is far shorter.
pub const STDOUT_LIMIT: usize = 8 << 20;

/// How long a line without an end may become. The longest datagram with every byte escaped has a third of it.
const LINE_LIMIT: usize = 1 << 20;

/// How much of stderr is kept.
const STDERR_KEPT: usize = 256 << 10;

/// What came of waiting for a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// A line, without its newline.
    Text(String),
    /// The program ended, or closed its stdout, in the middle of a line.
    Unfinished(String),
    /// The program ended, or closed its stdout; there are no more lines.
    Closed,
    /// It printed more than anybody reads, or a line without an end.
    TooMuch,
    /// Nothing came in time. What has come of a line so far stays where it is.
    Silence,
}

/// The output of one program so far.
#[derive(Debug, Default)]
pub(crate) struct Output {
    lines: VecDeque<String>,
    unfinished: Vec<u8>,
    /// How many bytes wait here.
    waiting: usize,
    has_printed: bool,
    stdout_ended: bool,
    too_much: bool,
    /// A pipe that is not read any more, but not closed either: the program would take that for an error of its own.
    unread: Option<ChildStdout>,
    stderr: VecDeque<u8>,
    stderr_ended: bool,
}

impl Output {
    /// The next line, or why there is none and never will be; `None` while one may still come.
    pub(crate) fn take_line(&mut self) -> Option<Line> {
        if let Some(line) = self.lines.pop_front() {
            self.waiting -= line.len().min(self.waiting);
            return Some(Line::Text(line));
        }
        if self.too_much {
            return Some(Line::TooMuch);
        }
        if !self.stdout_ended {
            return None;
        }
        if self.unfinished.is_empty() {
            return Some(Line::Closed);
        }
        let line = String::from_utf8_lossy(&std::mem::take(&mut self.unfinished)).into_owned();
        Some(Line::Unfinished(line))
    }

    /// Takes the first line that `wanted` accepts out of the lines.
    pub(crate) fn take_matching(&mut self, mut wanted: impl FnMut(&str) -> bool) -> Option<String> {
        let at = self.lines.iter().position(|line| wanted(line))?;
        let line = self.lines.remove(at)?;
        self.waiting -= line.len().min(self.waiting);
        Some(line)
    }

    pub(crate) fn has_printed(&self) -> bool {
        self.has_printed
    }

    pub(crate) fn too_much(&self) -> bool {
        self.too_much
    }

    pub(crate) fn stdout_ended(&self) -> bool {
        self.stdout_ended || self.too_much
    }

    pub(crate) fn all_read(&self) -> bool {
        self.stdout_ended() && self.stderr_ended
    }

    pub(crate) fn stderr(&self) -> String {
        let (head, tail) = self.stderr.as_slices();
        String::from_utf8_lossy(&[head, tail].concat()).into_owned()
    }

    /// Takes in bytes of stdout; `false` when they are more than anybody reads.
    fn add_stdout(&mut self, mut bytes: &[u8]) -> bool {
        self.has_printed |= !bytes.is_empty();
        self.waiting += bytes.len();
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            self.unfinished.extend_from_slice(&bytes[..end]);
            let line = String::from_utf8_lossy(&std::mem::take(&mut self.unfinished)).into_owned();
            self.lines.push_back(line);
            bytes = &bytes[end + 1..];
        }
        self.unfinished.extend_from_slice(bytes);
        self.too_much = self.waiting > STDOUT_LIMIT || self.unfinished.len() > LINE_LIMIT;
        !self.too_much
    }

    fn add_stderr(&mut self, bytes: &[u8]) {
        self.stderr.extend(bytes);
        let surplus = self.stderr.len().saturating_sub(STDERR_KEPT);
        self.stderr.drain(..surplus);
    }
}

/// Reads stdout to its end, or to its limit.
pub(crate) fn read_stdout(mut stdout: ChildStdout, update: impl Fn(&mut dyn FnMut(&mut Output))) {
    read(&mut stdout, |bytes| {
        let mut more = false;
        update(&mut |output| more = output.add_stdout(bytes));
        more
    });
    let mut stdout = Some(stdout);
    update(&mut |output| {
        output.stdout_ended = !output.too_much;
        output.unread = stdout.take().filter(|_| output.too_much);
    });
}

/// Reads stderr to its end, however much it is.
pub(crate) fn read_stderr(mut stderr: ChildStderr, update: impl Fn(&mut dyn FnMut(&mut Output))) {
    read(&mut stderr, |bytes| {
        update(&mut |output| output.add_stderr(bytes));
        true
    });
    update(&mut |output| output.stderr_ended = true);
}

fn read(pipe: &mut impl Read, mut take: impl FnMut(&[u8]) -> bool) {
    let mut buffer = [0; 16 << 10];
    loop {
        match pipe.read(&mut buffer) {
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Ok(0) | Err(_) => return,
            Ok(length) if take(&buffer[..length]) => {}
            Ok(_) => return,
        }
    }
}
