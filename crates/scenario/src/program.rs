//! The program under test, as a story speaks of it: it prints, it is typed to, it ends.

use std::net::SocketAddr;
use std::process::Command;
use std::sync::atomic::Ordering;
use std::time::Duration;

use supervise::{Child, Line};
use transcript::{Act, literal};

use crate::role::Role;
use crate::scene::{Actor, Scene, capital, ended};
use crate::trouble::{Outcome, Trouble, broken, demand, skip};

/// A program under test that was started.
pub struct Program {
    scene: Scene,
    actor: Actor,
    address: Option<SocketAddr>,
}

/// What a program that has ended left behind.
pub struct Finished {
    /// Its exit status, unless a signal ended it.
    pub code: Option<i32>,
    /// Its lines on stdout, one string.
    pub stdout: String,
    /// What it wrote to stderr.
    pub stderr: String,
}

impl Program {
    /// Starts a program. That it cannot be started is the lab's trouble: the command line is wrong, or the build.
    ///
    /// `shown` is how one would type its command line.
    pub(crate) fn start(scene: &Scene, role: Role, mut command: Command, shown: &str) -> Outcome<Program> {
        command.env_remove("PATIENCE");
        scene.note(role.name(), Act::Starts, shown);
        let child = Child::start(command).map_err(|error| Trouble::Lab(format!("cannot start `{shown}`: {error}")))?;
        let actor = Actor::new(role, child);
        scene.enter(actor.clone());
        Ok(Program { scene: scene.clone(), actor, address: None })
    }

    /// Whether it has ended, or printed anything at all.
    pub(crate) fn has_spoken(&self) -> bool {
        self.child().has_ended() || self.child().has_printed()
    }

    /// Where the server listens.
    ///
    /// # Panics
    ///
    /// For a program that was not started as a server: a mistake in the story.
    pub fn address(&self) -> SocketAddr {
        self.address.expect("only a server that listens has an address")
    }

    /// `your server`
    pub(crate) fn name(&self) -> String {
        self.actor.name()
    }

    fn child(&self) -> &Child {
        &self.actor.child
    }

    fn note(&self, act: Act, text: impl Into<String>) {
        self.scene.note(self.actor.role.name(), act, text);
    }

    fn breaks(&self, what: impl AsRef<str>) -> Trouble {
        broken(format!("{} {}", capital(&self.name()), what.as_ref()))
    }

    /// Waits for the listening line, which must be the first.
    pub(crate) fn listens(&mut self) -> Outcome {
        let due = "`listening on ADDRESS`";
        let line = match self.first_line() {
            Line::Text(line) => line,
            other => return Err(self.no_line(&other, due).of(&["C2", "C4"])),
        };
        self.note(Act::Prints, &line);
        let address = line.strip_prefix("listening on ").and_then(|address| address.parse::<SocketAddr>().ok());
        match address {
            Some(address) if !address.ip().is_loopback() => {
                let what =
                    format!("says that it listens on {address}; it was asked for an address of this machine alone.");
                Err(self.breaks(what).of(&["C2"]))
            }
            Some(address) if address.port() != 0 => {
                self.scene.transcript().introduce("server", address);
                self.address = Some(address);
                self.actor.on_duty.store(true, Ordering::Relaxed);
                Ok(())
            }
            Some(_) => {
                Err(self.breaks("says that it listens on port 0; the line must name the real port.").of(&["C2"]))
            }
            None => {
                let printed = transcript::shortened(&line);
                let what = format!("printed `{printed}` first; its first line must be {due}, with its address.");
                Err(self.breaks(what).of(&["C2", "C4"]))
            }
        }
    }

    /// A language may take long to begin with on a machine that is busy: as long as it works, it is waited for.
    fn first_line(&self) -> Line {
        const TIMES: u32 = 3;
        let wait = || self.child().next_line(self.scene.patience());
        (1..TIMES)
            .map(|_| wait())
            .find(|line| *line != Line::Silence || !self.child().is_at_work())
            .unwrap_or_else(wait)
    }

    /// The program must print this line next.
    ///
    /// # Errors
    ///
    /// It prints another line, or none.
    pub fn prints(&self, expected: &str) -> Outcome {
        let line = self.next_line(expected)?;
        self.is_line(expected, &line)
    }

    /// The program must print this line; other lines may come before it, and are left for later.
    ///
    /// # Errors
    ///
    /// It does not print it.
    pub fn prints_among_others(&self, expected: &str) -> Outcome {
        let found = self.child().find_line(self.scene.patience(), |line| literal::compare(expected, line).is_ok());
        match found {
            Some(line) => {
                self.note(Act::Prints, line);
                Ok(())
            }
            None => self.prints(expected),
        }
    }

    /// The next line, whatever it is; `due` says what was expected if none comes.
    ///
    /// # Errors
    ///
    /// No line comes.
    pub fn next_line(&self, due: &str) -> Outcome<String> {
        match self.child().next_line(self.scene.patience()) {
            Line::Text(line) => {
                self.note(Act::Prints, &line);
                Ok(line)
            }
            other => Err(self.no_line(&other, &format!("`{}`", transcript::shortened(&literal::harmless(due))))),
        }
    }

    /// Takes so many lines, whatever they are.
    ///
    /// # Errors
    ///
    /// Fewer come.
    pub fn prints_lines(&self, count: usize) -> Outcome {
        for _ in 0..count {
            match self.child().next_line(self.scene.patience()) {
                Line::Text(_) => {}
                other => return Err(self.no_line(&other, &format!("one of {count} lines"))),
            }
        }
        self.note(Act::Does, format!("prints {count} lines"));
        Ok(())
    }

    /// The next line if it comes within `time`: for what a program may do, but need not.
    pub fn line_within(&self, time: Duration) -> Option<String> {
        match self.child().next_line(time) {
            Line::Text(line) => {
                self.note(Act::Prints, &line);
                Some(line)
            }
            _ => None,
        }
    }

    fn is_line(&self, expected: &str, line: &str) -> Outcome {
        let Err(difference) = literal::compare(expected, line) else {
            return Ok(());
        };
        if let literal::Difference::RawControl(_) = difference {
            let what = format!("printed a line that could drive a terminal: {difference}.");
            return Err(self.breaks(what).of(&["C7"]));
        }
        let trouble = self
            .breaks("printed a line that is not the one that was due.")
            .seen_in(side_by_side(expected, "printed", line));
        // A transcript has its lines and no others (C4); what it quotes, it quotes as a string literal (C7).
        let quotes = expected.contains('"') || expected.ends_with("bytes that are not UTF-8");
        Err(trouble.also(if quotes { &["C4", "C7"] } else { &["C4"] }))
    }

    /// The failure that no line came.
    fn no_line(&self, instead: &Line, due: &str) -> Trouble {
        let waits = || match self.child().waits_for() {
            Some(what) => format!(" Just now it waits for {what}."),
            None => String::new(),
        };
        let waited = self.scene.waited();
        let what = match instead {
            Line::Text(line) => format!("printed `{line}` where {due} was due."),
            Line::Unfinished(part) => {
                self.note(Act::Prints, part);
                format!(
                    "ended its output in the middle of a line, where {due} was due; every line ends with a newline."
                )
            }
            Line::Closed if self.child().wait(self.scene.grace()).is_some() => {
                format!("{} and did not print {due}.", ended(self.child()))
            }
            Line::Closed => format!("closed its standard output and did not print {due}."),
            Line::TooMuch => format!("printed more than anybody reads; {due} was due."),
            Line::Silence => {
                self.note(Act::Does, format!("prints nothing for {waited}"));
                let flush = "Into a pipe, every line must be flushed at once, or it stays in a buffer.";
                format!("printed nothing for {waited}, where {due} was due. {flush}{}", waits())
            }
        };
        match instead {
            // That a server has ended is said anyway.
            Line::Closed if self.actor.has_deserted() => broken(format!("It did not print {due}.")),
            Line::Closed if self.child().has_ended() => self.breaks(what),
            _ => self.breaks(what).of(&["C4"]),
        }
    }

    /// Types a line, with its newline.
    pub fn types(&self, line: &str) {
        self.feed(format!("{line}\n").as_bytes());
    }

    /// Writes to its stdin: several lines at once, a line without an end.
    pub fn feed(&self, bytes: &[u8]) {
        const SHOWN: usize = 32;
        let text = String::from_utf8_lossy(bytes);
        for line in text.lines().take(SHOWN) {
            self.note(Act::Reads, transcript::shortened(line));
        }
        if let more @ 1.. = text.lines().skip(SHOWN).count() {
            self.note(Act::Does, format!("is given {more} more lines"));
        }
        self.child().write(bytes);
    }

    /// Ends its standard input.
    pub fn ends_input(&self) {
        self.note(Act::Does, "reaches the end of its input");
        self.child().close_stdin();
    }

    /// Stops it where it stands; `false` where the system cannot.
    pub fn pause(&self) -> bool {
        let paused = self.child().pause();
        if paused {
            self.note(Act::Does, "is held up by the lab");
        }
        paused
    }

    /// Lets it go on after [`Program::pause`].
    pub fn resume(&self) {
        self.note(Act::Does, "goes on");
        self.child().resume();
    }

    /// Whether it has ended, without waiting.
    pub fn has_ended(&self) -> bool {
        self.child().has_ended()
    }

    /// Leaves it no more descriptors than it has now, and `more`.
    ///
    /// # Errors
    ///
    /// Skips the stage where the system cannot do that to a running program (only Linux can).
    pub fn limits_descriptors(&self, more: u64) -> Outcome {
        if !self.child().limit_descriptors(more) {
            return skip("this system does not take descriptors from a running program");
        }
        self.note(Act::Does, format!("may open {more} more files or sockets, and no others"));
        Ok(())
    }

    /// How much memory it uses, in bytes; `None` where the system does not tell.
    pub fn memory(&self) -> Option<u64> {
        self.child().memory()
    }

    /// The program must end by itself, with status 0 and nothing more to say.
    ///
    /// # Errors
    ///
    /// It goes on, ends otherwise, or leaves a process behind.
    pub fn ends_well(&self) -> Outcome {
        let finished = self.ends()?;
        demand(finished.code == Some(0), || {
            format!("{} {}, where 0 was due: all went well.", capital(&self.name()), ended(self.child()))
        })?;
        self.said_no_more(&finished)
    }

    /// The program must end with status 1 and a last line on stderr that begins with `error: ` and names all of `naming`.
    ///
    /// # Errors
    ///
    /// It does not.
    pub fn fails(&self, naming: &[&str]) -> Outcome {
        self.fails_saying(naming).map(|_| ())
    }

    /// The same; returns what it said.
    ///
    /// # Errors
    ///
    /// It does not fail so.
    pub fn fails_saying(&self, naming: &[&str]) -> Outcome<String> {
        let finished = self.ends()?;
        demand(finished.code == Some(1), || {
            format!("{} {}, where 1 was due: it could not go on.", capital(&self.name()), ended(self.child()))
        })
        .map_err(|trouble| trouble.of(&["C5"]))?;
        let last = finished.stderr.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default();
        demand(last.starts_with("error: "), || {
            format!("{} ended without a last line on stderr that begins with `error: `.", capital(&self.name()))
        })
        .map_err(|trouble| trouble.of(&["C5"]))?;
        let missing = naming.iter().find(|name| !last.contains(**name));
        demand(missing.is_none(), || {
            let missing = missing.copied().unwrap_or_default();
            format!(
                "The last line of {} on stderr does not say {missing:?}: `{}`.",
                self.name(),
                literal::harmless(last)
            )
        })
        .map_err(|trouble| trouble.of(&["C5"]))?;
        self.said_no_more(&finished)?;
        Ok(last.to_owned())
    }

    /// The program must refuse its command line: status 2, and nothing on stdout.
    ///
    /// # Errors
    ///
    /// It does not.
    pub fn refuses_usage(&self) -> Outcome {
        if let Some(line) = self.line_within(self.scene.patience()) {
            return Err(self
                .breaks(format!("printed `{line}` on stdout, where it should refuse its command line."))
                .of(&["C5", "C4"]));
        }
        let finished = self.ends()?;
        demand(finished.code == Some(2), || {
            format!("{} {}, where 2 was due: its command line is wrong.", capital(&self.name()), ended(self.child()))
        })
        .map_err(|trouble| trouble.of(&["C5"]))
    }

    fn said_no_more(&self, finished: &Finished) -> Outcome {
        match finished.stdout.lines().next() {
            None => Ok(()),
            Some(line) => {
                self.note(Act::Prints, line);
                let line = transcript::shortened(&literal::harmless(line));
                Err(self.breaks(format!("printed `{line}`, which is not part of its transcript.")).of(&["C4"]))
            }
        }
    }

    /// The program must end by itself, however it does.
    ///
    /// # Errors
    ///
    /// It goes on, or leaves a process behind.
    pub fn ends(&self) -> Outcome<Finished> {
        let waited = self.scene.waited();
        let Some(status) = self.child().wait(self.scene.patience()) else {
            self.note(Act::Does, format!("is still running after {waited}"));
            let waits = self.child().waits_for().unwrap_or("something");
            let other = if self.actor.role == Role::Client { "server" } else { "client" };
            let what =
                format!("did not end within {waited}: it waits for {waits}; the {other} has said all it had to say.");
            return Err(self.breaks(what));
        };
        if self.child().left_children(self.scene.grace()) {
            return Err(self.left_children());
        }
        // It was asked to end, and is no longer expected to serve.
        self.actor.on_duty.store(false, Ordering::Relaxed);
        // Now nothing holds the pipes open any more: read to their ends.
        self.child().kill();
        let mut stdout = String::new();
        while let Line::Text(line) | Line::Unfinished(line) = self.child().next_line(Duration::ZERO) {
            stdout.push_str(&line);
            stdout.push('\n');
        }
        Ok(Finished { code: status.code(), stdout, stderr: self.child().stderr() })
    }

    fn left_children(&self) -> Trouble {
        self.note(Act::Does, "has ended, and a process that it started has not");
        self.breaks("left a child process behind, which goes on and keeps its sockets. The lab has ended it.")
            .of(&["C2"])
    }

    /// Presses Ctrl-C, and waits until the program has ended, by whatever way and with whatever status. That it crashes is
    /// found out at the end of the story, as in any other.
    ///
    /// # Errors
    ///
    /// It goes on. Skips the stage where the system cannot interrupt it.
    pub fn is_interrupted(&self) -> Outcome {
        self.actor.on_duty.store(false, Ordering::Relaxed);
        if !self.child().interrupt() {
            return skip("this system cannot press Ctrl-C for another program");
        }
        self.note(Act::Does, "is interrupted by Ctrl-C");
        match self.child().wait(self.scene.patience()) {
            Some(_) => Ok(()),
            None => Err(self.breaks("goes on after Ctrl-C.").of(&["C5"])),
        }
    }

    /// Asks the server to end, as the system would.
    ///
    /// # Errors
    ///
    /// It leaves a process behind. That it does not listen to the request is only worth a remark.
    pub fn stops_when_asked(&self) -> Outcome {
        self.note(Act::Does, "is asked to end (SIGTERM)");
        self.actor.on_duty.store(false, Ordering::Relaxed);
        let ending = self.child().ask_to_end(self.scene.grace());
        if ending.was_deaf {
            self.scene.remark(format!(
                "{} ignores SIGTERM, the system's request to end; after {} s the lab killed it.",
                capital(&self.name()),
                self.scene.grace().as_secs_f64()
            ));
        }
        if ending.left_children { Err(self.left_children()) } else { Ok(()) }
    }
}

/// The command line as one would type it.
pub(crate) fn shown(command: &Command) -> String {
    let words = command.get_args().map(|word| transcript::shortened(&word.to_string_lossy()));
    let program = command.get_program().to_string_lossy();
    let program = program.rsplit(['/', '\\']).next().unwrap_or_default().to_owned();
    let words = std::iter::once(program).chain(words);
    words.map(|word| shell_words::quote(&word).into_owned()).collect::<Vec<_>>().join(" ")
}

/// The two lines one below the other, and a mark under the first character that differs.
pub(crate) fn side_by_side(expected: &str, verb: &str, printed: &str) -> String {
    let printed = literal::harmless(printed);
    let at = match literal::compare(expected, &printed) {
        Err(literal::Difference::At(at)) => at,
        _ => 0,
    };
    // Where the lines are long, show what is around the difference.
    let skip = at.saturating_sub(60);
    let part = |line: &str| {
        let cut: String = line.chars().skip(skip).take(120).collect();
        format!("{}{cut}{}", if skip > 0 { "…" } else { "" }, if line.chars().count() > skip + 120 { "…" } else { "" })
    };
    let mark = at - skip + usize::from(skip > 0);
    format!("expected  {}\n{verb:<9} {}\n          {}^", part(expected), part(&printed), " ".repeat(mark))
}
