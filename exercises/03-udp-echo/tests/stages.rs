//! What is checked of chapter 3, UDP echo: one story a stage. The lab plays clients for the server, and a server, with
//! strangers, for the client.

use std::time::{Duration, Instant};

use scenario::{
    Chapter, Direction, Example, Lab, MAX_DATAGRAM, Outcome, Profile, Program, Rule, Stage, Transport, UdpPeer,
    UdpStand, WithClient, demand, quoted, stages,
};

scenario::main!("udp-echo", chapter);

/// The chapter, for the checker.
pub fn chapter() -> Chapter {
    let profile = Profile {
        default_port: 8090,
        server_options: &["--bind"],
        client_options: &["--connect", "--timeout"],
        example: Example { arguments: &[], input: "我爱你\n你爱我\nexit\n" },
        with_server: one_echo_from_the_server,
        with_client: WithClient::Udp(one_echo_for_the_client),
    };
    let stages = stages![
        returns_what_it_gets,
        returns_any_bytes,
        returns_every_size,
        each_client_gets_its_own,
        answers_a_burst,
        goes_on_whatever_comes,
        survives_a_client_that_is_gone,
        forgets_what_it_returned,
        prints_the_echo_of_each_line,
        waits_for_the_echo,
        sends_lines_of_every_length,
        prints_control_characters_escaped,
        exit_is_the_last_line,
        the_end_of_input_is_an_orderly_end,
        sends_three_times,
        waits_as_long_as_it_was_told,
        waits_no_longer_than_it_was_told,
        waits_a_second_by_default,
        hears_the_answer_to_its_third_try,
        takes_a_refusal_for_a_loss,
        ignores_strangers,
        ignores_an_echo_that_comes_late,
        ignores_other_bytes,
        is_not_kept_waiting_by_strangers,
        refuses_a_line_that_is_too_long,
        keeps_nothing_that_nobody_asked_for,
        the_pair_survives_a_bad_network,
    ];
    Chapter::new("udp-echo", include_str!("../README.md"), profile, stages)
}

fn one_echo_from_the_server(lab: &mut Lab, server: &Program) -> Outcome {
    let mut alice = lab.udp("alice", server)?;
    echo(&mut alice, server, b"hello")
}

fn one_echo_for_the_client(_: &mut Lab, stand: UdpStand, client: &Program) -> Outcome {
    client.types("hello");
    let mut server = stand.called()?;
    server.forgives_repeats();
    server.expect("hello")?;
    server.send("hello")?;
    client.prints(r#"echo "hello""#)?;
    client.ends_input();
    client.ends_well()
}

/// Sends bytes to the server and expects the echo, and the line.
fn echo(peer: &mut UdpPeer, server: &Program, bytes: &[u8]) -> Outcome {
    peer.send(bytes)?;
    peer.expect(bytes)?;
    server.prints(&sent(peer, bytes))
}

/// The server's line about a datagram.
fn sent(peer: &UdpPeer, bytes: &[u8]) -> String {
    format!("{} sent {}", peer.address(), quoted(bytes))
}

/// Text of `length` bytes in which every part differs from its neighbours.
fn text(length: usize) -> Vec<u8> {
    (0..length).map(|at| b'a' + (at / 7 % 26) as u8).collect()
}

// The server.

fn returns_what_it_gets() -> Stage {
    Stage::server("A datagram comes back as it was, and is printed")
        .promises(["E1"])
        .why(
            "A UDP socket hears everybody. `recv_from` says who sent what, and the answer must leave from the same socket: a \
             client knows its server by address and port.",
        )
        .hints([
            "What does `recv_from` return beside the number of bytes?",
            "The buffer is longer than the datagram: send back only the part that was received, to the address it came from.",
            "let (length, peer) = socket.recv_from(&mut buffer)?; socket.send_to(&buffer[..length], peer)?;",
        ])
        .story(|lab| {
            let server = lab.server()?;
            let mut alice = lab.udp("alice", &server)?;
            echo(&mut alice, &server, b"hello")?;
            echo(&mut alice, &server, "我爱你".as_bytes())?;
            echo(&mut alice, &server, b"hello")?;
            echo(&mut alice, &server, b"hello")
        })
}

fn returns_any_bytes() -> Stage {
    Stage::server("Any bytes come back: blanks, newlines, control characters, no text at all")
        .promises(["E1", "C7"])
        .why(
            "A datagram holds bytes, not text. A server that decodes them, trims them or prints them raw changes them, stops at \
             those that are no text, or lets a peer drive the terminal.",
        )
        .hints([
            "Where in your server do bytes become text, and what is it needed for?",
            "Return the bytes before, or without, making text of them. For printing, `quoted` takes any bytes.",
            "socket.send_to(&buffer[..length], peer)?; say(format_args!(\"{peer} sent {}\", quoted(&buffer[..length])))?;",
        ])
        .story(|lab| {
            let server = lab.server()?;
            let mut alice = lab.udp("alice", &server)?;
            let every_byte: Vec<u8> = (0..=255).collect();
            let datagrams: [&[u8]; 15] = [
                b"{} {0} {name} %s %n %d",
                b"  blanks around  ",
                b"a line\n",
                b"\r\n",
                b"\x1b[2J\x07 \x00 \x7f \t \"quotes\" and \\ backslashes",
                b"text, and then \xff",
                "cut in the middle of 我".as_bytes().split_last().map_or(&[], |(_, rest)| rest),
                &every_byte,
                b"\0\0\0",
                // One byte that is no text, and two ways to write characters that UTF-8 forbids.
                b"\xff",
                b"\xed\xa0\x80",
                b"\xc0\x80",
                // A byte order mark is part of the text, and two spellings of one letter are two texts.
                "\u{feff}marked".as_bytes(),
                "e\u{301}".as_bytes(),
                b"exit\r\n",
            ];
            datagrams.iter().try_for_each(|bytes| echo(&mut alice, &server, bytes))
        })
}

fn returns_every_size() -> Stage {
    Stage::server("Datagrams of 0 to 65,507 bytes come back whole")
        .promises(["E1"])
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
            let mut alice = lab.udp("alice", &server)?;
            let sizes = [0, 1, 508, 1024, 1025, 1472, 1473, 2048, 4097, 8193, 16_385, 32_769, 60_000, 65_001, 65_506, MAX_DATAGRAM];
            sizes.iter().try_for_each(|size| echo(&mut alice, &server, &text(*size)))?;
            echo(&mut alice, &server, &vec![0xff; MAX_DATAGRAM])
        })
}

fn each_client_gets_its_own() -> Stage {
    Stage::server("Several clients at once: each gets its own words back")
        .promises(["E2", "E1", "C6"])
        .why(
            "UDP has no connections. All clients speak to one socket, and the only thing that tells them apart is the address \
             that each datagram brings with it.",
        )
        .hints([
            "What does your server remember from one datagram to the next? It need not remember anything.",
            "Do not `connect` the server's socket, and do not keep the first client's address.",
            "Inside the loop: let (length, peer) = socket.recv_from(&mut buffer)?; and then send_to(…, peer)",
        ])
        .story(|lab| {
            let server = lab.server()?;
            let mut guests = ["alice", "bob", "carol"].map(|name| lab.udp(name, &server)).into_iter().collect::<Outcome<Vec<_>>>()?;
            for round in ["first", "second"] {
                for (number, guest) in guests.iter().enumerate() {
                    guest.send(format!("{round} words of guest {number}"))?;
                }
                for (number, guest) in guests.iter_mut().enumerate().rev() {
                    guest.expect(format!("{round} words of guest {number}"))?;
                }
                for (number, guest) in guests.iter().enumerate() {
                    server.prints_among_others(&sent(guest, format!("{round} words of guest {number}").as_bytes()))?;
                }
            }
            lab.in_short("others", "send a word each, a hundred of them", |lab| {
                (0..100).try_for_each(|_| {
                    let mut guest = lab.udp("a guest", &server)?;
                    echo(&mut guest, &server, b"good day")
                })
            })
        })
}

fn answers_a_burst() -> Stage {
    Stage::server("Fifty datagrams in one go: each comes back, once")
        .promises(["E1", "E2"])
        .why(
            "While a server is busy, datagrams wait in the socket's buffer. A server that is done with one must go and fetch the \
             next; nobody will send it again.",
        )
        .hints([
            "What happens in your server between two calls of `recv_from`?",
            "One datagram in, one out, and around again: no pause, no second `recv_from` in the same round.",
            "loop { let (length, peer) = socket.recv_from(&mut buffer)?; … socket.send_to(&buffer[..length], peer)?; }",
        ])
        .story(|lab| {
            let server = lab.server()?;
            let mut alice = lab.udp("alice", &server)?;
            let words: Vec<_> = (0..50).map(|number| format!("number {number}").into_bytes()).collect();
            words.iter().try_for_each(|word| alice.send(word))?;
            let mut returned = Vec::new();
            for _ in &words {
                returned.push(alice.receive("one echo for each datagram")?.bytes);
            }
            words.iter().try_for_each(|word| server.prints_among_others(&sent(&alice, word)))?;
            let missing = words.iter().find(|word| !returned.contains(word));
            demand(missing.is_none(), || format!("{} did not come back.", quoted(missing.map_or(&[], |word| word))))
        })
}

fn goes_on_whatever_comes() -> Stage {
    Stage::server("`exit`, nothing at all, or what is no text: the server returns it and goes on")
        .promises(["E1", "C6"])
        .why("The client ends with `exit`, and the server serves others. If a datagram could end it, anybody could end it.")
        .hints([
            "Does your server look at what it returns?",
            "It need not: whatever the bytes are, they go back.",
            "Take the comparison with \"exit\" out of the server; it belongs in the client.",
        ])
        .story(|lab| {
            let server = lab.server()?;
            let mut alice = lab.udp("alice", &server)?;
            let mut bob = lab.udp("bob", &server)?;
            echo(&mut alice, &server, b"exit")?;
            echo(&mut alice, &server, b"")?;
            // More often than a server is likely to have threads.
            (0..20).try_for_each(|_| echo(&mut alice, &server, b"no text: \xff"))?;
            echo(&mut bob, &server, b"still there?")?;
            echo(&mut alice, &server, b"me, too")
        })
}

fn survives_a_client_that_is_gone() -> Stage {
    Stage::server("A client that is gone before its echo does not stop the server")
        .promises(["C6"])
        .why(
            "An echo to a port that was closed meanwhile is answered by ICMP \"port unreachable\", and some systems report that at \
             the server's next call, which has nothing to do with it.",
        )
        .hints([
            "Which errors of `recv_from` and `send_to` end your server?",
            "An error that concerns one datagram is worth a line on stderr, and no more: go on with the next.",
            "match socket.recv_from(&mut buffer) { Ok(arrived) => …, Err(error) => { complain(error); continue; } }",
        ])
        .story(|lab| {
            let server = lab.server()?;
            let alice = lab.udp("alice", &server)?;
            let mut bob = lab.udp("bob", &server)?;
            server.pause();
            alice.send("are you there?")?;
            alice.goes_away()?;
            server.resume();
            server.prints(&sent(&alice, b"are you there?"))?;
            echo(&mut bob, &server, b"and now?")?;
            echo(&mut bob, &server, b"again")
        })
}

fn forgets_what_it_returned() -> Stage {
    Stage::server("Whatever passes through it, its memory stays as it was")
        .promises(["C10"])
        .why("A server runs for months. Whatever it keeps of each datagram adds up, and a peer decides how much there is.")
        .hints([
            "What grows in your server with every datagram?",
            "One buffer, used again and again, is all that an echo needs.",
            "Make the buffer once, before the loop, and keep no list of what has passed.",
        ])
        .story(|lab| {
            const SIZE: usize = 60_000;
            const COUNT: usize = 800;
            let server = lab.server()?;
            let mut alice = lab.udp("alice", &server)?;
            let datagram = vec![0xff; SIZE];
            echo(&mut alice, &server, &datagram)?;
            lab.memory_stays(&server, |lab| {
                let (began, mut sent) = (Instant::now(), 0);
                lab.in_short("alice", "does the same many times more", |_| {
                    while sent < COUNT && began.elapsed() < Duration::from_secs(1) {
                        echo(&mut alice, &server, &datagram)?;
                        sent += 1;
                    }
                    Ok(())
                })?;
                Ok((SIZE * sent) as u64)
            })
        })
}

// The client.

/// A client that was started with a server of the lab. It may ask again, if it finds the lab slow.
fn client_of(lab: &mut Lab, options: &[&str]) -> Outcome<(Program, UdpPeer)> {
    let server = lab.udp_server()?;
    server.forgives_repeats();
    let client = lab.client(server.address(), options)?;
    Ok((client, server))
}

/// A client that has no reason to ask again.
fn patient_client_of(lab: &mut Lab) -> Outcome<(Program, UdpPeer)> {
    client_of(lab, &["--timeout", "5"])
}

/// Lets the client send a line, and returns it.
fn exchange(client: &Program, server: &mut UdpPeer, line: &str) -> Outcome {
    client.types(line);
    server.expect(line)?;
    server.send(line)?;
    client.prints(&format!("echo {}", quoted(line.as_bytes())))
}

/// Ends the conversation by the end of the input.
fn farewell(client: &Program) -> Outcome {
    client.ends_input();
    client.ends_well()
}

fn prints_the_echo_of_each_line() -> Stage {
    Stage::client("A line is sent, its echo is printed, and after `exit` it ends")
        .promises(["E3"])
        .why("A line of the terminal ends with a newline; a datagram ends by itself. What is sent is the line without it.")
        .hints([
            "What exactly is in the string that you read from stdin?",
            "Cut off the newline before sending, print when the echo is here, and leave the loop after `exit`.",
            "conversation.ask(&line)?; say(format_args!(\"echo {}\", quoted(&line)))?; if line == b\"exit\" { break; }",
        ])
        .story(|lab| {
            let (client, mut server) = patient_client_of(lab)?;
            exchange(&client, &mut server, "hello")?;
            exchange(&client, &mut server, "我爱你")?;
            exchange(&client, &mut server, "  two  blanks  ")?;
            exchange(&client, &mut server, "EXIT")?;
            exchange(&client, &mut server, " exit")?;
            exchange(&client, &mut server, "exit")?;
            client.ends_well()
        })
}

fn waits_for_the_echo() -> Stage {
    Stage::client("The next line goes out when the echo of the one before is here")
        .promises(["E3"])
        .why("Stop and wait is the simplest way not to lose one's place: with one line under way, an echo can only be its own.")
        .hints([
            "What does your client do between sending a line and reading the next?",
            "It waits for the echo; reading stdin can wait meanwhile, the system keeps the lines.",
            "while let Some(line) = read_line(…)? { conversation.ask(&line)?; … }, and `ask` returns when the echo is here",
        ])
        .mostly_waiting()
        .story(|lab| {
            let (client, mut server) = patient_client_of(lab)?;
            client.feed(b"one\ntwo\nthree\n");
            for line in ["one", "two", "three"] {
                server.expect(line)?;
                server.expect_silence(Duration::from_millis(100))?;
                demand(client.line_within(Duration::from_millis(1)).is_none(), || {
                    "Your client printed a line before the echo had come.".to_owned()
                })?;
                server.send(line)?;
                client.prints(&format!("echo {}", quoted(line.as_bytes())))?;
            }
            farewell(&client)
        })
}

fn sends_lines_of_every_length() -> Stage {
    Stage::client("An empty line is a datagram, and so is one of 65,507 bytes")
        .promises(["E3"])
        .why("A datagram of no bytes is allowed and arrives. A long one arrives whole, if there is room for it in the buffer.")
        .hints([
            "What does your client do with an empty line, and how large is the buffer for the echo?",
            "Send what was read, be it empty; receive into a buffer of 65,507 bytes.",
            "buffer: vec![0; MAX_DATAGRAM]",
        ])
        .story(|lab| {
            let (client, mut server) = patient_client_of(lab)?;
            for length in [0, 1, 1025, 9000, MAX_DATAGRAM] {
                let line = String::from_utf8_lossy(&text(length)).into_owned();
                exchange(&client, &mut server, &line)?;
            }
            farewell(&client)
        })
}

fn prints_control_characters_escaped() -> Stage {
    Stage::client("What came back is printed as a string literal")
        .promises(["C7", "E3"])
        .why(
            "What arrives from a network may hold anything, also the sequences that clear a screen or rename a window.",
        )
        .hints([
            "How do you print what came back?",
            "Rust's `{:?}` puts text in quotes and escapes what a terminal would obey.",
            "say(format_args!(\"echo {}\", quoted(&line)))",
        ])
        .story(|lab| {
            let (client, mut server) = patient_client_of(lab)?;
            exchange(&client, &mut server, "\u{1b}[2J\u{7} \"quoted\" \\ \t tab \u{7f}")?;
            exchange(&client, &mut server, "a zero \0, and breaks that end no line: \u{b} \u{c} \u{1c} \u{2028}")?;
            farewell(&client)
        })
}

fn exit_is_the_last_line() -> Stage {
    Stage::client("`exit` is sent, its echo awaited, and nothing after it is sent")
        .promises(["E3"])
        .why(
            "The end is part of the conversation: the server is told, and its answer is heard, before the client goes.",
        )
        .hints([
            "When does your client look whether the line was `exit`?",
            "After the echo: send it and wait like for any other line, then leave.",
            "conversation.ask(&line)?; say(…)?; if line == b\"exit\" { break; }",
        ])
        .story(|lab| {
            let (client, mut server) = patient_client_of(lab)?;
            client.feed(b"exit now\nexit\nnever sent\n");
            server.expect("exit now")?;
            server.send("exit now")?;
            client.prints(r#"echo "exit now""#)?;
            server.expect("exit")?;
            server.expect_silence(Duration::from_millis(100))?;
            demand(!client.has_ended(), || "Your client ended without waiting for the echo of `exit`.".to_owned())?;
            server.send("exit")?;
            client.prints(r#"echo "exit""#)?;
            client.ends_well()
        })
}

fn the_end_of_input_is_an_orderly_end() -> Stage {
    Stage::client("At the end of the input, everything read is sent, with or without a last newline")
        .promises(["C9", "E3"])
        .why("Input also comes from files and other programs, and their last line often has no newline.")
        .hints([
            "What does your reading return for a last line without a newline?",
            "`read_until` returns what there is; only 0 bytes mean the end.",
            "The `read_line` of src/terminal.rs does it: Some(line) until there is nothing, then None.",
        ])
        .story(|lab| {
            let (client, mut server) = patient_client_of(lab)?;
            let lines = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"];
            client.feed(lines.join("\n").as_bytes());
            client.ends_input();
            for line in lines {
                server.expect(line)?;
                if line == "one" {
                    // Time for the client to come to the end of its input while the first line is still under way.
                    server.expect_silence(Duration::from_millis(100))?;
                }
                if line == "ten" {
                    server.expect_silence(Duration::from_millis(50))?;
                    demand(!client.has_ended(), || {
                        "Your client did not wait for the echo of its last line.".to_owned()
                    })?;
                }
                server.send(line)?;
                client.prints(&format!("echo {}", quoted(line.as_bytes())))?;
            }
            client.ends_well()?;
            let nothing_to_say = lab.client(server.address(), &[])?;
            farewell(&nothing_to_say)
        })
}

fn sends_three_times() -> Stage {
    Stage::client("Without an echo it sends three times in all, and gives up")
        .promises(["E4", "C8", "C5"])
        .why(
            "UDP does not tell whether a datagram arrived. Sending again is the only remedy, and a limit the only protection \
             from waiting for a server that will never answer.",
        )
        .hints([
            "What happens in your client when the wait for the echo runs out?",
            "A loop of three: send, wait; the wait needs `set_read_timeout`. After the third, an error with `no reply` in it.",
            "for _ in 0..TRIES { socket.send_to(line, server)?; if self.hear_echo(line)? { return Ok(()); } } bail!(\"no reply from {server}\")",
        ])
        .mostly_waiting()
        .story(|lab| {
            // Nobody answers, so nobody is late: exactly three, and no more.
            let mut server = lab.udp_server()?;
            let client = lab.client(server.address(), &["--timeout", "0.15"])?;
            client.types("hello");
            for _ in 1..=3 {
                server.expect("hello")?;
            }
            client.fails(&["no reply", &server.address().port().to_string()])
        })
}

fn waits_as_long_as_it_was_told() -> Stage {
    Stage::client("`--timeout` is the time before it asks again: not less")
        .promises(["E4", "C8"])
        .why(
            "How long an answer may take depends on the network, and its user knows it better than the program. Sending again \
             too early doubles the load just when the network is slow.",
        )
        .hints([
            "Where does the value of `--timeout` go in your program?",
            "It bounds each single wait: try, wait that long, try again.",
            "let deadline = Instant::now() + self.timeout; and `set_read_timeout` to what is left of it",
        ])
        .mostly_waiting()
        .story(|lab| {
            lab.steadily(|lab| {
                let (client, mut server) = client_of(lab, &["--timeout", "2.5"])?;
                client.types("patience");
                server.expect("patience")?;
                server.expect_silence(Duration::from_millis(300))?;
                server.send("patience")?;
                client.prints(r#"echo "patience""#)?;
                farewell(&client)
            })
        })
}

fn waits_no_longer_than_it_was_told() -> Stage {
    Stage::client("`--timeout` is the time before it asks again: not more, at each try")
        .promises(["E4", "C8"])
        .why("Whoever asks for a short wait has a reason, such as a fast network, and a person who waits for the program.")
        .hints([
            "Does each of your waits take as long as `--timeout` says, the second like the first?",
            "No doubling, no fixed second: the same time after each try.",
            "let deadline = Instant::now() + self.timeout; // for each try anew",
        ])
        .mostly_waiting()
        .story(|lab| {
            lab.steadily(|lab| {
                let (client, mut server) = client_of(lab, &["--timeout", "0.15"])?;
                client.types("haste");
                server.expect("haste")?;
                let first = Instant::now();
                server.expect("haste")?;
                server.expect("haste")?;
                demand(first.elapsed() < Duration::from_millis(390), || {
                    format!("Your client took {} ms for two waits of 150 ms.", first.elapsed().as_millis())
                })?;
                client.fails(&["no reply"])
            })
        })
}

fn waits_a_second_by_default() -> Stage {
    Stage::client("Without `--timeout` an answer may take most of a second")
        .promises(["E4", "C8"])
        .why("A default is a guess about networks. A second is long for a wire and short for a person.")
        .hints([
            "What is the timeout when `--timeout` is not given?",
            "1 second, between one try and the next.",
            "#[arg(long, default_value = \"1\", value_parser = seconds)] timeout: Duration",
        ])
        .mostly_waiting()
        .story(|lab| {
            lab.steadily(|lab| {
                let (client, mut server) = client_of(lab, &[])?;
                client.types("hello");
                server.expect("hello")?;
                server.expect_silence(Duration::from_millis(450))?;
                server.send("hello")?;
                client.prints(r#"echo "hello""#)?;
                farewell(&client)
            })
        })
}

fn hears_the_answer_to_its_third_try() -> Stage {
    Stage::client("An answer to the third try is an answer")
        .promises(["E4"])
        .why("On a network that loses every second datagram, the third try is often the first that comes through.")
        .hints([
            "Does your client listen after its last try, too?",
            "Each try is followed by a wait, the third like the first.",
            "for _ in 0..TRIES { send; if self.hear_echo(line)? { return Ok(()); } }",
        ])
        .mostly_waiting()
        .story(|lab| {
            lab.steadily(|lab| {
                let (client, mut server) = client_of(lab, &["--timeout", "0.12"])?;
                client.types("hello");
                for _ in 1..=3 {
                    server.expect("hello")?;
                }
                // An answer may take its time after the last try, too.
                std::thread::sleep(Duration::from_millis(50));
                server.send("hello")?;
                client.prints(r#"echo "hello""#)?;
                // The next line has three tries of its own.
                client.types("again");
                server.expect("again")?;
                server.expect("again")?;
                server.send("again")?;
                client.prints(r#"echo "again""#)?;
                farewell(&client)
            })
        })
}

fn takes_a_refusal_for_a_loss() -> Stage {
    Stage::client("A server that is away for a moment is heard when it is back")
        .promises(["E4"])
        .why(
            "A datagram to a port where nobody listens is answered by ICMP \"port unreachable\". A connected socket reports that \
             as \"connection refused\", at the next call. It means as much as silence: perhaps the server is just starting.",
        )
        .hints([
            "Which errors of `recv_from` and `send_to` end your client?",
            "`ConnectionRefused` is not one of them: go on waiting until the time is up, then try again.",
            "Err(error) if error.kind() == ErrorKind::ConnectionRefused => {} // and around the loop again",
        ])
        .mostly_waiting()
        .story(|lab| {
            lab.steadily(|lab| {
                let (client, mut server) = client_of(lab, &["--timeout", "0.3"])?;
                exchange(&client, &mut server, "here?")?;
                server.goes_away()?;
                client.types("and now?");
                // The second try is 0.3 s after the first, the third 0.6 s.
                std::thread::sleep(Duration::from_millis(150));
                server.comes_back()?;
                server.expect("and now?")?;
                server.send("and now?")?;
                client.prints(r#"echo "and now?""#)?;
                farewell(&client)
            })
        })
}

fn ignores_strangers() -> Stage {
    Stage::client("The right words from the wrong address are no echo")
        .promises(["E5"])
        .why(
            "Anybody who guesses a port can send to it. The sender's address is the least that a client must look at; a \
             `connect`ed UDP socket lets the system do it.",
        )
        .hints([
            "What does your client do with the address that `recv_from` returns?",
            "Compare it with the server's; if it differs, go on waiting for what is left of the time.",
            "Ok((length, peer)) if peer == self.server && buffer[..length] == *line => return Ok(true), Ok(_) => {}",
        ])
        .story(|lab| {
            lab.steadily(|lab| {
            let (client, mut server) = client_of(lab, &["--timeout", "0.15"])?;
            let stranger = lab.udp_stranger()?;
            client.feed(b"hello\nand then\n");
            server.expect("hello")?;
            stranger.send_to(server.partner()?, "hello")?;
            if let Some(namesake) = lab.udp_namesake(&server)? {
                namesake.send_to(server.partner()?, "hello")?;
            }
            // That it asks again proves that it did not take the stranger's word for the echo.
            server.expect("hello")?;
            server.send("hello")?;
            client.prints(r#"echo "hello""#)?;
            server.expect("and then")?;
            server.send("and then")?;
            client.prints(r#"echo "and then""#)?;
            farewell(&client)
            })
        })
}

fn ignores_an_echo_that_comes_late() -> Stage {
    Stage::client("A repeated echo of the line before is not the echo of this one")
        .promises(["E5"])
        .why("Networks repeat datagrams, and a client that asks twice may be answered twice. The second answer comes later.")
        .hints([
            "What if two echoes of the same line arrive?",
            "Compare the bytes with the line that was just sent, and go on waiting if they differ.",
            "Ok((length, peer)) if peer == self.server && buffer[..length] == *line => return Ok(true), Ok(_) => {}",
        ])
        .story(|lab| {
            lab.steadily(|lab| {
            let (client, mut server) = client_of(lab, &["--timeout", "0.15"])?;
            client.types("one");
            server.expect("one")?;
            server.send("one")?;
            server.send("one")?;
            client.prints(r#"echo "one""#)?;
            client.feed(b"two\nthree\n");
            server.expect("two")?;
            server.send("one")?;
            server.expect("two")?;
            server.send("two")?;
            client.prints(r#"echo "two""#)?;
            server.expect("three")?;
            server.send("three")?;
            client.prints(r#"echo "three""#)?;
            farewell(&client)
            })
        })
}

fn ignores_other_bytes() -> Stage {
    Stage::client("Words that only resemble the line are no echo")
        .promises(["E5"])
        .why("An echo is the same bytes, all of them and no more. Whatever else arrives belongs to another question.")
        .hints([
            "What exactly do you compare?",
            "All bytes, and the length: not the beginning, not the text without blanks, not in small letters.",
            "buffer[..length] == *line",
        ])
        .story(|lab| {
            lab.steadily(|lab| {
                let (client, mut server) = client_of(lab, &["--timeout", "0.15"])?;
                client.feed(b"hello\nbye\n");
                server.expect("hello")?;
                for other in ["", "hell", "hello!", "hello\n", " hello", "HELLO", "olleh", "jello", "hello\0"] {
                    server.send(other)?;
                }
                server.send(b"hello\xff")?;
                server.send(b"\xffhello")?;
                server.expect("hello")?;
                server.send("hello")?;
                client.prints(r#"echo "hello""#)?;
                server.expect("bye")?;
                server.send("bye")?;
                client.prints(r#"echo "bye""#)?;
                farewell(&client)
            })
        })
}

fn is_not_kept_waiting_by_strangers() -> Stage {
    Stage::client("Others who talk to it do not prolong the wait")
        .promises(["E4", "E5", "C8"])
        .why(
            "A read timeout bounds one call. If every datagram that is not the echo starts a new wait, whoever sends some often \
             enough keeps the client waiting for ever.",
        )
        .hints([
            "When does your wait for an echo begin, and what begins it anew?",
            "Note the time at which it ends, and wait only for what is left of it after each datagram that is not the echo.",
            "let left = deadline.saturating_duration_since(Instant::now()); if left.is_zero() { return Ok(false); }",
        ])
        .story(|lab| {
            lab.steadily(|lab| {
            let (client, mut server) = client_of(lab, &["--timeout", "0.15"])?;
            let stranger = lab.udp_stranger()?;
            client.types("hello");
            server.expect("hello")?;
            let began = Instant::now();
            lab.in_short("stranger", "and server send other words all the time", |lab| {
                while !server.has_mail(Duration::from_millis(20))? {
                    demand(began.elapsed() < lab.patience(), || {
                        "Your client does not ask again as long as others talk to it.".to_owned()
                    })?;
                    stranger.send_to(server.partner()?, "psst")?;
                    server.send("not your words")?;
                }
                Ok(())
            })?;
            server.expect("hello")?;
            server.send("hello")?;
            client.prints(r#"echo "hello""#)?;
            farewell(&client)
            })
        })
}

fn refuses_a_line_that_is_too_long() -> Stage {
    Stage::client("A line that fits into no datagram is an error")
        .promises(["C5", "E3"])
        .why("One line is one datagram, and a datagram has at most 65,507 bytes. To cut the line would be to send another one.")
        .hints([
            "What does your client do with a line of 65,508 bytes?",
            "It fails, and says which limit was passed; the lines before are echoed as usual.",
            "read_line(&mut input, MAX_DATAGRAM).context(\"cannot take a line of standard input\")?",
        ])
        .story(|lab| {
            let (client, mut server) = patient_client_of(lab)?;
            exchange(&client, &mut server, "short")?;
            client.feed(&text(MAX_DATAGRAM + 1));
            client.feed(b"\nnever sent\n");
            client.ends_input();
            client.fails(&[])
        })
}

/// Returns a line as often as it comes: with its buffer full of other things, the client may miss the first echo.
fn echo_until_heard(lab: &Lab, client: &Program, server: &mut UdpPeer, line: &str) -> Outcome {
    client.types(line);
    let (due, began) = (format!("echo {}", quoted(line.as_bytes())), Instant::now());
    while client.line_within(Duration::from_millis(5)).is_none_or(|printed| printed != due) {
        demand(began.elapsed() < lab.patience(), || format!("Your client did not print `{due}`."))?;
        if server.has_mail(Duration::from_millis(5))? {
            server.expect(line)?;
            server.send(line)?;
        }
    }
    Ok(())
}

fn keeps_nothing_that_nobody_asked_for() -> Stage {
    Stage::client("Datagrams that it did not ask for cost no memory")
        .promises(["C10"])
        .why(
            "The system keeps a few datagrams for a program that does not read, and drops the rest. A program that reads them \
             all, in case they may be of use, lets whoever sends them decide how much memory it needs.",
        )
        .hints([
            "Where do datagrams go that arrive while your client waits for the next line?",
            "Leave them in the socket, or look at each and forget it. No list, no queue without a limit.",
            "Call `recv_from` only in the wait for an echo.",
        ])
        .story(|lab| {
            let (client, mut server) = client_of(lab, &["--timeout", "0.5"])?;
            exchange(&client, &mut server, "hello")?;
            let unwanted = vec![0xff; 60_000];
            lab.memory_stays(&client, |lab| {
                lab.in_short("server", "sends 400 datagrams that nobody asked for", |_| {
                    for _ in 0..400 {
                        server.send(&unwanted)?;
                        // Sent faster than they can be read, most would be lost.
                        std::thread::sleep(Duration::from_micros(150));
                    }
                    Ok(())
                })?;
                // When it has heard this echo, it has read whatever it reads.
                echo_until_heard(lab, &client, &mut server, "still there?")?;
                Ok((400 * unwanted.len()) as u64)
            })?;
            farewell(&client)
        })
}

// Both.

fn the_pair_survives_a_bad_network() -> Stage {
    Stage::pair("Your client and your server, on a network that loses, repeats and delays")
        .promises(["E1", "E3", "E4", "E5"])
        .why("Each kept its promises alone, with the lab for a partner. Here they have only each other, and a network that is none too good.")
        .hints([
            "Both pass alone? Then compare what each says with what the other expects.",
            "`cargo xtask run udp-echo --loss 30% --seed 7` shows the two, and what the network does to them.",
            "A line that is lost on the way out or back is sent again; an echo that comes twice is printed once.",
        ])
        .mostly_waiting()
        .story(|lab| {
            lab.steadily(|lab| {
            let server = lab.server()?;
            let rules = vec![
                Rule::lose().to(Direction::ToServer).only(1),
                Rule::lose().to(Direction::ToClient).only(1),
                Rule::duplicate().to(Direction::ToClient).only(2),
                Rule::delay(Duration::from_millis(20)).to(Direction::ToServer).only(4),
            ];
            let tap = lab.tap(&server, Transport::Udp, rules)?;
            let client = lab.client(tap.address(), &["--timeout", "0.15"])?;
            client.feed("我爱你\nhello\nexit\n".as_bytes());
            for line in ["我爱你", "hello", "exit"] {
                client.prints(&format!("echo {}", quoted(line.as_bytes())))?;
            }
            client.ends_well()?;
            lab.recall(&tap);
            demand(tap.strikes()[..3] == [1, 1, 1], || "The network did not get to do what it should have done.".to_owned())?;
            lab.lowers_the_curtain()
            })
        })
}
