//! Lines: where they end, how long they may be, and what may be in them.

use std::time::Duration;

use scenario::{Outcome, Program, Stage, TcpPeer, demand};

use super::{join, join_all, says, short, with_single_replacements};

pub fn finds_the_lines_however_they_come() -> Stage {
    Stage::server("Lines are found however they come: in pieces, together, with `\\r\\n`")
        .promises(["G2", "G1"])
        .why(
            "TCP carries bytes, not lines. `nc` sends a line a segment, telnet ends it with `\\r\\n`, a program sends a hundred at \
             once, and a slow network any part of one. The next chapter is about nothing else.",
        )
        .hints([
            "Is what one `read` brings a line?",
            "Keep what has no end yet, and add the next read to it; take out one line after the other.",
            "lines.read_from(&mut stream)?; while let Step::Line(line) = lines.next_line() { … }",
        ])
        .story(|lab| {
            let server = lab.server()?;
            let [mut alice, mut bob] = join_all(lab, &server, ["alice", "bob"])?;
            bob.send_byte_by_byte("cut 我\n", Duration::from_millis(2))?;
            server.prints("client-2: cut 我")?;
            alice.expect_line("client-2: cut 我")?;
            bob.send("first half, ")?;
            bob.is_read()?;
            server.types("psst");
            alice.expect("server: psst\n")?;
            bob.expect("server: psst\n")?;
            bob.send("second half\nand ano")?;
            alice.expect("client-2: first half, second half\n")?;
            server.prints("client-2: first half, second half")?;
            bob.send("ther\r\n")?;
            alice.expect("client-2: and another\n")?;
            server.prints("client-2: and another")?;
            lab.in_short("bob", "says a hundred lines in one segment", |_| {
                says_a_hundred_lines(&mut bob, &server, &mut alice)
            })?;
            lab.keep([alice, bob]);
            Ok(())
        })
}

fn says_a_hundred_lines(bob: &mut TcpPeer, server: &Program, alice: &mut TcpPeer) -> Outcome {
    let lines: Vec<_> = (1..=100).map(|number| format!("line {number}")).collect();
    bob.send(lines.join("\n") + "\n")?;
    lines.iter().try_for_each(|line| {
        server.prints(&format!("client-2: {line}"))?;
        alice.expect_line(&format!("client-2: {line}"))
    })
}

pub fn refuses_a_line_that_is_too_long() -> Stage {
    Stage::server("A line of 1024 bytes is passed on; a longer one ends the connection")
        .promises(["G7", "G2"])
        .why("A limit has two sides: what is just allowed must work. And who breaks it must not take the others along.")
        .hints([
            "At which length does your server refuse, and how does it count?",
            "1024 bytes without the line end are a line; more are not, whether the end has come or not.",
            "if line.len() > MAX_LINE { return Step::TooLong; }",
        ])
        .story(|lab| {
            let server = lab.server()?;
            let mut alice = join(lab, &server, "alice", 1)?;
            for (number, line) in
                [(2, "x".repeat(1200)), (3, "x".repeat(1200) + "\n"), (4, "x".repeat(5000) + "\nand on\n")]
            {
                let mut bob = join(lab, &server, "bob", number)?;
                alice.expect_line(&format!("client-{number} joined"))?;
                says(&mut bob, &server, number, &"x".repeat(1024))?;
                alice.expect_line(&format!("client-{number}: {}", "x".repeat(1024)))?;
                bob.send(line)?;
                is_expelled(&server, &mut alice, bob, number)?;
            }
            says(&mut alice, &server, 1, &"我".repeat(341))?;
            lab.keep([alice]);
            Ok(())
        })
}

pub fn keeps_nothing_of_a_line_without_an_end() -> Stage {
    Stage::server("A line without an end costs no memory")
        .promises(["G7", "C10"])
        .why("Whoever collects until a newline comes collects until the memory is full: it may never come.")
        .hints([
            "What does your server do with a megabyte without a newline?",
            "It need not see a megabyte: after 1024 bytes it knows enough.",
            "Read into a buffer of fixed size; a line that fills it is too long.",
        ])
        .story(|lab| {
            let server = lab.server()?;
            let mut alice = join(lab, &server, "alice", 1)?;
            let mut number = 1;
            // How many rounds it takes to be sure is not always the same.
            lab.in_short("bob", "comes again and again, and sends lines without an end", |lab| {
                lab.memory_stays(&server, |lab| {
                    number += 1;
                    let mut bob = join(lab, &server, "bob", number)?;
                    alice.expect_line(&format!("client-{number} joined"))?;
                    let sent = bob.send_flood(32 << 20)?;
                    is_expelled(&server, &mut alice, bob, number)?;
                    Ok(sent as u64)
                })
            })?;
            lab.in_short("carol", "comes and is heard", |lab| {
                number += 1;
                let mut carol = join(lab, &server, "carol", number)?;
                alice.expect_line(&format!("client-{number} joined"))?;
                says(&mut carol, &server, number, "what was that?")?;
                alice.expect_line(&format!("client-{number}: what was that?"))?;
                lab.keep([alice, carol]);
                Ok(())
            })
        })
}

/// Expects that a client is closed out for its line; the others may hear the reason or not.
fn is_expelled(server: &Program, other: &mut TcpPeer, mut expelled: TcpPeer, number: usize) -> Outcome {
    server.prints(&format!("client-{number} left (line too long)"))?;
    let line = other.next_line(&format!("client-{number} left"))?;
    demand(line.starts_with(&format!("client-{number} left")), || {
        format!("`{}` was heard, where `client-{number} left` was due.", short(&line))
    })?;
    expelled.wait_for_close()
}

pub fn passes_on_nothing_that_harms() -> Stage {
    Stage::server("What is not text, or would drive a terminal, is passed on as U+FFFD")
        .promises(["G7", "C7"])
        .why(
            "ESC [ 2 J clears a screen, a carriage return writes over the name in front of a line, and bytes that are not UTF-8 \
             break programs that expect text. Whoever passes on what strangers say decides what strangers can do.",
        )
        .hints([
            "What do the others see when somebody sends the byte 0x1b, or 0xff?",
            "Decode with replacement characters, then replace every control character, too.",
            "String::from_utf8_lossy(bytes).replace(char::is_control, \"\\u{fffd}\")",
        ])
        .story(|lab| {
            let server = lab.server()?;
            let [mut alice, mut bob] = join_all(lab, &server, ["alice", "bob"])?;
            for (bytes, due) in LINES {
                let due = format!("client-2: {due}");
                bob.send([bytes, b"\n"].concat())?;
                let (heard, printed) = (alice.next_line(&due)?, server.next_line(&due)?);
                demand(with_single_replacements(&heard) == due, || format!("alice got {heard:?}, where {due:?} was due."))?;
                demand(with_single_replacements(&printed) == due, || {
                    format!("Your server printed {printed:?}, where {due:?} was due.")
                })?;
            }
            lab.keep([alice, bob]);
            Ok(())
        })
}

/// What somebody sends, and what the others hear of it.
const LINES: [(&[u8], &str); 11] = [
    (b"\x1b[2J bell \x07 nul \x00 delete \x7f.", "\u{fffd}[2J bell \u{fffd} nul \u{fffd} delete \u{fffd}."),
    (b"client\rserver: forged", "client\u{fffd}server: forged"),
    (b"bad \xff bytes", "bad \u{fffd} bytes"),
    (b"cut \xe6\x88", "cut \u{fffd}"),
    (b"\xc3(", "\u{fffd}("),
    ("我爱你 🙂 é".as_bytes(), "我爱你 🙂 é"),
    // U+009B is ESC [ in one character.
    ("\u{9b}2J next\u{85}line".as_bytes(), "\u{fffd}2J next\u{fffd}line"),
    (b"one\x0btwo\x0cthree\x1cfour", "one\u{fffd}two\u{fffd}three\u{fffd}four"),
    // Neither ends a line here, nor drives a terminal.
    ("\u{feff}five\u{2028}six".as_bytes(), "\u{feff}five\u{2028}six"),
    // Half of a pair of UTF-16, a slash in two bytes, and more than Unicode has: no UTF-8 (RFC 3629, section 3).
    (b"half \xed\xa0\x80.", "half \u{fffd}."),
    (b"long \xc0\xaf, high \xf4\x90\x80\x80.", "long \u{fffd}, high \u{fffd}."),
];
