//! Responses: where they end, and what is none.

use std::time::Duration;

use scenario::{Lab, Outcome, Stage, demand};

use super::chance::{Chance, broken_somewhere};
use super::wire::Http;
use super::{asked, gives_up, prints, response, url};

pub fn reads_as_many_bytes_as_were_announced() -> Stage {
    Stage::client("`Content-Length` says where the body ends, not the end of the connection")
        .promises(["H12"])
        .why(
            "A server of HTTP/1.1 keeps the connection for the next request. Whoever waits for its end waits until the server \
             loses patience; and what comes behind the body is no part of it (RFC 9112, section 6.3).",
        )
        .hints([
            "When does your client stop reading?",
            "When as many bytes have come as `Content-Length` said, counted from behind the empty line.",
            "io::copy(&mut reader.take(length), &mut out)? and then see that it was `length`",
        ])
        .story(|lab| {
            for (fields, body) in [
                (&["Connection: keep-alive"][..], "kept open"),
                (&[], ""),
                (&["X-First: 1", "content-TYPE: text/plain"], "two\r\n\r\nparagraphs"),
            ] {
                let (client, mut server, _) = asked(lab, &[], "/")?;
                let message = response("200 OK", fields, body);
                server.send(&message)?;
                prints(&client, &message, body)?;
            }
            for length in ["content-length: \t 5 ", "Content-Length:5"] {
                let (client, mut server, _) = asked(lab, &[], "/")?;
                let message = format!("HTTP/1.1 200 OK\r\n{length}\r\nX-Lab: 1\r\n\r\n");
                server.send(format!("{message}hellosurplus, which is none of its business"))?;
                prints(&client, message.as_bytes(), "hello")?;
            }
            Ok(())
        })
}

pub fn puts_a_response_together() -> Stage {
    Stage::client("A response may arrive in any pieces")
        .promises(["H12", "H11"])
        .why(
            "TCP carries bytes, not messages: a head may be cut between CR and LF, and the first bytes of a body come with the \
             last of the head.",
        )
        .hints([
            "What does your client do when it has read half a line?",
            "It reads on. A buffered reader keeps what has come behind the line for the next call.",
            "let mut reader = BufReader::new(stream); // one for the head and for the body",
        ])
        .mostly_waiting()
        .story(|lab| {
            let counted = response("200 OK", &["X-Lab: 1"], "cut\r\n\r\nup 我爱你");
            let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x=\"1\"\r\ncut\r\n\r\na\r\n\r\nup \xe6\x88\x91\xe7\x88\r\n4\r\n\xb1\xe4\xbd\xa0\r\n0\r\nX-A: 1\r\n\r\n";
            for message in [&counted[..], chunked] {
                let (client, mut server, _) = asked(lab, &[], "/")?;
                server.send_byte_by_byte(message, Duration::from_millis(2))?;
                prints(&client, message, "cut\r\n\r\nup 我爱你")?;
            }
            let head = counted.windows(4).position(|window| window == b"\r\n\r\n").unwrap_or_default();
            lab.in_short("server", "answers again and again, cut in two around the empty line", |lab| {
                for cut in head - 1..head + 7 {
                    let (client, mut server, _) = asked(lab, &[], "/")?;
                    server.send(&counted[..cut])?;
                    server.is_read()?;
                    server.send(&counted[cut..])?;
                    prints(&client, &counted, "cut\r\n\r\nup 我爱你")?;
                }
                Ok(())
            })
        })
}

pub fn reads_chunks() -> Stage {
    Stage::client("It puts chunks together, whatever they look like")
        .promises(["H12"])
        .why(
            "A server that makes a page while it sends it knows no length. Each chunk has its size in hexadecimal, perhaps with \
             extensions; the empty one is the last, and fields may follow (RFC 9112, section 7.1).",
        )
        .hints([
            "What ends a chunk, what ends its size, and what ends the body?",
            "Size in hexadecimal, up to `;` or the line end; so many bytes; CR LF. After size 0: fields up to an empty line.",
            "loop { let size = chunk_size(&read_line(reader)?)?; if size == 0 { break } … } skip_trailer(reader)?;",
        ])
        .story(|lab| {
            for (coding, body, content) in [
                ("chunked", "5\r\nhello\r\n8\r\n, world!\r\n0\r\n\r\n", "hello, world!"),
                ("Chunked", "A\r\n0123456789\r\nb\r\nabcdefghijk\r\n0\r\n\r\n", "0123456789abcdefghijk"),
                ("chunked", "00005\r\nhello\r\n000\r\n\r\n", "hello"),
                ("chunked", "5;name=value;flag;q=\"a;b\"\r\nhello\r\n0;last=1\r\n\r\n", "hello"),
                ("chunked", "5\r\nhello\r\n0\r\nX-Sum: 1\r\nX-More: 2\r\n\r\n", "hello"),
                ("chunked", "4\r\n\r\n\r\n\r\n5\r\n0\r\n\r\n\r\n0\r\n\r\n", "\r\n\r\n0\r\n\r\n"),
                ("chunked", "0\r\n\r\n", ""),
            ] {
                let (client, mut server, _) = asked(lab, &[], "/")?;
                let message = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: {coding}\r\n\r\n{body}");
                server.send(&message)?;
                prints(&client, message.as_bytes(), content)?;
            }
            Ok(())
        })
}

pub fn reads_to_the_end_of_the_stream() -> Stage {
    Stage::client("Without a length, the end of the stream ends the body")
        .promises(["H12"])
        .why("That was HTTP/1.0's only way, and simple servers still do so. Whether something was cut off, nobody can tell then.")
        .hints([
            "What does your client do when there is neither `Content-Length` nor `Transfer-Encoding`?",
            "It reads until `read` returns 0.",
            "None => io::copy(&mut reader, &mut out)?",
        ])
        .story(|lab| {
            for (head, body) in [
                ("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", "up to here"),
                ("HTTP/1.0 200 OK\r\n\r\n", "as in\r\n\r\n1996\n"),
                ("HTTP/1.1 404 Not Found\r\nX-Lab: 1\r\n\r\n", ""),
            ] {
                let (client, mut server, _) = asked(lab, &[], "/")?;
                server.send(head)?;
                if !body.is_empty() {
                    server.send(&body[..3])?;
                    server.is_read()?;
                    server.send(&body[3..])?;
                }
                server.ends_sending()?;
                prints(&client, head.as_bytes(), body)?;
            }
            Ok(())
        })
}

pub fn knows_responses_without_a_body() -> Stage {
    Stage::client("HEAD, 204 and 304 have no body, whatever their fields say")
        .promises(["H12"])
        .why(
            "A 304 may tell the length of what it does not send, and so does every answer to HEAD. Who waits for those bytes \
             waits in vain (RFC 9112, section 6.3).",
        )
        .hints([
            "What does your client look at first: the status and its own method, or `Content-Length`?",
            "The method and the status. Only then the fields.",
            "if method == \"HEAD\" || matches!(status, 204 | 304) { return Ok(Body::None) }",
        ])
        .story(|lab| {
            let heads = [
                (&[][..], "HTTP/1.1 204 No Content\r\nX-Lab: 1\r\n\r\n"),
                (&[], "HTTP/1.1 304 Not Modified\r\nETag: \"1\"\r\nContent-Length: 1000\r\n\r\n"),
                (&[], "HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n"),
                (&["-X", "HEAD"], "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"),
                (&["-X", "HEAD"], "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
                (&["-X", "HEAD"], "HTTP/1.1 404 Not Found\r\n\r\n"),
            ];
            for (arguments, head) in heads {
                let (client, mut server, _) = asked(lab, arguments, "/")?;
                server.send(head)?;
                // The connection stays open: nothing else says that the response is complete.
                prints(&client, head.as_bytes(), "")?;
            }
            Ok(())
        })
}

pub fn skips_interim_responses() -> Stage {
    Stage::client("Responses of 1xx are not the answer yet")
        .promises(["H12"])
        .why(
            "A server may say 100, or 103 with hints, before it answers; any number of them, asked for or not. A client must be \
             able to read past them (RFC 9110, section 15.2).",
        )
        .hints([
            "What does your client do after a head with the status 103?",
            "It reads the next head: a 1xx has no body, and is not the response.",
            "let head = loop { let head = read_head(reader)?; if head.status >= 200 { break head } };",
        ])
        .story(|lab| {
            for interim in [
                "HTTP/1.1 100 Continue\r\n\r\n",
                "HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n",
                "HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 100 Continue\r\nX-Lab: 1\r\n\r\nHTTP/1.1 199 \r\n\r\n",
            ] {
                for cut in [false, true] {
                    let (client, mut server, _) = asked(lab, &["-d", "hello"], "/")?;
                    let message = response("200 OK", &["X-Final: 1"], "done");
                    server.send(interim)?;
                    if cut {
                        server.is_read()?;
                    }
                    server.send(&message)?;
                    prints(&client, &message, "done")?;
                }
            }
            Ok(())
        })
}

/// The client gets this and nothing more: it must give up.
fn gives_up_after(lab: &mut Lab, message: impl AsRef<[u8]>) -> Outcome {
    let (client, mut server, _) = asked(lab, &[], "/")?;
    if !message.as_ref().is_empty() {
        server.send(message)?;
    }
    server.closes();
    gives_up(&client, &[])
}

pub fn a_body_that_breaks_off_is_an_error() -> Stage {
    Stage::client("A body that breaks off is an error")
        .promises(["H12", "C5"])
        .why(
            "The connection may end before the body does. Length and chunks are there to notice: a part must not be taken for \
             the whole.",
        )
        .hints([
            "What does your client do when `read` returns 0, and bytes are missing?",
            "It fails, with status 1, and says how many bytes came of how many.",
            "ensure!(copied == length, \"the body broke off after {copied} of {length} bytes\");",
        ])
        .story(|lab| {
            for message in [
                "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello",
                "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n",
                "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello",
                "HTTP/1.1 404 Not Found\r\nContent-Length: 10\r\n\r\nhello",
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello",
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1",
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            ] {
                gives_up_after(lab, message)?;
            }
            for message in ["HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello", "HTTP/1.1 200 OK\r\n\r\nno end, but a break"] {
                let (client, mut server, _) = asked(lab, &[], "/")?;
                server.send(message)?;
                server.is_read()?;
                server.resets()?;
                gives_up(&client, &[])?;
            }
            Ok(())
        })
}

pub fn what_is_no_response_is_an_error() -> Stage {
    Stage::client("What is no response of HTTP is an error")
        .promises(["H12", "C5"])
        .why(
            "A wrong port, a server that crashed, a cut in the middle of a head: what comes then is anything, or nothing. It \
             must not be printed as if it were a page.",
        )
        .hints([
            "Which of your parser's steps can fail, and what becomes of that?",
            "`HTTP/`, a version, a blank and three digits; fields with a colon; one length, in digits; chunk sizes in \
             hexadecimal. Each failure is an error with status 1, and none is a panic.",
            "let status = line.strip_prefix(\"HTTP/1.\").and_then(…).with_context(|| format!(\"{line:?} is no status line\"))?;",
        ])
        .story(|lab| {
            for message in [
                "",
                "HTTP/1.1 200 OK\r\nContent-Le",
                "HTTP/1.1 200 OK\r\n",
                "HTTP/1.1 2",
                "220 mail.example.com ESMTP\r\n\r\n",
                "HTTP/1.1 abc OK\r\n\r\n",
                "HTTP/1.1\r\n\r\n",
                "\x16\x03\x01\x02",
                "HTTP/1.1 100 Continue\r\n\r\n",
                "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
                "HTTP/1.1 200 OK\r\nContent-Length: five\r\n\r\nhello",
                "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello",
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nhello\r\n0\r\n\r\n",
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n",
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloXX0\r\n\r\n",
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nhello\r\n0\r\n\r\n",
            ] {
                gives_up_after(lab, message)?;
            }
            let (client, server, _) = asked(lab, &[], "/")?;
            server.resets()?;
            gives_up(&client, &[])
        })
}

pub fn survives_whatever_comes() -> Stage {
    Stage::client("Responses with bytes changed, lost and doubled are read, or are an error")
        .promises(["C5", "H12"])
        .why(
            "Who answers is not always who was asked, and never who can be trusted. Whatever comes, the client ends by itself, \
             with what it could read or with an error, and never with a crash.",
        )
        .hints([
            "What does your client say on stderr in this stage?",
            "Every `unwrap`, every index and every `from_utf8` in the way of a response is a question: what if not?",
            "let status = line.get(9..12).context(\"no status line\")?;",
        ])
        .story(|lab| {
            const SEED: u64 = 7;
            let responses = [
                response("200 OK", &["Content-Type: text/plain", "X-Lab: 1"], "hello"),
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x=1\r\nhello\r\n0\r\nX: 1\r\n\r\n".to_vec(),
                b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 404 Not Found\r\nContent-Length: 5\r\n\r\nsorry".to_vec(),
                response("302 Found", &["Location: ../a?b#c"], ""),
            ];
            let mut chance = Chance(SEED);
            for round in 0..48 {
                let (client, mut server, _) = asked(lab, &["--timeout", "2"], "/")?;
                server.send_unwelcome(broken_somewhere(&responses[round % responses.len()], &mut chance));
                let code = client.ends()?.code;
                demand(matches!(code, Some(0 | 1)), || {
                    let status = code.map_or("a signal".to_owned(), |code| format!("status {code}"));
                    format!("Your client ended with {status}, where 0 or 1 was due.")
                })?;
            }
            Ok(())
        })
}

/// A head of about this many bytes, in lines that no library finds too long.
fn long_head(length: usize) -> String {
    let line = format!("X-Long: {}\r\n", "x".repeat(990));
    format!("HTTP/1.1 200 OK\r\n{}Content-Length: 5\r\n\r\n", line.repeat(length / 1000))
}

pub fn takes_a_long_head() -> Stage {
    Stage::client("A head of 60 KiB is not too long")
        .promises(["H12"])
        .why("A limit has two sides: what is just allowed must work, or the limit is another one.")
        .hints([
            "At how many bytes does your client refuse a head?",
            "At more than 65536, all lines together.",
            "const MAX_HEAD: usize = 64 << 10;",
        ])
        .story(|lab| {
            for length in [10_000, 60_000] {
                let (client, mut server, _) = asked(lab, &[], "/")?;
                let message = long_head(length) + "hello";
                server.send(&message)?;
                prints(&client, message.as_bytes(), "hello")?;
            }
            Ok(())
        })
}

pub fn refuses_a_head_that_is_too_long() -> Stage {
    Stage::client("A head of more than 64 KiB is an error, and costs no memory")
        .promises(["H12", "C10"])
        .why("A head without an end is a memory without an end. Who is right has no use for 64 KiB of fields.")
        .hints([
            "What limits how much your client reads before the empty line?",
            "One limit for all lines together; it counts while it reads, also where a line does not end.",
            "let mut head = stream.take(MAX_HEAD);",
        ])
        .story(|lab| {
            const FLOOD: usize = 16 << 20;
            let (client, mut server, _) = asked(lab, &[], "/")?;
            server.send_unheeded(long_head(70_000) + "hello");
            gives_up(&client, &[])?;
            for beginning in ["HTTP/1.1 200 OK\r\nX-Lab: ", "HTTP/1.1 200 ", ""] {
                let (client, mut server, _) = asked(lab, &[], "/")?;
                server.send(beginning)?;
                let taken = server.send_flood(FLOOD)?;
                demand(taken < FLOOD, || {
                    format!("Your client went on reading: it took {} MB of a head.", taken >> 20)
                })?;
                gives_up(&client, &[])?;
            }
            let (client, mut server, _) = asked(lab, &[], "/")?;
            server.send("HTTP/1.1 200 OK\r\n")?;
            server.pour("X-Lab: and so on\r\n".repeat(2000), FLOOD)?;
            gives_up(&client, &[])
        })
}

pub fn keeps_no_body_in_its_memory() -> Stage {
    Stage::client("A body may be larger than the memory")
        .promises(["C10", "H11"])
        .why(
            "How long a body is, is the server's decision. What goes into a file need not be in the memory first, but for the \
             piece that has just come.",
        )
        .hints([
            "Where does the body lie before it is written?",
            "In a buffer of a fixed size. `read_to_end` and `vec![0; length]` take as much as the server likes.",
            "io::copy(&mut body, &mut file)?;",
        ])
        .story(|lab| {
            const FLOOD: usize = 16 << 20;
            let folder = lab.folder("downloads")?;
            for head in [
                "HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\n",
                "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n",
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            ] {
                let stand = lab.tcp_server()?;
                let client = lab.client(url(&stand, "/film.mp4"), &["-o", &folder.file("film.mp4")])?;
                let mut server = stand.accept()?;
                server.hears_request()?;
                server.send(head)?;
                let piece = if head.contains("chunked") { "4000\r\n".to_owned() + &"x".repeat(0x4000) + "\r\n" } else { "x".repeat(1 << 16) };
                server.send(&piece)?;
                server.is_read()?;
                lab.memory_stays(&client, |_| {
                    server.pour(&piece, FLOOD)?;
                    server.is_read()?;
                    Ok(FLOOD as u64)
                })?;
                server.resets()?;
                gives_up(&client, &[])?;
            }
            Ok(())
        })
}

pub fn keeps_nothing_beside_the_body_in_its_memory() -> Stage {
    Stage::client("What comes beside the body costs no memory")
        .promises(["C10", "H12"])
        .why("Extensions of a chunk, fields behind the last one, 1xx responses: of each there may be more than one can keep.")
        .hints([
            "Where does your client collect what it does not need?",
            "Nowhere: it skips it, or gives up when there is too much of it.",
            "Read the line of a size like a line of a head: with a limit.",
        ])
        .story(|lab| {
            const FLOOD: usize = 16 << 20;
            const CHUNKED: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
            for (beginning, more) in [
                (format!("{CHUNKED}5;x="), "x"),
                (format!("{CHUNKED}5\r\nhello\r\n0\r\nX-Lab: "), "x"),
                (format!("{CHUNKED}5\r\nhello\r\n0\r\n"), "X-Lab: and so on\r\n"),
                ("HTTP/1.1 100 Continue\r\n\r\n".to_owned(), "HTTP/1.1 100 Continue\r\nX-Lab: 1\r\n\r\n"),
            ] {
                let (client, mut server, _) = asked(lab, &[], "/")?;
                server.send_unheeded(beginning);
                lab.in_short("server", "sends more of it again and again", |lab| {
                    lab.memory_stays(&client, |_| {
                        let sent = server.pour(more.repeat((64 << 10) / more.len()), FLOOD)?;
                        Ok(server.read_of(sent))
                    })
                })?;
                server.resets()?;
                gives_up(&client, &[])?;
            }
            Ok(())
        })
}
