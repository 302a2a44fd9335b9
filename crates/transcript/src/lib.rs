//! The transcript: everything that was said between the programs, their users and the lab, as one text.
//!
//! Pure: no sockets, no clock, no processes. The pieces:
//!
//! - [`Transcript`]: who did what, in order, and how that reads ([`Transcript::render`]);
//! - [`literal`]: text as Rust string literals, and lines that hold such literals compared;
//! - [`golden`]: the same text with addresses and times replaced, so that two runs can be compared.

pub mod golden;
pub mod literal;

use std::fmt::Write;

/// What an actor did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// Was started with this command line.
    Starts,
    /// Printed this line on stdout.
    Prints,
    /// Was given this line on stdin.
    Reads,
    /// Sent these bytes to the network.
    Sends,
    /// Received these bytes from the network.
    Receives,
    /// Sent this through the tap, which may have done something to it. When, and how often, depends on time.
    Passes,
    /// Anything else, as a sentence without its subject: `connects to server`.
    Does,
}

impl Act {
    fn sign(self) -> &'static str {
        match self {
            Act::Starts => "$",
            Act::Prints => "|",
            Act::Reads => "<",
            Act::Sends => "->",
            Act::Receives => "<-",
            Act::Passes => "~>",
            Act::Does => "*",
        }
    }
}

/// One line of the transcript.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Who.
    pub actor: String,
    /// Did what.
    pub act: Act,
    /// The words of it, ready to print: no control character is left in here.
    pub text: String,
}

/// Who did what, in order, and which address belongs to whom.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Transcript {
    entries: Vec<Entry>,
    addresses: Vec<(String, String)>,
}

impl Transcript {
    /// Adds a line.
    pub fn note(&mut self, actor: &str, act: Act, text: impl Into<String>) {
        self.entries.push(Entry { actor: actor.to_owned(), act, text: literal::harmless(&text.into()) });
    }

    /// Remembers that `address` (as it is printed) belongs to `actor`.
    pub fn introduce(&mut self, actor: &str, address: impl ToString) {
        self.addresses.push((address.to_string(), actor.to_owned()));
    }

    /// Forgets the lines from number `from` on, but for the last `kept`.
    pub fn shorten(&mut self, from: usize, kept: usize) {
        let end = self.entries.len().saturating_sub(kept).max(from);
        self.entries.drain(from.min(end)..end);
    }

    /// Without the lines that depend on time.
    pub fn steady(&self) -> Transcript {
        let entries = self.entries.iter().filter(|entry| entry.act != Act::Passes).cloned().collect();
        Transcript { entries, addresses: self.addresses.clone() }
    }

    /// The lines so far.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Who has which address, as `(address, actor)`.
    pub fn addresses(&self) -> &[(String, String)] {
        &self.addresses
    }

    /// The transcript as text, a line an entry, each ended by a newline. Long texts keep their beginning and end.
    ///
    /// ```
    /// use transcript::{Act, Transcript};
    ///
    /// let mut talk = Transcript::default();
    /// talk.note("alice", Act::Sends, "\"hi\"");
    /// talk.note("server", Act::Prints, "127.0.0.1:4000 sent \"hi\"");
    /// assert_eq!(talk.render(), "alice   -> \"hi\"\nserver   | 127.0.0.1:4000 sent \"hi\"\n");
    /// ```
    pub fn render(&self) -> String {
        let width = self.entries.iter().map(|entry| entry.actor.chars().count()).max().unwrap_or(0);
        self.entries.iter().fold(String::new(), |mut text, Entry { actor, act, text: words }| {
            let _ = writeln!(text, "{actor:width$}  {:>2} {}", act.sign(), shortened(words));
            text
        })
    }
}

/// The longest text that is shown whole, in characters.
const SHOWN: usize = 100;

/// `text`, or its beginning and its end with the number of characters left out between them.
pub fn shortened(text: &str) -> String {
    let length = text.chars().count();
    if length <= SHOWN {
        return text.to_owned();
    }
    let head: String = text.chars().take(SHOWN / 2).collect();
    let tail: String = text.chars().skip(length - SHOWN / 4).collect();
    format!("{head} [{} more] {tail}", length - SHOWN / 2 - SHOWN / 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_keeps_its_beginning_and_its_end() {
        let text = format!("a{}z", "x".repeat(60_000));
        let short = shortened(&text);
        assert!(short.starts_with("axx") && short.ends_with("xxz") && short.contains("[59927 more]"), "{short}");
    }

    #[test]
    fn what_a_program_printed_cannot_drive_the_terminal_of_the_reader() {
        let mut talk = Transcript::default();
        talk.note("server", Act::Prints, "\x1b[2Jgone");
        assert_eq!(talk.render(), "server   | \u{fffd}[2Jgone\n");
    }
}
