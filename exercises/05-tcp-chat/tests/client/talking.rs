//! Both directions at once.

use std::time::{Duration, Instant};

use scenario::{Lab, Outcome, Stage, demand};

use super::{client_of, server_closes};

pub fn prints_lines_as_they_arrive() -> Stage {
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

pub fn sends_lines_as_they_are_typed() -> Stage {
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
                for line in ["hi", "我爱你", "  two  blanks  ", "", "exit the room?", "EXIT", " exit "] {
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

/// How long what is to be done at once may take; and for others, which are not of this world, more.
fn at_once<T>(lab: &Lab, what: &str, part: impl FnOnce() -> Outcome<T>) -> Outcome<T> {
    let began = Instant::now();
    let done = part()?;
    demand(began.elapsed() < lab.patience() / 5, || {
        format!("It took {:.1} s until {what}; that should be done at once.", began.elapsed().as_secs_f64())
    })?;
    Ok(done)
}

pub fn hears_while_the_user_types() -> Stage {
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

pub fn hears_while_it_cannot_send() -> Stage {
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
            server.makes_room()?;
            server.expect(&typed)?;
            server_closes(&client, &mut server)
        })
}

pub fn waits_as_long_as_the_room_is_silent() -> Stage {
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
