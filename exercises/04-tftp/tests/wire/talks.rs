//! What the lab waits for, and what it makes of the time that passes.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use scenario::{Datagram, Lab, Outcome, UdpPeer, demand};

use super::{ack, describe, difference, error, is_at_most, oack, pairs, parse_data};

/// What to expect of a program, in the words of TFTP.
pub trait Talks {
    /// The next packet, which may come from a port that is new: the first answer to a request.
    fn first(&mut self, packet: &[u8]) -> Outcome;
    /// An ERROR with this code, from any port, whatever its text.
    fn expect_error(&mut self, code: u16) -> Outcome;
    /// An OACK to these options and no others: tsize and timeout as they are here, blksize and windowsize perhaps smaller.
    /// Returns the two.
    fn granted(&mut self, options: &[(&str, &str)]) -> Outcome<(usize, usize)>;
    /// The packet, after any number of repetitions of `before`.
    fn eventually(&mut self, packet: &[u8], before: &[u8]) -> Outcome;
}

impl Talks for UdpPeer {
    fn first(&mut self, packet: &[u8]) -> Outcome {
        let Datagram { from, bytes: came } = self.receive(&describe(packet))?;
        self.keeps_to(from);
        demand(came == packet, || {
            format!("{} came, where {} was due.{}", describe(&came), describe(packet), difference(packet, &came))
        })
    }

    fn expect_error(&mut self, code: u16) -> Outcome {
        let came = self.receive(&format!("ERROR {code}"))?.bytes;
        let is_due = came.len() > 4 && came[..4] == error(code, "")[..4] && came.ends_with(&[0]);
        demand(is_due, || format!("{} came, where ERROR {code} with a text and a zero byte was due.", describe(&came)))
    }

    fn granted(&mut self, options: &[(&str, &str)]) -> Outcome<(usize, usize)> {
        let due = describe(&oack(options));
        let Datagram { from, bytes: came } = self.receive(&due)?;
        self.keeps_to(from);
        let found = if came.starts_with(&[0, 6]) && came.ends_with(&[0]) { pairs(&came[2..]) } else { Vec::new() };
        let wanted = pairs(&oack(options)[2..]);
        let value = |name: &str| found.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        let is_granted = |(name, wish): &(String, String)| match (name.as_str(), value(name)) {
            ("blksize", Some(size)) => is_at_most(size, 8, wish),
            ("windowsize", Some(blocks)) => is_at_most(blocks, 1, wish),
            (_, found) => found == Some(wish),
        };
        let is_due = found.len() == wanted.len() && wanted.iter().all(is_granted);
        demand(is_due, || format!("{} came, where {due} was due (in any order).", describe(&came)))?;
        let number = |name, default| value(name).and_then(|value| value.parse().ok()).unwrap_or(default);
        Ok((number("blksize", 512), number("windowsize", 1)))
    }

    fn eventually(&mut self, packet: &[u8], before: &[u8]) -> Outcome {
        loop {
            let came = self.receive(&describe(packet))?.bytes;
            if came == packet {
                return Ok(());
            }
            demand(came == before, || {
                format!("{} came, where {} was due.{}", describe(&came), describe(packet), difference(packet, &came))
            })?;
        }
    }
}

/// Blocks in their order; what is sent again between them, because the lab was slow, does not matter.
pub fn hears_window(
    peer: &mut UdpPeer,
    packet: &dyn Fn(u16) -> Vec<u8>,
    numbers: std::ops::RangeInclusive<u16>,
) -> Outcome {
    let first = *numbers.start();
    for number in numbers {
        loop {
            let came = peer.receive(&format!("DATA {number}"))?.bytes;
            if came == packet(number) {
                break;
            }
            let is_repetition = parse_data(&came)
                .is_some_and(|(other, _)| other < number && number > first || other < first)
                || came.starts_with(&[0, 6]);
            demand(is_repetition, || format!("{} came, where DATA {number} was due.", describe(&came)))?;
        }
    }
    Ok(())
}

/// Sends a packet that neither delay nor repetition explains, and then the `right` one, for which `due` is the answer. A
/// program may pass over the first, or end the transfer with an ERROR (RFC 1350, section 2): whether it goes on. What it
/// said `before` it may say again.
pub fn goes_on_after(
    odd: &[u8],
    (peer, program): (&mut UdpPeer, SocketAddr),
    right: &[u8],
    due: &[u8],
    before: Option<&[u8]>,
) -> Outcome<bool> {
    peer.send_to(program, odd)?;
    let mut is_early = peer.has_mail(Duration::from_millis(50))?;
    peer.send_to(program, right)?;
    loop {
        let came = peer.receive(&describe(due))?.bytes;
        match &came[..] {
            [0, 5, ..] => return Ok(false),
            _ if came == due && !is_early => return Ok(true),
            _ => demand(before == Some(&came), || {
                format!("{} came after {}, which says nothing about it.", describe(&came), describe(odd))
            })?,
        }
        is_early = false;
    }
}

/// The packet must come again, and soon: the program was told to wait for a tenth of a second.
pub fn soon(peer: &mut UdpPeer, packet: &[u8], role: &str) -> Outcome {
    let before = Instant::now();
    peer.expect(packet)?;
    demand(before.elapsed() < Duration::from_millis(700), || {
        format!("Your {role} took {} ms for a wait of 100 ms (`--timeout 0.1`).", before.elapsed().as_millis())
    })
}

/// When a stranger has been turned away, all that was sent before has been looked at. Nothing more may have come of it.
pub fn has_no_more_to_say(peer: &UdpPeer, program: SocketAddr, stranger: &mut UdpPeer) -> Outcome {
    stranger.send_to(program, ack(7))?;
    stranger.expect_error(5)?;
    let more = peer.has_mail(Duration::from_millis(5))?;
    demand(!more, || "A repeated ACK was answered, where only a new one lets the next block go.".to_owned())
}

/// The packet must come again from a program that has a timeout of half a second, although the noise never ceases. Where
/// the lab was held up, and there was a pause, it must come once more.
pub fn comes_again_amid_noise(
    lab: &Lab,
    peer: &mut UdpPeer,
    packet: &[u8],
    noise: impl Fn(&UdpPeer) -> Outcome,
) -> Outcome {
    for _ in 0..3 {
        let (began, mut last, mut longest) = (Instant::now(), Instant::now(), Duration::ZERO);
        while !peer.has_mail(Duration::from_millis(20))? {
            let waited = began.elapsed();
            demand(waited < lab.patience(), || format!("Nothing came for {} s.", waited.as_secs()))?;
            noise(peer)?;
            longest = longest.max(last.elapsed());
            last = Instant::now();
        }
        peer.expect(packet)?;
        if longest.max(last.elapsed()) < Duration::from_millis(250) {
            break;
        }
    }
    Ok(())
}
