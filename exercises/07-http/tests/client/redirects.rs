//! `-L`: where a redirect leads, and with which method.

use std::time::Duration;

use scenario::{Breaking, Lab, Outcome, Program, Stage, TcpPeer, TcpStand, demand};

use super::wire::{Http, Request};
use super::{called_by, gives_up, hears, prints, prints_last, response, url};

/// A redirect, and the connection is closed: the next request needs a new one.
fn redirect(status: &str, location: &str) -> Vec<u8> {
    response(status, &[&format!("Location: {location}"), "Connection: close"], "elsewhere\n")
}

/// Sends the client on, and hears where it comes next.
fn sends_on(stand: &TcpStand, mut from: TcpPeer, status: &str, location: &str) -> Outcome<(TcpPeer, Request)> {
    from.send(redirect(status, location))?;
    from.closes();
    hears(stand)
}

/// Sends the last response; the client must print it, whatever it printed of the redirects.
fn arrives(client: &Program, mut server: TcpPeer) -> Outcome {
    let message = response("200 OK", &["X-Final: 1"], "arrived\n");
    server.send(&message)?;
    let before = prints_last(client, &message, "arrived\n")?;
    let has_heads_only = before.is_empty() || before.starts_with("HTTP/1.") && !before.contains("elsewhere");
    demand(has_heads_only, || {
        format!(
            "Your client printed {before:?} before the last response: at most the heads of the redirects are due there."
        )
    })
    .breaking(&["C4"])
}

const REDIRECTS: [&str; 5] =
    ["301 Moved Permanently", "302 Found", "303 See Other", "307 Temporary Redirect", "308 Permanent Redirect"];

pub fn goes_nowhere_by_itself() -> Stage {
    Stage::client("Without `-L` a redirect is a response like any other")
        .promises(["H13", "H11"])
        .why("To see where a page has gone, one has to see the redirect itself.")
        .hints([
            "What does your client do with 301 when nobody said `-L`?",
            "It prints it, and ends with status 0.",
            "if args.follow && let Some(location) = response.redirect() { … }",
        ])
        .story(|lab| {
            let stand = lab.tcp_server()?;
            for status in REDIRECTS {
                let client = lab.client(url(&stand, "/old"), &[])?;
                let (mut server, _) = hears(&stand)?;
                let message = response(status, &[&format!("Location: {}", url(&stand, "/new"))], "elsewhere\n");
                server.send(&message)?;
                let called = called_by(&stand, &client)?;
                demand(called.is_none(), || "Your client followed a redirect without `-L`.".to_owned())?;
                prints(&client, &message, "elsewhere\n")?;
            }
            Ok(())
        })
}

pub fn follows_a_redirect() -> Stage {
    Stage::client("`-L` follows a redirect to its end")
        .promises(["H13"])
        .why(
            "Pages move. The server says where to with `Location`, and a client that was told to goes there, as a browser always \
             does.",
        )
        .hints([
            "Which statuses are redirects, and what does your client do with the body of one?",
            "301, 302, 303, 307 and 308. Their bodies are not what was asked for: they do not go into the file.",
            "while is_redirect(response.status) { url = url.join(location)?; response = fetch(&url)?; }",
        ])
        .story(|lab| {
            let folder = lab.folder("downloads")?;
            for status in REDIRECTS {
                let stand = lab.tcp_server()?;
                let client = lab.client(url(&stand, "/old"), &["-L", "-H", "X-Lab: 1"])?;
                let (server, request) = hears(&stand)?;
                request.is("GET /old")?;
                let (server, request) = sends_on(&stand, server, status, &url(&stand, "/new?x=1"))?;
                request.is("GET /new?x=1")?.has("Host", &stand.address().to_string())?.has("X-Lab", "1")?;
                arrives(&client, server)?;
            }
            let stand = lab.tcp_server()?;
            let client = lab.client(url(&stand, "/old"), &["-L", "-o", &folder.file("page")])?;
            let (server, _) = hears(&stand)?;
            let (mut server, _) = sends_on(&stand, server, REDIRECTS[0], "/new")?;
            server.send(response("200 OK", &[], "arrived"))?;
            super::ends_well(&client)?;
            let saved = folder.get("page")?.unwrap_or_default();
            demand(saved == b"arrived", || format!("The file has {:?}.", String::from_utf8_lossy(&saved)))
        })
}

pub fn follows_relative_redirects() -> Stage {
    Stage::client("A `Location` may be relative to where the client is")
        .promises(["H13"])
        .why(
            "`Location` is a reference, like a link on a page: it may leave out whatever stays the same, from the front (RFC 9110, \
             section 10.2.2; RFC 3986, section 5).",
        )
        .hints([
            "What is `Location: next.html` for a client that is at /docs/here.html?",
            "/docs/next.html: what follows the last slash of the path is replaced. A leading slash replaces the whole path, two \
             of them the host as well; `..` goes up.",
            "match location { url if has_scheme(url) => …, \"//…\" => …, \"/…\" => …, \"?…\" => …, _ => replace after the last slash }",
        ])
        .story(|lab| {
            for (from, location, target) in [
                ("/docs/here.html?x=1", "/new.html", "/new.html"),
                ("/docs/here.html?x=/y/", "next.html", "/docs/next.html"),
                ("/docs/here.html", "deep/er.html?y=2", "/docs/deep/er.html?y=2"),
                ("/docs/deep/here.html", "../up.html", "/docs/up.html"),
                ("/docs/here.html", "./same.html", "/docs/same.html"),
                ("/docs/", "below", "/docs/below"),
                ("/docs/here.html?x=1", "?y=2", "/docs/here.html?y=2"),
                ("", "next", "/next"),
                ("/here", "/new#part", "/new"),
                ("/here", "//{authority}/net", "/net"),
                ("/here?a=1", "http://{authority}", "/"),
            ] {
                let stand = lab.tcp_server()?;
                let location = location.replace("{authority}", &stand.address().to_string());
                let client = lab.client(url(&stand, from), &["-L"])?;
                let (server, _) = hears(&stand)?;
                let (server, request) = sends_on(&stand, server, "302 Found", &location)?;
                demand(request.target == target, || {
                    let from = if from.is_empty() { "/" } else { from };
                    format!("From {from}, `Location: {location}` leads to {target}; your client asked for {}.", request.target)
                })?;
                arrives(&client, server)?;
            }
            Ok(())
        })
}

pub fn goes_on_from_where_it_is() -> Stage {
    Stage::client("A relative `Location` begins where the last redirect has led")
        .promises(["H13"])
        .why("After a redirect the client is somewhere else, and what is next door there is not next door to where it began.")
        .hints([
            "Which URL do you resolve the second `Location` against?",
            "The one that was asked for last.",
            "url = url.join(location)?; // and not `first`",
        ])
        .story(|lab| {
            let stand = lab.tcp_server()?;
            let client = lab.client(url(&stand, "/here/page"), &["-L"])?;
            let (mut server, _) = hears(&stand)?;
            for (location, target) in [("/there/page?x=1", "/there/page?x=1"), ("next", "/there/next"), ("../top", "/top")] {
                let (next, request) = sends_on(&stand, server, "302 Found", location)?;
                request.is(&format!("GET {target}"))?;
                server = next;
            }
            arrives(&client, server)
        })
}

pub fn follows_a_redirect_to_another_server() -> Stage {
    Stage::client("A redirect may lead to another server, and to nowhere that is not http")
        .promises(["H13", "H11"])
        .why(
            "Sites move to other machines, and `Host` has to move with them. And most of the web redirects to `https`, which this \
             client does not speak: that is an error, not a page.",
        )
        .hints([
            "Which host and port does your client call after a redirect?",
            "Those of the new URL; so the connection is a new one, and `Host` another.",
            "let mut url = Url::parse(&args.url)?; loop { let stream = connect(&url)?; … url = url.join(location)?; }",
        ])
        .story(|lab| {
            let (here, there) = (lab.tcp_server()?, lab.tcp_server()?);
            let client = lab.client(url(&here, "/old"), &["-L"])?;
            let (mut server, _) = hears(&here)?;
            server.send(redirect("301 Moved Permanently", &url(&there, "/new")))?;
            server.closes();
            let (server, request) = hears(&there)?;
            request.is("GET /new")?.has("Host", &there.address().to_string())?;
            arrives(&client, server)?;
            let client = lab.client(url(&here, "/old"), &["-L"])?;
            let (mut server, _) = hears(&here)?;
            server.send(redirect("301 Moved Permanently", &url(&there, "/new").replace("http:", "https:")))?;
            server.closes();
            let called = called_by(&there, &client)?;
            demand(called.is_none(), || "Your client asked in the clear for what was to be encrypted.".to_owned())?;
            gives_up(&client, &[])
        })
}

pub fn follows_on_the_same_connection_or_another() -> Stage {
    Stage::client("A redirect whose connection stays open is followed at once")
        .promises(["H13"])
        .why(
            "The server may keep the connection after a redirect. The client may use it again, or open another: but it must not \
             wait for an end that does not come.",
        )
        .hints([
            "What does your client wait for, after the head of a redirect?",
            "For its body, as for that of any response: so many bytes, and not for the end.",
            "Read the body to its end and drop it, or drop the connection.",
        ])
        .story(|lab| {
            for head in ["Content-Length: 10\r\n\r\nelsewhere\n", "Transfer-Encoding: chunked\r\n\r\n4\r\nelse\r\n0\r\n\r\n", "Content-Length: 0\r\n\r\n"] {
                let stand = lab.tcp_server()?;
                let client = lab.client(url(&stand, "/old"), &["-L"])?;
                let (mut server, _) = hears(&stand)?;
                server.send(format!("HTTP/1.1 302 Found\r\nLocation: /new\r\n{head}"))?;
                let (server, request) = comes_again(lab, &stand, &client, server)?;
                request.is("GET /new")?;
                arrives(&client, server)?;
            }
            Ok(())
        })
}

/// The next request, on this connection or on a new one.
fn comes_again(lab: &Lab, stand: &TcpStand, client: &Program, mut server: TcpPeer) -> Outcome<(TcpPeer, Request)> {
    let began = std::time::Instant::now();
    while began.elapsed() < lab.patience() && !client.has_ended() {
        if let Some(mut other) = stand.accept_within(Duration::from_millis(5))? {
            let request = other.hears_request()?;
            return Ok((other, request));
        }
        if server.hears_within(Duration::from_millis(5))? && !server.is_at_its_end()? {
            let request = server.hears_request()?;
            return Ok((server, request));
        }
    }
    hears(stand)
}

pub fn turns_a_post_into_a_get() -> Stage {
    Stage::client("After 301, 302 and 303, a POST becomes a GET without a body")
        .promises(["H13"])
        .why(
            "The form has been sent; what the server shows next is a page. That is what 303 means, and what browsers have always \
             made of 301 and 302 (RFC 9110, section 15.4).",
        )
        .hints([
            "What does your client send again after a redirect?",
            "After 301, 302 and 303: GET, without the body, and without the fields that told about it.",
            "if matches!(status, 301..=303) && method == \"POST\" { method = \"GET\"; body = None; }",
        ])
        .story(|lab| {
            for status in &REDIRECTS[..3] {
                for arguments in [&["-L", "-d", "a=1"][..], &["-L", "-X", "POST", "-d", "a=1"]] {
                    let stand = lab.tcp_server()?;
                    let client = lab.client(url(&stand, "/form"), arguments)?;
                    let (server, request) = hears(&stand)?;
                    request.is("POST /form")?.says("a=1")?;
                    let (server, request) = sends_on(&stand, server, status, "/thanks")?;
                    let request = request.is("GET /thanks")?.says("")?;
                    let told = ["Content-Type", "Content-Length", "Transfer-Encoding"];
                    let left = told.iter().find(|name| request.values(name).iter().any(|value| *value != "0"));
                    demand(left.is_none(), || {
                        format!("The GET after a {status} still has the field {}, and no body.", left.unwrap_or(&""))
                    })?;
                    arrives(&client, server)?;
                }
            }
            Ok(())
        })
}

pub fn keeps_a_post() -> Stage {
    Stage::client("After 307 and 308, a POST stays a POST, with its body")
        .promises(["H13"])
        .why(
            "These two were added because too many clients changed the method: here it must not change (RFC 9110, sections 15.4.8 \
             and 15.4.9).",
        )
        .hints([
            "Is the body still there for a second request?",
            "Keep it until the last response is here; send it again, with its type.",
            "307 | 308 => {} // method and body stay",
        ])
        .story(|lab| {
            for status in &REDIRECTS[3..] {
                let stand = lab.tcp_server()?;
                let client = lab.client(url(&stand, "/form"), &["-L", "-d", "a=1&b=2"])?;
                let (server, request) = hears(&stand)?;
                request.is("POST /form")?.says("a=1&b=2")?;
                let (server, request) = sends_on(&stand, server, status, "/other")?;
                let request = request.is("POST /other")?.says("a=1&b=2")?;
                request.has("Content-Type", "application/x-www-form-urlencoded")?;
                arrives(&client, server)?;
                let client = lab.client(url(&stand, "/thing"), &["-L", "-X", "PUT", "-d", "new"])?;
                let (server, _) = hears(&stand)?;
                let (server, request) = sends_on(&stand, server, status, "/other")?;
                request.is("PUT /other")?.says("new")?;
                arrives(&client, server)?;
            }
            Ok(())
        })
}

pub fn keeps_asking_for_the_head_only() -> Stage {
    Stage::client("After a redirect, HEAD stays HEAD")
        .promises(["H13", "H12"])
        .why("Only a POST is turned into a GET. Whoever asked for a head wants no film.")
        .hints([
            "Which methods does your client change after a redirect?",
            "POST, and no other, after 301, 302 and 303.",
            "if matches!(status, 301..=303) && method == \"POST\" { … }",
        ])
        .story(|lab| {
            for status in [REDIRECTS[0], REDIRECTS[1], REDIRECTS[3]] {
                let stand = lab.tcp_server()?;
                let client = lab.client(url(&stand, "/old"), &["-L", "-X", "HEAD"])?;
                let (mut server, request) = hears(&stand)?;
                request.is("HEAD /old")?;
                server.send(format!(
                    "HTTP/1.1 {status}\r\nLocation: /new\r\nConnection: close\r\nContent-Length: 10\r\n\r\n"
                ))?;
                server.closes();
                let (mut server, request) = hears(&stand)?;
                request.is("HEAD /new")?;
                let head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n";
                server.send(head)?;
                prints_last(&client, head, "")?;
            }
            Ok(())
        })
}

pub fn follows_five_redirects() -> Stage {
    Stage::client("It follows five redirects, and not a sixth")
        .promises(["H13"])
        .why("Two pages that lead to each other would keep a client going for ever. Five is enough for every honest detour.")
        .hints([
            "What counts the redirects?",
            "A loop that goes around six times at most: the first request and five more.",
            "for _ in 0..=MAX_REDIRECTS { … } bail!(\"more than {MAX_REDIRECTS} redirects\")",
        ])
        .story(|lab| {
            let stand = lab.tcp_server()?;
            let client = lab.client(url(&stand, "/0"), &["-L"])?;
            let mut server = goes_around(&stand, 5)?;
            server.send(response("200 OK", &[], "arrived\n"))?;
            super::ends_well(&client)?;
            let client = lab.client(url(&stand, "/0"), &["-L"])?;
            let mut server = goes_around(&stand, 5)?;
            server.send(redirect("302 Found", "/6"))?;
            server.closes();
            // Whether that is an error, or the sixth redirect is printed like any response, is seen in different ways.
            client.ends()?;
            let called = stand.accept_within(Duration::from_millis(1))?;
            demand(called.is_none(), || "Your client followed a sixth redirect.".to_owned())
        })
}

/// Sends the client from /0 to /1 and so on, and returns the connection on which it asks for the last.
fn goes_around(stand: &TcpStand, last: u32) -> Outcome<TcpPeer> {
    let (mut server, request) = hears(stand)?;
    request.is("GET /0")?;
    for number in 1..=last {
        let (next, request) = sends_on(stand, server, "302 Found", &format!("/{number}"))?;
        request.is(&format!("GET /{number}"))?;
        server = next;
    }
    Ok(server)
}

pub fn stays_where_no_redirect_leads() -> Stage {
    Stage::client("With `-L`, a response that leads nowhere is the last")
        .promises(["H13", "H12"])
        .why("Not every 3xx is a redirect, and not every redirect says where to: then what came is all there is.")
        .hints([
            "What does your client do with a 302 without `Location`, or with 304?",
            "It prints it like any response.",
            "let Some(location) = response.field(\"location\") else { return print(response) };",
        ])
        .story(|lab| {
            let stand = lab.tcp_server()?;
            let elsewhere = format!("Location: {}", url(&stand, "/new"));
            for message in [
                response("302 Found", &[], "nowhere\n"),
                response("200 OK", &[&elsewhere], "nowhere\n"),
                response("201 Created", &[&elsewhere], "nowhere\n"),
                response("404 Not Found", &[&elsewhere], "nowhere\n"),
            ] {
                let client = lab.client(url(&stand, "/old"), &["-L"])?;
                let (mut server, _) = hears(&stand)?;
                server.send(&message)?;
                prints(&client, &message, "nowhere\n")?;
            }
            let client = lab.client(url(&stand, "/old"), &["-L"])?;
            let (mut server, _) = hears(&stand)?;
            let head = b"HTTP/1.1 304 Not Modified\r\nETag: \"1\"\r\n\r\n";
            server.send(head)?;
            prints(&client, head, "")
        })
}
