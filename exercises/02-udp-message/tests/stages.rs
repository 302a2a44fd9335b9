//! What is checked of chapter 2, UDP message: one story a stage. The lab plays clients for the server, and a server for
//! the client.

use std::net::UdpSocket;
use std::time::{Duration, Instant};

use scenario::{
    Breaking, Chapter, Example, Lab, MAX_DATAGRAM, Outcome, Profile, Program, Stage, Transport, UdpPeer, UdpStand,
    WithClient, demand, quoted, stages,
};

scenario::main!("udp-message", chapter);

/// The chapter, for the checker.
pub fn chapter() -> Chapter {
    let profile = Profile {
        default_port: 3434,
        server_options: &["--bind"],
        client_options: &["--connect"],
        example: Example { arguments: &["Hello UDP!", "我爱你"], input: "" },
        with_server: one_message_to_the_server,
        with_client: WithClient::Udp(one_message_from_the_client),
    };
    let stages = stages![
        prints_what_arrives,
        prints_in_the_order_of_arrival,
        neither_cuts_nor_merges,
        takes_any_bytes,
        hears_several_clients,
        never_answers,
        survives_whatever_arrives,
        keeps_nothing,
        says_hello,
        sends_each_text,
        takes_texts_for_bytes,
        sends_the_lines_of_its_input,
        needs_nobody_to_listen,
        a_refusal_stops_nothing,
        ends_at_once,
        sends_the_longest_text,
        refuses_a_text_that_is_too_long,
        refuses_a_line_that_is_too_long,
        the_pair_talks,
    ];
    Chapter::new("udp-message", include_str!("../README.md"), profile, stages)
}

fn one_message_to_the_server(lab: &mut Lab, server: &Program) -> Outcome {
    let alice = lab.udp("alice", server)?;
    tell(&alice, server, b"hello")
}

fn one_message_from_the_client(_: &mut Lab, stand: UdpStand, client: &Program) -> Outcome {
    let mut server = stand.called()?;
    server.expect("Hello UDP!")?;
    client.prints(&format!("sent \"Hello UDP!\" to {}", server.address())).breaking(&["U4"])?;
    client.ends_well()
}

/// Sends a datagram to the server and expects its line.
fn tell(peer: &UdpPeer, server: &Program, bytes: &[u8]) -> Outcome {
    peer.send(bytes)?;
    server.prints(&received(peer, bytes))
}

/// The server's line about a datagram.
fn received(peer: &UdpPeer, bytes: &[u8]) -> String {
    format!("received {} from {}", quoted(bytes), peer.address())
}

/// Text of `length` bytes in which every part differs from its neighbours.
fn text(length: usize) -> Vec<u8> {
    (0..length).map(|at| b'a' + (at / 7 % 26) as u8).collect()
}

// The server.

fn prints_what_arrives() -> Stage {
    Stage::server("A datagram is printed, with its sender")
        .promises(["U1"])
        .why("UDP has no connections: each datagram brings its sender's address, and that is all there is to know of the sender.")
        .hints([
            "What does `recv_from` return beside the number of bytes?",
            "It returns the sender's address. Print the part of the buffer that was filled, as a string literal.",
            "let (length, peer) = socket.recv_from(&mut buffer)?; say(format_args!(\"received {} from {peer}\", quoted(&buffer[..length])))?;",
        ])
        .story(|lab| {
            let server = lab.server()?;
            let alice = lab.udp("alice", &server)?;
            tell(&alice, &server, b"Hello UDP!")?;
            tell(&alice, &server, "我爱你".as_bytes())?;
            tell(&alice, &server, b"Hello UDP!")?;
            tell(&alice, &server, b"Hello UDP!")
        })
}

fn prints_in_the_order_of_arrival() -> Stage {
    Stage::server("A burst is printed line by line, in the order of arrival")
        .promises(["U1", "U2"])
        .why(
            "Datagrams wait in the socket's buffer, in order and apart from each other, until the server fetches them one by one. \
             One `recv_from` is one datagram, however many there are.",
        )
        .hints([
            "How many datagrams does one `recv_from` return?",
            "One. Print it before you fetch the next.",
            "loop { let (length, peer) = socket.recv_from(&mut buffer)?; say(…)?; }",
        ])
        .story(|lab| {
            let server = lab.server()?;
            let alice = lab.udp("alice", &server)?;
            let words: Vec<_> = (0..60).map(|number| format!("number {number}").into_bytes()).collect();
            words.iter().try_for_each(|word| alice.send(word))?;
            words.iter().try_for_each(|word| server.prints(&received(&alice, word)))?;
            // Held up, the server finds the words of two clients in its socket, one after the other.
            let bob = lab.udp("bob", &server)?;
            server.pause();
            for word in &words[..6] {
                alice.send(word)?;
                bob.send(word)?;
            }
            server.resume();
            for word in &words[..6] {
                server.prints(&received(&alice, word))?;
                server.prints(&received(&bob, word))?;
            }
            Ok(())
        })
}

fn neither_cuts_nor_merges() -> Stage {
    Stage::server("Datagrams of 0 to 65,507 bytes are printed whole")
        .promises(["U2", "U1"])
        .why(
            "A datagram that is longer than the buffer is cut off without an error, and the rest is lost. One of no bytes is a \
             datagram, too: for UDP, 0 is not the end of anything.",
        )
        .hints([
            "How large is your buffer, and what does your server do with a length of 0?",
            "The largest payload over IPv4 is 65,535 - 20 - 8 = 65,507 bytes. Do not treat 0 as an end.",
            "let mut buffer = [0; MAX_DATAGRAM];",
        ])
        .story(|lab| {
            let server = lab.server()?;
            let alice = lab.udp("alice", &server)?;
            let sizes = [0, 1, 508, 1024, 1025, 1472, 1473, 2048, 4097, 8193, 16_385, 32_769, 60_000, 65_001, 65_506, MAX_DATAGRAM];
            sizes.iter().try_for_each(|size| tell(&alice, &server, &text(*size)))
        })
}

fn takes_any_bytes() -> Stage {
    Stage::server("Any bytes are printed so that they harm nobody")
        .promises(["C7", "U1", "U2"])
        .why(
            "A datagram holds bytes, not text. Trimmed, they are another message; printed raw, they can clear the screen or forge \
             a line; taken for text when they are none, they stop a program that did not think of it.",
        )
        .hints([
            "Where in your server do bytes become text, and what if they are none?",
            "`str::from_utf8` says whether it is text; `{:?}` puts it in quotes and escapes the rest.",
            "The `quoted` of src/terminal.rs does both.",
        ])
        .story(|lab| {
            let server = lab.server()?;
            let alice = lab.udp("alice", &server)?;
            let every_byte: Vec<u8> = (0..=255).collect();
            let datagrams: [&[u8]; 14] = [
                b"{} {0} {name} %s %n %d",
                b"  blanks around  ",
                b"a line\n",
                b"two\r\nlines\r\n",
                b"\x1b[2J\x07 \x00 \x7f \t \"quotes\" and \\ backslashes",
                b"text, and then \xff",
                b"\xff",
                &"cut in the middle of 我".as_bytes()[..23],
                &every_byte,
                b"\0\0\0",
                // Two ways to write characters that UTF-8 forbids.
                b"\xed\xa0\x80",
                b"\xc0\x80",
                // A byte order mark is part of the text, and two spellings of one letter are two texts.
                "\u{feff}marked".as_bytes(),
                "e\u{301}".as_bytes(),
            ];
            datagrams.iter().try_for_each(|bytes| tell(&alice, &server, bytes))
        })
}

fn hears_several_clients() -> Stage {
    Stage::server("Several clients are told apart by their addresses")
        .promises(["U1", "C6"])
        .why("All clients speak to one socket. Only the address that each datagram brings tells one from another.")
        .hints([
            "Which address does your server print: the one of this datagram, or the first it ever saw?",
            "The one that came with this very datagram.",
            "let (length, peer) = socket.recv_from(&mut buffer)?; // inside the loop",
        ])
        .story(|lab| {
            let server = lab.server()?;
            let alice = lab.udp("alice", &server)?;
            let bob = lab.udp("bob", &server)?;
            for words in ["one", "two", "three"] {
                tell(&alice, &server, words.as_bytes())?;
                tell(&bob, &server, words.as_bytes())?;
            }
            lab.in_short("others", "send a word each, a hundred of them", |lab| {
                (0..100).try_for_each(|_| {
                    let guest = lab.udp("a guest", &server)?;
                    tell(&guest, &server, b"good day")
                })
            })
        })
}

fn never_answers() -> Stage {
    Stage::server("It never answers")
        .promises(["U3"])
        .why(
            "An answer that nobody waits for is one more datagram on the network; two servers that answer everything, each \
             other too, never come to rest.",
        )
        .hints([
            "Does your server send anything?",
            "It only receives: `send_to` has no place in it.",
            "Leave out the answer; the next chapter is about it.",
        ])
        .story(|lab| {
            let server = lab.server()?;
            let mut alice = lab.udp("alice", &server)?;
            for words in [&b"hello"[..], b"", b"are you there?", b"\xff", b"exit", b"ping", b"Hello UDP!"] {
                tell(&alice, &server, words)?;
            }
            alice.expect_silence(Duration::from_millis(150))
        })
}

fn survives_whatever_arrives() -> Stage {
    Stage::server("Nothing that arrives ends it")
        .promises(["C6"])
        .why("Anybody can send anything to a port. A server that a datagram can end is a server that a stranger can end.")
        .hints([
            "What does your server do with an empty datagram, with `exit`, with a sender that is gone?",
            "It prints each and goes on; there is no datagram that means the end.",
            "loop { match socket.recv_from(&mut buffer) { Ok(…) => …, Err(error) => complain(error) } }",
        ])
        .story(|lab| {
            let server = lab.server()?;
            let alice = lab.udp("alice", &server)?;
            for words in [&b""[..], b"exit", b"quit", b"\x04", b"\x00"] {
                tell(&alice, &server, words)?;
            }
            // More often than a server is likely to have threads.
            (0..20).try_for_each(|_| tell(&alice, &server, b"no text: \xff"))?;
            let gone = lab.udp("somebody", &server)?;
            server.pause();
            gone.send("I am off")?;
            gone.goes_away()?;
            server.resume();
            server.prints(&received(&gone, b"I am off"))?;
            tell(&alice, &server, b"still there?")
        })
}

fn keeps_nothing() -> Stage {
    Stage::server("Whatever arrives, its memory stays as it was")
        .promises(["C10"])
        .why("A server runs for months. Whatever it keeps of each datagram adds up, and a peer decides how much there is.")
        .hints([
            "What grows in your server with every datagram?",
            "One buffer, used again and again, is all that it needs.",
            "Make the buffer once, before the loop, and keep no list of what has arrived.",
        ])
        .story(|lab| {
            const SIZE: usize = 60_000;
            const COUNT: usize = 800;
            let server = lab.server()?;
            let alice = lab.udp("alice", &server)?;
            let datagram = vec![0xff; SIZE];
            tell(&alice, &server, &datagram)?;
            lab.memory_stays(&server, |lab| {
                let (began, mut sent) = (Instant::now(), 0);
                lab.in_short("alice", "does the same many times more", |_| {
                    while sent < COUNT && began.elapsed() < Duration::from_secs(1) {
                        tell(&alice, &server, &datagram)?;
                        sent += 1;
                    }
                    Ok(())
                })?;
                Ok((SIZE * sent) as u64)
            })
        })
}

// The client.

/// A client that was started with a server of the lab and these texts.
fn client_of(lab: &mut Lab, texts: &[&str]) -> Outcome<(Program, UdpPeer)> {
    let server = lab.udp_server()?;
    let client = lab.client(server.address(), texts)?;
    Ok((client, server))
}

/// The client's line about a datagram.
fn sent(server: &UdpPeer, bytes: &[u8]) -> String {
    format!("sent {} to {}", quoted(bytes), server.address())
}

/// The client sends these, in order, prints a line for each, and ends.
fn sends_all(client: &Program, server: &mut UdpPeer, texts: &[&str]) -> Outcome {
    for text in texts {
        server.expect(text)?;
        client.prints(&sent(server, text.as_bytes()))?;
    }
    client.ends_well()
}

fn says_hello() -> Stage {
    Stage::client("With nothing to say it says `Hello UDP!`")
        .promises(["U4", "U5"])
        .why("A datagram ends by itself: no newline, no zero byte, no length in front.")
        .hints([
            "What does your client send when there is no TEXT?",
            "The ten bytes of `Hello UDP!`, and nothing after them.",
            "#[arg(value_name = \"TEXT\", default_value = \"Hello UDP!\")] texts: Vec<String>",
        ])
        .story(|lab| {
            let (client, mut server) = client_of(lab, &[])?;
            sends_all(&client, &mut server, &["Hello UDP!"])
        })
}

fn sends_each_text() -> Stage {
    Stage::client("Each TEXT is a datagram, in order")
        .promises(["U4"])
        .why("A datagram is a message with two ends. What is sent by two calls arrives as two; what is joined before stays joined.")
        .hints([
            "How many times does your client call `send_to`?",
            "Once for each TEXT, the empty one too, in the order of the command line.",
            "for text in &args.texts { outbox.send(text.as_bytes())?; }",
        ])
        .story(|lab| {
            let texts = ["one", "two words", "", "我爱你", "one", " blanks ", "5"];
            let (client, mut server) = client_of(lab, &texts)?;
            sends_all(&client, &mut server, &texts)?;
            // An empty TEXT is a TEXT.
            let (client, mut server) = client_of(lab, &[""])?;
            sends_all(&client, &mut server, &[""])
        })
}

fn takes_texts_for_bytes() -> Stage {
    Stage::client("What it sent is printed as a string literal, and sent as it is")
        .promises(["C7", "U4"])
        .why("What is safe to print and what goes over the wire are two things: the escapes belong on the terminal only.")
        .hints([
            "Which of the two do you print, and which do you send?",
            "Send the bytes of the TEXT; print it with `{:?}`.",
            "socket.send_to(message, server)?; say(format_args!(\"sent {} to {server}\", quoted(message)))?;",
        ])
        .story(|lab| {
            let texts = ["\u{1b}[2J\u{7}", "a\nb\r\n", "\t\"quoted\" \\n \u{7f}"];
            let (client, mut server) = client_of(lab, &texts)?;
            sends_all(&client, &mut server, &texts)
        })
}

fn sends_the_lines_of_its_input() -> Stage {
    Stage::client("`-` stands for the lines of its input, the last one with or without a newline")
        .promises(["U4", "C9"])
        .why("Input also comes from files and other programs, and their last line often has no newline. It is a line all the same.")
        .hints([
            "Where among the other TEXTs do the lines go, and what does your reading return for the last one?",
            "Handle `-` when its turn comes; send each line without its newline, the empty ones too.",
            "if text == \"-\" { while let Some(line) = read_line(…)? { outbox.send(&line)?; } }",
        ])
        .story(|lab| {
            let (client, mut server) = client_of(lab, &["first", "-", "last"])?;
            // A zero byte, a form feed and U+2028 are part of a line: only a newline ends it.
            let odd = "z\0 \u{b} \u{c} \u{1c} \u{2028}";
            client.feed(format!("one\n\n 我爱你 \n{odd}\nend").as_bytes());
            client.ends_input();
            sends_all(&client, &mut server, &["first", "one", "", " 我爱你 ", odd, "end", "last"])?;
            let (client, mut server) = client_of(lab, &["-"])?;
            client.ends_input();
            sends_all(&client, &mut server, &[])
        })
}

fn needs_nobody_to_listen() -> Stage {
    Stage::client("It sends everything and ends well, also when nobody listens")
        .promises(["U5"])
        .why(
            "A datagram to a port where nobody listens is answered by ICMP \"port unreachable\". A connected UDP socket reports that \
             at its next call as \"connection refused\": an error of the datagram before, not of this one.",
        )
        .hints([
            "Is your socket connected? What does its second `send` return?",
            "An unconnected socket (`send_to`) is not told of refusals.",
            "let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?; socket.send_to(message, server)?; // no connect",
        ])
        .story(|lab| {
            let server = lab.udp_server()?;
            server.goes_away()?;
            let texts = ["one", "two", "three", "four"];
            let client = lab.client(server.address(), &texts)?;
            for text in texts {
                client.prints(&sent(&server, text.as_bytes()))?;
            }
            client.ends_well()
        })
}

fn a_refusal_stops_nothing() -> Stage {
    Stage::client("The refusal of one datagram does not swallow the next")
        .promises(["U5", "U4"])
        .why(
            "A connected UDP socket hands the error of an earlier datagram to the next `send`, which then sends nothing at all. To \
             ignore the error is to lose a message.",
        )
        .hints([
            "Is your socket connected? What became of the datagram whose `send` returned the error?",
            "It was not sent. Use an unconnected socket, or send again after a refusal.",
            "socket.send_to(message, server)?; // on a socket without `connect`",
        ])
        .story(|lab| {
            let (client, mut server) = client_of(lab, &["-"])?;
            client.types("one");
            if !server.has_mail(lab.patience() / 2)? {
                // It reads all of its input before it sends any: then there is nothing between two lines to look at.
                client.ends_input();
                return sends_all(&client, &mut server, &["one"]);
            }
            server.expect("one")?;
            client.prints(&sent(&server, b"one"))?;
            server.goes_away()?;
            // A client may say that it sent before it does: then the server is back in time to hear it.
            server.may_get("two");
            client.types("two");
            client.prints(&sent(&server, b"two"))?;
            server.comes_back()?;
            client.types("three");
            client.ends_input();
            sends_all(&client, &mut server, &["three"])
        })
}

fn ends_at_once() -> Stage {
    Stage::client("It waits for nothing")
        .promises(["U5"])
        .why("Fire and forget: no answer is agreed upon, so there is nothing to wait for, not even for a moment.")
        .hints([
            "What does your client do after the last `send_to`?",
            "It ends. No `recv_from`, no sleep.",
            "Ok(()) right after the loop",
        ])
        .story(|lab| {
            lab.steadily(|lab| {
                let (client, mut server) = client_of(lab, &["one", "two"])?;
                server.expect("one")?;
                let began = Instant::now();
                client.prints(&sent(&server, b"one"))?;
                sends_all(&client, &mut server, &["two"])?;
                demand(began.elapsed() < Duration::from_millis(600), || {
                    format!("Your client ended {} ms after its first datagram.", began.elapsed().as_millis())
                })
            })
        })
}

fn sends_the_longest_text() -> Stage {
    Stage::client("A TEXT of 65,507 bytes is sent")
        .promises(["U6", "U4"])
        .why("65,535 bytes is the longest IP packet; 20 go to its header and 8 to that of UDP. The rest is yours.")
        .hints([
            "From which length on does your client refuse?",
            "65,507 bytes fit, 65,508 do not. Bytes, not characters.",
            "if message.len() > 65_507 { … }",
        ])
        .story(|lab| {
            let longest = String::from_utf8_lossy(&text(MAX_DATAGRAM)).into_owned();
            let (client, mut server) = client_of(lab, &[&longest, "and more"])?;
            sends_all(&client, &mut server, &[&longest, "and more"])
        })
}

fn refuses_a_text_that_is_too_long() -> Stage {
    Stage::client("A TEXT that does not fit is an error before anything is sent")
        .promises(["U6", "C5"])
        .why("What half a command line did is hard to undo. What can be known before the first datagram is checked before it.")
        .hints([
            "When does your client look at the length of the last TEXT?",
            "Check all of them first, then send. The length of a text is that of its bytes: 我 has three.",
            "for text in &args.texts { fits_a_datagram(text.as_bytes())?; } // and only then the sending",
        ])
        .story(|lab| {
            let in_bytes = "x".repeat(MAX_DATAGRAM + 1);
            let in_characters = "我".repeat(MAX_DATAGRAM / 3 + 1);
            for too_long in [&in_bytes, &in_characters] {
                let (client, _server) = client_of(lab, &["one", too_long])?;
                client.fails(&[])?;
            }
            // Over IPv6 a few bytes more would fit; the limit is the same.
            if UdpSocket::bind("[::1]:0").is_ok() {
                let server = lab.udp_server_on(&["[::1]:0"])?;
                let client = lab.client(format!("[::1]:{}", server.port()), &[&in_bytes])?;
                client.fails(&[])?;
            }
            Ok(())
        })
}

fn refuses_a_line_that_is_too_long() -> Stage {
    Stage::client("A line that does not fit is an error when it is read")
        .promises(["U6", "C5"])
        .why("Input is read as it comes; what was read before the long line is on its way already, and stays there.")
        .hints([
            "What does your client do with a line of 65,508 bytes?",
            "Send the lines before it, then fail; send nothing after it.",
            "read_line(&mut input, MAX_DATAGRAM).context(\"cannot take a line of standard input\")?",
        ])
        .story(|lab| {
            let (client, mut server) = client_of(lab, &["-"])?;
            client.feed(b"short\n");
            client.feed(&text(MAX_DATAGRAM + 1));
            client.feed(b"\nnever sent\n");
            client.ends_input();
            server.expect("short")?;
            client.prints(&sent(&server, b"short"))?;
            client.fails(&[])
        })
}

// Both.

fn the_pair_talks() -> Stage {
    Stage::pair("Your client and your server")
        .promises(["U1", "U4"])
        .why("Each kept its promises alone, with the lab for a partner. Here they have only each other.")
        .hints([
            "Both pass alone? Then compare what each says with what the other expects.",
            "`cargo xtask run udp-message` shows the two, and what passes between them.",
            "What the client says it sent must be what the server says it received.",
        ])
        .story(|lab| {
            let server = lab.server()?;
            let tap = lab.tap(&server, Transport::Udp, Vec::new())?;
            let texts = ["Hello UDP!", "我爱你", ""];
            let client = lab.client(tap.address(), &texts)?;
            for text in texts {
                client.prints(&format!("sent {} to {}", quoted(text.as_bytes()), tap.address()))?;
            }
            client.ends_well()?;
            for text in texts {
                let line = server.next_line("the server's line about a datagram")?;
                let due = format!("received {} from 127.0.0.1:", quoted(text.as_bytes()));
                demand(line.starts_with(&due), || format!("Your server printed `{line}`, where `{due}…` was due."))?;
            }
            lab.recall(&tap);
            Ok(())
        })
}
