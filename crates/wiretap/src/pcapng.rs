//! A record as a file that Wireshark opens (pcapng). A tap sees what the programs say, not the headers below it: those of IP,
//! UDP and TCP are made anew.
//!
//! ```text
//!   section header | interface | packet | packet | …      each: type, length, body, length again
//! ```
//!
//! Packets stand as they were sent; what became of one that did not simply arrive is said in its comment.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::record::{Deed, Event};
use crate::rule::Direction;

const SECTION: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const PACKET: u32 = 6;

/// Packets begin with the header of IP (LINKTYPE_RAW).
const RAW_IP: u16 = 101;

const COMMENT: u16 = 1;

const TCP: u8 = 6;
const UDP: u8 = 17;

const FIN: u8 = 1;
const SYN: u8 = 2;
const RST: u8 = 4;
const PSH: u8 = 8;
const ACK: u8 = 16;

/// How much of a stream fits into one packet: a length has 16 bits, and there are two headers.
const SEGMENT: usize = 65_000;

/// What a tap saw that was started at `began`.
pub fn pcapng(events: &[Event], began: SystemTime) -> Vec<u8> {
    let mut file = Vec::new();
    let (magic, version, length) = (0x1a2b_3c4d_u32, [1, 0, 0, 0], u64::MAX);
    block(&mut file, SECTION, &[&magic.to_le_bytes()[..], &version, &length.to_le_bytes()].concat());
    block(&mut file, INTERFACE, &[RAW_IP.to_le_bytes(), [0; 2], [0; 2], [0; 2]].concat());
    let mut streams = Streams::default();
    for event in events {
        let since_1970 = (began + event.at).duration_since(UNIX_EPOCH).unwrap_or_default();
        let (_, comment) = event.described_by(|_| String::new());
        let comment = if event.bytes().is_some() { comment.trim() } else { "" };
        for packet in streams.packets(event) {
            block(&mut file, PACKET, &packet_block(since_1970.as_micros() as u64, &packet, comment));
        }
    }
    file
}

/// Type, length, body, and the length again, so that a file can be read backwards.
fn block(file: &mut Vec<u8>, kind: u32, body: &[u8]) {
    let length = (body.len() + 12) as u32;
    file.extend([kind.to_le_bytes(), length.to_le_bytes()].concat());
    file.extend(body);
    file.extend(length.to_le_bytes());
}

/// Interface, time in microseconds, length as captured and as it was, the packet, and perhaps a comment.
fn packet_block(time: u64, packet: &[u8], comment: &str) -> Vec<u8> {
    let length = packet.len() as u32;
    let words = [0, (time >> 32) as u32, time as u32, length, length];
    let mut body: Vec<u8> = words.into_iter().flat_map(u32::to_le_bytes).collect();
    body.extend(packet);
    pad(&mut body);
    if !comment.is_empty() {
        body.extend([COMMENT.to_le_bytes(), (comment.len() as u16).to_le_bytes()].concat());
        body.extend(comment.as_bytes());
        pad(&mut body);
        body.extend([0; 4]);
    }
    body
}

/// Everything in the file begins at a multiple of four.
fn pad(body: &mut Vec<u8>) {
    body.resize(body.len().next_multiple_of(4), 0);
}

/// Of each TCP connection, the numbers of the next byte of both sides.
#[derive(Default)]
struct Streams(HashMap<usize, [u32; 2]>);

impl Streams {
    /// The packets that an event stands for. A conversation that was opened is TCP, any other UDP.
    fn packets(&mut self, event: &Event) -> Vec<Vec<u8>> {
        let stream = match event.deed {
            // They are in the record once more, when they are passed on.
            Deed::Held(_) => return Vec::new(),
            Deed::Opened => Some(self.0.entry(event.conversation).or_default()),
            _ => self.0.get_mut(&event.conversation),
        };
        match (stream, event.bytes()) {
            (None, Some(bytes)) => vec![datagram(event, bytes)],
            (None, None) => Vec::new(),
            (Some(next), bytes) => {
                let mut say = |way, flags, bytes: &[u8]| segment(event, next, way, flags, bytes);
                match (&event.deed, bytes) {
                    (Deed::Opened, _) => vec![
                        say(Direction::ToServer, SYN, &[]),
                        say(Direction::ToClient, SYN | ACK, &[]),
                        say(Direction::ToServer, ACK, &[]),
                    ],
                    (Deed::Ended, _) => vec![say(event.direction, FIN | ACK, &[])],
                    (deed, Some(bytes)) => {
                        let most = if let Deed::Split(_, size) = deed { (*size).min(SEGMENT) } else { SEGMENT };
                        bytes.chunks(most).map(|piece| say(event.direction, PSH | ACK, piece)).collect()
                    }
                    (_, None) => vec![say(event.direction, RST | ACK, &[])],
                }
            }
        }
    }
}

/// Sender and receiver.
fn ends(event: &Event, way: Direction) -> (SocketAddr, SocketAddr) {
    match way {
        Direction::ToServer => (event.client, event.server),
        Direction::ToClient => (event.server, event.client),
    }
}

fn datagram(event: &Event, bytes: &[u8]) -> Vec<u8> {
    let (from, to) = ends(event, event.direction);
    let length = (bytes.len() + 8) as u16;
    let header = [from.port(), to.port(), length, 0].map(u16::to_be_bytes).concat();
    ip(from, to, UDP, [&header, bytes].concat(), 6)
}

fn segment(event: &Event, next: &mut [u32; 2], way: Direction, flags: u8, bytes: &[u8]) -> Vec<u8> {
    const HEADER_IN_WORDS: u8 = 5;
    const WINDOW: u16 = u16::MAX;
    let (from, to) = ends(event, way);
    let (mine, theirs) = (way as usize, 1 - way as usize);
    let acknowledged = if flags & ACK > 0 { next[theirs] } else { 0 };
    let header = [
        &from.port().to_be_bytes()[..],
        &to.port().to_be_bytes(),
        &next[mine].to_be_bytes(),
        &acknowledged.to_be_bytes(),
        &[HEADER_IN_WORDS << 4, flags],
        &WINDOW.to_be_bytes(),
        &[0; 4],
    ]
    .concat();
    // SYN and FIN count like a byte.
    let counted = bytes.len() + usize::from(flags & (SYN | FIN) > 0);
    next[mine] = next[mine].wrapping_add(counted as u32);
    ip(from, to, TCP, [&header, bytes].concat(), 16)
}

/// Puts the header of IP in front, and the checksum where it belongs. It covers the addresses, too (RFC 768; RFC 8200, 8.1).
fn ip(from: SocketAddr, to: SocketAddr, protocol: u8, mut payload: Vec<u8>, checksum_at: usize) -> Vec<u8> {
    const HOPS: u8 = 64;
    let (length, addresses) = (payload.len() as u16, [octets(from.ip()), octets(to.ip())].concat());
    let pseudo = [&addresses[..], &[0, protocol], &length.to_be_bytes()].concat();
    let sum = match checksum(&[&pseudo[..], &payload].concat()) {
        0 => 0xffff,
        sum => sum,
    };
    payload[checksum_at..checksum_at + 2].copy_from_slice(&sum.to_be_bytes());
    let header = if addresses.len() == 8 {
        let mut header = [&[0x45, 0][..], &(length + 20).to_be_bytes(), &[0, 0, 0, 0, HOPS, protocol, 0, 0]].concat();
        header.extend(&addresses);
        let sum = checksum(&header);
        header[10..12].copy_from_slice(&sum.to_be_bytes());
        header
    } else {
        [&[0x60, 0, 0, 0][..], &length.to_be_bytes(), &[protocol, HOPS], &addresses].concat()
    };
    [header, payload].concat()
}

fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}

/// The checksum of the Internet (RFC 1071): words of 16 bits, added with their carries, and inverted.
fn checksum(bytes: &[u8]) -> u16 {
    let words = bytes.chunks(2).map(|word| u64::from(word[0]) << 8 | u64::from(word.get(1).copied().unwrap_or(0)));
    let mut sum: u64 = words.sum();
    while sum > 0xffff {
        sum = (sum >> 16) + (sum & 0xffff);
    }
    !(sum as u16)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn event(direction: Direction, deed: Deed) -> Event {
        let (client, server) = ("127.0.0.1:1000".parse().unwrap(), "127.0.0.1:69".parse().unwrap());
        Event { at: Duration::from_micros(7), conversation: 1, client, server, direction, deed }
    }

    /// The bodies of the blocks, after the type of each was checked against its place.
    fn packets(file: &[u8]) -> Vec<Vec<u8>> {
        let (mut rest, mut bodies) = (file, Vec::new());
        while !rest.is_empty() {
            let word = |at: usize| u32::from_le_bytes(rest[at..at + 4].try_into().unwrap());
            let length = word(4) as usize;
            assert_eq!((length % 4, word(length - 4) as usize), (0, length));
            bodies.push((word(0), rest[8..length - 4].to_vec()));
            rest = &rest[length..];
        }
        assert_eq!([bodies[0].0, bodies[1].0], [SECTION, INTERFACE]);
        assert!(bodies[2..].iter().all(|(kind, _)| *kind == PACKET));
        bodies.split_off(2).into_iter().map(|(_, body)| body).collect()
    }

    #[test]
    fn a_datagram_has_headers_whose_sums_are_right() {
        let file = pcapng(&[event(Direction::ToServer, Deed::Lost(b"hello".to_vec()))], UNIX_EPOCH);
        let [body] = &packets(&file)[..] else { panic!("one packet") };
        assert_eq!(body[..20], [0, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 33, 0, 0, 0, 33, 0, 0, 0]);
        let packet = &body[20..53];
        assert_eq!(packet[20..26], [1000_u16, 69, 13].map(u16::to_be_bytes).concat());
        assert_eq!(&packet[28..], b"hello");
        assert_eq!(checksum(&packet[..20]), 0);
        assert_eq!(checksum(&[&packet[12..20], &[0, UDP, 0, 13], &packet[20..]].concat()), 0);
        assert!(body[56..].starts_with(b"\x01\x00\x0f\x00lost on the way"));
    }

    #[test]
    fn a_stream_is_counted_in_bytes() {
        let (up, down) = (Direction::ToServer, Direction::ToClient);
        let deeds = [
            (up, Deed::Opened),
            (up, Deed::Held(b"hel".to_vec())),
            (up, Deed::Passed(b"hello".to_vec())),
            (down, Deed::Passed(b"hi".to_vec())),
            (up, Deed::Ended),
            (down, Deed::Ended),
        ];
        let file = pcapng(&deeds.map(|(way, deed)| event(way, deed)), UNIX_EPOCH);
        let numbers = |packet: &Vec<u8>| {
            let word = |at: usize| u32::from_be_bytes(packet[at..at + 4].try_into().unwrap());
            (word(20 + 20 + 4), word(20 + 20 + 8), packet[20 + 20 + 13])
        };
        let seen: Vec<_> = packets(&file).iter().map(numbers).collect();
        let data = PSH | ACK;
        let due = [(0, 0, SYN), (0, 1, SYN | ACK), (1, 1, ACK), (1, 1, data), (1, 6, data), (6, 3, FIN | ACK)];
        assert_eq!(seen[..6], due);
        assert_eq!(seen[6], (3, 7, FIN | ACK));
    }
}
