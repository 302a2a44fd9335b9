//! The ends: of the user's input, of the connection, and `exit`.

use std::time::Duration;

use scenario::{Stage, demand};

use super::{client_of, server_closes};

pub fn exit_is_sent_and_ends_it() -> Stage {
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

pub fn the_end_of_input_is_not_the_end_of_listening() -> Stage {
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

pub fn ends_when_the_server_closes() -> Stage {
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
