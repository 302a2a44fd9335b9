//! Where one message ends and the next begins.

use std::time::Duration;

use scenario::{Outcome, Program, Stage, TcpPeer, quoted};

use super::wire::{LINE, NONE, SOME_LINES, frame, frames, prints_reads};
use super::{farewell, is_returned, line};

pub fn shows_the_trouble() -> Stage {
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
            for part in ["ag", "ain", SOME_LINES, "\u{1b}[2J \"quotes\"\n"] {
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

pub fn returns_each_message() -> Stage {
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

pub fn tells_lines_apart() -> Stage {
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

pub fn tells_a_thousand_apart() -> Stage {
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

pub fn puts_together_what_comes_byte_by_byte() -> Stage {
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

pub fn answers_what_is_complete() -> Stage {
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

pub fn tells_an_end_inside_a_frame() -> Stage {
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
