//! Fetches a file from a TFTP server, or brings one there.

use std::ffi::OsString;
use std::io::{self, IsTerminal};
use std::net::ToSocketAddrs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, ensure};
use clap::error::ErrorKind;
use clap::{CommandFactory, Parser, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use tftp::files::{Incoming, Outgoing, heed_signals};
use tftp::link::{Broken, Link, Patience};
use tftp::options::{BLKSIZE, Options, WINDOWSIZE};
use tftp::packet::{Kind, MAX_REQUEST, Mode, Packet, ack, request};
use tftp::terminal::{finish, host_port, quoted, say, seconds};
use tftp::transfer::{Terms, conclude, dally, receive, refuse_options, send};

/// Fetches a file from a TFTP server, or brings one there.
#[derive(Parser)]
#[command(
    name = "client",
    after_help = "Examples:\n  client get hello.txt\n  client --connect 127.0.0.1:6969 put notes.txt backup/notes.txt\n  \
    client get disk.img --blksize 1428 --windowsize 16"
)]
struct Args {
    #[command(subcommand)]
    errand: Errand,
    /// Address of the server
    #[arg(long, global = true, value_name = "HOST:PORT", default_value = "127.0.0.1:6969", value_parser = host_port)]
    connect: String,
    /// octet: the bytes as they are; netascii: text, with the line ends of each system
    #[arg(long, global = true, default_value = "octet", value_parser = ["octet", "netascii"], ignore_case = true)]
    mode: String,
    /// Ask for blocks of this size: 8 to 65464 bytes
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u64).range(BLKSIZE))]
    blksize: Option<u64>,
    /// Ask for so many blocks under way at a time: 1 to 65535
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u64).range(WINDOWSIZE))]
    windowsize: Option<u64>,
    /// How long to wait for an answer before sending again; twice as long after each try
    #[arg(long, global = true, value_name = "SECONDS", default_value = "1", value_parser = seconds)]
    timeout: Duration,
    /// How often to send a packet before giving up
    #[arg(long, global = true, value_name = "N", default_value = "5", value_parser = clap::value_parser!(u32).range(1..))]
    tries: u32,
}

#[derive(Subcommand)]
enum Errand {
    /// Fetches the server's file REMOTE
    Get {
        /// The file's name on the server
        remote: OsString,
        /// Its name here; without it, the last part of REMOTE
        local: Option<PathBuf>,
    },
    /// Brings the file LOCAL to the server
    Put {
        /// The file's name here
        local: PathBuf,
        /// Its name on the server; without it, the last part of LOCAL
        remote: Option<OsString>,
    },
}

fn main() -> ExitCode {
    let args = Args::parse();
    let outcome = heed_signals().context("cannot handle signals").and_then(|()| run(&args));
    finish(outcome)
}

fn run(args: &Args) -> anyhow::Result<()> {
    match &args.errand {
        Errand::Get { remote, local } => {
            let local = local.clone().unwrap_or_else(|| last_part(Path::new(remote)).into());
            get(args, remote.as_encoded_bytes(), &local)
        }
        Errand::Put { local, remote } => {
            let remote = remote.clone().unwrap_or_else(|| last_part(local));
            put(args, local, remote.as_encoded_bytes())
        }
    }
}

/// `notes.txt` of `backup/notes.txt`. A name that has no such part is wrong usage: the other name must be given, too.
fn last_part(path: &Path) -> OsString {
    match path.file_name() {
        Some(name) => name.to_owned(),
        None => {
            let what = format!("{} does not end with the name of a file: give both names", path.display());
            Args::command().error(ErrorKind::ValueValidation, what).exit()
        }
    }
}

/// Fetches a file.
fn get(args: &Args, remote: &[u8], local: &Path) -> anyhow::Result<()> {
    todo!(
        "Begin `local` with `Incoming::create`, and `call` the server. An OACK is answered by ACK 0; DATA 1 \
         needs no answer yet: the link still has it. Then `receive` and `say` \"got \"REMOTE\": TALLY\". \
         Whatever it was that failed, `conclude` tells the server. `dally` only if something had to be \
         repeated: on a good network the last ACK arrives, too."
    )
}

/// Brings a file.
fn put(args: &Args, local: &Path, remote: &[u8]) -> anyhow::Result<()> {
    todo!(
        "Open `local` with `Outgoing::open`, `call` the server, `send`, and `say` \"put \"REMOTE\": TALLY\". \
         An OACK stands for ACK 0 here, so both are answered by the first block."
    )
}

impl Args {
    fn mode(&self) -> Mode {
        Mode::named(self.mode.as_bytes()).unwrap_or(Mode::Octet)
    }

    fn terms(&self, granted: Options) -> Terms {
        Terms::new(granted, self.timeout, self.tries)
    }

    /// What to ask for. The size of the file is of use only to somebody who watches.
    fn wishes(&self, kind: Kind) -> Options {
        let watched = kind == Kind::Read && io::stderr().is_terminal();
        Options { blksize: self.blksize, windowsize: self.windowsize, tsize: watched.then_some(0), timeout: None }
    }
}

/// A request that is not answered yet.
struct Call<'a> {
    args: &'a Args,
    kind: Kind,
    packet: Vec<u8>,
    link: Link,
}

/// The server's first answer.
struct Answer {
    granted: Options,
    is_oack: bool,
}

impl Call<'_> {
    /// Looks the server up, and prepares the request.
    fn prepare<'a>(args: &'a Args, kind: Kind, remote: &[u8]) -> anyhow::Result<Call<'a>> {
        todo!(
            "Take the first address of `to_socket_addrs`, and open a `Link` to it. The `packet::request` \
             must not be longer than `MAX_REQUEST`."
        )
    }

    /// Sends the request until the server answers, and settles on the port that it answers from: the port of the
    /// request is only for requests (RFC 1350, section 4).
    fn make(&mut self) -> Result<Answer, Broken> {
        todo!(
            "Like `send_until_answered`, but with `receive_from_anyone`: an answer `is_first_answer` and \
             comes from the IP address of `link.peer()`. `settle_on` its sender. All others are \
             `turn_away`d. Of an OACK, `granted` says what it grants (`refuse_options` if it errs), an ERROR \
             is the end, and DATA 1 is `put_back` for the receiver."
        )
    }

    fn understand(&self, packet: Packet) -> Result<Answer, Broken> {
        match packet {
            Packet::Oack(options) => match self.args.wishes(self.kind).granted(options) {
                Ok(granted) => Ok(Answer { granted, is_oack: true }),
                Err(why) => Err(refuse_options(format!("the server grants what it must not: {why}"))),
            },
            Packet::Error { code, message } => Err(Broken::ByPeer { code, message: message.to_vec() }),
            _ => Ok(Answer { granted: Options::default(), is_oack: false }),
        }
    }
}

/// What a server can say first: the first block, or that it is ready for one; or that it has options, or an error.
fn is_first_answer(kind: Kind, packet: Packet) -> bool {
    todo!("DATA 1 answers a Read, ACK 0 a Write, OACK and ERROR both.")
}

/// How far the transfer is, on a terminal, when it takes more than a moment.
struct Bar {
    began: Instant,
    total: Option<u64>,
    watched: bool,
    bar: Option<ProgressBar>,
}

impl Bar {
    const MOMENT: Duration = Duration::from_secs(1);

    fn new(total: Option<u64>) -> Bar {
        Bar { began: Instant::now(), total, watched: io::stderr().is_terminal(), bar: None }
    }

    fn show(&mut self, bytes: u64) {
        if !self.watched || (self.bar.is_none() && self.began.elapsed() < Bar::MOMENT) {
            return;
        }
        let total = self.total;
        self.bar.get_or_insert_with(|| Bar::draw(total)).set_position(bytes);
    }

    fn draw(total: Option<u64>) -> ProgressBar {
        let (bar, template) = match total {
            Some(total) => {
                (ProgressBar::new(total), "{wide_bar} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left")
            }
            None => (ProgressBar::new_spinner(), "{spinner} {bytes}, {bytes_per_sec}"),
        };
        bar.with_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()))
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
