//! Who hears what: clients, and the operator.

use scenario::Stage;

use super::{all_hear, join, join_all, leaves, says};

pub fn the_operator_and_a_client_talk() -> Stage {
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

pub fn both_may_speak_at_any_time() -> Stage {
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

pub fn serves_the_next_client() -> Stage {
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

pub fn a_line_goes_to_all_others() -> Stage {
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

pub fn tells_who_comes_and_who_goes() -> Stage {
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

pub fn the_operators_line_goes_to_all() -> Stage {
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

pub fn goes_on_without_the_operator() -> Stage {
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
