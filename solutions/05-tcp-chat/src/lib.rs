//! The protocol of this chapter: lines of text, in both directions, at any time.
//!
//! No sockets here: [`Lines`] finds the lines in what was read, [`readable`] makes any bytes safe to pass on, and an
//! [`Outbox`] holds what somebody has still to be told.

use std::io::{self, Read, Write};

pub mod outbound;
pub mod terminal;

/// The longest line that a client may send, in bytes, without its end.
pub const MAX_LINE: usize = 1024;

/// The longest line that a server may send.
pub const MAX_SERVER_LINE: usize = 64 << 10;

/// How much may wait for somebody who does not read, in bytes.
pub const MAX_BACKLOG: usize = 1 << 20;

/// How much is read at a time.
const CHUNK: usize = 4 << 10;

/// What the bytes so far amount to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step<'a> {
    /// A line is complete; its end is not part of it.
    Line(&'a [u8]),
    /// Not yet: the rest of the line is still on its way, or will never come.
    NotYet,
    /// Wrong: longer than a line may be.
    TooLong,
}

/// Takes the bytes of a stream, in whatever pieces they come, and gives its lines.
///
/// ```
/// use tcp_chat::{Lines, Step};
///
/// let mut lines = Lines::new(80);
/// lines.read_from(&b"hi\nhow are y"[..]).unwrap();
/// assert_eq!(lines.next_line(), Step::Line(b"hi"));
/// assert_eq!(lines.next_line(), Step::NotYet);
/// lines.read_from(&b"ou?\r\n"[..]).unwrap();
/// assert_eq!(lines.next_line(), Step::Line(b"how are you?"));
/// ```
#[derive(Debug)]
pub struct Lines {
    most: usize,
    /// As large as it will ever be: the longest line that is not complete yet, and room to read. So a gigabyte without
    /// a newline fills these few bytes, and no more.
    buffer: Vec<u8>,
    /// How many bytes have come.
    filled: usize,
    /// How many of them belong to lines that were given out.
    given: usize,
    /// How many behind those were searched for a newline in vain.
    searched: usize,
}

impl Lines {
    /// For lines of at most `most` bytes.
    pub fn new(most: usize) -> Lines {
        // A line end has up to two bytes.
        Lines { most, buffer: vec![0; most + 2 + CHUNK], filled: 0, given: 0, searched: 0 }
    }

    /// Reads once, and returns how many bytes came; 0 is the end of the stream. To be called when
    /// [`Lines::next_line`] has no more to give.
    ///
    /// # Errors
    ///
    /// Those of `stream`.
    ///
    /// # Your turn
    ///
    /// Move the bytes from `given` to `filled` to the front of the buffer (`copy_within`), and read once into the part
    /// behind them.
    pub fn read_from(&mut self, mut stream: impl Read) -> io::Result<usize> {
        self.buffer.copy_within(self.given..self.filled, 0);
        self.filled -= self.given;
        self.given = 0;
        let length = stream.read(&mut self.buffer[self.filled..])?;
        self.filled += length;
        Ok(length)
    }

    /// The next line, if it is complete. It ends with `\n`, or with `\r\n`, as telnet has it (RFC 854, page 11).
    ///
    /// # Your turn
    ///
    /// Find the first newline among the bytes from `given` to `filled`; `searched` of them are known to have none. Take
    /// a `\r` before it for a part of the line end. A line of more than `most` bytes is `TooLong`, even before its end
    /// has come (then it may still have a `\r` at its end). Move `given` on.
    pub fn next_line(&mut self) -> Step<'_> {
        let bytes = &self.buffer[self.given..self.filled];
        let newline = bytes[self.searched..].iter().position(|byte| *byte == b'\n').map(|at| self.searched + at);
        let line = &bytes[..newline.unwrap_or(bytes.len())];
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.len() > self.most {
            return Step::TooLong;
        }
        match newline {
            Some(end) => {
                self.given += end + 1;
                self.searched = 0;
                Step::Line(line)
            }
            None => {
                self.searched = bytes.len();
                Step::NotYet
            }
        }
    }

    /// What has come of a line whose end never will: at the end of the stream, this is the last line.
    pub fn rest(&self) -> &[u8] {
        &self.buffer[self.given..self.filled]
    }
}

/// Any bytes as text that can be passed on: what is not UTF-8, and every control character, becomes U+FFFD.
///
/// Passed on as they are, control characters would let anybody in the room clear the others' screens, or write lines
/// that look as if somebody else had said them.
///
/// ```
/// assert_eq!(tcp_chat::readable(b"\x1b[2J \xff"), "\u{fffd}[2J \u{fffd}");
/// ```
///
/// # Your turn
///
/// `String::from_utf8_lossy` replaces what is not UTF-8, `str::replace` with `char::is_control` the rest.
pub fn readable(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).replace(char::is_control, "\u{fffd}")
}

/// How many moments the others wait for somebody who is far behind.
const MOMENTS: u32 = 250;

/// How many bytes earn a moment. With moments of a millisecond: who reads half a megabyte a second is not too slow.
const BYTES_A_MOMENT: usize = 512;

/// What somebody has still to be told.
#[derive(Debug, Default)]
pub struct Outbox {
    bytes: Vec<u8>,
    /// For how many moments the others have waited for its owner, less those that its owner has earned since.
    moments: u32,
}

impl Outbox {
    /// Adds lines; `false` when more would wait than [`MAX_BACKLOG`].
    ///
    /// # Your turn
    ///
    /// Look at the length before you add anything.
    #[must_use]
    pub fn add(&mut self, lines: &str) -> bool {
        let fits = self.bytes.len() + lines.len() <= MAX_BACKLOG;
        if fits {
            self.bytes.extend(lines.as_bytes());
        }
        fits
    }

    /// Sends as much as `stream` takes at once, all lines in one write: what is still unsent then stays.
    ///
    /// # Errors
    ///
    /// Those of `stream`, but for `WouldBlock` and `TimedOut`: that it takes no more just now is no error.
    ///
    /// # Your turn
    ///
    /// Nothing to send: return. `write` once, not `write_all`, and remove (`drain`) as many bytes as it took.
    /// `WouldBlock` or `TimedOut` means that it took none. Each `BYTES_A_MOMENT` that it took earn a moment. An outbox that is
    /// empty again is `clear`.
    pub fn send_to(&mut self, mut stream: impl Write) -> io::Result<()> {
        if self.bytes.is_empty() {
            return Ok(());
        }
        use io::ErrorKind::{Interrupted, TimedOut, WouldBlock};
        match stream.write(&self.bytes) {
            Ok(length) if length == self.bytes.len() => self.clear(),
            Ok(length) => {
                self.bytes.drain(..length);
                self.moments = self.moments.saturating_sub((length / BYTES_A_MOMENT) as u32);
            }
            // No room: a write that must not wait, or has waited in vain, on Unix and on Windows; or has been stopped.
            Err(error) if matches!(error.kind(), WouldBlock | TimedOut | Interrupted) => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Forgets what is in it. A thousand outboxes that were long once should not stay long for ever.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.bytes.shrink_to(CHUNK);
        self.moments = 0;
    }

    /// Whether nothing waits in it.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Whether the others are to wait a moment for its owner, who is far behind: half of what may wait does. There are so
    /// many `MOMENTS` for each, and no more for who does not read, or not fast enough to earn them.
    ///
    /// # Your turn
    ///
    /// If it is so, count the moment.
    pub fn takes_a_moment(&mut self) -> bool {
        let takes = self.bytes.len() > MAX_BACKLOG / 2 && self.moments < MOMENTS;
        self.moments += u32::from(takes);
        takes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TALK: &[u8] = "hello\n\nwith a return\r\n我爱你\nlast\n".as_bytes();

    fn lines_of<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<Vec<u8>> {
        let mut lines = Lines::new(80);
        let mut all = Vec::new();
        for mut piece in pieces {
            while !piece.is_empty() {
                lines.read_from(&mut piece).unwrap();
                while let Step::Line(line) = lines.next_line() {
                    all.push(line.to_vec());
                }
                assert_eq!(lines.next_line(), Step::NotYet);
            }
        }
        assert_eq!(lines.rest(), b"");
        all
    }

    #[test]
    fn a_stream_in_any_pieces_has_the_same_lines() {
        let due = ["hello", "", "with a return", "我爱你", "last"].map(|line| line.as_bytes().to_vec());
        for at in 0..=TALK.len() {
            assert_eq!(lines_of([&TALK[..at], &TALK[at..]]), due, "cut at {at}");
        }
        for size in 1..=TALK.len() {
            assert_eq!(lines_of(TALK.chunks(size)), due, "pieces of {size}");
        }
    }

    #[test]
    fn the_longest_line_is_taken_with_either_end_and_one_byte_more_is_not() {
        for (line, taken) in [("12345\n", true), ("12345\r\n", true), ("123456\n", false), ("123456\r\n", false)] {
            let mut lines = Lines::new(5);
            lines.read_from(line.as_bytes()).unwrap();
            assert_eq!(lines.next_line(), if taken { Step::Line(b"12345") } else { Step::TooLong }, "{line:?}");
        }
    }

    #[test]
    fn a_line_without_an_end_is_refused_and_takes_no_memory() {
        let mut lines = Lines::new(5);
        lines.read_from(&b"12345\r"[..]).unwrap();
        assert_eq!(lines.next_line(), Step::NotYet);
        lines.read_from(io::repeat(b'x')).unwrap();
        assert_eq!(lines.next_line(), Step::TooLong);
        assert_eq!(lines.buffer.len(), 5 + 2 + CHUNK);
    }

    #[test]
    fn an_outbox_takes_a_mebibyte_and_not_one_byte_more() {
        let mut outbox = Outbox::default();
        assert!(outbox.add(&"x".repeat(MAX_BACKLOG)));
        assert!(!outbox.add("x"));
        assert_eq!(outbox.bytes.len(), MAX_BACKLOG);
    }

    #[test]
    fn moments_are_earned_by_reading() {
        let mut outbox = Outbox::default();
        assert!(!outbox.takes_a_moment());
        assert!(outbox.add(&"x".repeat(MAX_BACKLOG)));
        let moments = (0..).take_while(|_| outbox.takes_a_moment()).count();
        assert_eq!(moments, MOMENTS as usize);
        outbox.send_to(&mut [0; BYTES_A_MOMENT][..]).unwrap();
        assert_eq!([(); 2].map(|()| outbox.takes_a_moment()), [true, false]);
    }

    #[test]
    fn what_a_stream_does_not_take_stays_in_its_order() {
        let mut outbox = Outbox::default();
        assert!(outbox.add("one\n") && outbox.add("two\n"));
        let mut room = [0; 5];
        outbox.send_to(&mut room[..]).unwrap();
        assert_eq!((&room[..], &outbox.bytes[..]), (&b"one\nt"[..], &b"wo\n"[..]));
        outbox.send_to(io::sink()).unwrap();
        assert!(outbox.is_empty());
    }
}
