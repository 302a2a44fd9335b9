//! What goes wrong: with the echoes, with the connection, with the messages themselves.

use std::net::TcpListener;
use std::time::Duration;

use scenario::{Outcome, Program, Stage, compare, demand, quoted};

use super::wire::{frame, frames, header};
use super::{client_of, hear_all};

pub fn another_echo_is_an_error() -> Stage {
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

pub fn a_missing_echo_is_an_error() -> Stage {
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

pub fn an_end_inside_an_echo_is_an_error() -> Stage {
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

pub fn a_broken_connection_is_an_error() -> Stage {
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

pub fn an_echo_over_the_limit_is_an_error() -> Stage {
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

pub fn finds_what_it_cannot_send_before_it_sends() -> Stage {
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
            for arguments in CANNOT_BE_SENT {
                let listener = TcpListener::bind("127.0.0.1:0")?;
                let client = lab.client(listener.local_addr()?, arguments)?;
                let finished = client.ends()?;
                // The command line alone shows it, so status 2 is right, too.
                let said_so = finished.code == Some(2) || finished.code == Some(1) && finished.stderr.contains("error: ");
                demand(said_so, || "Your client did not end with an error, although it cannot send this.".to_owned())?;
                demand(finished.stdout.is_empty(), || format!("Your client printed `{}`.", finished.stdout.trim_end()))?;
                sent_nothing(&listener)?;
            }
            // What is just allowed must work.
            for (framing, framed) in [("line", b"hello\n".to_vec()), ("length", frame("hello"))] {
                let (client, mut server) = client_of(lab, &["--framing", framing, "--max-frame", "5", "hello"])?;
                hear_all(&mut server, &client, &framed, 1)?;
                server.send(framed)?;
                client.prints(r#"echo "hello""#)?;
                client.ends_well()?;
            }
            Ok(())
        })
}

const CANNOT_BE_SENT: [&[&str]; 6] = [
    &["--framing", "line", "fine", "two\nlines"],
    &["--framing", "line", "--max-frame", "5", "fine", "longer"],
    &["--max-frame", "5", "fine", "longer"],
    &["--max-frame", "5", "我爱"],
    &["--max-frame", "5", "longer", "fine"],
    &["--framing", "line", "newline at the end\n"],
];

/// The client has ended: if it ever connected, the connection waits here, with all that was sent.
fn sent_nothing(listener: &TcpListener) -> Outcome {
    use std::io::Read;
    listener.set_nonblocking(true)?;
    let Ok((mut stream, _)) = listener.accept() else { return Ok(()) };
    stream.set_nonblocking(false)?;
    let sent = matches!(stream.read(&mut [0; 16]), Ok(length) if length > 0);
    demand(!sent, || "Your client sent something before it found that it cannot send everything.".to_owned())
}

pub fn does_not_wait_for_ever() -> Stage {
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

pub fn waits_for_each_byte_anew() -> Stage {
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
    let other = finished
        .stdout
        .lines()
        .filter(|line| line.starts_with("echo"))
        .zip(echoes)
        .find(|(line, echo)| compare(echo, line).is_err());
    demand(other.is_none(), || {
        let (line, echo) = other.unwrap_or_default();
        format!("Your client printed `{line}`, where `{echo}` had come.")
    })
}
