//! A socket that knows its peer, and how long to wait for it.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::files::Fault;
use crate::packet::{ErrorCode, HEADER, Malformed, error, is_error};

/// Where doubling ends: more than a minute between two tries helps nobody.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// How often to look for a packet before going to sleep until it comes. In a transfer it is mostly on its way, and to
/// fall asleep and be woken takes longer than all these looks.
const GLANCES: usize = 100;

/// After how many packets in a row a link is taken for the only one.
const ALONE: u32 = 64;

/// The number of the link that got the last packet of all.
static LATEST: AtomicU64 = AtomicU64::new(0);

/// Why a transfer ended before its file did.
#[derive(Debug)]
pub enum Broken {
    /// The peer has not answered as often as it was asked.
    NoAnswer {
        /// How often that was.
        tries: u32,
    },
    /// The peer sent an ERROR.
    ByPeer {
        /// Its code.
        code: u16,
        /// Its text.
        message: Vec<u8>,
    },
    /// We cannot go on, and tell the peer why.
    ByUs(Fault),
    /// The system does not send or receive.
    Network(io::Error),
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Broken::NoAnswer { tries } => write!(f, "no answer after {tries} tries"),
            Broken::ByPeer { code, message } => {
                let quoted = crate::terminal::quoted(message);
                write!(f, "the other side ended it with error {code}: {quoted}")
            }
            Broken::ByUs(fault) => f.write_str(&fault.why),
            Broken::Network(error) => write!(f, "the network fails: {error}"),
        }
    }
}

impl std::error::Error for Broken {}

/// An error of a file. One of the network is [`Broken::Network`], and says so where it happens.
impl From<io::Error> for Broken {
    fn from(error: io::Error) -> Broken {
        Broken::ByUs(error.into())
    }
}

impl From<Malformed> for Broken {
    fn from(why: Malformed) -> Broken {
        Broken::ByUs(Fault { code: ErrorCode::IllegalOperation, why: format!("a packet that makes no sense: {why}") })
    }
}

/// One end of a transfer: a socket of its own, and the peer that it talks to.
///
/// The two ports are the transfer's identifiers (RFC 1350, section 4). The socket is not connected: the system would
/// drop a stranger's packet, and the stranger has to be told that it is wrong here.
pub struct Link {
    socket: UdpSocket,
    peer: SocketAddr,
    buffer: Vec<u8>,
    /// The length of a packet that was put back.
    waiting: Option<usize>,
    /// The read timeout that the socket has now.
    armed: Duration,
    /// No two links have the same.
    number: u64,
    /// How many packets it got since another link got one.
    in_a_row: u32,
}

impl Link {
    /// A socket on a port of its own, which the system picks, at `here` or where the system likes.
    pub fn open(here: Option<SocketAddr>, peer: SocketAddr) -> io::Result<Link> {
        let mut here = here.unwrap_or(match peer {
            SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
            SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
        });
        here.set_port(0);
        let socket = UdpSocket::bind(here)?;
        socket.set_nonblocking(true)?;
        static COUNT: AtomicU64 = AtomicU64::new(1);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let (buffer, armed) = (Vec::new(), Duration::ZERO);
        let mut link = Link { socket, peer, buffer, waiting: None, armed, number, in_a_row: ALONE };
        link.make_room(0);
        Ok(link)
    }

    /// Whom it talks to.
    pub fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// From now on, this is the peer.
    pub fn settle_on(&mut self, peer: SocketAddr) {
        self.peer = peer;
    }

    /// Makes room for blocks of this size, and for one byte more: what is too long must not look as if it were not.
    pub fn make_room(&mut self, block_size: usize) {
        const LEAST: usize = 1024;
        self.buffer.resize((HEADER + block_size + 1).max(LEAST), 0);
    }

    /// Sends a packet to the peer.
    pub fn send(&self, packet: &[u8]) -> Result<(), Broken> {
        let sent = match self.socket.send_to(packet, self.peer) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.send_at_last(packet),
            sent => sent,
        };
        match sent {
            Err(error) if !is_no_answer(&error) => Err(Broken::Network(error)),
            // A loss like any other, and mended like any other.
            _ => Ok(()),
        }
    }

    /// Waits until the system takes one more packet: a window may be more than it holds.
    fn send_at_last(&self, packet: &[u8]) -> io::Result<usize> {
        self.socket.set_nonblocking(false)?;
        let sent = self.socket.send_to(packet, self.peer);
        self.socket.set_nonblocking(true)?;
        sent
    }

    /// Tells the peer why it ends, once. Nobody acknowledges an ERROR (RFC 1350, section 7).
    pub fn send_error(&self, fault: &Fault) {
        let _ = self.socket.send_to(&error(fault.code, fault.code.message()), self.peer);
    }

    /// Tells somebody else that this port is not for them, unless it is an error that they sent.
    pub fn turn_away(&self, stranger: SocketAddr, packet: &[u8]) {
        if !is_error(packet) {
            let code = ErrorCode::UnknownTransferId;
            let _ = self.socket.send_to(&error(code, code.message()), stranger);
        }
    }

    /// The next packet of the peer; `None` when the time is up. Strangers are turned away, and do not prolong the wait.
    ///
    /// # Your turn
    ///
    /// Call `receive_from_anyone` until it has nothing, or a packet from `self.peer`. `turn_away` all others.
    pub fn receive(&mut self, until: Instant) -> Result<Option<&[u8]>, Broken> {
        loop {
            match self.receive_from_anyone(until)? {
                None => return Ok(None),
                Some((length, from)) if from == self.peer => return Ok(Some(&self.buffer[..length])),
                Some((length, from)) => self.turn_away(from, &self.buffer[..length]),
            }
        }
    }

    /// The next packet and its sender; `None` when the time is up. [`Link::bytes`] has it then.
    pub fn receive_from_anyone(&mut self, until: Instant) -> Result<Option<(usize, SocketAddr)>, Broken> {
        if let Some(length) = self.waiting.take() {
            return Ok(Some((length, self.peer)));
        }
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(None);
            }
            match self.glance().unwrap_or_else(|| self.sleep(left)) {
                Ok(arrived) => {
                    let is_mine = LATEST.swap(self.number, Ordering::Relaxed) == self.number;
                    self.in_a_row = if is_mine { self.in_a_row.saturating_add(1) } else { 0 };
                    return Ok(Some(arrived));
                }
                Err(error) if is_no_answer(&error) => {}
                Err(error) => return Err(Broken::Network(error)),
            }
        }
    }

    /// A packet that is there, or will be at once. Between two looks, others have the processor. Beside other transfers there
    /// is none: then the processor has enough to do, and who gives it away gets it back late.
    fn glance(&mut self) -> Option<io::Result<(usize, SocketAddr)>> {
        let glances = if self.in_a_row >= ALONE { GLANCES } else { 0 };
        (0..glances).find_map(|_| match self.socket.recv_from(&mut self.buffer) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                thread::yield_now();
                None
            }
            arrived => Some(arrived),
        })
    }

    /// Sleeps until a packet comes, for as long as `left`.
    fn sleep(&mut self, left: Duration) -> io::Result<(usize, SocketAddr)> {
        self.arm(left)?;
        self.socket.set_nonblocking(false)?;
        let arrived = self.socket.recv_from(&mut self.buffer);
        self.socket.set_nonblocking(true)?;
        arrived
    }

    /// Takes the packet that came last for one that is still to come.
    pub fn put_back(&mut self, length: usize) {
        self.waiting = Some(length);
    }

    /// The first `length` bytes of the packet that came last.
    pub fn bytes(&self, length: usize) -> &[u8] {
        &self.buffer[..length]
    }

    /// Sets the socket's read timeout to a little more than `left`, unless it is about that already: so a packet that
    /// is answered in time costs no system call for it.
    fn arm(&mut self, left: Duration) -> io::Result<()> {
        if self.armed < left || self.armed > left + left / 16 {
            self.armed = left + left / 32;
            self.socket.set_read_timeout(Some(self.armed))?;
        }
        Ok(())
    }
}

/// Errors that only say that nothing came: the time is up, or an ICMP message said that nobody listens there.
fn is_no_answer(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionRefused, ConnectionReset, Interrupted, TimedOut, WouldBlock};
    matches!(error.kind(), WouldBlock | TimedOut | ConnectionRefused | ConnectionReset | Interrupted)
}

/// How long to wait for an answer, and how often to ask.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    timeout: Duration,
    tries: u32,
    left: u32,
    wait: Duration,
    until: Instant,
}

impl Patience {
    /// Begins to wait: something was sent just now, for the first time.
    pub fn new(timeout: Duration, tries: u32) -> Patience {
        Patience { timeout, tries, left: tries, wait: timeout, until: Instant::now() + timeout }
    }

    /// When to send again.
    pub fn until(&self) -> Instant {
        self.until
    }

    /// Something new was sent: all tries are there again.
    pub fn renew(&mut self) {
        *self = Patience::new(self.timeout, self.tries);
    }

    /// The time is up. The next wait is twice as long: where packets are lost because there are too many, sending more
    /// of them does not help (RFC 1123, section 4.2.3.2).
    ///
    /// # Your turn
    ///
    /// One try less. When none is left, `NoAnswer`. Else the wait is doubled, to `LONGEST_WAIT` at most or what it was
    /// from the start, and begins now.
    pub fn once_more(&mut self) -> Result<(), Broken> {
        self.left -= 1;
        if self.left == 0 {
            return Err(Broken::NoAnswer { tries: self.tries });
        }
        self.wait = (self.wait * 2).min(LONGEST_WAIT.max(self.timeout));
        self.until = Instant::now() + self.wait;
        Ok(())
    }
}
