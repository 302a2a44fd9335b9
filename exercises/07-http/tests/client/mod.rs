//! The client's stages, by what they are about, and what they share: a server that the lab plays, and what the client must
//! print.

mod asking;
mod bodies;
mod files;
mod redirects;
mod waiting;

use std::time::{Duration, Instant};

use scenario::{Breaking, Lab, Outcome, Program, TcpPeer, TcpStand, demand, quoted};

use super::chance;
use super::wire::{self, Http, Request};

pub use self::asking::*;
pub use self::bodies::*;
pub use self::files::*;
pub use self::redirects::*;
pub use self::waiting::*;

/// The URL of a path on a server of the lab.
fn url(stand: &TcpStand, path: &str) -> String {
    format!("http://{}{path}", stand.address())
}

/// A client that was started with these arguments and the URL of `path`, the lab's end of its connection, and the request
/// that came over it.
fn asked(lab: &mut Lab, arguments: &[&str], path: &str) -> Outcome<(Program, TcpPeer, Request)> {
    let stand = lab.tcp_server()?;
    let client = lab.client(url(&stand, path), arguments)?;
    let (server, request) = hears(&stand)?;
    Ok((client, server, request))
}

/// The next request on a connection of its own.
fn hears(stand: &TcpStand) -> Outcome<(TcpPeer, Request)> {
    let mut server = stand.accept()?;
    let request = server.hears_request()?;
    Ok((server, request))
}

/// Waits until the client calls, or has ended without. One that does neither is waited for by the next verb.
fn called_by(stand: &TcpStand, client: &Program) -> Outcome<Option<TcpPeer>> {
    const PATIENCE: Duration = Duration::from_secs(10);
    let (began, mut server) = (Instant::now(), None);
    while server.is_none() && !client.has_ended() && began.elapsed() < PATIENCE {
        server = stand.accept_within(Duration::from_millis(20))?;
    }
    // Who called, and then ended, is at the door.
    Ok(server.or(stand.accept_within(Duration::ZERO)?))
}

/// A response with a body of a known length.
fn response(status: &str, fields: &[&str], body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let fields: String = fields.iter().map(|field| format!("{field}\r\n")).collect();
    let head = format!("HTTP/1.1 {status}\r\n{fields}Content-Length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

/// One exchange with the client, which asks for whatever it likes.
pub fn one_answer(_: &mut Lab, stand: TcpStand, client: &Program) -> Outcome {
    let (mut server, request) = hears(&stand)?;
    let (host, port) = (request.values("Host")[0].to_owned(), stand.address().port());
    let name = host.strip_suffix(&format!(":{port}")).unwrap_or_default();
    let is_host = !name.is_empty() && (!name.contains(':') || name.starts_with('[') && name.ends_with(']'));
    demand(is_host, || format!("`Host: {host}` is not the host of the URL and its port, {port}."))
        .breaking(&["H11"])?;
    demand(request.method == "GET", || format!("Your client asked `{}`, where GET was due.", request.line()))?;
    server.send(response("200 OK", &["Content-Type: text/plain"], "hello"))?;
    prints(client, b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\n", "hello")
}

/// What a client printed, taken apart from its end: the last head, what followed it, and what came before.
struct Printed {
    before: String,
    status: String,
    fields: Vec<(String, String)>,
    body: Option<String>,
}

impl Printed {
    fn new(stdout: &str) -> Printed {
        let begin = stdout.rfind("\nHTTP/1.").map_or(0, |at| at + 1);
        let (before, last) = stdout.split_at(begin);
        let mut lines = last.split_inclusive('\n');
        let mut next = || lines.next().map(|line| line.trim_end_matches('\n').trim_end_matches('\r'));
        let status = next().unwrap_or_default().to_owned();
        let mut fields = Vec::new();
        while let Some(line) = next().filter(|line| !line.is_empty()) {
            let (name, value) = line.split_once(':').unwrap_or((line, ""));
            fields.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        fields.sort();
        let has_empty_line = last.contains("\n\n") || last.contains("\n\r\n");
        let body = has_empty_line.then(|| lines.collect());
        Printed { before: before.to_owned(), status, fields, body }
    }
}

/// The client must end with status 0.
fn ends_with_0(client: &Program) -> Outcome<String> {
    let finished = client.ends()?;
    demand(finished.code == Some(0), || {
        let status = finished.code.map_or("a signal".to_owned(), |code| format!("status {code}"));
        let last = finished.stderr.trim_end().lines().next_back().unwrap_or_default().to_owned();
        let words = if last.is_empty() { String::new() } else { format!(" It said {}.", quoted(last.as_bytes())) };
        format!("Your client ended with {status}, where 0 was due: it got a complete response.{words}")
    })
    .breaking(&["C5"])?;
    Ok(finished.stdout)
}

/// The client must end well, and must have printed this head and this body; heads before the last one are those of
/// redirects. Names of fields may be in any case, fields in any order, and a newline at the end is left open.
fn prints_last(client: &Program, head: &[u8], body: &str) -> Outcome<String> {
    let printed = prints_head(client, head)?;
    let got = printed.body.as_deref().unwrap_or_default();
    let is_due = got == body || got.strip_suffix('\n') == Some(body);
    demand(printed.body.is_some(), || "Your client printed no empty line behind the head.".to_owned())
        .breaking(&["H11", "C4"])?;
    demand(is_due, || {
        let (got, due) = (quoted(got.as_bytes()), quoted(body.as_bytes()));
        let shown = |text: &str| text.chars().take(200).collect::<String>();
        format!("Your client printed the body {}, where {} was due.", shown(&got), shown(&due))
    })
    .breaking(&["C4"])?;
    Ok(printed.before)
}

/// The same, for a response that was the only one.
fn prints(client: &Program, head: &[u8], body: &str) -> Outcome {
    let before = prints_last(client, head, body)?;
    demand(before.is_empty(), || format!("Your client printed {} before the head.", quoted(before.as_bytes())))
        .breaking(&["C4"])
}

/// The client must end well, and must have printed this head.
fn prints_head(client: &Program, head: &[u8]) -> Outcome<Printed> {
    let stdout = ends_with_0(client)?;
    let (printed, due) = (Printed::new(&stdout), Printed::new(&String::from_utf8_lossy(head)));
    demand(printed.status.trim_end() == due.status.trim_end(), || {
        let got = quoted(printed.status.as_bytes());
        format!("Your client printed {got}, where the status line `{}` was due.", due.status)
    })
    .breaking(&["H11", "C4"])?;
    demand(printed.fields == due.fields, || {
        let missing = due.fields.iter().find(|field| !printed.fields.contains(field));
        let surplus = printed.fields.iter().find(|field| !due.fields.contains(field));
        match (missing, surplus) {
            (Some((name, value)), _) => format!("Your client did not print the field `{name}: {value}` as it came."),
            (None, Some((name, value))) => {
                format!("Your client printed `{name}: {value}`, which is no field of the response.")
            }
            (None, None) => "Your client printed a field more or less often than it came.".to_owned(),
        }
    })
    .breaking(&["H11", "C4"])?;
    Ok(printed)
}

/// The client must end with status 1, and a last line on stderr that begins with `error: ` and names all of `naming`;
/// what it had printed before is its own affair.
fn gives_up(client: &Program, naming: &[&str]) -> Outcome {
    let finished = client.ends()?;
    let last = finished.stderr.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default();
    demand(finished.code == Some(1), || {
        let status = finished.code.map_or("a signal".to_owned(), |code| format!("status {code}"));
        format!("Your client ended with {status}, where 1 was due: it could not go on.")
    })
    .breaking(&["C5"])?;
    let missing = naming.iter().find(|name| !last.contains(**name));
    demand(last.starts_with("error: ") && missing.is_none(), || {
        let missing = missing.map_or(String::new(), |name| format!(" and names {name:?}"));
        format!(
            "The last line of your client on stderr is {}, and not one that begins with `error: `{missing}.",
            quoted(last.as_bytes())
        )
    })
    .breaking(&["C5"])
}
