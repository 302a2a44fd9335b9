//! Many, those that wait, and those that break off.

use scenario::{Breaking, Lab, Outcome, Program, Stage, TcpPeer, demand};

use super::wire::frame;
use super::{exchange, farewell};

pub fn serves_others_beside_those_that_wait() -> Stage {
    Stage::server("Clients that say nothing, half a message, or do not listen keep nobody waiting")
        .promises(["C6", "S1", "C10"])
        .why(
            "A server waits in two places: for what a client sends, and for room to write to one that does not read. Whoever \
             waits in the one thread of all clients lets everybody wait.",
        )
        .hints([
            "What does your server do while it waits for the rest of a message?",
            "Give each connection a thread of its own; then each waits for itself.",
            "thread::Builder::new().spawn(move || talk(stream, peer))",
        ])
        .mostly_waiting()
        .story(|lab| {
            let server = lab.server()?;
            let mut silent = Vec::new();
            lab.in_short("a hundred others", "connect, and say nothing", |lab| {
                (0..100).try_for_each(|_| {
                    silent.push(lab.tcp("silent", &server)?);
                    Ok(())
                })
            })?;
            let mut half = lab.tcp("half", &server)?;
            half.send(&frame("half a message")[..9])?;
            half.is_read()?;
            let mut deaf = lab.tcp_with_little_room("deaf", &server)?;
            deaf.stops_reading();
            let before = server.memory();
            serves_many_beside(lab, &server, &mut deaf)?;
            let grown = server.memory().unwrap_or_default().saturating_sub(before.unwrap_or_default());
            // A language that collects garbage may have some from those who came and went.
            demand(grown < POURED as u64 / 2, || {
                format!("Your server grew by {} MB for echoes that nobody reads.", grown / 1_000_000)
            })
            .breaking(&["C10"])?;
            comes_and_goes(lab, &server, "alice")?;
            lab.lowers_the_curtain()
        })
}

/// How much is sent at most by somebody who reads nothing.
const POURED: usize = 48 << 20;

/// Somebody sends a message again and again: soon the server waits for room to return the first ones. Meanwhile, many
/// others come.
fn serves_many_beside(lab: &mut Lab, server: &Program, deaf: &mut TcpPeer) -> Outcome {
    let long = frame(vec![0xff; 64 << 10]);
    let summary = "sends 64 KiB again and again, and reads nothing; three hundred others come, hear an echo, and go";
    lab.in_short("deaf", summary, |lab| {
        std::thread::scope(|scope| {
            let pouring = scope.spawn(|| deaf.pour(&long, POURED));
            (0..300).try_for_each(|_| comes_and_goes(lab, server, "other"))?;
            pouring.join().expect("who pours does not panic").map(drop)
        })
    })
}

fn comes_and_goes(lab: &mut Lab, server: &Program, name: &str) -> Outcome {
    let mut guest = lab.tcp(name, server)?;
    exchange(&mut guest, server, 1, b"hello")?;
    farewell(guest, server, 1)
}

pub fn survives_resets() -> Stage {
    Stage::server("Clients that break off do not stop it")
        .promises(["C6"])
        .why(
            "A client may be gone before it is accepted, in the middle of a header, or while it is written to: then `read` and \
             `write` fail. That concerns this client only.",
        )
        .hints([
            "Which errors leave the loop around `accept`?",
            "Those of one connection are worth a line on stderr; then comes the next client.",
            "if let Err(error) = talk(&stream, peer) { complain(format_args!(\"{peer}: {error:#}\")); }",
        ])
        .story(|lab| {
            let server = lab.server()?;
            lab.tcp("mallory", &server)?.resets()?;
            for bytes in [&b"\0\0"[..], b"\0\0\0\x05hel", &frame("whole")] {
                let mut mallory = lab.tcp("mallory", &server)?;
                mallory.send(bytes)?;
                mallory.is_read()?;
                mallory.resets()?;
            }
            // Held up, the server finds connections in its queue that are broken already.
            server.pause();
            for _ in 0..3 {
                let mut mallory = lab.tcp("mallory", &server)?;
                mallory.send(frame("and off"))?;
                mallory.resets()?;
            }
            server.resume();
            let mut alice = lab.tcp("alice", &server)?;
            exchange(&mut alice, &server, 1, b"hello")?;
            farewell(alice, &server, 1)?;
            demand(!server.has_ended(), || "Your server ended.".to_owned())?;
            // Which lines the broken connections leave is open.
            lab.lowers_the_curtain()
        })
}

pub fn waits_when_it_has_no_descriptor_left() -> Stage {
    Stage::server("Without a descriptor left for the next client, it goes on with those it has")
        .promises(["C6"])
        .why(
            "Every connection is an open file, and the system lets a process have only so many: often 1024. Then `accept` \
             fails, again and again, until a client leaves. That is no reason to end.",
        )
        .hints([
            "What does your server do when `accept` fails with \"too many open files\"?",
            "It complains, waits a little (or `accept` fails again at once), and tries again.",
            "Err(error) => { complain(error); thread::sleep(Duration::from_millis(50)); }",
        ])
        .story(|lab| {
            let server = lab.server()?;
            let mut alice = lab.tcp("alice", &server)?;
            exchange(&mut alice, &server, 1, b"hello")?;
            server.limits_descriptors(6)?;
            // Who of them is served is for the system to decide, and what a reset leaves on stdout is open.
            lab.in_short("ten others", "connect, and leave again", |lab| {
                let crowd = (0..10).map(|_| lab.tcp("other", &server)).collect::<Outcome<Vec<_>>>()?;
                exchange(&mut alice, &server, 2, b"quite a crowd")?;
                crowd.into_iter().try_for_each(TcpPeer::resets)
            })?;
            let mut bob = lab.tcp("bob", &server)?;
            exchange(&mut bob, &server, 1, b"are they gone?")?;
            exchange(&mut alice, &server, 3, b"yes")?;
            lab.lowers_the_curtain()
        })
}

pub fn forgets_what_it_returned() -> Stage {
    Stage::server("Whatever passes through it, its memory stays as it was")
        .promises(["C10"])
        .why("A connection may last for months. Whatever the server keeps of each message adds up, and a peer decides how much.")
        .hints([
            "What grows in your server with every message?",
            "One buffer per connection, used again and again; what was returned is forgotten.",
            "self.buffer.copy_within(self.given..self.filled, 0); // the rest moves to the front",
        ])
        .story(|lab| {
            const LONGEST: usize = 512 << 10;
            let server = lab.server()?;
            let mut alice = lab.tcp("alice", &server)?;
            exchange(&mut alice, &server, 1, b"hello")?;
            lab.in_short("alice", "sends more and more, longer and longer, and all of it comes back", |lab| {
                let mut size = 1 << 10;
                lab.memory_stays_while(&server, || {
                    size = LONGEST.min(2 * size);
                    let message = frame(vec![0xff; size]);
                    alice.send(&message)?;
                    alice.expect(&message)?;
                    Ok(size)
                })
            })?;
            lab.lowers_the_curtain()
        })
}
