//! The packets of RFC 1350 and RFC 2347: bytes in, values out. Each is one datagram, and begins with two bytes that say
//! which kind it is.
//!
//! ```text
//!  RRQ, WRQ   00 01 | name 00 | mode 00 | option 00 | value 00 | …     (WRQ: 00 02)
//!  DATA       00 03 | block number, 2 bytes | 0 to 512 bytes           (to blksize bytes)
//!  ACK        00 04 | block number
//!  ERROR      00 05 | code, 2 bytes | message 00
//!  OACK       00 06 | option 00 | value 00 | …
//! ```

use std::fmt;

/// The bytes before the payload of a DATA packet, and all the bytes of an ACK.
pub const HEADER: usize = 4;

/// The longest request (RFC 2347, "Packet Formats").
pub const MAX_REQUEST: usize = 512;

const RRQ: u8 = 1;
const WRQ: u8 = 2;
const DATA: u8 = 3;
const ACK: u8 = 4;
const ERROR: u8 = 5;
const OACK: u8 = 6;

/// A packet that arrived. It borrows from the buffer it arrived in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packet<'a> {
    /// RRQ or WRQ: asks for a transfer.
    Request(Request<'a>),
    /// A block of the file.
    Data {
        /// Its number, from 1; 0 comes after 65535.
        block: u16,
        /// What is in it. Less than a whole block is the end of the file.
        bytes: &'a [u8],
    },
    /// All blocks up to this one have arrived.
    Ack {
        /// Its number.
        block: u16,
    },
    /// The end of the transfer. Never answered.
    Error {
        /// One of RFC 1350's, or any other.
        code: u16,
        /// For a human.
        message: &'a [u8],
    },
    /// Answers a request that had options.
    Oack(Strings<'a>),
}

/// Which way the file is to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// RRQ: from the server to the client.
    Read,
    /// WRQ: from the client to the server.
    Write,
}

/// RRQ or WRQ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request<'a> {
    /// Which way.
    pub kind: Kind,
    /// The file, as its name is on the server.
    pub name: &'a [u8],
    /// How its bytes are to be written on the wire.
    pub mode: &'a [u8],
    /// Options, each followed by its value.
    pub options: Strings<'a>,
}

/// How the bytes of the file are written on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// As they are.
    Octet,
    /// As text with line ends of CR LF: see [`crate::netascii`].
    Netascii,
}

impl Mode {
    /// The mode with this name, in capitals or not. `mail` is obsolete (RFC 1350, section 1).
    ///
    /// ```
    /// use tftp::packet::Mode;
    ///
    /// assert_eq!(Mode::named(b"NetAscii"), Some(Mode::Netascii));
    /// assert_eq!(Mode::named(b"mail"), None);
    /// ```
    ///
    /// # Your turn
    ///
    /// Compare with `octet` and `netascii`; `eq_ignore_ascii_case` does not mind capitals.
    pub fn named(name: &[u8]) -> Option<Mode> {
        if name.eq_ignore_ascii_case(b"octet") {
            Some(Mode::Octet)
        } else if name.eq_ignore_ascii_case(b"netascii") {
            Some(Mode::Netascii)
        } else {
            None
        }
    }

    /// What it is called on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Mode::Octet => "octet",
            Mode::Netascii => "netascii",
        }
    }
}

/// Strings that each end with a zero byte, one after the other: the options of a request or an OACK.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Strings<'a>(&'a [u8]);

impl<'a> Strings<'a> {
    /// Pairs of option and value. An option without a value is none, and an empty name ends the list: some boot ROMs
    /// fill their requests up with zeros.
    ///
    /// ```
    /// use tftp::packet::Strings;
    ///
    /// let options = Strings::new(b"blksize\x001428\0tsize\x000\0\0\0\0").unwrap();
    /// let pairs: Vec<_> = options.pairs().collect();
    /// assert_eq!(pairs, [(&b"blksize"[..], &b"1428"[..]), (b"tsize", b"0")]);
    /// ```
    pub fn pairs(self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
        let mut strings = self.0.split(|byte| *byte == 0);
        // What follows the last zero byte is no string.
        let mut left = self.0.iter().filter(|byte| **byte == 0).count();
        std::iter::from_fn(move || {
            left = left.checked_sub(2)?;
            let (name, value) = (strings.next()?, strings.next()?);
            (!name.is_empty()).then_some((name, value))
        })
    }

    /// Whether nothing is cut off: each name has a value, and each of them its zero byte.
    pub fn are_pairs(self) -> bool {
        let zeros = self.0.iter().filter(|byte| **byte == 0).count();
        zeros % 2 == 0 && self.0.last().is_none_or(|byte| *byte == 0)
    }

    /// Takes bytes for strings; the last must have its zero byte, too.
    pub fn new(bytes: &'a [u8]) -> Result<Strings<'a>, Malformed> {
        match bytes.last() {
            None | Some(0) => Ok(Strings(bytes)),
            Some(_) => Err(Malformed("a string without the zero byte at its end")),
        }
    }
}

/// Bytes that are no packet, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed(pub &'static str);

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl<'a> Packet<'a> {
    /// Takes a datagram apart.
    ///
    /// ```
    /// use tftp::packet::{Kind, Packet};
    ///
    /// let Ok(Packet::Request(request)) = Packet::parse(b"\x00\x01hello.txt\0octet\0blksize\x001428\0") else { panic!() };
    /// assert_eq!((request.kind, request.name, request.mode), (Kind::Read, &b"hello.txt"[..], &b"octet"[..]));
    ///
    /// assert_eq!(Packet::parse(b"\x00\x03\x00\x01hi"), Ok(Packet::Data { block: 1, bytes: b"hi" }));
    /// assert_eq!(Packet::parse(b"\x00\x04\xff\xff"), Ok(Packet::Ack { block: 65535 }));
    /// assert_eq!(Packet::parse(b"\x00\x05\x00\x01no\0"), Ok(Packet::Error { code: 1, message: b"no" }));
    /// assert!(Packet::parse(b"\x00\x03\x00").is_err(), "a block number has two bytes");
    /// assert!(Packet::parse(b"\x00\x01hello.txt\0octet").is_err(), "the mode must end with a zero byte");
    /// assert!(Packet::parse(b"\x00\x07").is_err(), "there is no seventh kind");
    /// ```
    ///
    /// # Your turn
    ///
    /// The first two bytes are the kind. `parse_request` and `parse_error` take the rest of theirs, `Strings` that of an
    /// OACK, and `block_number` gives the number and the rest of DATA and ACK. Anything else is `Malformed`.
    pub fn parse(bytes: &'a [u8]) -> Result<Packet<'a>, Malformed> {
        let (kind, rest) = bytes.split_first_chunk().ok_or(Malformed("a packet without a kind"))?;
        match *kind {
            [0, DATA] => block_number(rest).map(|(block, bytes)| Packet::Data { block, bytes }),
            [0, ACK] => block_number(rest).map(|(block, _)| Packet::Ack { block }),
            [0, RRQ] => parse_request(Kind::Read, rest).map(Packet::Request),
            [0, WRQ] => parse_request(Kind::Write, rest).map(Packet::Request),
            [0, ERROR] => Ok(parse_error(rest)),
            [0, OACK] => Ok(Packet::Oack(Strings(rest))),
            _ => Err(Malformed("an unknown kind of packet")),
        }
    }
}

/// The block number of DATA and ACK, most significant byte first, and what follows it.
fn block_number(bytes: &[u8]) -> Result<(u16, &[u8]), Malformed> {
    let (number, rest) = bytes.split_first_chunk().ok_or(Malformed("a block number that is cut off"))?;
    Ok((u16::from_be_bytes(*number), rest))
}

/// What follows the kind of a request: name and mode, and with RFC 2347 the options.
///
/// # Your turn
///
/// `split_once_zero` twice: the name, the mode, and the rest, which is for `Strings::new`. A request without a name is
/// malformed.
fn parse_request(kind: Kind, bytes: &[u8]) -> Result<Request<'_>, Malformed> {
    let (name, rest) = split_once_zero(bytes).ok_or(Malformed("a name without the zero byte at its end"))?;
    let (mode, rest) = split_once_zero(rest).ok_or(Malformed("a mode without the zero byte at its end"))?;
    if name.is_empty() {
        return Err(Malformed("a request without a name"));
    }
    Ok(Request { kind, name, mode, options: Strings::new(rest)? })
}

/// What is before the first zero byte, and what is after it.
fn split_once_zero(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = bytes.iter().position(|byte| *byte == 0)?;
    Some((&bytes[..at], &bytes[at + 1..]))
}

/// What follows the kind of an ERROR. Whatever it looks like, it is the end; so nothing about it is wrong enough to
/// refuse.
fn parse_error(bytes: &[u8]) -> Packet<'_> {
    let (code, message) = block_number(bytes).unwrap_or_default();
    Packet::Error { code, message: split_once_zero(message).map_or(message, |(message, _)| message) }
}

/// Whether a datagram is an ERROR, however mutilated. Answering those, two programs could send each other errors for
/// ever.
pub fn is_error(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0, ERROR])
}

/// Writes the four bytes before the payload of a DATA packet.
///
/// # Your turn
///
/// The kind and the number, both two bytes, most significant first.
pub fn write_data_header(block: u16, packet: &mut [u8]) {
    let [high, low] = block.to_be_bytes();
    packet[..HEADER].copy_from_slice(&[0, DATA, high, low]);
}

/// An ACK packet.
///
/// ```
/// assert_eq!(tftp::packet::ack(258), [0, 4, 1, 2]);
/// ```
///
/// # Your turn
///
/// Like the header of DATA, with the kind of an ACK.
pub fn ack(block: u16) -> [u8; HEADER] {
    let [high, low] = block.to_be_bytes();
    [0, ACK, high, low]
}

/// The codes of an ERROR packet (RFC 1350, appendix; 8 is RFC 2347's).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorCode {
    /// The message says what.
    NotDefined = 0,
    /// There is no such file.
    FileNotFound = 1,
    /// There may be one, but not for you.
    AccessViolation = 2,
    /// No room for it.
    DiskFull = 3,
    /// Not a packet that can come here.
    IllegalOperation = 4,
    /// A packet from a port that takes no part in the transfer.
    UnknownTransferId = 5,
    /// The name is taken.
    FileExists = 6,
    /// The options do not please.
    OptionRefused = 8,
}

impl ErrorCode {
    /// The words of RFC 1350.
    pub fn message(self) -> &'static str {
        match self {
            ErrorCode::NotDefined => "Not defined",
            ErrorCode::FileNotFound => "File not found",
            ErrorCode::AccessViolation => "Access violation",
            ErrorCode::DiskFull => "Disk full or allocation exceeded",
            ErrorCode::IllegalOperation => "Illegal TFTP operation",
            ErrorCode::UnknownTransferId => "Unknown transfer ID",
            ErrorCode::FileExists => "File already exists",
            ErrorCode::OptionRefused => "Option negotiation failed",
        }
    }
}

/// An ERROR packet.
///
/// ```
/// use tftp::packet::{ErrorCode, error};
///
/// assert_eq!(error(ErrorCode::FileNotFound, "File not found"), b"\x00\x05\x00\x01File not found\0");
/// ```
///
/// # Your turn
///
/// Kind, code, message, and a zero byte.
pub fn error(code: ErrorCode, message: &str) -> Vec<u8> {
    [&[0, ERROR, 0, code as u8], message.as_bytes(), &[0]].concat()
}

/// A request, with options that were encoded already.
///
/// ```
/// use tftp::packet::{Kind, Mode, request};
///
/// assert_eq!(request(Kind::Write, b"up.bin", Mode::Octet, b"tsize\x007\0"), b"\x00\x02up.bin\0octet\0tsize\x007\0");
/// ```
///
/// # Your turn
///
/// Kind, name, zero, mode, zero, options.
pub fn request(kind: Kind, name: &[u8], mode: Mode, options: &[u8]) -> Vec<u8> {
    let opcode = match kind {
        Kind::Read => RRQ,
        Kind::Write => WRQ,
    };
    [&[0, opcode], name, &[0], mode.name().as_bytes(), &[0], options].concat()
}

/// An OACK packet, with options that were encoded already.
///
/// ```
/// assert_eq!(tftp::packet::oack(b"blksize\x00512\0"), b"\x00\x06blksize\x00512\0");
/// ```
pub fn oack(options: &[u8]) -> Vec<u8> {
    [&[0, OACK], options].concat()
}
