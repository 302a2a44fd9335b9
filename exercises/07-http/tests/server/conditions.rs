//! Conditions and ranges: what need not be sent again, and parts of what there is.

use std::time::Duration;

use scenario::{Lab, Meaning, Outcome, Program, Stage, demand};

use super::wire::{Response, date, get, request};
use super::{HELLO, ask, exchange, served};

/// GET /hello.txt with more fields.
fn with(lab: &mut Lab, server: &Program, fields: &[&str]) -> Outcome<Response> {
    ask(lab, server, request("GET /hello.txt", fields, ""))
}

/// 304: no body, but the tag and the time, so that the client can bring its copy up to date (RFC 9110, section 15.4.5).
fn is_not_modified(answer: Response, tag: &str) -> Outcome {
    answer.is(304)?.has("ETag", tag)?.needs("Date").map(|_| ())
}

pub fn sends_nothing_twice() -> Stage {
    Stage::server("Who has the file already, and says so by its tag, is told that nothing has changed")
        .promises(["H8"])
        .why(
            "A browser keeps what it has seen, and asks only whether that is still good: `If-None-Match` with the tag of its \
             copy. 304 has no body: a kilobyte instead of a megabyte (RFC 9110, section 13.1.2).",
        )
        .hints([
            "What do you compare `If-None-Match` with?",
            "With the file's ETag now. The field is a list, `*` matches whatever there is, and `W/` in front of a tag does not \
             matter here.",
            "list.split(',').any(|tag| strip_weak(tag.trim()) == strip_weak(&etag)) || list.trim() == \"*\"",
        ])
        .story(|lab| {
            let (_site, server) = served(lab, &[])?;
            let tag = with(lab, &server, &[])?.is(200)?.needs("ETag")?;
            let strong = tag.trim_start_matches("W/");
            for list in [tag.clone(), format!("\"other\", {tag}"), format!("\"a,b\",{tag} ,\"c\""), "*".to_owned(), format!("W/{strong}"), strong.to_owned()] {
                is_not_modified(with(lab, &server, &[&format!("If-None-Match: {list}")])?, &tag)?;
            }
            for list in ["\"other\"".to_owned(), "W/\"other\", \"another\"".to_owned(), format!("\"x{}", &strong[1..]), "\"\"".to_owned()] {
                with(lab, &server, &[&format!("If-None-Match: {list}")])?.is(200)?.says(HELLO)?;
            }
            let mut bob = lab.tcp("bob", &server)?;
            let last = request("GET /hello.txt", &["Connection: close", &format!("If-None-Match: {tag}")], "");
            is_not_modified(exchange(&server, &mut bob, last)?, &tag)?;
            bob.expect_end().or_rather("A 304 has no body.")?;
            let head = request("HEAD /hello.txt", &[&format!("If-None-Match: {tag}")], "");
            is_not_modified(ask(lab, &server, head)?, &tag)?;
            ask(lab, &server, request("GET /no-such-page", &["If-None-Match: *"], ""))?.is(404)?;
            Ok(())
        })
}

pub fn compares_times() -> Stage {
    Stage::server("Who has a copy of a certain time is told whether the file is newer")
        .promises(["H8"])
        .why(
            "`If-Modified-Since` is the older way: the client sends back the `Last-Modified` that it was given. HTTP's times \
             have no fractions of a second, files have; and there are three ways to write a time, which every server must \
             read (RFC 9110, sections 5.6.7 and 13.1.3).",
        )
        .hints([
            "Which two times do you compare, and what of the file's fraction of a second?",
            "The file's time cut to whole seconds with the field's time: 304 unless it is later. A time that nobody can read is \
             ignored. `httpdate` reads all three forms.",
            "if modified.duration_since(UNIX_EPOCH)?.as_secs() <= since.duration_since(UNIX_EPOCH)?.as_secs() { 304 }",
        ])
        .story(|lab| {
            let (site, server) = served(lab, &[])?;
            let tag = with(lab, &server, &[])?.is(200)?.needs("ETag")?;
            for time in date::WRITTEN_TEXTS.into_iter().chain(["Sun, 06 Nov 1994 08:49:38 GMT", "Tue, 20 Feb 2024 13:56:35 GMT"]) {
                is_not_modified(with(lab, &server, &[&format!("If-Modified-Since: {time}")])?, &tag)?;
            }
            let older = ["Sun, 06 Nov 1994 08:49:36 GMT", "Sunday, 06-Nov-94 08:49:36 GMT", "Sun Nov  6 08:49:36 1994"];
            for time in older.into_iter().chain(["yesterday", "784111777", ""]) {
                with(lab, &server, &[&format!("If-Modified-Since: {time}")])?.is(200)?.says(HELLO)?;
            }
            site.put_at("fraction.txt", HELLO, Duration::from_millis(date::WRITTEN as u64 * 1000 + 700))?;
            let answer = ask(lab, &server, get("/fraction.txt"))?.is(200)?.has("Last-Modified", date::WRITTEN_TEXT)?;
            let since = format!("If-Modified-Since: {}", date::WRITTEN_TEXT);
            is_not_modified(ask(lab, &server, request("GET /fraction.txt", &[&since], ""))?, &answer.needs("ETag")?)
        })
}

pub fn believes_the_tag_before_the_time() -> Stage {
    Stage::server("When both tag and time are sent, the tag decides")
        .promises(["H8"])
        .why(
            "A file may change twice in a second, or get an old time from a backup. The tag is exact, so with it the time is not \
             even looked at (RFC 9110, section 13.2.2).",
        )
        .hints([
            "Which of the two do you look at first, and when at the other?",
            "`If-None-Match` first; `If-Modified-Since` only where there is none.",
            "match fields.get(\"if-none-match\") { Some(tags) => …, None => fields.get(\"if-modified-since\")… }",
        ])
        .story(|lab| {
            let (_site, server) = served(lab, &[])?;
            let tag = with(lab, &server, &[])?.is(200)?.needs("ETag")?;
            let (same, old) = (format!("If-None-Match: {tag}"), "If-Modified-Since: Sat, 29 Oct 1994 19:43:31 GMT");
            let (other, current) = ("If-None-Match: \"other\"", format!("If-Modified-Since: {}", date::WRITTEN_TEXT));
            is_not_modified(with(lab, &server, &[&same, old])?, &tag)?;
            is_not_modified(with(lab, &server, &[old, &same])?, &tag)?;
            with(lab, &server, &[other, &current])?.is(200)?.says(HELLO)?;
            with(lab, &server, &[&current, other])?.is(200)?.says(HELLO)?;
            Ok(())
        })
}

pub fn tags_what_is_in_the_file() -> Stage {
    Stage::server("A file that has changed has another tag, and one that has not has the same")
        .promises(["H8", "H1"])
        .why("A tag stands for what is in the file. One that stays when that changes shows people yesterday's page.")
        .hints([
            "What is your tag made of?",
            "Of what changes with the file: its size and the time of its last change, with all the digits that there are.",
            "format!(\"\\\"{:x}-{:x}\\\"\", metadata.len(), modified.as_nanos())",
        ])
        .story(|lab| {
            let (site, server) = served(lab, &[])?;
            let tag = with(lab, &server, &[])?.is(200)?.needs("ETag")?;
            with(lab, &server, &[])?.is(200)?.has("ETag", &tag)?;
            let since = format!("If-Modified-Since: {}", date::WRITTEN_TEXT);
            for (text, later) in [("Hello, World!", 10), ("Hello, again, world!", 20), ("Hello", 30)] {
                site.put_at("hello.txt", text, Duration::from_secs(date::WRITTEN as u64 + later))?;
                for field in [format!("If-None-Match: {tag}"), since.clone()] {
                    let answer = with(lab, &server, &[&field])?.is(200)?.says(text)?;
                    let now = answer.needs("ETag")?;
                    demand(now != tag, || format!("The file has changed, and its tag {now} has not."))?;
                }
            }
            Ok(())
        })
}

/// 206 with these bytes of the file.
fn is_part(answer: Response, from: usize, to: usize) -> Outcome {
    let range = format!("bytes {from}-{to}/{}", HELLO.len());
    answer.is(206)?.says(&HELLO[from..=to])?.has("Content-Range", &range)?;
    Ok(())
}

pub fn sends_a_part() -> Stage {
    Stage::server("A range of bytes is 206, with the part and its place")
        .promises(["H8"])
        .why(
            "A download that broke off goes on where it was, and a video is entered in the middle. `Range: bytes=7-11` counts \
             from 0 and includes both ends; without its first number it counts from the end (RFC 9110, section 14).",
        )
        .hints([
            "Which bytes are `bytes=0-0`, `bytes=7-` and `bytes=-6`?",
            "The first; all from the eighth on; the last six. A last byte beyond the end of the file means its end.",
            "206 Partial Content, Content-Range: bytes 7-11/13, Content-Length: 5",
        ])
        .story(|lab| {
            let (site, server) = served(lab, &[])?;
            for (range, from, to) in [
                ("0-4", 0, 4),
                ("0-0", 0, 0),
                ("7-11", 7, 11),
                ("7-", 7, 12),
                ("0-", 0, 12),
                ("12-", 12, 12),
                ("-6", 7, 12),
                ("-1", 12, 12),
                ("5-1000", 5, 12),
                ("-13", 0, 12),
                ("-1000", 0, 12),
            ] {
                is_part(with(lab, &server, &[&format!("Range: bytes={range}")])?, from, to)?;
            }
            let whole = with(lab, &server, &[])?.is(200)?;
            let mut part = with(lab, &server, &["range: bytes=0-4"])?.is(206)?;
            part.needs("Date")?;
            // Who has no part yet needs all that is said about the whole (RFC 9110, section 15.3.7).
            for name in ["ETag", "Last-Modified", "Content-Type"] {
                part = part.has(name, &whole.needs(name)?)?;
            }
            let photo = super::noise(300_000);
            site.put("photo.jpg", &photo)?;
            let answer = ask(lab, &server, request("GET /photo.jpg", &["Range: bytes=100000-299998"], ""))?;
            answer.is(206)?.says(&photo[100_000..299_999])?.has("Content-Range", "bytes 100000-299998/300000")?;
            Ok(())
        })
}

pub fn has_no_part_beyond_the_end() -> Stage {
    Stage::server("A range with nothing in it is 416, with the size of the file")
        .promises(["H8", "H4"])
        .why(
            "Whoever asks for byte 13 of 13 has an old idea of the file. 416 tells its real size (RFC 9110, section 15.5.17), \
             and the next try can be right.",
        )
        .hints([
            "What does your server do when the first byte lies at the end or beyond it?",
            "416 with `Content-Range: bytes */13`. `bytes=-0` has nothing in it either.",
            "if first >= size { return Err(416) }",
        ])
        .story(|lab| {
            let (_site, server) = served(lab, &[])?;
            for range in ["13-", "13-13", "1000-2000", "-0"] {
                let answer = with(lab, &server, &[&format!("Range: bytes={range}")])?;
                answer.is(416)?.has("Content-Range", "bytes */13")?.explains()?;
            }
            // Beyond what any number holds: refused or ignored, but survived.
            for range in ["99999999999999999999999-", "0-99999999999999999999999", "-99999999999999999999999"] {
                with(lab, &server, &[&format!("Range: bytes={range}")])?.is_one_of(&[200, 206, 400, 416])?;
            }
            with(lab, &server, &[])?.is(200)?.says(HELLO)?;
            Ok(())
        })
}

pub fn ignores_parts_that_it_does_not_understand() -> Stage {
    Stage::server("A range in another unit, or one that makes no sense, brings the whole file or a refusal, never a wrong part")
        .promises(["H8"])
        .why(
            "`Range` is a wish. A unit that the server does not know is ignored, and the whole file is always a right answer \
             (RFC 9110, section 14.2).",
        )
        .hints([
            "What does your parser make of `lines=1-2`, `bytes=5-2` and `bytes=x`?",
            "Nothing: then there is no range, and the answer is 200 with everything.",
            "let Some(range) = parse_range(value, size) else { return whole_file() };",
        ])
        .story(|lab| {
            let (_site, server) = served(lab, &[])?;
            with(lab, &server, &["Range: lines=1-2"])?.is(200)?.says(HELLO)?;
            for range in ["bytes=5-2", "bytes=x", "bytes=-", "bytes=", "bytes=1", "bytes=a-b", "bytes=1-b", "bytes", "5-6"] {
                let answer = with(lab, &server, &[&format!("Range: {range}")])?.is_one_of(&[200, 400, 416])?;
                if answer.status == 200 {
                    answer.says(HELLO)?;
                }
            }
            Ok(())
        })
}

pub fn looks_at_conditions_before_parts() -> Stage {
    Stage::server("A copy that is still good is 304, also when only a part of it was asked for")
        .promises(["H8"])
        .why("Whether anything is to be sent comes before what is to be sent (RFC 9110, section 13.2.2).")
        .hints([
            "In which order does your server look at `If-None-Match` and `Range`?",
            "Conditions first. Only what would be a 200 can become a 206.",
            "if not_modified(&request, &file) { 304 } else if let Some(range) = … { 206 } else { 200 }",
        ])
        .story(|lab| {
            let (_site, server) = served(lab, &[])?;
            let tag = with(lab, &server, &[])?.is(200)?.needs("ETag")?;
            let (same, part) = (format!("If-None-Match: {tag}"), "Range: bytes=0-4");
            is_not_modified(with(lab, &server, &[&same, part])?, &tag)?;
            let since = format!("If-Modified-Since: {}", date::WRITTEN_TEXT);
            is_not_modified(with(lab, &server, &[part, &since])?, &tag)?;
            is_part(with(lab, &server, &[part, "If-None-Match: \"other\""])?, 0, 4)
        })
}
