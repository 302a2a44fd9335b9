//! Chunked bodies: each piece is announced with its size, and a size of 0 is the end (RFC 9112, section 7.1).
//!
//! ```text
//!   4;why=not\r\n      size in hexadecimal, and perhaps extensions
//!   Wiki\r\n           that many bytes
//!   0\r\n              the last chunk
//!   Digest: x\r\n      perhaps trailer fields
//!   \r\n
//! ```

use crate::Malformed;
use crate::body::Piece;
use crate::fields::{Fields, Sender};

/// Takes the chunks apart. Bytes come in as they come; it remembers where it is.
#[derive(Debug, Clone)]
pub struct Decoder {
    state: State,
    /// How much is left for extensions and trailer fields, which nobody here needs.
    patience: usize,
    trailer: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// In the size, of which so much is here, if it has begun.
    Size {
        size: u64,
        begun: bool,
    },
    /// White space after the size, which an extension must follow.
    BeforeExtension {
        size: u64,
    },
    /// In the extensions.
    Extension {
        size: u64,
    },
    /// After the CR of the size's line.
    SizeEnd {
        size: u64,
    },
    /// In the data, of which so much is left.
    Data {
        left: u64,
    },
    /// After the data: CR and then LF are due.
    DataCr,
    DataLf,
    /// After the last chunk.
    Trailer,
    Done,
}

const NEXT_SIZE: State = State::Size { size: 0, begun: false };

impl Decoder {
    /// A decoder that puts up with so many bytes of extensions and trailer fields.
    pub fn new(patience: usize) -> Decoder {
        Decoder { state: NEXT_SIZE, patience, trailer: Vec::new() }
    }

    /// Takes the next piece of the body off the front of `input`.
    ///
    /// ```
    /// use http::body::Piece;
    ///
    /// let mut input = &b"4\r\nWiki\r\n0\r\n\r\nnext"[..];
    /// let mut decoder = http::chunked::Decoder::new(100);
    /// assert_eq!(decoder.next(&mut input), Ok(Piece::Data(b"Wiki")));
    /// assert_eq!(decoder.next(&mut input), Ok(Piece::Done));
    /// assert_eq!(input, b"next");
    /// ```
    ///
    /// # Errors
    ///
    /// For what is no chunk, and for too much beside the data.
    ///
    /// # Your turn
    ///
    /// In `Data`, take as much as is here and still belongs to the chunk, and return it; after the last byte comes
    /// `DataCr`. In all other states, take one byte and `step`. `NotYet` when there are no more bytes.
    pub fn next<'a>(&mut self, input: &mut &'a [u8]) -> Result<Piece<'a>, Malformed> {
        loop {
            match (self.state, input.split_first()) {
                (State::Done, _) => return Ok(Piece::Done),
                (_, None) => return Ok(Piece::NotYet),
                (State::Data { left }, Some(_)) => {
                    let length = input.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                    let (data, rest) = input.split_at(length);
                    let left = left - length as u64;
                    self.state = if left == 0 { State::DataCr } else { State::Data { left } };
                    *input = rest;
                    return Ok(Piece::Data(data));
                }
                (state, Some((byte, rest))) => {
                    self.state = self.step(state, *byte)?;
                    *input = rest;
                }
            }
        }
    }

    /// How many bytes of the chunk that has begun are still to come.
    pub fn announced(&self) -> u64 {
        match self.state {
            State::Data { left } => left,
            _ => 0,
        }
    }

    /// What comes after this byte. Lines must end with CR LF here: a proxy in front of us might not take a single LF for
    /// a line end, and what it took for data we would take for a request.
    ///
    /// # Your turn
    ///
    /// One arm for each state. There is no size without a digit. In extensions any character may stand, control
    /// characters aside, as long as the `patience` lasts.
    fn step(&mut self, state: State, byte: u8) -> Result<State, Malformed> {
        match (state, byte) {
            (State::Size { size, begun }, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => {
                if begun && size == 0 {
                    self.bear()?;
                }
                Ok(State::Size { size: with_digit(size, byte)?, begun: true })
            }
            (State::Size { begun: false, .. }, _) => Err(Malformed("a chunk begins without a size")),
            (State::Size { size, .. } | State::Extension { size }, b'\r') => Ok(State::SizeEnd { size }),
            (State::Size { size, .. } | State::BeforeExtension { size }, b' ' | b'\t') => {
                self.bear()?;
                Ok(State::BeforeExtension { size })
            }
            (State::Size { size, .. } | State::BeforeExtension { size }, b';') => Ok(State::Extension { size }),
            (State::Extension { size }, b'\t' | b' '..=b'~' | 0x80..) => {
                self.bear()?;
                Ok(State::Extension { size })
            }
            (State::SizeEnd { size: 0 }, b'\n') => Ok(State::Trailer),
            (State::SizeEnd { size }, b'\n') => Ok(State::Data { left: size }),
            (State::DataCr, b'\r') => Ok(State::DataLf),
            (State::DataLf, b'\n') => Ok(NEXT_SIZE),
            (State::Trailer, byte) => self.trailer(byte),
            _ => Err(Malformed("a chunk is not what its size says, or its line is malformed")),
        }
    }

    /// Collects the trailer fields up to the empty line, and sees that they are fields.
    fn trailer(&mut self, byte: u8) -> Result<State, Malformed> {
        self.trailer.push(byte);
        if self.trailer == b"\r\n" || self.trailer.ends_with(b"\r\n\r\n") {
            let fields = &self.trailer[..self.trailer.len() - 2];
            return Fields::parse(fields, Sender::Client).map(|_| State::Done);
        }
        if byte == b'\n' && !self.trailer.ends_with(b"\r\n") {
            return Err(Malformed("a trailer line does not end with CR LF"));
        }
        self.bear()?;
        Ok(State::Trailer)
    }

    fn bear(&mut self) -> Result<(), Malformed> {
        self.patience = self.patience.checked_sub(1).ok_or(Malformed("too many bytes beside the chunks"))?;
        Ok(())
    }
}

/// A size with one more digit. What 64 bits cannot hold must not silently become another size.
fn with_digit(size: u64, digit: u8) -> Result<u64, Malformed> {
    let digit = char::from(digit).to_digit(16).map_or(0, u64::from);
    size.checked_mul(16).map(|size| size | digit).ok_or(Malformed("a chunk is too large"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The body in these bytes, and how many are left over. `None` when it goes on.
    fn decoded(pieces: &[&[u8]]) -> Result<Option<(Vec<u8>, usize)>, Malformed> {
        let (mut decoder, mut body) = (Decoder::new(100), Vec::new());
        for (at, piece) in pieces.iter().enumerate() {
            let mut input = *piece;
            loop {
                match decoder.next(&mut input)? {
                    Piece::Data(data) => body.extend_from_slice(data),
                    Piece::NotYet => break,
                    Piece::Done => {
                        let later: usize = pieces[at + 1..].iter().map(|piece| piece.len()).sum();
                        return Ok(Some((body, input.len() + later)));
                    }
                }
            }
        }
        Ok(None)
    }

    /// What is said of these bytes, however they are cut in two, or into single bytes.
    fn at_every_cut(text: &str) -> Result<Option<(Vec<u8>, usize)>, Malformed> {
        let whole = decoded(&[text.as_bytes()]);
        for cut in 0..=text.len() {
            let (one, other) = text.as_bytes().split_at(cut);
            assert_eq!(decoded(&[one, other]), whole, "{text:?} cut at {cut}");
        }
        let bytes: Vec<&[u8]> = text.as_bytes().chunks(1).collect();
        assert_eq!(decoded(&bytes), whole, "{text:?} byte by byte");
        whole
    }

    #[test]
    fn chunks_may_be_cut_anywhere() {
        for text in [
            "5\r\nhello\r\n0\r\n\r\n",
            "2\r\nhe\r\n03;a=\"b;c\"\r\nllo\r\n000\r\nDigest: x\r\nA:\r\n\r\n",
            "5 ; a = b\r\nhello\r\n0;x\r\n\r\n",
        ] {
            assert_eq!(at_every_cut(text), Ok(Some((b"hello".to_vec(), 0))), "{text:?}");
            assert_eq!(at_every_cut(&format!("{text}next")), Ok(Some((b"hello".to_vec(), 4))), "{text:?}");
            for length in 0..text.len() {
                assert_eq!(decoded(&[&text.as_bytes()[..length]]), Ok(None), "{length} bytes of {text:?}");
            }
        }
        let data = "x".repeat(0xab);
        assert_eq!(at_every_cut(&format!("aB\r\n{data}\r\n0\r\n\r\n")), Ok(Some((data.into_bytes(), 0))));
    }

    #[test]
    fn what_is_no_chunk_is_refused() {
        for text in [
            "\r\n",
            "x\r\n",
            "-5\r\n",
            "+5\r\n",
            "0x5\r\n",
            " 5\r\n",
            "5 5\r\n",
            "5\n",
            "5\rh",
            "5 \r\n",
            "5;a\n",
            "5;\0",
            "5\r\nhello0",
            "5\r\nhello\n",
            "10000000000000000\r\n",
            "0\r\n\n",
            "0\r\nA b\r\n\r\n",
            "0\r\n A: b\r\n\r\n",
        ] {
            assert!(at_every_cut(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn patience_ends() {
        let much = "a".repeat(101);
        let zeros = "0".repeat(110);
        for text in [format!("5;{much}"), format!("0\r\nA: {much}"), zeros, "1;abc\r\nx\r\n".repeat(40)] {
            assert!(at_every_cut(&text).is_err(), "{text:?}");
        }
    }
}
