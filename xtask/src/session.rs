//! A server and a client with the tap between them, and somebody who tells what happens while it does.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context, bail};
use scenario::{Chapter, Launch, Rule, Tap, Transport};
use supervise::{Child, Line};
use transcript::{Act, Transcript};
use wiretap::{Event, TcpTap, UdpTap, Watcher};

use crate::print;

/// How long a server may take to say where it listens, and a client to connect.
pub const STARTING: Duration = Duration::from_secs(10);

/// How long a program that has nothing more to do may stay silent before it is taken for done.
const QUIET: Duration = Duration::from_millis(300);

/// A running server, and the tap in front of it.
pub struct Session {
    pub tap: Tap,
    server: Arc<Child>,
    telling: JoinHandle<()>,
}

impl Session {
    /// Starts the server and the tap; from now on everything that they do is told.
    pub fn start(server: &Launch, chapter: &Chapter, rules: Vec<Rule>) -> anyhow::Result<Session> {
        let child = Child::start(server.server("127.0.0.1:0", &[])).context("cannot start the server")?;
        let address = listening(&child)?;
        let describe = chapter.describe();
        let watcher = Box::new(move |event: &Event| {
            let (actor, words) = event.described_by(describe);
            let act = if event.bytes().is_some() { Act::Sends } else { Act::Does };
            tell(actor, act, &words);
        });
        let tap = tap(address, chapter, rules, watcher)?;
        tell("server", Act::Prints, &format!("listening on {address}"));
        tell("tap", Act::Does, &format!("listens on {} for it", tap.address()));
        let server = Arc::new(child);
        let telling = tell_lines(&server, "server");
        Ok(Session { tap, server, telling })
    }

    /// Waits until the server has nothing more to say, and ends it. The tap is left, with all that it has seen.
    pub fn end(self) -> Tap {
        // Its last lines may still be on their way: what a client sends last, a server prints after the client is gone.
        let _ = self.server.wait(QUIET);
        let stderr = self.server.stderr();
        self.server.kill();
        let _ = self.telling.join();
        for line in stderr.lines() {
            print(&format!("server   ! {}\n", transcript::literal::harmless(line)));
        }
        self.tap
    }
}

/// Tells what is typed to a program.
pub fn tell_typed(name: &str, input: &str) {
    input.lines().for_each(|line| tell(name, Act::Reads, line));
}

/// Prints the lines of a program as they come, until there are no more.
pub fn tell_lines(child: &Arc<Child>, name: &'static str) -> JoinHandle<()> {
    let child = Arc::clone(child);
    thread::spawn(move || {
        loop {
            match child.next_line(Duration::from_secs(3600)) {
                Line::Text(line) | Line::Unfinished(line) => tell(name, Act::Prints, &line),
                Line::Silence => {}
                Line::Closed | Line::TooMuch => return,
            }
        }
    })
}

/// One line, in the columns of a transcript.
fn tell(actor: &str, act: Act, words: &str) {
    let mut line = Transcript::default();
    line.note(&format!("{actor:<6}"), act, words);
    print(&line.render());
}

/// The tap of a server.
pub fn tap(server: SocketAddr, chapter: &Chapter, rules: Vec<Rule>, watcher: Watcher) -> io::Result<Tap> {
    match chapter.transport() {
        Transport::Tcp => TcpTap::watched(server, rules, Some(watcher)).map(Tap::Tcp),
        Transport::Udp => UdpTap::watched(server, rules, Some(watcher)).map(Tap::Udp),
    }
}

/// The address in the listening line.
pub fn listening(server: &Child) -> anyhow::Result<SocketAddr> {
    let line = match server.next_line(STARTING) {
        Line::Text(line) => line,
        _ => {
            server.kill();
            bail!("the server did not say where it listens. Its last words on stderr:\n{}", server.stderr().trim());
        }
    };
    let address = line.strip_prefix("listening on ").and_then(|address| address.parse().ok());
    address.with_context(|| format!("the server's first line is `{line}`, not `listening on ADDRESS`"))
}
