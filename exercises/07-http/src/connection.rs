//! A connection from the first request to the last (RFC 9112, section 9).
//!
//! ```text
//!   read a head ──► where does its body end? ──► read the body ──► answer ──► once more, or close
//!        └───────── refuse, and close: nobody knows where the next request would begin
//! ```

use std::fs::File;
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant, SystemTime};

use crate::answer::{Answer, Content, Refusal, Status};
use crate::body::{Body, MAX_BODY, too_large};
use crate::files::Site;
use crate::request::{Request, Version};
use crate::terminal::{complain, say};
use crate::wire::{SMALL, Wire};
use crate::{Parsed, router};

/// How much is read at a time of a head, and of a body.
const HEAD_PIECE: usize = 1 << 10;
const BODY_PIECE: usize = 16 << 10;

/// How much of a file is sent at a time; the first of it goes out in one write with the head.
const FILE_PIECE: usize = 64 << 10;

/// How long a client that was told to go may take to do so.
const LINGER: Duration = Duration::from_secs(2);

/// What a server knows before the first request.
pub struct Settings {
    /// The files.
    pub site: Site,
    /// How long to wait for a client.
    pub timeout: Duration,
    /// Whether to print nothing about requests.
    pub quiet: bool,
}

/// Why a connection is at its end.
enum End {
    /// One side has closed it, or will now, and the other expects nothing more.
    Silent,
    /// All is said, but the client may still be sending.
    Linger,
    /// The client is to be told why. What it still sends is no request any more.
    Refused(Refusal),
}

impl From<io::Error> for End {
    fn from(_: io::Error) -> End {
        End::Silent
    }
}

impl From<Refusal> for End {
    fn from(refusal: Refusal) -> End {
        End::Refused(refusal)
    }
}

/// A connection that is being served.
pub struct Connection<'a> {
    settings: &'a Settings,
    peer: SocketAddr,
    wire: Wire,
    /// The line of the request that is being answered.
    line: String,
    /// What is being sent.
    outgoing: Vec<u8>,
}

impl Connection<'_> {
    /// Answers one request after another until one side closes.
    ///
    /// # Errors
    ///
    /// When the connection breaks.
    pub fn serve(settings: &Settings, stream: TcpStream, peer: SocketAddr) -> io::Result<()> {
        todo!(
            "Switch Nagle's algorithm off (`set_nodelay`): it would keep an answer back until the one before \
             is acknowledged. Set the write timeout. Then `exchange` until there is an `End`. A refusal is \
             sent with \"close\"; after it, and wherever the client may still be sending, `linger`."
        )
    }

    /// Reads one request and answers it.
    fn exchange(&mut self) -> Result<(), End> {
        todo!(
            "Take the `next_request` and find its `Body`. Who waits for a 100 (Continue) gets it if the body \
             matters; if not, it is answered at once, and that is the end, for nobody knows whether the body \
             will come. Read the body, and let the `router` answer. If the client does not want to go on, \
             that is the end, too; but it may have sent more than that."
        )
    }

    /// Waits for the next request. An idle connection may last as long as the timeout, and a head may take as long from
    /// its first byte on: whoever sends a byte now and then does not hold the connection for ever.
    fn next_request(&mut self) -> Result<Request, End> {
        todo!(
            "`Request::parse` what is unread; if it is whole, consume it. If not, `read_more`, up to the \
             deadline. A timeout is 408, and the end of the stream 400, if a request has begun; else both \
             are silent. Keep the request line in `line`, or what there is of it (`first_line`)."
        )
    }

    /// Whether the client keeps its body back until it is told to go on (RFC 9110, section 10.1.1).
    fn waits_for_continue(&self, request: &Request, body: &Body) -> Result<bool, Refusal> {
        todo!(
            "Only HTTP/1.1 has Expect. What is expected can only be `100-continue` (417). If there is no \
             body, or it is beginning to arrive, nobody waits."
        )
    }

    /// Reads the body to its end: the next request begins there. Each piece must come within the timeout.
    fn read_body(&mut self, mut body: Body, keep: bool) -> Result<Vec<u8>, End> {
        todo!(
            "`take_body`, and `read_more` as long as it is not done. `keep` the data or forget them. More \
             than `MAX_BODY` bytes, those included that a chunk has only `announced`, are 413, a timeout is \
             408, and the end of the stream 400."
        )
    }

    /// Sends an answer and prints a line about it. To HEAD goes the head alone.
    fn send(&mut self, answer: Answer, connection: &str) -> io::Result<()> {
        todo!(
            "Make the head in `outgoing`, and append the bytes, or `send_part`: head and content go out in \
             one write, for two small segments instead of one would be twice the work for both sides. Then \
             `print`."
        )
    }

    /// Appends a part of a file to what is being sent, or sends all of it, if it is large.
    fn send_part(&mut self, mut file: File, start: u64, length: u64) -> io::Result<()> {
        todo!("Append the first `FILE_PIECE` bytes. If there are more, `flush`, and `carry` the rest.")
    }

    fn flush(&mut self) -> io::Result<()> {
        self.wire.stream().write_all(&self.outgoing)?;
        self.outgoing.clear();
        if self.outgoing.capacity() > SMALL {
            self.outgoing = Vec::new();
        }
        Ok(())
    }

    /// Prints a line. That nobody reads it any more is no reason not to serve.
    fn print(&self, Status(code, _): Status, length: u64) {
        if self.settings.quiet {
            return;
        }
        if let Err(error) = say(format_args!("{} \"{}\" {code} {length}", self.peer, self.line)) {
            complain(format_args!("{error:#}"));
        }
    }

    /// Closes the connection in good order. To close it with bytes unread, or before others arrive, would reset it, and
    /// the reset might destroy the answer on its way (RFC 9112, section 9.6).
    fn linger(&mut self) -> io::Result<()> {
        todo!(
            "Shut down the writing side, then read and forget until the client closes, too, or `LINGER` is \
             over."
        )
    }
}

/// Sends the rest of a file. A file that has become shorter meanwhile is an error: another length was promised.
///
/// `io::copy` alone would move 8 KiB at a time, and make two system calls for each; with this buffer it is 64 KiB. Much
/// more would not stay in the processor's cache between the file and the socket. What `io::copy` has on the stack
/// belongs to this function's frame, and not to one that lasts as long as the connection.
#[inline(never)]
fn carry(file: File, length: u64, stream: &mut TcpStream) -> io::Result<()> {
    let mut buffered = BufWriter::with_capacity(FILE_PIECE, stream);
    let copied = io::copy(&mut file.take(length), &mut buffered)?;
    buffered.flush()?;
    match copied == length {
        true => Ok(()),
        false => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

fn timed_out(error: io::Error) -> End {
    match error.kind() {
        io::ErrorKind::TimedOut => {
            End::Refused(Refusal { status: Status::REQUEST_TIMEOUT, why: "the request took too long" })
        }
        _ => End::Silent,
    }
}

/// The first line of what came, as far as it came, for the transcript: without characters that could drive a terminal.
fn first_line(bytes: &[u8]) -> String {
    let line = bytes.split(|byte| *byte == b'\n').find(|line| !line.is_empty() && *line != b"\r").unwrap_or_default();
    String::from_utf8_lossy(line.trim_ascii_end()).replace(char::is_control, "\u{fffd}")
}
