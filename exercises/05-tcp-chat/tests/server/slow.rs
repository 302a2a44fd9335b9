//! Somebody who does not read.

use std::time::{Duration, Instant};

use scenario::{Outcome, Program, Stage, TcpPeer, demand};

use super::{all_hear, has_joined, join_all, short};

pub fn drops_who_does_not_read() -> Stage {
    Stage::server("A client that does not read delays nobody, and is dropped")
        .promises(["G6", "C10", "C6"])
        .why(
            "What is written to somebody who does not read fills the buffers on the way; then `write` waits. A server that waits \
             with it stops for all; one that keeps every line for him instead keeps them until its memory is full.",
        )
        .hints([
            "What does your server do when a socket takes no more?",
            "It must not wait in the place where everybody's lines pass. Keep what is unsent in an outbox of that client, with a limit.",
            "A write that does not wait (or a thread for each client's writing), and: if !outbox.add(lines) { self.remove(client, \" (too slow)\") }",
        ])
        .story(|lab| {
            lab.steadily(|lab| {
                let server = lab.server()?;
                let mut room = join_all(lab, &server, ["alice", "bob"])?;
                let mut carol = lab.tcp_with_little_room("carol", &server)?;
                has_joined(&carol, &server, 3)?;
                all_hear(&mut room, "client-3 joined")?;
                carol.stops_reading();
                let mut rounds = Vec::new();
                lab.in_short("alice and the operator", "talk, and bob hears every line, until the server drops carol", |_| {
                    talk_until_carol_is_dropped(&server, &mut room, &carol, &mut rounds)
                })?;
                nobody_was_kept_waiting(&rounds)?;
                carol.wait_for_close()?;
                room[0].send("are you still there, bob?\n")?;
                hears(&mut room[1], "client-1: are you still there, bob?")?;
                server.prints("client-1: are you still there, bob?")?;
                lab.keep(room);
                Ok(())
            })
        })
}

/// Notes how long each round of talk took.
fn talk_until_carol_is_dropped(
    server: &Program,
    room: &mut [TcpPeer; 2],
    carol: &TcpPeer,
    rounds: &mut Vec<Duration>,
) -> Outcome {
    for number in 0.. {
        let began = Instant::now();
        let dropped = talk_for_a_while(server, room, number)?;
        rounds.push(began.elapsed());
        if dropped || is_dropped(server, carol, number + 1)? {
            break;
        }
    }
    Ok(())
}

/// Some servers are slow, but then they are from the beginning, when carol's connection still takes what is said.
fn nobody_was_kept_waiting(rounds: &[Duration]) -> Outcome {
    let (quickest, slowest) = (rounds.iter().min(), rounds.iter().max());
    let (quickest, slowest) = (quickest.copied().unwrap_or_default(), slowest.copied().unwrap_or_default());
    demand(slowest < Duration::from_millis(700) + 10 * quickest, || {
        format!("While carol did not read, the others had to wait for {:.1} s.", slowest.as_secs_f64())
    })
}

/// What the server prints when it drops carol.
const DROPPED: &str = "client-3 left (too slow)";

/// How many lines of how many bytes are said at once.
const LINES: usize = 64;
const LINE: usize = 1000;

/// Alice and the operator, whose lines are not printed, say many lines in turns; whether the server drops carol
/// meanwhile.
fn talk_for_a_while(server: &Program, room: &mut [TcpPeer; 2], number: usize) -> Outcome<bool> {
    let (name, listeners) = if number.is_multiple_of(2) { ("client-1", 1..2) } else { ("server", 0..2) };
    let text = format!("{number:0>width$}", width = LINE - name.len() - 3);
    let line = format!("{name}: {text}");
    let lines = format!("{text}\n").repeat(LINES);
    match name {
        "server" => server.feed(lines.as_bytes()),
        _ => room[0].send(&lines)?,
    }
    for listener in &mut room[listeners] {
        (0..LINES).try_for_each(|_| hears(listener, &line))?;
    }
    let (mut dropped, mut left) = (false, if name == "server" { 0 } else { LINES });
    while left > 0 {
        let printed = server.next_line(&line)?;
        demand(printed == line || printed == DROPPED, || format!("Your server printed `{}`.", short(&printed)))?;
        dropped |= printed == DROPPED;
        left -= usize::from(printed == line);
    }
    Ok(dropped)
}

/// Whether the server has dropped carol; when more is kept for her than may be, it must have.
fn is_dropped(server: &Program, carol: &TcpPeer, rounds: usize) -> Outcome<bool> {
    const MOST: u64 = 1 << 20;
    /// What may be on its way inside of the program, in one place or another.
    const SLACK: u64 = 128 << 10;
    /// What no system keeps for somebody who does not read, where it does not say how much it keeps.
    const WHOLLY: u64 = 13 << 20;
    let said = (rounds * LINES * LINE) as u64;
    let on_the_way = || carol.bytes_on_the_way().unwrap_or(WHOLLY);
    let kept = if said > MOST + SLACK { said.saturating_sub(on_the_way()) } else { 0 };
    let is_too_much = kept > MOST + SLACK;
    let patience = if is_too_much { Duration::from_secs(1) } else { Duration::ZERO };
    let Some(line) = server.line_within(patience) else {
        return demand(!is_too_much, || {
            format!("Your server keeps {kept} bytes for a client that does not read; `{DROPPED}` was due before 1 MiB.")
        })
        .map(|()| false);
    };
    demand(line == DROPPED, || format!("Your server printed `{}`, where `{DROPPED}` was due.", short(&line)))?;
    Ok(true)
}

/// Expects a line; that carol left may come before it.
fn hears(peer: &mut TcpPeer, due: &str) -> Outcome {
    let line = peer.next_line(due)?;
    if line.starts_with("client-3 left") {
        return hears(peer, due);
    }
    demand(line == due, || format!("`{}` was heard, where `{}` was due.", short(&line), short(due)))
}
