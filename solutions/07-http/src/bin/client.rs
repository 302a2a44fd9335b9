//! Asks an HTTP server for something, and prints what it says.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use clap::Parser;
use http::Parsed;
use http::body::Body;
use http::download::{Download, heed_signals};
use http::errand::{self, Errand};
use http::fields::is_token;
use http::outbound::{connect, explain};
use http::printable::Printable;
use http::response::{MAX_HEAD, ResponseHead};
use http::terminal::{finish, seconds};
use http::url::{Url, WrongUrl};
use http::wire::Wire;

/// How often a client lets itself be sent elsewhere.
const MAX_REDIRECTS: usize = 5;

/// How much is read at a time.
const PIECE: usize = 64 << 10;

/// Asks an HTTP server for something, and prints its answer: head and body.
#[derive(Parser)]
#[command(
    name = "client",
    after_help = "Examples:\n  client http://127.0.0.1:8080/app/time\n  client -d 'name=david' http://127.0.0.1:8080/app/echo\n  \
    client -L -o page.html http://localhost:8080/site"
)]
struct Args {
    /// What to ask for
    #[arg(default_value = "http://127.0.0.1:8080/", value_parser = well_formed)]
    url: String,
    /// The method; without it, GET, or POST when there are data
    #[arg(short = 'X', value_name = "METHOD", value_parser = method)]
    method: Option<String>,
    /// A header field to send; may be given more than once
    #[arg(short = 'H', value_name = "NAME: VALUE", value_parser = errand::field)]
    headers: Vec<(String, String)>,
    /// Data to send, as a form does
    #[arg(short = 'd', value_name = "DATA", allow_hyphen_values = true)]
    data: Option<String>,
    /// Go where the server says that it is, 5 times at most
    #[arg(short = 'L')]
    follow: bool,
    /// Write the body to this file
    #[arg(short = 'o', value_name = "FILE")]
    output: Option<PathBuf>,
    /// How long to wait for the connection, and for each further piece of the answer
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = seconds)]
    timeout: Duration,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let outcome = heed_signals().context("cannot handle signals").and_then(|()| run(&args));
    finish(outcome)
}

/// Asks, and asks again wherever it is sent.
///
/// # Your turn
///
/// Make the `errand` of the arguments, and `ask`. Find out where the `Body` ends before you print anything: if that cannot
/// be told, there is no answer. `print_head`. With `-L`, an answer that redirects leads to the next errand, `MAX_REDIRECTS`
/// times at most; the body of the last answer is what the user wants (`deliver`).
fn run(args: &Args) -> anyhow::Result<()> {
    let mut errand = args.errand()?;
    for _ in 0..=MAX_REDIRECTS {
        let trouble = || format!("cannot get {}", errand.url);
        let mut conversation = Conversation::begin(&errand, args.timeout)?;
        let head = conversation.ask(&errand).with_context(trouble)?;
        let body = Body::of_response(&errand.method, &head).with_context(trouble)?;
        print_head(&head)?;
        let next = if args.follow { errand.redirected(&head) } else { Ok(None) };
        match next.with_context(|| format!("cannot go where {} sends us", errand.url))? {
            Some(next) => errand = next,
            None => {
                // 304 says that whoever asks has the body already: it may well be in this file.
                let output = args.output.as_deref().filter(|_| head.status != 304);
                return conversation.deliver(body, output).with_context(trouble);
            }
        }
    }
    bail!("cannot follow more than {MAX_REDIRECTS} redirects: the last led to {}", errand.url)
}

impl Args {
    /// What the arguments ask for.
    ///
    /// # Your turn
    ///
    /// With data, the method is POST unless `-X` says otherwise, and there is a field Content-Type,
    /// `application/x-www-form-urlencoded`, unless `-H` gives another.
    fn errand(&self) -> anyhow::Result<Errand> {
        let url = Url::parse(&self.url).with_context(|| format!("cannot go to {}", self.url))?;
        let default = if self.data.is_some() { "POST" } else { "GET" };
        let mut fields = self.headers.clone();
        if self.data.is_some() && !fields.iter().any(|(name, _)| name.eq_ignore_ascii_case("Content-Type")) {
            fields.push(("Content-Type".to_owned(), "application/x-www-form-urlencoded".to_owned()));
        }
        let method = self.method.clone().unwrap_or(default.to_owned());
        ensure!(
            method != "TRACE" || self.data.is_none(),
            "cannot send data with TRACE: it asks for the request itself"
        );
        let body = self.data.as_ref().map(|data| data.clone().into_bytes());
        Ok(Errand { method, url, fields, body })
    }
}

/// A connection to a server, for one question.
struct Conversation {
    wire: Wire,
    timeout: Duration,
}

impl Conversation {
    /// Connects to where the URL leads.
    ///
    /// # Your turn
    ///
    /// `connect` to "HOST:PORT", and set the write timeout.
    fn begin(errand: &Errand, timeout: Duration) -> anyhow::Result<Conversation> {
        let (stream, _) = connect(&format!("{}:{}", errand.url.host, errand.url.port), timeout)?;
        stream.set_write_timeout(Some(timeout))?;
        Ok(Conversation { wire: Wire::new(stream), timeout })
    }

    /// Sends the request, and reads the head of the answer.
    ///
    /// # Your turn
    ///
    /// Write the encoded errand, and `hear`. When the writing fails, the server may have answered nevertheless, and
    /// closed: only if there is no answer, report that the request could not be sent.
    fn ask(&mut self, errand: &Errand) -> anyhow::Result<ResponseHead> {
        let sent = self.wire.stream().write_all(&errand.encode());
        self.hear().map_err(|unheard| match sent {
            Ok(()) => unheard,
            Err(error) => anyhow::Error::from(error).context("the request cannot be sent"),
        })
    }

    /// Reads the head of the answer.
    ///
    /// # Your turn
    ///
    /// `ResponseHead::parse` what is unread; if it is whole, consume it, else `read_more`. Heads with status 1xx only say
    /// that the answer will come (101 aside, which we never ask for). All heads together have `MAX_HEAD` bytes at most.
    /// The end of the stream is an error here.
    fn hear(&mut self) -> anyhow::Result<ResponseHead> {
        let mut interim = 0;
        loop {
            if let Parsed::Whole(head, length) = ResponseHead::parse(self.wire.unread())? {
                self.wire.consume(length);
                interim += length;
                match head.status {
                    101 => bail!("it wants to speak another protocol"),
                    100..=199 => ensure!(interim <= MAX_HEAD, "it does not come to the point"),
                    _ => return Ok(head),
                }
            } else if self.read_more()? == 0 {
                bail!("it closed the connection before the end of the head");
            }
        }
    }

    /// Brings the body to where the user wants it: to stdout, or with `-o` to a file.
    ///
    /// # Your turn
    ///
    /// With `-o`, `begin` a `Download`, `take` each piece that is `carried`, and `complete` it in the end. Without, make
    /// each piece `Printable` and `show` it, and in the end the rest.
    fn deliver(&mut self, body: Body, output: Option<&Path>) -> anyhow::Result<()> {
        let Some(path) = output else {
            let mut printable = Printable::default();
            self.carry(body, |data| show(&printable.next(data)))?;
            return show(&printable.rest());
        };
        let writing = || format!("cannot write {}", path.display());
        let total = if let Body::Length(length) = body { Some(length) } else { None };
        let mut download = Download::begin(path, total).with_context(writing)?;
        self.carry(body, |data| download.take(data).with_context(writing))?;
        download.complete().with_context(writing)
    }

    /// Reads the body and hands on piece after piece.
    ///
    /// # Your turn
    ///
    /// `take_body` until it is done, and `read_more` in between. The end of the stream is the end of a body that goes on
    /// `UntilClose`; any other is incomplete then, which is an error.
    fn carry(&mut self, mut body: Body, mut take: impl FnMut(&[u8]) -> anyhow::Result<()>) -> anyhow::Result<()> {
        while !self.wire.take_body(&mut body, &mut take)? {
            if self.read_more()? == 0 {
                ensure!(matches!(body, Body::UntilClose), "it closed the connection before the end of the body");
                break;
            }
        }
        Ok(())
    }

    fn read_more(&mut self) -> anyhow::Result<usize> {
        self.wire.read_more(PIECE, self.timeout).map_err(|error| explain(error, self.timeout))
    }
}

/// Prints status line, fields, and an empty line.
fn print_head(head: &ResponseHead) -> anyhow::Result<()> {
    let fields: String = head.fields.iter().map(|(name, value)| format!("{name}: {value}\n")).collect();
    let printable = |text: &str| text.replace(|c: char| c.is_control() && c != '\n', "\u{fffd}");
    show(&format!("{}\n{}\n", printable(&head.line), printable(&fields)))
}

/// Prints text as it is, at once.
fn show(text: &str) -> anyhow::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).context("cannot write to standard output")
}

/// A URL that can be told from others; whether we speak its scheme is seen when we go there.
fn well_formed(text: &str) -> Result<String, WrongUrl> {
    match Url::parse(text) {
        Err(wrong @ WrongUrl::Malformed(_)) => Err(wrong),
        _ => Ok(text.to_owned()),
    }
}

fn method(text: &str) -> Result<String, String> {
    match text {
        "CONNECT" => Err("CONNECT asks a proxy for a tunnel, and there is nothing here to go through it".to_owned()),
        _ if is_token(text.as_bytes()) => Ok(text.to_owned()),
        _ => Err("a method is a word like GET".to_owned()),
    }
}
