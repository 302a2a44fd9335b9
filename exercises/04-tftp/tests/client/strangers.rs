//! Packets that are not waited for: repeated ones, and those of others.

use scenario::{Lab, Meaning, Outcome, Stage, UdpPeer};

use super::traces::{Tells, holds};
use super::wire::{Talks, ack, block, comes_again_amid_noise, content, data, error, has_no_more_to_say, oack, tally};
use super::{client_with_timeout, patient_client};

pub fn answers_no_repeated_ack() -> Stage {
    Stage::client("A repeated ACK is answered by nothing")
        .promises(["F3", "F13"])
        .why(
            "The Sorcerer's Apprentice (RFC 1123, section 4.2.3.1) works for clients, too: if a repeated ACK is answered by DATA, everything after it \
             is sent twice.",
        )
        .hints([
            "What does your client do with ACK 1 when it waits for ACK 2?",
            "Nothing. Only the ACK of the newest block lets the next one go; only time makes it repeat.",
            "match block.wrapping_sub(acknowledged) { 0 => {}, 1 => return Ok(()), _ => {} }",
        ])
        .story(|lab| {
            let file = content(2100);
            let folder = lab.folder("folder")?;
            folder.put("file", &file)?;
            let mut counter = patient_client(lab, folder, &["put", "{folder}/file"])?;
            counter.is_asked(2, "file", "octet", &[])?;
            let (client, mut stranger) = (counter.desk.partner()?, lab.udp_stranger()?);
            for number in 0..=4 {
                counter.answers(ack(number))?;
                counter.answers(ack(number))?;
                counter.answers(ack(number.saturating_sub(1)))?;
                counter.port.expect(data(number + 1, block(&file, usize::from(number) + 1, 512)))?;
                has_no_more_to_say(&counter.port, client, &mut stranger)?;
            }
            counter.answers(ack(5))?;
            counter.is_done(&format!("put \"file\": {}", tally(2100, 512)))?;
            // An OACK stands for ACK 0, and is no exception.
            let errand = ["put", "{folder}/file", "--blksize", "1024"];
            let mut counter = patient_client(lab, counter.folder, &errand)?;
            counter.is_asked(2, "file", "octet", &[("blksize", "1024")])?;
            let client = counter.desk.partner()?;
            counter.answers(oack(&[("blksize", "1024")]))?;
            counter.answers(oack(&[("blksize", "1024")]))?;
            counter.port.expect(data(1, &file[..1024]))?;
            has_no_more_to_say(&counter.port, client, &mut stranger)?;
            counter.answers(ack(1))?;
            counter.takes(&file, 2, 1024)?;
            counter.is_done(&format!("put \"file\": {}", tally(2100, 1024)))
        })
}

pub fn keeps_to_the_port_of_the_first_answer() -> Stage {
    Stage::client("It keeps to the port of the first answer; any other gets ERROR 5")
        .promises(["F14"])
        .why(
            "A request that was repeated may be answered twice, from two ports: two transfers of one file. The second is ended by \
             ERROR 5, and the first goes on undisturbed (RFC 1350, section 4).",
        )
        .hints([
            "What does your client do with the address that `recv_from` returns?",
            "The first answer's is kept; every packet from another gets ERROR 5 there, unless it is an ERROR itself.",
            "Some((length, from)) if from == self.peer => …, Some((length, from)) => self.turn_away(from, …)",
        ])
        .story(|lab| {
            let (file, mut second) = (content(1100), lab.udp_stranger()?);
            gets_beside_a_second_server(lab, &mut second, &file)?;
            let folder = lab.folder("folder")?;
            folder.put("up", &file)?;
            let mut counter = patient_client(lab, folder, &["put", "{folder}/up"])?;
            counter.is_asked(2, "up", "octet", &[])?;
            let client = counter.desk.partner()?;
            counter.answers(ack(0))?;
            counter.port.expect(data(1, &file[..512]))?;
            second.send_to(client, ack(1))?;
            second.expect_error(5)?;
            second.send_to(client, error(3, "forged"))?;
            counter.answers(ack(1))?;
            counter.takes(&file, 2, 512)?;
            counter.is_done(&format!("put \"up\": {}", tally(1100, 512)))
        })
}

fn gets_beside_a_second_server(lab: &mut Lab, second: &mut UdpPeer, file: &[u8]) -> Outcome {
    let folder = lab.folder("folder")?;
    let mut counter = patient_client(lab, folder, &["get", "file", "{folder}/file"])?;
    counter.is_asked(1, "file", "octet", &[])?;
    let client = counter.desk.partner()?;
    counter.answers(data(1, &file[..512]))?;
    counter.port.expect(ack(1))?;
    for packet in [data(1, &file[..512]), data(2, b"forged"), ack(0)] {
        second.send_to(client, packet)?;
        second.expect_error(5)?;
    }
    second.send_to(client, error(1, "forged"))?;
    // At another address, with the port of the transfer.
    if let Some(mut namesake) = lab.udp_namesake(&counter.port)? {
        namesake.send_to(client, data(2, b"forged"))?;
        namesake.expect_error(5)?;
    }
    counter.sends(file, 2, 512)?;
    counter.is_done(&format!("got \"file\": {}", tally(file.len(), 512)))?;
    holds(&counter.folder, "file", file)
}

pub fn takes_no_first_answer_from_elsewhere() -> Stage {
    Stage::client("The first answer must come from the server's address, and be one")
        .promises(["F14"])
        .why("Before the server has answered, its port is not known yet; but its address is. What comes from another address is from somebody else.")
        .hints([
            "Which packets does your client take for the answer to its request?",
            "DATA 1 of a download, ACK 0 of an upload, OACK and ERROR of both; from the server's IP address. Who writes from another gets ERROR 5.",
            "if from.ip() == server.ip() && is_first_answer(kind, packet) { link.settle_on(from) } else { link.turn_away(from, …) }",
        ])
        .story(|lab| {
            let folder = lab.folder("folder")?;
            let mut counter = patient_client(lab, folder, &["get", "file", "{folder}/file"])?;
            let mut early = lab.udp_stranger()?;
            counter.is_asked(1, "file", "octet", &[])?;
            let client = counter.desk.partner()?;
            // Whether their sender hears an ERROR is the client's own affair: it is at the server's address.
            for packet in [data(2, b"later"), ack(1)] {
                early.send_to(client, packet)?;
            }
            if let Some(mut namesake) = lab.udp_namesake(&counter.desk)? {
                namesake.send_to(client, error(1, "forged"))?;
                namesake.send_to(client, data(1, b"forged"))?;
                namesake.expect_error(5)?;
            }
            counter.sends(b"real", 1, 512)?;
            counter.is_done("got \"file\": 4 bytes in 1 blocks")?;
            holds(&counter.folder, "file", b"real")?;
            let mut counter = patient_client(lab, counter.folder, &["put", "{folder}/file"])?;
            counter.is_asked(2, "file", "octet", &[])?;
            early.send_to(counter.desk.partner()?, ack(1))?;
            if let Some(mut namesake) = lab.udp_namesake(&counter.desk)? {
                namesake.send_to(counter.desk.partner()?, ack(0))?;
                namesake.expect_error(5)?;
            }
            counter.answers(ack(0))?;
            counter.takes(b"real", 1, 512)?;
            counter.is_done("put \"file\": 4 bytes in 1 blocks")?;
            early.forgets_what_waits()
        })
}

pub fn is_not_kept_waiting_by_strangers() -> Stage {
    Stage::client("Others who talk to it do not prolong the wait")
        .promises(["F15", "F14", "C8"])
        .why(
            "A read timeout bounds one call. If every packet that is not the one waited for starts a new wait, whoever sends some often \
             enough keeps the client waiting for ever.",
        )
        .hints([
            "When does your wait begin, and what begins it anew?",
            "Note the time at which it ends, and wait only for what is left of it after each packet that is not the one.",
            "let left = until.saturating_duration_since(Instant::now()); if left.is_zero() { return Ok(None); }",
        ])
        .mostly_waiting()
        .story(|lab| {
            let folder = lab.folder("folder")?;
            let mut counter = client_with_timeout(lab, folder, "0.5", &["get", "file", "{folder}/file"])?;
            let mut stranger = lab.udp_stranger()?;
            counter.is_asked(1, "file", "octet", &[])?;
            counter.answers(data(1, &content(512)))?;
            counter.port.expect(ack(1))?;
            lab.in_short("stranger", "talks all the time", |lab| {
                let client = counter.desk.partner()?;
                let noise = |_: &UdpPeer| stranger.send_to(client, data(2, b"forged"));
                comes_again_amid_noise(lab, &mut counter.port, &ack(1), noise)
                    .or_rather("Your client does not acknowledge again as long as others talk to it.")?;
                counter.answers(data(2, b"end"))?;
                counter.port.eventually(&ack(2), &ack(1))
            })?;
            counter.client.says("got \"file\": 515 bytes in 2 blocks")?;
            // It may stay for a while, as the other side may not have heard the last ACK.
            lab.lowers_the_curtain()?;
            counter.forgets_what_waits()?;
            stranger.forgets_what_waits()
        })
}

pub fn is_not_drowned_by_strangers() -> Stage {
    Stage::client("However much strangers send, it keeps none of it")
        .promises(["C10", "F14"])
        .why("A port on a network can be reached by anybody. What is not for us is answered and forgotten.")
        .hints([
            "Where does a stranger's packet go in your client?",
            "Nowhere: its sender gets ERROR 5, and the buffer is used for the next packet.",
            "Some((length, from)) => self.turn_away(from, &self.buffer[..length])",
        ])
        .story(|lab| {
            let folder = lab.folder("folder")?;
            let mut counter = client_with_timeout(lab, folder, "30", &["get", "file", "{folder}/file"])?;
            counter.is_asked(1, "file", "octet", &[])?;
            let (client, mut stranger) = (counter.desk.partner()?, lab.udp_stranger()?);
            counter.answers(data(1, &content(512)))?;
            counter.port.expect(ack(1))?;
            let packet = data(2, &vec![7; 32768]);
            lab.memory_stays(&counter.client, |lab| {
                lab.in_short("stranger", "sends 20 MB, and gets ERROR 5 for each packet", |_| {
                    for _ in 0..640 {
                        stranger.send_to(client, &packet)?;
                        stranger.expect_error(5)?;
                    }
                    Ok(())
                })?;
                Ok(640 << 15)
            })?;
            counter.answers(error(0, "that is enough"))?;
            counter.client.fails(&[])
        })
}
