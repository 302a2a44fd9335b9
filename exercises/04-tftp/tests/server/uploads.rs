//! Files that are brought.

use std::time::Duration;

use scenario::{Datagram, Meaning, Outcome, Stage, Trouble, UdpPeer, demand};

use super::traces::{Tells, holds, soon_has_only};
use super::wire::{Talks, ack, block, content, data, describe, error, goes_on_after, tally, wrq};
use super::{downloads, patient_server, server_with_timeout, uploads, writes};

pub fn takes_a_file() -> Stage {
    Stage::server("An upload is the same with the roles swapped")
        .promises(["F5", "F12"])
        .why(
            "The client asks with WRQ, and ACK 0 tells it that the server is ready. From then on the client has the file, and the \
             server acknowledges.",
        )
        .hints([
            "What is acknowledged before there is any block?",
            "ACK 0 answers the request, from the transfer's own port; ACK n answers DATA n. A block that is not full is the last.",
            "link.send(&ack(0))?; then for each DATA with the next number: write it, and send ack(number)",
        ])
        .story(|lab| {
            let (server, folder) = patient_server(lab, &[])?;
            let file = content(1025);
            let mut alice = lab.udp("alice", &server)?;
            alice.send(wrq("up.bin", &[]))?;
            alice.first(&ack(0))?;
            demand(alice.partner()?.port() != server.address().port(), || {
                "Your server answers from the port of the requests; every transfer has a port of its own.".to_owned()
            })?;
            writes(&mut alice, &file, 1, 512)?;
            server.says(&format!("{} writes \"up.bin\"", alice.address()))?;
            server.says(&format!("received \"up.bin\" from {}: 1025 bytes in 3 blocks", alice.address()))?;
            holds(&folder, "up.bin", &file)?;
            downloads(&mut alice, &server, "up.bin", &file)
        })
}

pub fn takes_files_of_every_size() -> Stage {
    Stage::server("Uploads of 0, 1, 511, 512 and 513 bytes arrive whole")
        .promises(["F5", "F6"])
        .why("The end of a file is its first block that is not full, in both directions.")
        .hints([
            "When is an upload complete in your server?",
            "After a block of less than 512 bytes, be it empty.",
            "if bytes.len() < 512 { file.complete()?; }, before that block is acknowledged",
        ])
        .story(|lab| {
            let (server, folder) = patient_server(lab, &[])?;
            let mut alice = lab.udp("alice", &server)?;
            for size in [0, 1, 511, 512, 513] {
                let name = format!("up-{size}");
                uploads(&mut alice, &server, &name, &content(size))?;
                holds(&folder, &name, &content(size))?;
            }
            soon_has_only(lab, &folder, &["up-0", "up-1", "up-511", "up-512", "up-513"])
        })
}

pub fn writes_repeated_data_once() -> Stage {
    Stage::server("Repeated DATA is acknowledged again, and written once")
        .promises(["F5"])
        .why(
            "When an ACK is lost, its DATA comes again. The receiver has it already; but the sender will not go on before it hears so.",
        )
        .hints([
            "What does your server do with a block that it has already?",
            "It sends the ACK again, and does not write. A block from the future is no block to write, either.",
            "match block.wrapping_sub(blocks) { 1 => write and acknowledge, 2..0x8000 => {}, _ => acknowledge again }",
        ])
        .story(|lab| {
            let (server, folder) = patient_server(lab, &[])?;
            let file = content(1100);
            let mut alice = lab.udp("alice", &server)?;
            alice.send(wrq("up", &[]))?;
            alice.first(&ack(0))?;
            for number in [1, 1, 2, 2, 2] {
                alice.send(data(number, block(&file, number.into(), 512)))?;
                alice.expect(ack(number))?;
            }
            // A block that is not due yet must not be taken for the one that is.
            let (early, third, port) = (data(5, &content(512)), data(3, block(&file, 3, 512)), alice.partner()?);
            if goes_on_after(&early, (&mut alice, port), &third, &ack(3), Some(&ack(2)))? {
                server.says(&format!("{} writes \"up\"", alice.address()))?;
                server.says(&format!("received \"up\" from {}: {}", alice.address(), tally(1100, 512)))?;
                return holds(&folder, "up", &file);
            }
            soon_has_only(lab, &folder, &[])?;
            let mut bob = lab.udp("bob", &server)?;
            uploads(&mut bob, &server, "up", &file)?;
            holds(&folder, "up", &file)?;
            lab.lowers_the_curtain()
        })
}

pub fn acknowledges_the_last_block_again() -> Stage {
    Stage::server("A repeated last block is acknowledged for one timeout after the end")
        .promises(["F5"])
        .why(
            "Nobody acknowledges the last ACK. If it is lost, the client asks again; a server that is gone by then leaves it in \
             doubt about a file that is all there. Staying a while is called dallying (RFC 1350, section 6).",
        )
        .hints([
            "What does your server do after the last ACK?",
            "It keeps the socket for one more timeout, and acknowledges the last block as often as it comes.",
            "dally(&mut link, …): until now + timeout, receive, and answer the last block's DATA with its ACK",
        ])
        .mostly_waiting()
        .story(|lab| {
            let (server, folder) = patient_server(lab, &[])?;
            let file = content(600);
            let mut alice = lab.udp("alice", &server)?;
            alice.send(wrq("up", &[]))?;
            alice.first(&ack(0))?;
            writes(&mut alice, &file, 1, 512)?;
            server.says(&format!("{} writes \"up\"", alice.address()))?;
            server.says(&format!("received \"up\" from {}: {}", alice.address(), tally(600, 512)))?;
            for pause in [0, 300] {
                alice.expect_silence(Duration::from_millis(pause + 1))?;
                alice.send(data(2, &file[512..]))?;
                alice.expect(ack(2)).or_rather("The last ACK may be lost like any other.")?;
            }
            holds(&folder, "up", &file)
        })
}

pub fn an_upload_appears_complete_or_not_at_all() -> Stage {
    Stage::server("Half an upload is never seen under the name, and leaves nothing behind")
        .promises(["F6"])
        .why(
            "Whoever finds a file takes it for whole. So an upload grows under another name, and gets its own in one step when it is \
             complete; `rename` is such a step.",
        )
        .hints([
            "Under which name does your server write while blocks are still coming?",
            "Under one of its own in the same folder; at the end it is renamed, or removed if the upload broke off.",
            "File::create_new(&part)?; …; fs::rename(&part, &target)?; and `impl Drop` that removes the part",
        ])
        .mostly_waiting()
        .story(|lab| {
            let (server, folder) = server_with_timeout(lab, "0.3", &["--tries", "2"])?;
            let mut alice = lab.udp("alice", &server)?;
            lab.in_short("alice", "ends an upload with an ERROR", |_| {
                begins_to_write(&mut alice, "broken")?;
                let seen = folder.get("broken")?;
                demand(seen.is_none(), || "There is a file \"broken\" before all of it has come.".to_owned())?;
                alice.send(error(0, "I changed my mind"))
            })?;
            server.says(&format!("{} writes \"broken\"", alice.address()))?;
            soon_has_only(lab, &folder, &[])?;
            let mut bob = lab.udp("bob", &server)?;
            lab.in_short("bob", "falls silent in the middle of an upload", |_| begins_to_write(&mut bob, "silent"))?;
            server.says_among_others(&format!("gave up on {} \"silent\": no answer after 2 tries", bob.address()))?;
            soon_has_only(lab, &folder, &[])?;
            let mut carol = lab.udp("carol", &server)?;
            lab.in_short("carol", "is in the middle of an upload when the server is killed", |_| {
                begins_to_write(&mut carol, "killed")
            })?;
            lab.lowers_the_curtain()?;
            for peer in [&mut alice, &mut bob, &mut carol] {
                peer.forgets_what_waits()?;
            }
            let seen = folder.get("killed")?;
            demand(seen.is_none(), || "There is a file \"killed\", of which only half has come.".to_owned())
        })
}

/// The first of the blocks of an upload.
fn begins_to_write(peer: &mut UdpPeer, name: &str) -> Outcome {
    peer.send(wrq(name, &[]))?;
    peer.first(&ack(0))?;
    peer.send(data(1, &content(512)))?;
    peer.eventually(&ack(1), &ack(0))
}

pub fn an_interrupted_server_ends_quietly() -> Stage {
    Stage::server("Ctrl-C ends it without a backtrace, and without half a file")
        .promises(["C5", "F6"])
        .why("Whoever presses Ctrl-C knows why it ends. A backtrace tells nothing new, and looks like a fault of the program.")
        .hints([
            "What does your language do with SIGINT when nobody handles it?",
            "In C and Rust it ends the program at once, which is well; in others it is an exception, and must be caught.",
            "signal_hook::iterator::Signals::new([SIGINT, SIGTERM])?, if there is something to clear away; else nothing at all",
        ])
        .story(|lab| {
            let (server, folder) = patient_server(lab, &[])?;
            let mut alice = lab.udp("alice", &server)?;
            alice.send(wrq("broken", &[]))?;
            alice.first(&ack(0))?;
            alice.send(data(1, &content(512)))?;
            alice.expect(ack(1))?;
            server.says(&format!("{} writes \"broken\"", alice.address()))?;
            server.is_interrupted()?;
            alice.forgets_what_waits()?;
            let seen = folder.get("broken")?;
            demand(seen.is_none(), || "There is a file \"broken\", of which only half has come.".to_owned())
        })
}

pub fn never_mixes_two_uploads() -> Stage {
    Stage::server("Two uploads to one name never mix")
        .promises(["F6", "F11"])
        .why("Two writers of one file overwrite each other's blocks, and what remains is neither's.")
        .hints([
            "What is the name of the file that an upload grows in?",
            "Each upload needs one of its own: a number that is counted up, and `create_new`, which never opens what is there.",
            "static COUNT: AtomicU64; format!(\".tftp-{}-{}.part\", process::id(), COUNT.fetch_add(1, …))",
        ])
        .story(|lab| {
            let (server, folder) = patient_server(lab, &["--overwrite"])?;
            // The longer one is complete first: what the shorter one does not overwrite would be seen.
            let (one, other) = (vec![b'1'; 1300], vec![b'2'; 2300]);
            let mut alice = lab.udp("alice", &server)?;
            let mut bob = lab.udp("bob", &server)?;
            alice.send(wrq("same", &[]))?;
            alice.first(&ack(0))?;
            bob.send(wrq("same", &[]))?;
            // The second may be refused: then there is nothing to mix.
            let Datagram { from, bytes: answer } = bob.receive("ACK 0 or an ERROR")?;
            bob.keeps_to(from);
            let both = answer == ack(0);
            demand(both || answer.starts_with(&[0, 5]), || format!("{} came, where ACK 0 or an ERROR was due.", describe(&answer)))?;
            lab.in_short("alice", "is in the middle of hers when bob sends all of his", |_| {
                alice.send(data(1, &one[..512]))?;
                let goes_on = may_be_lost(alice.expect(ack(1)))?;
                if both {
                    may_be_lost(writes(&mut bob, &other, 1, 512))?;
                }
                if goes_on {
                    may_be_lost(writes(&mut alice, &one, 2, 512))?;
                }
                Ok(())
            })?;
            soon_has_only(lab, &folder, &["same"])?;
            alice.forgets_what_waits()?;
            bob.forgets_what_waits()?;
            lab.lowers_the_curtain()?;
            let found = folder.get("same")?.unwrap_or_default();
            demand(found == one || found == other, || {
                format!("The file has {} bytes, and is neither the one upload nor the other.", found.len())
            })
        })
}

/// The loser of two uploads may be told so by an ERROR at any time: whether it goes on.
fn may_be_lost(outcome: Outcome) -> Outcome<bool> {
    match outcome {
        Err(Trouble::Broken(failure)) if failure.because.contains("ERROR") => Ok(false),
        other => other.map(|()| true),
    }
}
