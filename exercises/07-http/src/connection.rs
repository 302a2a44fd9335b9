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
    pub fn serve(settings: &Settings, stream: TcpStream, peer: SocketAddr) -> io::Result<()> {
        todo!(
            "Switch Nagle's algorithm off (`set_nodelay`): it would keep an answer back until the one before \
             is acknowledged. Set the write timeout. Then `next_request` and `exchange`, as long as both \
             want to go on. A refusal is sent with \"close\"; `request line` is what came of it. In the end, \
             `linger`."
        )
    }

    /// Waits for the next request. An idle connection may last as long as the timeout, and from the first byte on, a
    /// head may take as long: whoever sends a byte now and then does not hold it for ever.
    fn next_request(&mut self) -> Result<Request, End> {
        todo!(
            "`Request::parse` what is unread; if it is whole, consume it. If not, `read_more`, up to the \
             deadline. A timeout is 408, and the end of the stream 400, if a request has begun; else both \
             are silent."
        )
    }

    /// Answers one request, and tells whether the connection stays open.
    fn exchange(&mut self, request: &Request) -> Result<bool, End> {
        todo!(
            "Find the `Body`, and what the client `expects`. Who waits for a 100 (Continue) and whose body \
             does not matter is answered at once; the connection is closed then, for nobody knows whether \
             the body comes. Read the body, and let the `router` answer."
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
            "Take pieces off `wire.unread()` and `read_more` when one is `NotYet`. `keep` the data or forget \
             them. More than `MAX_BODY` bytes are 413, a timeout is 408, and the end of the stream 400."
        )
    }

    /// Sends an answer and prints a line about it. Head and content go out in one write, if they are not too long: two
    /// small segments instead of one would be twice the work for both sides.
    fn send(&mut self, line: &str, answer: Answer, connection: &str) -> io::Result<()> {
        todo!(
            "To HEAD goes the head alone. Else the bytes are appended to it, or the first `FIRST_PIECE` \
             bytes of the file; the rest of the file follows with `io::copy`, which on Linux is `sendfile`. \
             A file that has become shorter meanwhile ends the connection: another length was promised. \
             `say` \"PEER \"REQUEST LINE\" STATUS BYTES\"."
        )
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
    fn linger(&mut self) -> io::Result<()> {
        todo!(
            "Shut down the writing side, then read and forget until the client closes, too, or `LINGER` is \
             over."
        )
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
