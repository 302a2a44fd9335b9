//! What it sends, and the echoes that come back.

use std::time::Duration;

use scenario::{Stage, quoted};

use super::wire::{SOME_LINES, frame, frames, prints_reads};
use super::{client_of, hear_all};

pub fn sends_all_then_hears_all() -> Stage {
    Stage::client("It sends every message, ends its stream, and hears the echoes")
        .promises(["S7", "C4", "C1"])
        .why(
            "To send and wait, send and wait, costs the time of a journey there and back for each message. Sent all at once they \
             cost it once. Three writes or one, the bytes on the wire are the same.",
        )
        .hints([
            "What does your client wait for between two messages?",
            "For nothing: send all, shut down the sending side, say so, and only then hear what comes back.",
            "stream.write_all(&frames)?; stream.shutdown(Shutdown::Write)?; say(format_args!(\"sent {} messages\", texts.len()))?;",
        ])
        .story(|lab| {
            let (client, mut server) = client_of(lab, &["hello", "world", "again"])?;
            hear_all(&mut server, &client, &frames(&["hello", "world", "again"]), 3)?;
            for message in ["hello", "world", "again"] {
                server.send(frame(message))?;
                client.prints(&format!("echo {message:?}"))?;
            }
            client.ends_well()
        })
}

pub fn hears_while_it_sends() -> Stage {
    Stage::client("It hears echoes while it still sends")
        .promises(["S7"])
        .why(
            "The server returns a message before it reads the next. If nobody reads what it returns, it cannot go on; if the client \
             reads only when all is sent, both wait for ever. With little data nobody notices: it fits into the buffers on the way.",
        )
        .hints([
            "What does your client do while `write` waits because the server does not read?",
            "It has to read what comes back, in another thread, or whenever something is there. \"sent\" is still said first.",
            "thread::spawn(move || read_all(reading, &announce)); // and the main thread writes",
        ])
        .story(|lab| {
            let sizes = [20_000, 20_000, 120_000, 120_000, 120_000];
            let texts: Vec<_> = sizes.iter().zip('a'..).map(|(size, letter)| letter.to_string().repeat(*size)).collect();
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            let stand = lab.tcp_server_with_little_room()?;
            let client = lab.client(stand.address(), &[&["--timeout", "60"], &texts[..]].concat())?;
            let mut server = stand.accept()?;
            for text in &texts[..2] {
                server.expect(frame(text))?;
                server.is_full()?;
                server.send(frame(text))?;
                server.is_read()?;
            }
            server.makes_room()?;
            server.expect(frames(&texts[2..]))?;
            server.expect_end()?;
            client.prints("sent 5 messages")?;
            server.send(frames(&texts[2..]))?;
            texts.iter().try_for_each(|text| client.prints(&format!("echo {text:?}")))?;
            client.ends_well()
        })
}

pub fn sends_lines() -> Stage {
    Stage::client("With `line`, a newline ends each message")
        .promises(["S7"])
        .why("Both sides must agree on the framing; nothing on the wire says which it is.")
        .hints([
            "What stands between two messages on the wire?",
            "One newline behind each, behind the last one, too; nothing else.",
            "frames.extend(message); frames.push(b'\\n');",
        ])
        .story(|lab| {
            let (client, mut server) = client_of(lab, &["--framing", "line", "hello", "", "two  blanks ", "我爱你"])?;
            hear_all(&mut server, &client, "hello\n\ntwo  blanks \n我爱你\n".as_bytes(), 4)?;
            server.send("hello\n\ntwo  blanks \n我爱你\n")?;
            for message in ["hello", "", "two  blanks ", "我爱你"] {
                client.prints(&format!("echo {message:?}"))?;
            }
            client.ends_well()
        })
}

pub fn without_framing_it_prints_what_it_reads() -> Stage {
    Stage::client("Without framing, it prints what each read brings")
        .promises(["S7", "S6", "C7"])
        .why(
            "Three messages were sent, and what comes back is bytes. Neither their number nor their borders are the sender's: \
             that is the trouble this chapter is about.",
        )
        .hints([
            "What does one call of `read` return?",
            "Print each read as it came, until the end of the stream.",
            "for count in 1.. { let length = stream.read(&mut buffer)?; if length == 0 { break; } say(…)?; }",
        ])
        .story(|lab| {
            let (client, mut server) = client_of(lab, &["--framing", "none", "hello", "world", "again"])?;
            hear_all(&mut server, &client, b"helloworldagain", 3)?;
            let mut count = 0;
            for part in ["hellow", "orld", "ag", "ain", SOME_LINES] {
                server.send(part)?;
                prints_reads(&client, "", &mut count, part)?;
            }
            server.send(b"\xff")?;
            client.prints(&format!("read {}: {}", count + 1, quoted(b"\xff")))?;
            server.ends_sending()?;
            client.ends_well()?;
            let (client, mut server) = client_of(lab, &["--framing", "none", "lost"])?;
            hear_all(&mut server, &client, b"lost", 1)?;
            server.ends_sending()?;
            client.ends_well()
        })
}

pub fn with_no_text_it_sends_nothing() -> Stage {
    Stage::client("With no TEXT it sends nothing, and all of it comes back")
        .promises(["S7"])
        .why("None is a number, too. A program that treats it like the others needs no special case.")
        .hints([
            "What does your client do when the list of messages is empty?",
            "The same as ever: connect, end the stream, say how many were sent. No echo is missing then.",
            "sent 0 messages",
        ])
        .story(|lab| {
            for framing in ["length", "line", "none"] {
                let (client, mut server) = client_of(lab, &["--framing", framing])?;
                hear_all(&mut server, &client, b"", 0)?;
                if framing == "none" {
                    server.ends_sending()?;
                }
                client.ends_well()?;
            }
            Ok(())
        })
}

pub fn sends_any_text() -> Stage {
    Stage::client("Any text is sent as it is, and its echo is printed so that it harms nobody")
        .promises(["S7", "S3", "C7", "S8"])
        .why("What comes from a network may be anything. What is printed as a literal cannot drive the terminal.")
        .hints([
            "What becomes of an empty TEXT, or of one with a newline in it?",
            "With a length in front, each is a message like any other; `quoted` prints it.",
            "say(format_args!(\"echo {}\", quoted(message)))",
        ])
        .story(|lab| {
            let harmful = "\u{1b}[2J \u{7f} \u{9b}2J \"quotes\" \\";
            let texts = ["", "two\nlines\r\n", harmful, "我爱你", "  blanks  ", ""];
            let (client, mut server) = client_of(lab, &texts)?;
            hear_all(&mut server, &client, &frames(&texts), texts.len())?;
            server.send(frames(&texts))?;
            texts.iter().try_for_each(|text| client.prints(&format!("echo {}", quoted(text.as_bytes()))))?;
            client.ends_well()
        })
}

pub fn puts_the_echoes_together() -> Stage {
    Stage::client("Echoes are told apart and put together, however they come")
        .promises(["S7", "C4"])
        .why("The way back is a stream like the way there: what holds for the server's reader holds for the client's.")
        .hints([
            "Can your client use what the server uses to read?",
            "The same decoder: bytes in, messages out.",
            "match decoder.next_message() { Step::Message(message) => …, Step::NotYet => /* read on */, … }",
        ])
        .story(|lab| {
            let texts = ["hello", "", "我爱你"];
            let (client, mut server) = client_of(lab, &texts)?;
            hear_all(&mut server, &client, &frames(&texts), 3)?;
            server.send_byte_by_byte(frames(&texts), Duration::from_millis(1))?;
            texts.iter().try_for_each(|text| client.prints(&format!("echo {text:?}")))?;
            client.ends_well()?;
            let (client, mut server) = client_of(lab, &texts)?;
            hear_all(&mut server, &client, &frames(&texts), 3)?;
            let all = frames(&texts);
            // The first is complete, the last not yet: the first must be printed before the rest comes.
            server.send(&all[..all.len() - 1])?;
            client.prints(r#"echo "hello""#)?;
            client.prints(r#"echo """#)?;
            server.send(&all[all.len() - 1..])?;
            client.prints(r#"echo "我爱你""#)?;
            client.ends_well()
        })
}
