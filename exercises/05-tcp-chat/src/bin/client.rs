//! Sends what its user types, and prints what the room says, each at any time.

use std::io::{self, ErrorKind, Write};
use std::net::{Shutdown, TcpStream};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Parser;
use tcp_chat::outbound::{connect, explain};
use tcp_chat::terminal::{finish, host_port, read_line, say, seconds};
use tcp_chat::{Lines, MAX_LINE, MAX_SERVER_LINE, Step, readable};

/// How long the server may take to close the connection after `exit`.
const LINGER: Duration = Duration::from_millis(500);

/// Joins a room: what you type goes to everybody, `exit` leaves it.
#[derive(Parser)]
#[command(after_help = "Example:\n  client --connect localhost:8008")]
struct Args {
    /// Address of the server
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8008", value_parser = host_port)]
    connect: String,
    /// How long to wait for the connection, and for a server that takes no more
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = seconds)]
    timeout: Duration,
}

fn main() -> ExitCode {
    finish(run(&Args::parse()))
}

/// Why the conversation is over.
enum End {
    /// The user said `exit`.
    Exit,
    /// The server closed the connection.
    Closed,
    /// It cannot go on.
    Failed(anyhow::Error),
}

/// Talks and listens at the same time, until one of the two is over.
///
/// Reading from the user and reading from the server both wait, and nobody knows which has something first: so each has
/// a thread. Taking turns, "type a line, then hear one", is no conversation.
fn run(args: &Args) -> anyhow::Result<()> {
    todo!(
        "`connect`, and switch Nagle's algorithm off (`set_nodelay`). Start two threads on the one stream \
         (an `Arc`): one sends what `print_lines` ends with over a channel, one runs `send_lines`, which \
         sends its end itself. Wait for the first end: after `Exit`, `join` the thread that sends, and give \
         the server `LINGER` to close, too; for `Closed`, `say` \"connection closed by server\"."
    )
}

/// Prints every line of the server as it arrives, until the server closes.
fn print_lines(mut stream: &TcpStream) -> anyhow::Result<()> {
    todo!(
        "`read_from` the stream, and `say` each line, made `readable`. A line that is `TooLong` is an error. \
         At the end of the stream, the `rest` is a line, too, unless it is empty."
    )
}

/// Sends every line as it is typed. After `exit`, and at the end of the input, it closes the sending side.
fn send_lines(stream: &TcpStream, tell: &Sender<End>, timeout: Duration) -> anyhow::Result<()> {
    todo!(
        "`read_line` from stdin, at most `MAX_LINE` bytes, and `send` it. Before `exit` is sent, tell the \
         `End`: the server may be quick to close. After the last line, shut down the writing side."
    )
}

/// Sends one line; `false` when nobody is there to take it. Why that is, and how much came before it, the other thread
/// reads.
fn send(mut stream: &TcpStream, mut line: Vec<u8>, timeout: Duration) -> anyhow::Result<bool> {
    todo!(
        "Line and newline go out in one `write_all`: two writes may be two segments. Only a wait that ran \
         out is an error here."
    )
}
