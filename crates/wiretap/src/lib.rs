//! A tap between two programs: it passes on what they say, records every byte of it, and misbehaves by rule.
//!
//! Knows TCP and UDP and no protocol above them. The pieces:
//!
//! - [`TcpTap`] and [`UdpTap`]: the taps, each with an address of its own that the client is given as its server's;
//! - [`Rule`]: a fault as a small value, such as [`Rule::lose`] the first datagram to the server; counted, or drawn by a seed;
//! - [`Event`]: what the tap saw, with time and direction, and what it did about it;
//! - [`pcapng()`]: the same for Wireshark.

mod pcapng;
mod record;
mod rule;
mod schedule;
mod tcp;
mod udp;

use std::net::SocketAddr;

pub use pcapng::pcapng;
pub use record::{Deed, Event, Watcher};
pub use rule::{Direction, Rule};
pub use tcp::TcpTap;
pub use udp::UdpTap;

/// A tap of either transport.
#[derive(Debug)]
pub enum Tap {
    /// Of a TCP server.
    Tcp(TcpTap),
    /// Of a UDP server.
    Udp(UdpTap),
}

impl Tap {
    /// Where the client finds the tap.
    pub fn address(&self) -> SocketAddr {
        match self {
            Tap::Tcp(tap) => tap.address(),
            Tap::Udp(tap) => tap.address(),
        }
    }

    /// What the tap saw so far, in order of time.
    pub fn events(&self) -> Vec<Event> {
        match self {
            Tap::Tcp(tap) => tap.events(),
            Tap::Udp(tap) => tap.events(),
        }
    }

    /// How often each rule has struck, in the order in which the rules were given.
    pub fn strikes(&self) -> Vec<u64> {
        match self {
            Tap::Tcp(tap) => tap.strikes(),
            Tap::Udp(tap) => tap.strikes(),
        }
    }
}
