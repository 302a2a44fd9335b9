//! HTTP/1.1: requests and responses, messages on a stream (RFC 9110 says what they mean, RFC 9112 how they look).
//!
//! The protocol, without sockets. Bytes go in, values come out, and what cannot be decided yet is a value, too:
//!
//! - [`fields`]: the header fields that both kinds of message have;
//! - [`request`] and [`target`]: what a server reads first, and what it is asked for;
//! - [`response`]: what a client reads first;
//! - [`body`] and [`chunked`]: where a message ends;
//! - [`percent`], [`range`], [`conditional`]: what the words in a request mean;
//! - [`answer`]: what a server says;
//! - [`url`] and [`errand`]: where a client goes, what it says there, and where it is sent on to.
//!
//! Where a client puts what it gets: [`printable`] text, or a [`download`].
//!
//! The server's parts, each built on what is above:
//!
//! - [`wire`]: a connection whose bytes can be looked at before they are taken;
//! - [`connection`]: request after request, until one side closes;
//! - [`router`]: who answers what; [`files`] and [`pages`]: the answers.

use std::fmt;

pub mod answer;
pub mod body;
pub mod chunked;
pub mod conditional;
pub mod connection;
pub mod download;
pub mod errand;
pub mod fields;
pub mod files;
pub mod outbound;
pub mod pages;
pub mod percent;
pub mod printable;
pub mod range;
pub mod request;
pub mod response;
pub mod router;
pub mod target;
pub mod terminal;
pub mod url;
pub mod wire;

/// What a parser makes of the bytes that are here so far. Bytes that are wrong are an error; that no more will come is
/// for whoever reads them to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Parsed<T> {
    /// So far so good, but it goes on.
    NotYet,
    /// All of it, and how many bytes it took.
    Whole(T, usize),
}

/// Bytes that are not what they should be, and what is wrong with them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed(pub &'static str);

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Malformed {}

#[cfg(test)]
mod tests {
    use std::fmt::Debug;

    use super::Parsed;

    /// What a parser says of these bytes, having seen that it says the same however they are cut: as long as some are
    /// missing, it waits for them, unless those that are here are wrong already; and what comes after them is not its own.
    pub fn at_every_cut<T, E>(bytes: &[u8], parse: impl Fn(&[u8]) -> Result<Parsed<T>, E>) -> Result<(T, usize), E>
    where
        T: PartialEq + Debug,
        E: PartialEq + Debug,
    {
        let result = parse(bytes);
        let shown = String::from_utf8_lossy(bytes);
        let decided = (0..=bytes.len()).find(|length| parse(&bytes[..*length]) != Ok(Parsed::NotYet));
        let decided = decided.unwrap_or_else(|| panic!("{shown:?} is never enough"));
        for length in decided..=bytes.len() {
            assert_eq!(parse(&bytes[..length]), result, "{length} bytes of {shown:?}");
        }
        for more in [&b"\r\n"[..], b"\n\n", b"GET / HTTP/1.1\r\n\r\n", b"\0", b"A: b\r\n"] {
            assert_eq!(parse(&[bytes, more].concat()), result, "{shown:?} and more");
        }
        match result? {
            Parsed::NotYet => panic!("{shown:?} is not enough"),
            Parsed::Whole(value, length) => {
                assert_eq!((length, decided), (bytes.len(), bytes.len()), "the length of {shown:?}");
                Ok((value, length))
            }
        }
    }
}
