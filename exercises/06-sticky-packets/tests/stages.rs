//! What is checked of chapter 6, sticky packets: one story a stage. The lab plays clients for the server, and a server
//! for the client, and cuts and gathers what they send.

use std::net::TcpListener;
use std::time::Duration;

use scenario::{
    Breaking, Chapter, Example, Lab, Meaning, Outcome, Profile, Program, Role, Rule, Stage, TcpPeer, TcpStand,
    Transport, WithClient, demand, quoted, stages,
};

scenario::main!("sticky-packets", chapter);

/// The chapter, for the checker.
pub fn chapter() -> Chapter {
    let profile = Profile {
        default_port: 7070,
        server_options: &["--bind", "--framing", "--max-frame"],
        client_options: &["--connect", "--timeout", "--framing", "--max-frame"],
        example: Example { arguments: &["hello", "world", "again"], input: "" },
        with_server: one_message_for_the_server,
        with_client: WithClient::Tcp(no_message_from_the_client),
    };
    let stages = stages![
        shows_the_trouble,
        returns_each_message,
        tells_lines_apart,
        tells_a_thousand_apart,
        puts_together_what_comes_byte_by_byte,
        answers_what_is_complete,
        takes_empty_messages,
        takes_any_bytes,
        counts_for_each_connection,
        refuses_a_frame_over_the_limit,
        takes_the_limit_that_it_is_given,
        refuses_a_line_that_does_not_end,
        takes_a_mebibyte,
        takes_no_memory_for_what_it_refuses,
        tells_an_end_inside_a_frame,
        serves_others_beside_those_that_wait,
        survives_resets,
        waits_when_it_has_no_descriptor_left,
        forgets_what_it_returned,
        refuses_a_framing_that_is_none_of_the_three,
        sends_all_then_hears_all,
        hears_while_it_sends,
        sends_lines,
        without_framing_it_prints_what_it_reads,
        with_no_text_it_sends_nothing,
        sends_any_text,
        puts_the_echoes_together,
        another_echo_is_an_error,
        a_missing_echo_is_an_error,
        an_end_inside_an_echo_is_an_error,
        a_broken_connection_is_an_error,
        an_echo_over_the_limit_is_an_error,
        finds_what_it_cannot_send_before_it_sends,
        does_not_wait_for_ever,
        waits_for_each_byte_anew,
        refuses_a_framing_that_there_is_not,
        the_pair_understands_each_other,
    ];
    Chapter::new("sticky-packets", include_str!("../README.md"), profile, stages)
}

fn one_message_for_the_server(lab: &mut Lab, server: &Program) -> Outcome {
    let mut alice = lab.tcp("alice", server)?;
    exchange(&mut alice, server, 1, b"hello")?;
    farewell(alice, server, 1)
}

fn no_message_from_the_client(_: &mut Lab, stand: TcpStand, client: &Program) -> Outcome {
    let mut server = stand.accept()?;
    server.expect_end()?;
    client.prints("sent 0 messages")?;
    client.ends_well()
}

const LINE: &[&str] = &["--framing", "line"];
const NONE: &[&str] = &["--framing", "none"];

/// The limit without `--max-frame`.
const DEFAULT_LIMIT: usize = 1 << 20;

/// A message behind its length.
fn frame(message: impl AsRef<[u8]>) -> Vec<u8> {
    let message = message.as_ref();
    [&header(message.len() as u32)[..], message].concat()
}

fn header(length: u32) -> [u8; 4] {
    length.to_be_bytes()
}

fn frames(messages: &[&str]) -> Vec<u8> {
    messages.iter().flat_map(frame).collect()
}

/// Sends a message in a frame of its own, and expects its echo and its line.
fn exchange(peer: &mut TcpPeer, server: &Program, number: usize, message: &[u8]) -> Outcome {
    peer.send(frame(message))?;
    is_returned(peer, server, number, message, &frame(message))
}

/// Expects the echo of a message, as it stands on the wire, and its line.
fn is_returned(peer: &mut TcpPeer, server: &Program, number: usize, message: &[u8], framed: &[u8]) -> Outcome {
    peer.expect(framed)?;
    server.prints_among_others(&line(peer, number, message))
}

fn line(peer: &TcpPeer, number: usize, message: &[u8]) -> String {
    format!("message {number} from {}: {}", peer.address(), quoted(message))
}

/// Ends the stream, and expects the server's line, its end of the stream, and nothing else.
fn farewell(mut peer: TcpPeer, server: &Program, count: usize) -> Outcome {
    peer.ends_sending()?;
    server.prints_among_others(&format!("{} closed after {count} messages", peer.address()))?;
    peer.expect_end()
}

/// Reads the lines `read 1…: "…"` until their texts make up `due`. How many reads that takes is for TCP to decide, and
/// for the size of the program's buffer.
fn prints_reads(program: &Program, from: &str, count: &mut usize, due: &str) -> Outcome {
    let mut rest = due;
    while !rest.is_empty() {
        *count += 1;
        let begin = format!("read {count}{from}: ");
        let line = program.next_line(&format!("{begin}{rest:?}"))?;
        let text = line.strip_prefix(&begin).unwrap_or_default();
        let length = (1..=rest.len()).find(|length| text == quoted(&rest.as_bytes()[..*length]));
        let Some(length) = length else {
            return demand(false, || {
                format!("It printed `{line}`, where `{begin}{rest:?}` was due, or a first part of it.")
            });
        };
        rest = &rest[length..];
    }
    Ok(())
}

// The server.

fn shows_the_trouble() -> Stage {
    Stage::server("Without framing, what was sent together and what was sent apart cannot be told")
        .promises(["S6"])
        .why(
            "TCP has no messages. Two writes may arrive in one read, one write in two; both happen every day, and hardly ever on \
             the machine on which a program is tried.",
        )
        .hints([
            "What does one call of `read` return: a message, or what is there just now?",
            "With `none`, print each read as it is and send it back at once, before you read again.",
            "say(format_args!(\"read {count} from {peer}: {}\", quoted(&buffer[..length])))?; stream.write_all(&buffer[..length])?;",
        ])
        .story(|lab| {
            let server = lab.server_with(NONE)?;
            let mut alice = lab.tcp("alice", &server)?;
            let from = format!(" from {}", alice.address());
            let mut count = 0;
            alice.send("helloworld")?;
            prints_reads(&server, &from, &mut count, "helloworld")?;
            alice.expect("helloworld")?;
            for part in ["ag", "ain", "\u{1b}[2J \"quotes\"\n"] {
                alice.send(part)?;
                prints_reads(&server, &from, &mut count, part)?;
                alice.expect(part)?;
            }
            alice.send(b"\xff")?;
            count += 1;
            server.prints(&format!("read {count}{from}: {}", quoted(b"\xff")))?;
            alice.expect(b"\xff")?;
            farewell(alice, &server, count)
        })
}

fn returns_each_message() -> Stage {
    Stage::server("Three messages in one segment are three messages")
        .promises(["S1", "S2", "C1"])
        .why(
            "The length stands in front of the message, so the reader knows where it ends before it has come. Four bytes, the \
             highest first: the order of bytes on every network.",
        )
        .hints([
            "How many messages may one read bring?",
            "Take messages out of the buffer until there is no complete one left; only then read again.",
            "loop { match decoder.next_message() { Step::Message(message) => …, Step::NotYet => break, … } }",
        ])
        .story(|lab| {
            let server = lab.server()?;
            let mut alice = lab.tcp("alice", &server)?;
            alice.send(frames(&["hello", "world", "我爱你"]))?;
            alice.expect(frames(&["hello", "world", "我爱你"]))?;
            for (number, message) in ["hello", "world", "我爱你"].iter().enumerate() {
                server.prints(&line(&alice, number + 1, message.as_bytes()))?;
            }
            farewell(alice, &server, 3)?;
            let bob = lab.tcp("bob", &server)?;
            farewell(bob, &server, 0)
        })
}

fn tells_lines_apart() -> Stage {
    Stage::server("With `line`, a newline ends a message, and nothing else does")
        .promises(["S1", "S2", "S3"])
        .why(
            "A newline is the oldest of all marks between messages. It can be typed, and read by eye; but the message must not \
             contain it, and the reader has to look at every byte to find it.",
        )
        .hints([
            "Where does a line end, and what belongs to it?",
            "Up to the `\\n`, without it. A blank, a tab or a `\\r` is part of the line; so is nothing at all.",
            "let newline = bytes.iter().position(|byte| *byte == b'\\n'); the message is bytes[..newline]",
        ])
        .story(|lab| {
            let server = lab.server_with(LINE)?;
            let mut alice = lab.tcp("alice", &server)?;
            alice.send("hello\nworld\n\nagain\n")?;
            alice.expect("hello\nworld\n\nagain\n")?;
            for (number, message) in ["hello", "world", "", "again"].iter().enumerate() {
                server.prints(&line(&alice, number + 1, message.as_bytes()))?;
            }
            for (number, message) in ["  two  blanks \t", "ends with a return\r", "\0\u{1b}[1m", "我"].iter().enumerate() {
                alice.send(format!("{message}\n"))?;
                is_returned(&mut alice, &server, number + 5, message.as_bytes(), format!("{message}\n").as_bytes())?;
            }
            alice.send(b"\xff\xfe\n")?;
            is_returned(&mut alice, &server, 9, b"\xff\xfe", b"\xff\xfe\n")?;
            farewell(alice, &server, 9)
        })
}

fn tells_a_thousand_apart() -> Stage {
    Stage::server("A thousand messages in one segment are a thousand messages")
        .promises(["S2", "S1"])
        .why(
            "A fast sender, or a reader that was busy elsewhere for a moment, and whole crowds of messages arrive in one read. The \
             last of them is rarely complete.",
        )
        .hints([
            "What does your server do with the bytes behind the first message?",
            "They are the next messages. Keep what is left when none is complete any more, and add the next read to it.",
            "Move the unfinished rest to the front of the buffer, and read behind it.",
        ])
        .story(|lab| {
            for (options, mark) in [(&[][..], None), (LINE, Some(b'\n'))] {
                let server = lab.server_with(options)?;
                let mut alice = lab.tcp("alice", &server)?;
                let messages: Vec<_> = (0..1000).map(|number| format!("{number}")).collect();
                let framed = |message: &String| match mark {
                    None => frame(message),
                    Some(mark) => [message.as_bytes(), &[mark]].concat(),
                };
                let all: Vec<u8> = messages.iter().flat_map(framed).collect();
                lab.in_short("alice", "sends a thousand messages at once, and each comes back", |_| {
                    alice.send(&all)?;
                    alice.expect(&all)?;
                    let mut numbered = messages.iter().enumerate();
                    numbered.try_for_each(|(number, text)| server.prints(&line(&alice, number + 1, text.as_bytes())))
                })?;
                farewell(alice, &server, 1000)?;
            }
            Ok(())
        })
}

fn puts_together_what_comes_byte_by_byte() -> Stage {
    Stage::server("Messages that come byte by byte are put together")
        .promises(["S2"])
        .why(
            "However a message was written, it may be read in any pieces: cut inside the header, inside a character, after its \
             last byte but one.",
        )
        .hints([
            "What does your server do when a read brings two of the four bytes of a header?",
            "\"Not yet\" is no error: keep what there is, and read on.",
            "let Some(header) = bytes.first_chunk::<4>() else { return Step::NotYet };",
        ])
        .story(|lab| {
            const PAUSE: Duration = Duration::from_millis(1);
            let server = lab.server()?;
            let mut alice = lab.tcp("alice", &server)?;
            alice.send_byte_by_byte(frames(&["hello", "", "我爱你"]), PAUSE)?;
            for (number, message) in ["hello", "", "我爱你"].iter().enumerate() {
                is_returned(&mut alice, &server, number + 1, message.as_bytes(), &frame(message))?;
            }
            farewell(alice, &server, 3)?;
            let server = lab.server_with(LINE)?;
            let mut bob = lab.tcp("bob", &server)?;
            bob.send_byte_by_byte("hello\n\n我爱你\n", PAUSE)?;
            for (number, message) in ["hello", "", "我爱你"].iter().enumerate() {
                is_returned(&mut bob, &server, number + 1, message.as_bytes(), format!("{message}\n").as_bytes())?;
            }
            farewell(bob, &server, 3)
        })
}

fn answers_what_is_complete() -> Stage {
    Stage::server("A complete message is returned at once, whatever part of the next is there")
        .promises(["S1", "S2"])
        .why(
            "Who sent a message may be waiting for its echo before sending the rest of the next. A server that waits for more \
             before it answers, and a client that waits for the answer, wait for each other for ever.",
        )
        .hints([
            "Does your server read again while a complete message is in its buffer?",
            "First return everything that is complete, then read; and wait for no more than is missing.",
            "Inside the loop: read once, take out all messages, write them; never `read_exact` across two messages.",
        ])
        .story(|lab| {
            let server = lab.server()?;
            let mut alice = lab.tcp("alice", &server)?;
            let next = frame("world");
            let mut number = 0;
            for cut in 1..next.len() {
                alice.send([&frame("hello")[..], &next[..cut]].concat())?;
                is_returned(&mut alice, &server, number + 1, b"hello", &frame("hello"))?;
                alice.send(&next[cut..])?;
                is_returned(&mut alice, &server, number + 2, b"world", &next)?;
                number += 2;
            }
            farewell(alice, &server, number)
        })
}

fn takes_empty_messages() -> Stage {
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

fn takes_any_bytes() -> Stage {
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
            let messages: [&[u8]; 9] = [
                b"two\nlines\r\n",
                b"\0\0\0\x05hello",
                b"\x1b[2J\x07 \0 \x7f \t \"quotes\" and \\ backslashes",
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

fn counts_for_each_connection() -> Stage {
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

/// Expects the refusal of a frame, the end of the connection, and no line after that.
fn is_refused(mut peer: TcpPeer, server: &Program, length: usize, most: usize) -> Outcome {
    server
        .prints_among_others(&format!("refused a frame of {length} bytes from {}: at most {most}", peer.address()))?;
    peer.wait_for_close()?;
    peer.closes();
    Ok(())
}

fn refuses_a_frame_over_the_limit() -> Stage {
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

fn takes_the_limit_that_it_is_given() -> Stage {
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

fn refuses_a_line_that_does_not_end() -> Stage {
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

fn takes_a_mebibyte() -> Stage {
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

fn takes_no_memory_for_what_it_refuses() -> Stage {
    Stage::server("What is announced, or refused, costs no memory")
        .promises(["S4", "C10"])
        .why(
            "Twenty-four connections that announce a mebibyte each have cost their sender a hundred bytes. If the server makes \
             room for what was announced, it pays twenty-four mebibytes; with connections enough, all it has.",
        )
        .hints([
            "How much memory does your server take when a header has come, and nothing else?",
            "Let the buffer grow with what has come, not with what was announced; and drop what follows a refused header.",
            "Double the buffer when it is full; never `vec![0; length]` with a length from the network.",
        ])
        .story(|lab| {
            const MANY: usize = 24;
            let server = lab.server()?;
            let mut alice = lab.tcp("alice", &server)?;
            exchange(&mut alice, &server, 1, b"hello")?;
            let before = server.memory();
            let mut crowd = Vec::new();
            lab.in_short("two dozen others", "announce a mebibyte each, and send ten bytes of it", |lab| {
                for _ in 0..MANY {
                    let mut other = lab.tcp("other", &server)?;
                    other.send([&header(DEFAULT_LIMIT as u32)[..], b"ten bytes."].concat())?;
                    crowd.push(other);
                }
                crowd.iter().try_for_each(TcpPeer::is_read)
            })?;
            if let (Some(before), Some(now)) = (before, server.memory()) {
                let grown = now.saturating_sub(before);
                demand(grown < (MANY << 20) as u64 / 2, || {
                    format!("Your server grew by {} MB for {MANY} messages of which ten bytes have come.", grown / 1_000_000)
                })?;
            }
            lab.in_short("mallory", "announces 4 GiB, and begins to send them", |lab| {
                lab.memory_stays(&server, |lab| {
                    let mut mallory = lab.tcp("mallory", &server)?;
                    mallory.send(header(u32::MAX))?;
                    let from = mallory.address();
                    server.prints(&format!("refused a frame of {} bytes from {from}: at most {DEFAULT_LIMIT}", u32::MAX))?;
                    let sent = mallory.send_flood(8 << 20)?;
                    Ok(mallory.read_of(sent))
                })
            })?;
            exchange(&mut alice, &server, 2, b"still there?")?;
            lab.lowers_the_curtain()
        })
}

fn tells_an_end_inside_a_frame() -> Stage {
    Stage::server("A stream that ends inside a frame is told from one that ends between two")
        .promises(["S5", "S1"])
        .why(
            "A program that crashes while it sends ends its stream, too. Only the framing shows that something is missing; half a \
             message must not be taken for a whole one, and the whole ones before it count.",
        )
        .hints([
            "What is in the buffer when `read` returns 0?",
            "Nothing: a good end. Less than a header: so many of 4 bytes. Else: so many of as many as the header says.",
            "match decoder.end() { End::Between => …, end => say(format_args!(\"{peer} closed inside a frame: {end}\"))? }",
        ])
        .story(|lab| {
            let server = lab.server()?;
            let broken_off: [(&[u8], &str); 4] = [
                (&[0, 0], "2 of 4 bytes"),
                (b"\0\0\0\x05hel", "3 of 5 bytes"),
                (b"\0\0\0\x05", "0 of 5 bytes"),
                (b"\0\x01\0\0x", "1 of 65536 bytes"),
            ];
            for (bytes, words) in broken_off {
                let mut alice = lab.tcp("alice", &server)?;
                alice.send([&frame("whole")[..], bytes].concat())?;
                ends_inside(alice, &server, &frame("whole"), words)?;
            }
            let server = lab.server_with(LINE)?;
            for (part, words) in [("hel", "3 bytes without a newline"), ("w", "1 bytes without a newline")] {
                let mut bob = lab.tcp("bob", &server)?;
                bob.send(format!("whole\n{part}"))?;
                ends_inside(bob, &server, b"whole\n", words)?;
            }
            Ok(())
        })
}

fn ends_inside(mut peer: TcpPeer, server: &Program, framed: &[u8], words: &str) -> Outcome {
    peer.ends_sending()?;
    is_returned(&mut peer, server, 1, b"whole", framed)?;
    server.prints(&format!("{} closed inside a frame: {words}", peer.address()))?;
    peer.expect_end()
}

fn serves_others_beside_those_that_wait() -> Stage {
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
            let guest = |lab: &mut Lab, name| {
                let mut guest = lab.tcp(name, &server)?;
                exchange(&mut guest, &server, 1, b"hello")?;
                farewell(guest, &server, 1)
            };
            // A message again and again: soon the server waits for room to return the first ones.
            let long = frame(vec![0xff; 64 << 10]);
            let summary = "sends 64 KiB again and again, and reads nothing; three hundred others come, hear an echo, and go";
            lab.in_short("deaf", summary, |lab| {
                std::thread::scope(|scope| {
                    let pouring = scope.spawn(|| deaf.pour(&long, 16 << 20));
                    (0..300).try_for_each(|_| guest(lab, "other"))?;
                    pouring.join().expect("who pours does not panic").map(drop)
                })
            })?;
            if let (Some(before), Some(now)) = (before, server.memory()) {
                let grown = now.saturating_sub(before) / 1_000_000;
                demand(grown < 10, || format!("Your server grew by {grown} MB for echoes that nobody reads."))
                    .breaking(&["C10"])?;
            }
            guest(lab, "alice")?;
            lab.lowers_the_curtain()
        })
}

fn survives_resets() -> Stage {
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

fn waits_when_it_has_no_descriptor_left() -> Stage {
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

fn forgets_what_it_returned() -> Stage {
    Stage::server("Whatever passes through it, its memory stays as it was")
        .promises(["C10"])
        .why("A connection may last for months. Whatever the server keeps of each message adds up, and a peer decides how much.")
        .hints([
            "What grows in your server with every message?",
            "One buffer per connection, used again and again; what was returned is forgotten.",
            "self.buffer.copy_within(self.given..self.filled, 0); // the rest moves to the front",
        ])
        .story(|lab| {
            const SIZE: usize = 512 << 10;
            const COUNT: usize = 48;
            let server = lab.server()?;
            let mut alice = lab.tcp("alice", &server)?;
            let message = frame(vec![0xff; SIZE]);
            alice.send(&message)?;
            alice.expect(&message)?;
            lab.memory_stays(&server, |lab| {
                lab.in_short("alice", "does the same 48 times more", |_| {
                    (0..COUNT).try_for_each(|_| {
                        alice.send(&message)?;
                        alice.expect(&message)
                    })
                })?;
                Ok((SIZE * COUNT) as u64)
            })?;
            lab.lowers_the_curtain()
        })
}

fn refuses_a_framing_that_is_none_of_the_three() -> Stage {
    unknown_framing(Stage::server("A framing that is none of the three ends with status 2"), Role::Server)
}

fn unknown_framing(stage: Stage, role: Role) -> Stage {
    stage
        .promises(["C5"])
        .why("Who misspells an option should hear of it at once, and not by strange bytes on the wire.")
        .hints([
            "What does your program do with `--framing words`, or with `--max-frame many`?",
            "An enum with clap's `ValueEnum` takes its own names and no others; a `u32` takes numbers.",
            "#[arg(long, value_enum, default_value = \"length\")] framing: Framing",
        ])
        .story(move |lab| {
            for wrong in [["--framing", "words"], ["--max-frame", "many"], ["--max-frame", "-1"]] {
                lab.bare(role, &wrong)?.refuses_usage()?;
            }
            Ok(())
        })
}

// The client.

/// A client that was started, and the lab's end of its connection.
fn client_of(lab: &mut Lab, arguments: &[&str]) -> Outcome<(Program, TcpPeer)> {
    let stand = lab.tcp_server()?;
    let client = lab.client(stand.address(), arguments)?;
    let server = stand.accept()?;
    Ok((client, server))
}

/// Reads what the client sends, up to the end of its stream, and its line about it.
fn hear_all(server: &mut TcpPeer, client: &Program, due: &[u8], count: usize) -> Outcome {
    server.expect(due)?;
    server.expect_end()?;
    client.prints(&format!("sent {count} messages"))
}

/// The client must end with an error; how many of the echoes that came it printed before is open.
fn fails_after_some_echoes(client: &Program, came: &[&str]) -> Outcome {
    let finished = client.ends()?;
    let status = finished.code.map_or("a signal".to_owned(), |code| format!("status {code}"));
    demand(finished.code == Some(1), || {
        format!("Your client ended with {status}, where 1 was due: not all came back.")
    })?;
    let last = finished.stderr.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default();
    demand(last.starts_with("error: "), || {
        "Your client ended without a last line on stderr that begins with `error: `.".to_owned()
    })?;
    let echoes = came.iter().map(|text| format!("echo {}", quoted(text.as_bytes())));
    let other =
        finished.stdout.lines().filter(|line| line.starts_with("echo")).zip(echoes).find(|(line, echo)| line != echo);
    demand(other.is_none(), || {
        let (line, echo) = other.unwrap_or_default();
        format!("Your client printed `{line}`, where `{echo}` had come.")
    })
}

fn sends_all_then_hears_all() -> Stage {
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

fn hears_while_it_sends() -> Stage {
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
            let texts = ["a".repeat(20_000), "b".repeat(120_000), "c".repeat(120_000), "d".repeat(120_000)];
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            let stand = lab.tcp_server_with_little_room()?;
            let client = lab.client(stand.address(), &[&["--timeout", "60"], &texts[..]].concat())?;
            let mut server = stand.accept()?;
            server.expect(frame(texts[0]))?;
            server.is_full()?;
            server.send(frame(texts[0]))?;
            server.is_read()?;
            server.expect(frames(&texts[1..]))?;
            server.expect_end()?;
            client.prints("sent 4 messages")?;
            server.send(frames(&texts[1..]))?;
            texts.iter().try_for_each(|text| client.prints(&format!("echo {text:?}")))?;
            client.ends_well()
        })
}

fn sends_lines() -> Stage {
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

fn without_framing_it_prints_what_it_reads() -> Stage {
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
            for part in ["hellow", "orld", "ag", "ain"] {
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

fn with_no_text_it_sends_nothing() -> Stage {
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

fn sends_any_text() -> Stage {
    Stage::client("Any text is sent as it is, and its echo is printed so that it harms nobody")
        .promises(["S7", "S3", "C7", "S8"])
        .why("What comes from a network may be anything. What is printed as a literal cannot drive the terminal.")
        .hints([
            "What becomes of an empty TEXT, or of one with a newline in it?",
            "With a length in front, each is a message like any other; `quoted` prints it.",
            "say(format_args!(\"echo {}\", quoted(message)))",
        ])
        .story(|lab| {
            let texts = ["", "two\nlines\r\n", "\u{1b}[2J \u{7f} \"quotes\" \\", "我爱你", "  blanks  ", ""];
            let (client, mut server) = client_of(lab, &texts)?;
            hear_all(&mut server, &client, &frames(&texts), texts.len())?;
            server.send(frames(&texts))?;
            texts.iter().try_for_each(|text| client.prints(&format!("echo {}", quoted(text.as_bytes()))))?;
            client.ends_well()
        })
}

fn puts_the_echoes_together() -> Stage {
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

fn another_echo_is_an_error() -> Stage {
    Stage::client("An echo that is not the message is an error")
        .promises(["S7", "C5"])
        .why("A client that does not compare cannot tell an echo from noise. Order counts: TCP keeps it, so the server must.")
        .hints([
            "What does your client compare each echo with?",
            "With the message of the same number, byte for byte.",
            "ensure!(message == text.as_bytes(), \"it returned {} for {text:?}\", quoted(message));",
        ])
        .story(|lab| {
            let wrong = [["hello", "worlds"], ["world", "hello"], ["hello", ""], ["HELLO", "world"], ["hellow", "orld"]];
            for came in wrong {
                let (client, mut server) = client_of(lab, &["hello", "world"])?;
                hear_all(&mut server, &client, &frames(&["hello", "world"]), 2)?;
                server.send_unwelcome(frames(&came));
                fails_after_some_echoes(&client, &came)?;
            }
            for came in [["hello", "worlds"], ["world", "hello"], ["hello", ""], ["hello", "world\r"], ["hellow", "orld"]] {
                let (client, mut server) = client_of(lab, &["--framing", "line", "hello", "world"])?;
                hear_all(&mut server, &client, b"hello\nworld\n", 2)?;
                server.send_unwelcome(format!("{}\n{}\n", came[0], came[1]));
                fails_after_some_echoes(&client, &came)?;
            }
            Ok(())
        })
}

fn a_missing_echo_is_an_error() -> Stage {
    Stage::client("An echo that does not come back is an error")
        .promises(["S7", "C5"])
        .why("The end of the stream says that no more will come, not that all has come.")
        .hints([
            "What does your client do when the stream ends after two of three echoes?",
            "Count: fewer than were sent is an error.",
            "ensure!(count == texts.len(), …) at the end of the stream",
        ])
        .story(|lab| {
            for returned in [&["hello", "world"][..], &["hello"], &[]] {
                let (client, mut server) = client_of(lab, &["hello", "world", "again"])?;
                hear_all(&mut server, &client, &frames(&["hello", "world", "again"]), 3)?;
                server.send_unwelcome(frames(returned));
                returned.iter().try_for_each(|text| client.prints(&format!("echo {text:?}")))?;
                client.fails(&[])?;
            }
            let (client, mut server) = client_of(lab, &["--framing", "line", "hello", "world"])?;
            hear_all(&mut server, &client, b"hello\nworld\n", 2)?;
            server.send_unwelcome("hello\n");
            client.prints(r#"echo "hello""#)?;
            client.fails(&[])
        })
}

fn an_end_inside_an_echo_is_an_error() -> Stage {
    Stage::client("An end inside of an echo is an error")
        .promises(["S7", "C5"])
        .why(
            "Half an echo is none. A client that takes what it has got for the whole hides that the server broke down.",
        )
        .hints([
            "What is in the buffer when the stream ends?",
            "Less than a whole frame: then the message is missing, however much of it has come.",
            "match decoder.next_message() { Step::NotYet if at_end => bail!(…), … }",
        ])
        .story(|lab| {
            for part in [2, 4, 8] {
                let (client, mut server) = client_of(lab, &["hello"])?;
                hear_all(&mut server, &client, &frame("hello"), 1)?;
                server.send_unwelcome(&frame("hello")[..part]);
                client.fails(&[])?;
            }
            let (client, mut server) = client_of(lab, &["--framing", "line", "hello"])?;
            hear_all(&mut server, &client, b"hello\n", 1)?;
            server.send_unwelcome("hello");
            client.fails(&[])
        })
}

fn a_broken_connection_is_an_error() -> Stage {
    Stage::client("A connection that breaks is an error, whatever had come before")
        .promises(["S7", "C5"])
        .why("FIN says \"that was all\"; RST says \"something went wrong\". The client must say so, too.")
        .hints([
            "What does `read` return after a reset, and what do you do with it?",
            "An error, not 0. Pass it on with `?`.",
            "let length = stream.read(&mut buffer)?;",
        ])
        .story(|lab| {
            let (client, mut server) = client_of(lab, &["hello", "world"])?;
            hear_all(&mut server, &client, &frames(&["hello", "world"]), 2)?;
            server.send(frame("hello"))?;
            client.prints(r#"echo "hello""#)?;
            server.resets()?;
            client.fails(&[])
        })
}

fn an_echo_over_the_limit_is_an_error() -> Stage {
    Stage::client("An echo over the limit is an error, and costs no memory")
        .promises(["S4", "C10", "C5"])
        .why("A server may be broken, or not the server at all. Its length is as little to be trusted as a client's.")
        .hints([
            "Does your client compare the length with its limit, too?",
            "The same decoder, the same limit, the same three answers.",
            "Step::TooLong(length) => bail!(\"a frame of {length} bytes came: at most {}\", args.max_frame)",
        ])
        .story(|lab| {
            let (client, mut server) = client_of(lab, &["--timeout", "60", "hello"])?;
            hear_all(&mut server, &client, &frame("hello"), 1)?;
            server.send(header(u32::MAX))?;
            client.fails(&[])?;
            let (client, mut server) = client_of(lab, &["--framing", "line", "--timeout", "60", "hello"])?;
            hear_all(&mut server, &client, b"hello\n", 1)?;
            const FLOOD: usize = 48 << 20;
            let taken = server.send_flood(FLOOD)?;
            demand(taken < FLOOD, || {
                format!("Your client went on reading a line without an end: {} MB.", taken >> 20)
            })?;
            client.fails(&[])
        })
}

fn finds_what_it_cannot_send_before_it_sends() -> Stage {
    Stage::client("What the framing cannot carry is found before anything is sent")
        .promises(["S8", "C5"])
        .why(
            "A newline inside a line would make two messages of one: the receiver could not know. What cannot be undone must be \
             checked before it is begun.",
        )
        .hints([
            "When does your client notice that its third message cannot be sent?",
            "Encode all messages before the first byte goes out.",
            "let frames = encode_all(args)?; // and then connect",
        ])
        .story(|lab| {
            let wrong: [&[&str]; 6] = [
                &["--framing", "line", "fine", "two\nlines"],
                &["--framing", "line", "--max-frame", "5", "fine", "longer"],
                &["--max-frame", "5", "fine", "longer"],
                &["--max-frame", "5", "我爱"],
                &["--max-frame", "5", "longer", "fine"],
                &["--framing", "line", "newline at the end\n"],
            ];
            for arguments in wrong {
                let listener = TcpListener::bind("127.0.0.1:0")?;
                let client = lab.client(listener.local_addr()?, arguments)?;
                let finished = client.ends()?;
                // The command line alone shows it, so status 2 is right, too.
                let said_so = finished.code == Some(2) || finished.code == Some(1) && finished.stderr.contains("error: ");
                demand(said_so, || "Your client did not end with an error, although it cannot send this.".to_owned())?;
                demand(finished.stdout.is_empty(), || format!("Your client printed `{}`.", finished.stdout.trim_end()))?;
                sent_nothing(&listener)?;
            }
            let (client, mut server) = client_of(lab, &["--framing", "line", "--max-frame", "5", "hello"])?;
            hear_all(&mut server, &client, b"hello\n", 1)?;
            server.send("hello\n")?;
            client.prints(r#"echo "hello""#)?;
            client.ends_well()?;
            let (client, mut server) = client_of(lab, &["--max-frame", "5", "hello"])?;
            hear_all(&mut server, &client, &frame("hello"), 1)?;
            server.send(frame("hello"))?;
            client.prints(r#"echo "hello""#)?;
            client.ends_well()
        })
}

/// The client has ended: if it ever connected, the connection waits here, with all that was sent.
fn sent_nothing(listener: &TcpListener) -> Outcome {
    use std::io::Read;
    listener.set_nonblocking(true)?;
    let Ok((mut stream, _)) = listener.accept() else { return Ok(()) };
    stream.set_nonblocking(false)?;
    let sent = matches!(stream.read(&mut [0; 16]), Ok(length) if length > 0);
    demand(!sent, || "Your client sent something before it found that it cannot send everything.".to_owned())
}

fn does_not_wait_for_ever() -> Stage {
    Stage::client("It does not wait for ever for an echo")
        .promises(["C8", "C5"])
        .why("A server can hang, and a network can lose the last packet. Without a limit, `read` waits as long as the machine runs.")
        .hints([
            "What ends your client's wait when nothing comes?",
            "A limit for each wait: `set_read_timeout`, or `recv_timeout` on a channel, with the value of `--timeout`.",
            "arrivals.recv_timeout(args.timeout)",
        ])
        .story(|lab| {
            for part in [0, 3, 7] {
                let (client, mut server) = client_of(lab, &["--timeout", "0.2", "hello"])?;
                // On a busy machine, 0.2 seconds may be over before it has sent: then it ends all the sooner.
                server.send_unheeded(&frame("hello")[..part]);
                fails_after_some_echoes(&client, &["hello"])?;
            }
            Ok(())
        })
}

fn waits_for_each_byte_anew() -> Stage {
    Stage::client("`--timeout` bounds each wait, not the whole")
        .promises(["C8", "S7"])
        .why("A slow server is not a dead one. As long as bytes come, there is reason to wait for the next.")
        .hints([
            "When does the time begin to run in your client?",
            "With each read anew.",
            "stream.set_read_timeout(Some(args.timeout))?; // once; it counts for every read",
        ])
        .story(|lab| {
            lab.steadily(|lab| {
                let (client, mut server) = client_of(lab, &["--timeout", "0.4", "hello"])?;
                hear_all(&mut server, &client, &frame("hello"), 1)?;
                server.send_byte_by_byte(frame("hello"), Duration::from_millis(80))?;
                client.prints(r#"echo "hello""#)?;
                client.ends_well()
            })
        })
}

fn refuses_a_framing_that_there_is_not() -> Stage {
    unknown_framing(Stage::client("A framing that is none of the three ends with status 2"), Role::Client)
}

// Both.

fn the_pair_understands_each_other() -> Stage {
    Stage::pair("Your client and your server, on a network that cuts and gathers")
        .promises(["S1", "S2", "S7"])
        .why("Each kept its promises alone, with the lab for a partner. Here they have only each other, and a network that cuts.")
        .hints([
            "Both pass alone? Then compare what each says with what the other expects.",
            "`cargo xtask run sticky-packets --split 1 -- hello world` shows the two, and what passes between them.",
            "Messages, not reads, are what both count.",
        ])
        .story(|lab| {
            let texts = ["hello", "", "我爱你", "world"];
            for (framing, rule) in [("length", Rule::split(1)), ("length", Rule::coalesce(1 << 16)), ("line", Rule::split(1))] {
                let server = lab.server_with(&["--framing", framing])?;
                let tap = lab.tap(&server, Transport::Tcp, vec![rule])?;
                let client = lab.client(tap.address(), &[&["--framing", framing][..], &texts].concat())?;
                client.prints("sent 4 messages")?;
                texts.iter().try_for_each(|text| client.prints(&format!("echo {text:?}")))?;
                client.ends_well()?;
                lab.recall(&tap);
                demand(tap.strikes() != [0], || "The network did not get to do what it should have done.".to_owned())?;
                let first = server.next_line("message 1 from <peer>: \"hello\"")?;
                let peer = first.strip_prefix("message 1 from ").and_then(|rest| rest.strip_suffix(": \"hello\""));
                let peer = peer.unwrap_or_default().to_owned();
                demand(!peer.is_empty(), || format!("Your server printed `{first}`."))?;
                for (number, text) in texts.iter().enumerate().skip(1) {
                    server.prints(&format!("message {} from {peer}: {text:?}", number + 1))?;
                }
                server.prints(&format!("{peer} closed after 4 messages")).or_rather("The client had sent all it had.")?;
            }
            Ok(())
        })
}
