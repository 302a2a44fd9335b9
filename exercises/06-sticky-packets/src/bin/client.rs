//! Sends messages to an echo server, all at once, and tells them apart when they come back.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use anyhow::{Context, anyhow, bail, ensure};
use clap::Parser;
use sticky_packets::outbound::{connect, explain};
use sticky_packets::terminal::{finish, host_port, quoted, say, seconds};
use sticky_packets::{Decoder, End, Framing, Step};

/// How many reads may wait to be looked at. A server that sends without end fills no memory.
const READS: usize = 1024;

/// Sends each TEXT as a message to an echo server.
#[derive(Parser)]
#[command(after_help = "Example:\n  client --connect localhost:7070 --framing line hello world again")]
struct Args {
    /// Address of the server
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:7070", value_parser = host_port)]
    connect: String,
    /// How messages are told apart
    #[arg(long, value_enum, default_value = "length")]
    framing: Framing,
    /// The longest message that is sent or taken, in bytes
    #[arg(long, value_name = "BYTES", default_value = "1048576")]
    max_frame: u32,
    /// How long to wait for the connection, and for each further byte
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = seconds)]
    timeout: Duration,
    /// The messages
    #[arg(value_name = "TEXT")]
    texts: Vec<String>,
}

fn main() -> ExitCode {
    finish(run(&Args::parse()))
}

/// Encodes the messages, sends them, and hears what comes back.
fn run(args: &Args) -> anyhow::Result<()> {
    todo!(
        "`encode_all` before connecting: what cannot be sent is found before anything is. `connect`; let \
         `read_all` read in a thread of its own, with a `sync_channel` of `READS` places to this one. \
         `send_all`, `say` \"sent COUNT messages\", then `hear_messages` or, without a framing, \
         `hear_reads`."
    )
}

/// All messages as they go out: one after the other, with nothing between them but their framing.
///
/// # Errors
///
/// Names the message that the framing cannot carry.
fn encode_all(args: &Args) -> anyhow::Result<Vec<u8>> {
    todo!("`encode` each text into one buffer. An error names the text.")
}

/// Sends everything, and then the end of the stream.
fn send_all(mut stream: &TcpStream, frames: &[u8], timeout: Duration) -> anyhow::Result<()> {
    todo!(
        "`set_write_timeout`, `write_all`, and shut down the writing side. `explain` makes a timeout \
         readable."
    )
}

/// Reads until the stream ends or breaks, and hands every read over. Its last word is the end, or the error.
fn read_all(mut stream: TcpStream, announce: &SyncSender<io::Result<Vec<u8>>>) {
    todo!(
        "Read into a buffer, and send each piece over the channel: `Ok` with the bytes, with no bytes for \
         the end of the stream, or `Err`. Stop after an end, an error, or when nobody listens any more."
    )
}

/// What the reading thread hands over.
struct Arrivals {
    reads: Receiver<io::Result<Vec<u8>>>,
    timeout: Duration,
}

impl Arrivals {
    /// Waits for the next read; no bytes are the end of the stream.
    fn next(&self) -> anyhow::Result<Vec<u8>> {
        match self.reads.recv_timeout(self.timeout) {
            Ok(read) => Ok(read?),
            Err(RecvTimeoutError::Timeout) => Err(explain(io::ErrorKind::TimedOut.into(), self.timeout)),
            Err(RecvTimeoutError::Disconnected) => bail!("there is nobody left to read"),
        }
    }
}

/// Prints every read as it came: what a program sees that takes a read for a message.
fn hear_reads(arrivals: &Arrivals) -> anyhow::Result<()> {
    todo!("Until the end of the stream, `say` \"read COUNT: TEXT\" with the text `quoted`.")
}

/// Prints every message that comes back, until all are back; each must be the one that was sent.
fn hear_messages(arrivals: &Arrivals, args: &Args) -> anyhow::Result<()> {
    todo!(
        "Take the texts one after the other. Feed the decoder with what arrives until `next_message` gives a \
         `Message`; `say` \"echo TEXT\" with the text `quoted`, and fail if it is not the one that was sent. \
         The end of the stream, or `TooLong`, is an error before the last one."
    )
}

fn ended(end: End) -> String {
    match end {
        End::Between => "the server closed the connection".to_owned(),
        end => format!("the server closed the connection inside a frame, {end}"),
    }
}
