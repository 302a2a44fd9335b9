//! Pages: files, folders, and those that are made when they are asked for.

use std::path::Path;

use scenario::{Breaking, Lab, Outcome, Program, Role, Stage, demand, skip};

use super::wire::{Framing, Response, date, get, post, request};
use super::{HELLO, Site, answer_to, ask, cut_everywhere, exchange, noise, served};

pub fn answers_a_request() -> Stage {
    Stage::server("A request that was typed by hand is answered with the file")
        .promises(["H1", "H9"])
        .why(
            "HTTP is text that you can type. A request is a line that says what is wanted, fields that say more, and an empty \
             line; the answer has the same shape, and then comes the body.",
        )
        .hints([
            "How do you know that the request is complete, and how does the client know that the response is?",
            "The request's head ends with an empty line. The response's `Content-Length` says how many bytes follow its own.",
            "HTTP/1.1 200 OK\\r\\nContent-Length: 13\\r\\n\\r\\nHello, world!",
        ])
        .story(|lab| {
            let (_site, server) = served(lab, &[])?;
            ask(lab, &server, get("/hello.txt"))?.is(200)?.says(HELLO)?;
            ask(lab, &server, "GET /hello.txt HTTP/1.1\r\nhost: lab\r\nAccept: */*\r\nUser-Agent: nc\r\n\r\n")?.is(200)?.says(HELLO)?;
            Ok(())
        })
}

pub fn puts_a_request_together() -> Stage {
    Stage::server("A request may arrive in any pieces")
        .promises(["H1", "H6"])
        .why(
            "TCP carries bytes, not messages. A head may be cut between CR and LF, a chunk in the middle of its size: \"not \
             yet\" is no error, it is a reason to read on.",
        )
        .hints([
            "What does your parser say when the empty line has not come yet?",
            "Keep what came, read more, and look again from the beginning: `Ok(None)` for \"not yet\".",
            "loop { if let Some(head) = parse(&buffer)? { return Ok(head); } read_more(&mut buffer)?; }",
        ])
        .mostly_waiting()
        .story(|lab| {
            let (_site, server) = served(lab, &[])?;
            cut_everywhere(lab, &server, b"GET /hello.txt HTTP/1.1\r\nHost: lab\r\n\r\n", 1, |answer| answer.is(200)?.says(HELLO))
        })
}

pub fn reads_fields_as_they_are_written() -> Stage {
    Stage::server("Fields come in any case and with blanks around their values; a target may be a whole URL")
        .promises(["H1", "H4", "H5"])
        .why(
            "Names of fields have no case, and blanks around a value are no part of it (RFC 9110, section 5). Proxies write \
             the target as a URL, which every server must take (RFC 9112, section 3.2.2), and some old clients send an empty \
             line too much before a request (section 2.2).",
        )
        .hints([
            "Does your server find `connection` when the field is called `CONNECTION`?",
            "Compare names with `eq_ignore_ascii_case`, and trim blanks and tabs from values. A target that begins with \
             `http://` has a host before its path.",
            "name.eq_ignore_ascii_case(\"host\"); value.trim_matches([' ', '\\t'])",
        ])
        .story(|lab| {
            let (_site, server) = served(lab, &[])?;
            let heads = [
                "GET /hello.txt HTTP/1.1\r\nHOST:lab\r\nX-Empty:\r\nx-odd!#$%&'*+-.^_`|~: 1\r\n\r\n",
                "GET /hello.txt HTTP/1.1\r\nhOsT: \t lab:80 \t\r\nX-Colons: a:b::c\r\n\r\n",
                "GET http://lab/hello.txt HTTP/1.1\r\nHost: lab\r\n\r\n",
                "GET HTTP://lab:8080/hello.txt?x=1 HTTP/1.1\r\nHost: lab:8080\r\n\r\n",
            ];
            for head in heads {
                ask(lab, &server, head)?.is(200)?.says(HELLO)?;
            }
            let mut alice = lab.tcp("alice", &server)?;
            alice.send("\r\nGET /hello.txt HTTP/1.1\r\nHost: lab\r\ncONNECTION: \tCLOSE \r\n\r\n")?;
            answer_to(&server, &mut alice, "GET /hello.txt HTTP/1.1\r\n")?.is(200)?.says(HELLO)?;
            alice.expect_end()
        })
}

pub fn describes_a_file() -> Stage {
    Stage::server("A file comes with its type, its age and its tag")
        .promises(["H1"])
        .why(
            "A browser shows what `Content-Type` says, whatever the name is. `Last-Modified` and `ETag` let it ask later \
             whether its copy is still good; `Date` lets it compare clocks (RFC 9110, sections 6.6.1 and 8).",
        )
        .hints([
            "Where does your server take the five fields from, and which form has a time in HTTP?",
            "The size and the time are in the file's metadata; the type follows from the extension; the form is the IMF-fixdate \
             of RFC 9110, section 5.6.7, which `httpdate` writes.",
            "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT, and an ETag in quotes, made of size and time",
        ])
        .story(|lab| {
            let (_site, server) = served(lab, &[])?;
            let answer = ask(lab, &server, get("/hello.txt"))?.is(200)?.says(HELLO)?;
            answer.demand(answer.framing != Framing::Close, || {
                "The answer says neither how long its body is nor that it comes in chunks.".to_owned()
            })?;
            is_of_type(&answer, &["text/plain"])?;
            let answer = answer.has("Last-Modified", date::WRITTEN_TEXT)?;
            has_a_tag(&answer)?;
            is_dated(&answer)
        })
}

/// The type, whatever its parameters.
fn is_of_type(answer: &Response, due: &[&str]) -> Outcome {
    let got = answer.needs("Content-Type")?.to_ascii_lowercase();
    let kind = got.split(';').next().unwrap_or_default().trim_end();
    answer.demand(due.contains(&kind), || {
        format!("The answer to `{}` has the type `{got}`, where `{}` was due.", answer.asked, due.join("` or `"))
    })
}

/// `"…"` or `W/"…"` (RFC 9110, section 8.8.3).
fn has_a_tag(answer: &Response) -> Outcome {
    let tag = answer.needs("ETag")?;
    let opaque = tag.strip_prefix("W/").unwrap_or(&tag);
    let inner = opaque.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    answer.demand(inner.is_some_and(|inner| !inner.contains(['"', ' ', '\t'])), || {
        format!("The entity tag `{tag}` is not written like `\"33a64df5\"`, in double quotes.")
    })
}

/// `Date` is the time of now.
fn is_dated(answer: &Response) -> Outcome {
    let text = answer.needs("Date")?;
    let off = date::seconds_in(&text).map(|seconds| (date::now() - seconds as f64).abs());
    answer.demand(off.is_some_and(|off| off < 60.0), || {
        format!("`Date: {text}` is not the time of now, written like `{}`.", date::WRITTEN_TEXT)
    })
}

pub fn sends_files_of_every_kind() -> Stage {
    Stage::server("Files of every type and size arrive byte for byte")
        .promises(["H1"])
        .why(
            "A page is a stylesheet, images and scripts as well. Those are no text: a server that reads them as text breaks \
             them, and one that sends a wrong type makes browsers refuse them.",
        )
        .hints([
            "Does your server read a file as bytes, or as a `String`? And one that is larger than any buffer?",
            "Copy from the file to the stream. The type is that of the extension: `mime_guess` knows them.",
            "io::copy(&mut file.take(length), &mut stream)?",
        ])
        .story(|lab| {
            let (site, server) = served(lab, &[])?;
            let javascript = &["text/javascript", "application/javascript"][..];
            let files: [(&str, usize, &[&str]); 9] = [
                ("style.css", 300, &["text/css"]),
                ("style.v1.2.min.css", 300, &["text/css"]),
                ("script.js", 300, javascript),
                ("logo.png", 70_000, &["image/png"]),
                ("photo.jpg", 2_500_000, &["image/jpeg"]),
                ("drawing.svg", 300, &["image/svg+xml"]),
                ("data.json", 300, &["application/json"]),
                ("page.html", 0, &["text/html"]),
                ("deep/down/here.txt", 1, &["text/plain"]),
            ];
            for (name, length, types) in files {
                // Line ends of every kind, which text has, and is not to lose.
                let bytes = if length > 1 { [&noise(length)[..], b"\r\n\n\r\r\n\x1a"].concat() } else { noise(length) };
                site.put(name, &bytes)?;
                let answer = ask(lab, &server, get(&format!("/{name}")))?.is(200)?.says(bytes)?;
                is_of_type(&answer, types)?;
            }
            // Nobody knows the type of this one, so any will do; a name is no reason to refuse.
            site.put("README", HELLO)?;
            ask(lab, &server, get("/README"))?.is(200)?.says(HELLO)?;
            Ok(())
        })
}

pub fn finds_files_with_any_name() -> Stage {
    Stage::server("Blanks, accents and other characters are percent-encoded in a target, and decoded in a name")
        .promises(["H1"])
        .why(
            "A target has no blanks and nothing beyond ASCII, so everything else travels as %XX, byte by byte (RFC 3986, \
             section 2.1). A `+` stands for a blank in forms only; in a path it is a plus. What follows the `?` is no part of \
             the name.",
        )
        .hints([
            "Where does your server decode, and what does it do with `+` and `?`?",
            "Cut the target at the first `?`; decode the path into bytes; those are UTF-8.",
            "let (path, query) = target.split_once('?').unwrap_or((target, \"\"));",
        ])
        .story(|lab| {
            let (site, server) = served(lab, &[])?;
            for (name, target) in [
                ("a b.txt", "/a%20b.txt"),
                ("a+b.txt", "/a+b.txt"),
                ("我爱你.txt", "/%E6%88%91%e7%88%b1%E4%BD%A0.txt"),
                ("100%.txt", "/100%25.txt"),
                ("what?.txt", "/what%3f.txt"),
                ("hello.txt", "/h%65llo%2Etxt"),
                ("hello.txt", "/hello.txt?page=/index.html"),
                ("hello.txt", "/hello.txt?"),
            ] {
                site.put(name, name)?;
                ask(lab, &server, get(target))?.is(200)?.says(name)?;
            }
            Ok(())
        })
}

pub fn serves_the_folder_it_was_started_in() -> Stage {
    Stage::server("Without `--root` it serves the folder that it was started in")
        .promises(["C1", "H1"])
        .why("`server` alone, in a folder with a page in it, is the quickest way to look at that page.")
        .hints([
            "What is the root when `--root` is not given?",
            "`.`, the working directory, which is not the folder that the program lies in.",
            "#[arg(long, default_value = \".\")] root: PathBuf",
        ])
        .story(|lab| {
            let site = Site::new(lab)?;
            site.folder.put("here.txt", "here")?;
            lab.at_home_in(&site.folder);
            let server = lab.server()?;
            ask(lab, &server, get("/here.txt"))?.is(200)?.says("here")?;
            ask(lab, &server, get("/www/hello.txt"))?.is(200)?.says(HELLO)?;
            Ok(())
        })
}

pub fn knows_its_options() -> Stage {
    Stage::server("An option without its value, or with one that is none, ends with status 2")
        .promises(["C5"])
        .why("A timeout of `soon` can only be a mistake: whoever starts a server wants to know that now, and not when it hangs.")
        .hints([
            "What does your server make of `--timeout soon`?",
            "A `value_parser` lets clap check a value, and end with status 2.",
            "#[arg(long, value_name = \"SECONDS\", default_value = \"10\", value_parser = seconds)]",
        ])
        .story(|lab| {
            let wrong: [&[&str]; 5] =
                [&["--timeout"], &["--timeout", "soon"], &["--timeout", "5x"], &["--timeout=-1"], &["--root"]];
            wrong.iter().try_for_each(|arguments| lab.bare(Role::Server, arguments)?.refuses_usage())
        })
}

pub fn shows_a_folder() -> Stage {
    Stage::server("A folder is its index.html, and its address ends with a slash")
        .promises(["H1", "H4"])
        .why(
            "A page in /docs/ that links to `a.css` means /docs/a.css. Asked for as /docs, it would mean /a.css: so the \
             browser is sent on to the address with the slash first, with 301 and `Location`.",
        )
        .hints([
            "What does your server answer to `/docs`, where `docs` is a folder?",
            "301 with `Location: /docs/`; and for `/docs/` the file `docs/index.html`.",
            "if metadata.is_dir() && !path.ends_with('/') { redirect(301, &format!(\"{path}/\")) }",
        ])
        .story(|lab| {
            let (site, server) = served(lab, &[])?;
            site.put("docs/index.html", "<title>Docs</title>")?;
            site.put("docs/deep/index.html", "<title>Deep</title>")?;
            site.put("my docs/index.html", "<title>Mine</title>")?;
            site.put("bare/file.txt", "bare")?;
            for (target, page) in
                [("/docs/", "<title>Docs</title>"), ("/docs/deep/", "<title>Deep</title>"), ("/my%20docs/", "<title>Mine</title>")]
            {
                let answer = ask(lab, &server, get(target))?.is(200)?.says(page)?;
                is_of_type(&answer, &["text/html"])?;
            }
            ask(lab, &server, get("/"))?.is(200)?.says("<!doctype html>\n<title>Home</title>\n")?;
            for (target, there) in [("/docs", "/docs/"), ("/docs/deep", "/docs/deep/"), ("/my%20docs", "/my%20docs/")] {
                leads_to(&server, &ask(lab, &server, get(target))?.is(301)?, there)?;
            }
            // `//docs/` would be a server called `docs`: whoever wrote the link decides where the browser goes.
            let answer = ask(lab, &server, get("//docs"))?;
            if answer.status == 301 {
                leads_to(&server, &answer, "/docs/")?;
            }
            ask(lab, &server, get("/bare/"))?.is_one_of(&[404, 403])?.explains()?;
            Ok(())
        })
}

/// `Location` names this path on the same server, be it absolute or not.
fn leads_to(server: &Program, answer: &Response, path: &str) -> Outcome {
    let location = answer.needs("Location")?;
    let ours = ["http://lab".to_owned(), format!("http://{}", server.address())];
    let here = ours.iter().find_map(|ours| location.strip_prefix(ours)).unwrap_or(&location);
    let folder = path.trim_end_matches('/').rsplit('/').next().unwrap_or_default().to_owned() + "/";
    answer.demand(here == path || here == folder, || {
        format!("`Location: {location}` in the answer to `{}` does not lead to {path} on this server.", answer.asked)
    })
}

pub fn tells_the_time() -> Stage {
    Stage::server("/app/time tells the local time of each request")
        .promises(["H2"])
        .why(
            "A dynamic page is made when it is asked for. What was right for the last request, on the same connection even, is \
             wrong for this one.",
        )
        .hints([
            "When do you ask for the time, and which clock?",
            "For each request anew; `Local::now()`, with six digits of a fraction.",
            "Local::now().format(\"Current time is %Y-%m-%d %H:%M:%S%.6f\")",
        ])
        .story(|lab| {
            // Nepal is 5 hours and 45 minutes ahead of UTC, all year: no other zone is mistaken for it.
            const ZONE: &str = "Asia/Kathmandu";
            const AHEAD: f64 = 5.75 * 3600.0;
            if !Path::new("/usr/share/zoneinfo").join(ZONE).exists() {
                return skip("this system keeps its time zones elsewhere");
            }
            lab.environment("TZ", ZONE);
            let (_site, server) = served(lab, &[])?;
            let mut alice = lab.tcp("alice", &server)?;
            let (mut earlier, mut microseconds) = (0.0, false);
            for _ in 0..3 {
                let before = date::now();
                let answer = exchange(&server, &mut alice, get("/app/time"))?.is(200)?;
                let told = seconds_in(&answer)? - AHEAD;
                answer.demand((before - 60.0..=date::now() + 60.0).contains(&told), || {
                    format!("In the zone TZ={ZONE} it was {:.0} minutes later.", (date::now() - told) / 60.0)
                })?;
                answer.demand(told > earlier, || "Two requests, one after the other, were told the same time.".to_owned())?;
                earlier = told;
                microseconds |= !answer.body.trim_ascii_end().ends_with(b"000");
                if answer.closes() {
                    alice = lab.tcp("alice", &server)?;
                }
            }
            demand(microseconds, || "The last three digits of the time are always 000: these are milliseconds.".to_owned())
        })
}

/// The time in the body, as a clock on the wall shows it.
fn seconds_in(answer: &Response) -> Outcome<f64> {
    let text = String::from_utf8_lossy(&answer.body);
    let time =
        text.strip_suffix('\n').unwrap_or(&text).strip_prefix("Current time is ").and_then(date::seconds_on_the_wall);
    answer
        .demand(time.is_some(), || format!("The body {text:?} is not `Current time is YYYY-MM-DD HH:MM:SS.ffffff`."))?;
    Ok(time.unwrap_or_default())
}

pub fn takes_a_query_apart() -> Stage {
    Stage::server("/app/query shows the keys and values of its query, decoded")
        .promises(["H2"])
        .why(
            "A form's fields travel as `key=value&key=value`, with `+` for a blank and %XX for everything that could be taken \
             for something else. So take apart first and decode then: an encoded `&` is no separator.",
        )
        .hints([
            "What becomes of `a=b%26c=d` if you decode before you split?",
            "Split at `&`; split each part at its first `=`; turn `+` into a blank; decode %XX into bytes, and those as UTF-8.",
            "query.split('&').map(|part| part.split_once('=').unwrap_or((part, \"\")))",
        ])
        .story(|lab| {
            let (_site, server) = served(lab, &[])?;
            for (query, lines) in [
                ("page=1&name=david", "page=1\nname=david"),
                ("z=1&a=2&z=3", "z=1\na=2\nz=3"),
                ("name=david+smith&city=S%C3%A3o%20Paulo", "name=david smith\ncity=São Paulo"),
                ("q=%E6%88%91%e7%88%b1&plus=1%2B1", "q=我爱\nplus=1+1"),
                ("a=b%26c%3Dd", "a=b&c=d"),
                ("sum=1+1=2", "sum=1 1=2"),
                ("flag&empty=", "flag=\nempty="),
                ("first+name=x&na%6De=y", "first name=x\nname=y"),
                ("path=/a/b?c", "path=/a/b?c"),
                ("percent=%2541", "percent=%41"),
            ] {
                ask(lab, &server, get(&format!("/app/query?{query}")))?.is(200)?.says_line(lines)?;
            }
            ask(lab, &server, get("/app/query"))?.is(200)?.says_line("")?;
            // What these mean is nobody's promise; they must not stop the server.
            for query in ["a=%zz", "b=%4", "c=%ff", "&&d=1&", "=e"] {
                ask(lab, &server, get(&format!("/app/query?{query}")))?;
            }
            Ok(())
        })
}

pub fn sends_a_form_back() -> Stage {
    Stage::server("/app/echo returns a body with its type")
        .promises(["H2", "H6"])
        .why(
            "A POST carries something to the server. `Content-Length` says where it ends, and what it is says `Content-Type`: \
             both are the client's words, and the bytes may be anything.",
        )
        .hints([
            "How many bytes do you read after the head, and what do you do with them?",
            "As many as `Content-Length` says, as bytes. They go back with the request's own Content-Type.",
            "let mut body = vec![0; length]; reader.read_exact(&mut body)?;",
        ])
        .story(|lab| {
            let (_site, server) = served(lab, &[])?;
            let kinds = [("text/plain", b"hello".to_vec()), ("application/x-www-form-urlencoded", b"a=1&b=2\r\n\r\n".to_vec())];
            let more = [("image/png", noise(100_000)), ("application/x-lab", Vec::new())];
            for (kind, body) in kinds.into_iter().chain(more) {
                let fields = [format!("Content-Type: {kind}"), format!("Content-Length: {}", body.len())];
                let fields: Vec<_> = fields.iter().map(String::as_str).collect();
                let answer = ask(lab, &server, request("POST /app/echo", &fields, &body))?.is(200)?.says(&body)?;
                is_of_type(&answer, &[kind])?;
            }
            // Some types are nothing without their parameters.
            let form = ["Content-Length: 5", "Content-Type: multipart/form-data; boundary=x-Lab"];
            let answer = ask(lab, &server, request("POST /app/echo", &form, "--x--"))?.is(200)?.says("--x--")?;
            let kind = answer.needs("Content-Type")?;
            answer.demand(kind.replace([' ', '"'], "") == "multipart/form-data;boundary=x-Lab", || {
                format!("The type `multipart/form-data; boundary=x-Lab` came back as `{kind}`.")
            })?;
            // Without a type, any type will do.
            ask(lab, &server, post("/app/echo", "typeless"))?.is(200)?.says("typeless")?;
            Ok(())
        })
}

pub fn answers_head_without_a_body() -> Stage {
    Stage::server("HEAD is answered like GET, without the body")
        .promises(["H3"])
        .why(
            "HEAD asks what GET would bring: how large, how old. `Content-Length` is that of the body that does not come, and \
             the next response begins right behind the empty line (RFC 9110, section 9.3.2).",
        )
        .hints([
            "Which fields has your answer to GET, and which has the one to HEAD?",
            "Make the same head for both, and leave out the writing of the body; in errors, too.",
            "stream.write_all(&head)?; if method != \"HEAD\" { stream.write_all(&body)?; }",
        ])
        .story(|lab| {
            let (site, server) = served(lab, &[])?;
            site.put("docs/index.html", "<title>Docs</title>")?;
            site.put("photo.jpg", noise(300_000))?;
            for target in ["/hello.txt", "/photo.jpg", "/", "/docs", "/app/time", "/app/query?a=1&b=2", "/no/such/page"] {
                let with_body = ask(lab, &server, get(target))?;
                heads_agree(lab, &server, target, &with_body)?;
            }
            let mut alice = lab.tcp("alice", &server)?;
            let (head, next) = (request("HEAD /hello.txt", &[], ""), get("/hello.txt"));
            alice.send([&head[..], &next].concat())?;
            answer_to(&server, &mut alice, &head)?.is(200)?;
            answer_to(&server, &mut alice, &next)?.is(200)?.says(HELLO)?;
            Ok(())
        })
}

/// HEAD of the same target has the same status and fields; those of the framing may be missing (RFC 9110, section 9.3.2), and
/// those of the moment and of the connection may differ.
fn heads_agree(lab: &mut Lab, server: &Program, target: &str, with_body: &Response) -> Outcome {
    let mut bob = lab.tcp("bob", server)?;
    let asking = request(&format!("HEAD {target}"), &["Connection: close"], "");
    let bare = exchange(server, &mut bob, &asking)?.is(with_body.status)?;
    bob.expect_end().breaking(&["H5"])?;
    let momentary = ["date", "connection", "keep-alive", "transfer-encoding", "trailer"];
    let told = |response: &Response| {
        let mut fields: Vec<_> =
            response.fields.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.clone())).collect();
        fields.retain(|(name, _)| !momentary.contains(&name.as_str()));
        if with_body.framing == Framing::Chunked || with_body.framing == Framing::Close {
            fields.retain(|(name, _)| name != "content-length");
        }
        fields.sort();
        fields
    };
    let (due, got) = (told(with_body), told(&bare));
    let differs =
        due.iter().find(|field| !got.contains(field)).or_else(|| got.iter().find(|field| !due.contains(field)));
    bare.demand(differs.is_none(), || {
        let (name, _) = differs.cloned().unwrap_or_default();
        let [with, without] = [with_body, &bare].map(|response| response.field(&name).unwrap_or("missing").to_owned());
        format!(
            "For {target}, the field `{name}` is `{with}` in the answer to GET, and `{without}` in the one to HEAD."
        )
    })
}
