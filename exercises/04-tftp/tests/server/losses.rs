//! Packets that are lost: what is sent again, when, and how often.

use std::time::{Duration, Instant};

use scenario::{Lab, Meaning, Outcome, Stage, demand};

use super::traces::{Tells, holds, soon_has_only};
use super::wire::{Talks, ack, block, content, data, rrq, soon, tally, wrq};
use super::{hasty_server, one_refusal_from_the_server, server_with_timeout};

pub fn sends_data_again() -> Stage {
    Stage::server("A block that is not acknowledged in time is sent again")
        .promises(["F2", "F1"])
        .why("Whether the DATA was lost or its ACK, the sender sees the same: nothing. So it sends the same again.")
        .hints([
            "What happens in your server when no ACK comes?",
            "The wait needs `set_read_timeout`. When it is over, the last packet goes out once more.",
            "let Some(packet) = link.receive(patience.until())? else { patience.once_more()?; self.resend()?; continue };",
        ])
        .mostly_waiting()
        .story(|lab| {
            let (server, folder) = hasty_server(lab, &[])?;
            let file = content(1100);
            folder.put("file", &file)?;
            let mut alice = lab.udp("alice", &server)?;
            lab.in_short("alice", "acknowledges each block when it has come a second time", |_| {
                alice.send(rrq("file", &[]))?;
                alice.first(&data(1, &file[..512]))?;
                for number in 1..=3 {
                    let this = data(number, block(&file, number.into(), 512));
                    if number > 1 {
                        let before = data(number - 1, block(&file, usize::from(number) - 1, 512));
                        alice.eventually(&this, &before)?;
                    }
                    let sent = Instant::now();
                    let before = if number > 1 { data(number - 1, block(&file, usize::from(number) - 1, 512)) } else { this.clone() };
                    alice.eventually(&this, &before).or_rather("It was not acknowledged.")?;
                    demand(sent.elapsed() < Duration::from_secs(3), || {
                        "Your server took more than 3 s to send a block again, with `--timeout 0.15`.".to_owned()
                    })?;
                    alice.send(ack(number))?;
                }
                Ok(())
            })?;
            server.says(&format!("{} reads \"file\"", alice.address()))?;
            server.says(&format!("sent \"file\" to {}: {}", alice.address(), tally(1100, 512)))?;
            alice.forgets_what_waits()
        })
}

pub fn sends_acks_again() -> Stage {
    Stage::server("On an upload, the last ACK is sent again when no block comes")
        .promises(["F2", "F5"])
        .why(
            "If both sides only ever answered, one lost packet would leave both waiting for the other. RFC 1350 lets both sides \
             keep time.",
        )
        .hints([
            "What happens in your server when it has sent ACK 0 and nothing comes?",
            "Keep what you sent last, and send it again when the time is up.",
            "let Some(packet) = link.receive(patience.until())? else { patience.once_more()?; return self.repeat(); };",
        ])
        .mostly_waiting()
        .story(|lab| {
            let (server, folder) = hasty_server(lab, &[])?;
            let mut alice = lab.udp("alice", &server)?;
            lab.in_short("alice", "sends each block when the ACK before it has come a second time", |_| {
                alice.send(wrq("up", &[]))?;
                alice.first(&ack(0))?;
                alice.eventually(&ack(0), &ack(0)).or_rather("No block followed.")?;
                alice.send(data(1, &content(512)))?;
                alice.eventually(&ack(1), &ack(0))?;
                alice.eventually(&ack(1), &ack(0)).or_rather("No block followed.")?;
                alice.send(data(2, b"end"))?;
                alice.eventually(&ack(2), &ack(1))
            })?;
            server.says(&format!("{} writes \"up\"", alice.address()))?;
            server.says(&format!("received \"up\" from {}: 515 bytes in 2 blocks", alice.address()))?;
            holds(&folder, "up", &[&content(512)[..], b"end"].concat())?;
            alice.forgets_what_waits()
        })
}

pub fn waits_as_long_as_it_was_told() -> Stage {
    Stage::server("--timeout is the time between two tries, and 1 second without it")
        .promises(["F2", "C8"])
        .why(
            "How long an answer may take depends on the network, and its user knows it better than the program. Sending again too \
             early doubles the load just when the network is slow.",
        )
        .hints([
            "Where does the value of `--timeout` go in your program?",
            "It bounds the first wait for each packet that is new; the waits after it may double.",
            "Patience::new(terms.timeout, terms.tries), and `renew` with every progress",
        ])
        .mostly_waiting()
        .story(|lab| {
            lab.steadily(are_quiet_as_long_as_they_should)?;
            lab.steadily(repeats_soon)
        })
}

/// Two of them wait at the same time.
fn are_quiet_as_long_as_they_should(lab: &mut Lab) -> Outcome {
    let mut waiting = Vec::new();
    for options in [&["--timeout", "30"][..], &[]] {
        let folder = lab.folder("folder")?;
        folder.put("file", "all")?;
        let root = folder.path().to_string_lossy().into_owned();
        let server = lab.server_with(&[&["--root", &root], options].concat())?;
        let mut alice = lab.udp("alice", &server)?;
        alice.send(rrq("file", &[]))?;
        alice.first(&data(1, b"all"))?;
        waiting.push((server, alice, folder));
    }
    for ((server, mut alice, _folder), silence) in waiting.into_iter().rev().zip([600, 1]) {
        alice.expect_silence(Duration::from_millis(silence))?;
        alice.send(ack(1))?;
        server.says(&format!("{} reads \"file\"", alice.address()))?;
        server.says(&format!("sent \"file\" to {}: 3 bytes in 1 blocks", alice.address()))?;
    }
    Ok(())
}

fn repeats_soon(lab: &mut Lab) -> Outcome {
    let (server, folder) = server_with_timeout(lab, "0.1", &["--tries", "12"])?;
    folder.put("file", "all")?;
    let mut alice = lab.udp("alice", &server)?;
    alice.send(rrq("file", &[]))?;
    alice.first(&data(1, b"all"))?;
    soon(&mut alice, &data(1, b"all"), "server")?;
    alice.send(ack(1))?;
    server.says(&format!("{} reads \"file\"", alice.address()))?;
    server.says(&format!("sent \"file\" to {}: 3 bytes in 1 blocks", alice.address()))?;
    alice.forgets_what_waits()
}

pub fn gives_up() -> Stage {
    Stage::server("After --tries it gives up, on that transfer alone")
        .promises(["F2", "F12", "F6", "C6"])
        .why("A client may be gone for good. Each transfer that waits for one costs memory, a port, perhaps a thread.")
        .hints([
            "How often does your server send the same packet?",
            "Count the tries, the first one too; progress gives them all back. What an upload has left behind is removed.",
            "if self.left == 0 { return Err(Broken::NoAnswer { tries }) }, and `gave up on PEER \"x\": no answer after 3 tries`",
        ])
        .mostly_waiting()
        .story(|lab| {
            let (server, folder) = server_with_timeout(lab, "0.05", &["--tries", "3"])?;
            folder.put("file", content(100))?;
            let mut reader = lab.udp("alice", &server)?;
            let mut writer = lab.udp("bob", &server)?;
            let mut choosy = lab.udp("dave", &server)?;
            // One who has more time, and is not given up with the others.
            let mut slow = lab.udp("carol", &server)?;
            slow.send(rrq("file", &[("timeout", "30")]))?;
            slow.granted(&[("timeout", "30")])?;
            server.says(&format!("{} reads \"file\"", slow.address()))?;
            reader.send(rrq("file", &[]))?;
            reader.first(&data(1, &content(100)))?;
            server.says(&format!("{} reads \"file\"", reader.address()))?;
            writer.send(wrq("up", &[]))?;
            writer.first(&ack(0))?;
            server.says_among_others(&format!("{} writes \"up\"", writer.address()))?;
            choosy.send(rrq("file", &[("tsize", "0")]))?;
            for _ in 1..=3 {
                choosy.granted(&[("tsize", "100")])?;
            }
            server.says_among_others(&format!("{} reads \"file\"", choosy.address()))?;
            for _ in 2..=3 {
                reader.expect(data(1, &content(100)))?;
                writer.expect(ack(0))?;
            }
            for (peer, name) in [(&reader, "file"), (&writer, "up"), (&choosy, "file")] {
                let line = format!("gave up on {} {name:?}: no answer after 3 tries", peer.address());
                server.says_among_others(&line)?;
            }
            slow.send(ack(0))?;
            slow.expect(data(1, &content(100))).or_rather("Others were given up, and this transfer with them.")?;
            slow.send(ack(1))?;
            server.says(&format!("sent \"file\" to {}: 100 bytes in 1 blocks", slow.address()))?;
            soon_has_only(lab, &folder, &["file"])?;
            one_refusal_from_the_server(lab, &server)
        })
}

pub fn gives_each_packet_all_its_tries() -> Stage {
    Stage::server("Each packet has all its tries, and the last one is waited for like the others")
        .promises(["F2"])
        .why(
            "On a network that loses every second packet each block comes through at its second try, and the file as a whole, too: if the \
             tries are those of a block. Counted over the file, they are soon used up.",
        )
        .hints([
            "When does your server begin to count the tries anew?",
            "With every progress. And after the last try there is one more wait, before it gives up.",
            "self.patience.renew() when an ACK brings something new",
        ])
        .mostly_waiting()
        .story(|lab| {
            lab.steadily(serves_at_every_second_try)?;
            lab.steadily(listens_after_its_last_try)
        })
}

fn serves_at_every_second_try(lab: &mut Lab) -> Outcome {
    let (server, folder) = server_with_timeout(lab, "0.1", &["--tries", "3"])?;
    let file = content(2000);
    folder.put("file", &file)?;
    let packet = |number: u16| data(number, block(&file, number.into(), 512));
    let (mut alice, mut bob) = (lab.udp("alice", &server)?, lab.udp("bob", &server)?);
    lab.in_short("alice", "reads and bob writes, and both answer each packet when it comes again", |_| {
        alice.forgives_repeats();
        bob.forgives_repeats();
        alice.send(rrq("file", &[]))?;
        bob.send(wrq("up", &[]))?;
        alice.first(&packet(1))?;
        bob.first(&ack(0))?;
        for number in 1..=4 {
            alice.expect(packet(number))?;
            bob.expect(ack(number - 1))?;
            alice.send(ack(number))?;
            bob.send(packet(number))?;
            bob.expect(ack(number))?;
            if number < 4 {
                alice.expect(packet(number + 1))?;
            }
        }
        Ok(())
    })?;
    holds(&folder, "up", &file)?;
    lab.lowers_the_curtain()
}

fn listens_after_its_last_try(lab: &mut Lab) -> Outcome {
    let (server, folder) = server_with_timeout(lab, "0.3", &["--tries", "2"])?;
    folder.put("file", "words")?;
    let mut alice = lab.udp("alice", &server)?;
    alice.send(rrq("file", &[]))?;
    alice.first(&data(1, b"words"))?;
    alice.expect(data(1, b"words"))?;
    alice.expect_silence(Duration::from_millis(30))?;
    alice.send(ack(1))?;
    server.says(&format!("{} reads \"file\"", alice.address()))?;
    server.says(&format!("sent \"file\" to {}: 5 bytes in 1 blocks", alice.address()))
}
