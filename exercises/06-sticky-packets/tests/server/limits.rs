//! What is too long, and costs no memory.

use scenario::{Lab, Outcome, Program, Stage, TcpPeer, demand};

use super::wire::{DEFAULT_LIMIT, LINE, frame, header};
use super::{exchange, farewell, is_refused, is_returned};

pub fn refuses_a_frame_over_the_limit() -> Stage {
    Stage::server("A header that announces too much is refused when it is there")
        .promises(["S4"])
        .why(
            "The length is the peer's word, and costs it four bytes. A server that waits for what was announced, or makes room for \
             it, can be filled up or blocked by anybody. Where the next message begins is unknown then, so the connection ends.",
        )
        .hints([
            "When does your server compare the length with its limit?",
            "As soon as the header is complete, before anything else is done with the number. What came before it counts.",
            "Some(length) if length > max_frame => Step::TooLong(length)",
        ])
        .story(|lab| {
            let server = lab.server()?;
            for length in [u32::MAX, 1 << 31, DEFAULT_LIMIT as u32 + 1] {
                let mut mallory = lab.tcp("mallory", &server)?;
                mallory.send(header(length))?;
                is_refused(mallory, &server, length as usize, DEFAULT_LIMIT)?;
            }
            let mut carol = lab.tcp("carol", &server)?;
            carol.send([&frame("hello")[..], &header(u32::MAX)].concat())?;
            is_returned(&mut carol, &server, 1, b"hello", &frame("hello"))?;
            is_refused(carol, &server, u32::MAX as usize, DEFAULT_LIMIT)?;
            let mut alice = lab.tcp("alice", &server)?;
            exchange(&mut alice, &server, 1, b"still there?")?;
            farewell(alice, &server, 1)
        })
}

pub fn takes_the_limit_that_it_is_given() -> Stage {
    Stage::server("`--max-frame` is the longest message that is taken")
        .promises(["S4"])
        .why("A limit has two sides: what is just allowed must work, or the limit is another one. The mark does not count.")
        .hints([
            "At which length does your server refuse?",
            "A message of exactly the limit is taken, one byte more is not; header and newline are not counted.",
            "if length > max_frame { … } // not >=",
        ])
        .story(|lab| {
            let server = lab.server_with(&["--max-frame", "5"])?;
            let mut alice = lab.tcp("alice", &server)?;
            exchange(&mut alice, &server, 1, b"hello")?;
            exchange(&mut alice, &server, 2, b"")?;
            alice.send(header(6))?;
            is_refused(alice, &server, 6, 5)?;
            let server = lab.server_with(&["--max-frame", "5", "--framing", "line"])?;
            let mut bob = lab.tcp("bob", &server)?;
            bob.send("hello\n\n")?;
            is_returned(&mut bob, &server, 1, b"hello", b"hello\n")?;
            is_returned(&mut bob, &server, 2, b"", b"\n")?;
            bob.send("hello")?;
            bob.is_read()?;
            bob.send("\n")?;
            is_returned(&mut bob, &server, 3, b"hello", b"hello\n")?;
            bob.send("hello!")?;
            is_refused(bob, &server, 6, 5)
        })
}

pub fn refuses_a_line_that_does_not_end() -> Stage {
    Stage::server("A line that does not end is refused when it is too long")
        .promises(["S4", "C10"])
        .why(
            "A line says nothing about its length until its end is there, and that may never come. Whoever collects until then \
             collects until the memory is full.",
        )
        .hints([
            "What does your server do with a line of which a million bytes are there, and no newline?",
            "Compare what is there with the limit at every read, not only when the newline has come.",
            "None if bytes.len() > max_frame => Step::TooLong(bytes.len())",
        ])
        .story(|lab| {
            let server = lab.server_with(LINE)?;
            lab.in_short("mallory", "sends a line without an end", |lab| {
                lab.memory_stays(&server, |lab| {
                    let mut mallory = lab.tcp("mallory", &server)?;
                    let sent = mallory.send_flood(32 << 20)?;
                    line_is_refused(&mallory, &server)?;
                    mallory.resets()?;
                    Ok(sent as u64)
                })
            })?;
            let mut alice = lab.tcp("alice", &server)?;
            alice.send("short\n")?;
            is_returned(&mut alice, &server, 1, b"short", b"short\n")?;
            farewell(alice, &server, 1)
        })
}

/// Expects the refusal of a line, at whatever length it was noticed.
fn line_is_refused(peer: &TcpPeer, server: &Program) -> Outcome {
    let ends = format!(" bytes from {}: at most {DEFAULT_LIMIT}", peer.address());
    let line = server.next_line(&format!("refused a frame of …{ends}"))?;
    let number = line.strip_prefix("refused a frame of ").and_then(|rest| rest.strip_suffix(&ends));
    let number = number.and_then(|number| number.parse::<usize>().ok());
    demand(number.is_some_and(|number| number > DEFAULT_LIMIT), || {
        format!("Your server printed `{line}`, where the refusal of a line of more than {DEFAULT_LIMIT} bytes was due.")
    })
}

pub fn takes_no_memory_for_what_it_refuses() -> Stage {
    Stage::server("What is announced, or refused, costs no memory")
        .promises(["S4", "C10"])
        .why(
            "Twenty-four connections that announce eight mebibytes each have cost their sender a hundred bytes. If the server \
             makes room for what was announced, it pays two hundred mebibytes; with connections enough, all it has.",
        )
        .hints([
            "How much memory does your server take when a header has come, and nothing else?",
            "Let the buffer grow with what has come, not with what was announced; and drop what follows a refused header.",
            "Double the buffer when it is full; never `vec![0; length]` with a length from the network.",
        ])
        .story(|lab| {
            let server = lab.server_with(&["--max-frame", &MUCH.to_string()])?;
            let mut alice = lab.tcp("alice", &server)?;
            exchange(&mut alice, &server, 1, b"hello")?;
            let crowd = announce_much(lab, &server)?;
            lab.in_short("mallory", "announces 4 GiB, and begins to send them", |lab| {
                lab.memory_stays(&server, |lab| {
                    let mut mallory = lab.tcp("mallory", &server)?;
                    mallory.send(header(u32::MAX))?;
                    let from = mallory.address();
                    server.prints(&format!("refused a frame of {} bytes from {from}: at most {MUCH}", u32::MAX))?;
                    let sent = mallory.send_flood(8 << 20)?;
                    Ok(mallory.read_of(sent))
                })
            })?;
            exchange(&mut alice, &server, 2, b"still there?")?;
            lab.keep(crowd);
            lab.lowers_the_curtain()
        })
}

/// How much is announced.
const MUCH: usize = 8 << 20;

/// Many announce a long message, and send ten bytes of it.
fn announce_much(lab: &mut Lab, server: &Program) -> Outcome<Vec<TcpPeer>> {
    const MANY: usize = 24;
    let before = server.memory();
    let mut crowd = Vec::new();
    lab.in_short("two dozen others", "announce eight mebibytes each, and send ten bytes of them", |lab| {
        for _ in 0..MANY {
            let mut other = lab.tcp("other", server)?;
            other.send([&header(MUCH as u32)[..], b"ten bytes."].concat())?;
            crowd.push(other);
        }
        crowd.iter().try_for_each(TcpPeer::is_read)
    })?;
    let grown = server.memory().unwrap_or_default().saturating_sub(before.unwrap_or_default());
    demand(grown < (MANY * MUCH / 4) as u64, || {
        format!("Your server grew by {} MB for {MANY} messages of which ten bytes have come.", grown / 1_000_000)
    })?;
    Ok(crowd)
}
