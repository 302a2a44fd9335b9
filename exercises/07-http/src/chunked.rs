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
    pub fn next<'a>(&mut self, input: &mut &'a [u8]) -> Result<Piece<'a>, Malformed> {
        todo!(
            "In `Data`, take as much as is here and still belongs to the chunk, and return it; after the \
             last byte comes `DataCr`. In all other states, take one byte and `step`. `NotYet` when there \
             are no more bytes."
        )
    }

    /// What comes after this byte. Lines must end with CR LF here: a proxy in front of us might not take a single LF for
    /// a line end, and what it took for data we would take for a request.
    fn step(&mut self, state: State, byte: u8) -> Result<State, Malformed> {
        todo!(
            "One arm for each state. There is no size without a digit. In extensions any character may \
             stand, control characters aside, as long as the `patience` lasts."
        )
    }

    /// Collects the trailer fields up to the empty line, and sees that they are fields.
    fn trailer(&mut self, byte: u8) -> Result<State, Malformed> {
        self.trailer.push(byte);
        if self.trailer == b"\r\n" || self.trailer.ends_with(b"\r\n\r\n") {
            let fields = &self.trailer[..self.trailer.len() - 2];
            return Fields::parse(fields, Sender::Client).map(|_| State::Done);
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
