//! The server's stages, by what they are about, and what they share: a site to serve, and exchanges with the server.

mod bodies;
mod conditions;
mod connections;
mod pages;
mod printing;
mod safety;
mod slow;
mod status;

use std::fs::{self, File};
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use scenario::{Breaking, Folder, Lab, Outcome, Program, TcpPeer, demand};

use super::chance::{Chance, broken_somewhere};
use super::wire::{self, Http, Response, date, first_line, get};

pub use self::bodies::*;
pub use self::conditions::*;
pub use self::connections::*;
pub use self::pages::*;
pub use self::printing::*;
pub use self::safety::*;
pub use self::slow::*;
pub use self::status::*;

/// What is in `hello.txt`.
const HELLO: &str = "Hello, world!";

/// What is in every file outside the site: it must never be sent.
const SECRET: &str = "nobody outside may read this";

/// A folder with a site in it, and a secret beside it.
struct Site {
    folder: Folder,
}

impl Site {
    /// A site with `hello.txt` and a home page.
    fn new(lab: &mut Lab) -> Outcome<Site> {
        let site = Site { folder: lab.folder("site")? };
        fs::create_dir(site.folder.path().join("www"))?;
        site.put("hello.txt", HELLO)?;
        site.put("index.html", "<!doctype html>\n<title>Home</title>\n")?;
        Ok(site)
    }

    /// Puts a file into the site, written on 6 November 1994. Folders on its way are made.
    fn put(&self, name: &str, bytes: impl AsRef<[u8]>) -> Outcome {
        self.put_at(name, bytes, Duration::from_secs(date::WRITTEN as u64))
    }

    fn put_at(&self, name: &str, bytes: impl AsRef<[u8]>, written: Duration) -> Outcome {
        let path = self.folder.path().join("www").join(name);
        path.parent().map_or(Ok(()), fs::create_dir_all)?;
        fs::write(&path, bytes)?;
        Ok(File::options().write(true).open(&path)?.set_modified(UNIX_EPOCH + written)?)
    }

    /// What the server is given as its root.
    fn root(&self) -> String {
        self.folder.file("www")
    }

    /// Starts the server on it.
    fn served(&self, lab: &mut Lab, more: &[&str]) -> Outcome<Program> {
        let server = lab.server_with(&[&["--root", &self.root()], more].concat());
        // What an option alone can break is the option's promise.
        if more.is_empty() { server } else { server.breaking(&["C8"]) }
    }
}

/// A site, and a server that serves it.
fn served(lab: &mut Lab, more: &[&str]) -> Outcome<(Site, Program)> {
    let site = Site::new(lab)?;
    let server = site.served(lab, more)?;
    Ok((site, server))
}

/// One exchange with whatever site the server serves.
pub fn one_answer(lab: &mut Lab, server: &Program) -> Outcome {
    ask(lab, server, get("/app/query?page=1"))?.is(200)?.says_line("page=1")?;
    Ok(())
}

/// Somebody comes, asks, is answered, and goes. Behind the answer there must be nothing but the end.
fn ask(lab: &mut Lab, server: &Program, request: impl AsRef<[u8]>) -> Outcome<Response> {
    let mut alice = lab.tcp("alice", server)?;
    let answer = exchange(server, &mut alice, request)?;
    // Who reads the end of one side closes the other. Somebody may be slow to, and be right.
    let nothing_came = alice.takes_leave(Duration::from_millis(200))?;
    answer.demand(nothing_came, || format!("Behind the answer to `{}`, more came.", answer.asked)).breaking(&["H5"])?;
    Ok(answer)
}

/// Sends a request, and hears the answer; the server must print its line.
fn exchange(server: &Program, peer: &mut TcpPeer, request: impl AsRef<[u8]>) -> Outcome<Response> {
    peer.send(&request)?;
    answer_to(server, peer, request)
}

/// Hears the answer to a request that was sent; the server must print its line. Only who asked for it hears 100 before.
fn answer_to(server: &Program, peer: &mut TcpPeer, request: impl AsRef<[u8]>) -> Outcome<Response> {
    let (request, asked) = (request.as_ref(), first_line(request.as_ref()));
    let may_go_on = String::from_utf8_lossy(request).to_ascii_lowercase().contains("\nexpect:");
    let response = if may_go_on { peer.hears_answer(&asked) } else { peer.hears_response(&asked) }?;
    response
        .demand(response.status >= 200, || {
            format!("`{asked}` was answered with {} first; nobody had asked.", response.status)
        })
        .breaking(&["H6"])?;
    is_printed(server, peer, &response)?;
    Ok(response)
}

/// The line that the server must print for a response.
fn line_for(peer: &TcpPeer, response: &Response, bytes: usize) -> String {
    format!("{} \"{}\" {} {bytes}", peer.address(), response.asked, response.status)
}

/// The next line must be the one for this response. Whether the framing of chunks counts as body is left open.
fn is_printed(server: &Program, peer: &TcpPeer, response: &Response) -> Outcome {
    let due = line_for(peer, response, response.body.len());
    let line = server.next_line(&due).breaking(&["H9"])?;
    let is_due = line == due || line == line_for(peer, response, response.body_on_the_wire);
    demand(is_due, || format!("Your server printed `{line}`, where `{due}` was due.")).breaking(&["H9", "C4"])
}

/// The next line must be for this refusal; what it calls a request that was none is left open.
fn is_printed_somehow(server: &Program, peer: &TcpPeer, response: &Response) -> Outcome {
    let (begin, end) = (format!("{} \"", peer.address()), format!("\" {} {}", response.status, response.body.len()));
    let line = server.next_line(&line_for(peer, response, response.body.len())).breaking(&["H9"])?;
    let has_shape =
        line.starts_with(&begin) && (line.ends_with(&end) || response.body_on_the_wire > response.body.len());
    demand(has_shape, || format!("Your server printed `{line}`, where `{begin}…{end}` was due."))
        .breaking(&["H9", "C4"])
}

/// Somebody sends what must be refused with one of these statuses.
fn refused(lab: &mut Lab, server: &Program, bytes: impl AsRef<[u8]>, due: &[u16]) -> Outcome {
    let (mallory, response) = hears_no(lab, server, bytes, due)?;
    is_printed_somehow(server, &mallory, &response)
}

/// The same, when the lines that the server prints are looked at elsewhere. Returns the connection and the refusal.
fn hears_no(lab: &mut Lab, server: &Program, bytes: impl AsRef<[u8]>, due: &[u16]) -> Outcome<(TcpPeer, Response)> {
    let mut mallory = lab.tcp("mallory", server)?;
    mallory.send_unheeded(&bytes);
    let response = mallory.hears_answer(&first_line(bytes.as_ref()))?.is_one_of(due)?.explains()?;
    Ok((mallory, response))
}

/// Sends the request anew for each place from `first` on where it can be cut in two, each time on a connection of its own;
/// what comes back is looked at by `check`. Then each byte goes alone.
fn cut_everywhere(
    lab: &mut Lab,
    server: &Program,
    request: &[u8],
    first: usize,
    check: impl Fn(Response) -> Outcome<Response>,
) -> Outcome {
    lab.in_short("alice", "sends the request again and again, cut in two at every byte", |lab| {
        let mut halves = Vec::new();
        for cut in first..request.len() {
            let mut alice = lab.tcp("alice", server)?;
            alice.send(&request[..cut])?;
            halves.push((alice, cut));
        }
        for (mut alice, cut) in halves {
            alice.is_read()?;
            alice.send(&request[cut..])?;
            check(answer_to(server, &mut alice, request)?)?;
        }
        Ok(())
    })?;
    let mut alice = lab.tcp("alice", server)?;
    alice.send_byte_by_byte(request, Duration::from_millis(1))?;
    check(answer_to(server, &mut alice, request)?)?;
    Ok(())
}

/// Where the body of a request begins, and a little before that.
fn around_the_body(request: &[u8]) -> usize {
    request.windows(4).position(|window| window == b"\r\n\r\n").unwrap_or_default()
}

/// Bytes without any order in them, the same in every run.
fn noise(length: usize) -> Vec<u8> {
    let mut chance = Chance(1);
    std::iter::repeat_with(|| chance.below(256) as u8).take(length).collect()
}

/// A symlink in the site; `false` where the system has none.
fn link(from: &Path, to: &Path) -> bool {
    #[cfg(unix)]
    return std::os::unix::fs::symlink(to, from).is_ok();
    #[cfg(not(unix))]
    {
        let _ = (from, to);
        false
    }
}
