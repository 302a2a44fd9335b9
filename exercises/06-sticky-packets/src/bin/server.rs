//! Returns every message to its sender, in the framing it came in.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::Parser;
use sticky_packets::terminal::{complain, finish, host_port, quoted, say};
use sticky_packets::{Decoder, End, Framing, Step};

/// How much stack the thread of a connection gets. The messages are on the heap, so little is needed.
const STACK: usize = 128 << 10;

/// How long a client whose frame was refused may take to hear of it.
const LINGER: Duration = Duration::from_secs(1);

/// How often to look for the next bytes before going to sleep until they come.
const GLANCES: usize = 100;

/// Echoes messages over TCP, told apart by a framing.
#[derive(Clone, Parser)]
#[command(after_help = "Example:\n  server --bind 127.0.0.1:7070 --framing line --max-frame 80")]
struct Args {
    /// Address to listen on; port 0 asks for a free one
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:7070", value_parser = host_port)]
    bind: String,
    /// How messages are told apart
    #[arg(long, value_enum, default_value = "length")]
    framing: Framing,
    /// The longest message that is taken, in bytes
    #[arg(long, value_name = "BYTES", default_value = "1048576")]
    max_frame: u32,
    /// Print nothing but the listening line
    #[arg(long)]
    quiet: bool,
}

fn main() -> ExitCode {
    finish(run(&Args::parse()))
}

/// Listens, says where, and serves.
fn run(args: &Args) -> anyhow::Result<()> {
    todo!(
        "Bind a `TcpListener` to `args.bind`, `say` \"listening on ADDRESS\" with the real port \
         (`local_addr`), then call `serve`."
    )
}

/// Accepts clients for ever. Each has a thread of its own, which waits for its bytes.
fn serve(listener: &TcpListener, args: &Args) -> anyhow::Result<()> {
    todo!(
        "Accept connections in a loop that never ends. Give each one to `talk` in a thread of its own with a \
         stack of `STACK` bytes; an error of one connection goes to stderr with `complain` and must not end \
         the loop."
    )
}

/// Echoes the messages of one client, until its stream ends or cannot be understood any more.
fn talk(stream: &TcpStream, peer: SocketAddr, args: &Args) -> anyhow::Result<()> {
    todo!(
        "Switch Nagle's algorithm off (`set_nodelay`). In a loop: `read_from` the stream, made `Attentive`, \
         `echo` what came, and leave it when that returned `false`. At the end of the stream call \
         `say_farewell`."
    )
}

/// A stream that is looked at a few times before the thread goes to sleep over it, while others have the processor. In a
/// conversation the next message is mostly on its way, and to fall asleep and be woken takes longer than these looks.
struct Attentive<'a>(&'a TcpStream);

impl Read for Attentive<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.set_nonblocking(true)?;
        let glance = (0..GLANCES).find_map(|_| match self.0.read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                thread::yield_now();
                None
            }
            read => Some(read),
        });
        self.0.set_nonblocking(false)?;
        glance.unwrap_or_else(|| self.0.read(buffer))
    }
}

/// Returns all messages that are complete, in one write; `false` after a frame that is too long.
fn echo(
    mut stream: &TcpStream,
    peer: SocketAddr,
    decoder: &mut Decoder,
    count: &mut u64,
    args: &Args,
) -> anyhow::Result<bool> {
    todo!(
        "For each `Message` that the decoder gives, count it and `say` \"message COUNT from PEER: TEXT\" \
         with the text `quoted` (\"read COUNT …\" without a framing). `NotYet`: send `decoder.frames()` and \
         return `true`. `TooLong`: send them, too, then call `refuse` and return `false`."
    )
}

/// Closes the connection of a client whose frame is too long. Where its next message begins cannot be known.
///
/// A socket that is closed while it holds unread bytes makes the kernel send RST (RFC 1122, section 4.2.2.13), which
/// may destroy the last echoes on their way. So what the client still sends is read and forgotten for a moment.
fn refuse(mut stream: &TcpStream, peer: SocketAddr, length: usize, args: &Args) -> anyhow::Result<()> {
    todo!(
        "`say` \"refused a frame of LENGTH bytes from PEER: at most MAX\" (unless `quiet`). Shut down the \
         writing side, then read into a small buffer until the client closes, too, or `LINGER` is over; \
         `set_read_timeout` bounds each wait."
    )
}

/// Says how a client's stream ended.
fn say_farewell(peer: SocketAddr, end: End, count: u64, quiet: bool) -> anyhow::Result<()> {
    todo!(
        "`say` \"PEER closed after COUNT messages\" when the end is `End::Between`, and \"PEER closed inside \
         a frame: END\" when not (neither if `quiet`)."
    )
}
