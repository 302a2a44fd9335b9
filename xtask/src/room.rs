//! A server and several clients in one terminal, with one keyboard for all of them.
//!
//! What each of them prints comes with its name in front and in its colour. A line typed as `2: hello` is for client 2, any
//! other for the server, which is its operator's in a chat.

use std::io::{self, BufRead, IsTerminal};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use scenario::report::Style;
use scenario::{Chapter, Launch, Rule, Tap, Transport};
use supervise::{Child, Line};
use transcript::literal::harmless;
use wiretap::Event;

use crate::session::{STARTING, listening, tap};
use crate::{print, style};

/// How long nobody says a word when all has been said.
const QUIET: Duration = Duration::from_millis(150);

/// How long somebody may take to answer.
const ANSWERING: Duration = Duration::from_secs(2);

/// How long the programs may take to end after the last line.
const ENDING: Duration = Duration::from_secs(5);

/// Codes of colours (ECMA-48, section 8.3.117): bold for the server, then one for each client.
const COLOURS: [&str; 7] = ["1", "36", "33", "35", "32", "34", "31"];

/// Who speaks: 0 is the server, the others are clients.
type Number = usize;

/// What happens in the room.
enum News {
    /// A program printed a line.
    Printed(Number, String),
    /// A program has nothing more to print.
    Fell(Number),
    /// A client has come through the tap.
    Came,
    /// A line was typed.
    Typed(String),
    /// Nothing more will be typed.
    Hushed,
}

/// Opens a room, and keeps it until its server ends, or until nothing more is typed.
pub fn open(
    server: &Launch,
    client: &Launch,
    chapter: &Chapter,
    rules: Vec<Rule>,
    clients: usize,
) -> anyhow::Result<ExitCode> {
    let (tell, news) = channel();
    let server = Child::start(server.server("127.0.0.1:0", &[])).context("cannot start the server")?;
    let address = listening(&server)?;
    let doorkeeper = tell.clone();
    let watcher = move |event: &Event| {
        if event.deed == wiretap::Deed::Opened {
            let _ = doorkeeper.send(News::Came);
        }
    };
    let tap = tap(address, chapter, rules, Box::new(watcher))?;
    let mut room = Room { members: Vec::new(), news, tell, style: style(), width: format!("client-{clients}").len() };
    room.show(0, "|", &format!("listening on {address}"));
    room.enter(server);
    for _ in 0..clients {
        room.let_in(client, &tap, chapter.transport())?;
    }
    room.hear_out();
    room.explain();
    let typing = room.typing();
    room.talk(&typing);
    Ok(room.close())
}

struct Room {
    members: Vec<Arc<Child>>,
    news: Receiver<News>,
    tell: Sender<News>,
    style: Style,
    width: usize,
}

impl Room {
    /// Starts the next client, and waits until it has come: so its number here is the one that its server gives it.
    fn let_in(&mut self, client: &Launch, tap: &Tap, transport: Transport) -> anyhow::Result<()> {
        let number = self.members.len();
        let command = client.client(&tap.address().to_string(), &[]);
        self.enter(Child::start(command).with_context(|| format!("cannot start client-{number}"))?);
        if transport == Transport::Udp {
            return Ok(());
        }
        let deadline = Instant::now() + STARTING;
        loop {
            match self.news.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(News::Came) => return Ok(()),
                Ok(News::Fell(fallen)) if fallen == number => {
                    bail!("client-{number} ended. Its last words on stderr:\n{}", self.members[number].stderr().trim())
                }
                Ok(news) => self.pass_on(news),
                Err(_) => bail!("client-{number} does not connect to its server"),
            }
        }
    }

    /// From now on, what it prints is heard.
    fn enter(&mut self, child: Child) {
        let (number, member, tell) = (self.members.len(), Arc::new(child), self.tell.clone());
        self.members.push(Arc::clone(&member));
        thread::spawn(move || {
            loop {
                let news = match member.next_line(Duration::from_secs(3600)) {
                    Line::Text(line) | Line::Unfinished(line) => News::Printed(number, line),
                    Line::Silence => continue,
                    Line::Closed | Line::TooMuch => News::Fell(number),
                };
                let is_last = matches!(news, News::Fell(_));
                if tell.send(news).is_err() || is_last {
                    return;
                }
            }
        });
    }

    fn explain(&self) {
        let clients = self.members.len() - 1;
        let whom = if clients == 1 { "client-1" } else { &format!("client-1 to client-{clients}") };
        print(&format!(
            "\nYou are the operator, and {whom}: `1: hello` is said by client-1, `hello` by the operator.\n\
             `1: exit` leaves the room, `exit` closes it; so does the end of your input.\n\n"
        ));
    }

    /// Hears the keyboard. Where it is none, but a file or a pipe, each line waits until the one before has been talked
    /// about: the next one is given out for a permit.
    fn typing(&self) -> SyncSender<()> {
        let (permit, permits) = sync_channel(0);
        let tell = self.tell.clone();
        let is_typed = io::stdin().is_terminal();
        thread::spawn(move || {
            let mut input = io::stdin().lock();
            loop {
                let mut line = Vec::new();
                let read = input.read_until(b'\n', &mut line).unwrap_or(0);
                if !is_typed && permits.recv().is_err() {
                    return;
                }
                let line = String::from_utf8_lossy(&line);
                let news =
                    if read > 0 { News::Typed(line.trim_end_matches(['\n', '\r']).to_owned()) } else { News::Hushed };
                if tell.send(news).is_err() || read == 0 {
                    return;
                }
            }
        });
        permit
    }

    /// Passes on what is typed and what is printed, until the server has ended or nothing more is typed.
    fn talk(&self, permit: &SyncSender<()>) {
        let mut unanswered_since = None;
        loop {
            let news = self.news.recv_timeout(QUIET);
            match &news {
                Ok(News::Fell(0)) => return,
                Ok(News::Hushed) => return self.see_off(),
                Ok(News::Typed(_)) => unanswered_since = Some(Instant::now()),
                Ok(_) => unanswered_since = None,
                Err(_) if unanswered_since.is_some_and(|since| since.elapsed() < ANSWERING) => {}
                // On a terminal nobody waits for it.
                Err(_) => drop(permit.try_send(())),
            }
            if let Ok(news) = news {
                self.pass_on(news);
            }
        }
    }

    /// The input of each ends, one after the other.
    fn see_off(&self) {
        for member in self.members.iter().rev() {
            member.close_stdin();
            self.hear_out();
        }
    }

    /// Hears what is said, until nobody says a word.
    fn hear_out(&self) {
        while let Ok(news) = self.news.recv_timeout(QUIET) {
            self.pass_on(news);
        }
    }

    fn pass_on(&self, news: News) {
        match news {
            News::Printed(number, line) => self.show(number, "|", &line),
            News::Typed(line) => match speaker(&line, self.members.len() - 1) {
                Ok((number, words)) => {
                    if !io::stdin().is_terminal() {
                        self.show(number, "<", words);
                    }
                    self.members[number].write(format!("{words}\n").as_bytes());
                }
                Err(because) => print(&format!("{because}\n")),
            },
            News::Fell(_) | News::Came | News::Hushed => {}
        }
    }

    /// Ends all, and shows what they had to say on stderr.
    fn close(&self) -> ExitCode {
        let deadline = Instant::now() + ENDING;
        let (server, clients) = (&self.members[0], &self.members[1..]);
        for client in clients {
            client.wait(if server.has_ended() { deadline.saturating_duration_since(Instant::now()) } else { QUIET });
        }
        self.hear_out();
        let status = server.wait(QUIET);
        for (number, member) in self.members.iter().enumerate() {
            member.kill();
            member.stderr().lines().for_each(|line| self.show(number, "!", line));
        }
        let code = status.map_or(Some(0), |status| status.code());
        ExitCode::from(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
    }

    /// A line as transcripts have it, in its colour.
    fn show(&self, number: Number, sign: &str, words: &str) {
        let name = if number == 0 { "server".to_owned() } else { format!("client-{number}") };
        let line = format!("{name:<width$}  {sign:>2} {}", harmless(words), width = self.width);
        print(&format!("{}\n", self.style.paint(COLOURS[number % COLOURS.len()], &line)));
    }
}

/// Who says what: `2: hello` is `hello` from client 2; a line without a number is the server's.
fn speaker(line: &str, clients: usize) -> Result<(Number, &str), String> {
    let Some((number, words)) = line.split_once(':').filter(|(number, words)| is_number(number) && begins_well(words))
    else {
        return Ok((0, line));
    };
    match number.parse() {
        Ok(number) if (1..=clients).contains(&number) => Ok((number, words.strip_prefix(' ').unwrap_or(words))),
        _ => Err(format!("There is no client {number}: the last one is {clients}.")),
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// `10:30` is no word of client 10.
fn begins_well(words: &str) -> bool {
    words.is_empty() || words.starts_with(' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_says_who_speaks() {
        assert_eq!(speaker("2: hello", 3), Ok((2, "hello")));
        assert_eq!(speaker("2:  two  blanks", 3), Ok((2, " two  blanks")));
        assert_eq!(speaker("3:", 3), Ok((3, "")));
        assert_eq!(speaker("hello", 3), Ok((0, "hello")));
        assert_eq!(speaker("at 10:30", 3), Ok((0, "at 10:30")));
        assert_eq!(speaker("10:30 it is", 3), Ok((0, "10:30 it is")));
        assert!(speaker("4: hello", 3).is_err() && speaker("0: hello", 3).is_err());
        assert!(speaker("99999999999999999999: hello", 3).is_err());
    }
}
