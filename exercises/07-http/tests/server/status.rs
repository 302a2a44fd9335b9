//! Status codes: what a server says when it cannot do what it was asked for, and why.

use scenario::{Breaking, Lab, Outcome, Program, Stage};

use super::wire::{Http, Response, get, post, request};
use super::{HELLO, answer_to, ask, exchange, is_printed_somehow, noise, refused, served};

pub fn says_that_there_is_no_such_page() -> Stage {
    Stage::server("A page that there is not is 404, with a text for whoever looks at it")
        .promises(["H4", "C6"])
        .why(
            "The status is for programs, the body is for people: a browser shows it. An answer without one leaves them in \
             front of a blank page.",
        )
        .hints([
            "What does opening a file return that is not there, and what becomes of that?",
            "Every error is a response like any other: a status line, fields, and a short text as its body.",
            "HTTP/1.1 404 Not Found, Content-Type: text/plain, and a body like `404 Not Found`",
        ])
        .story(|lab| {
            let (_site, server) = served(lab, &[])?;
            for target in ["/%ff", "/%c3%28.txt", "/%e6%88"] {
                ask(lab, &server, get(target))?.is_one_of(&[404, 400])?.explains()?;
            }
            for target in ["/no-such-page", "/no/such/folder/", "/hello.txt.bak", "/app/no-such-page", "/Hello.TXT"] {
                ask(lab, &server, get(target))?.is(404)?.explains()?;
            }
            let long = format!("/{}", "n".repeat(1000));
            ask(lab, &server, get(&long))?.is_one_of(&[404, 414])?.explains()?;
            ask(lab, &server, get("/hello.txt"))?.is(200)?.says(HELLO)?;
            Ok(())
        })
}

pub fn allows_only_what_makes_sense() -> Stage {
    Stage::server("A method that makes no sense here is 405, with those that do")
        .promises(["H2", "H4"])
        .why(
            "405 says: I know this method, but not for this resource. `Allow` must say which would do (RFC 9110, section \
             15.5.6), so that a client need not guess.",
        )
        .hints([
            "What does your server answer to DELETE /hello.txt, or to GET /app/echo?",
            "405, and `Allow` with the methods that this resource has.",
            "Allow: GET, HEAD for files and pages, Allow: POST for /app/echo",
        ])
        .story(|lab| {
            let (_site, server) = served(lab, &[])?;
            for (method, target) in [
                ("POST", "/hello.txt"),
                ("PUT", "/hello.txt"),
                ("DELETE", "/hello.txt"),
                ("OPTIONS", "/hello.txt"),
                ("TRACE", "/hello.txt"),
                ("POST", "/app/time"),
                ("PUT", "/app/time"),
                ("POST", "/app/query?a=1"),
                ("DELETE", "/app/query"),
            ] {
                is_not_allowed(&ask(lab, &server, without_content(method, target))?, method, &["get", "head"])?;
            }
            for method in ["GET", "PUT", "DELETE"] {
                is_not_allowed(&ask(lab, &server, without_content(method, "/app/echo"))?, method, &["post"])?;
            }
            ask(lab, &server, request("HEAD /app/echo", &[], ""))?.is(405)?;
            ask(lab, &server, get("/hello.txt"))?.is(200)?.says(HELLO)?;
            Ok(())
        })
}

/// A request with an empty body, where the method is one that usually has a body.
fn without_content(method: &str, target: &str) -> Vec<u8> {
    let fields: &[&str] = if ["POST", "PUT"].contains(&method) { &["Content-Length: 0"] } else { &[] };
    request(&format!("{method} {target}"), fields, "")
}

fn is_not_allowed(answer: &Response, method: &str, due: &[&str]) -> Outcome {
    let answer = answer.clone().is(405)?.explains()?;
    let allowed = answer.list("allow");
    let missing = due.iter().find(|method| !allowed.contains(&(**method).to_owned()));
    answer.demand(missing.is_none() && !allowed.contains(&method.to_ascii_lowercase()), || {
        let due = due.join(", ").to_uppercase();
        format!("`Allow` in the answer to `{}` lists {allowed:?}, where {due} was due, and not {method}.", answer.asked)
    })
}

pub fn knows_its_methods() -> Stage {
    Stage::server("A method that nobody knows is 501")
        .promises(["H4"])
        .why(
            "Anybody may invent a method. A server that does not know it must not guess (RFC 9110, section 9.1); and names of \
             methods do have a case, so `get` is not GET.",
        )
        .hints([
            "What does your server do with `BREW /hello.txt`?",
            "501 for methods beyond those of RFC 9110; 405 is for those that it knows.",
            "match method { \"GET\" | \"HEAD\" => …, \"POST\" | \"PUT\" | … => 405, _ => 501 }",
        ])
        .story(|lab| {
            let (_site, server) = served(lab, &[])?;
            for method in ["BREW", "GETT"] {
                ask(lab, &server, request(&format!("{method} /hello.txt"), &[], ""))?.is(501)?.explains()?;
            }
            ask(lab, &server, request("BREW /app/echo", &[], ""))?.is(501)?.explains()?;
            ask(lab, &server, request("get /hello.txt", &[], ""))?.is_one_of(&[501, 400, 405])?.explains()?;
            Ok(())
        })
}

pub fn knows_its_version() -> Stage {
    Stage::server("Another major version of HTTP is 505")
        .promises(["H4"])
        .why(
            "HTTP/2 is written in binary frames. Whoever sends a line that says HTTP/2.0 speaks something that this server \
             does not, and is told so.",
        )
        .hints([
            "What do you do with the third word of the request line?",
            "HTTP/1.0 and HTTP/1.1 are spoken here; `HTTP/` with other digits is 505, and anything else is 400.",
            "match version { \"HTTP/1.1\" | \"HTTP/1.0\" => …, other if is_version(other) => 505, _ => 400 }",
        ])
        .story(|lab| {
            let (_site, server) = served(lab, &[])?;
            for version in ["HTTP/2.0", "HTTP/3.0", "HTTP/9.9"] {
                refused(lab, &server, format!("GET /hello.txt {version}\r\nHost: lab\r\n\r\n"), &[505])?;
            }
            refused(lab, &server, "GET /hello.txt HTTP/0.9\r\nHost: lab\r\n\r\n", &[505, 400])?;
            for version in ["http/1.1", "HTTP/1", "HTTP/11", "HTTP/1.1x", "HTTP/1,1", "HTTPS/1.1", "HTTP/x.y", "HTTP/-1.1"] {
                refused(lab, &server, format!("GET /hello.txt {version}\r\nHost: lab\r\n\r\n"), &[400, 505])?;
            }
            Ok(())
        })
}

pub fn refuses_what_is_no_request() -> Stage {
    Stage::server("What is no request is 400")
        .promises(["H4", "C6"])
        .why(
            "A parser that guesses what was meant guesses differently from the next one on the way, and attackers live in the \
             difference. What is not in the grammar of RFC 9112 is refused.",
        )
        .hints([
            "Which of your parser's steps can fail, and what becomes of that?",
            "Three words in the first line; a name of token characters before each colon; a target that begins with `/`. Each \
             failure is 400, and none is a panic.",
            "let [method, target, version] = words[..] else { return Err(400) };",
        ])
        .story(|lab| {
            let (_site, server) = served(lab, &[])?;
            let lines = [
                "GARBAGE",
                "GET",
                "GET /hello.txt",
                "GET HTTP/1.1",
                "GET /hello.txt HTTP/1.1 HTTP/1.1",
                "GET /hello world.txt HTTP/1.1",
                ": / HTTP/1.1",
            ];
            for line in lines {
                refused(lab, &server, format!("{line}\r\nHost: lab\r\n\r\n"), &[400, 501, 505])?;
            }
            for target in ["hello.txt", "?a=1", "\\hello.txt"] {
                refused(lab, &server, format!("GET {target} HTTP/1.1\r\nHost: lab\r\n\r\n"), &[400, 404])?;
            }
            for field in ["no colon", ": no name", "na me: 1", "na(me): 1", "Content-Length: five"] {
                refused(lab, &server, format!("GET /hello.txt HTTP/1.1\r\nHost: lab\r\n{field}\r\n\r\n"), &[400])?;
            }
            // The greeting of a TLS client that took a wrong port, and noise.
            for noise in [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n".to_vec(), [&noise(300)[..], b"\r\n\r\n"].concat()] {
                let mut mallory = lab.tcp("mallory", &server)?;
                mallory.send_unheeded(noise);
                let answer = mallory.hears_answer("noise")?.is_one_of(&[400, 501, 505])?;
                is_printed_somehow(&server, &mallory, &answer)?;
            }
            ask(lab, &server, get("/hello.txt"))?.is(200)?.says(HELLO)?;
            Ok(())
        })
}

pub fn needs_to_know_the_host() -> Stage {
    Stage::server("A request of HTTP/1.1 without `Host`, or with two, is 400")
        .promises(["H4"])
        .why(
            "One address may have many sites; `Host` says which is meant. Two answers to one question are none: RFC 9112, \
             section 3.2, asks for a 400, even of a server that has one site only.",
        )
        .hints([
            "How many fields called `Host` has the request?",
            "Exactly one, in HTTP/1.1. HTTP/1.0 did not know it yet.",
            "if version == \"HTTP/1.1\" && fields.all(\"host\").count() != 1 { return Err(400) }",
        ])
        .story(|lab| {
            let (_site, server) = served(lab, &[])?;
            refused(lab, &server, "GET /hello.txt HTTP/1.1\r\n\r\n", &[400])?;
            refused(lab, &server, "GET /hello.txt HTTP/1.1\r\nAccept: */*\r\nX-Host: lab\r\n\r\n", &[400])?;
            refused(lab, &server, "GET /hello.txt HTTP/1.1\r\nHost: lab\r\nHost: other\r\n\r\n", &[400])?;
            refused(lab, &server, "GET http://lab/hello.txt HTTP/1.1\r\n\r\n", &[400])?;
            let mut old = lab.tcp("old", &server)?;
            exchange(&server, &mut old, "GET /hello.txt HTTP/1.0\r\n\r\n")?.is(200)?.says(HELLO)?;
            old.expect_end().breaking(&["H5"])
        })
}

pub fn limits_the_request_line() -> Stage {
    Stage::server("A request line of more than 8 KiB is 414")
        .promises(["H4", "C10"])
        .why(
            "A line that may be of any length is a line that may fill the memory. A limit has two sides: what is just allowed \
             must work.",
        )
        .hints([
            "What limits how much your server reads while it looks for the end of the first line?",
            "8192 bytes without a line end are too many: 414, and the connection is closed.",
            "const MAX_REQUEST_LINE: usize = 8 << 10;",
        ])
        .story(|lab| {
            const LIMIT: usize = 8 << 10;
            let (_site, server) = served(lab, &[])?;
            let line = |length: usize| get(&format!("/hello.txt?{}", "x".repeat(length - "GET /hello.txt? HTTP/1.1".len())));
            // Whether the line end counts is left open.
            for length in [4000, LIMIT - 16] {
                ask(lab, &server, line(length))?.is(200)?.says(HELLO)?;
            }
            for length in [LIMIT + 16, 15_000, 60_000] {
                refused(lab, &server, line(length), &[414])?;
            }
            Ok(())
        })
}

pub fn limits_the_fields() -> Stage {
    Stage::server("A header section of more than 16 KiB is 431")
        .promises(["H4", "C10"])
        .why(
            "Cookies pile up, and attackers pile up more. One long field and many short ones are the same danger, so their sum \
             is limited (RFC 6585, section 5).",
        )
        .hints([
            "What limits how much your server reads while it looks for the empty line?",
            "16384 bytes of fields without their end are too many: 431, and the connection is closed.",
            "const MAX_HEADER_SECTION: usize = 16 << 10;",
        ])
        .story(|lab| {
            const LIMIT: usize = 16 << 10;
            let (_site, server) = served(lab, &[])?;
            let one = |length: usize| request("GET /hello.txt", &[&format!("X-Long: {}", "x".repeat(length - 23))], "");
            // No more than 90: some libraries stop at 100 fields, whatever their size.
            let many = |length: usize| {
                let field = format!("X-Many: {}", "x".repeat(length / 90 - 10));
                request("GET /hello.txt", &vec![field.as_str(); 90], "")
            };
            // Whether line ends, colons and the request line count is left open.
            for allowed in [one(LIMIT - 64), many(LIMIT - 400)] {
                ask(lab, &server, allowed)?.is(200)?.says(HELLO)?;
            }
            for excessive in [one(LIMIT + 64), many(LIMIT + 600), one(100_000)] {
                refused(lab, &server, excessive, &[431])?;
            }
            Ok(())
        })
}

pub fn limits_the_body() -> Stage {
    Stage::server("A body of more than 1 MiB is 413, and one of 1 MiB is not")
        .promises(["H4", "C10", "C6"])
        .why(
            "`Content-Length` says what will come before it comes: whoever says too much can be told at once, and no memory is \
             taken for what was only announced.",
        )
        .hints([
            "When does your server know that a body is too long?",
            "When it has read `Content-Length`, before it reads a byte of the body. A number that does not fit into 64 bits is \
             too much as well.",
            "if length > MAX_BODY { return Err(413) }",
        ])
        .story(|lab| {
            const LIMIT: usize = 1 << 20;
            let (_site, server) = served(lab, &[])?;
            let body = noise(LIMIT);
            ask(lab, &server, post("/app/echo", &body))?.is(200)?.says(&body)?;
            for length in ["1048577", "4294967296", "18446744073709551615"] {
                announces(lab, &server, length, &[413])?;
            }
            for length in ["99999999999999999999999999", &"9".repeat(5000)] {
                announces(lab, &server, length, &[413, 400])?;
            }
            // Somebody who does not listen, and goes on sending.
            refused(lab, &server, post("/app/echo", noise(LIMIT + 1)), &[413])?;
            Ok(())
        })
}

/// Somebody who announces a body, and sends none, is refused.
fn announces(lab: &mut Lab, server: &Program, length: &str, due: &[u16]) -> Outcome {
    refused(lab, server, request("POST /app/echo", &[&format!("Content-Length: {length}")], ""), due)
}

pub fn limits_a_chunked_body() -> Stage {
    Stage::server("A body in chunks is 413 as soon as there is more than 1 MiB of it")
        .promises(["H4", "H6", "C10"])
        .why(
            "Chunks have no sum that is known before. Whoever adds up only at the end has no limit at all: the last chunk need \
             not come.",
        )
        .hints([
            "Where do you compare with the limit: after the last chunk, or at each?",
            "At each, before it is read: what has come so far and the size of this one.",
            "if body.len() as u64 + size > MAX_BODY { return Err(413) }",
        ])
        .story(|lab| {
            const LIMIT: usize = 1 << 20;
            let (_site, server) = served(lab, &[])?;
            let chunked = |body: &[u8], size: usize| {
                let mut message = request("POST /app/echo", &["Transfer-Encoding: chunked"], "");
                for chunk in body.chunks(size) {
                    message.extend(format!("{:x}\r\n", chunk.len()).bytes());
                    message.extend(chunk);
                    message.extend(b"\r\n");
                }
                message
            };
            let body = noise(LIMIT);
            let whole = [&chunked(&body, 1 << 16)[..], b"0\r\n\r\n"].concat();
            let mut alice = lab.tcp("alice", &server)?;
            alice.send(&whole)?;
            answer_to(&server, &mut alice, &whole)?.is(200)?.says(&body)?;
            // The last chunk never comes: the refusal must not wait for it.
            for size in [1 << 16, 1 << 12] {
                refused(lab, &server, chunked(&noise(LIMIT + 1), size), &[413])?;
            }
            Ok(())
        })
}
