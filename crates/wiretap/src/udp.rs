//! The tap of a UDP server. UDP knows no connections, so the tap keeps apart by addresses what belongs together:
//!
//! ```text
//!   alice ──►┌───────┐  a socket for alice ──►┌────────────┐
//!            │ front │                        │ server     │
//!   bob   ──►└───────┘  a socket for bob   ──►└────────────┘
//!   alice ◄──┌───────┐                         ┌───────────┐
//!            │ door  │◄── a socket for alice ◄─│ new port  │   as TFTP answers
//!            └───────┘                         └───────────┘
//! ```
//!
//! Every client gets a socket towards the server, so that the server sees as many clients as there are. A server's port
//! that is new to a client gets a door of its own, so that the client sees a new port, too.

use std::collections::HashMap;
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use crate::record::{Event, Record, Watcher, deed};
use crate::rule::{Direction, Fault, Rule, Rules};
use crate::schedule::Schedule;

/// How often a waiting thread looks whether the tap is gone.
const GLANCE: Duration = Duration::from_millis(50);

/// How long a datagram that is to be overtaken waits for the one that overtakes it.
const OVERTAKING: Duration = Duration::from_millis(250);

/// The largest datagram, and one byte more.
const BUFFER: usize = 1 << 16;

/// A tap between UDP clients and a server. Dropping it closes its sockets.
#[derive(Debug)]
pub struct UdpTap {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    server: SocketAddr,
    front: UdpSocket,
    rules: Mutex<Rules>,
    record: Record,
    schedule: Schedule,
    closing: AtomicBool,
    conversations: Mutex<HashMap<SocketAddr, Arc<Conversation>>>,
}

/// One client, and everything that is between it and the server.
#[derive(Debug)]
struct Conversation {
    number: usize,
    client: SocketAddr,
    /// Towards the server; the server knows the client by this socket's address.
    upstream: UdpSocket,
    /// The client's doors to ports of the server other than the first.
    doors: Mutex<HashMap<SocketAddr, Arc<UdpSocket>>>,
    /// The datagram of each direction that waits to be overtaken.
    waiting: [Mutex<Option<Parcel>>; 2],
}

/// A datagram with its way.
#[derive(Debug, Clone)]
struct Parcel {
    bytes: Vec<u8>,
    way: Way,
}

#[derive(Debug, Clone)]
enum Way {
    /// From the client's upstream socket to this port of the server.
    Up(SocketAddr),
    /// From the front to the client.
    Front,
    /// From a door to the client.
    Door(Arc<UdpSocket>),
}

impl UdpTap {
    /// Starts to receive on a free port of the loopback address, for clients of `server`.
    ///
    /// # Errors
    ///
    /// When the system gives no port.
    pub fn start(server: SocketAddr, rules: Vec<Rule>) -> io::Result<UdpTap> {
        UdpTap::watched(server, rules, None)
    }

    /// The same, with somebody who hears of every event as it happens.
    ///
    /// # Errors
    ///
    /// When the system gives no port.
    pub fn watched(server: SocketAddr, rules: Vec<Rule>, watcher: Option<Watcher>) -> io::Result<UdpTap> {
        let front = UdpSocket::bind(SocketAddr::new(server.ip(), 0))?;
        let address = front.local_addr()?;
        let shared = Arc::new(Shared {
            server,
            front,
            rules: Mutex::new(Rules(rules)),
            record: Record::new(watcher),
            schedule: Schedule::start(),
            closing: AtomicBool::new(false),
            conversations: Mutex::default(),
        });
        let receiver = Arc::clone(&shared);
        receiver.front.set_read_timeout(Some(GLANCE))?;
        thread::spawn(move || {
            receiver.receive_all(&receiver.front, |client, bytes| {
                // Without a socket for it, the datagram is lost, as it may be on any network.
                if let Ok(conversation) = receiver.conversation(client) {
                    receiver.pass(&conversation, receiver.server, Direction::ToServer, bytes, Way::Up(receiver.server));
                }
            });
        });
        Ok(UdpTap { address, shared })
    }

    /// Where clients send to.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What happened so far.
    pub fn events(&self) -> Vec<Event> {
        self.shared.record.events()
    }

    /// How often each rule has struck.
    pub fn strikes(&self) -> Vec<u64> {
        lock(&self.shared.rules).strikes()
    }
}

impl Drop for UdpTap {
    fn drop(&mut self) {
        self.shared.closing.store(true, Ordering::Relaxed);
    }
}

impl Shared {
    /// Hands over every datagram that arrives, until the tap is dropped.
    fn receive_all(&self, socket: &UdpSocket, mut hand_over: impl FnMut(SocketAddr, &[u8])) {
        let mut buffer = vec![0; BUFFER];
        while !self.closing.load(Ordering::Relaxed) {
            // Nothing in time, or a refusal of something sent earlier: neither is an end.
            if let Ok((length, from)) = socket.recv_from(&mut buffer) {
                hand_over(from, &buffer[..length]);
            }
        }
    }

    /// The conversation with this client, which begins with its first datagram.
    fn conversation(self: &Arc<Shared>, client: SocketAddr) -> io::Result<Arc<Conversation>> {
        let mut conversations = lock(&self.conversations);
        if let Some(known) = conversations.get(&client) {
            return Ok(Arc::clone(known));
        }
        let upstream = UdpSocket::bind(SocketAddr::new(self.server.ip(), 0))?;
        upstream.set_read_timeout(Some(GLANCE))?;
        let (doors, waiting, number) = (Mutex::default(), Default::default(), conversations.len() + 1);
        let conversation = Arc::new(Conversation { number, client, upstream, doors, waiting });
        conversations.insert(client, Arc::clone(&conversation));
        let (shared, speaker) = (Arc::clone(self), Arc::clone(&conversation));
        thread::spawn(move || {
            shared.receive_all(&speaker.upstream, |from, bytes| {
                if let Ok(way) = shared.way_down(&speaker, from) {
                    shared.pass(&speaker, from, Direction::ToClient, bytes, way);
                }
            });
        });
        Ok(conversation)
    }

    /// Through which socket the client hears this port of the server.
    fn way_down(self: &Arc<Shared>, conversation: &Arc<Conversation>, from: SocketAddr) -> io::Result<Way> {
        if from == self.server {
            return Ok(Way::Front);
        }
        let mut doors = lock(&conversation.doors);
        if let Some(door) = doors.get(&from) {
            return Ok(Way::Door(Arc::clone(door)));
        }
        let door = Arc::new(UdpSocket::bind(SocketAddr::new(self.server.ip(), 0))?);
        door.set_read_timeout(Some(GLANCE))?;
        doors.insert(from, Arc::clone(&door));
        let (shared, speaker, receiving) = (Arc::clone(self), Arc::clone(conversation), Arc::clone(&door));
        thread::spawn(move || {
            shared.receive_all(&receiving, |client, bytes| {
                // A stranger at the door is a client of its own, with a socket of its own.
                let speaker =
                    if client == speaker.client { Ok(Arc::clone(&speaker)) } else { shared.conversation(client) };
                if let Ok(speaker) = speaker {
                    shared.pass(&speaker, from, Direction::ToServer, bytes, Way::Up(from));
                }
            });
        });
        Ok(Way::Door(door))
    }

    /// Sends a datagram on its way under the rules; `port` is the server's.
    fn pass(
        self: &Arc<Shared>,
        conversation: &Arc<Conversation>,
        port: SocketAddr,
        direction: Direction,
        bytes: &[u8],
        way: Way,
    ) {
        let fault = lock(&self.rules).judge(direction);
        // A datagram is a whole: it is neither cut nor merged.
        let fault = fault.filter(|fault| !matches!(fault, Fault::Split(_) | Fault::Coalesce(_)));
        self.record.add((conversation.number, conversation.client, port), direction, deed(fault, bytes));
        let parcel = Parcel { bytes: bytes.to_vec(), way };
        match fault {
            Some(Fault::Lose) => {}
            Some(Fault::Reorder) => self.hold(conversation, direction, parcel),
            Some(Fault::Delay(time)) => {
                let (shared, conversation) = (Arc::clone(self), Arc::clone(conversation));
                self.schedule.after(time, move || shared.deliver(&conversation, direction, &parcel));
            }
            Some(Fault::Duplicate) => {
                self.deliver(conversation, direction, &parcel);
                self.deliver(conversation, direction, &parcel);
            }
            _ => self.deliver(conversation, direction, &parcel),
        }
    }

    /// Keeps a datagram until another has overtaken it, or none has come in time.
    fn hold(self: &Arc<Shared>, conversation: &Arc<Conversation>, direction: Direction, parcel: Parcel) {
        let overtaken = lock(&conversation.waiting[direction as usize]).replace(parcel);
        if let Some(earlier) = overtaken {
            self.send(conversation, &earlier);
        }
        let (shared, conversation) = (Arc::clone(self), Arc::clone(conversation));
        self.schedule.after(OVERTAKING, move || shared.release(&conversation, direction));
    }

    fn deliver(&self, conversation: &Conversation, direction: Direction, parcel: &Parcel) {
        self.send(conversation, parcel);
        self.release(conversation, direction);
    }

    fn release(&self, conversation: &Conversation, direction: Direction) {
        let waiting = lock(&conversation.waiting[direction as usize]).take();
        if let Some(parcel) = waiting {
            self.send(conversation, &parcel);
        }
    }

    /// Failing to send is a loss, and losses are what UDP programs must live with.
    fn send(&self, conversation: &Conversation, parcel: &Parcel) {
        let _ = match &parcel.way {
            Way::Up(port) => conversation.upstream.send_to(&parcel.bytes, port),
            Way::Front => self.front.send_to(&parcel.bytes, conversation.client),
            Way::Door(door) => door.send_to(&parcel.bytes, conversation.client),
        };
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
