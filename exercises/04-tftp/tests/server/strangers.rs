//! Packets that are not waited for: repeated ones, and those of others.

use scenario::{Lab, Meaning, Outcome, Program, Stage, UdpPeer};

use super::traces::{Tells, holds};
use super::wire::{
    Talks, ack, block, comes_again_amid_noise, content, data, error, has_no_more_to_say, rrq, tally, wrq,
};
use super::{patient_server, reads, server_with_timeout, writes};

pub fn wakes_no_sorcerers_apprentice() -> Stage {
    Stage::server("A repeated ACK is answered by nothing")
        .promises(["F3"])
        .why(
            "The Sorcerer's Apprentice (RFC 1123, section 4.2.3.1): one ACK that a network repeats, answered by DATA twice, is answered by two \
             ACKs, and from then on everything is sent twice, to the end of the file.",
        )
        .hints([
            "What does your server do with ACK 1 when it waits for ACK 2?",
            "Nothing. Only the ACK of the newest block lets the next one go; only time makes it repeat.",
            "match block.wrapping_sub(acknowledged) { 0 => {}, 1 => return Ok(()), _ => {} }",
        ])
        .story(|lab| {
            let (server, folder) = patient_server(lab, &[])?;
            let file = content(2100);
            folder.put("file", &file)?;
            let mut alice = lab.udp("alice", &server)?;
            alice.send(rrq("file", &[]))?;
            alice.first(&data(1, &file[..512]))?;
            let mut stranger = lab.udp_stranger()?;
            for number in 1..=4 {
                alice.send(ack(number))?;
                alice.send(ack(number))?;
                alice.send(ack(number.max(2) - 1))?;
                alice.expect(data(number + 1, block(&file, usize::from(number) + 1, 512)))?;
                has_no_more_to_say(&alice, alice.partner()?, &mut stranger)?;
            }
            alice.send(ack(5))?;
            server.says(&format!("{} reads \"file\"", alice.address()))?;
            server.says(&format!("sent \"file\" to {}: {}", alice.address(), tally(2100, 512)))?;
            // ACK 0, which answers an OACK, is no exception.
            alice.send_to(server.address(), rrq("file", &[("tsize", "0")]))?;
            alice.granted(&[("tsize", "2100")])?;
            alice.send(ack(0))?;
            alice.send(ack(0))?;
            alice.expect(data(1, &file[..512]))?;
            has_no_more_to_say(&alice, alice.partner()?, &mut stranger)?;
            alice.send(ack(1))?;
            reads(&mut alice, &file, 2, 512)?;
            server.says(&format!("{} reads \"file\"", alice.address()))?;
            server.says(&format!("sent \"file\" to {}: {}", alice.address(), tally(2100, 512)))
        })
}

pub fn turns_strangers_away() -> Stage {
    Stage::server("A packet from another port gets ERROR 5, and disturbs nothing")
        .promises(["F4"])
        .why(
            "Address and port name the two ends of a transfer. A packet from elsewhere is an old transfer's, or forged; its sender is told, \
             and the transfer goes on. It is the only error that ends nothing (RFC 1350, section 2).",
        )
        .hints([
            "What does your transfer do with the address that `recv_from` returns?",
            "Compare it with the client's. Whoever else it is gets ERROR 5, unless what came is an ERROR itself.",
            "Some((length, from)) if from == self.peer => …, Some((length, from)) => self.turn_away(from, …)",
        ])
        .story(|lab| {
            let (server, folder) = patient_server(lab, &[])?;
            let file = content(1100);
            folder.put("file", &file)?;
            let mut stranger = lab.udp_stranger()?;
            reads_beside_a_stranger(lab, &server, &mut stranger, &file)?;
            let mut alice = lab.udp("alice", &server)?;
            alice.send(wrq("up", &[]))?;
            alice.first(&ack(0))?;
            let port = alice.partner()?;
            stranger.send_to(port, data(1, b"forged"))?;
            stranger.expect_error(5)?;
            stranger.send_to(port, error(3, "no room"))?;
            writes(&mut alice, &file, 1, 512)?;
            server.says(&format!("{} writes \"up\"", alice.address()))?;
            server.says(&format!("received \"up\" from {}: {}", alice.address(), tally(1100, 512)))?;
            holds(&folder, "up", &file)
        })
}

fn reads_beside_a_stranger(lab: &mut Lab, server: &Program, stranger: &mut UdpPeer, file: &[u8]) -> Outcome {
    let mut alice = lab.udp("alice", server)?;
    alice.send(rrq("file", &[]))?;
    alice.first(&data(1, &file[..512]))?;
    let port = alice.partner()?;
    for packet in [ack(1), data(1, b"no"), rrq("file", &[])] {
        stranger.send_to(port, packet)?;
        stranger.expect_error(5)?;
    }
    stranger.send_to(port, error(0, "stop it"))?;
    // At another address, with alice's port.
    if let Some(mut namesake) = lab.udp_namesake(&alice)? {
        namesake.send_to(port, ack(1))?;
        namesake.expect_error(5)?;
    }
    alice.send(ack(1))?;
    alice.expect(data(2, block(file, 2, 512)))?;
    stranger.send_to(port, ack(2))?;
    stranger.expect_error(5)?;
    alice.send(ack(2))?;
    reads(&mut alice, file, 3, 512)?;
    server.says(&format!("{} reads \"file\"", alice.address()))?;
    server.says(&format!("sent \"file\" to {}: {}", alice.address(), tally(file.len(), 512)))
}

pub fn is_not_kept_waiting_by_others() -> Stage {
    Stage::server("Strangers and repeated ACKs do not prolong the wait")
        .promises(["F2", "F4"])
        .why(
            "A read timeout bounds one call. If every packet that is not the one waited for starts a new wait, whoever sends some often \
             enough keeps the transfer waiting for ever.",
        )
        .hints([
            "When does your wait for an ACK begin, and what begins it anew?",
            "Note the time at which it ends, and wait only for what is left of it after each packet that is not the one.",
            "let left = until.saturating_duration_since(Instant::now()); if left.is_zero() { return Ok(None); }",
        ])
        .mostly_waiting()
        .story(|lab| {
            let (server, folder) = server_with_timeout(lab, "0.5", &[])?;
            let file = content(600);
            folder.put("file", &file)?;
            let mut alice = lab.udp("alice", &server)?;
            let mut stranger = lab.udp_stranger()?;
            alice.send(rrq("file", &[]))?;
            alice.first(&data(1, &file[..512]))?;
            lab.in_short("stranger", "and alice send what is not waited for, all the time", |lab| {
                alice.send(ack(1))?;
                alice.eventually(&data(2, &file[512..]), &data(1, &file[..512]))?;
                comes_again_amid_noise(lab, &mut alice, &data(2, &file[512..]), |alice| {
                    stranger.send_to(alice.partner()?, ack(2))?;
                    alice.send(ack(1))
                })
                .or_rather("Your server does not send a block again as long as others talk to it.")?;
                alice.send(ack(2))
            })?;
            server.says(&format!("{} reads \"file\"", alice.address()))?;
            server.says(&format!("sent \"file\" to {}: {}", alice.address(), tally(600, 512)))?;
            alice.forgets_what_waits()?;
            stranger.forgets_what_waits()
        })
}
