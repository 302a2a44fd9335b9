//! Bodies of requests: where they end, and what must not be believed about them.

use std::time::Duration;

use scenario::{Lab, Meaning, Outcome, Program, Stage};

use super::wire::{Http, first_line, get, post, request};
use super::{answer_to, around_the_body, ask, cut_everywhere, hears_no, is_printed_somehow, served};

pub fn takes_a_body_in_pieces() -> Stage {
    Stage::server("A body may arrive in any pieces, together with its head or long after")
        .promises(["H6"])
        .why(
            "`read` returns what is there, not what is due. A body of ten bytes may come as three and seven, with the first \
             three already behind the head.",
        )
        .hints([
            "How many bytes of the body were read together with the head, and how many are still to come?",
            "Take those from the buffer first, then read until `Content-Length` bytes are there.",
            "reader.read_exact(&mut body)? on the same buffered reader that read the head",
        ])
        .mostly_waiting()
        .story(|lab| {
            let (_site, server) = served(lab, &[])?;
            let body = "two\r\n\r\nlines";
            let whole = post("/app/echo", body);
            cut_everywhere(lab, &server, &whole, around_the_body(&whole), |answer| answer.is(200)?.says(body))
        })
}

pub fn takes_no_half_body() -> Stage {
    Stage::server("A body that ends too early is not taken for a whole one")
        .promises(["H6"])
        .why(
            "The end of the stream in the middle of a body says that something broke. Half an order is no order: nothing may be \
             done with it (RFC 9112, section 8).",
        )
        .hints([
            "What does your server do when `read` returns 0 before the body is complete?",
            "It gives up on the request: 400 or nothing, and the connection is closed.",
            "reader.read_exact(&mut body)? fails with UnexpectedEof",
        ])
        .story(|lab| {
            let (_site, server) = served(lab, &[])?;
            let length = request("POST /app/echo", &["Content-Length: 10"], "half");
            let chunk = request("POST /app/echo", &["Transfer-Encoding: chunked"], "a\r\nhalf");
            let chunks = request("POST /app/echo", &["Transfer-Encoding: chunked"], "4\r\nhalf\r\n");
            for half in [length, chunk, chunks] {
                let mut alice = lab.tcp("alice", &server)?;
                alice.send(half)?;
                alice.ends_sending()?;
                let said = alice.read_to_end(16 << 10)?;
                let refuses = said.starts_with(b"HTTP/1.1 4") || said.starts_with(b"HTTP/1.1 5");
                scenario::demand(said.is_empty() || refuses, || {
                    "Your server answered a request whose body had broken off as if it were complete.".to_owned()
                })?;
            }
            let mut bob = lab.tcp("bob", &server)?;
            let whole = post("/app/echo", "whole");
            bob.send(&whole)?;
            bob.hears_answer(&first_line(&whole))?.is(200)?.says("whole")?;
            // Whether the broken ones are answered, and printed, is left open.
            lab.lowers_the_curtain()
        })
}

pub fn tells_a_client_to_go_on() -> Stage {
    Stage::server("`Expect: 100-continue` is answered before the body comes")
        .promises(["H6"])
        .why(
            "A client with a large body asks first whether it is wanted, and waits. Without an answer it waits for a second or \
             so (curl does) before each upload; 100 sends it on its way (RFC 9110, section 10.1.1). HTTP/1.0 must not get one, \
             and nobody needs one whose body is there already.",
        )
        .hints([
            "When do you answer a head that has the field `Expect`?",
            "Right after the head, before you read the body: `HTTP/1.1 100 Continue` and an empty line. The real answer \
             follows when the body is there.",
            "stream.write_all(b\"HTTP/1.1 100 Continue\\r\\n\\r\\n\")?; // then read the body",
        ])
        .story(|lab| {
            let (_site, server) = served(lab, &[])?;
            for (fields, body) in [
                (["Content-Length: 5", "Expect: 100-continue"], "hello"),
                (["Expect: 100-Continue", "Transfer-Encoding: chunked"], "5\r\nhello\r\n0\r\n\r\n"),
            ] {
                let mut alice = lab.tcp("alice", &server)?;
                let head = request("POST /app/echo", &fields, "");
                alice.send(&head)?;
                alice.hears_response(&first_line(&head))?.is(100)?;
                alice.send(body)?;
                answer_to(&server, &mut alice, &head)?.is(200)?.says("hello")?;
                // The same with the body at once: then a 100 may come or not.
                ask(lab, &server, request("POST /app/echo", &fields, body))?.is(200)?.says("hello")?;
            }
            let mut old = lab.tcp("old", &server)?;
            let head = "POST /app/echo HTTP/1.0\r\nHost: lab\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n";
            old.send(head)?;
            old.is_read()?;
            old.send("hello")?;
            let answer = old.hears_response(&first_line(head.as_bytes()))?.is(200)?.says("hello")?;
            super::is_printed(&server, &old, &answer)
        })
}

pub fn refuses_before_the_body_comes() -> Stage {
    Stage::server("A client that asks first is told at once that its body is too long")
        .promises(["H6", "H4"])
        .why(
            "This is what `Expect` is for: the answer is known from the head alone, so it is the final one, and a gigabyte \
             stays where it is (RFC 9110, section 10.1.1).",
        )
        .hints([
            "What does your server do first: say 100, or look at `Content-Length`?",
            "Look first. 100 is only for bodies that are wanted.",
            "if length > MAX_BODY { return Err(413) } // and then `Expect`",
        ])
        .story(|lab| {
            let (_site, server) = served(lab, &[])?;
            let mut alice = lab.tcp("alice", &server)?;
            let head = request("POST /app/echo", &["Content-Length: 1073741824", "Expect: 100-continue"], "");
            alice.send(&head)?;
            let answer = alice.hears_response(&first_line(&head))?.is_one_of(&[413, 417])?.explains()?;
            is_printed_somehow(&server, &alice, &answer)
        })
}

pub fn waits_while_a_body_moves() -> Stage {
    Stage::server("A body that comes slowly is waited for as long as it moves")
        .promises(["H5", "C8"])
        .why(
            "An upload over a bad network takes minutes, and is no attack. What counts is that bytes come; a limit on the whole \
             would shut out everybody who is far away.",
        )
        .hints([
            "Does your limit count from the beginning of the body, or from its last byte?",
            "Each read has a limit of its own: that is what `set_read_timeout` does.",
            "stream.set_read_timeout(Some(args.timeout))?; // counts for every read",
        ])
        .mostly_waiting()
        .story(|lab| {
            lab.steadily(|lab| {
                let (_site, server) = served(lab, &["--timeout", "0.7"])?;
                let mut alice = lab.tcp("alice", &server)?;
                let head = request("POST /app/echo", &["Content-Length: 8"], "");
                alice.send(&head)?;
                alice.send_byte_by_byte("slow but", Duration::from_millis(150))?;
                answer_to(&server, &mut alice, &head)?.is(200)?.says("slow but")?;
                Ok(())
            })
        })
}

pub fn gives_up_on_a_body_that_stops() -> Stage {
    Stage::server("A body that stops moving is given up after the timeout")
        .promises(["H5", "C8"])
        .why(
            "A client that announces a body and stops is gone, or wants to keep the connection busy. Either way nobody waits for \
             ever.",
        )
        .hints([
            "What ends your server's wait for the rest of a body?",
            "The same timeout as for a head, for each read: 408 or nothing, and close.",
            "Err(error) if is_timeout(&error) => return Err(Status(408)),",
        ])
        .mostly_waiting()
        .story(|lab| {
            let (_site, server) = served(lab, &["--timeout", "0.3"])?;
            let bodies = [("Content-Length: 8", "sto"), ("Transfer-Encoding: chunked", "8\r\nsto"), ("Content-Length: 8", "")];
            for (field, body) in bodies {
                let mut alice = lab.tcp("alice", &server)?;
                alice.send(request("POST /app/echo", &[field], body))?;
                let said = alice.read_to_end(16 << 10).or_rather("The timeout is 0.3 s, and the body has stopped.")?;
                scenario::demand(said.is_empty() || said.starts_with(b"HTTP/1.1 4"), || {
                    "Your server answered a request whose body had stopped as if it were complete.".to_owned()
                })?;
            }
            lab.lowers_the_curtain()
        })
}

pub fn takes_a_body_in_chunks() -> Stage {
    Stage::server("A body in chunks is put together, whatever the chunks look like")
        .promises(["H6"])
        .why(
            "Who does not know how long a body will be sends it in chunks, each with its size in hexadecimal; an empty one is \
             the last (RFC 9112, section 7.1). Extensions behind a size and fields behind the last chunk may be ignored, but \
             not taken for content.",
        )
        .hints([
            "What ends a chunk, what ends its size, and what ends the body?",
            "Size in hexadecimal, up to `;` or the line end; so many bytes; CR LF. After size 0: fields up to an empty line.",
            "let size = u64::from_str_radix(line.split(';').next()?.trim_end(), 16)?; but refuse a sign",
        ])
        .mostly_waiting()
        .story(|lab| {
            let (_site, server) = served(lab, &[])?;
            let chunked = |body: &str| request("POST /app/echo", &["Transfer-Encoding: chunked"], body);
            for (body, content) in [
                ("0\r\n\r\n", ""),
                ("A\r\n0123456789\r\na\r\nabcdefghij\r\n0\r\n\r\n", "0123456789abcdefghij"),
                ("00005\r\nhello\r\n000\r\n\r\n", "hello"),
                ("5;name=value;flag;q=\"a;b\"\r\nhello\r\n0;last\r\n\r\n", "hello"),
                ("5\r\nhello\r\n0\r\nX-Sum: 1\r\nX-Length: 99\r\n\r\n", "hello"),
                ("4\r\n\r\n\r\n\r\n3\r\n0\r\n\r\n0\r\n\r\n", "\r\n\r\n0\r\n"),
            ] {
                ask(lab, &server, chunked(body))?.is(200)?.says(content)?;
            }
            let field = request("POST /app/echo", &["transfer-encoding: Chunked"], "2\r\nhi\r\n0\r\n\r\n");
            ask(lab, &server, field)?.is(200)?.says("hi")?;
            let pieces = chunked("3;x=1\r\nhel\r\n2\r\nlo\r\n0\r\nX-A: 1\r\n\r\n");
            cut_everywhere(lab, &server, &pieces, around_the_body(&pieces), |answer| answer.is(200)?.says("hello"))
        })
}

/// What is refused ends the connection: nobody can tell where the next request begins. What is printed of bytes that come
/// behind is left open.
fn refused_and_closed(lab: &mut Lab, server: &Program, bytes: impl AsRef<[u8]>, due: &[u16]) -> Outcome {
    let behind = get("/app/query?smuggled=1");
    let (mut mallory, _) = hears_no(lab, server, [bytes.as_ref(), &behind].concat(), due)?;
    mallory.expect_close().or_rather("After such a request, nobody knows where the next one begins.")
}

pub fn refuses_chunks_that_are_none() -> Stage {
    Stage::server("Chunks that break the rules are 400, and the connection is closed")
        .promises(["H6", "H4"])
        .why(
            "Behind a size that one program reads as 5 and another as 0, the two see different requests. That is how requests \
             are smuggled past a proxy: so nothing is guessed.",
        )
        .hints([
            "Which characters does your parser of a number take?",
            "Hexadecimal digits, at least one, and not more than fit. No sign, no `0x`, no underscore; and behind the bytes of a \
             chunk there is CR LF.",
            "if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) { return Err(400) }",
        ])
        .story(|lab| {
            let (_site, server) = served(lab, &[])?;
            for size in ["", "g", "-5", "+5", "0x5", "5_", "0_5", "5 5", ";x", "five"] {
                let body = format!("{size}\r\nhello\r\n0\r\n\r\n");
                refused_and_closed(lab, &server, request("POST /app/echo", &["Transfer-Encoding: chunked"], body), &[400])?;
            }
            // Beyond what any number holds. Who takes chunks as they come may find out after a mebibyte only.
            for size in ["10000000000000005", "100000005", "fffffffffffffffff", "ffffffffffffffff"] {
                let body = format!("{size}\r\nhello\r\n0\r\n\r\n{}", "x".repeat(1 << 20));
                let endless = request("POST /app/echo", &["Transfer-Encoding: chunked"], body);
                hears_no(lab, &server, endless, &[400, 413])?.0.expect_close()?;
            }
            for body in ["3\r\nhello\r\n0\r\n\r\n", "5\r\nhelloXX0\r\n\r\n", "5\r\nhello0\r\n\r\n"] {
                refused_and_closed(lab, &server, request("POST /app/echo", &["Transfer-Encoding: chunked"], body), &[400])?;
            }
            lab.lowers_the_curtain()
        })
}

pub fn refuses_two_lengths() -> Stage {
    Stage::server("Two different lengths, or one that is no number, are 400, and the connection is closed")
        .promises(["H6", "H4"])
        .why(
            "Of two lengths a proxy may believe the first, and the server the second. What lies between is a request that only \
             one of them sees (RFC 9112, section 6.3).",
        )
        .hints([
            "What does your server do when a field comes twice?",
            "Collect all values of `Content-Length`. They must be digits, and the same: else 400, and close.",
            "let length = value.bytes().all(|digit| digit.is_ascii_digit()).then(|| value.parse())",
        ])
        .story(|lab| {
            let (_site, server) = served(lab, &[])?;
            let pairs: [&[&str]; 4] = [
                &["Content-Length: 5", "Content-Length: 6"],
                &["Content-Length: 6", "X-Between: 1", "content-length: 5"],
                &["Content-Length: 5, 6"],
                &["Content-Length: 0", "Content-Length: 5"],
            ];
            for fields in pairs {
                refused_and_closed(lab, &server, request("POST /app/echo", fields, "hello"), &[400])?;
                refused_and_closed(lab, &server, request("GET /hello.txt", fields, "hello"), &[400])?;
            }
            for length in ["-5", "+5", "5x", "0x5", "5.0", "five", "5 5", "", "0_5"] {
                let field = format!("Content-Length: {length}");
                refused_and_closed(lab, &server, request("POST /app/echo", &[&field], "hello"), &[400])?;
            }
            lab.lowers_the_curtain()
        })
}

pub fn refuses_a_length_beside_chunks() -> Stage {
    Stage::server("A length beside chunks is 400, and the connection is closed")
        .promises(["H6", "H4"])
        .why(
            "Whoever is in front of the server may go by the length, the server by the chunks, or the other way round. No \
             honest client sends both (RFC 9112, section 6.1).",
        )
        .hints([
            "Which of the two does your server believe?",
            "Neither: 400, and close. The order of the fields does not matter.",
            "if fields.has(\"transfer-encoding\") && fields.has(\"content-length\") { return Err(400) }",
        ])
        .story(|lab| {
            let (_site, server) = served(lab, &[])?;
            let smuggled = "GET /app/query?smuggled=2 HTTP/1.1\r\nHost: lab\r\n\r\n";
            for (one, other) in [
                ("Content-Length: 4", "Transfer-Encoding: chunked"),
                ("Transfer-Encoding: chunked", "Content-Length: 4"),
                ("transfer-encoding: CHUNKED", "content-length: 0"),
                ("Content-Length: 100", "Transfer-Encoding: chunked"),
            ] {
                let body = format!("5\r\nhello\r\n0\r\n\r\n{smuggled}");
                refused_and_closed(lab, &server, request("POST /app/echo", &[one, other], &body), &[400])?;
                refused_and_closed(lab, &server, request("GET /hello.txt", &[one, other], &body), &[400])?;
            }
            lab.lowers_the_curtain()
        })
}

pub fn refuses_codings_it_does_not_know() -> Stage {
    Stage::server("A transfer coding that nobody knows, or chunks of HTTP/1.0, are refused, and the connection is closed")
        .promises(["H6"])
        .why(
            "Only `chunked`, as the last coding, says where a body ends. With any other, the end is unknown, and so is where the \
             next request begins (RFC 9112, sections 6.1 and 6.3). HTTP/1.0 has no codings: one in it was put there by somebody \
             else.",
        )
        .hints([
            "What does your server do with `Transfer-Encoding: gzip`, or `xchunked`?",
            "Compare the whole value with `chunked`; anything else is 501 or 400, and close.",
            "match codings[..] { [] => …, [\"chunked\"] => …, _ => return Err(501) }",
        ])
        .story(|lab| {
            let (_site, server) = served(lab, &[])?;
            for coding in ["gzip", "xchunked", "identity", "chunked, gzip", "chunked, chunked", "chunked;x=1", "\"chunked\""] {
                let field = format!("Transfer-Encoding: {coding}");
                refused_and_closed(lab, &server, request("POST /app/echo", &[&field], "5\r\nhello\r\n0\r\n\r\n"), &[400, 501])?;
            }
            let old = "POST /app/echo HTTP/1.0\r\nHost: lab\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
            let mut mallory = lab.tcp("mallory", &server)?;
            mallory.send_unheeded([old.as_bytes(), &get("/app/query?smuggled=1")].concat());
            mallory.hears_answer(&first_line(old.as_bytes()))?;
            mallory.expect_close().or_rather("A coding in HTTP/1.0 ends the connection.")?;
            lab.lowers_the_curtain()
        })
}

pub fn refuses_fields_that_two_would_read_differently() -> Stage {
    Stage::server("A blank before the colon, a folded field or a bare CR is 400, and the connection is closed")
        .promises(["H6", "H4"])
        .why(
            "`Content-Length : 5` is a length to one parser and unknown to the next. RFC 9112 (sections 2.2, 5.1 and 5.2) has \
             these refused, however harmless one of them looks.",
        )
        .hints([
            "Where does your parser trim, and what does it do with a line that begins with a blank?",
            "Trim values only, never names. A line that begins with a blank, and a CR without LF, are 400.",
            "if name.ends_with([' ', '\\t']) || line.starts_with([' ', '\\t']) || line.contains('\\r') { return Err(400) }",
        ])
        .story(|lab| {
            let (_site, server) = served(lab, &[])?;
            for field in [
                "X-Lab : 1",
                "Content-Length : 5",
                "Transfer-Encoding : chunked",
                "Transfer-Encoding\t: chunked",
                "X-Lab: one\r\n two",
                "X-Lab: one\r\n\ttwo",
                "Transfer-Encoding:\r\n chunked",
                "X-Lab: one\rtwo",
                "X-Lab: one\rContent-Length: 5",
                "\rX-Lab: 1",
            ] {
                let bytes = format!("POST /app/echo HTTP/1.1\r\nHost: lab\r\n{field}\r\n\r\n");
                refused_and_closed(lab, &server, &bytes, &[400])?;
            }
            for head in ["GET /hello.txt HTTP/1.1\r\n X-Lab: 1\r\nHost: lab\r\n\r\n", "GET /hello.txt\rX HTTP/1.1\r\nHost: lab\r\n\r\n"] {
                refused_and_closed(lab, &server, head, &[400])?;
            }
            // What ends a line of text elsewhere ends none here: there is no Range in these.
            for end in ["\x0b", "\x0c", "\x1c", "\u{85}"] {
                let field = format!("X-Lab: one{end}Range: bytes=0-4");
                hears_no(lab, &server, request("GET /hello.txt", &[&field], ""), &[400, 200])?;
            }
            lab.lowers_the_curtain()
        })
}
