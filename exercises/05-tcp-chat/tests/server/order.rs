//! Several talk at once: one order for all.

use scenario::{Outcome, Program, Stage, TcpPeer, demand};

use super::{all_hear, has_joined, join_all, short};

pub fn all_hear_one_order() -> Stage {
    Stage::server("When several talk at once, all hear the same order, and whole lines")
        .promises(["G5", "G2"])
        .why(
            "If each client's thread writes to everybody's socket, two lines may reach one listener in one order and the next in \
             another, or be written into each other. Order is made where there is one place to make it.",
        )
        .hints([
            "How many threads of your server may write to one socket?",
            "One place decides what comes next, for all: a thread that takes lines from a channel, or one lock around the whole list.",
            "for event in events { self.handle(event) } // nobody else writes",
        ])
        .story(|lab| {
            let server = lab.server()?;
            let mut room = Vec::from(join_all(lab, &server, ["alice", "bob", "carol", "dave"])?);
            // What is sent to eve does not fit at once: whoever writes to her has to wait in the middle of a line.
            let eve = lab.tcp_with_little_room("eve", &server)?;
            has_joined(&eve, &server, 5)?;
            all_hear(&mut room, "client-5 joined")?;
            room.push(eve);
            lab.in_short("all but dave and eve", "say 3 times 200 lines each, all at once, and all hear them", |_| {
                (0..3).try_for_each(|_| hear_one_order(&server, &mut room))
            })?;
            lab.keep(room);
            Ok(())
        })
}

/// The first three of the room, and the operator, talk at once, and all hear the same.
fn hear_one_order(server: &Program, room: &mut [TcpPeer]) -> Outcome {
    const LINES: usize = 200;
    // All that they say waits for the server when it goes on: it has no time to take it in turns.
    server.pause();
    (1..4).zip(&mut *room).try_for_each(|(number, peer)| peer.send(numbered(number, LINES)))?;
    server.feed(numbered(0, LINES).as_bytes());
    server.resume();
    let heard = std::thread::scope(|scope| {
        let listen = |(at, peer)| scope.spawn(move || hear_lines(peer, if at < 3 { 3 * LINES } else { 4 * LINES }));
        let listening: Vec<_> = room.iter_mut().enumerate().map(listen).collect();
        let all = listening.into_iter().map(|listener| listener.join().expect("a listener does not panic"));
        all.collect::<Outcome<Vec<_>>>()
    })?;
    let printed = (0..3 * LINES).map(|_| server.next_line("a line of somebody")).collect::<Outcome<Vec<_>>>()?;
    same_order(&heard)?;
    all_there(&heard[3], &["server", "client-1", "client-2", "client-3"], LINES)?;
    all_there(&printed, &["client-1", "client-2", "client-3"], LINES)
}

fn hear_lines(peer: &mut TcpPeer, count: usize) -> Outcome<Vec<String>> {
    (0..count).map(|_| peer.next_line("a line of somebody else")).collect()
}

/// So many lines of the operator or one of the first three clients: short ones and long ones.
fn numbered(speaker: usize, count: usize) -> String {
    let letter = ["o", "a", "b", "c"][speaker];
    (0..count).map(|number| format!("{number} {}\n", letter.repeat(number % 16 * 20))).collect()
}

/// Whoever talked heard the same as the listeners, but for the own lines.
fn same_order(heard: &[Vec<String>]) -> Outcome {
    let (dave, eve) = (&heard[3], &heard[4]);
    let differs = dave.iter().zip(eve).position(|(dave, eve)| dave != eve);
    demand(differs.is_none(), || {
        let at = differs.unwrap_or_default();
        format!("dave heard `{}` as line {}, eve `{}`.", short(&dave[at]), at + 1, short(&eve[at]))
    })?;
    for (at, name) in ["alice", "bob", "carol"].iter().enumerate() {
        let own = format!("client-{}: ", at + 1);
        let others: Vec<_> = dave.iter().filter(|line| !line.starts_with(&own)).collect();
        let differs = heard[at].iter().zip(&others).position(|(one, other)| one != *other);
        demand(differs.is_none() && heard[at].len() == others.len(), || {
            let at_line = differs.unwrap_or_default();
            format!("{name} did not hear the others in the order in which dave did: `{}`.", short(&heard[at][at_line]))
        })?;
    }
    Ok(())
}

/// Each speaker's lines, all of them, whole, and in their order.
fn all_there(lines: &[String], speakers: &[&str], each: usize) -> Outcome {
    for name in speakers {
        let begin = format!("{name}: ");
        let speaker = name.strip_prefix("client-").and_then(|number| number.parse().ok()).unwrap_or(0);
        let said: Vec<_> = lines.iter().filter_map(|line| line.strip_prefix(&begin)).collect();
        let due = numbered(speaker, each);
        let due: Vec<_> = due.lines().collect();
        demand(said == due, || {
            let wrong = (0..each).find(|number| said.get(*number) != due.get(*number));
            format!("Line {} of {name} did not arrive whole and in its turn.", wrong.unwrap_or(each) + 1)
        })?;
    }
    Ok(())
}
