//! The protocol of this chapter: a server returns every datagram as it came. What a client has to know is which
//! datagram is the echo it waits for, and how often to ask.

use std::net::SocketAddr;

pub mod terminal;

/// The largest payload of a UDP datagram over IPv4, in bytes: 65,535 less 20 of IP header and 8 of UDP header
/// (RFC 768 and RFC 791, section 3.1).
pub const MAX_DATAGRAM: usize = 65_507;

/// How often a client sends a line before it gives up.
pub const TRIES: u32 = 3;

/// A datagram, and who sent it or is to get it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Datagram<'a> {
    /// The peer's address.
    pub peer: SocketAddr,
    /// The payload.
    pub bytes: &'a [u8],
}

/// Whether `received` is the echo of `sent`: from the very address it was sent to, and the very same bytes.
///
/// Anybody can send a datagram to any port, and an echo that was given up on may still arrive. UDP delivers both.
///
/// ```
/// use udp_echo::{Datagram, is_echo};
///
/// let sent = Datagram { peer: "127.0.0.1:8090".parse().unwrap(), bytes: b"hi" };
/// let stranger = Datagram { peer: "127.0.0.1:6666".parse().unwrap(), bytes: b"hi" };
/// let earlier = Datagram { bytes: b"hello", ..sent };
/// assert!(is_echo(sent, sent));
/// assert!(!is_echo(stranger, sent));
/// assert!(!is_echo(earlier, sent));
/// ```
///
/// # Your turn
///
/// Compare both fields.
pub fn is_echo(received: Datagram, sent: Datagram) -> bool {
    received == sent
}
