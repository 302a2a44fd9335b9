//! Waiting: for how long, and for whom.

use std::time::Duration;

use scenario::{Breaking, Rule, Stage, Transport, demand};

use super::{asked, gives_up, prints, response};

pub fn does_not_wait_for_ever() -> Stage {
    Stage::client("It does not wait for ever, wherever the server stops")
        .promises(["C8", "C5"])
        .why(
            "A server can hang before its first byte, in the middle of a head, or of a body. Without a limit, `read` waits as \
             long as the machine runs.",
        )
        .hints([
            "What ends your client's `read` when nothing comes?",
            "`set_read_timeout`, with the value of `--timeout`.",
            "stream.set_read_timeout(Some(args.timeout))?;",
        ])
        .mostly_waiting()
        .story(|lab| {
            let stops = [
                "",
                "HTTP/1.1 200 OK\r\nX-La",
                "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello",
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
                "HTTP/1.1 200 OK\r\n\r\nhello",
            ];
            let mut waiting = Vec::new();
            for words in stops {
                let (client, mut server, _) = asked(lab, &["--timeout", "0.5"], "/")?;
                if !words.is_empty() {
                    server.send_unheeded(words);
                }
                waiting.push((client, server));
            }
            waiting.iter().try_for_each(|(client, _server)| gives_up(client, &[]))
        })
}

pub fn waits_for_each_piece_anew() -> Stage {
    Stage::client("`--timeout` bounds each wait, not the whole")
        .promises(["C8", "H12"])
        .why("A slow server is not a dead one. As long as bytes come, there is reason to wait for the next.")
        .hints([
            "When does the time begin to run in your client?",
            "With each read anew: that is what `set_read_timeout` does.",
            "stream.set_read_timeout(Some(args.timeout))?; // once; it counts for every read",
        ])
        .mostly_waiting()
        .story(|lab| {
            lab.steadily(|lab| {
                let (client, mut server, _) = asked(lab, &["--timeout", "0.7"], "/")?;
                let message = response("200 OK", &[], "slow page");
                let (head, body) = message.split_at(message.len() - 9);
                server.send(head)?;
                server.send_byte_by_byte(body, Duration::from_millis(130))?;
                prints(&client, &message, "slow page")
            })
        })
}

pub fn is_patient_by_default() -> Stage {
    Stage::client("Without `--timeout` it is patient")
        .promises(["C8"])
        .why("A default is a guess about networks; 5 seconds is longer than a busy server usually needs.")
        .hints([
            "What is the timeout when `--timeout` is not given?",
            "5 seconds.",
            "#[arg(long, default_value = \"5\", value_parser = seconds)] timeout: Duration",
        ])
        .mostly_waiting()
        .story(|lab| {
            let (client, mut server, _) = asked(lab, &[], "/")?;
            demand(client.line_within(Duration::from_millis(1100)).is_none() && !client.has_ended(), || {
                "Your client did not wait for a server that needs a second.".to_owned()
            })?;
            let message = response("200 OK", &[], "at last\n");
            server.send(&message)?;
            prints(&client, &message, "at last\n")
        })
}

pub fn the_pair_fetches_a_page() -> Stage {
    Stage::pair("Your client and your server, with every byte in a segment of its own")
        .promises(["H1", "H2", "H9", "H11", "H12"])
        .why("Each kept its promises alone, with the lab for a partner. Here they have only each other, and a network that cuts.")
        .hints([
            "Both pass alone? Then compare what each says with what the other expects.",
            "`cargo xtask run http --split 1` shows the two, and what passes between them.",
            "What the client prints must be what the server sent, and what it sent must be what the file holds.",
        ])
        .story(|lab| {
            let site = lab.folder("site")?;
            site.put("hello.txt", "Hello, world!\n")?;
            let server = lab.server_with(&["--root", &site.file("")])?;
            let tap = lab.tap(&server, Transport::Tcp, vec![Rule::split(1)])?;
            for (path, arguments, body) in [
                ("/hello.txt", &[][..], "Hello, world!\n"),
                ("/app/query?page=1&name=david", &[], "page=1\nname=david"),
                ("/app/echo", &["-d", "a=1&b=two"], "a=1&b=two"),
            ] {
                let client = lab.client(format!("http://{}{path}", tap.address()), arguments)?;
                let stdout = super::ends_with_0(&client)?;
                let (head, got) = stdout.split_once("\n\n").or_else(|| stdout.split_once("\r\n\r\n")).unwrap_or_default();
                demand(head.starts_with("HTTP/1.1 200 ") && got.trim_end() == body.trim_end(), || {
                    format!("Your client printed {stdout:?}, where 200 and the body {body:?} were due.")
                })?;
                let method = if arguments.is_empty() { "GET" } else { "POST" };
                let line = server.next_line("the line of this response").breaking(&["H9"])?;
                demand(line.contains(&format!(" \"{method} {path} HTTP/1.1\" 200 ")), || {
                    format!("Your server printed `{line}` for {method} {path}.")
                })?;
            }
            lab.recall(&tap);
            demand(tap.strikes() != [0], || "The network did not get to do what it should have done.".to_owned())
        })
}
