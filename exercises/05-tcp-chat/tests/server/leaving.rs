//! The ways to leave, and what `exit` does.

use scenario::{Lab, Outcome, Program, Stage, TcpPeer, demand};

use super::{join, join_all, leaves, says};

pub fn ends_when_the_operator_says_so() -> Stage {
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

pub fn a_client_may_leave_in_any_way() -> Stage {
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
            for (number, (bytes, stream, lines)) in (2..).zip(WAYS) {
                let mut bob = join_beside(&mut alice, lab, &server, number)?;
                bob.send(bytes)?;
                if let Stream::Ended = stream {
                    bob.ends_sending()?;
                }
                has_left(&server, &mut alice, number, lines)?;
                bob.wait_for_close()?;
            }
            let mut bob = join_beside(&mut alice, lab, &server, 8)?;
            says(&mut bob, &server, 8, "I feel strange")?;
            alice.expect_line("client-8: I feel strange")?;
            bob.resets()?;
            alice.expect_line("client-8 left")?;
            server.types("still there?");
            alice.expect_line("server: still there?")?;
            // What a reset leaves on stdout is open.
            lab.lowers_the_curtain()
        })
}

/// What somebody sends last, whether the stream ends with it, and which lines are heard of it.
const WAYS: [(&[u8], Stream, &[&str]); 6] = [
    (b"hi\nexit\n", Stream::Open, &["hi"]),
    (b"exit\r\n", Stream::Open, &[]),
    (b"exit\nnot heard any more\n", Stream::Open, &[]),
    (b"", Stream::Ended, &[]),
    (b"one\ntwo", Stream::Ended, &["one", "two"]),
    (b"exit", Stream::Ended, &[]),
];

/// Whether somebody who leaves ends the own stream, or leaves that to the server.
enum Stream {
    Open,
    Ended,
}

/// Bob joins, and alice hears of it.
fn join_beside(alice: &mut TcpPeer, lab: &mut Lab, server: &Program, number: usize) -> Outcome<TcpPeer> {
    let bob = join(lab, server, "bob", number)?;
    alice.expect_line(&format!("client-{number} joined"))?;
    Ok(bob)
}

/// The server prints these last lines of somebody, and that it was all, and so the others hear it.
fn has_left(server: &Program, other: &mut TcpPeer, number: usize, last: &[&str]) -> Outcome {
    let lines = last.iter().map(|line| format!("client-{number}: {line}"));
    lines.chain([format!("client-{number} left")]).try_for_each(|line| {
        server.prints(&line)?;
        other.expect_line(&line)
    })
}

pub fn keeps_exit_to_itself() -> Stage {
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
            for line in ["exit or not?", "EXIT", " exit "] {
                says(&mut bob, &server, 2, line)?;
                alice.expect_line(&format!("client-2: {line}"))?;
                carol.expect_line(&format!("client-2: {line}"))?;
                server.types(line);
                alice.expect_line(&format!("server: {line}"))?;
                carol.expect_line(&format!("server: {line}"))?;
            }
            leaves(bob, &server, 2)?;
            alice.expect_line("client-2 left")?;
            carol.expect_line("client-2 left")?;
            says(&mut carol, &server, 3, "gone")?;
            alice.expect_line("client-3: gone")?;
            lab.keep([alice, carol]);
            Ok(())
        })
}
