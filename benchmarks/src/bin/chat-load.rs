//! `chat-load ADDRESS RECEIVERS`: one client talks, the others listen. When all are in the room, it prints `ready`. For
//! each line `BURST SECONDS` on stdin, it says so many lines in one write, waits until everybody has heard them, says
//! the next, and so on; then it prints the lines delivered in a second, and how many microseconds it took from saying
//! to hearing, at p50 and p99.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use mio::{Events, Interest, Poll, Token};

/// Begins the line that everybody waits for before the measurement begins: until then, a room may have news of its own.
const READY: &[u8] = b"everybody is here";

const LINE: &[u8] = b"The quick brown fox jumps over it\n";

/// How long nothing may come.
const PATIENCE: Duration = Duration::from_secs(20);

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let mut next = || arguments.next().context("write: chat-load ADDRESS RECEIVERS");
    let mut room = Room::enter(next()?.parse()?, next()?.parse()?)?;
    room.settle()?;
    println!("ready");
    for line in std::io::stdin().lines() {
        let line = line?;
        let (burst, seconds) = line.split_once(' ').context("write: BURST SECONDS")?;
        let (burst, time) = (burst.parse()?, Duration::from_secs_f64(seconds.parse()?));
        // The first rounds find buffers cold and small.
        room.talk(burst, time / 3)?;
        let heard = room.talk(burst, time)?;
        println!("{:.0} {:.0} {:.0}", heard.rate, heard.percentile(50), heard.percentile(99));
    }
    Ok(())
}

struct Room {
    talker: TcpStream,
    listeners: Vec<Listener>,
    poll: Poll,
    events: Events,
    buffer: Vec<u8>,
}

struct Listener {
    stream: mio::net::TcpStream,
    /// How many lines it has still to hear.
    due: usize,
    /// The last bytes it heard, as long as it waits for [`READY`].
    tail: Vec<u8>,
}

/// How many there are. The sums of 255 and less fit into a byte, and bytes are added many at a time.
fn newlines(bytes: &[u8]) -> usize {
    let sum = |chunk: &[u8]| chunk.iter().map(|byte| u8::from(*byte == b'\n')).sum::<u8>();
    bytes.chunks(255).map(|chunk| usize::from(sum(chunk))).sum()
}

struct Heard {
    rate: f64,
    microseconds: Vec<f64>,
}

impl Heard {
    fn percentile(&self, percent: usize) -> f64 {
        self.microseconds[(self.microseconds.len() - 1) * percent / 100]
    }
}

impl Room {
    /// The talker comes last, so whoever hears it has seen all the others come.
    fn enter(address: SocketAddr, receivers: usize) -> anyhow::Result<Room> {
        let poll = Poll::new()?;
        let mut listeners = Vec::new();
        for number in 0..receivers {
            let stream = TcpStream::connect(address).with_context(|| format!("client {number} cannot connect"))?;
            stream.set_nonblocking(true)?;
            let mut stream = mio::net::TcpStream::from_std(stream);
            poll.registry().register(&mut stream, Token(number), Interest::READABLE)?;
            listeners.push(Listener { stream, due: 0, tail: Vec::new() });
            // Some servers let no more than ten wait to be accepted, and the system turns away whoever comes then.
            if number % 8 == 7 {
                thread::sleep(Duration::from_millis(2));
            }
        }
        let talker = TcpStream::connect(address).context("the talker cannot connect")?;
        talker.set_nodelay(true)?;
        // What the talker is told is of no interest, but must not fill its buffers: nothing is said to it.
        Ok(Room { talker, listeners, poll, events: Events::with_capacity(receivers), buffer: vec![0; 64 << 10] })
    }

    /// Waits until everybody hears the talker.
    fn settle(&mut self) -> anyhow::Result<()> {
        self.talker.write_all(&[READY, b"\n"].concat())?;
        self.listeners.iter_mut().for_each(|listener| listener.due = 1);
        self.listen(|listener, bytes| {
            listener.tail.extend_from_slice(bytes);
            if listener.tail.windows(READY.len()).any(|heard| heard == READY) && listener.tail.ends_with(b"\n") {
                listener.due = 0;
            }
            let old = listener.tail.len().saturating_sub(2 * READY.len());
            listener.tail.drain(..old);
        })
    }

    fn talk(&mut self, burst: usize, time: Duration) -> anyhow::Result<Heard> {
        let lines = LINE.repeat(burst);
        let mut microseconds = Vec::new();
        let (began, mut delivered) = (Instant::now(), 0);
        while began.elapsed() < time {
            self.listeners.iter_mut().for_each(|listener| listener.due = burst);
            let said = Instant::now();
            self.talker.write_all(&lines)?;
            self.listen(|listener, bytes| {
                listener.due = listener.due.saturating_sub(newlines(bytes));
                if listener.due == 0 {
                    microseconds.push(said.elapsed().as_secs_f64() * 1e6);
                }
            })?;
            delivered += burst * self.listeners.len();
        }
        let rate = delivered as f64 / began.elapsed().as_secs_f64();
        microseconds.sort_by(f64::total_cmp);
        Ok(Heard { rate, microseconds })
    }

    /// Gives everybody what arrives for them, until nobody has anything due.
    fn listen(&mut self, mut hear: impl FnMut(&mut Listener, &[u8])) -> anyhow::Result<()> {
        let mut waiting = self.listeners.iter().filter(|listener| listener.due > 0).count();
        while waiting > 0 {
            self.poll.poll(&mut self.events, Some(PATIENCE))?;
            ensure!(!self.events.is_empty(), "{waiting} clients did not hear everything");
            for event in &self.events {
                let listener = &mut self.listeners[event.token().0];
                let was_due = listener.due > 0;
                // mio tells of new bytes only, so all that is there must be read: less than there is room for is all.
                loop {
                    let length = match listener.stream.read(&mut self.buffer) {
                        Ok(0) => bail!("the server closed a connection"),
                        Ok(length) => length,
                        Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                        Err(error) => return Err(error.into()),
                    };
                    hear(listener, &self.buffer[..length]);
                    if length < self.buffer.len() {
                        break;
                    }
                }
                waiting -= usize::from(was_due && listener.due == 0);
            }
        }
        Ok(())
    }
}
