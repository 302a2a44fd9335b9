//! A connection from the first request to the last (RFC 9112, section 9).
//!
//! ```text
//!   read a head ──► where does its body end? ──► read the body ──► answer ──► once more, or close
//!        └───────── refuse, and close: nobody knows where the next request would begin
//! ```

use std::io::{self, Read, Seek, SeekFrom, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant, SystemTime};

use crate::answer::{Answer, Content, Refusal, Status};
use crate::body::{Body, MAX_BODY, Piece, too_large};
use crate::files::Site;
use crate::request::{Request, Version};
use crate::terminal::{complain, say};
use crate::wire::Wire;
use crate::{Parsed, router};

/// How much is read at a time of a head, and of a body.
const HEAD_PIECE: usize = 1 << 10;
const BODY_PIECE: usize = 16 << 10;

/// What is sent with the head in one write. For more, the system carries the file to the socket.
const FIRST_PIECE: u64 = 64 << 10;

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
    /// The client has closed it, or nobody needs it any more: nothing is to be said.
    Silent,
    /// The client is to be told why, and what it still sends is no request any more.
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
}

impl Connection<'_> {
    /// Answers one request after another until one side closes.
    ///
    /// # Your turn
    ///
    /// Switch Nagle's algorithm off (`set_nodelay`): it would keep an answer back until the one before is acknowledged.
    /// Set the write timeout. Then `next_request` and `exchange`, as long as both want to go on. A refusal is sent
    /// with "close"; `request line` is what came of it. In the end, `linger`.
    pub fn serve(settings: &Settings, stream: TcpStream, peer: SocketAddr) -> io::Result<()> {
        stream.set_nodelay(true)?;
        stream.set_write_timeout(Some(settings.timeout))?;
        let mut connection = Connection { settings, peer, wire: Wire::new(stream) };
        loop {
            let request = match connection.next_request() {
                Ok(request) => request,
                Err(End::Silent) => return Ok(()),
                Err(End::Refused(refusal)) => {
                    let line = first_line(connection.wire.unread());
                    connection.send(&line, refusal.into(), "close")?;
                    break;
                }
            };
            match connection.exchange(&request) {
                Ok(true) => {}
                Ok(false) => break,
                Err(End::Silent) => return Ok(()),
                Err(End::Refused(refusal)) => {
                    connection.send(&request.line, refusal.into(), "close")?;
                    break;
                }
            }
        }
        connection.linger()
    }

    /// Waits for the next request. An idle connection may last as long as the timeout, and from the first byte on, a
    /// head may take as long: whoever sends a byte now and then does not hold it for ever.
    ///
    /// # Your turn
    ///
    /// `Request::parse` what is unread; if it is whole, consume it. If not, `read_more`, up to the deadline. A timeout is
    /// 408, and the end of the stream 400, if a request has begun; else both are silent.
    fn next_request(&mut self) -> Result<Request, End> {
        let mut deadline = None;
        loop {
            if let Parsed::Whole(request, length) = Request::parse(self.wire.unread())? {
                self.wire.consume(length);
                return Ok(request);
            }
            let has_begun = !self.wire.unread().trim_ascii_start().is_empty();
            let wait = match deadline {
                Some(deadline) => Instant::saturating_duration_since(&deadline, Instant::now()),
                None => self.settings.timeout,
            };
            if !self.wire.unread().is_empty() && deadline.is_none() {
                deadline = Some(Instant::now() + self.settings.timeout);
            }
            match self.wire.read_more(HEAD_PIECE, wait) {
                Ok(0) if has_begun => return Err(Refusal::bad_request("the request ends in its head").into()),
                Err(error) if has_begun && error.kind() == io::ErrorKind::TimedOut => return Err(timed_out()),
                Ok(0) | Err(_) => return Err(End::Silent),
                Ok(_) => {}
            }
        }
    }

    /// Answers one request, and tells whether the connection stays open.
    ///
    /// # Your turn
    ///
    /// Find the `Body`, and what the client `expects`. Who waits for a 100 (Continue) and whose body does not matter is
    /// answered at once; the connection is closed then, for nobody knows whether the body comes. Read the body, and
    /// let the `router` answer.
    fn exchange(&mut self, request: &Request) -> Result<bool, End> {
        let body = Body::of_request(request)?;
        let waits = self.waits_for_continue(request, &body)?;
        let wants_body = router::wants_body(request);
        let keeps = request.keeps_connection() && (wants_body || !waits);
        let content = match waits {
            true if !wants_body => Vec::new(),
            true => {
                self.wire.stream().write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
                self.read_body(body, true)?
            }
            false => self.read_body(body, wants_body)?,
        };
        let answer = router::answer(&self.settings.site, request, &content);
        let connection = match (keeps, request.version) {
            (false, _) => "close",
            (true, Version::Http10) => "keep-alive",
            (true, Version::Http11) => "",
        };
        self.send(&request.line, answer, connection)?;
        Ok(keeps)
    }

    /// Whether the client keeps its body back until it is told to go on (RFC 9110, section 10.1.1).
    ///
    /// # Your turn
    ///
    /// Only HTTP/1.1 has Expect. What is expected can only be `100-continue` (417). If there is no body, or it is
    /// beginning to arrive, nobody waits.
    fn waits_for_continue(&self, request: &Request, body: &Body) -> Result<bool, Refusal> {
        let mut expectations = request.fields.list("Expect").filter(|_| request.version == Version::Http11);
        if expectations.any(|expectation| !expectation.eq_ignore_ascii_case("100-continue")) {
            return Err(Refusal { status: Status::EXPECTATION_FAILED, why: "only 100-continue can be expected" });
        }
        let has_body = !matches!(body, Body::Length(0));
        Ok(request.fields.has("Expect")
            && request.version == Version::Http11
            && has_body
            && self.wire.unread().is_empty())
    }

    /// Reads the body to its end: the next request begins there. Each piece must come within the timeout.
    ///
    /// # Your turn
    ///
    /// Take pieces off `wire.unread()` and `read_more` when one is `NotYet`. `keep` the data or forget them. More than
    /// `MAX_BODY` bytes are 413, a timeout is 408, and the end of the stream 400.
    fn read_body(&mut self, mut body: Body, keep: bool) -> Result<Vec<u8>, End> {
        let (mut kept, mut length) = (Vec::new(), 0);
        loop {
            let mut input = self.wire.unread();
            let before = input.len();
            let is_done = loop {
                match body.next(&mut input).map_err(Refusal::from)? {
                    Piece::Data(data) => {
                        length += data.len() as u64;
                        if length > MAX_BODY {
                            return Err(too_large().into());
                        }
                        kept.extend_from_slice(if keep { data } else { &[] });
                    }
                    Piece::NotYet => break false,
                    Piece::Done => break true,
                }
            };
            let used = before - input.len();
            self.wire.consume(used);
            if is_done {
                return Ok(kept);
            }
            match self.wire.read_more(BODY_PIECE, self.settings.timeout) {
                Ok(0) => return Err(Refusal::bad_request("the request ends in its body").into()),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::TimedOut => return Err(timed_out()),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Sends an answer and prints a line about it. Head and content go out in one write, if they are not too long: two
    /// small segments instead of one would be twice the work for both sides.
    ///
    /// # Your turn
    ///
    /// To HEAD goes the head alone. Else the bytes are appended to it, or the first `FIRST_PIECE` bytes of the file;
    /// the rest of the file follows with `io::copy`, which on Linux is `sendfile`. A file that has become shorter
    /// meanwhile ends the connection: another length was promised. `say` "PEER "REQUEST LINE" STATUS BYTES".
    fn send(&mut self, line: &str, answer: Answer, connection: &str) -> io::Result<()> {
        let mut bytes = answer.head(SystemTime::now(), connection);
        let content = if line.starts_with("HEAD ") { Content::None } else { answer.content };
        let length = content.length();
        match content {
            Content::None => self.wire.stream().write_all(&bytes)?,
            Content::Bytes(content) => {
                bytes.extend_from_slice(&content);
                self.wire.stream().write_all(&bytes)?;
            }
            Content::Part { mut file, start, length } => {
                if start > 0 {
                    file.seek(SeekFrom::Start(start))?;
                }
                let head = bytes.len();
                bytes.resize(head + length.min(FIRST_PIECE) as usize, 0);
                file.read_exact(&mut bytes[head..])?;
                self.wire.stream().write_all(&bytes)?;
                let rest = length.saturating_sub(FIRST_PIECE);
                if rest > 0 && io::copy(&mut file.take(rest), self.wire.stream())? < rest {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
            }
        }
        self.print(line, answer.status, length);
        Ok(())
    }

    /// Prints a line. That nobody reads it any more is no reason not to serve.
    fn print(&self, line: &str, Status(code, _): Status, length: u64) {
        if self.settings.quiet {
            return;
        }
        if let Err(error) = say(format_args!("{} \"{line}\" {code} {length}", self.peer)) {
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

fn timed_out() -> End {
    End::Refused(Refusal { status: Status::REQUEST_TIMEOUT, why: "the request took too long" })
}

/// The first line of what came, as far as it came, for the transcript: without characters that could drive a terminal.
fn first_line(bytes: &[u8]) -> String {
    let line = bytes.trim_ascii_start().split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = String::from_utf8_lossy(line.trim_ascii_end());
    line.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}
