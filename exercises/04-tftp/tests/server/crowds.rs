//! Many transfers, beside each other and one after another.

use std::time::{Duration, Instant};

use scenario::{Lab, Outcome, Program, Stage, UdpPeer, demand};

use super::traces::{Tells, holds, soon_has_only};
use super::wire::{Talks, ack, content, data, error, rrq, tally, wrq};
use super::{downloads, one_refusal_at_last, patient_server, reads, server_with_timeout, writes};

pub fn serves_several_at_a_time() -> Stage {
    Stage::server("Transfers run side by side, and one that stalls slows no other")
        .promises(["F11", "F1", "F5"])
        .why(
            "A transfer takes as long as its client likes. Its port tells a server which packet belongs to which transfer; a thread \
             or an event loop lets it care for all of them.",
        )
        .hints([
            "What happens to a second request while a file is being sent?",
            "Receive requests in one loop, and hand each to a thread with a socket of its own.",
            "thread::spawn(move || Transfer { … }.attend()), and around to `recv_from` again",
        ])
        .story(|lab| {
            let (server, folder) = patient_server(lab, &[])?;
            let (a, b, c) = (content(1300), content(700), content(2000));
            folder.put("a", &a)?;
            folder.put("c", &c)?;
            let mut stalled = lab.udp("mallory", &server)?;
            stalled.send(rrq("a", &[]))?;
            stalled.first(&data(1, &a[..512]))?;
            let mut alice = lab.udp("alice", &server)?;
            let mut bob = lab.udp("bob", &server)?;
            let mut carol = lab.udp("carol", &server)?;
            alice.send(rrq("a", &[]))?;
            bob.send(wrq("b", &[]))?;
            carol.send(rrq("c", &[]))?;
            carol.first(&data(1, &c[..512]))?;
            bob.first(&ack(0))?;
            alice.first(&data(1, &a[..512]))?;
            have_ports_of_their_own(&[&stalled, &alice, &bob, &carol])?;
            reads_on(&mut carol, &server, "c", &c)?;
            writes(&mut bob, &b, 1, 512)?;
            reads_on(&mut alice, &server, "a", &a)?;
            reads_on(&mut stalled, &server, "a", &a)?;
            server.says_among_others(&format!("{} writes \"b\"", bob.address()))?;
            server.says_among_others(&format!("received \"b\" from {}: {}", bob.address(), tally(700, 512)))?;
            holds(&folder, "b", &b)?;
            many_read_at_once(lab, &server, "a", &a)?;
            lab.lowers_the_curtain()
        })
}

fn have_ports_of_their_own(peers: &[&UdpPeer]) -> Outcome {
    let ports = peers.iter().map(|peer| peer.partner().map(|address| address.port()));
    let mut ports = ports.collect::<Outcome<Vec<_>>>()?;
    ports.sort_unstable();
    ports.dedup();
    demand(ports.len() == peers.len(), || "Your server uses one port for several transfers.".to_owned())
}

/// The rest of a file of which block 1 is here, with the server's lines.
fn reads_on(peer: &mut UdpPeer, server: &Program, name: &str, file: &[u8]) -> Outcome {
    peer.send(ack(1))?;
    reads(peer, file, 2, 512)?;
    server.says_among_others(&format!("{} reads {name:?}", peer.address()))?;
    server.says_among_others(&format!("sent {name:?} to {}: {}", peer.address(), tally(file.len(), 512)))
}

fn many_read_at_once(lab: &mut Lab, server: &Program, name: &str, file: &[u8]) -> Outcome {
    lab.in_short("many", "read the same file at the same time", |lab| {
        let mut readers = (0..40).map(|_| lab.udp("one of many", server)).collect::<Outcome<Vec<_>>>()?;
        readers.iter().try_for_each(|reader| reader.send(rrq(name, &[])))?;
        readers.iter_mut().rev().try_for_each(|reader| reader.first(&data(1, &file[..512])))?;
        for reader in &mut readers {
            reader.send(ack(1))?;
            reads(reader, file, 2, 512)?;
        }
        Ok(())
    })
}

pub fn is_not_slowed_by_who_stalls() -> Stage {
    Stage::server("While one transfer waits and repeats, the others go on as ever")
        .promises(["F11"])
        .why(
            "A server that sleeps before it sends again sleeps for all its clients. What one transfer waits for, the others must not feel.",
        )
        .hints([
            "What does the rest of your server do while one transfer waits for its ACK?",
            "Threads wait by themselves. An event loop must never sleep: it waits for packets until the nearest timeout of all transfers.",
            "each transfer in a thread of its own, with a socket of its own and `set_read_timeout`",
        ])
        .mostly_waiting()
        .story(|lab| {
            lab.steadily(|lab| {
                let (server, folder) = server_with_timeout(lab, "0.1", &["--tries", "30"])?;
                folder.put("file", content(600))?;
                let stalled = (0..3).map(|_| lab.udp("mallory", &server)).collect::<Outcome<Vec<_>>>()?;
                stalled.iter().try_for_each(|peer| peer.send(rrq("file", &[])))?;
                let mut alice = lab.udp("alice", &server)?;
                lab.in_short("alice", "reads again and again, and is never kept waiting", |_| {
                    let began = Instant::now();
                    while began.elapsed() < Duration::from_millis(700) {
                        let asked = Instant::now();
                        alice.send_to(server.address(), rrq("file", &[]))?;
                        reads(&mut alice, &content(600), 1, 512)?;
                        let took = asked.elapsed().as_millis();
                        demand(took < 300, || format!("A file of two blocks took {took} ms while other transfers stalled."))?;
                    }
                    Ok(())
                })?;
                stalled.into_iter().try_for_each(|mut peer| peer.forgets_what_waits())?;
                lab.lowers_the_curtain()
            })
        })
}

pub fn outlives_many_transfers() -> Stage {
    Stage::server("However transfers end, the server has room for the next")
        .promises(["C6", "F11", "F2"])
        .why(
            "What a transfer took (a thread, a socket, a place in a table) must come back at every end: a good one, an ERROR, a peer that \
             falls silent. What is lost each time is a server that stops after some days.",
        )
        .hints([
            "Where is it noted in your server that a transfer is over?",
            "At every end, not only at the good one. What a scope owns goes with the scope.",
            "let link = …; let file = …; both are closed when the thread's function returns, whichever way",
        ])
        .story(|lab| {
            const TIMES: usize = 70;
            let (server, folder) = patient_server(lab, &[])?;
            folder.put("file", "words")?;
            lab.in_short("many", "ask, and end it in every way there is", |lab| {
                (0..TIMES).try_for_each(|number| ends_in_every_way(lab, &server, &format!("up-{number}")))
            })?;
            let mut alice = lab.udp("alice", &server)?;
            downloads(&mut alice, &server, "file", b"words")?;
            soon_has_only(lab, &folder, &["file"])?;
            lab.lowers_the_curtain()
        })
}

/// Transfers of "words", of no file, and of a new one.
fn ends_in_every_way(lab: &mut Lab, server: &Program, new: &str) -> Outcome {
    let mut reader = lab.udp("one of many", server)?;
    reader.send(rrq("file", &[]))?;
    reader.first(&data(1, b"words"))?;
    reader.send(error(0, "enough"))?;
    let mut writer = lab.udp("one of many", server)?;
    writer.send(wrq(new, &[]))?;
    writer.first(&ack(0))?;
    writer.send(error(0, "enough"))?;
    let mut lost = lab.udp("one of many", server)?;
    lost.send(rrq("no-such-file", &[]))?;
    lost.expect_error(1)?;
    let mut content = lab.udp("one of many", server)?;
    content.send(rrq("file", &[]))?;
    content.first(&data(1, b"words"))?;
    content.send(ack(1))
}

pub fn outlives_many_who_fall_silent() -> Stage {
    Stage::server("However many fall silent, the server has room for the next")
        .promises(["C6", "F2", "F11"])
        .why("Giving up is an end like any other: what the transfer took must come back.")
        .hints([
            "What does your server do with the socket of a transfer that it has given up?",
            "It is closed, and whatever counts transfers counts one less.",
            "return Err(Broken::NoAnswer { tries }), and all that the function owned goes",
        ])
        .mostly_waiting()
        .story(|lab| {
            let (server, folder) = server_with_timeout(lab, "0.05", &["--tries", "1"])?;
            folder.put("file", "words")?;
            lab.in_short("many", "ask, and do not answer", |lab| {
                for _ in 0..5 {
                    let mut silent = (0..14).map(|_| lab.udp("one of many", &server)).collect::<Outcome<Vec<_>>>()?;
                    silent.iter().try_for_each(|peer| peer.send(rrq("file", &[])))?;
                    silent.iter_mut().try_for_each(|peer| peer.first(&data(1, b"words")))?;
                    for peer in &silent {
                        let line = format!("gave up on {} \"file\": no answer after 1 tries", peer.address());
                        server.says_among_others(&line)?;
                    }
                }
                Ok(())
            })?;
            one_refusal_at_last(lab, &server)?;
            lab.lowers_the_curtain()
        })
}
