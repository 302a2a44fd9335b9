//! Asking: URLs, methods, fields and data, and what is printed of the answer.

use std::hash::{BuildHasher, Hasher, RandomState};

use scenario::{Lab, Meaning, Outcome, Program, Role, Stage, TcpPeer, Trouble, demand, skip};

use super::wire::{Http, Request};
use super::{asked, called_by, ends_with_0, gives_up, hears, prints, prints_head, response, url};

const HELLO: &str = "Hello, world!\n";

pub fn prints_the_response() -> Stage {
    Stage::client("It prints the status line, the fields, an empty line and the body")
        .promises(["H11", "C4"])
        .why(
            "What a browser hides is what you want to see here: `curl -i` prints a response as it came, and so does this \
             client. The body begins after the empty line, and lines in it are its own.",
        )
        .hints([
            "Where does the head end, and what do you print of it?",
            "All of it, line by line, then an empty line, then the body as it is.",
            "say(status_line)?; for (name, value) in &fields { say(format_args!(\"{name}: {value}\"))?; } say(\"\")?;",
        ])
        .story(|lab| {
            let (client, mut server, request) = asked(lab, &[], "/hello.txt")?;
            request.is("GET /hello.txt")?;
            let message = response("200 OK", &["Content-Type: text/plain", "Server: lab"], HELLO);
            server.send(&message)?;
            prints(&client, &message, HELLO)?;
            let (client, mut server, _) = asked(lab, &[], "/")?;
            let fields = ["Set-Cookie: a=1", "Set-Cookie: b=2; path=/", "X-Empty:", "X-Time: 12:30:15", "x-Lab:\t two  blanks \t"];
            let body = "<p>\n\nHTTP is text.\n\n</p>\n\ttab, and two lines:\r\n\r\n";
            let message = response("203 Non-Authoritative Information", &fields, body);
            server.send(&message)?;
            prints(&client, &message, body)?;
            // A status without a word of explanation is one, too.
            let (client, mut server, _) = asked(lab, &[], "/")?;
            let message = response("299 ", &[], "");
            server.send(&message)?;
            prints(&client, &message, "")
        })
}

pub fn prints_what_has_come() -> Stage {
    Stage::client("It prints what has come, also when there is more to come")
        .promises(["C4", "H11"])
        .why(
            "A page may take minutes, or never end: a log that is followed, a film. What has come is there to be seen, and \
             nobody has a memory for what has no end.",
        )
        .hints([
            "When does the first line leave your client: when it is printed, or when the program ends?",
            "Print and flush what each read brings. A character that was cut in two waits for its other half.",
            "out.write_all(&piece)?; out.flush()?;",
        ])
        .story(|lab| {
            let (client, mut server, _) = asked(lab, &[], "/log")?;
            server.send("HTTP/1.1 200 OK\r\nContent-Length: 80000\r\n\r\nfirst line\n")?;
            for due in ["HTTP/1.1 200 OK", "Content-Length: 80000", "", "first line"] {
                let line = client.next_line(due)?;
                demand(line.trim_end_matches('\r').eq_ignore_ascii_case(due), || format!("Your client printed {line:?}, where {due:?} was due."))?;
            }
            // A body that is longer than any buffer, and it is printed to its end.
            let line = "我爱你, 0123456789\n";
            let rest = line.repeat((80_000 - 11) / line.len());
            server.send(&rest)?;
            server.send("x".repeat(80_000 - 11 - rest.len()))?;
            let printed = ends_with_0(&client)?;
            demand(printed.starts_with(&rest), || "Your client did not print the rest of the body as it came.".to_owned())
        })
}

pub fn asks_as_a_server_expects() -> Stage {
    Stage::client("Its request is one that every server understands")
        .promises(["H11"])
        .why(
            "`Host` says which site is meant, with the port unless it is 80 (RFC 9110, section 7.2): servers of HTTP/1.1 refuse \
             a request without it. Lines end with CR LF, and a GET has no body.",
        )
        .hints([
            "What does your client write before the empty line?",
            "`GET /path HTTP/1.1`, `Host: host:port`, and what you like; each line ended by CR LF.",
            "format!(\"GET {target} HTTP/1.1\\r\\nHost: {authority}\\r\\nConnection: close\\r\\n\\r\\n\")",
        ])
        .story(|lab| {
            let stand = lab.tcp_server()?;
            let authority = stand.address().to_string();
            let client = lab.client(url(&stand, "/hello.txt?a=1&b=%20"), &[])?;
            let (mut server, request) = hears(&stand)?;
            let request = request.is("GET /hello.txt?a=1&b=%20")?.has("Host", &authority)?.says("")?;
            demand(request.values("Content-Length").iter().all(|length| *length == "0"), || {
                "Your client announced a body for a GET.".to_owned()
            })?;
            is_answered(&client, &mut server)
        })
}

fn is_answered(client: &Program, server: &mut TcpPeer) -> Outcome {
    let message = response("200 OK", &[], HELLO);
    server.send(&message)?;
    prints(client, &message, HELLO)
}

pub fn takes_a_url_apart() -> Stage {
    Stage::client("It takes a URL apart into host, port and target")
        .promises(["H11"])
        .why(
            "The path may be missing, then it is `/`. A fragment, behind `#`, is the browser's own affair and never sent. What \
             is percent-encoded stays so: the server decodes (RFC 9112, section 3.2.1). Schemes and hosts have no case.",
        )
        .hints([
            "Where does the authority of a URL end: at which three characters?",
            "At `/`, `?` or `#`. Without a path the target is `/`, with the query behind it.",
            "let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());",
        ])
        .story(|lab| {
            for (path, target) in [
                ("", "/"),
                ("/", "/"),
                ("?page=1", "/?page=1"),
                ("/a/b.html?x=/y?z", "/a/b.html?x=/y?z"),
                ("/page#part", "/page"),
                ("/page?x=1#part?no", "/page?x=1"),
                ("#part", "/"),
                ("/a%20b/%E6%88%91?c%26=d+e", "/a%20b/%E6%88%91?c%26=d+e"),
                ("/at@sign:8080/http://x/", "/at@sign:8080/http://x/"),
            ] {
                let (client, mut server, request) = asked(lab, &[], path)?;
                request.is(&format!("GET {target}"))?;
                is_answered(&client, &mut server)?;
            }
            let stand = lab.tcp_server()?;
            let client = lab.client(format!("HTTP://LocalHost:{}/", stand.address().port()), &[])?;
            let (mut server, request) = hears(&stand)?;
            let host = request.values("Host")[0].to_ascii_lowercase();
            let due = format!("localhost:{}", stand.address().port());
            demand(host == due, || format!("`Host: {host}` was sent, where `{due}` was due."))?;
            is_answered(&client, &mut server)
        })
}

pub fn calls_port_80() -> Stage {
    Stage::client("Without a port in the URL, it calls port 80")
        .promises(["H11"])
        .why("The scheme has a port of its own, and for `http` it is 80 (RFC 9110, section 4.2.1).")
        .hints([
            "Which port does your client call for `http://example.com/`?",
            "80, unless a colon and a number follow the host.",
            "let port = port.map_or(Ok(80), str::parse)?;",
        ])
        .story(|lab| {
            // All of 127.0.0.0/8 is this machine on Linux; which of it is drawn, so that two labs do not meet.
            let drawn = RandomState::new().build_hasher().finish();
            let host = format!("127.80.{}.{}", drawn % 250 + 1, drawn / 250 % 250 + 1);
            let stand = match lab.tcp_server_on(&[&format!("{host}:80")]) {
                Ok(stand) => stand,
                Err(Trouble::Lab(_)) => return skip("only an administrator may listen on port 80"),
                Err(trouble) => return Err(trouble),
            };
            let client = lab.client(format!("http://{host}/here"), &[])?;
            let (mut server, request) = hears(&stand)?;
            let got = request.values("Host")[0].to_owned();
            demand(got == host || got == format!("{host}:80"), || {
                format!("`Host: {got}` was sent, where `{host}` was due.")
            })?;
            request.is("GET /here")?;
            is_answered(&client, &mut server)
        })
}

pub fn speaks_nothing_but_http() -> Stage {
    Stage::client("A URL that it cannot fetch is an error, and nobody is called")
        .promises(["H11", "C5"])
        .why(
            "`https` needs encryption, and port 443: to send the request in the clear instead would show everybody what should \
             have been hidden.",
        )
        .hints([
            "What does your client do with what stands before `://`?",
            "It takes `http`, in any case, and refuses everything else with an error that names the scheme or the URL.",
            "ensure!(scheme.eq_ignore_ascii_case(\"http\"), \"cannot fetch {url}: only http is spoken here\");",
        ])
        .story(|lab| {
            let stand = lab.tcp_server()?;
            let address = stand.address();
            for wrong in [
                format!("https://{address}/"),
                format!("ftp://{address}/"),
                format!("file://{address}/etc/passwd"),
                format!("httpx://{address}/"),
                // A port of 16 bits: cut to those, this would be ours.
                format!("http://127.0.0.1:{}/", 65_536 + u32::from(address.port())),
                "http://127.0.0.1:80x/".to_owned(),
                "http:///path".to_owned(),
            ] {
                let client = lab.bare(Role::Client, &[&wrong])?;
                let called = called_by(&stand, &client)?;
                demand(called.is_none(), || format!("Your client called a server for {wrong}, whose language it does not speak."))?;
                cannot_use(&client)?;
            }
            Ok(())
        })
}

pub fn knows_its_options() -> Stage {
    Stage::client("An option without its value ends with status 2")
        .promises(["C5"])
        .why("What is missing on the command line is the user's mistake, and found before anybody is called.")
        .hints([
            "What does your client make of `-o` with nothing behind it?",
            "clap knows which options have a value, and ends with status 2 where there is none.",
            "#[arg(short, value_name = \"FILE\")] output: Option<PathBuf>,",
        ])
        .story(|lab| {
            let url = "http://127.0.0.1:9/";
            for option in ["-X", "-H", "-d", "-o", "--timeout"] {
                lab.bare(Role::Client, &[url, option])?.refuses_usage()?;
            }
            Ok(())
        })
}

pub fn sends_no_field_that_is_none() -> Stage {
    Stage::client("What is no field is refused, or sent as one")
        .promises(["C5", "H11"])
        .why(
            "A line without a colon makes the whole request malformed, and a line end inside a value makes two fields of one: \
             a program that passes on what others typed would let them write your requests.",
        )
        .hints([
            "What does your client do with `-H 'no colon'`, and with a value that has a line end in it?",
            "It refuses both, before it calls anybody.",
            "ensure!(!text.contains(['\\r', '\\n']), …); text.split_once(':').context(\"a field is `Name: value`\")?",
        ])
        .story(|lab| {
            for field in ["no colon", "X-Lab: 1\r\nX-Other: 2", "X-Lab: 1\nX-Other: 2", ": 1"] {
                let stand = lab.tcp_server()?;
                let client = lab.client(url(&stand, "/"), &["-H", field])?;
                match called_by(&stand, &client)? {
                    None => cannot_use(&client)?,
                    Some(mut server) => {
                        let request = server.hears_request()?;
                        demand(request.values("X-Other").is_empty(), || "Your client made two fields of one.".to_owned())?;
                        is_answered(&client, &mut server)?;
                    }
                }
            }
            Ok(())
        })
}

/// Status 1 with an error, or status 2: whether a URL is wrong usage is seen in different ways.
fn cannot_use(client: &Program) -> Outcome {
    let finished = client.ends()?;
    let last = finished.stderr.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default();
    let is_refused = match finished.code {
        Some(1) => last.starts_with("error: "),
        code => code == Some(2),
    };
    demand(is_refused && finished.stdout.is_empty(), || {
        let status = finished.code.map_or("a signal".to_owned(), |code| format!("status {code}"));
        format!("Your client ended with {status} and the last words {last:?}, where an error was due.")
    })
}

pub fn prints_errors_like_any_response() -> Stage {
    Stage::client("404 is a response like any other")
        .promises(["H11"])
        .why(
            "The client asked, and the server answered: between the two, everything went well. That there is no such page is \
             what the answer says.",
        )
        .hints([
            "What does your client do with a status that is not 200?",
            "It prints it, with everything, and ends with status 0.",
            "Look at the status only for what it says about the body, and for redirects.",
        ])
        .story(|lab| {
            for status in ["404 Not Found", "500 Internal Server Error", "401 Unauthorized", "599 Whatever", "206 Partial Content"] {
                let (client, mut server, _) = asked(lab, &[], "/no-such-page")?;
                let message = response(status, &["Content-Type: text/plain"], "sorry\n");
                server.send(&message)?;
                prints(&client, &message, "sorry\n")?;
            }
            Ok(())
        })
}

pub fn prints_so_that_it_harms_nobody() -> Stage {
    Stage::client("What comes from a server cannot drive the terminal")
        .promises(["C7", "H11"])
        .why(
            "A page may have sequences in it that clear the screen, or write a line that looks like your own shell's. Newlines, \
             CR and tabs of a body are harmless; everything else is replaced.",
        )
        .hints([
            "What does your client print for the byte 0x1b?",
            "U+FFFD for each control character, but for newline, CR and tab in a body.",
            "text.chars().map(|c| if c.is_control() && !\"\\n\\r\\t\".contains(c) { char::REPLACEMENT_CHARACTER } else { c })",
        ])
        .story(|lab| {
            let (client, mut server, _) = asked(lab, &[], "/")?;
            let body = "one\x1b[2Jtwo\x07\x08\x7f\u{9b}\0three\tfour\r\n我爱你 \u{1f600}\n";
            let message = response("200 OK", &["Content-Type: text/plain; charset=utf-8"], body);
            server.send(&message)?;
            let harmless = "one\u{fffd}[2Jtwo\u{fffd}\u{fffd}\u{fffd}\u{fffd}\u{fffd}three\tfour\r\n我爱你 \u{1f600}\n";
            prints(&client, &message, harmless)?;
            // In a head no control character is allowed at all: an error is right, too.
            let (client, mut server, _) = asked(lab, &[], "/")?;
            server.send(response("200 O\x1bK", &["X-Lab: \x1b]0;title\x07"], "hello"))?;
            let stdout = client.ends()?.stdout;
            let raw = stdout.chars().find(|c| c.is_control() && !"\n\r\t".contains(*c));
            demand(raw.is_none(), || format!("Your client printed {:?}, which could drive a terminal.", raw.unwrap_or_default()))
        })
}

pub fn uses_another_method() -> Stage {
    Stage::client("`-X` is the method")
        .promises(["H11", "H12"])
        .why("GET is only the most common of methods. What the others mean is between you and the server.")
        .hints([
            "Where does the first word of your request come from?",
            "From `-X`, as it was typed; GET without it, or POST where there is data.",
            "let method = args.method.as_deref().unwrap_or(if args.data.is_some() { \"POST\" } else { \"GET\" });",
        ])
        .story(|lab| {
            for method in ["DELETE", "OPTIONS", "PUT", "BREW"] {
                let (client, mut server, request) = asked(lab, &["-X", method], "/thing")?;
                request.is(&format!("{method} /thing"))?.says("")?;
                is_answered(&client, &mut server)?;
            }
            let (client, mut server, request) = asked(lab, &["-X", "HEAD"], "/thing")?;
            request.is("HEAD /thing")?;
            let head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n";
            server.send(head)?;
            prints(&client, head, "")
        })
}

pub fn adds_fields() -> Stage {
    Stage::client("`-H` adds a field, as often as it is given")
        .promises(["H11"])
        .why("Fields are how the two ends of HTTP talk about everything beside the page: languages, formats, cookies, permissions.")
        .hints([
            "How often may `-H` be given, and where does its name end?",
            "Any number of times. The name ends at the first colon; blanks around the value are no part of it.",
            "#[arg(short = 'H', value_name = \"NAME: VALUE\")] fields: Vec<String>,",
        ])
        .story(|lab| {
            let fields = ["-H", "X-One: 1", "-H", "X-Many: a", "-H", "X-Many: b", "-H", "X-Time:12:30:15", "-H", "Accept: text/x-lab"];
            let (client, mut server, request) = asked(lab, &fields, "/")?;
            let request = request.is("GET /")?.has("X-One", "1")?.has("X-Time", "12:30:15")?;
            let many = request.values("X-Many").join(", ");
            demand(many == "a, b", || format!("`X-Many` was sent as `{many}`, where `a` and `b` were given."))?;
            let accept = request.values("Accept").join(", ");
            demand(accept.contains("text/x-lab"), || format!("`Accept` was sent as `{accept}`."))?;
            is_answered(&client, &mut server)?;
            // Two hosts are none (RFC 9112, section 3.2): what the user gives may take the place of the client's own.
            let (client, mut server, _) = asked(lab, &["-H", "Host: example.com"], "/")?;
            is_answered(&client, &mut server)
        })
}

pub fn sends_data() -> Stage {
    Stage::client("`-d` makes it a POST of a form")
        .promises(["H11"])
        .why(
            "That is how a browser sends a form: a POST, its type, and a body whose length is said before it comes, in bytes and \
             not in characters.",
        )
        .hints([
            "What does a request need that has a body?",
            "`Content-Length`, and `Content-Type: application/x-www-form-urlencoded` for what a form sends.",
            "request.extend_from_slice(data.as_bytes()); // behind the empty line, with Content-Length: data.len()",
        ])
        .story(|lab| {
            for data in ["a=1&b=two+words", "name=我爱你", "", "x", "line\nline\r\n"] {
                let (client, mut server, request) = asked(lab, &["-d", data], "/form")?;
                let request = request.is("POST /form")?.says(data)?;
                is_a_form(request)?;
                is_answered(&client, &mut server)?;
                server.expect_close().or_rather("Behind the body of a request, nothing is due.")?;
            }
            let long = "0123456789".repeat(10_000);
            let (client, mut server, request) = asked(lab, &["-d", &long], "/form")?;
            request.is("POST /form")?.says(&long)?;
            is_answered(&client, &mut server)
        })
}

/// Its type is that of a form, and the length of its body is said.
fn is_a_form(request: Request) -> Outcome {
    let framed = !request.values("Content-Length").is_empty() || !request.values("Transfer-Encoding").is_empty();
    demand(framed, || "Your client did not say how long the body of its POST is.".to_owned())?;
    request.has("Content-Type", "application/x-www-form-urlencoded").map(|_| ())
}

pub fn says_what_its_data_is() -> Stage {
    Stage::client("`-X` and `-H` have the last word about data")
        .promises(["H11"])
        .why("A PUT of JSON is data, too. What the user says beats what a client would guess; two types at once would be none.")
        .hints([
            "What does your client do when `-d` meets `-X PUT` or `-H 'Content-Type: …'`?",
            "POST and the type of a form are only defaults: each is used where nothing else was said.",
            "if !fields.iter().any(|(name, _)| name.eq_ignore_ascii_case(\"content-type\")) { … }",
        ])
        .story(|lab| {
            let (client, mut server, request) = asked(lab, &["-X", "PUT", "-d", "a=1"], "/form")?;
            is_a_form(request.is("PUT /form")?.says("a=1")?)?;
            is_answered(&client, &mut server)?;
            for field in ["Content-Type: application/json", "content-type: application/json"] {
                let (client, mut server, request) = asked(lab, &["-H", field, "-d", "{\"a\": 1}"], "/form")?;
                request.is("POST /form")?.says("{\"a\": 1}")?.has("Content-Type", "application/json")?;
                is_answered(&client, &mut server)?;
            }
            let (client, mut server, request) =
                asked(lab, &["-d", "x", "-X", "GET", "-H", "Content-Type: text/plain"], "/search")?;
            request.is("GET /search")?.says("x")?.has("Content-Type", "text/plain")?;
            is_answered(&client, &mut server)
        })
}

/// For the stages beside: a head alone, on stdout, while the body goes into a file.
pub(super) fn prints_only(client: &Program, head: &[u8]) -> Outcome {
    let printed = prints_head(client, head)?;
    let rest = printed.body.unwrap_or_default();
    demand(rest.trim().is_empty() && printed.before.is_empty(), || {
        format!("Your client printed {rest:?} behind the head, and the body belongs into the file.")
    })
}

/// For the stages beside: whatever was printed, it ended well.
pub(super) fn ends_well(client: &Program) -> Outcome {
    ends_with_0(client).map(|_| ())
}

/// For the stages beside: a client of a server that the lab plays gives up, and names what it could not use.
pub(super) fn gives_up_on(lab: &mut Lab, arguments: &[&str], naming: &str) -> Outcome {
    let stand = lab.tcp_server()?;
    let client = lab.client(url(&stand, "/"), arguments)?;
    // It may look at the file before it calls, or after.
    if let Some(server) = &mut called_by(&stand, &client)? {
        server.hears_request()?;
        server.send_unheeded(response("200 OK", &[], HELLO));
    }
    gives_up(&client, &[naming])
}
