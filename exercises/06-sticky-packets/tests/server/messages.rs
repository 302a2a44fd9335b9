//! What may be in a message, and how long it may be; whose it is.

use scenario::Stage;

use super::wire::{DEFAULT_LIMIT, frame, frames, header};
use super::{exchange, farewell, is_refused, is_returned, line};

pub fn takes_empty_messages() -> Stage {
    Stage::server("A message of no bytes is a message")
        .promises(["S3", "S1"])
        .why(
            "Of a stream, a read of 0 bytes is the end. A message of 0 bytes is not: its header says so, and has come.",
        )
        .hints([
            "What does your server take for the end: a read of 0 bytes, or a message of 0 bytes?",
            "The length 0 in a header is a length like any other.",
            "Some(length) => bytes.get(4..4 + length) // an empty slice is Some, too",
        ])
        .story(|lab| {
            let server = lab.server()?;
            let mut alice = lab.tcp("alice", &server)?;
            alice.send(frames(&["", "", "last"]))?;
            alice.expect(frames(&["", "", "last"]))?;
            for (number, message) in ["", "", "last"].iter().enumerate() {
                server.prints(&line(&alice, number + 1, message.as_bytes()))?;
            }
            exchange(&mut alice, &server, 4, b"")?;
            farewell(alice, &server, 4)
        })
}

pub fn takes_any_bytes() -> Stage {
    Stage::server("Any bytes may stand in a message with a length")
        .promises(["S3", "C7"])
        .why(
            "The length says where the message ends, so nothing inside it can: no newline, no zero, nothing that looks like a \
             header. That is what the four bytes buy.",
        )
        .hints([
            "Which bytes does your server look at beside the header?",
            "None: return the message as it is. For printing, `quoted` takes any bytes.",
            "Step::Message(message) => say(format_args!(\"message {count} from {peer}: {}\", quoted(message)))?",
        ])
        .story(|lab| {
            let server = lab.server()?;
            let mut alice = lab.tcp("alice", &server)?;
            let every_byte: Vec<u8> = (0..=255).collect();
            let long_text = "我 say no more than that, ".repeat(4000);
            let messages: [&[u8]; 11] = [
                b"two\nlines\r\n",
                b"\0\0\0\x05hello",
                b"\x1b[2J\x07 \0 \x7f \t \"quotes\" and \\ backslashes",
                // U+009B is ESC [ in one character.
                "\u{9b}2J next\u{85}line".as_bytes(),
                long_text.as_bytes(),
                b"  blanks  ",
                b"text, and then \xff",
                &every_byte,
                b"\xff\xff\xff\xff",
                b"exit",
                b"ends with nothing\0\0",
            ];
            for (number, message) in messages.iter().enumerate() {
                exchange(&mut alice, &server, number + 1, message)?;
            }
            farewell(alice, &server, messages.len())
        })
}

pub fn counts_for_each_connection() -> Stage {
    Stage::server("Each connection has its own messages, its own rest, and its own count")
        .promises(["S1", "S2"])
        .why(
            "A stream belongs to one connection. What is left of it, half a header perhaps, must wait for the next bytes of that \
             connection and of no other.",
        )
        .hints([
            "Where does your server keep the bytes of an incomplete message?",
            "Decoder and count belong to the connection: make them where its thread begins.",
            "let mut decoder = Decoder::new(…); let mut count = 0; // in the function that a connection's thread runs",
        ])
        .story(|lab| {
            let server = lab.server()?;
            let mut alice = lab.tcp("alice", &server)?;
            let mut bob = lab.tcp("bob", &server)?;
            exchange(&mut bob, &server, 1, b"I am here")?;
            alice.send(&frame("alice")[..3])?;
            alice.is_read()?;
            bob.send(&frame("bob")[..6])?;
            bob.is_read()?;
            alice.send(&frame("alice")[3..])?;
            is_returned(&mut alice, &server, 1, b"alice", &frame("alice"))?;
            bob.send(&frame("bob")[6..])?;
            is_returned(&mut bob, &server, 2, b"bob", &frame("bob"))?;
            exchange(&mut alice, &server, 2, b"again")?;
            farewell(bob, &server, 2)?;
            farewell(alice, &server, 2)
        })
}

pub fn takes_a_mebibyte() -> Stage {
    Stage::server("Without `--max-frame`, a message of 1,048,576 bytes is taken, and not one more")
        .promises(["S4", "S2"])
        .why(
            "A message of a mebibyte comes in dozens of reads, and its echo may need as many writes. `write` says how many bytes \
             it took, and they may be fewer than it was given.",
        )
        .hints([
            "Does your buffer grow with a message, and does your server write all of it?",
            "`write_all` calls `write` until everything is gone.",
            "stream.write_all(decoder.frames())?;",
        ])
        .story(|lab| {
            let server = lab.server()?;
            let mut alice = lab.tcp("alice", &server)?;
            let message: Vec<u8> = (0..DEFAULT_LIMIT).map(|at| 0x80 | (at % 127) as u8).collect();
            exchange(&mut alice, &server, 1, &message)?;
            exchange(&mut alice, &server, 2, b"and a short one")?;
            alice.send(header(DEFAULT_LIMIT as u32 + 1))?;
            is_refused(alice, &server, DEFAULT_LIMIT + 1, DEFAULT_LIMIT)
        })
}
