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
    ///
    /// # Your turn
    ///
    /// Switch Nagle's algorithm off (`set_nodelay`): it would keep an answer back until the one before is acknowledged.
    /// Set the write timeout. Then `exchange` until there is an `End`. A refusal is sent with "close"; after it, and
    /// wherever the client may still be sending, `linger`.
    pub fn serve(settings: &Settings, stream: TcpStream, peer: SocketAddr) -> io::Result<()> {
        stream.set_nodelay(true)?;
        stream.set_write_timeout(Some(settings.timeout))?;
        let (wire, line, outgoing) = (Wire::new(stream), String::new(), Vec::new());
        let mut connection = Connection { settings, peer, wire, line, outgoing };
        let end = loop {
            if let Err(end) = connection.exchange() {
                break end;
            }
        };
        match end {
            End::Silent => return Ok(()),
            End::Linger => {}
            End::Refused(refusal) => connection.send(refusal.into(), "close")?,
        }
        connection.linger()
    }

    /// Reads one request and answers it.
    ///
    /// # Your turn
    ///
    /// Take the `next_request` and find its `Body`. Who waits for a 100 (Continue) gets it if the body matters; if
    /// not, it is answered at once, and that is the end, for nobody knows whether the body will come. Read the body, and
    /// let the `router` answer. If the client does not want to go on, that is the end, too; but it may have sent more
    /// than that.
    fn exchange(&mut self) -> Result<(), End> {
        let request = self.next_request()?;
        let body = Body::of_request(&request)?;
        let wants_body = router::wants_body(&request);
        if self.waits_for_continue(&request, &body)? {
            if !wants_body {
                self.send(router::answer(&self.settings.site, &request, Vec::new()), "close")?;
                return Err(End::Linger);
            }
            self.wire.stream().write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        let content = self.read_body(body, wants_body)?;
        let answer = router::answer(&self.settings.site, &request, content);
        let goes_on = request.keeps_connection();
        let connection = match (goes_on, request.version) {
            (false, _) => "close",
            (true, Version::Http10) => "keep-alive",
            (true, Version::Http11) => "",
        };
        self.send(answer, connection)?;
        if goes_on { Ok(()) } else { Err(End::Linger) }
    }

    /// Waits for the next request. An idle connection may last as long as the timeout, and a head may take as long from
    /// its first byte on: whoever sends a byte now and then does not hold the connection for ever.
    ///
    /// # Your turn
    ///
    /// `Request::parse` what is unread; if it is whole, consume it. If not, `read_more`, up to the deadline. A timeout is
    /// 408, and the end of the stream 400, if a request has begun; else both are silent. Keep the request line in `line`,
    /// or what there is of it (`first_line`).
    fn next_request(&mut self) -> Result<Request, End> {
        let mut deadline = None;
        loop {
            self.line = first_line(self.wire.unread());
            if let Parsed::Whole(request, length) = Request::parse(self.wire.unread())? {
                self.wire.consume(length);
                return Ok(request);
            }
            let mut wait = self.settings.timeout;
            if !self.wire.unread().is_empty() {
                let now = Instant::now();
                wait = deadline.get_or_insert(now + wait).saturating_duration_since(now);
            }
            match self.wire.read_more(HEAD_PIECE, wait) {
                Ok(0) if !self.line.is_empty() => {
                    return Err(Refusal::bad_request("the request ends in its head").into());
                }
                Err(error) if !self.line.is_empty() => return Err(timed_out(error)),
                Ok(0) | Err(_) => return Err(End::Silent),
                Ok(_) => {}
            }
        }
    }

    /// Whether the client keeps its body back until it is told to go on (RFC 9110, section 10.1.1).
    ///
    /// # Your turn
    ///
    /// Only HTTP/1.1 has Expect. What is expected can only be `100-continue` (417). If there is no body, or it is
    /// beginning to arrive, nobody waits.
    fn waits_for_continue(&self, request: &Request, body: &Body) -> Result<bool, Refusal> {
        let expected = request.fields.list("Expect");
        if expected.is_empty() || request.version == Version::Http10 {
            return Ok(false);
        }
        if expected.iter().any(|expectation| !expectation.eq_ignore_ascii_case("100-continue")) {
            return Err(Refusal { status: Status::EXPECTATION_FAILED, why: "only 100-continue can be expected" });
        }
        Ok(!matches!(body, Body::Length(0)) && self.wire.unread().is_empty())
    }

    /// Reads the body to its end: the next request begins there. Each piece must come within the timeout.
    ///
    /// # Your turn
    ///
    /// `take_body`, and `read_more` as long as it is not done. `keep` the data or forget them. More than `MAX_BODY`
    /// bytes, those included that a chunk has only `announced`, are 413, a timeout is 408, and the end of the stream 400.
    fn read_body(&mut self, mut body: Body, keep: bool) -> Result<Vec<u8>, End> {
        let (mut kept, mut length) = (Vec::new(), 0_u64);
        loop {
            let is_done = self.wire.take_body(&mut body, |data| {
                length += data.len() as u64;
                kept.extend_from_slice(if keep { data } else { &[] });
                Ok::<_, Refusal>(())
            })?;
            if length.saturating_add(body.announced()) > MAX_BODY {
                return Err(too_large().into());
            }
            if is_done {
                return Ok(kept);
            }
            match self.wire.read_more(BODY_PIECE, self.settings.timeout) {
                Ok(0) => return Err(Refusal::bad_request("the request ends in its body").into()),
                Ok(_) => {}
                Err(error) => return Err(timed_out(error)),
            }
        }
    }

    /// Sends an answer and prints a line about it. To HEAD goes the head alone.
    ///
    /// # Your turn
    ///
    /// Make the head in `outgoing`, and append the bytes, or `send_part`: head and content go out in one write, for two
    /// small segments instead of one would be twice the work for both sides. Then `print`.
    fn send(&mut self, answer: Answer, connection: &str) -> io::Result<()> {
        self.outgoing.clear();
        answer.write_head(&mut self.outgoing, SystemTime::now(), connection);
        let content = if self.line.starts_with("HEAD ") { Content::None } else { answer.content };
        let length = content.length();
        match content {
            Content::None => {}
            Content::Bytes(bytes) => self.outgoing.extend_from_slice(&bytes),
            Content::Part { file, start, length } => self.send_part(file, start, length)?,
        }
        self.flush()?;
        self.print(answer.status, length);
        Ok(())
    }

    /// Appends a part of a file to what is being sent, or sends all of it, if it is large.
    ///
    /// # Your turn
    ///
    /// Append the first `FILE_PIECE` bytes. If there are more, `flush`, and `carry` the rest.
    fn send_part(&mut self, mut file: File, start: u64, length: u64) -> io::Result<()> {
        if start > 0 {
            file.seek(SeekFrom::Start(start))?;
        }
        let head = self.outgoing.len();
        self.outgoing.resize(head + length.min(FILE_PIECE as u64) as usize, 0);
        file.read_exact(&mut self.outgoing[head..])?;
        let rest = length.saturating_sub(FILE_PIECE as u64);
        if rest == 0 {
            return Ok(());
        }
        self.flush()?;
        carry(file, rest, self.wire.stream())
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
    ///
    /// # Your turn
    ///
    /// Shut down the writing side, then read and forget until the client closes, too, or `LINGER` is over.
    fn linger(&mut self) -> io::Result<()> {
        self.wire.stream().shutdown(Shutdown::Write)?;
        let deadline = Instant::now() + LINGER;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            self.wire.consume(self.wire.unread().len());
            if left.is_zero() || self.wire.read_more(BODY_PIECE, left)? == 0 {
                return Ok(());
            }
        }
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
