//! Connections: how long they last, and in which order answers come.

use std::time::Duration;

use scenario::{Breaking, Meaning, Outcome, Program, Stage, TcpPeer};

use super::wire::{Framing, Http, Response, date, first_line, get, post, request};
use super::{HELLO, Site, answer_to, ask, exchange, is_printed, served};

/// A response that must leave the connection open.
fn stays(answer: &Response) -> Outcome {
    answer
        .demand(!answer.closes(), || {
            let how = if answer.framing == Framing::Close {
                "has no length, so only the end of the connection ends it"
            } else {
                "says `Connection: close`"
            };
            format!("The answer to `{}` {how}; nobody had asked for that.", answer.asked)
        })
        .breaking(&["H5"])
}

pub fn keeps_the_connection() -> Stage {
    Stage::server("A connection serves one request after another")
        .promises(["H5"])
        .why(
            "A page is many requests, and every new connection costs a round trip before the first byte. Since HTTP/1.1 a \
             connection stays open unless somebody says otherwise (RFC 9112, section 9.3), and the length of a body is what \
             separates one response from the next.",
        )
        .hints([
            "What does your server do when it has sent a response?",
            "It goes back to reading: what has come behind the last request is kept, and the next head is looked for.",
            "while let Some(request) = connection.read_request()? { connection.answer(&request)?; }",
        ])
        .story(|lab| {
            let (site, server) = served(lab, &[])?;
            site.put("docs/index.html", "<title>Docs</title>")?;
            let mut alice = lab.tcp("alice", &server)?;
            for _ in 0..2 {
                for target in ["/hello.txt", "/", "/docs/", "/app/time", "/app/query?a=1", "/hello.txt"] {
                    let answer = exchange(&server, &mut alice, get(target))?.is(200)?;
                    stays(&answer)?;
                }
                stays(&exchange(&server, &mut alice, post("/app/echo", "hi"))?.is(200)?.says("hi")?)?;
                stays(&exchange(&server, &mut alice, request("HEAD /hello.txt", &["Connection: keep-alive"], ""))?.is(200)?)?;
            }
            let answer = exchange(&server, &mut alice, request("GET /hello.txt", &["Range: bytes=0-4"], ""))?;
            stays(&answer.is(206)?.says("Hello")?)?;
            lab.in_short("alice", "asks 50 times more", |_| {
                (0..50).try_for_each(|_| stays(&exchange(&server, &mut alice, get("/hello.txt"))?.is(200)?))
            })
        })
}

pub fn keeps_its_word() -> Stage {
    Stage::server("A connection ends after a response that says so, and after no other")
        .promises(["H5"])
        .why(
            "A response without `Connection: close` promises that the next request will be answered (RFC 9112, section 9.3). \
             Who closes all the same lets a client run into a broken connection, and it cannot know whether its request was \
             heard.",
        )
        .hints([
            "After which of its responses does your server close, and does it say so?",
            "404 is no reason to close. Whatever is one, say `Connection: close` in the response.",
            "if closes { head.push_str(\"Connection: close\\r\\n\"); }",
        ])
        .story(|lab| {
            let (site, server) = served(lab, &[])?;
            site.put("docs/index.html", "<title>Docs</title>")?;
            let tag = ask(lab, &server, get("/hello.txt"))?.is(200)?.needs("ETag")?;
            let mut alice = lab.tcp("alice", &server)?;
            for asking in [
                get("/no-such-page"),
                get("/docs"),
                get("/app/echo"),
                request("DELETE /hello.txt", &[], ""),
                request("BREW /hello.txt", &[], ""),
                request("GET /hello.txt", &["Range: bytes=99-"], ""),
                request("GET /hello.txt", &[&format!("If-None-Match: {tag}")], ""),
                request("HEAD /no-such-page", &[], ""),
                get("/hello.txt"),
            ] {
                let answer = exchange(&server, &mut alice, asking)?;
                if answer.closes() {
                    alice = lab.tcp("alice", &server)?;
                }
            }
            Ok(())
        })
}

pub fn closes_when_it_is_asked_to() -> Stage {
    Stage::server("What asks for `Connection: close` is the last request")
        .promises(["H5"])
        .why(
            "A client that is done says so with its last request; the server answers and closes. What comes behind is not \
             answered any more (RFC 9112, section 9.6).",
        )
        .hints([
            "Where does your server look for `close`, and what does it do with bytes that came behind that request?",
            "`Connection` is a list in any case: `keep-alive, Close` closes, too. After the answer: no further request.",
            "let last = fields.list(\"connection\").any(|option| option.eq_ignore_ascii_case(\"close\"));",
        ])
        .story(|lab| {
            // Nobody is to be closed for another reason.
            let (_site, server) = served(lab, &["--timeout", "60"])?;
            let ways: [&[&str]; 4] = [
                &["Connection: close"],
                &["connection: CLOSE"],
                &["Connection: x-lab, Close"],
                &["Connection: x-lab", "Connection: close"],
            ];
            for fields in ways {
                let mut alice = lab.tcp("alice", &server)?;
                let last = request("GET /hello.txt", fields, "");
                alice.send([&last[..], &get("/app/time")].concat())?;
                alice.hears_answer(&first_line(&last))?.is(200)?.says(HELLO)?;
                alice.expect_close().or_rather("Nothing is answered after a request with `Connection: close`.")?;
            }
            let mut bob = lab.tcp("bob", &server)?;
            let last = request("GET /hello.txt", &["Connection: close"], "");
            bob.send(&last)?;
            bob.hears_answer(&first_line(&last))?.is(200)?.says(HELLO)?;
            bob.expect_end()?;
            // What is printed of a request that is not answered is left open.
            lab.lowers_the_curtain()
        })
}

pub fn speaks_to_http_1_0() -> Stage {
    Stage::server("To HTTP/1.0, one answer a connection, and none in chunks")
        .promises(["H5"])
        .why(
            "HTTP/1.0 knows neither persistent connections nor chunks. It waits for the end of the stream, and would take the \
             sizes of chunks for a part of the page (RFC 9112, section 6.1).",
        )
        .hints([
            "What does your server do after its answer to a request of HTTP/1.0?",
            "It closes, unless `Connection: keep-alive` was asked for and you care to keep it. Chunks are for 1.1 only.",
            "let last = version == \"HTTP/1.0\" || asks_to_close(&fields);",
        ])
        .story(|lab| {
            // Nobody is to be closed for another reason.
            let (_site, server) = served(lab, &["--timeout", "60"])?;
            for target in ["/hello.txt", "/app/time", "/app/query?a=1", "/no-such-page"] {
                let mut old = lab.tcp("old", &server)?;
                let answer = exchange(&server, &mut old, format!("GET {target} HTTP/1.0\r\nHost: lab\r\n\r\n"))?;
                answer.demand(answer.framing != Framing::Chunked, || "HTTP/1.0 was answered in chunks.".to_owned())?;
                old.expect_end()?;
            }
            let mut old = lab.tcp("old", &server)?;
            let answer = exchange(&server, &mut old, "POST /app/echo HTTP/1.0\r\nContent-Length: 2\r\n\r\nhi")?.is(200)?.says("hi")?;
            answer.demand(answer.framing != Framing::Chunked, || "HTTP/1.0 was answered in chunks.".to_owned())?;
            old.expect_end()
        })
}

pub fn answers_in_the_order_of_the_requests() -> Stage {
    Stage::server("Requests that come together are answered one by one, in their order")
        .promises(["H5"])
        .why(
            "A client may send its requests without waiting. The answers have no numbers: the first belongs to the first \
             request, and one that is missing or swapped makes all others wrong (RFC 9112, section 9.3.2).",
        )
        .hints([
            "What becomes of bytes that were read together with a request, but lie behind it?",
            "They are the next request: keep one buffer per connection, not one per request.",
            "buffer.drain(..request_length); // and parse on, before you read",
        ])
        .story(|lab| {
            let (site, server) = served(lab, &[])?;
            site.put("photo.jpg", super::noise(300_000))?;
            let requests = [
                get("/app/query?n=1"),
                post("/app/echo", "two\r\n\r\nGET /hello.txt HTTP/1.1\r\nHost: lab\r\n\r\n"),
                request("HEAD /photo.jpg", &[], ""),
                get("/photo.jpg"),
                request("POST /app/echo", &["Transfer-Encoding: chunked"], "2\r\nfi\r\n2\r\nve\r\n0\r\n\r\n"),
                get("/hello.txt"),
                request("GET /hello.txt", &["Range: bytes=7-11"], ""),
                get("/app/query?n=8"),
                request("GET /hello.txt", &["Connection: close"], ""),
            ];
            let mut alice = lab.tcp("alice", &server)?;
            alice.send(requests.concat())?;
            all_are_answered(&server, &mut alice, &requests)?;
            // The same, with the cut between two reads at every place around the end of the first request.
            let (first, second) = (get("/app/query?n=1"), request("GET /hello.txt", &["Connection: close"], ""));
            let (both, end) = ([&first[..], &second].concat(), first.len());
            lab.in_short("bob", "sends two requests again and again, cut in two around the end of the first", |lab| {
                for cut in end - 3..end + 4 {
                    let mut bob = lab.tcp("bob", &server)?;
                    bob.send(&both[..cut])?;
                    bob.is_read()?;
                    bob.send(&both[cut..])?;
                    answer_to(&server, &mut bob, &first)?.is(200)?.says_line("n=1")?;
                    answer_to(&server, &mut bob, &second)?.is(200)?.says(HELLO)?;
                    bob.expect_end()?;
                }
                Ok(())
            })
        })
}

fn all_are_answered(server: &Program, alice: &mut TcpPeer, requests: &[Vec<u8>]) -> Outcome {
    let mut answers = Vec::new();
    for request in requests {
        answers.push(alice.hears_answer(&first_line(request))?);
    }
    alice.expect_end()?;
    let statuses: Vec<_> = answers.iter().map(|answer| answer.status).collect();
    scenario::demand(statuses == [200, 200, 200, 200, 200, 200, 206, 200, 200], || {
        format!("The answers to nine requests had the statuses {statuses:?}.")
    })?;
    let bodies: [&str; 9] = [
        "n=1",
        "two\r\n\r\nGET /hello.txt HTTP/1.1\r\nHost: lab\r\n\r\n",
        "",
        "",
        "five",
        HELLO,
        "world",
        "n=8",
        HELLO,
    ];
    for (answer, body) in answers.into_iter().zip(bodies) {
        is_printed(server, alice, &answer)?;
        if !answer.asked.contains("photo") {
            answer.says_line(body)?;
        }
    }
    Ok(())
}

pub fn takes_no_body_for_a_request() -> Stage {
    Stage::server("A body that nobody wants is no request")
        .promises(["H5", "H6"])
        .why(
            "The body of a request that is refused is on its way all the same. A server that goes on reading behind the head \
             takes the body for the next request: an attacker writes one into it, and the answer goes to somebody else.",
        )
        .hints([
            "Who reads the body of a POST to a page that there is not?",
            "Read it and drop it before the next request, or close the connection after the answer.",
            "if !body.is_at_its_end() { body.drain()?; } // or close",
        ])
        .story(|lab| {
            let (_site, server) = served(lab, &[])?;
            let inner = "GET /app/query?smuggled=1 HTTP/1.1\r\nHost: lab\r\n\r\n";
            let chunked = format!("{:x}\r\n{inner}\r\n0\r\n\r\n", inner.len());
            let length = format!("Content-Length: {}", inner.len());
            for (what, status) in [
                ("GET /hello.txt", 200),
                ("POST /hello.txt", 405),
                ("POST /no-such-page", 0),
                ("DELETE /hello.txt", 405),
                ("PUT /app/echo", 405),
                ("GET /app/time", 200),
                ("BREW /hello.txt", 501),
            ] {
                for (field, body) in [(length.as_str(), inner), ("Transfer-Encoding: chunked", &chunked)] {
                    let outer = request(what, &[field], body);
                    let next = request("GET /hello.txt", &["X-Next: 1"], "");
                    let mut alice = lab.tcp("alice", &server)?;
                    alice.send_unheeded([&outer[..], &next].concat());
                    let answer = alice.hears_answer(&first_line(&outer))?;
                    let answer = match status {
                        0 => answer.is_one_of(&[404, 405])?,
                        // A body of a GET means nothing; some refuse it (RFC 9110, section 9.3.1).
                        200 => answer.is_one_of(&[200, 400])?,
                        _ => answer.is(status)?,
                    };
                    if answer.closes() {
                        alice.expect_close().or_rather("The body of a request was taken for the next one.")?;
                    } else if !alice.is_at_its_end()? {
                        let answer = alice
                            .hears_answer(&first_line(&next))
                            .or_rather("The body of a request was taken for the next one, it seems.")?;
                        answer.is(200)?.says(HELLO)?;
                    }
                }
            }
            lab.lowers_the_curtain()
        })
}

pub fn closes_idle_connections() -> Stage {
    Stage::server("A connection where nothing happens is closed after the timeout, and not before")
        .promises(["H5", "C8"])
        .why(
            "Browsers keep connections open for later, and forget them. Each costs a descriptor, and descriptors are few: the \
             server has to be the one that lets go.",
        )
        .hints([
            "What ends your server's wait for the next request?",
            "`set_read_timeout` with the value of `--timeout`; when it is over, close.",
            "stream.set_read_timeout(Some(args.timeout))?;",
        ])
        .mostly_waiting()
        .story(|lab| {
            lab.steadily(|lab| {
                let (_site, server) = served(lab, &["--timeout", "0.4"])?;
                let mut alice = lab.tcp("alice", &server)?;
                exchange(&server, &mut alice, get("/hello.txt"))?.is(200)?;
                // A connection where nothing was ever said, too.
                let mut bob = lab.tcp("bob", &server)?;
                std::thread::sleep(Duration::from_millis(200));
                exchange(&server, &mut alice, get("/hello.txt"))
                    .or_rather("Half of the timeout after an answer, the connection must be there.")?
                    .is(200)?;
                for (peer, who) in [(&mut bob, "bob"), (&mut alice, "alice")] {
                    is_closed_in_silence(peer).or_rather(&format!("The timeout is 0.4 s, and {who} has said nothing."))?;
                }
                // Whether a 408 is said, and printed, is left open.
                lab.lowers_the_curtain()
            })
        })
}

/// The connection ends, perhaps after a 408.
fn is_closed_in_silence(peer: &mut TcpPeer) -> Outcome {
    let said = peer.read_to_end(16 << 10)?;
    scenario::demand(said.is_empty() || said.starts_with(b"HTTP/1.1 408 "), || {
        "An idle connection got something else than a 408.".to_owned()
    })
}

pub fn waits_anew_after_each_answer() -> Stage {
    Stage::server("The timeout begins anew with each request")
        .promises(["H5", "C8"])
        .why("A connection that is used is not idle, however long it has been open. What counts is the silence.")
        .hints([
            "From when does your server count?",
            "From its last answer on. A deadline that is set when the connection opens is too early for the third request.",
            "let deadline = Instant::now() + timeout; // at the beginning of each request",
        ])
        .mostly_waiting()
        .story(|lab| {
            lab.steadily(|lab| {
                let (_site, server) = served(lab, &["--timeout", "0.5"])?;
                let mut alice = lab.tcp("alice", &server)?;
                for _ in 0..4 {
                    std::thread::sleep(Duration::from_millis(220));
                    exchange(&server, &mut alice, get("/hello.txt"))?.is(200)?.says(HELLO)?;
                }
                Ok(())
            })
        })
}

pub fn is_patient_by_default() -> Stage {
    Stage::server("Without `--timeout` it is patient")
        .promises(["H5", "C8"])
        .why("A default is a guess about networks and people: 10 seconds are enough to type a request by hand, if you hurry.")
        .hints([
            "What is the timeout when `--timeout` is not given?",
            "10 seconds.",
            "#[arg(long, default_value = \"10\", value_parser = seconds)] timeout: Duration",
        ])
        .mostly_waiting()
        .story(|lab| {
            let site = Site::new(lab)?;
            let server = site.served(lab, &[])?;
            let mut alice = lab.tcp("alice", &server)?;
            let earlier = exchange(&server, &mut alice, get("/hello.txt"))?.is(200)?.needs("Date")?;
            let (mut bob, whole) = (lab.tcp("bob", &server)?, get("/hello.txt"));
            bob.send(&whole[..20])?;
            std::thread::sleep(Duration::from_millis(1100));
            let later = exchange(&server, &mut alice, get("/hello.txt"))?.is(200)?;
            let is_later = date::seconds_in(&later.needs("Date")?) > date::seconds_in(&earlier);
            later.demand(is_later, || "A second later, `Date` was still the same.".to_owned()).breaking(&["H1"])?;
            bob.send(&whole[20..])?;
            answer_to(&server, &mut bob, &whole)?.is(200)?.says(HELLO)?;
            ask(lab, &server, get("/hello.txt"))?.is(200)?;
            Ok(())
        })
}
