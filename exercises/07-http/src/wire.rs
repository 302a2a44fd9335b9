//! A TCP connection whose bytes can be looked at before they are taken.

use std::io::{self, Read};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use crate::Malformed;
use crate::body::{Body, Piece};

/// A buffer of this size may be kept.
pub const SMALL: usize = 2 << 10;

/// A connection, and what has come over it and is not used yet.
#[derive(Debug)]
pub struct Wire {
    stream: TcpStream,
    unread: Vec<u8>,
    wait: Option<Duration>,
}

impl Wire {
    /// A wire on this connection.
    pub fn new(stream: TcpStream) -> Wire {
        Wire { stream, unread: Vec::new(), wait: None }
    }

    /// The connection, to write to.
    pub fn stream(&mut self) -> &mut TcpStream {
        &mut self.stream
    }

    /// What has come and is not used yet.
    pub fn unread(&self) -> &[u8] {
        &self.unread
    }

    /// Takes bytes off the front.
    pub fn consume(&mut self, length: usize) {
        self.unread.drain(..length);
        if self.unread.is_empty() && self.unread.capacity() > SMALL {
            // Most connections wait most of the time, and a thousand that wait should not cost a thousand large buffers.
            self.unread = Vec::new();
        }
    }

    /// Takes what has come of a body, piece by piece, and tells whether that was all of it.
    ///
    /// # Errors
    ///
    /// For malformed chunks, and those of `take`.
    pub fn take_body<E: From<Malformed>>(
        &mut self,
        body: &mut Body,
        mut take: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<bool, E> {
        todo!(
            "Ask the `body` for its `next` piece of the unread bytes until it is `NotYet` or `Done`. Only \
             then `consume` what it took: after each small chunk, it would be much moving to and fro."
        )
    }

    /// Waits until more has come, and says how many bytes; 0 is the end of the stream.
    ///
    /// # Errors
    ///
    /// `TimedOut` when nothing came, and whatever the connection has.
    pub fn read_more(&mut self, most: usize, wait: Duration) -> io::Result<usize> {
        todo!(
            "Set the read timeout (not zero, which would mean \"for ever\"), and only when it is another \
             than before: it is a system call. Make `unread` longer by `most`, `yield_now` to other threads, \
             read into the new part, and shorten it to what came. `Interrupted` means once more, \
             `WouldBlock` is what Unix calls a timeout."
        )
    }
}
