//! What a tap saw: every byte with its direction and time, and what was done to it.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::rule::{Direction, Fault};

/// How many bytes a tap keeps in its record. Beyond that it goes on passing, and its watcher goes on hearing.
const KEPT: usize = 64 << 20;

/// One thing that happened on the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Since the tap was started.
    pub at: Duration,
    /// Which client, counted from 1.
    pub conversation: usize,
    /// The client's address.
    pub client: SocketAddr,
    /// The server's, whose port may be one of several.
    pub server: SocketAddr,
    /// Which way.
    pub direction: Direction,
    /// What.
    pub deed: Deed,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deed {
    /// A connection was made.
    Opened,
    /// Bytes were passed on: a datagram, or what one read of a stream brought.
    Passed(Vec<u8>),
    /// A datagram was taken away.
    Lost(Vec<u8>),
    /// A datagram was passed on twice.
    Doubled(Vec<u8>),
    /// A datagram was held back until another had passed.
    Swapped(Vec<u8>),
    /// Bytes were passed on later.
    Delayed(Vec<u8>, Duration),
    /// Bytes were passed on in pieces of this size.
    Split(Vec<u8>, usize),
    /// Bytes were held back.
    Held(Vec<u8>),
    /// This side sends no more.
    Ended,
    /// This side broke off.
    Broken,
}

impl Event {
    /// Who did it, and what, in words.
    pub fn described(&self) -> (&'static str, String) {
        self.described_by(described)
    }

    /// The same, with bytes in the words of somebody who knows the protocol.
    pub fn described_by(&self, described: impl Fn(&[u8]) -> String) -> (&'static str, String) {
        let actor = match self.direction {
            Direction::ToServer => "client",
            Direction::ToClient => "server",
        };
        let words = match &self.deed {
            Deed::Opened => "connects".to_owned(),
            Deed::Passed(bytes) => described(bytes),
            Deed::Lost(bytes) => format!("{} lost on the way", described(bytes)),
            Deed::Doubled(bytes) => format!("{} arrives twice", described(bytes)),
            Deed::Swapped(bytes) => format!("{} held back until another has passed", described(bytes)),
            Deed::Delayed(bytes, time) => format!("{} arrives {} ms late", described(bytes), time.as_millis()),
            Deed::Split(bytes, size) => format!("{} arrives in pieces of {size} bytes", described(bytes)),
            Deed::Held(bytes) => format!("{} held back", described(bytes)),
            Deed::Ended => "sends no more".to_owned(),
            Deed::Broken => "breaks off".to_owned(),
        };
        (actor, words)
    }

    /// The bytes that were sent, if it was about bytes.
    pub fn bytes(&self) -> Option<&[u8]> {
        match &self.deed {
            Deed::Passed(bytes)
            | Deed::Lost(bytes)
            | Deed::Doubled(bytes)
            | Deed::Swapped(bytes)
            | Deed::Delayed(bytes, _)
            | Deed::Split(bytes, _)
            | Deed::Held(bytes) => Some(bytes),
            Deed::Opened | Deed::Ended | Deed::Broken => None,
        }
    }
}

fn described(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => format!("{text:?}"),
        Err(_) => format!("{} bytes that are not UTF-8", bytes.len()),
    }
}

/// Hears of every event as it happens.
pub type Watcher = Box<dyn FnMut(&Event) + Send>;

/// The number of a conversation, and the addresses of the client and the server.
pub(crate) type Between = (usize, SocketAddr, SocketAddr);

/// Where the threads of a tap write.
#[derive(Clone)]
pub(crate) struct Record(Arc<Inner>);

struct Inner {
    began: Instant,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    events: Vec<Event>,
    kept: usize,
    watcher: Option<Watcher>,
}

impl std::fmt::Debug for Record {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(f, "Record of {} events", self.events().len())
    }
}

impl Record {
    pub(crate) fn new(watcher: Option<Watcher>) -> Record {
        let state = Mutex::new(State { watcher, ..State::default() });
        Record(Arc::new(Inner { began: Instant::now(), state }))
    }

    pub(crate) fn add(&self, (conversation, client, server): Between, direction: Direction, deed: Deed) {
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        let event = Event { at: self.0.began.elapsed(), conversation, client, server, direction, deed };
        if let Some(watcher) = &mut state.watcher {
            watcher(&event);
        }
        state.kept += size_of::<Event>() + event.bytes().map_or(0, <[u8]>::len);
        if state.kept <= KEPT {
            state.events.push(event);
        }
    }

    pub(crate) fn events(&self) -> Vec<Event> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner).events.clone()
    }
}

/// What happened to these bytes under this fault.
pub(crate) fn deed(fault: Option<Fault>, bytes: &[u8]) -> Deed {
    let bytes = bytes.to_vec();
    match fault {
        None => Deed::Passed(bytes),
        Some(Fault::Lose) => Deed::Lost(bytes),
        Some(Fault::Duplicate) => Deed::Doubled(bytes),
        Some(Fault::Reorder) => Deed::Swapped(bytes),
        Some(Fault::Delay(time)) => Deed::Delayed(bytes, time),
        Some(Fault::Split(size)) => Deed::Split(bytes, size),
        Some(Fault::Coalesce(_)) => Deed::Held(bytes),
    }
}
