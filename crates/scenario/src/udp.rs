//! A UDP socket of the lab, as an actor: it sends datagrams, expects some, and expects silence.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use transcript::Act;

use crate::program::side_by_side;
use crate::scene::{GLANCE, Scene, Watched, lock, titled};
use crate::trouble::{Outcome, Trouble, broken, demand};

/// The largest payload of a datagram, in bytes.
pub const MAX_DATAGRAM: usize = 65_507;

/// Somebody with a UDP socket.
pub struct UdpPeer {
    scene: Scene,
    name: String,
    socket: Arc<UdpSocket>,
    /// Whose datagrams alone count: those of the server that a client of the lab talks to.
    server: Option<SocketAddr>,
    /// Who sent the last datagram, or will get the next.
    partner: Option<SocketAddr>,
    forgiven: Arc<Forgiven>,
    buffer: Vec<u8>,
}

/// Datagrams that may come again. A client that asks again when it is not answered in time is right to do so, and on a
/// busy machine the lab may be the one that is late.
#[derive(Debug, Default)]
pub(crate) struct Forgiven(Mutex<Option<Vec<Vec<u8>>>>);

impl Forgiven {
    fn remember(&self, bytes: &[u8]) {
        if let Some(known) = &mut *lock(&self.0) {
            known.push(bytes.to_vec());
        }
    }

    pub(crate) fn has(&self, bytes: &[u8]) -> bool {
        lock(&self.0).as_ref().is_some_and(|known| known.iter().any(|datagram| datagram == bytes))
    }
}

/// A datagram that arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Datagram {
    /// Who sent it.
    pub from: SocketAddr,
    /// The payload.
    pub bytes: Vec<u8>,
}

impl UdpPeer {
    pub(crate) fn new(scene: &Scene, name: &str, socket: UdpSocket, partner: Option<SocketAddr>) -> Outcome<UdpPeer> {
        let (socket, forgiven) = (Arc::new(socket), Arc::default());
        scene.watch(name, &socket, &forgiven);
        scene.transcript().introduce(name, socket.local_addr()?);
        let (scene, name) = (scene.clone(), name.to_owned());
        Ok(UdpPeer { scene, name, socket, server: partner, partner, forgiven, buffer: vec![0; MAX_DATAGRAM + 1] })
    }

    /// The socket's own address.
    pub fn address(&self) -> SocketAddr {
        self.socket.local_addr().expect("a bound socket has an address")
    }

    /// Whom it talks to: given at the start, or the sender of the datagram that came last.
    ///
    /// # Errors
    ///
    /// Nobody yet: a mistake in the story.
    pub fn partner(&self) -> Outcome<SocketAddr> {
        self.partner.ok_or_else(|| io::Error::other(format!("{} has no partner yet", self.name)).into())
    }

    /// Sends one datagram to the partner.
    ///
    /// # Errors
    ///
    /// The system does not send it.
    pub fn send(&self, bytes: impl AsRef<[u8]>) -> Outcome {
        self.send_to(self.partner()?, bytes)
    }

    /// Sends one datagram to anybody.
    ///
    /// # Errors
    ///
    /// The system does not send it.
    pub fn send_to(&self, address: SocketAddr, bytes: impl AsRef<[u8]>) -> Outcome {
        let bytes = bytes.as_ref();
        self.note(Act::Sends, self.scene.described(bytes));
        self.socket.send_to(bytes, address).map_err(io_context("send", &self.name))?;
        Ok(())
    }

    /// From now on, only datagrams from this address are the expected ones.
    pub fn keeps_to(&mut self, address: SocketAddr) {
        self.server = Some(address);
    }

    /// From now on, a datagram that was expected once may come again at any time.
    pub fn forgives_repeats(&self) {
        lock(&self.forgiven.0).get_or_insert_default();
    }

    /// These bytes may come at any time, or not at all.
    pub fn may_get(&self, bytes: impl AsRef<[u8]>) {
        self.forgives_repeats();
        self.forgiven.remember(bytes.as_ref());
    }

    /// Waits for the next datagram, from whomever; its sender becomes the partner.
    ///
    /// # Errors
    ///
    /// None comes; `what` says what was expected.
    pub fn receive(&mut self, what: &str) -> Outcome<Datagram> {
        self.socket.set_read_timeout(Some(GLANCE))?;
        let arrived = self.scene.wait_for(|| match self.socket.recv_from(&mut self.buffer) {
            Ok((length, from)) => Ok(Some(Datagram { from, bytes: self.buffer[..length].to_vec() })),
            Err(error) if nothing_came(&error) => Ok(None),
            Err(error) => Err(error.into()),
        })?;
        let Some(datagram) = arrived else {
            return Err(match self.strayed(what) {
                Some(other) => self.strayed_to(&other, what),
                None => self.scene.in_vain(&self.name, what),
            });
        };
        self.note(Act::Receives, self.scene.described(&datagram.bytes));
        self.partner = Some(datagram.from);
        Ok(datagram)
    }

    /// Who else got a datagram that was waited for here.
    fn strayed(&self, what: &str) -> Option<String> {
        let others = self.scene.sockets().into_iter().filter(|watched| !Arc::ptr_eq(&watched.socket, &self.socket));
        others.into_iter().find_map(|Watched { owner, socket, .. }| {
            let mut buffer = vec![0; MAX_DATAGRAM];
            socket.set_nonblocking(true).ok()?;
            std::iter::from_fn(|| socket.recv(&mut buffer).ok().map(|length| self.scene.described(&buffer[..length])))
                .any(|came| came == what)
                .then_some(owner)
        })
    }

    fn strayed_to(&self, other: &str, what: &str) -> Trouble {
        self.scene.note(other, Act::Receives, what);
        let what = transcript::shortened(what);
        broken(format!("{} got {what}, which was for {}.", titled(other), self.name))
    }

    /// Whether a datagram arrives within `time`; it is left where it is.
    ///
    /// # Errors
    ///
    /// The system refuses.
    pub fn has_mail(&self, time: Duration) -> Outcome<bool> {
        self.socket.set_read_timeout(Some(time))?;
        match self.socket.peek(&mut [0; MAX_DATAGRAM]) {
            Ok(_) => Ok(true),
            Err(error) if nothing_came(&error) => Ok(false),
            // Windows says so of a datagram that is longer than the buffer: it is there.
            Err(_) => Ok(true),
        }
    }

    /// Throws away what has arrived and was not looked at: repetitions, of which time alone says how many there are.
    ///
    /// # Errors
    ///
    /// The system refuses.
    pub fn forgets_what_waits(&mut self) -> Outcome {
        self.socket.set_nonblocking(true)?;
        while self.socket.recv_from(&mut self.buffer).is_ok() {}
        self.socket.set_nonblocking(false)?;
        Ok(())
    }

    /// The next datagram must hold these bytes, and come from the partner, if there is one.
    ///
    /// # Errors
    ///
    /// Another comes, or none, or from somewhere else.
    pub fn expect(&mut self, bytes: impl AsRef<[u8]>) -> Outcome {
        let bytes = bytes.as_ref();
        let described = self.scene.described(bytes);
        let mut datagram = self.receive(&described)?;
        while datagram.bytes != bytes && self.forgiven.has(&datagram.bytes) {
            datagram = self.receive(&described)?;
        }
        self.forgiven.remember(bytes);
        let (name, due, came) = (titled(&self.name), described, self.scene.described(&datagram.bytes));
        if datagram.bytes != bytes {
            let because = format!(
                "{name} got {}, where {} was due.",
                brief(&came, datagram.bytes.len()),
                brief(&due, bytes.len())
            );
            return Err(broken(because).seen_in(side_by_side(&due, "got", &came)));
        }
        let from = datagram.from;
        demand(self.server.is_none_or(|server| server == from), || {
            let partner = self.server.map(|server| server.to_string()).unwrap_or_default();
            format!(
                "{name} got {} from {from}; it talks to {partner}, and an answer from elsewhere is no answer.",
                transcript::shortened(&came)
            )
        })
    }

    /// For `time`, nothing may arrive. Only for what no later event can show.
    ///
    /// # Errors
    ///
    /// Something arrives.
    pub fn expect_silence(&mut self, time: Duration) -> Outcome {
        let deadline = Instant::now() + time;
        let mut buffer = vec![0; MAX_DATAGRAM];
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                self.note(Act::Does, "hears nothing");
                return Ok(());
            }
            self.socket.set_read_timeout(Some(left))?;
            match self.socket.recv_from(&mut buffer) {
                Ok((length, _)) => {
                    let came = brief(&self.scene.described(&buffer[..length]), length);
                    self.note(Act::Receives, self.scene.described(&buffer[..length]));
                    return Err(broken(format!(
                        "{} got {came}, and it was too early for anything.",
                        titled(&self.name)
                    )));
                }
                Err(error) if nothing_came(&error) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// From now on, datagrams of the partner are refused as if nobody listened: the system answers them with ICMP "port
    /// unreachable". The port stays taken meanwhile, so that nobody else can get it.
    ///
    /// # Errors
    ///
    /// The system refuses.
    pub fn goes_away(&self) -> Outcome {
        self.note(Act::Does, "goes away: whoever writes to it is told that nobody listens");
        // A connected UDP socket takes datagrams from one address only. Its own sends none.
        self.socket.connect(self.address())?;
        Ok(())
    }

    /// Listens to the partner again, after [`UdpPeer::goes_away`].
    ///
    /// # Errors
    ///
    /// The system refuses.
    pub fn comes_back(&self) -> Outcome {
        self.note(Act::Does, "is back");
        self.socket.connect(self.partner()?)?;
        Ok(())
    }

    fn note(&self, act: Act, text: impl Into<String>) {
        self.scene.note(&self.name, act, text);
    }
}

/// The bytes in words as they are, or of many the beginning and how many there are.
fn brief(words: &str, length: usize) -> String {
    const SHOWN: usize = 40;
    if words.chars().count() <= SHOWN {
        return words.to_owned();
    }
    let head: String = words.chars().take(SHOWN / 2).collect();
    let quote = if words.starts_with('"') { "\"" } else { "" };
    // Half an escape says nothing.
    format!("{}…{quote} ({length} bytes)", head.trim_end_matches('\\'))
}

/// Errors of a receive that mean: nothing (yet). Windows reports here that an earlier datagram was refused.
pub(crate) fn nothing_came(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionRefused, ConnectionReset, Interrupted, TimedOut, WouldBlock};
    matches!(error.kind(), WouldBlock | TimedOut | ConnectionReset | ConnectionRefused | Interrupted)
}

fn io_context(what: &str, name: &str) -> impl FnOnce(io::Error) -> io::Error {
    let (what, name) = (what.to_owned(), name.to_owned());
    move |error| io::Error::new(error.kind(), format!("{name} cannot {what}: {error}"))
}
