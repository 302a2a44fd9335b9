//! What the actors of one stage share: the transcript, the patience, and who is on.

use std::net::UdpSocket;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use supervise::Child;
use transcript::{Act, Transcript};

use crate::role::Role;
use crate::stage::Describe;
use crate::trouble::{Outcome, Trouble, broken};
use crate::udp::Forgiven;

/// How long something that must come is waited for, before `PATIENCE` stretches it.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long a program that was asked to end, and children that it leaves, may take.
const GRACE: Duration = Duration::from_secs(1);

/// How long a stage may take in all: a program that is always just in time must not hold the lab up for ever.
const STAGE: Duration = Duration::from_secs(30);

/// How much longer for each program in it: an interpreter takes a moment to start, and some stages start fifty.
const START: Duration = Duration::from_secs(2);

/// How long to wait for the network before looking whether the program that should act has ended meanwhile.
pub(crate) const GLANCE: Duration = Duration::from_millis(20);

/// Shared by a lab and everyone in it; a clone is the same scene.
#[derive(Debug, Clone)]
pub(crate) struct Scene(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    transcript: Mutex<Transcript>,
    cast: Mutex<Vec<Actor>>,
    sockets: Mutex<Vec<Watched>>,
    notes: Mutex<Vec<String>>,
    factor: f64,
    /// When the patience with the whole stage is over.
    curfew: Mutex<Instant>,
    describe: Describe,
}

/// A UDP socket of the lab, and what may be in it at the end although nobody expected it.
#[derive(Debug, Clone)]
pub(crate) struct Watched {
    pub(crate) owner: String,
    pub(crate) socket: Arc<UdpSocket>,
    pub(crate) forgiven: Arc<Forgiven>,
}

/// A program under test that is, or was, on stage.
#[derive(Debug, Clone)]
pub(crate) struct Actor {
    pub(crate) role: Role,
    pub(crate) child: Arc<Child>,
    /// Whether it should go on until the lab ends it: a server that listens.
    pub(crate) on_duty: Arc<AtomicBool>,
}

impl Actor {
    pub(crate) fn new(role: Role, child: Child) -> Actor {
        Actor { role, child: Arc::new(child), on_duty: Arc::default() }
    }

    /// Whether it has ended though it should have gone on.
    pub(crate) fn has_deserted(&self) -> bool {
        self.on_duty.load(Ordering::Relaxed) && self.child.has_ended()
    }

    /// `your server`
    pub(crate) fn name(&self) -> String {
        format!("your {}", self.role.name())
    }
}

impl Scene {
    pub(crate) fn new(describe: Describe) -> Scene {
        let (transcript, cast, sockets, notes) = Default::default();
        let factor = patience_factor();
        let curfew = Mutex::new(Instant::now() + STAGE.mul_f64(factor));
        Scene(Arc::new(Shared { transcript, cast, sockets, notes, factor, curfew, describe }))
    }

    /// Bytes on the wire, in the words of the chapter's protocol.
    pub(crate) fn described(&self, bytes: &[u8]) -> String {
        (self.0.describe)(bytes)
    }

    /// How long to wait for what must come; less when the stage has taken long already.
    pub(crate) fn patience(&self) -> Duration {
        let left = lock(&self.0.curfew).saturating_duration_since(Instant::now());
        PATIENCE.mul_f64(self.0.factor).min(left).max(Duration::from_millis(1))
    }

    /// How long a program that was asked to end, and children that it leaves, may take.
    pub(crate) fn grace(&self) -> Duration {
        GRACE.mul_f64(self.0.factor)
    }

    /// How long was waited in vain, to be told to people: the patience, or what the stage had left of its time.
    pub(crate) fn waited(&self) -> String {
        if Instant::now() < *lock(&self.0.curfew) {
            return format!("{} s", PATIENCE.mul_f64(self.0.factor).as_secs_f64());
        }
        "what was left of the stage's time".to_owned()
    }

    /// The stage's time begins now: before, it had to wait for others.
    pub(crate) fn begins_now(&self) {
        *lock(&self.0.curfew) = Instant::now() + STAGE.mul_f64(self.0.factor);
    }

    pub(crate) fn transcript(&self) -> MutexGuard<'_, Transcript> {
        lock(&self.0.transcript)
    }

    pub(crate) fn note(&self, actor: &str, act: Act, text: impl Into<String>) {
        self.transcript().note(actor, act, text);
    }

    pub(crate) fn enter(&self, actor: Actor) {
        *lock(&self.0.curfew) += START.mul_f64(self.0.factor);
        lock(&self.0.cast).push(actor);
    }

    pub(crate) fn cast(&self) -> Vec<Actor> {
        lock(&self.0.cast).clone()
    }

    /// A socket of the lab; when the story is over, nothing that nobody expected may be left in it.
    pub(crate) fn watch(&self, owner: &str, socket: &Arc<UdpSocket>, forgiven: &Arc<Forgiven>) {
        let (owner, socket, forgiven) = (owner.to_owned(), Arc::clone(socket), Arc::clone(forgiven));
        lock(&self.0.sockets).push(Watched { owner, socket, forgiven });
    }

    pub(crate) fn sockets(&self) -> Vec<Watched> {
        lock(&self.0.sockets).clone()
    }

    /// Forgets what happened so far: for a part of a story that is told anew.
    pub(crate) fn clear(&self) {
        *self.transcript() = Transcript::default();
        lock(&self.0.cast).clear();
        lock(&self.0.sockets).clear();
    }

    /// Something worth telling that is no failure.
    pub(crate) fn remark(&self, note: String) {
        let mut notes = lock(&self.0.notes);
        if !notes.contains(&note) {
            notes.push(note);
        }
    }

    pub(crate) fn remarks(&self) -> Vec<String> {
        lock(&self.0.notes).clone()
    }

    /// Whether every program of the stage has ended, or is blocked by what it prints: then nothing more will come.
    fn all_are_done(&self) -> bool {
        let cast = lock(&self.0.cast);
        !cast.is_empty() && cast.iter().all(|actor| actor.child.has_ended() || actor.child.prints_too_much())
    }

    /// No server has ended by itself.
    pub(crate) fn all_still_serve(&self) -> Outcome {
        let Some(actor) = self.cast().into_iter().find(Actor::has_deserted) else {
            return Ok(());
        };
        self.note(actor.role.name(), Act::Does, ended(&actor.child));
        Err(broken("A server goes on until it is ended.").of(&["C6"]))
    }

    /// Calls `glance` until it has something, the patience is over, or nobody is left who could send it.
    pub(crate) fn wait_for<T>(&self, mut glance: impl FnMut() -> Outcome<Option<T>>) -> Outcome<Option<T>> {
        let deadline = Instant::now() + self.patience();
        loop {
            // Asked before the look: what a program sent before it ended is there to be seen.
            let last_look = self.all_are_done() || Instant::now() >= deadline;
            let seen = glance()?;
            if seen.is_some() || last_look {
                return Ok(seen);
            }
        }
    }

    /// The failure that something did not come: because its sender has ended, or is silent.
    pub(crate) fn in_vain(&self, who: &str, what: &str) -> Trouble {
        let waited = self.waited();
        let what = transcript::shortened(what);
        let cast = self.cast();
        // Of several clients, one after the other, only the last can be meant.
        let is_last = |at: usize| !cast[at + 1..].iter().any(|later| later.role == cast[at].role);
        let ended_last = cast.iter().enumerate().find(|(at, actor)| actor.child.has_ended() && is_last(*at));
        if let Some((_, actor)) = ended_last {
            self.note(who, Act::Does, format!("waits for {what}: in vain"));
            // That a server has ended is said anyway.
            let how = if actor.has_deserted() {
                String::new()
            } else {
                format!("{} {}. ", capital(&actor.name()), ended(&actor.child))
            };
            return broken(format!("{how}{} was still waiting for {what}.", titled(who)));
        }
        self.note(who, Act::Does, format!("waits for {what}: in vain, for {waited}"));
        let busy = cast
            .iter()
            .find_map(|actor| Some(format!(" Just now {} waits for {}.", actor.name(), actor.child.waits_for()?)));
        broken(format!("{} waited {waited} in vain for {what}.{}", titled(who), busy.unwrap_or_default()))
    }
}

/// How a program that has ended did so: `ended with exit status 1`.
pub(crate) fn ended(child: &Child) -> String {
    match child.status() {
        None => "is still running".to_owned(),
        Some(status) => match status.code() {
            Some(code) => format!("ended with exit status {code}"),
            None => format!("was ended by the system ({status})"),
        },
    }
}

/// Who it is, at the beginning of a sentence: the server of a client's stage is the lab's, and not the student's.
pub(crate) fn titled(name: &str) -> String {
    if name == "server" { "The lab's server".to_owned() } else { capital(name) }
}

/// `Your server`
pub(crate) fn capital(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// How far slow machines stretch the patience: the environment variable `PATIENCE`.
fn patience_factor() -> f64 {
    let factor = std::env::var("PATIENCE").ok().and_then(|factor| factor.parse::<f64>().ok());
    factor.filter(|factor| (0.01..=1000.0).contains(factor)).unwrap_or(1.0)
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
