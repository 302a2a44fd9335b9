//! Lines: where they end, how long they may be, and what may be in them.

use std::time::Duration;

use scenario::{Stage, demand};

use super::{client_of, server_closes, with_single_replacements};

pub fn prints_whole_lines() -> Stage {
    Stage::client("Lines are put together and told apart, however they come")
        .promises(["G8"])
        .why("One `read` may bring half a line or five of them. What is printed is lines.")
        .hints([
            "Is what one `read` brings a line?",
            "Can your client use what the server uses to find lines?",
            "lines.read_from(&mut stream)?; while let Step::Line(line) = lines.next_line() { say(readable(line))?; }",
        ])
        .story(|lab| {
            let (client, mut server) = client_of(lab, &[])?;
            server.send_byte_by_byte("client-2: 我爱你\n", Duration::from_millis(1))?;
            client.prints("client-2: 我爱你")?;
            let (half, rest) = "client-2: 我也爱你\n".as_bytes().split_at(14);
            server.send(half)?;
            server.is_read()?;
            server.send(rest)?;
            client.prints("client-2: 我也爱你")?;
            server.send("server: one\nserver: two\r\nserver: th")?;
            client.prints("server: one")?;
            client.prints("server: two")?;
            server.send("ree\n")?;
            client.prints("server: three")?;
            let long = format!("client-2: {}", "long ".repeat(12_000));
            server.send(format!("{long}\n"))?;
            client.prints(&long)?;
            server_closes(&client, &mut server)
        })
}

pub fn prints_nothing_that_harms() -> Stage {
    Stage::client("Control characters of the server do not reach the terminal")
        .promises(["C7", "G8"])
        .why("The server may be careless, or not the server at all. The last one who can protect a terminal is who prints to it.")
        .hints([
            "What does your client print for the byte 0x1b, or for 0xff?",
            "The same replacement as in the server, once more.",
            "say(readable(line))?",
        ])
        .story(|lab| {
            let (client, mut server) = client_of(lab, &[])?;
            for (bytes, due) in [
                (&b"\x1b[2J bell \x07 nul \x00 delete \x7f."[..], "\u{fffd}[2J bell \u{fffd} nul \u{fffd} delete \u{fffd}."),
                (b"a\rb", "a\u{fffd}b"),
                (b"bad \xff bytes \xe6\x88", "bad \u{fffd} bytes \u{fffd}"),
                ("\u{9b}2J \u{feff}next\u{85}line\u{2028}".as_bytes(), "\u{fffd}2J \u{feff}next\u{fffd}line\u{2028}"),
            ] {
                server.send([bytes, b"\n"].concat())?;
                let printed = client.next_line(due)?;
                demand(with_single_replacements(&printed) == due, || {
                    format!("Your client printed {printed:?}, where {due:?} was due.")
                })?;
            }
            server_closes(&client, &mut server)
        })
}

pub fn keeps_nothing_of_a_line_that_the_server_does_not_end() -> Stage {
    Stage::client("A line of the server without an end costs no memory")
        .promises(["C10"])
        .why("A server may be broken, too. No line of this chapter is longer than 64 KiB; whoever goes on collecting collects for ever.")
        .hints([
            "What does your client do with a megabyte without a newline?",
            "64 KiB are the most that a line may have; what is more is an error.",
            "Step::TooLong => bail!(\"a line of more than {MAX_SERVER_LINE} bytes came\")",
        ])
        .story(|lab| {
            let (client, mut server) = client_of(lab, &[])?;
            server.send("server: hello\n")?;
            client.prints("server: hello")?;
            lab.in_short("server", "sends a line without an end", |lab| {
                lab.memory_stays(&client, |_| {
                    let sent = server.send_flood(17 << 20)?;
                    Ok(server.read_of(sent))
                })
            })?;
            lab.lowers_the_curtain()
        })
}

pub fn forgets_what_it_printed() -> Stage {
    Stage::client("Whatever it prints, its memory stays as it was")
        .promises(["C10"])
        .why("Who listens for months hears much. What is kept of it adds up, and others decide how much.")
        .hints([
            "What grows in your client with every line?",
            "A line that was printed is forgotten; the buffer holds what has no end yet, and nothing else.",
            "self.buffer.copy_within(self.given..self.filled, 0); // the rest moves to the front",
        ])
        .story(|lab| {
            const MOST: usize = 100;
            let (client, mut server) = client_of(lab, &[])?;
            let line = format!("client-2: {}\n", "x".repeat(4000));
            lab.in_short("client-2", "talks on, and the client prints it all", |lab| {
                let mut lines = 1;
                lab.memory_stays_while(&client, || {
                    lines = MOST.min(2 * lines);
                    server.send(line.repeat(lines))?;
                    client.prints_lines(lines)?;
                    Ok(lines * line.len())
                })
            })?;
            lab.lowers_the_curtain()
        })
}
