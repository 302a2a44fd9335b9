//! What the server prints: a line for each response.

use scenario::{Breaking, Outcome, Stage, demand};

use super::wire::{Http, get, post, request};
use super::{ask, is_printed, is_printed_somehow, line_for, noise, served};

pub fn prints_every_response() -> Stage {
    Stage::server("Every response is a line with its request, its status and the bytes of its body")
        .promises(["H9", "C4"])
        .why(
            "The log is what an administrator has when somebody calls. It counts what was sent, not what was asked for: HEAD and \
             304 send nothing, a range sends a part, and an error has a text of its own.",
        )
        .hints([
            "Where do the status and the number in your line come from?",
            "From the response that was written. One place that writes responses is one place that prints them.",
            "say(format_args!(\"{peer} \\\"{request_line}\\\" {status} {sent}\"))?;",
        ])
        .story(|lab| {
            let (site, server) = served(lab, &[])?;
            site.put("photo.jpg", noise(300_000))?;
            let tag = ask(lab, &server, get("/hello.txt"))?.is(200)?.needs("ETag")?;
            for (asking, status) in [
                (get("/photo.jpg"), 200),
                (get("/%68ello.txt"), 200),
                (get("/hello.txt?a=1&b=%20"), 200),
                (request("HEAD /photo.jpg", &[], ""), 200),
                (request("GET /hello.txt", &[&format!("If-None-Match: {tag}")], ""), 304),
                (request("GET /hello.txt", &["Range: bytes=0-4"], ""), 206),
                (request("GET /hello.txt", &["Range: bytes=99-"], ""), 416),
                (get("/no-such-page"), 404),
                (request("HEAD /no-such-page", &[], ""), 404),
                (post("/hello.txt", ""), 405),
                (post("/app/echo", "hello"), 200),
                (request("BREW /hello.txt", &[], ""), 501),
                ("GET /hello.txt HTTP/1.0\r\n\r\n".into(), 200),
                ("GET http://lab/hello.txt HTTP/1.1\r\nHost: lab\r\n\r\n".into(), 200),
            ] {
                ask(lab, &server, asking)?.is(status)?;
            }
            // The line comes with the answer, not when the connection ends.
            let mut alice = lab.tcp("alice", &server)?;
            alice.send(get("/hello.txt"))?;
            server.prints(&format!("{} \"GET /hello.txt HTTP/1.1\" 200 13", alice.address()))?;
            alice.hears_answer("GET /hello.txt HTTP/1.1")?.is(200)?;
            Ok(())
        })
}

pub fn prints_so_that_it_harms_nobody() -> Stage {
    Stage::server("Whatever is asked for is printed so that it harms nobody")
        .promises(["C7", "H9"])
        .why(
            "A log is read in a terminal. What a stranger writes into a request line must not clear the screen, nor look like \
             a line of the log.",
        )
        .hints([
            "What does your server print for a target with the byte 0x1b in it, or for one that is not UTF-8?",
            "Control characters become U+FFFD, and so do bytes that are no text. What is percent-encoded stays as it is.",
            "text.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c })",
        ])
        .story(|lab| {
            let (_site, server) = served(lab, &[])?;
            for target in ["/%1b%5b2J", "/%0d%0a127.0.0.1:1%20%22GET%20/%20HTTP/1.1%22%20200%2013"] {
                ask(lab, &server, get(target))?.is_a_refusal()?;
            }
            let targets: [&[u8]; 4] = [b"/\x1b[2J", b"/\x07\x08\x7f", b"/caf\xe9\xff", "/\u{9b}2J".as_bytes()];
            for target in targets {
                let mut mallory = lab.tcp("mallory", &server)?;
                mallory.send([b"GET ", target, b" HTTP/1.1\r\nHost: lab\r\n\r\n"].concat())?;
                let answer = mallory.hears_answer("GET … HTTP/1.1")?.is_a_refusal()?;
                let line = server.next_line(&line_for(&mallory, &answer, answer.body.len()))?;
                let raw = line.chars().find(|c| c.is_control());
                demand(raw.is_none(), || {
                    format!("Your server printed a line that could drive a terminal: {:?} stands in it.", raw.unwrap_or_default())
                })?;
            }
            let mut alice = lab.tcp("alice", &server)?;
            alice.send(get("/hello.txt"))?;
            let answer = alice.hears_answer("GET /hello.txt HTTP/1.1")?.is(200)?;
            is_printed(&server, &alice, &answer)?;
            quotes_are_left_alone(lab, &server)
        })
}

/// A quote in a target is no control character: printed as it is, or escaped, or refused.
fn quotes_are_left_alone(lab: &mut scenario::Lab, server: &scenario::Program) -> Outcome {
    let mut bob = lab.tcp("bob", server)?;
    bob.send(get("/\"quoted\"\\"))?;
    let answer = bob.hears_answer("GET /\"quoted\"\\ HTTP/1.1")?.is_a_refusal()?;
    is_printed_somehow(server, &bob, &answer).breaking(&["H9"])
}
