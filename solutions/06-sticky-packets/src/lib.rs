//! The protocol of this chapter: messages in a stream of bytes, and how a reader finds them again.
//!
//! TCP offers a stream of bytes (RFC 9293, section 2.2): in order, without gaps, and without a mark between two writes.
//! Where a message ends is for the two programs to agree on: that is [`Framing`]. What a reader does about it is
//! [`Decoder`], which takes bytes however they come and gives messages. No sockets here.

use std::fmt;
use std::io::{self, Read};

use clap::ValueEnum;

pub mod outbound;
pub mod terminal;

/// How many bytes the length in front of a message has.
const HEADER: usize = 4;

/// The room for a first read. It is little, because most clients of most servers are silent most of the time.
const ROOM: usize = 4 << 10;

/// The room for a read of somebody who has much to say.
const BUSY_ROOM: usize = 64 << 10;

/// How a message is marked off from the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Framing {
    /// Not at all: what a read brings is taken for a message
    None,
    /// By a newline after it: easy to type, but no message can hold a newline
    Line,
    /// By its length before it, in 4 bytes, big-endian: for any bytes, and known before they come
    Length,
}

impl Framing {
    /// How many bytes a frame has beside its message.
    fn overhead(self) -> usize {
        match self {
            Framing::None => 0,
            Framing::Line => 1,
            Framing::Length => HEADER,
        }
    }

    /// The frame of `message`: the message, marked off.
    ///
    /// ```
    /// use sticky_packets::Framing;
    ///
    /// assert_eq!(Framing::Length.encode(b"hi", 80).unwrap(), b"\0\0\0\x02hi");
    /// assert!(Framing::Line.encode(b"two\nlines", 80).is_err());
    /// ```
    ///
    /// # Errors
    ///
    /// Says why the framing cannot carry this message: it is longer than `max_frame`, or has the mark in it.
    ///
    /// # Your turn
    ///
    /// For `Line` and `Length`, refuse a message of more than `max_frame` bytes; for `Line`, one with a newline in it, too.
    /// Put together the header (`u32::to_be_bytes`), the message, the newline: whichever the framing has.
    pub fn encode(self, message: &[u8], max_frame: usize) -> Result<Vec<u8>, String> {
        if self != Framing::None && message.len() > max_frame {
            return Err(format!("{} bytes are more than a frame may have: {max_frame}", message.len()));
        }
        match self {
            Framing::None => Ok(message.to_vec()),
            Framing::Line if message.contains(&b'\n') => Err("a newline in it would end the message there".to_owned()),
            Framing::Line => Ok([message, b"\n"].concat()),
            Framing::Length => {
                let length = u32::try_from(message.len()).map_err(|_| "4 bytes cannot hold its length".to_owned())?;
                // Big-endian is the order of bytes on every network (RFC 791, appendix B); the machine's own may be
                // another.
                Ok([&length.to_be_bytes()[..], message].concat())
            }
        }
    }
}

/// What the bytes so far amount to. The three must not be mistaken for one another: a reader that takes "not yet" for
/// "wrong" breaks on every slow network, one that takes "wrong" for "not yet" waits for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step<'a> {
    /// A message is complete.
    Message(&'a [u8]),
    /// Not yet: its end is still on the way.
    NotYet,
    /// Wrong: a frame of so many bytes, more than is allowed. Nothing that follows can be told apart any more.
    TooLong(usize),
}

/// Where a stream ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Between two messages: in good order.
    Between,
    /// Inside a frame, or inside its header, after `came` bytes `of` so many.
    Inside { came: usize, of: usize },
    /// In a line, after so many bytes.
    WithoutNewline(usize),
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            End::Between => write!(f, "between two messages"),
            End::Inside { came, of } => write!(f, "{came} of {of} bytes"),
            End::WithoutNewline(came) => write!(f, "{came} bytes without a newline"),
        }
    }
}

/// Takes the bytes of a stream, in whatever pieces they come, and gives its messages.
///
/// ```
/// use sticky_packets::{Decoder, End, Framing, Step};
///
/// let mut decoder = Decoder::new(Framing::Length, 80);
/// let mut stream = &b"\0\0\0\x05hello\0\0\0\x05wor"[..];
/// decoder.read_from(&mut stream).unwrap();
/// assert_eq!(decoder.next_message(), Step::Message(b"hello"));
/// assert_eq!(decoder.next_message(), Step::NotYet);
/// assert_eq!(decoder.end(), End::Inside { came: 3, of: 5 });
/// ```
#[derive(Debug)]
pub struct Decoder {
    framing: Framing,
    max_frame: usize,
    /// What has come stands at the beginning, behind it is room for more.
    buffer: Vec<u8>,
    /// How many bytes have come.
    filled: usize,
    /// How many of them belong to messages that were given out.
    given: usize,
    /// How many behind those were searched for a newline in vain.
    searched: usize,
}

impl Decoder {
    /// A decoder for one stream, from its first byte on.
    pub fn new(framing: Framing, max_frame: usize) -> Decoder {
        Decoder { framing, max_frame, buffer: Vec::new(), filled: 0, given: 0, searched: 0 }
    }

    /// Reads once, and returns how many bytes came; 0 is the end of the stream. What [`Decoder::next_message`] has
    /// given out is forgotten.
    ///
    /// # Errors
    ///
    /// Those of `stream`.
    ///
    /// # Your turn
    ///
    /// Move the bytes from `given` to `filled` to the front of the buffer (`copy_within`). Then, if there is no room
    /// behind them, or if the last read took all there was, let the buffer grow to what `grown` says. Read once into
    /// the part behind `filled`.
    pub fn read_from(&mut self, mut stream: impl Read) -> io::Result<usize> {
        let was_full = self.filled == self.buffer.len();
        self.buffer.copy_within(self.given..self.filled, 0);
        self.filled -= self.given;
        self.given = 0;
        if self.filled == self.buffer.len() || (was_full && self.buffer.len() < BUSY_ROOM) {
            self.buffer.resize(self.grown(), 0);
        }
        let length = stream.read(&mut self.buffer[self.filled..])?;
        self.filled += length;
        Ok(length)
    }

    /// How large the buffer should be next. The memory follows what has come, never what was announced: twice as much
    /// each time, up to the end of the frame that is on its way. (A header costs its sender four bytes and may promise
    /// 4 GiB.)
    fn grown(&self) -> usize {
        let frame = match (self.framing, announced(&self.buffer[..self.filled])) {
            (Framing::Length, Some(length)) => HEADER + length,
            _ => self.max_frame + self.framing.overhead(),
        };
        let enough = frame.max(BUSY_ROOM).max(self.filled + 1);
        (2 * self.buffer.len()).clamp(ROOM, enough)
    }

    /// The next message, if it is complete.
    ///
    /// # Your turn
    ///
    /// Look at the bytes from `given` to `filled` with `all_there_is`, `first_line` or `first_frame`. Add the length of
    /// a message, and the framing's `overhead`, to `given`. `searched` is how many bytes a later call need not search
    /// for a newline again.
    pub fn next_message(&mut self) -> Step<'_> {
        let bytes = &self.buffer[self.given..self.filled];
        let step = match self.framing {
            Framing::None => all_there_is(bytes),
            Framing::Line => first_line(bytes, self.searched, self.max_frame),
            Framing::Length => first_frame(bytes, self.max_frame),
        };
        if let Step::Message(message) = step {
            self.given += message.len() + self.framing.overhead();
            self.searched = 0;
        } else {
            self.searched = bytes.len();
        }
        step
    }

    /// The frames of all messages that were given out since the last read, as they came: to return a message in the
    /// same framing, nothing need be encoded.
    pub fn frames(&self) -> &[u8] {
        &self.buffer[..self.given]
    }

    /// What it means that the stream ends here.
    ///
    /// # Your turn
    ///
    /// Look at the bytes from `given` to `filled`. No bytes: `Between`. In a line, `WithoutNewline`. Otherwise
    /// `Inside`: in the header, of `HEADER` bytes; behind it, of as many as it announces.
    pub fn end(&self) -> End {
        let bytes = &self.buffer[self.given..self.filled];
        match (self.framing, announced(bytes)) {
            _ if bytes.is_empty() => End::Between,
            (Framing::None, _) => End::Between,
            (Framing::Line, _) => End::WithoutNewline(bytes.len()),
            (Framing::Length, None) => End::Inside { came: bytes.len(), of: HEADER },
            (Framing::Length, Some(length)) => End::Inside { came: bytes.len() - HEADER, of: length },
        }
    }
}

/// Without framing, a read is all one has: the next message may stick to this one, or its end be missing.
fn all_there_is(bytes: &[u8]) -> Step<'_> {
    if bytes.is_empty() { Step::NotYet } else { Step::Message(bytes) }
}

/// The bytes up to the first newline. The first `searched` bytes are known to have none: without that, a long line that
/// comes byte by byte would be searched from its beginning at every byte.
///
/// # Your turn
///
/// Find the newline behind the first `searched` bytes. The line, without it, is the message. A line of more than
/// `max_frame` bytes is `TooLong`, even before its end has come.
fn first_line(bytes: &[u8], searched: usize, max_frame: usize) -> Step<'_> {
    let newline = bytes[searched..].iter().position(|byte| *byte == b'\n');
    match newline.map_or(bytes.len(), |at| searched + at) {
        length if length > max_frame => Step::TooLong(length),
        length if newline.is_some() => Step::Message(&bytes[..length]),
        _ => Step::NotYet,
    }
}

/// The message behind the header, if it is all there.
///
/// # Your turn
///
/// `announced` reads the header. Compare the length with `max_frame` before anything else is done with it: it is the
/// peer's word, up to 4 GiB. `bytes.get(from..to)` is `None` as long as there are too few.
fn first_frame(bytes: &[u8], max_frame: usize) -> Step<'_> {
    match announced(bytes) {
        None => Step::NotYet,
        Some(length) if length > max_frame => Step::TooLong(length),
        Some(length) => bytes.get(HEADER..HEADER + length).map_or(Step::NotYet, Step::Message),
    }
}

/// The length in the header, if that is all there.
///
/// # Your turn
///
/// `bytes.first_chunk` gives the first 4 bytes, `u32::from_be_bytes` makes a number of them.
fn announced(bytes: &[u8]) -> Option<usize> {
    bytes.first_chunk::<HEADER>().map(|header| u32::from_be_bytes(*header) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MESSAGES: [&[u8]; 5] = [b"hello", b"", "我爱你".as_bytes(), b"\xff\0\r", b"again"];

    fn frames(framing: Framing) -> Vec<u8> {
        MESSAGES.iter().flat_map(|message| framing.encode(message, 80).unwrap()).collect()
    }

    /// Feeds the pieces one after the other; returns the messages, and where the stream ended.
    fn decode<'a>(framing: Framing, pieces: impl IntoIterator<Item = &'a [u8]>) -> (Vec<Vec<u8>>, End) {
        let mut decoder = Decoder::new(framing, 80);
        let mut messages = Vec::new();
        for mut piece in pieces {
            while !piece.is_empty() {
                decoder.read_from(&mut piece).unwrap();
                while let Step::Message(message) = decoder.next_message() {
                    messages.push(message.to_vec());
                }
                assert_eq!(decoder.next_message(), Step::NotYet);
            }
        }
        (messages, decoder.end())
    }

    #[test]
    fn a_stream_cut_in_two_anywhere_has_the_same_messages() {
        for framing in [Framing::Line, Framing::Length] {
            let frames = frames(framing);
            for at in 0..=frames.len() {
                let (messages, end) = decode(framing, [&frames[..at], &frames[at..]]);
                assert_eq!((messages, end), (MESSAGES.map(<[u8]>::to_vec).to_vec(), End::Between), "cut at {at}");
            }
        }
    }

    #[test]
    fn a_stream_in_pieces_of_any_size_has_the_same_messages() {
        for framing in [Framing::Line, Framing::Length] {
            let frames = frames(framing);
            for size in 1..=frames.len() {
                let (messages, end) = decode(framing, frames.chunks(size));
                assert_eq!((messages, end), (MESSAGES.map(<[u8]>::to_vec).to_vec(), End::Between), "pieces of {size}");
            }
        }
    }

    #[test]
    fn a_stream_that_ends_early_says_what_is_missing_and_keeps_the_messages_before() {
        for framing in [Framing::Line, Framing::Length] {
            let frames = frames(framing);
            for at in 0..frames.len() {
                let (messages, end) = decode(framing, [&frames[..at]]);
                let whole: usize = messages.iter().map(|message| message.len() + framing.overhead()).sum();
                assert_eq!(messages, MESSAGES[..messages.len()], "ended at {at}");
                assert_eq!(end == End::Between, whole == at, "ended at {at}: {end}");
            }
        }
        assert_eq!(decode(Framing::Length, [&[0, 0][..]]).1.to_string(), "2 of 4 bytes");
        assert_eq!(decode(Framing::Length, [&[0, 0, 0, 5][..]]).1.to_string(), "0 of 5 bytes");
        assert_eq!(decode(Framing::Length, [&[0, 0, 0, 5, b'h', b'e', b'l'][..]]).1.to_string(), "3 of 5 bytes");
        assert_eq!(decode(Framing::Line, [&b"hel"[..]]).1.to_string(), "3 bytes without a newline");
    }

    #[test]
    fn a_frame_that_is_too_long_is_refused_when_its_length_is_known_and_takes_no_memory() {
        let mut decoder = Decoder::new(Framing::Length, 80);
        decoder.read_from(&u32::MAX.to_be_bytes()[..]).unwrap();
        assert_eq!(decoder.next_message(), Step::TooLong(u32::MAX as usize));
        assert_eq!(decoder.buffer.len(), ROOM);

        let mut decoder = Decoder::new(Framing::Line, 80);
        decoder.read_from(&[b'x'; 80][..]).unwrap();
        assert_eq!(decoder.next_message(), Step::NotYet);
        decoder.read_from(&b"x"[..]).unwrap();
        assert_eq!(decoder.next_message(), Step::TooLong(81));
    }

    #[test]
    fn the_longest_frame_fits_and_costs_no_more_than_twice_its_length() {
        let most = 1 << 20;
        let frame = Framing::Length.encode(&vec![b'x'; most], most).unwrap();
        let mut decoder = Decoder::new(Framing::Length, most);
        let mut stream = &frame[..];
        while !stream.is_empty() {
            assert_eq!(decoder.next_message(), Step::NotYet);
            decoder.read_from(&mut stream).unwrap();
        }
        assert_eq!(decoder.next_message(), Step::Message(&frame[HEADER..]));
        assert_eq!(decoder.frames(), frame);
        assert!(decoder.buffer.len() <= 2 * frame.len(), "{}", decoder.buffer.len());
    }
}
