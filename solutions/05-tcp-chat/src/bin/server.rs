//! A room in which everybody hears everybody, and the operator.
//!
//! Each client has a thread that listens to it; the operator has one; one waits for more clients. What they hear they
//! tell the [`Room`], over one channel: in the order in which it leaves that channel it was said, for everybody.

use std::collections::BTreeMap;
use std::io::{self, BufRead, ErrorKind};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use anyhow::Context;
use clap::Parser;
use tcp_chat::terminal::{complain, finish, host_port, read_line, say};
use tcp_chat::{Lines, MAX_LINE, MAX_SERVER_LINE, Outbox, Step, readable};

/// How many events may wait. Then whoever has more to tell waits, and TCP lets its client wait.
const EVENTS: usize = 256;

/// How many bytes of talk are gathered before they are sent.
const BATCH: usize = 16 << 10;

/// How often to look for an event before going to sleep until there is one.
const GLANCES: usize = 200;

/// How long a write may wait; and how long to wait before trying again to send to somebody who is behind, twice as long
/// each time, while nobody says a word.
const MOMENT: Duration = Duration::from_millis(1);

/// The longest such wait.
const LONGEST_MOMENT: Duration = Duration::from_millis(128);

/// How much stack the thread of a client gets; there may be thousands.
const STACK: usize = 64 << 10;

/// Lets everybody who connects talk with everybody else. Lines typed here go to all; `exit` ends it.
#[derive(Parser)]
#[command(after_help = "Example:\n  server --bind 127.0.0.1:8008     and then, in other terminals:  nc 127.0.0.1 8008")]
struct Args {
    /// Address to listen on; port 0 asks for a free one
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8008", value_parser = host_port)]
    bind: String,
    /// Print nothing but the listening line
    #[arg(long)]
    quiet: bool,
}

fn main() -> ExitCode {
    finish(run(&Args::parse()))
}

/// Listens, says where, and keeps the room until the operator leaves.
///
/// # Your turn
///
/// Bind a `TcpListener` to `args.bind`, `say` "listening on ADDRESS" with the real port (`local_addr`). Make a
/// `sync_channel` of `EVENTS` places. Start two threads, `welcome_all` and `hear_operator`, each with a sender; `keep`
/// the room with the receiver.
fn run(args: &Args) -> anyhow::Result<()> {
    let listener = TcpListener::bind(&args.bind).with_context(|| format!("cannot listen on {}", args.bind))?;
    say(format_args!("listening on {}", listener.local_addr()?))?;
    let (tell, events) = sync_channel(EVENTS);
    let operator = tell.clone();
    thread::spawn(move || welcome_all(&listener, &tell));
    thread::spawn(move || hear_operator(&operator));
    Room::new(args.quiet).keep(&events)
}

/// What the room is told.
enum Event {
    /// A client connected.
    Joined { client: usize, peer: SocketAddr, stream: Arc<TcpStream> },
    /// A client said one or more lines. They are ready to be passed on: `client-1: hi`, each with its newline.
    Said { client: usize, lines: String },
    /// A client left; the reason, if there is one, is ` (in brackets)`.
    Left { client: usize, why: &'static str },
    /// The operator said a line.
    Announced(String),
    /// The operator said `exit`.
    Closing,
}

/// Accepts clients for ever, and lets each be heard by a thread of its own.
///
/// # Your turn
///
/// Count the clients from 1. Switch Nagle's algorithm off (`set_nodelay`), let no write wait longer than a `MOMENT`
/// (`set_write_timeout`), tell the room that the client `Joined`, then start a thread with a stack of `STACK` bytes
/// that runs `hear`. An error of `accept` must not end the loop, nor make it spin.
fn welcome_all(listener: &TcpListener, tell: &SyncSender<Event>) {
    for client in 1.. {
        let (stream, peer) = next_connection(listener);
        // Nagle's algorithm would keep a short line back until the one before is acknowledged (RFC 1122, section
        // 4.2.3.4).
        let _ = stream.set_nodelay(true);
        let _ = stream.set_write_timeout(Some(MOMENT));
        // One socket for both threads, not a copy for each: descriptors are scarce.
        let stream = Arc::new(stream);
        if tell.send(Event::Joined { client, peer, stream: Arc::clone(&stream) }).is_err() {
            return;
        }
        let teller = tell.clone();
        let hearing = thread::Builder::new().stack_size(STACK).spawn(move || hear(client, &stream, &teller));
        if let Err(error) = hearing {
            complain(format_args!("no thread to hear client-{client}: {error}"));
            let _ = tell.send(Event::Left { client, why: "" });
        }
    }
}

/// Waits for the next client, however often that fails.
fn next_connection(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept() {
            Ok(connection) => return connection,
            // Some systems report here that a client was gone before it was accepted.
            Err(error) if matches!(error.kind(), ErrorKind::ConnectionAborted | ErrorKind::Interrupted) => {}
            Err(error) => {
                complain(format_args!("cannot accept a connection: {error}"));
                // Out of descriptors, accept fails at once, again and again; only time frees one.
                thread::sleep(Duration::from_millis(50));
            }
        }
    }
}

/// Tells the room what a client says, until it leaves.
///
/// # Your turn
///
/// Take lines until `next_lines` has a reason to end; then tell the room that the client `Left`. Whatever was said
/// before comes first.
fn hear(client: usize, stream: &TcpStream, tell: &SyncSender<Event>) {
    let mut lines = Lines::new(MAX_LINE);
    let why = loop {
        let (said, end) = next_lines(client, stream, &mut lines);
        if !said.is_empty() && tell.send(Event::Said { client, lines: said }).is_err() {
            return;
        }
        if let Some(why) = end {
            break why;
        }
    };
    let _ = tell.send(Event::Left { client, why });
}

/// Reads once. Returns the lines that are complete now, ready to be passed on, and the reason if they were the last.
///
/// # Your turn
///
/// `read_from` the stream; an error but for `WouldBlock` (see `Client::send`) is an end. Write each line as "client-N:
/// TEXT" and a newline, with the text `readable`. `exit` is an end, and is not passed on. `TooLong` is an end with the
/// reason " (line too long)". At the end of the stream, the `rest` is a line, too, unless it is empty.
fn next_lines(client: usize, mut stream: &TcpStream, lines: &mut Lines) -> (String, Option<&'static str>) {
    let mut said = String::new();
    let mut pass_on = |line: &[u8]| said.extend(["client-", &client.to_string(), ": ", &readable(line), "\n"]);
    let is_last = match lines.read_from(&mut stream) {
        Ok(length) => length == 0,
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {
            thread::yield_now();
            return (said, None);
        }
        Err(_) => return (said, Some("")),
    };
    loop {
        match lines.next_line() {
            Step::Line(b"exit") => return (said, Some("")),
            Step::Line(line) => pass_on(line),
            Step::TooLong => return (said, Some(" (line too long)")),
            Step::NotYet => break,
        }
    }
    if is_last && !matches!(lines.rest(), b"" | b"exit") {
        pass_on(lines.rest());
    }
    (said, is_last.then_some(""))
}

/// Tells the room what the operator types. The end of the input ends the operator's part, and nothing else.
///
/// # Your turn
///
/// Read lines of stdin with `read_line`; one that is too long is worth a `complain`, and skipped to its end
/// (`skip_until`); another error is the end. `exit` is `Closing`, all else is `Announced` as "server: TEXT" and a newline,
/// with the text `readable`, and `cut`.
fn hear_operator(tell: &SyncSender<Event>) {
    let mut input = io::stdin().lock();
    loop {
        let line = match read_line(&mut input, MAX_SERVER_LINE) {
            Ok(Some(line)) => line,
            Ok(None) => return,
            Err(error) if error.kind() == ErrorKind::InvalidInput => {
                complain(format_args!("not sent: {error}"));
                let _ = input.skip_until(b'\n');
                continue;
            }
            Err(error) => return complain(format_args!("no more is read from standard input: {error}")),
        };
        let event = match &line[..] {
            b"exit" => Event::Closing,
            // Bytes that are no text become longer, and a client takes no more than this.
            line => Event::Announced(cut(format!("server: {}", readable(line)), MAX_SERVER_LINE) + "\n"),
        };
        if tell.send(event).is_err() {
            return;
        }
    }
}

/// The line, or as many of its characters as fit into `most` bytes.
fn cut(mut line: String, most: usize) -> String {
    while line.len() > most {
        line.pop();
    }
    line
}

/// Who is here, and what they have still to be told. The one place where the order of the lines is made.
struct Room {
    clients: BTreeMap<usize, Client>,
    /// Whether somebody did not take all there was, the last time.
    is_behind: bool,
    /// Lines that are still to be printed.
    minutes: String,
    quiet: bool,
}

/// Somebody in the room.
struct Client {
    stream: Arc<TcpStream>,
    outbox: Outbox,
}

impl Room {
    fn new(quiet: bool) -> Room {
        Room { clients: BTreeMap::new(), is_behind: false, minutes: String::new(), quiet }
    }

    /// Does what it is told, until it is told to close.
    ///
    /// What has been told while the last lines were sent is gathered first: each client gets it in one write. A write
    /// for each line and client would be the most work by far.
    ///
    /// # Your turn
    ///
    /// In a loop: wait for the `next_event`, for `MOMENT` only when somebody `is_behind`. `handle` it, and all others that are
    /// there already (`try_iter`), up to `BATCH` bytes of talk. Then `send_all`, and print the minutes. `Closing`:
    /// `close`, and return.
    fn keep(&mut self, events: &Receiver<Event>) -> anyhow::Result<()> {
        const FOR_EVER: Duration = Duration::from_secs(3600);
        let mut moment = MOMENT;
        loop {
            let first = next_event(events, if self.is_behind { moment } else { FOR_EVER });
            moment = if first.is_ok() { MOMENT } else { LONGEST_MOMENT.min(2 * moment) };
            let mut size = 0;
            for event in first.into_iter().chain(events.try_iter()) {
                if matches!(event, Event::Closing) {
                    return self.close();
                }
                size += self.handle(event);
                if size > BATCH {
                    break;
                }
            }
            self.send_all();
            self.print_minutes()?;
        }
    }

    /// Puts into each outbox what belongs there; returns how many bytes were said.
    ///
    /// # Your turn
    ///
    /// `Joined`: add "client-N joined from PEER" to the minutes, `tell` the others "client-N joined", then take the
    /// client in. `Said`: add the lines to the minutes and `tell` the others, unless the client was dropped meanwhile.
    /// `Left`: `remove` it. `Announced`: `tell` everybody.
    fn handle(&mut self, event: Event) -> usize {
        match event {
            Event::Joined { client, peer, stream } => {
                self.minutes.push_str(&format!("client-{client} joined from {peer}\n"));
                self.tell(None, &format!("client-{client} joined\n"));
                self.clients.insert(client, Client { stream, outbox: Outbox::default() });
                0
            }
            Event::Said { client, lines } if self.clients.contains_key(&client) => {
                self.minutes.push_str(&lines);
                self.tell(Some(client), &lines);
                lines.len()
            }
            Event::Said { .. } | Event::Closing => 0,
            Event::Left { client, why } => {
                self.remove(client, why);
                0
            }
            Event::Announced(line) => {
                self.tell(None, &line);
                line.len()
            }
        }
    }

    /// Puts lines into everybody's outbox but their author's. Whoever has no room left for them is dropped: what a
    /// server keeps for somebody who does not read must have a limit, and others must not wait for him.
    ///
    /// # Your turn
    ///
    /// `add` the lines to each outbox but the author's, and note for which that fails; then `remove` those as " (too
    /// slow)".
    fn tell(&mut self, author: Option<usize>, lines: &str) {
        let mut too_slow = Vec::new();
        for (number, client) in &mut self.clients {
            if Some(*number) != author && !client.outbox.add(lines) {
                too_slow.push(*number);
            }
        }
        for client in too_slow {
            self.remove(client, " (too slow)");
        }
    }

    /// Takes a client out, closes its connection, and tells the others. One that was taken out before stays out.
    ///
    /// # Your turn
    ///
    /// Remove it from the map; if it was there, `send` what is in its outbox, and shut its stream down
    /// (`Shutdown::Both`), which also ends the thread that reads from it. Then add "client-N left WHY" to the minutes
    /// and tell the others.
    fn remove(&mut self, client: usize, why: &str) {
        let Some(mut gone) = self.clients.remove(&client) else { return };
        gone.send();
        let _ = gone.stream.shutdown(Shutdown::Both);
        let line = format!("client-{client} left{why}\n");
        self.minutes.push_str(&line);
        self.tell(None, &line);
    }

    /// Sends everybody what is in their outbox. Who takes nothing is not waited for. But who reads and is far behind,
    /// perhaps because the machine is busy, is given time to catch up, or a fast talker would drive every listener out.
    /// Only who reads earns more of it (`Outbox`).
    ///
    /// # Your turn
    ///
    /// `send_once`. If any outbox `takes_a_moment`, sleep for a `MOMENT` and do it again; ask all of them each time, for
    /// it is the same moment that all of them get.
    fn send_all(&mut self) {
        loop {
            self.send_once();
            let mut somebody_waits = false;
            for client in self.clients.values_mut() {
                somebody_waits |= client.outbox.takes_a_moment();
            }
            if !somebody_waits {
                return;
            }
            thread::sleep(MOMENT);
        }
    }

    /// Sends everybody what is in their outbox, as far as they take it. The first who does not take all may cost a
    /// moment; while anybody is behind, nobody does.
    ///
    /// # Your turn
    ///
    /// `send_in_a_moment` to each client, but `send` once somebody `is_behind`, since the last time or just now. Note in
    /// `is_behind` whether anybody's outbox is not empty afterwards.
    fn send_once(&mut self) {
        let was_behind = std::mem::take(&mut self.is_behind);
        for client in self.clients.values_mut() {
            if was_behind || self.is_behind {
                client.send();
            } else {
                client.send_in_a_moment();
            }
            self.is_behind |= !client.outbox.is_empty();
        }
    }

    /// Prints what has happened.
    fn print_minutes(&mut self) -> anyhow::Result<()> {
        let lines = std::mem::take(&mut self.minutes);
        match lines.strip_suffix('\n') {
            Some(lines) if !self.quiet => say(lines),
            _ => Ok(()),
        }
    }

    /// Says the last words, and closes every connection.
    fn close(&mut self) -> anyhow::Result<()> {
        self.send_all();
        for client in self.clients.values() {
            let _ = client.stream.shutdown(Shutdown::Both);
        }
        self.print_minutes()
    }
}

/// Waits for an event. Where people talk, the next one is often on its way: to look for it again and again, and let others
/// work in between, takes less time than to fall asleep and be woken.
///
/// # Your turn
///
/// `try_recv` up to `GLANCES` times, and `yield_now` after each; then `recv_timeout`.
fn next_event(events: &Receiver<Event>, patience: Duration) -> Result<Event, RecvTimeoutError> {
    for _ in 0..GLANCES {
        if let Ok(event) = events.try_recv() {
            return Ok(event);
        }
        thread::yield_now();
    }
    events.recv_timeout(patience)
}

impl Client {
    /// Sends what is in the outbox, as far as that needs no waiting.
    ///
    /// "Without waiting" is a property of the socket, not of the call, and the thread that reads from it should wait.
    /// So it holds for the moment of the write alone; a read that begins in this moment fails with `WouldBlock`, and is
    /// repeated.
    ///
    /// # Your turn
    ///
    /// Unless the outbox is empty: `set_nonblocking(true)`, `send_in_a_moment`, and back.
    fn send(&mut self) {
        if self.outbox.is_empty() {
            return;
        }
        let _ = self.stream.set_nonblocking(true);
        self.send_in_a_moment();
        let _ = self.stream.set_nonblocking(false);
    }

    /// Sends what is in the outbox, as far as the stream takes it within its write timeout. Mostly the system has room
    /// for all, and this is one system call instead of three.
    ///
    /// # Your turn
    ///
    /// Let the outbox `send_to` the stream. After an error clear it: the thread that reads from the stream will hear of
    /// it, too.
    fn send_in_a_moment(&mut self) {
        if self.outbox.send_to(&*self.stream).is_err() {
            self.outbox.clear();
        }
    }
}
