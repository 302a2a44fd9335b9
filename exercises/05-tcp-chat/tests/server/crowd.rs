//! Many, and those who mean no good.

use scenario::{Lab, Outcome, Program, Stage, TcpPeer, demand};

use super::{join, join_all, says};

pub fn serves_others_beside_the_silent() -> Stage {
    Stage::server("Clients that say nothing, or half a line, keep nobody waiting")
        .promises(["C6", "G2"])
        .why("Most people in a room are silent most of the time. A server that waits for one of them waits for all.")
        .hints([
            "What does your server wait for when somebody has connected and says nothing?",
            "Give each client a thread of its own; then each waits for itself.",
            "thread::Builder::new().spawn(move || hear(client, &stream, &tell))",
        ])
        .story(|lab| {
            let server = lab.server()?;
            let mut silent = Vec::new();
            lab.in_short("a hundred others", "join, and say nothing", |lab| {
                (1..=100).try_for_each(|number| {
                    silent.push(join(lab, &server, "silent", number)?);
                    Ok(())
                })
            })?;
            let mut half = join(lab, &server, "half", 101)?;
            half.send("half a li")?;
            half.is_read()?;
            let mut alice = join(lab, &server, "alice", 102)?;
            let mut bob = join(lab, &server, "bob", 103)?;
            alice.expect_line("client-103 joined")?;
            says(&mut bob, &server, 103, "hi")?;
            alice.expect_line("client-103: hi")?;
            half.send("ne\n")?;
            server.prints("client-101: half a line")?;
            alice.expect_line("client-101: half a line")?;
            bob.expect_line("client-101: half a line")?;
            lab.keep(silent);
            lab.keep([half, alice, bob]);
            Ok(())
        })
}

pub fn survives_resets_and_noise() -> Stage {
    Stage::server("Resets and noise stop nobody")
        .promises(["C6", "G7"])
        .why(
            "Whatever is reachable is tried by everybody: scanners that connect and break off, browsers that speak HTTP, and programs \
             that send nothing but noise.",
        )
        .hints([
            "Which errors end more than the thread of one client?",
            "None should: `accept`, `read` and `write` fail for one client, and the room goes on.",
            "Err(_) => /* this client has left */, and no `unwrap` on anything that comes from the network",
        ])
        .story(|lab| {
            let server = lab.server()?;
            let mut alice = join(lab, &server, "alice", 1)?;
            let mut bob = None;
            // What the others hear of those who break off depends on how fast that was.
            lab.in_short("mallory", "connects, sends noise and breaks off, again and again, until bob comes", |lab| {
                breaks_off_again_and_again(lab, &server)?;
                let bob = bob.insert(lab.tcp("bob", &server)?);
                bob.send("is anybody here?\n")?;
                hears_at_last(&mut alice, ": is anybody here?")?;
                alice.send("I am\n")?;
                hears_at_last(bob, "client-1: I am")
            })?;
            demand(!server.has_ended(), || "Your server ended.".to_owned())?;
            // Which lines the broken connections leave is open.
            lab.lowers_the_curtain()
        })
}

fn breaks_off_again_and_again(lab: &mut Lab, server: &Program) -> Outcome {
    let noise: Vec<u8> = (0..4096_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    for bytes in [&b""[..], b"half a", b"GET / HTTP/1.1\r\n\r\n", &noise] {
        let mut mallory = lab.tcp("mallory", server)?;
        mallory.send(bytes)?;
        mallory.is_read()?;
        mallory.resets()?;
    }
    // Held up, the server finds connections in its queue that are broken already.
    server.pause();
    for _ in 0..5 {
        let mut mallory = lab.tcp("mallory", server)?;
        mallory.send("and off\n")?;
        mallory.resets()?;
    }
    server.resume();
    Ok(())
}

pub fn waits_when_it_has_no_descriptor_left() -> Stage {
    Stage::server("Without a descriptor left for the next client, it goes on with those it has")
        .promises(["C6"])
        .why(
            "Every connection is an open file, and the system lets a process have only so many: often 1024. Then `accept` \
             fails, again and again, until somebody leaves. That is a full room, and no reason to close it.",
        )
        .hints([
            "What does your server do when `accept` fails with \"too many open files\"?",
            "It complains, waits a little (or `accept` fails again at once), and tries again.",
            "Err(error) => { complain(error); thread::sleep(Duration::from_millis(50)); }",
        ])
        .story(|lab| {
            let server = lab.server()?;
            let mut alice = join(lab, &server, "alice", 1)?;
            let mut bob = join(lab, &server, "bob", 2)?;
            server.limits_descriptors(6)?;
            // Who of them comes in, and is told to the others, is for the system to decide.
            lab.in_short("ten others", "connect, and leave again; alice and bob talk", |lab| {
                let crowd = (0..10).map(|_| lab.tcp("other", &server)).collect::<Outcome<Vec<_>>>()?;
                alice.send("quite a crowd\n")?;
                hears_at_last(&mut bob, "client-1: quite a crowd")?;
                crowd.into_iter().try_for_each(TcpPeer::resets)
            })?;
            lab.in_short("carol", "comes when they are gone", |lab| {
                let mut carol = lab.tcp("carol", &server)?;
                carol.send("where are they?\n")?;
                hears_at_last(&mut bob, ": where are they?")?;
                bob.send("gone\n")?;
                hears_at_last(&mut carol, "client-2: gone")
            })?;
            lab.lowers_the_curtain()
        })
}

pub fn forgets_what_was_said() -> Stage {
    Stage::server("Whatever is said in the room, its memory stays as it was")
        .promises(["C10"])
        .why("A room may be open for months. Whatever the server keeps of each line adds up, and those who talk decide how much.")
        .hints([
            "What grows in your server with every line?",
            "What has been sent to everybody is forgotten. An outbox holds what is still unsent, and nothing else.",
            "self.bytes.drain(..length); // sent, so it goes",
        ])
        .story(|lab| {
            const LINE: usize = 2000;
            const MOST: usize = 100;
            let server = lab.server()?;
            let mut room = join_all(lab, &server, ["alice", "bob"])?;
            let line = format!("{}\n", "x".repeat(LINE - "server: \n".len()));
            lab.in_short("the operator", "talks on, and alice and bob hear it all", |lab| {
                let mut lines = 1;
                lab.memory_stays_while(&server, || {
                    // All at once, the server might take alice and bob for somebody who does not read.
                    lines = MOST.min(2 * lines);
                    server.feed(line.repeat(lines).as_bytes());
                    room.iter_mut().try_for_each(|peer| peer.reads(lines * LINE))?;
                    Ok(lines * LINE)
                })
            })?;
            lab.lowers_the_curtain()
        })
}

/// Reads lines until one ends like this.
fn hears_at_last(peer: &mut TcpPeer, end: &str) -> Outcome {
    while !peer.next_line(end)?.ends_with(end) {}
    Ok(())
}
