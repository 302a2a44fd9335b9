//! The tap of a TCP server: for each client a connection to the server, and two pumps that pass bytes on.
//!
//! A pump is two threads: one reads as fast as it can and records, the other writes when it is time. So a delay holds
//! nothing up that comes behind it, and a slow reader is felt by the sender as it would be without the tap.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use socket2::SockRef;

use crate::record::{Between, Deed, Event, Record, Watcher, deed};
use crate::rule::{Direction, Fault, Rule, Rules};

/// How often a waiting pump looks whether the tap is gone or its connection broken.
const GLANCE: Duration = Duration::from_millis(50);

/// How long the server may take to be connected.
const CONNECTING: Duration = Duration::from_secs(5);

/// The pause after a piece, so that the receiver can read it before the next one comes.
const PIECE_PAUSE: Duration = Duration::from_millis(1);

/// How many reads may be on their way at a time.
const ON_THE_WAY: usize = 64;

/// A tap between TCP clients and a server. Dropping it closes its listener and its connections.
#[derive(Debug)]
pub struct TcpTap {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    server: SocketAddr,
    rules: Mutex<Rules>,
    record: Record,
    closing: AtomicBool,
    conversations: AtomicUsize,
}

impl TcpTap {
    /// Starts to listen on a free port of the loopback address, for clients of `server`.
    ///
    /// # Errors
    ///
    /// When the system gives no port.
    pub fn start(server: SocketAddr, rules: Vec<Rule>) -> io::Result<TcpTap> {
        TcpTap::watched(server, rules, None)
    }

    /// The same, with somebody who hears of every event as it happens.
    ///
    /// # Errors
    ///
    /// When the system gives no port.
    pub fn watched(server: SocketAddr, rules: Vec<Rule>, watcher: Option<Watcher>) -> io::Result<TcpTap> {
        let listener = TcpListener::bind(SocketAddr::new(server.ip(), 0))?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            server,
            rules: Mutex::new(Rules(rules)),
            record: Record::new(watcher),
            closing: AtomicBool::new(false),
            conversations: AtomicUsize::new(0),
        });
        let acceptor = Arc::clone(&shared);
        let accepting = Some(thread::spawn(move || acceptor.accept_all(&listener)));
        Ok(TcpTap { address, shared, accepting })
    }

    /// Where clients connect.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What happened so far.
    pub fn events(&self) -> Vec<Event> {
        self.shared.record.events()
    }

    /// How often each rule has struck.
    pub fn strikes(&self) -> Vec<u64> {
        self.shared.rules.lock().unwrap_or_else(PoisonError::into_inner).strikes()
    }
}

impl Drop for TcpTap {
    fn drop(&mut self) {
        self.shared.closing.store(true, Ordering::Relaxed);
        // A blocked accept is woken by the connection it waits for.
        if TcpStream::connect_timeout(&self.address, Duration::from_secs(1)).is_ok()
            && let Some(accepting) = self.accepting.take()
        {
            let _ = accepting.join();
        }
    }
}

impl Shared {
    fn accept_all(self: &Arc<Shared>, listener: &TcpListener) {
        loop {
            let Ok((client, address)) = listener.accept() else {
                if self.closing.load(Ordering::Relaxed) {
                    return;
                }
                continue;
            };
            if self.closing.load(Ordering::Relaxed) {
                // Closed in good order, it would keep the port in TIME_WAIT for a minute.
                let _ = SockRef::from(&client).set_linger(Some(Duration::ZERO));
                return;
            }
            let number = self.conversations.fetch_add(1, Ordering::Relaxed) + 1;
            // Nobody serves: what the client would have seen is a reset, and that is what it sees.
            if self.open((number, address, self.server), &client).is_err() {
                let _ = SockRef::from(&client).set_linger(Some(Duration::ZERO));
            }
        }
    }

    fn open(self: &Arc<Shared>, conversation: Between, client: &TcpStream) -> io::Result<()> {
        let server = TcpStream::connect_timeout(&self.server, CONNECTING)?;
        self.record.add(conversation, Direction::ToServer, Deed::Opened);
        let broken = Arc::new(AtomicBool::new(false));
        for (direction, from, to) in [(Direction::ToServer, client, &server), (Direction::ToClient, &server, client)] {
            let (from, to) = (from.try_clone()?, to.try_clone()?);
            from.set_read_timeout(Some(GLANCE))?;
            // Otherwise the system would wait with a small segment until the one before is acknowledged.
            to.set_nodelay(true)?;
            let (send, arrivals) = sync_channel(ON_THE_WAY);
            let reader = Pump { shared: Arc::clone(self), conversation, direction, broken: Arc::clone(&broken) };
            let broken = Arc::clone(&broken);
            thread::spawn(move || reader.read_all(from, &send));
            thread::spawn(move || {
                if write_all(&arrivals, &to).is_err() {
                    broken.store(true, Ordering::Relaxed);
                    let _ = SockRef::from(&to).set_linger(Some(Duration::ZERO));
                }
            });
        }
        Ok(())
    }
}

/// What is on its way.
enum Load {
    /// Bytes, to be written when they are due, in pieces of this size.
    Bytes { due: Instant, bytes: Vec<u8>, piece: usize },
    /// The end of the stream.
    End,
}

/// One direction of one connection.
struct Pump {
    shared: Arc<Shared>,
    conversation: Between,
    direction: Direction,
    broken: Arc<AtomicBool>,
}

impl Pump {
    fn read_all(&self, mut from: TcpStream, send: &SyncSender<Load>) {
        let mut buffer = vec![0; 64 << 10];
        let mut held = Vec::new();
        loop {
            match from.read(&mut buffer) {
                Ok(0) => {
                    self.release(&mut held, send);
                    self.add(Deed::Ended);
                    let _ = send.send(Load::End);
                    return;
                }
                Ok(length) => {
                    if !self.pass(&buffer[..length], &mut held, send) {
                        return;
                    }
                }
                Err(error) if is_silence(&error) => {
                    if self.shared.closing.load(Ordering::Relaxed) || self.broken.load(Ordering::Relaxed) {
                        return;
                    }
                }
                Err(_) => {
                    self.broken.store(true, Ordering::Relaxed);
                    let _ = SockRef::from(&from).set_linger(Some(Duration::ZERO));
                    return self.add(Deed::Broken);
                }
            }
        }
    }

    /// Sends one read on its way under the rules; `false` when nobody takes it any more.
    fn pass(&self, bytes: &[u8], held: &mut Vec<u8>, send: &SyncSender<Load>) -> bool {
        let fault = self.shared.rules.lock().unwrap_or_else(PoisonError::into_inner).judge(self.direction);
        // TCP has no losses, no repetitions and no disorder to offer: below it, they are mended.
        let fault = fault.filter(|fault| matches!(fault, Fault::Delay(_) | Fault::Split(_) | Fault::Coalesce(_)));
        self.add(deed(fault, bytes));
        let load = |delay, piece| Load::Bytes { due: Instant::now() + delay, bytes: bytes.to_vec(), piece };
        match fault {
            Some(Fault::Coalesce(size)) => {
                held.extend_from_slice(bytes);
                held.len() < size || self.release(held, send)
            }
            Some(Fault::Delay(time)) => send.send(load(time, usize::MAX)).is_ok(),
            Some(Fault::Split(size)) => send.send(load(Duration::ZERO, size)).is_ok(),
            _ => send.send(load(Duration::ZERO, usize::MAX)).is_ok(),
        }
    }

    fn release(&self, held: &mut Vec<u8>, send: &SyncSender<Load>) -> bool {
        let bytes = std::mem::take(held);
        if bytes.is_empty() {
            return true;
        }
        self.add(Deed::Passed(bytes.clone()));
        send.send(Load::Bytes { due: Instant::now(), bytes, piece: usize::MAX }).is_ok()
    }

    fn add(&self, deed: Deed) {
        self.shared.record.add(self.conversation, self.direction, deed);
    }
}

/// Writes what arrives when it is due, and ends the stream where the sender did.
///
/// # Errors
///
/// Those of writing, and `ConnectionReset` when there is no more although the sender has not ended.
fn write_all(arrivals: &Receiver<Load>, mut to: &TcpStream) -> io::Result<()> {
    for load in arrivals {
        let Load::Bytes { due, bytes, piece } = load else {
            // The other side may have closed before: then there is nothing left to end.
            let _ = to.shutdown(Shutdown::Write);
            return Ok(());
        };
        thread::sleep(due.saturating_duration_since(Instant::now()));
        let pieces = bytes.chunks(piece);
        let in_pieces = pieces.len() > 1;
        for piece in pieces {
            to.write_all(piece)?;
            if in_pieces {
                thread::sleep(PIECE_PAUSE);
            }
        }
    }
    Err(io::ErrorKind::ConnectionReset.into())
}

fn is_silence(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted)
}
