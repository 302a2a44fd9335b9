//! Serves the files of a folder over TFTP, and takes new ones.

use std::fmt::Display;
use std::net::{SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::{Context, ensure};
use clap::Parser;
use tftp::files::{Fault, Incoming, Outgoing, heed_signals, readable, writable};
use tftp::link::{Broken, Link};
use tftp::options::{DEFAULT_BLKSIZE, Options};
use tftp::packet::{ErrorCode, Kind, Mode, Packet, Request, ack, error, is_error, oack};
use tftp::terminal::{complain, finish, host_port, quoted, say, seconds};
use tftp::transfer::{Terms, conclude, dally, receive, send, send_until_answered};

/// More transfers at a time than this are refused: a request is easily forged, and each costs a thread.
const MOST_TRANSFERS: usize = 1000;

/// How many of them may be with one machine: others want to be served, too.
const MOST_OF_A_MACHINE: usize = MOST_TRANSFERS / 2;

/// How many of them may be with one port: a client that asks too often does not shut out its neighbours.
const MOST_OF_A_PORT: usize = MOST_TRANSFERS / 10;

/// The stack of a transfer's thread.
const STACK: usize = 256 << 10;

/// How much of a window may be under way: less than a socket's buffer holds, or the system drops the rest. Nor must a
/// forged request start a flood.
const WINDOW: u64 = 128 << 10;

/// What the system adds to each datagram in a socket's buffer, about.
const OVERHEAD: u64 = 512;

/// Serves the files of a folder over TFTP, and takes new ones.
#[derive(Parser)]
#[command(after_help = "Example:\n  server --bind 127.0.0.1:6969 --root shared --overwrite")]
struct Args {
    /// Address to receive requests on; port 0 asks for a free one
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:6969", value_parser = host_port)]
    bind: String,
    /// The folder; nothing outside it is served or written
    #[arg(long, value_name = "DIR", default_value = ".")]
    root: PathBuf,
    /// Let an upload replace a file that is there
    #[arg(long)]
    overwrite: bool,
    /// How long to wait for an answer before sending again; twice as long after each try
    #[arg(long, value_name = "SECONDS", default_value = "1", value_parser = seconds)]
    timeout: Duration,
    /// How often to send a packet before giving up
    #[arg(long, value_name = "N", default_value = "5", value_parser = clap::value_parser!(u32).range(1..))]
    tries: u32,
    /// Print nothing but the listening line
    #[arg(long)]
    quiet: bool,
}

fn main() -> ExitCode {
    finish(run(Args::parse()))
}

/// Binds, says where, and serves.
fn run(mut args: Args) -> anyhow::Result<()> {
    todo!(
        "Make `args.root` canonical, and see that it is a folder. `heed_signals`. Bind a `UdpSocket` to \
         `args.bind`, `say` \"listening on ADDRESS\" with the real port (`local_addr`), then call `serve`."
    )
}

/// What all transfers share.
struct Server {
    args: Args,
    here: SocketAddr,
    /// With whom there are transfers, once for each.
    peers: Mutex<Vec<SocketAddr>>,
}

impl Server {
    fn peers(&self) -> MutexGuard<'_, Vec<SocketAddr>> {
        self.peers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a peer has less than its share of the transfers that there are with `peers`, or of a `part` of all.
fn has_room(peers: &[SocketAddr], peer: SocketAddr, part: usize) -> bool {
    let with_machine = peers.iter().filter(|other| other.ip() == peer.ip()).count();
    let with_port = peers.iter().filter(|other| **other == peer).count();
    peers.len() < MOST_TRANSFERS / part && with_machine < MOST_OF_A_MACHINE / part && with_port < MOST_OF_A_PORT / part
}

/// A place among the transfers. It is given back at every end, for that is when it goes out of scope.
struct Place {
    server: Arc<Server>,
    peer: SocketAddr,
}

impl Place {
    /// A place for one more transfer with this peer, if it may have one.
    fn take(server: &Arc<Server>, peer: SocketAddr) -> Option<Place> {
        let mut peers = server.peers();
        has_room(&peers, peer, 1).then(|| {
            peers.push(peer);
            Place { server: Arc::clone(server), peer }
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut peers = self.server.peers();
        if let Some(at) = peers.iter().position(|peer| *peer == self.peer) {
            peers.swap_remove(at);
        }
    }
}

/// Receives requests for ever. Each gets a thread and a socket of its own, so a transfer that stalls slows no other.
fn serve(socket: &UdpSocket, server: &Arc<Server>) -> anyhow::Result<()> {
    todo!(
        "In a loop that never ends: `recv_from` into a buffer, and `start` a request. An ERROR is never \
         answered; whatever else arrives here is answered with ERROR 4 (`error`). An error of the socket \
         goes to stderr with `complain`."
    )
}

/// Starts a thread for a request.
fn start(server: &Arc<Server>, packet: Vec<u8>, peer: SocketAddr) {
    todo!(
        "Spawn a thread that opens a `Link` (at the server's own IP address) and calls `attend`. What goes \
         wrong is worth a line on stderr, and no more. The thread has a `Place` as long as it runs; where \
         there is none to take, the request is dropped, and its client asks again."
    )
}

/// One request, and the socket on which it is answered.
struct Transfer<'a> {
    server: &'a Server,
    link: Link,
    request: Request<'a>,
}

impl Transfer<'_> {
    /// Refuses, or transfers; and says how it ended.
    fn attend(mut self) -> anyhow::Result<()> {
        todo!(
            "`download` a Read and `upload` a Write. `NoAnswer` is a line of the transcript: \"gave up on \
             PEER \"NAME\": no answer after N tries\". An end by the peer needs no words, nor does one that \
             an `IllegalOperation` of the peer has caused. Any other error goes to the caller."
        )
    }

    /// Sends the file that was asked for.
    fn download(&mut self) -> Result<(), Broken> {
        todo!(
            "`admit` what `open` returns, with the verb \"reads\". Grant the options (`grant`; tsize becomes \
             the file's size) with an OACK that is answered by ACK 0, if there are any \
             (`send_until_answered`). Then `send`, and `say` \"sent \"NAME\" to PEER: TALLY\"."
        )
    }

    /// Takes the file that is offered.
    fn upload(&mut self) -> Result<(), Broken> {
        todo!(
            "`admit` what `create` returns, with the verb \"writes\". The first reply is ACK 0, or an OACK \
             if there are options to grant. Make room for the blocks in the link, send the reply, and \
             `receive`. `say` \"received \"NAME\" from PEER: TALLY\", and `dally` if there is room for it."
        )
    }

    /// Says whether the request is granted, and tells the client if not.
    fn admit<T>(&self, verb: &str, file: impl FnOnce(&Self, Mode) -> Result<T, Fault>) -> Result<Option<T>, Broken> {
        todo!(
            "A file is announced with \"PEER VERB \"NAME\"\". A fault is \"refused PEER \"NAME\": REASON\", \
             with the reason in the words of RFC 1350, and an ERROR to the client."
        )
    }

    fn open(&self, mode: Mode) -> Result<Outgoing, Fault> {
        Outgoing::open(&readable(&self.server.args.root, self.request.name)?, mode)
    }

    fn create(&self, mode: Mode) -> Result<Incoming, Fault> {
        let Args { root, overwrite, .. } = &self.server.args;
        Incoming::create(&writable(root, self.request.name, *overwrite)?, mode, *overwrite)
    }

    fn terms(&self, options: Options) -> Terms {
        Terms::new(options, self.server.args.timeout, self.server.args.tries)
    }

    /// Prints a line of the transcript. That nobody reads it any more is no reason to end a transfer.
    fn say(&self, line: impl Display) {
        if !self.server.args.quiet
            && let Err(error) = say(line)
        {
            complain(format_args!("{error:#}"));
        }
    }
}

/// Grants what is asked for, but no window of more than `WINDOW` bytes: a server may grant less (RFC 7440, section 3).
fn grant(asked: Options) -> Options {
    todo!(
        "Leave all options as they are but windowsize: as many blocks (with their `OVERHEAD`) as fit into a \
         `WINDOW`, and one at least."
    )
}
