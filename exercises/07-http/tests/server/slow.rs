//! Slow clients, those that break off, and those that want all the memory.

use std::time::{Duration, Instant};

use scenario::{Breaking, Lab, Meaning, Outcome, Program, Stage, demand};

use super::wire::{Http, get, request};
use super::{Chance, HELLO, broken_somewhere, is_printed_somehow, line_for, noise, served};

/// Somebody is answered while others are there; their lines may come before.
fn is_served(lab: &mut Lab, server: &Program, name: &str) -> Outcome {
    let mut guest = lab.tcp(name, server)?;
    guest.send(get("/hello.txt"))?;
    let answer = guest.hears_answer("GET /hello.txt HTTP/1.1")?.is(200)?.says(HELLO)?;
    server.prints_among_others(&line_for(&guest, &answer, HELLO.len())).breaking(&["H9"])
}

pub fn says_that_the_time_is_up() -> Stage {
    Stage::server("A request that was begun and is not complete in time is 408")
        .promises(["H4", "H5", "C8"])
        .why(
            "A client that stops in the middle of a head may be gone without a word. The server cannot wait for ever; 408 says \
             why it did not.",
        )
        .hints([
            "What does your server do when the rest of a head does not come?",
            "After the timeout: 408, and close.",
            "Err(error) if is_timeout(&error) && !buffer.is_empty() => respond(408),",
        ])
        .mostly_waiting()
        .story(|lab| lab.steadily(|lab| {
            let (_site, server) = served(lab, &["--timeout", "0.3"])?;
            for part in ["GET /hel", "GET /hello.txt HTTP/1.1\r\nHost: lab\r\nX-La", "GET /hello.txt HTTP/1.1\r\nHost: lab\r\n"] {
                let mut alice = lab.tcp("alice", &server)?;
                alice.send(part)?;
                let answer = alice.hears_answer("half a head")?.is(408)?.explains()?;
                is_printed_somehow(&server, &alice, &answer)?;
                alice.expect_end()?;
            }
            Ok(())
        }))
}

pub fn is_not_held_up_by_drips() -> Stage {
    Stage::server("A head that comes a byte at a time must be complete in time all the same")
        .promises(["H5", "H4", "C8"])
        .why(
            "This attack is called Slowloris: a byte now and then keeps each read short and the connection open for hours. So \
             the limit for a head is one for the whole, not for each read.",
        )
        .hints([
            "When does the time for a head begin in your server: with each read?",
            "Note when it ends at its beginning, and wait only for what is left.",
            "let left = deadline.saturating_duration_since(Instant::now()); stream.set_read_timeout(Some(left))?",
        ])
        .mostly_waiting()
        .story(|lab| lab.steadily(|lab| {
            let (_site, server) = served(lab, &["--timeout", "0.4"])?;
            let mut dripper = lab.tcp("dripper", &server)?;
            let began = Instant::now();
            lab.in_short("dripper", "sends a head, a byte every 50 ms", |lab| {
                let endless = "GET /hello.txt HTTP/1.1\r\nHost: lab\r\nX-Lab: ".bytes().chain(std::iter::repeat(b'x'));
                for byte in endless {
                    dripper.send_unheeded([byte]);
                    if dripper.hears_within(Duration::from_millis(50))? {
                        return Ok(());
                    }
                    demand(began.elapsed() < lab.patience().min(Duration::from_secs(5)), || {
                        let seconds = began.elapsed().as_secs();
                        format!("The timeout is 0.4 s, and after {seconds} s your server still waits for the rest of a head.")
                    })?;
                }
                Ok(())
            })?;
            let said = dripper.hears_answer("half a head")?;
            said.is(408)?;
            dripper.wait_for_close()?;
            lab.lowers_the_curtain()
        }))
}

pub fn serves_beside_two_hundred_others() -> Stage {
    Stage::server("Two hundred clients that are slow or idle keep nobody waiting")
        .promises(["H10", "C6"])
        .why(
            "Most connections are silent at any moment. If each of them holds up the server, or one of a few workers, a handful \
             is enough to shut everybody else out.",
        )
        .hints([
            "How many clients can your server wait for at a time?",
            "A thread for each, or one that waits for all. A pool of eight is full with eight.",
            "thread::Builder::new().spawn(move || serve(stream, peer))",
        ])
        .story(|lab| {
            // Nobody is to be sent away on a machine that is slow itself.
            let (_site, server) = served(lab, &["--timeout", "60"])?;
            let mut early = lab.tcp("early", &server)?;
            let mut others = Vec::new();
            lab.in_short("others", "connect, 200 of them, and say nothing, or half of a request", |lab| {
                let (half, body) = (b"GET /hello.txt HTTP/1.1\r\nHost: l", request("POST /app/echo", &["Content-Length: 9"], "half"));
                for number in 0..200 {
                    let mut other = lab.tcp("other", &server)?;
                    match number % 4 {
                        0 => other.send(half)?,
                        1 => other.send(&body)?,
                        2 => {
                            other.send(get("/hello.txt"))?;
                            other.hears_answer("GET /hello.txt HTTP/1.1")?.is(200)?;
                        }
                        _ => {}
                    }
                    others.push(other);
                }
                Ok(())
            })?;
            is_served(lab, &server, "alice").or_rather("200 others are there.")?;
            early.send(get("/hello.txt"))?;
            early.hears_answer("GET /hello.txt HTTP/1.1")?.is(200)?.says(HELLO)?;
            is_served(lab, &server, "bob").or_rather("200 others are there.")?;
            lab.keep(others);
            lab.lowers_the_curtain()
        })
}

pub fn serves_beside_those_who_do_not_read() -> Stage {
    Stage::server("Clients that ask and do not read keep nobody waiting")
        .promises(["H10", "C6"])
        .why(
            "A client that reads nothing fills the buffers between, and then `write` waits, for as long as the client pleases. \
             It is its own connection that may wait, and no other.",
        )
        .hints([
            "What else can the thread do that writes to a client?",
            "Nothing: so no other client may depend on it. And no lock may be held while it writes.",
            "thread::Builder::new().spawn(move || serve(stream, peer))",
        ])
        .story(|lab| {
            let (site, server) = served(lab, &["--timeout", "60"])?;
            site.put("film.mp4", "")?;
            std::fs::File::options().write(true).open(site.folder.file("www/film.mp4"))?.set_len(256 << 20)?;
            let mut others = Vec::new();
            lab.in_short("others", "ask for a film, 20 of them, and do not look at it", |lab| {
                for _ in 0..20 {
                    let mut other = lab.tcp("other", &server)?;
                    other.send(get("/film.mp4"))?;
                    others.push(other);
                }
                for other in &others {
                    demand(other.hears_within(lab.patience())?, || "The film does not begin.".to_owned())?;
                }
                Ok(())
            })?;
            is_served(lab, &server, "alice").or_rather("20 others do not read what they asked for.")?;
            lab.keep(others);
            lab.lowers_the_curtain()
        })
}

pub fn survives_those_who_break_off() -> Stage {
    Stage::server("Clients that break off, wherever they are, do not stop it")
        .promises(["C6"])
        .why(
            "A browser's tab is closed, a cable is pulled: in the middle of a head, of a body, of a response. Then `read` and \
             `write` fail, on that connection only.",
        )
        .hints([
            "Which errors of a connection leave its thread, or the loop around `accept`?",
            "None: a connection that fails is over, and the server is not.",
            "if let Err(error) = serve(stream, peer) { complain(format_args!(\"{peer}: {error:#}\")); }",
        ])
        .story(|lab| {
            let (site, server) = served(lab, &[])?;
            site.put("photo.jpg", noise(3_000_000))?;
            let parts = [
                Vec::new(),
                b"GET /hel".to_vec(),
                get("/photo.jpg"),
                request("POST /app/echo", &["Content-Length: 9"], "half"),
                request("POST /app/echo", &["Transfer-Encoding: chunked"], "5\r\nhe"),
                request("POST /app/echo", &["Content-Length: 9", "Expect: 100-continue"], ""),
                [get("/hello.txt"), get("/photo.jpg")].concat(),
            ];
            for part in &parts {
                // Held up, the server finds a connection that is broken already.
                server.pause();
                let mut early = lab.tcp("mallory", &server)?;
                early.send(part)?;
                early.resets()?;
                server.resume();
                let mut late = lab.tcp("mallory", &server)?;
                late.send(part)?;
                late.is_read()?;
                late.resets()?;
                let mut silent = lab.tcp("mallory", &server)?;
                silent.send(part)?;
                silent.closes();
                is_served(lab, &server, "alice")?;
            }
            // Which lines the broken connections leave is open.
            lab.lowers_the_curtain()
        })
}

pub fn survives_whatever_comes() -> Stage {
    Stage::server("Requests with bytes changed, lost and doubled stop nobody")
        .promises(["C6", "C5"])
        .why(
            "A parser meets everything in the end: broken programs, other protocols, and people who send whatever might hurt. \
             An index beyond the end, or text that is none, must be an answer of 400 and not the end of a program.",
        )
        .hints([
            "What do your programs say on stderr while this stage runs?",
            "Every `unwrap`, every index and every `from_utf8` in the way of a request is a question: what if not?",
            "slice.get(from..to).ok_or(400)?; str::from_utf8(bytes).map_err(|_| 400)?",
        ])
        .story(|lab| {
            const SEED: u64 = 7;
            let (_site, server) = served(lab, &[])?;
            let requests = [
                request("GET /h%65llo.txt?a=%20", &["Range: bytes=0-4", "If-None-Match: \"x\", W/\"y\""], ""),
                request("HEAD /", &["If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT", "Connection: close"], ""),
                request("GET /app/query?page=1&name=d%61vid+x", &["Range: bytes=-5"], ""),
                request("POST /app/echo", &["Content-Length: 5", "Content-Type: text/plain"], "hello"),
                request("POST /app/echo", &["Transfer-Encoding: chunked"], "5;x=1\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n"),
            ];
            lab.in_short("mallory", "sends 300 requests that are broken somewhere", |lab| {
                let mut chance = Chance(SEED);
                for round in 0..300 {
                    let mut mallory = lab.tcp("mallory", &server)?;
                    mallory.send_unwelcome(broken_somewhere(&requests[round % requests.len()], &mut chance));
                    lab.keep((round % 50 == 0).then_some(mallory));
                }
                Ok(())
            })?;
            is_served(lab, &server, "alice")?;
            // What was answered, and printed, is as different as what was sent.
            lab.lowers_the_curtain()
        })
}

/// How much is sent to a server that wants none of it, at a time.
const FLOOD: usize = 16 << 20;

/// Several send the beginning and then more of the same, until nobody takes it any more, and stay; the memory must too.
fn floods(lab: &mut Lab, server: &Program, beginning: &[u8], more: &str) -> Outcome {
    const SEVERAL: usize = 4;
    const EACH: usize = FLOOD / SEVERAL;
    lab.memory_stays(server, |lab| {
        let mut taken = 0;
        for _ in 0..SEVERAL {
            let mut mallory = lab.tcp("mallory", server)?;
            mallory.send_unheeded(beginning);
            taken += mallory.pour(more.repeat((64 << 10) / more.len()), EACH)?;
            // What is neither closed nor read to its end costs more and more time, if not memory.
            mallory.is_read().or_rather("What has no end must be refused, or read and dropped.")?;
            lab.keep([mallory]);
        }
        Ok(taken as u64)
    })
}

pub fn keeps_no_request_in_its_memory() -> Stage {
    Stage::server("A head without an end costs no memory")
        .promises(["C10", "C6"])
        .why(
            "A line without an end, a field without an end, fields without an end: each is a way to have the server collect \
             until its memory is full. What it keeps must be bounded by what it decided, not by what comes.",
        )
        .hints([
            "Where does your server collect a head, and what stops it?",
            "The limits of 8 and 16 KiB count while it reads, not when the line is complete. `read_line` alone has no limit.",
            "if buffer.len() > MAX_HEAD { return Err(431) } // before the next read",
        ])
        .story(|lab| {
            let (_site, server) = served(lab, &[])?;
            is_served(lab, &server, "alice")?;
            for (beginning, more) in [
                ("", "x"),
                ("GET /", "x"),
                ("", "\r\n"),
                ("GET / HTTP/1.1\r\nHost: lab\r\nX-Lab: ", "x"),
                ("GET / HTTP/1.1\r\nHost: lab\r\n", "X-Lab: and so on\r\n"),
            ] {
                floods(lab, &server, beginning.as_bytes(), more)?;
            }
            is_served(lab, &server, "bob")?;
            lab.lowers_the_curtain()
        })
}

pub fn keeps_no_body_in_its_memory() -> Stage {
    Stage::server("A body without an end costs no memory")
        .promises(["C10", "C6"])
        .why(
            "Chunks may go on for ever, and so may an extension, or the fields behind the last chunk: nothing of it was in any \
             `Content-Length`.",
        )
        .hints([
            "Which parts of a chunked body have a limit in your server?",
            "All of them need one: the sum of the chunks (1 MiB), the line with the size, and the trailer.",
            "Read the line of a size like a line of a head: with a limit.",
        ])
        .story(|lab| {
            let (_site, server) = served(lab, &[])?;
            is_served(lab, &server, "alice")?;
            let chunked = |target: &str, body: &str| request(target, &["Transfer-Encoding: chunked"], body);
            let chunk = format!("{:x}\r\n{}\r\n", 60_000, "x".repeat(60_000));
            let floodings = [
                (request("POST /app/echo", &["Content-Length: 1000000000000"], ""), "x"),
                (chunked("POST /app/echo", ""), chunk.as_str()),
                (chunked("POST /no-such-page", ""), chunk.as_str()),
                (chunked("POST /app/echo", "5;x="), "x"),
                (chunked("POST /app/echo", ""), "0"),
                (chunked("POST /app/echo", "5\r\nhello\r\n0\r\nX-Lab: "), "x"),
                (chunked("POST /app/echo", "5\r\nhello\r\n0\r\n"), "X-Lab: and so on\r\n"),
            ];
            for (beginning, more) in floodings {
                floods(lab, &server, &beginning, more)?;
            }
            is_served(lab, &server, "bob")?;
            lab.lowers_the_curtain()
        })
}

pub fn answers_no_faster_than_is_read() -> Stage {
    Stage::server("Answers that nobody reads do not pile up in memory")
        .promises(["C10", "C6"])
        .why(
            "A client may send a thousand requests and read nothing. What cannot be written yet has to wait somewhere: in the \
             file and with the client, not in the server.",
        )
        .hints([
            "When does your server read the next request: when the answer to the last one is written, or before?",
            "After it. Whoever queues answers must stop reading while the queue is full.",
            "In asyncio: `await writer.drain()` after each write.",
        ])
        .story(|lab| {
            let (site, server) = served(lab, &[])?;
            site.put("photo.jpg", noise(1_000_000))?;
            is_served(lab, &server, "alice")?;
            lab.memory_stays(&server, |lab| {
                let mut mallory = lab.tcp("mallory", &server)?;
                mallory.send_unheeded(get("/photo.jpg").repeat(64));
                demand(mallory.hears_within(lab.patience())?, || "No answer begins.".to_owned())?;
                // A server that reads on has had its time when another was served a few times.
                for name in ["alice", "bob", "carol"] {
                    is_served(lab, &server, name)?;
                }
                lab.keep([mallory]);
                Ok(64_000_000)
            })?;
            lab.lowers_the_curtain()
        })
}
