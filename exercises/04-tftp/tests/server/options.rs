//! Options, and what becomes of those that are granted.

use std::time::Duration;

use scenario::{Lab, Meaning, Outcome, Program, Stage, demand};

use super::traces::{Tells, holds, soon_has_only};
use super::wire::{Talks, ack, content, data, describe, error, oack, rrq, tally, wrq};
use super::{hasty_server, patient_server, reads, server_with_timeout, writes};

pub fn grants_options() -> Stage {
    Stage::server("Options are granted with an OACK, in any case and any order")
        .promises(["F10"])
        .why(
            "A server that knows no options ignores them, and sends DATA 1; a client that is answered with an OACK knows what was granted. \
             ACK 0 says that the client agrees (RFC 2347).",
        )
        .hints([
            "What follows the mode in a request?",
            "Pairs of strings. Those you grant go into an OACK (00 06), which takes the place of the first answer: for a read, DATA 1 \
             waits for ACK 0.",
            "link.send(&oack(&options.encode()))?; for tsize of a read, the size of the file is the answer",
        ])
        .story(|lab| {
            let (server, folder) = patient_server(lab, &[])?;
            let file = content(1500);
            folder.put("file", &file)?;
            let mut alice = lab.udp("alice", &server)?;
            alice.send(rrq("file", &[("BlkSize", "1024"), ("TSIZE", "0"), ("timeout", "30"), ("WindowSize", "1")]))?;
            let all = [("blksize", "1024"), ("tsize", "1500"), ("timeout", "30"), ("windowsize", "1")];
            let (size, _) = alice.granted(&all)?;
            alice.expect_silence(Duration::from_millis(50))?;
            alice.send(ack(0))?;
            reads(&mut alice, &file, 1, size)?;
            server.says(&format!("{} reads \"file\"", alice.address()))?;
            server.says(&format!("sent \"file\" to {}: {}", alice.address(), tally(1500, size)))?;
            alice.send_to(server.address(), rrq("file", &[("tsize", "0")]))?;
            alice.granted(&[("tsize", "1500")]).or_rather("An OACK has what was asked for, and nothing else.")?;
            alice.send(ack(0))?;
            alice.expect(data(1, &file[..512]))?;
            alice.send(ack(1))?;
            reads(&mut alice, &file, 2, 512)?;
            server.says(&format!("{} reads \"file\"", alice.address()))?;
            server.says(&format!("sent \"file\" to {}: 1500 bytes in 3 blocks", alice.address()))?;
            let three = [("tsize", "700"), ("blksize", "600"), ("timeout", "255")];
            alice.send_to(server.address(), wrq("up", &three))?;
            let (size, _) = alice.granted(&three)?;
            writes(&mut alice, &content(700), 1, size)?;
            server.says(&format!("{} writes \"up\"", alice.address()))?;
            server.says(&format!("received \"up\" from {}: {}", alice.address(), tally(700, size)))?;
            holds(&folder, "up", &content(700))
        })
}

/// Options that nobody knows, and values out of their range.
const BAD: [(&str, &str); 13] = [
    ("speed", "fast"),
    ("blksize", "7"),
    ("blksize", "65465"),
    ("blksize", "512x"),
    ("blksize", "-8"),
    ("blksize", ""),
    ("timeout", "0"),
    ("timeout", "256"),
    ("timeout", "soon"),
    ("windowsize", "0"),
    ("windowsize", "65536"),
    ("windowsize", "99999999999999999999999"),
    ("tsize", "large"),
];

pub fn leaves_out_what_it_cannot_grant() -> Stage {
    Stage::server("Unknown options and bad values are left out, and without any there is no OACK")
        .promises(["F10"])
        .why("Options that nobody knows yet must not break what everybody knows: what is not in the OACK is as if it had not been asked for.")
        .hints([
            "What does your server answer to `blksize=7`?",
            "Nothing about it; if nothing else is granted, the first answer is that of RFC 1350.",
            "number(value).filter(|value| (8..=65464).contains(value))",
        ])
        .story(|lab| {
            let (server, folder) = patient_server(lab, &[])?;
            folder.put("file", "content")?;
            let mut alice = lab.udp("alice", &server)?;
            for option in BAD {
                alice.send_to(server.address(), rrq("file", &[option]))?;
                reads(&mut alice, b"content", 1, 512)?;
                server.says(&format!("{} reads \"file\"", alice.address()))?;
                server.says(&format!("sent \"file\" to {}: 7 bytes in 1 blocks", alice.address()))?;
            }
            alice.send_to(server.address(), wrq("up", &BAD[..1]))?;
            alice.first(&ack(0))?;
            writes(&mut alice, b"content", 1, 512)?;
            server.says(&format!("{} writes \"up\"", alice.address()))?;
            server.says(&format!("received \"up\" from {}: 7 bytes in 1 blocks", alice.address()))?;
            finds_the_good_one(lab, &server)
        })
}

/// Of several options only one can be granted.
fn finds_the_good_one(lab: &mut Lab, server: &Program) -> Outcome {
    let mixed = [("speed", "fast"), ("timeout", "0"), ("blksize", "1024"), ("windowsize", "none"), ("tsize2", "7")];
    let mut bob = lab.udp("bob", server)?;
    bob.send(rrq("file", &mixed))?;
    let (size, _) = bob.granted(&[("blksize", "1024")]).or_rather("Only one of them can be granted.")?;
    bob.send(ack(0))?;
    reads(&mut bob, b"content", 1, size)?;
    server.says(&format!("{} reads \"file\"", bob.address()))?;
    server.says(&format!("sent \"file\" to {}: 7 bytes in 1 blocks", bob.address()))?;
    bob.send_to(server.address(), wrq("up-2", &mixed))?;
    let (size, _) = bob.granted(&[("blksize", "1024")]).or_rather("Only one of them can be granted.")?;
    writes(&mut bob, b"content", 1, size)?;
    server.says(&format!("{} writes \"up-2\"", bob.address()))?;
    server.says(&format!("received \"up-2\" from {}: 7 bytes in 1 blocks", bob.address()))
}

pub fn uses_the_block_size() -> Stage {
    Stage::server("Blocks have the size that was granted, from 8 to 65464 bytes, up and down")
        .promises(["F10", "F1", "F5"])
        .why("Each block costs a round trip, so large blocks are faster; 65464 bytes are what a datagram holds beside its headers (RFC 2348).")
        .hints([
            "How large are your buffers, and which size ends a transfer?",
            "Both follow from the size that was granted: a buffer of 4 bytes more, and an end with a block that is shorter than that size.",
            "vec![0; HEADER + terms.block_size]; if length < terms.block_size { … }",
        ])
        .story(|lab| {
            let (server, folder) = patient_server(lab, &[])?;
            let mut alice = lab.udp("alice", &server)?;
            let file = content(70_000);
            for (asked, length) in [("8", 50), ("1024", 4096), ("1428", 5000), ("8192", 8191), ("65464", 70_000)] {
                let (name, file) = (format!("by-{asked}"), &file[..length]);
                folder.put(&name, file)?;
                alice.send_to(server.address(), rrq(&name, &[("blksize", asked)]))?;
                let (size, _) = alice.granted(&[("blksize", asked)])?;
                alice.send(ack(0))?;
                reads(&mut alice, file, 1, size)?;
                server.says(&format!("{} reads {name:?}", alice.address()))?;
                server.says(&format!("sent {name:?} to {}: {}", alice.address(), tally(length, size)))?;
                let up = format!("up-{asked}");
                alice.send_to(server.address(), wrq(&up, &[("blksize", asked)]))?;
                let (size, _) = alice.granted(&[("blksize", asked)])?;
                writes(&mut alice, file, 1, size)?;
                server.says(&format!("{} writes {up:?}", alice.address()))?;
                server.says(&format!("received {up:?} from {}: {}", alice.address(), tally(length, size)))?;
                holds(&folder, &up, file)?;
            }
            Ok(())
        })
}

pub fn repeats_its_options() -> Stage {
    Stage::server("An OACK that is not answered is sent again")
        .promises(["F2", "F10"])
        .why("The OACK is lost as easily as any packet, and the client's answer, too.")
        .hints([
            "Does your server wait for ACK 0 like for any other ACK?",
            "Like DATA: the time is up, the OACK goes out again.",
            "send_until_answered(&mut link, &oack, &terms, |packet| packet == Packet::Ack { block: 0 })?",
        ])
        .mostly_waiting()
        .story(|lab| {
            let (server, folder) = hasty_server(lab, &[])?;
            folder.put("file", content(30))?;
            let mut alice = lab.udp("alice", &server)?;
            let due = [("tsize", "30")];
            lab.in_short("alice", "answers when the OACK has come a second time", |_| {
                alice.send(rrq("file", &[("tsize", "0")]))?;
                alice.granted(&due)?;
                alice.granted(&due)?;
                alice.send(ack(0))?;
                loop {
                    let came = alice.receive("DATA 1")?.bytes;
                    if came == data(1, &content(30)) {
                        break;
                    }
                    demand(came.starts_with(&[0, 6]), || format!("{} came, where DATA 1 was due.", describe(&came)))?;
                }
                alice.send(ack(1))
            })?;
            server.says(&format!("{} reads \"file\"", alice.address()))?;
            server.says(&format!("sent \"file\" to {}: 30 bytes in 1 blocks", alice.address()))?;
            alice.forgets_what_waits()?;
            let mut bob = lab.udp("bob", &server)?;
            lab.in_short("bob", "sends his first block when the OACK has come a second time", |_| {
                bob.send(wrq("up", &[("tsize", "2")]))?;
                bob.granted(&[("tsize", "2")])?;
                bob.granted(&[("tsize", "2")])?;
                bob.send(data(1, b"up"))?;
                bob.eventually(&ack(1), &oack(&[("tsize", "2")]))
            })?;
            server.says(&format!("{} writes \"up\"", bob.address()))?;
            server.says(&format!("received \"up\" from {}: 2 bytes in 1 blocks", bob.address()))?;
            bob.forgets_what_waits()
        })
}

pub fn is_told_that_options_do_not_please() -> Stage {
    Stage::server("ERROR 8 in place of ACK 0 ends the transfer")
        .promises(["F10", "F6"])
        .why("A client that cannot live with what was granted says so, and perhaps asks again without options (RFC 2347).")
        .hints([
            "What may come instead of ACK 0?",
            "An ERROR, which is the end, and is not answered; an upload that had not begun leaves nothing behind.",
            "Packet::Error { code, message } => return Err(Broken::ByPeer { … })",
        ])
        .mostly_waiting()
        .story(|lab| lab.steadily(|lab| {
            let (server, folder) = server_with_timeout(lab, "0.3", &[])?;
            folder.put("file", content(30))?;
            let mut alice = lab.udp("alice", &server)?;
            alice.send(rrq("file", &[("blksize", "16")]))?;
            alice.granted(&[("blksize", "16")])?;
            alice.send(error(8, "I do not like it"))?;
            let mut bob = lab.udp("bob", &server)?;
            bob.send(wrq("up", &[("blksize", "16")]))?;
            bob.granted(&[("blksize", "16")])?;
            bob.send(error(8, "I do not like it"))?;
            bob.expect_silence(Duration::from_millis(450)).or_rather("The transfer ended with ERROR 8.")?;
            alice.expect_silence(Duration::from_millis(5)).or_rather("The transfer ended with ERROR 8.")?;
            soon_has_only(lab, &folder, &["file"])?;
            server.says_among_others(&format!("{} reads \"file\"", alice.address()))?;
            server.says_among_others(&format!("{} writes \"up\"", bob.address()))?;
            // What it says about such an end is its own affair.
            lab.lowers_the_curtain()
        }))
}

pub fn takes_the_timeout_it_was_asked_for() -> Stage {
    Stage::server("The option timeout decides when a block is sent again")
        .promises(["F10", "F2"])
        .why("The client knows its network. A timeout that suits a wire floods a radio link, and one for radio wastes seconds on a wire (RFC 2349).")
        .hints([
            "Which timeout does a transfer use whose client asked for one?",
            "The one that was granted, in seconds, instead of `--timeout`.",
            "timeout: options.timeout.map_or(args.timeout, Duration::from_secs)",
        ])
        .mostly_waiting()
        .story(|lab| {
            let (server, folder) = patient_server(lab, &[])?;
            folder.put("file", content(30))?;
            let mut alice = lab.udp("alice", &server)?;
            alice.send(rrq("file", &[("timeout", "1")]))?;
            alice.granted(&[("timeout", "1")])?;
            alice.send(ack(0))?;
            alice.expect(data(1, &content(30)))?;
            let mut bob = lab.udp("bob", &server)?;
            bob.send(wrq("up", &[("timeout", "1")]))?;
            bob.granted(&[("timeout", "1")])?;
            alice.expect(data(1, &content(30))).or_rather("A second has passed.")?;
            alice.send(ack(1))?;
            bob.granted(&[("timeout", "1")]).or_rather("A second has passed.")?;
            bob.send(data(1, b"up"))?;
            bob.expect(ack(1))?;
            server.says(&format!("{} reads \"file\"", alice.address()))?;
            server.says(&format!("{} writes \"up\"", bob.address()))?;
            server.says_among_others(&format!("sent \"file\" to {}: 30 bytes in 1 blocks", alice.address()))?;
            server.says(&format!("received \"up\" from {}: 2 bytes in 1 blocks", bob.address()))
        })
}
