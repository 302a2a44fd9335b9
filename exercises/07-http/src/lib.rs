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
