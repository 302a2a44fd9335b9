//! What is checked of chapter 5, TCP chat: one story a stage. The lab plays the people in the room for the server, and
//! the server for the client.

use std::time::{Duration, Instant};

use scenario::{
    Chapter, Direction, Example, Lab, Outcome, Profile, Program, Rule, Stage, TcpPeer, TcpStand, Transport, WithClient,
    demand, stages,
};

scenario::main!("tcp-chat", chapter);

/// The chapter, for the checker.
pub fn chapter() -> Chapter {
    let profile = Profile {
        default_port: 8008,
        server_options: &["--bind"],
        client_options: &["--connect", "--timeout"],
        example: Example { arguments: &[], input: "hi\nis anybody here?\nexit\n" },
        with_server: one_guest_of_the_server,
        with_client: WithClient::Tcp(one_line_for_the_client),
    };
    let stages = stages![
        the_operator_and_a_client_talk,
        both_may_speak_at_any_time,
        serves_the_next_client,
        a_line_goes_to_all_others,
        tells_who_comes_and_who_goes,
        the_operators_line_goes_to_all,
        goes_on_without_the_operator,
        ends_when_the_operator_says_so,
        a_client_may_leave_in_any_way,
        keeps_exit_to_itself,
        finds_the_lines_however_they_come,
        all_hear_one_order,
        drops_who_does_not_read,
        refuses_a_line_that_is_too_long,
        keeps_nothing_of_a_line_without_an_end,
        passes_on_nothing_that_harms,
        serves_others_beside_the_silent,
        survives_resets_and_noise,
        waits_when_it_has_no_descriptor_left,
        forgets_what_was_said,
        prints_lines_as_they_arrive,
        sends_lines_as_they_are_typed,
        hears_while_the_user_types,
        hears_while_it_cannot_send,
        prints_whole_lines,
        prints_nothing_that_harms,
        exit_is_sent_and_ends_it,
        the_end_of_input_is_not_the_end_of_listening,
        ends_when_the_server_closes,
        waits_as_long_as_the_room_is_silent,
        keeps_nothing_of_a_line_that_the_server_does_not_end,
        forgets_what_it_printed,
        the_pair_talks,
    ];
    Chapter::new("tcp-chat", include_str!("../README.md"), profile, stages)
}

fn one_guest_of_the_server(lab: &mut Lab, server: &Program) -> Outcome {
    let mut alice = join(lab, server, "alice", 1)?;
    says(&mut alice, server, 1, "hi")?;
    leaves(alice, server, 1)
}

fn one_line_for_the_client(_: &mut Lab, stand: TcpStand, client: &Program) -> Outcome {
    let mut server = stand.accept()?;
    client.types("hi");
    server.expect("hi\n")?;
    server.send("server: hello\n")?;
    client.prints("server: hello")?;
    server.ends_sending()?;
    client.prints("connection closed by server")?;
    client.ends_well()
}

/// Somebody who connects, as client number so and so, and is seen by the operator.
fn join(lab: &mut Lab, server: &Program, name: &str, number: usize) -> Outcome<TcpPeer> {
    let peer = lab.tcp(name, server)?;
    has_joined(&peer, server, number)?;
    Ok(peer)
}

fn has_joined(peer: &TcpPeer, server: &Program, number: usize) -> Outcome {
    server.prints(&format!("client-{number} joined from {}", peer.address()))
}

/// Several who join, one after the other; each hears of those who come later.
fn join_all<const N: usize>(lab: &mut Lab, server: &Program, names: [&str; N]) -> Outcome<[TcpPeer; N]> {
    let mut room: Vec<TcpPeer> = Vec::new();
    for (at, name) in names.iter().enumerate() {
        let newcomer = join(lab, server, name, at + 1)?;
        all_hear(&mut room, &format!("client-{} joined", at + 1))?;
        room.push(newcomer);
    }
    Ok(room.try_into().expect("as many joined as there are names"))
}

fn all_hear(room: &mut [TcpPeer], line: &str) -> Outcome {
    room.iter_mut().try_for_each(|peer| peer.expect_line(line))
}

/// A client says a line, and the operator sees it.
fn says(peer: &mut TcpPeer, server: &Program, number: usize, line: &str) -> Outcome {
    peer.send(format!("{line}\n"))?;
    server.prints(&format!("client-{number}: {line}"))
}

/// A client leaves with `exit`, and is not told what it knows.
fn leaves(mut peer: TcpPeer, server: &Program, number: usize) -> Outcome {
    peer.send("exit\n")?;
    let left = format!("client-{number} left");
    server.prints(&left)?;
    let words = peer.last_words()?;
    demand(!String::from_utf8_lossy(&words).lines().any(|line| line == left), || {
        format!("`{left}` went to the very client that left; it goes to the others.")
    })
}

/// Each sequence of U+FFFD as one: a bad sequence of bytes may be replaced as a whole, or byte by byte.
fn with_single_replacements(line: &str) -> String {
    let mut letters: Vec<char> = line.chars().collect();
    letters.dedup_by(|next, before| *next == '\u{fffd}' && *before == '\u{fffd}');
    letters.into_iter().collect()
}

// The server.

fn the_operator_and_a_client_talk() -> Stage {
    Stage::server("The operator and one client talk with each other")
        .promises(["G1", "G3", "G4"])
        .why(
            "A TCP connection is a way in both directions. The server's side of it belongs to a person here, too: what is typed \
             at the server goes to the client, what the client sends is printed at the server.",
        )
        .hints([
            "What must the server do at the same time: read from the client, or from its own standard input?",
            "Both. Give each a thread, and let both tell one place what they have heard.",
            "let (tell, events) = sync_channel(256); thread::spawn(move || hear_operator(&operator)); …",
        ])
        .story(|lab| {
            let server = lab.server()?;
            let mut alice = join(lab, &server, "alice", 1)?;
            says(&mut alice, &server, 1, "hi")?;
            server.types("hello");
            alice.expect_line("server: hello")?;
            says(&mut alice, &server, 1, "我爱你")?;
            server.types("我也爱你");
            alice.expect_line("server: 我也爱你")?;
            leaves(alice, &server, 1)
        })
}

fn both_may_speak_at_any_time() -> Stage {
    Stage::server("Nobody has to wait for the other's turn")
        .promises(["G3", "G1"])
        .why(
            "People do not take turns. A server that reads a line, answers a line, and reads again hears nothing while its \
             operator thinks, and says nothing while the client does.",
        )
        .hints([
            "What does your server wait for after it has printed a client's line?",
            "For nothing in particular: whoever speaks first is heard first.",
            "One thread reads from the client in a loop, another from stdin; neither waits for the other.",
        ])
        .story(|lab| {
            let server = lab.server()?;
            let mut alice = join(lab, &server, "alice", 1)?;
            for line in ["are you there?", "hello?", "I can wait."] {
                server.types(line);
                alice.expect_line(&format!("server: {line}"))?;
            }
            for line in ["yes", "sorry", "I was away"] {
                says(&mut alice, &server, 1, line)?;
            }
            server.feed(b"one\ntwo\n");
            alice.expect("server: one\nserver: two\n")?;
            alice.send("three\nfour\n")?;
            server.prints("client-1: three")?;
            server.prints("client-1: four")?;
            leaves(alice, &server, 1)
        })
}

fn serves_the_next_client() -> Stage {
    Stage::server("When a client has left, the next one is served")
        .promises(["G1", "G4", "C6"])
        .why(
            "A server that was written for one conversation ends with it. One that is a loop around `accept` does not.",
        )
        .hints([
            "What does your server do when `read` returns 0?",
            "The thread of this client ends; that of `accept` has been waiting for the next one all the time.",
            "for client in 1.. { let (stream, peer) = listener.accept()?; thread::spawn(…) }",
        ])
        .story(|lab| {
            let server = lab.server()?;
            for (number, name) in [(1, "alice"), (2, "bob"), (3, "carol")] {
                let mut guest = join(lab, &server, name, number)?;
                says(&mut guest, &server, number, "hi")?;
                server.types("welcome");
                guest.expect_line("server: welcome")?;
                leaves(guest, &server, number)?;
            }
            lab.in_short("three hundred others", "come, say a word, and go", |lab| {
                (4..304).try_for_each(|number| {
                    let mut guest = join(lab, &server, "other", number)?;
                    says(&mut guest, &server, number, "hi")?;
                    guest.ends_sending()?;
                    server.prints(&format!("client-{number} left"))
                })
            })
        })
}

fn a_line_goes_to_all_others() -> Stage {
    Stage::server("What one says, all others hear, and not the one who said it")
        .promises(["G2", "G1"])
        .why(
            "A relay sends what comes from one to many. The one who said it has it on the screen already, and would see it twice.",
        )
        .hints([
            "Who gets a client's line, and under which name?",
            "Keep a list of all clients in one place; send the line to each but its author.",
            "for (number, client) in &mut self.clients { if Some(*number) != author { client.outbox.add(lines); } }",
        ])
        .story(|lab| {
            let server = lab.server()?;
            let [mut alice, mut bob, mut carol] = join_all(lab, &server, ["alice", "bob", "carol"])?;
            says(&mut alice, &server, 1, "hi")?;
            bob.expect_line("client-1: hi")?;
            carol.expect_line("client-1: hi")?;
            for line in ["  two  blanks  ", ""] {
                says(&mut carol, &server, 3, line)?;
                alice.expect_line(&format!("client-3: {line}"))?;
                bob.expect_line(&format!("client-3: {line}"))?;
            }
            // What the operator says comes after all that: nobody has heard himself.
            server.types("that was all");
            let mut room = [alice, bob, carol];
            all_hear(&mut room, "server: that was all")?;
            lab.keep(room);
            Ok(())
        })
}

fn tells_who_comes_and_who_goes() -> Stage {
    Stage::server("Those who are there hear who comes and who goes")
        .promises(["G2", "G1", "G4"])
        .why("A connection that ends is no event for anybody but its two ends. The others know only what the server tells them.")
        .hints([
            "Who learns that a client has connected?",
            "All who were there before; the newcomer itself need not be told.",
            "Tell the others first, then put the newcomer into the list.",
        ])
        .story(|lab| {
            let server = lab.server()?;
            let [mut alice, bob, mut carol] = join_all(lab, &server, ["alice", "bob", "carol"])?;
            leaves(bob, &server, 2)?;
            alice.expect_line("client-2 left")?;
            carol.expect_line("client-2 left")?;
            let mut dave = join(lab, &server, "dave", 4)?;
            alice.expect_line("client-4 joined")?;
            carol.expect_line("client-4 joined")?;
            says(&mut dave, &server, 4, "am I late?")?;
            alice.expect_line("client-4: am I late?")?;
            server.types("no");
            dave.expect_line("server: no")?;
            leaves(alice, &server, 1)?;
            dave.expect_line("client-1 left")?;
            lab.keep([carol, dave]);
            Ok(())
        })
}

fn the_operators_line_goes_to_all() -> Stage {
    Stage::server("What the operator says, all hear")
        .promises(["G3"])
        .why("The operator is one more in the room, without a connection. All that is said goes the same way, through one place.")
        .hints([
            "To whom does your server send what is typed at it?",
            "To every client that is connected just now, the one who spoke last and all others.",
            "Event::Announced(line) => self.tell(None, &line) // nobody is left out",
        ])
        .story(|lab| {
            let server = lab.server()?;
            let mut room = join_all(lab, &server, ["alice", "bob", "carol"])?;
            server.types("welcome, all of you");
            all_hear(&mut room, "server: welcome, all of you")?;
            says(&mut room[1], &server, 2, "thanks")?;
            room[0].expect_line("client-2: thanks")?;
            room[2].expect_line("client-2: thanks")?;
            let long = "not at all, ".repeat(200);
            for line in ["  not at all  ", "", &long] {
                server.types(line);
                all_hear(&mut room, &format!("server: {line}"))?;
            }
            lab.keep(room);
            Ok(())
        })
}

fn goes_on_without_the_operator() -> Stage {
    Stage::server("The end of the operator's input leaves the room open")
        .promises(["G3", "C9"])
        .why(
            "A server that is started by the system has no keyboard: its standard input is at its end from the beginning. That is \
             no reason to end.",
        )
        .hints([
            "What does your server do when reading from stdin returns nothing more?",
            "The thread that listens to the operator ends; nothing else does.",
            "Ok(None) => return, // from this thread, not from the process",
        ])
        .story(|lab| {
            let server = lab.server()?;
            let mut alice = join(lab, &server, "alice", 1)?;
            server.feed(b"I have to go\nbye");
            server.ends_input();
            alice.expect_line("server: I have to go")?;
            alice.expect_line("server: bye")?;
            let mut bob = join(lab, &server, "bob", 2)?;
            alice.expect_line("client-2 joined")?;
            says(&mut bob, &server, 2, "who is here?")?;
            alice.expect_line("client-2: who is here?")?;
            says(&mut alice, &server, 1, "only we two")?;
            bob.expect_line("client-1: only we two")?;
            lab.keep([alice, bob]);
            Ok(())
        })
}

fn ends_when_the_operator_says_so() -> Stage {
    Stage::server("The operator's `exit` closes every connection and ends the server")
        .promises(["G3"])
        .why("A server that ends in good order closes its connections, so that nobody waits for one who is gone.")
        .hints([
            "Which threads still wait when the operator says `exit`?",
            "Returning from `main` ends them all; shut down each connection before that.",
            "for client in self.clients.values() { let _ = client.stream.shutdown(Shutdown::Both); }",
        ])
        .story(|lab| {
            for names in [&["alice", "bob"][..], &[]] {
                let server = lab.server()?;
                let mut room = Vec::new();
                for (at, name) in names.iter().enumerate() {
                    room.push(join(lab, &server, name, at + 1)?);
                }
                server.types("exit");
                for peer in &mut room {
                    let words = peer.last_words()?;
                    demand(!String::from_utf8_lossy(&words).contains("exit"), || {
                        "Your server passed its operator's `exit` on.".to_owned()
                    })?;
                }
                let finished = server.ends()?;
                demand(finished.code == Some(0), || "Your server did not end with status 0 after `exit`.".to_owned())?;
                // Whether it says that they left is open; that it passes `exit` on is not.
                let surplus = finished.stdout.lines().find(|line| !line.ends_with(" left"));
                demand(surplus.is_none(), || format!("Your server printed `{}`.", surplus.unwrap_or_default()))?;
                lab.lowers_the_curtain()?;
            }
            Ok(())
        })
}

fn a_client_may_leave_in_any_way() -> Stage {
    Stage::server("`exit`, the end of the stream, a reset: each is a way to leave")
        .promises(["G4", "G2", "G3"])
        .why(
            "A user types `exit`, a terminal is closed (FIN), a machine crashes and comes back (RST). The server has to notice all \
             three, or its room fills up with people who are gone.",
        )
        .hints([
            "What do `read` and your server do in each of the three cases?",
            "A line `exit`, a read of 0, an error: all three end the thread, and all three must be told to the room.",
            "let why = loop { … }; tell.send(Event::Left { client, why })",
        ])
        .story(|lab| {
            let server = lab.server()?;
            let mut alice = join(lab, &server, "alice", 1)?;
            let ways: [(&str, &[u8], &[&str]); 6] = [
                ("exit", b"hi\nexit\n", &["hi"]),
                ("exit with a return", b"exit\r\n", &[]),
                ("exit and more", b"exit\nnot heard any more\n", &[]),
                ("the end of the stream", b"", &[]),
                ("a last line without an end", b"one\ntwo", &["one", "two"]),
                ("exit without an end", b"exit", &[]),
            ];
            for (at, (way, bytes, lines)) in ways.iter().enumerate() {
                let number = at + 2;
                let mut bob = join(lab, &server, "bob", number)?;
                alice.expect_line(&format!("client-{number} joined"))?;
                bob.send(bytes)?;
                if !way.starts_with("exit") || way.ends_with("an end") {
                    bob.ends_sending()?;
                }
                for line in *lines {
                    server.prints(&format!("client-{number}: {line}"))?;
                    alice.expect_line(&format!("client-{number}: {line}"))?;
                }
                server.prints(&format!("client-{number} left"))?;
                alice.expect_line(&format!("client-{number} left"))?;
                bob.wait_for_close()?;
            }
            let number = ways.len() + 2;
            let mut bob = join(lab, &server, "bob", number)?;
            alice.expect_line(&format!("client-{number} joined"))?;
            says(&mut bob, &server, number, "I feel strange")?;
            alice.expect_line(&format!("client-{number}: I feel strange"))?;
            bob.resets()?;
            alice.expect_line(&format!("client-{number} left"))?;
            server.types("still there?");
            alice.expect_line("server: still there?")?;
            // What a reset leaves on stdout is open.
            lab.lowers_the_curtain()
        })
}

fn keeps_exit_to_itself() -> Stage {
    Stage::server("Nobody's `exit` is printed or passed on, nor are the operator's own lines printed")
        .promises(["G3", "G4"])
        .why("`exit` is said to the program, not to the people. Everything else is, even if it begins like it.")
        .hints([
            "Where in your server is a line compared with `exit`?",
            "Before it is printed or passed on; and the whole line is compared, not its beginning.",
            "Step::Line(b\"exit\") => return …, Step::Line(line) => pass_on(line)",
        ])
        .story(|lab| {
            let server = lab.server()?;
            let [mut alice, mut bob, mut carol] = join_all(lab, &server, ["alice", "bob", "carol"])?;
            says(&mut bob, &server, 2, "exit or not?")?;
            alice.expect_line("client-2: exit or not?")?;
            carol.expect_line("client-2: exit or not?")?;
            server.types("exit if you like");
            alice.expect_line("server: exit if you like")?;
            leaves(bob, &server, 2)?;
            carol.expect_line("server: exit if you like")?;
            alice.expect_line("client-2 left")?;
            carol.expect_line("client-2 left")?;
            says(&mut carol, &server, 3, "gone")?;
            alice.expect_line("client-3: gone")?;
            lab.keep([alice, carol]);
            Ok(())
        })
}

fn finds_the_lines_however_they_come() -> Stage {
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
                let lines: Vec<_> = (1..=100).map(|number| format!("line {number}")).collect();
                bob.send(lines.join("\n") + "\n")?;
                lines.iter().try_for_each(|line| {
                    server.prints(&format!("client-2: {line}"))?;
                    alice.expect_line(&format!("client-2: {line}"))
                })
            })?;
            lab.keep([alice, bob]);
            Ok(())
        })
}

fn all_hear_one_order() -> Stage {
    Stage::server("When several talk at once, all hear the same order, and whole lines")
        .promises(["G5", "G2"])
        .why(
            "If each client's thread writes to everybody's socket, two lines may reach one listener in one order and the next in \
             another, or be written into each other. Order is made where there is one place to make it.",
        )
        .hints([
            "How many threads of your server may write to one socket?",
            "One place decides what comes next, for all: a thread that takes lines from a channel, or one lock around the whole list.",
            "for event in events { self.handle(event) } // nobody else writes",
        ])
        .story(|lab| {
            let server = lab.server()?;
            let mut room = Vec::from(join_all(lab, &server, ["alice", "bob", "carol", "dave"])?);
            // What is sent to eve does not fit at once: whoever writes to her has to wait in the middle of a line.
            let eve = lab.tcp_with_little_room("eve", &server)?;
            has_joined(&eve, &server, 5)?;
            all_hear(&mut room, "client-5 joined")?;
            room.push(eve);
            lab.in_short("all but dave and eve", "say 3 times 200 lines each, all at once, and all hear them", |_| {
                (0..3).try_for_each(|_| hear_one_order(&server, &mut room))
            })?;
            lab.keep(room);
            Ok(())
        })
}

/// The first three of the room, and the operator, talk at once, and all hear the same.
fn hear_one_order(server: &Program, room: &mut [TcpPeer]) -> Outcome {
    const LINES: usize = 200;
    // All that they say waits for the server when it goes on: it has no time to take it in turns.
    server.pause();
    (1..4).zip(&mut *room).try_for_each(|(number, peer)| peer.send(numbered(number, LINES)))?;
    server.feed(numbered(0, LINES).as_bytes());
    server.resume();
    let heard = std::thread::scope(|scope| {
        let listen = |(at, peer)| scope.spawn(move || hear_lines(peer, if at < 3 { 3 * LINES } else { 4 * LINES }));
        let listening: Vec<_> = room.iter_mut().enumerate().map(listen).collect();
        let all = listening.into_iter().map(|listener| listener.join().expect("a listener does not panic"));
        all.collect::<Outcome<Vec<_>>>()
    })?;
    let printed = (0..3 * LINES).map(|_| server.next_line("a line of somebody")).collect::<Outcome<Vec<_>>>()?;
    same_order(&heard)?;
    all_there(&heard[3], &["server", "client-1", "client-2", "client-3"], LINES)?;
    all_there(&printed, &["client-1", "client-2", "client-3"], LINES)
}

fn hear_lines(peer: &mut TcpPeer, count: usize) -> Outcome<Vec<String>> {
    (0..count).map(|_| peer.next_line("a line of somebody else")).collect()
}

/// So many lines of the operator or one of the first three clients: short ones and long ones.
fn numbered(speaker: usize, count: usize) -> String {
    let letter = ["o", "a", "b", "c"][speaker];
    (0..count).map(|number| format!("{number} {}\n", letter.repeat(number % 16 * 20))).collect()
}

/// Whoever talked heard the same as the listeners, but for the own lines.
fn same_order(heard: &[Vec<String>]) -> Outcome {
    let (dave, eve) = (&heard[3], &heard[4]);
    let differs = dave.iter().zip(eve).position(|(dave, eve)| dave != eve);
    demand(differs.is_none(), || {
        let at = differs.unwrap_or_default();
        format!("dave heard `{}` as line {}, eve `{}`.", short(&dave[at]), at + 1, short(&eve[at]))
    })?;
    for (at, name) in ["alice", "bob", "carol"].iter().enumerate() {
        let own = format!("client-{}: ", at + 1);
        let others: Vec<_> = dave.iter().filter(|line| !line.starts_with(&own)).collect();
        let differs = heard[at].iter().zip(&others).position(|(one, other)| one != *other);
        demand(differs.is_none() && heard[at].len() == others.len(), || {
            let at_line = differs.unwrap_or_default();
            format!("{name} did not hear the others in the order in which dave did: `{}`.", short(&heard[at][at_line]))
        })?;
    }
    Ok(())
}

/// Each speaker's lines, all of them, whole, and in their order.
fn all_there(lines: &[String], speakers: &[&str], each: usize) -> Outcome {
    for name in speakers {
        let begin = format!("{name}: ");
        let speaker = name.strip_prefix("client-").and_then(|number| number.parse().ok()).unwrap_or(0);
        let said: Vec<_> = lines.iter().filter_map(|line| line.strip_prefix(&begin)).collect();
        let due = numbered(speaker, each);
        let due: Vec<_> = due.lines().collect();
        demand(said == due, || {
            let wrong = (0..each).find(|number| said.get(*number) != due.get(*number));
            format!("Line {} of {name} did not arrive whole and in its turn.", wrong.unwrap_or(each) + 1)
        })?;
    }
    Ok(())
}

fn short(line: &str) -> String {
    line.chars().take(40).collect()
}

fn drops_who_does_not_read() -> Stage {
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
                let mut longest = Duration::ZERO;
                lab.in_short("alice and the operator", "talk, and bob hears every line, until the server drops carol", |_| {
                    for number in 0.. {
                        let began = Instant::now();
                        let dropped = talk_for_a_while(&server, &mut room, number)?;
                        longest = longest.max(began.elapsed());
                        if dropped || is_dropped(&server, &carol, number + 1)? {
                            break;
                        }
                    }
                    Ok(())
                })?;
                demand(longest < Duration::from_millis(700), || {
                    format!("While carol did not read, the others had to wait for {:.1} s.", longest.as_secs_f64())
                })?;
                carol.wait_for_close()?;
                room[0].send("are you still there, bob?\n")?;
                hears(&mut room[1], "client-1: are you still there, bob?")?;
                server.prints("client-1: are you still there, bob?")?;
                lab.keep(room);
                Ok(())
            })
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

fn refuses_a_line_that_is_too_long() -> Stage {
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

/// Expects that a client is closed out for its line; the others may hear the reason or not.
fn is_expelled(server: &Program, other: &mut TcpPeer, mut expelled: TcpPeer, number: usize) -> Outcome {
    server.prints(&format!("client-{number} left (line too long)"))?;
    let line = other.next_line(&format!("client-{number} left"))?;
    demand(line.starts_with(&format!("client-{number} left")), || {
        format!("`{}` was heard, where `client-{number} left` was due.", short(&line))
    })?;
    expelled.wait_for_close()
}

fn keeps_nothing_of_a_line_without_an_end() -> Stage {
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

fn passes_on_nothing_that_harms() -> Stage {
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
            let lines: [(&[u8], &str); 11] = [
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
            for (bytes, due) in lines {
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

fn serves_others_beside_the_silent() -> Stage {
    Stage::server("Clients that say nothing, or half a line, keep nobody waiting")
        .promises(["C6", "G2"])
        .why("Most people in a room are silent most of the time. A server that waits for one of them waits for all.")
        .hints([
            "What does your server wait for when somebody has connected and says nothing?",
            "Give each client a thread of its own; then each waits for itself.",
            "thread::Builder::new().spawn(move || hear(client, &stream, &tell))",
        ])
        .story(|lab| {
            let server = lab.server()?;
            let mut silent = Vec::new();
            lab.in_short("a hundred others", "join, and say nothing", |lab| {
                (1..=100).try_for_each(|number| {
                    silent.push(join(lab, &server, "silent", number)?);
                    Ok(())
                })
            })?;
            let mut half = join(lab, &server, "half", 101)?;
            half.send("half a li")?;
            half.is_read()?;
            let mut alice = join(lab, &server, "alice", 102)?;
            let mut bob = join(lab, &server, "bob", 103)?;
            alice.expect_line("client-103 joined")?;
            says(&mut bob, &server, 103, "hi")?;
            alice.expect_line("client-103: hi")?;
            half.send("ne\n")?;
            server.prints("client-101: half a line")?;
            alice.expect_line("client-101: half a line")?;
            bob.expect_line("client-101: half a line")?;
            lab.keep(silent);
            lab.keep([half, alice, bob]);
            Ok(())
        })
}

fn survives_resets_and_noise() -> Stage {
    Stage::server("Resets and noise stop nobody")
        .promises(["C6", "G7"])
        .why(
            "Whatever is reachable is tried by everybody: scanners that connect and break off, browsers that speak HTTP, and programs \
             that send nothing but noise.",
        )
        .hints([
            "Which errors end more than the thread of one client?",
            "None should: `accept`, `read` and `write` fail for one client, and the room goes on.",
            "Err(_) => /* this client has left */, and no `unwrap` on anything that comes from the network",
        ])
        .story(|lab| {
            let server = lab.server()?;
            let mut alice = join(lab, &server, "alice", 1)?;
            let mut bob = None;
            // What the others hear of those who break off depends on how fast that was.
            lab.in_short("mallory", "connects, sends noise and breaks off, again and again, until bob comes", |lab| {
                breaks_off_again_and_again(lab, &server)?;
                let bob = bob.insert(lab.tcp("bob", &server)?);
                bob.send("is anybody here?\n")?;
                hears_at_last(&mut alice, ": is anybody here?")?;
                alice.send("I am\n")?;
                hears_at_last(bob, "client-1: I am")
            })?;
            demand(!server.has_ended(), || "Your server ended.".to_owned())?;
            // Which lines the broken connections leave is open.
            lab.lowers_the_curtain()
        })
}

fn breaks_off_again_and_again(lab: &mut Lab, server: &Program) -> Outcome {
    let noise: Vec<u8> = (0..4096_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    for bytes in [&b""[..], b"half a", b"GET / HTTP/1.1\r\n\r\n", &noise] {
        let mut mallory = lab.tcp("mallory", server)?;
        mallory.send(bytes)?;
        mallory.is_read()?;
        mallory.resets()?;
    }
    // Held up, the server finds connections in its queue that are broken already.
    server.pause();
    for _ in 0..5 {
        let mut mallory = lab.tcp("mallory", server)?;
        mallory.send("and off\n")?;
        mallory.resets()?;
    }
    server.resume();
    Ok(())
}

fn waits_when_it_has_no_descriptor_left() -> Stage {
    Stage::server("Without a descriptor left for the next client, it goes on with those it has")
        .promises(["C6"])
        .why(
            "Every connection is an open file, and the system lets a process have only so many: often 1024. Then `accept` \
             fails, again and again, until somebody leaves. That is a full room, and no reason to close it.",
        )
        .hints([
            "What does your server do when `accept` fails with \"too many open files\"?",
            "It complains, waits a little (or `accept` fails again at once), and tries again.",
            "Err(error) => { complain(error); thread::sleep(Duration::from_millis(50)); }",
        ])
        .story(|lab| {
            let server = lab.server()?;
            let mut alice = join(lab, &server, "alice", 1)?;
            let mut bob = join(lab, &server, "bob", 2)?;
            server.limits_descriptors(6)?;
            // Who of them comes in, and is told to the others, is for the system to decide.
            lab.in_short("ten others", "connect, and leave again; alice and bob talk", |lab| {
                let crowd = (0..10).map(|_| lab.tcp("other", &server)).collect::<Outcome<Vec<_>>>()?;
                alice.send("quite a crowd\n")?;
                hears_at_last(&mut bob, "client-1: quite a crowd")?;
                crowd.into_iter().try_for_each(TcpPeer::resets)
            })?;
            lab.in_short("carol", "comes when they are gone", |lab| {
                let mut carol = lab.tcp("carol", &server)?;
                carol.send("where are they?\n")?;
                hears_at_last(&mut bob, ": where are they?")?;
                bob.send("gone\n")?;
                hears_at_last(&mut carol, "client-2: gone")
            })?;
            lab.lowers_the_curtain()
        })
}

fn forgets_what_was_said() -> Stage {
    Stage::server("Whatever is said in the room, its memory stays as it was")
        .promises(["C10"])
        .why("A room may be open for months. Whatever the server keeps of each line adds up, and those who talk decide how much.")
        .hints([
            "What grows in your server with every line?",
            "What has been sent to everybody is forgotten. An outbox holds what is still unsent, and nothing else.",
            "self.bytes.drain(..length); // sent, so it goes",
        ])
        .story(|lab| {
            const LINE: usize = 2000;
            const LINES: usize = 100;
            const COUNT: usize = 60;
            let server = lab.server()?;
            let mut room = join_all(lab, &server, ["alice", "bob"])?;
            let said = format!("{}\n", "x".repeat(LINE - "server: \n".len())).repeat(LINES * COUNT);
            lab.memory_stays(&server, |lab| {
                lab.in_short("the operator", "talks on, and alice and bob hear it all", |_| {
                    server.feed(said.as_bytes());
                    (0..COUNT).try_for_each(|_| room.iter_mut().try_for_each(|peer| peer.reads(LINES * LINE)))
                })?;
                Ok(said.len() as u64)
            })?;
            lab.lowers_the_curtain()
        })
}

/// Reads lines until one ends like this.
fn hears_at_last(peer: &mut TcpPeer, end: &str) -> Outcome {
    while !peer.next_line(end)?.ends_with(end) {}
    Ok(())
}

// The client.

/// A client that was started, and the lab's end of its connection.
fn client_of(lab: &mut Lab, options: &[&str]) -> Outcome<(Program, TcpPeer)> {
    let stand = lab.tcp_server()?;
    let client = lab.client(stand.address(), options)?;
    let server = stand.accept()?;
    Ok((client, server))
}

/// How long what is to be done at once may take; and for others, which are not of this world, more.
fn at_once<T>(lab: &Lab, what: &str, part: impl FnOnce() -> Outcome<T>) -> Outcome<T> {
    let began = Instant::now();
    let done = part()?;
    demand(began.elapsed() < lab.patience() / 5, || {
        format!("It took {:.1} s until {what}; that should be done at once.", began.elapsed().as_secs_f64())
    })?;
    Ok(done)
}

/// The server closes, and the client says so and ends.
fn server_closes(client: &Program, server: &mut TcpPeer) -> Outcome {
    server.ends_sending()?;
    client.prints("connection closed by server")?;
    client.ends_well()
}

fn prints_lines_as_they_arrive() -> Stage {
    Stage::client("Lines are printed as they arrive, without anything being typed")
        .promises(["G8", "C4"])
        .why("Whoever listens does not know when somebody will speak. A client that reads its keyboard first hears nothing until then.")
        .hints([
            "What does your client wait for: its user, or its server?",
            "Both at once: a thread for each.",
            "thread::spawn(move || print_lines(&listening)); thread::spawn(move || send_lines(&stream, …));",
        ])
        .story(|lab| {
            lab.steadily(|lab| {
                let (client, mut server) = client_of(lab, &[])?;
                let blanks = ["client-2:   two  blanks  ", "client-2: ", ""];
                for line in ["client-2 joined", "client-2: hi", "server: 我爱你"].iter().chain(&blanks) {
                    server.send(format!("{line}\n"))?;
                    at_once(lab, "your client printed what had come", || client.prints(line))?;
                }
                server_closes(&client, &mut server)
            })
        })
}

fn sends_lines_as_they_are_typed() -> Stage {
    Stage::client("Each line is sent when it is typed")
        .promises(["G8", "G9"])
        .why("A line that waits in a buffer for the next one is said too late. Without an answer to wait for, nothing else may hold it up.")
        .hints([
            "When does a line leave your client?",
            "With its newline, in one write, as soon as it has been read. It waits for no answer.",
            "line.push(b'\\n'); stream.write_all(&line)?;",
        ])
        .story(|lab| {
            lab.steadily(|lab| {
                let (client, mut server) = client_of(lab, &[])?;
                for line in ["hi", "我爱你", "  two  blanks  ", "", "exit the room?"] {
                    client.types(line);
                    at_once(lab, "your client sent what was typed", || server.expect(format!("{line}\n")))?;
                }
                client.feed(b"one\ntwo\nthree\n");
                at_once(lab, "your client sent what was typed", || server.expect("one\ntwo\nthree\n"))?;
                server.send("client-2: that was a lot\n")?;
                client.prints("client-2: that was a lot")?;
                server_closes(&client, &mut server)
            })
        })
}

fn hears_while_the_user_types() -> Stage {
    Stage::client("Lines arrive while the user is in the middle of one")
        .promises(["G8"])
        .why("Full duplex: the way there and the way back know nothing of each other. Only a program can make them wait for each other.")
        .hints([
            "What happens in your client between two keystrokes?",
            "The thread that waits for the keyboard waits; the other one goes on printing.",
            "One thread for each direction, and nothing that both must hold.",
        ])
        .story(|lab| {
            let (client, mut server) = client_of(lab, &[])?;
            client.feed(b"I think ");
            for line in ["client-2: well?", "client-3: what do you think?"] {
                server.send(format!("{line}\n"))?;
                client.prints(line)?;
            }
            client.feed(b"so\n");
            server.expect("I think so\n")?;
            client.types("and you?");
            server.expect("and you?\n")?;
            server.send("client-2: so do I\n")?;
            client.prints("client-2: so do I")?;
            server_closes(&client, &mut server)
        })
}

fn hears_while_it_cannot_send() -> Stage {
    Stage::client("Lines are printed while what was typed cannot be sent")
        .promises(["G8"])
        .why(
            "A server that is busy does not read, and then `write` waits. A client that waits with it, in the place where it \
             should listen, is deaf; and if the server waits for it to read, both wait for ever.",
        )
        .hints([
            "What does your client do while `write` waits?",
            "Only the thread that sends may wait there; the one that listens is another.",
            "thread::spawn(move || print_lines(&listening)); thread::spawn(move || send_lines(&stream, …));",
        ])
        .story(|lab| {
            let stand = lab.tcp_server_with_little_room()?;
            let client = lab.client(stand.address(), &["--timeout", "60"])?;
            let mut server = stand.accept()?;
            let typed: String = (0..300).map(|number| format!("{number:0>1000}\n")).collect();
            lab.in_short("client", "is given 300 KB to send, and the server reads nothing", |_| {
                client.feed(typed.as_bytes());
                server.is_full()
            })?;
            for line in ["client-2: one at a time, please", "client-2: I cannot follow"] {
                server.send(format!("{line}\n"))?;
                client.prints(line)?;
            }
            server.expect(&typed)?;
            server_closes(&client, &mut server)
        })
}

fn prints_whole_lines() -> Stage {
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

fn prints_nothing_that_harms() -> Stage {
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

fn exit_is_sent_and_ends_it() -> Stage {
    Stage::client("`exit` is sent, and ends the client")
        .promises(["G9"])
        .why("The server is told, so that it can tell the others; but the user who leaves need not wait for anybody.")
        .hints([
            "What does your client do after it has sent `exit`?",
            "It ends, with status 0, even if the server does not close, and with what was typed before all sent.",
            "if line == b\"exit\" { … } after the line was sent",
        ])
        .story(|lab| {
            for server_closes in [true, false] {
                let (client, mut server) = client_of(lab, &[])?;
                client.feed(b"bye\nexit\nnot said any more\n");
                server.expect("bye\nexit\n")?;
                if server_closes {
                    server.ends_sending()?;
                }
                let rest = server.last_words()?;
                demand(rest.is_empty(), || "Your client sent something after `exit`.".to_owned())?;
                let finished = client.ends()?;
                demand(finished.code == Some(0), || "Your client did not end with status 0 after `exit`.".to_owned())?;
                // Whether it still notices that the server closes is open.
                let surplus = finished.stdout.lines().find(|line| *line != "connection closed by server");
                demand(surplus.is_none(), || format!("Your client printed `{}`.", surplus.unwrap_or_default()))?;
            }
            Ok(())
        })
}

fn the_end_of_input_is_not_the_end_of_listening() -> Stage {
    Stage::client("At the end of its input it goes on listening")
        .promises(["G9", "C9"])
        .why(
            "TCP closes each direction by itself. Who has nothing more to say can say so (FIN), and still hear the others to the \
             end.",
        )
        .hints([
            "What does your client do when its standard input ends?",
            "It shuts down the sending side only, and prints what comes until the server closes.",
            "stream.shutdown(Shutdown::Write)?; // and the other thread goes on",
        ])
        .story(|lab| {
            lab.steadily(|lab| {
                let (client, mut server) = client_of(lab, &["--timeout", "0.3"])?;
                client.feed(b"I listen now\nlast words");
                client.ends_input();
                let sent = server.read_to_end(100)?;
                demand([&b"I listen now\nlast words"[..], b"I listen now\nlast words\n"].contains(&&sent[..]), || {
                    "Your client did not send everything before the end of its stream.".to_owned()
                })?;
                // Longer than the timeout: nobody owes it a word.
                demand(client.line_within(Duration::from_millis(500)).is_none(), || {
                    "Your client printed something, and nothing had been said.".to_owned()
                })?;
                for line in ["client-2: are you still there?", "client-2 left"] {
                    server.send(format!("{line}\n"))?;
                    client.prints(line)?;
                }
                server_closes(&client, &mut server)
            })
        })
}

fn ends_when_the_server_closes() -> Stage {
    Stage::client("When the server closes, it says so and ends, whatever its user is doing")
        .promises(["G9"])
        .why(
            "The thread that waits for the keyboard does not hear that the connection is gone. A client that ends only with the \
             next line typed sits there like one that is still connected.",
        )
        .hints([
            "Who waits for whom when the server closes: does your client wait for its keyboard?",
            "The process ends when `main` returns, whatever other threads wait for. So `main` waits for whichever end comes first.",
            "match ends.recv()? { End::Closed => say(\"connection closed by server\"), … }",
        ])
        .story(|lab| {
            let (client, mut server) = client_of(lab, &[])?;
            server_closes(&client, &mut server)?;
            let (client, mut server) = client_of(lab, &[])?;
            client.types("hi");
            server.expect("hi\n")?;
            client.feed(b"in the middle of a li");
            server.send("client-2: and then?\nserver: we are closing\n")?;
            server.ends_sending()?;
            client.prints("client-2: and then?")?;
            client.prints("server: we are closing")?;
            client.prints("connection closed by server")?;
            client.ends_well()
        })
}

fn waits_as_long_as_the_room_is_silent() -> Stage {
    Stage::client("`--timeout` does not end a room that is silent")
        .promises(["C8", "G8"])
        .why("Nobody owes anybody a word in a chat. That nothing comes is no sign that anything is wrong.")
        .hints([
            "What does the timeout bound in your client?",
            "Connecting, and sending; not the wait for the next line.",
            "stream.set_read_timeout(None) // the default",
        ])
        .story(|lab| {
            lab.steadily(|lab| {
                let (client, mut server) = client_of(lab, &["--timeout", "0.2"])?;
                server.expect_silence(Duration::from_millis(400))?;
                server.send("client-2: quiet here\n")?;
                client.prints("client-2: quiet here")?;
                client.types("yes");
                server.expect("yes\n")?;
                server_closes(&client, &mut server)
            })
        })
}

fn keeps_nothing_of_a_line_that_the_server_does_not_end() -> Stage {
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

fn forgets_what_it_printed() -> Stage {
    Stage::client("Whatever it prints, its memory stays as it was")
        .promises(["C10"])
        .why("Who listens for months hears much. What is kept of it adds up, and others decide how much.")
        .hints([
            "What grows in your client with every line?",
            "A line that was printed is forgotten; the buffer holds what has no end yet, and nothing else.",
            "self.buffer.copy_within(self.given..self.filled, 0); // the rest moves to the front",
        ])
        .story(|lab| {
            const LINES: usize = 1000;
            const COUNT: usize = 3;
            let (client, mut server) = client_of(lab, &[])?;
            let lines = format!("client-2: {}\n", "x".repeat(4000)).repeat(LINES);
            lab.memory_stays(&client, |lab| {
                lab.in_short("client-2", "talks on, and the client prints it all", |_| {
                    (0..COUNT).try_for_each(|_| {
                        server.send(&lines)?;
                        client.prints_lines(LINES)
                    })
                })?;
                Ok((lines.len() * COUNT) as u64)
            })?;
            lab.lowers_the_curtain()
        })
}

// Both.

fn the_pair_talks() -> Stage {
    Stage::pair("Your client and your server, with every byte in a segment of its own")
        .promises(["G1", "G2", "G3", "G8", "G9"])
        .why("Each kept its promises alone, with the lab for a partner. Here they have only each other, and a network that cuts.")
        .hints([
            "Both pass alone? Then compare what each says with what the other expects.",
            "`cargo xtask run tcp-chat --split 1` shows the two, and what passes between them.",
            "Lines, not reads, are what both speak of.",
        ])
        .story(|lab| {
            let server = lab.server()?;
            let tap = lab.tap(&server, Transport::Tcp, vec![Rule::split(1).to(Direction::ToClient), Rule::split(1)])?;
            let client = lab.client(tap.address(), &[])?;
            let joined = server.next_line("client-1 joined from <peer>")?;
            demand(joined.starts_with("client-1 joined from "), || format!("Your server printed `{joined}`."))?;
            client.types("hi");
            server.prints("client-1: hi")?;
            server.types("我爱你");
            client.prints("server: 我爱你")?;
            let mut bob = join(lab, &server, "bob", 2)?;
            client.prints("client-2 joined")?;
            says(&mut bob, &server, 2, "me, too")?;
            client.prints("client-2: me, too")?;
            client.types("exit");
            server.prints("client-1 left")?;
            bob.expect_line("client-1 left")?;
            client.ends_well()?;
            lab.keep([bob]);
            lab.recall(&tap);
            demand(tap.strikes()[0] > 0, || "The network did not get to do what it should have done.".to_owned())
        })
}
