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
///
/// # Your turn
///
/// `connect`, and switch Nagle's algorithm off (`set_nodelay`). Start two threads on the one stream (an `Arc`): one sends what `print_lines` ends with over a channel,
/// one runs `send_lines`, which sends its end itself. Wait for the first end: after `Exit`, `join` the thread that
/// sends, and give the server `LINGER` to close, too; for `Closed`, `say` "connection closed by server".
fn run(args: &Args) -> anyhow::Result<()> {
    let (stream, server) = connect(&args.connect, args.timeout)?;
    // Nagle's algorithm would keep a short line back until the one before is acknowledged (RFC 1122, section 4.2.3.4).
    stream.set_nodelay(true)?;
    stream.set_write_timeout(Some(args.timeout))?;
    let (stream, (tell, ends)) = (Arc::new(stream), channel());
    let (listening, told) = (Arc::clone(&stream), tell.clone());
    thread::spawn(move || told.send(print_lines(&listening).map_or_else(End::Failed, |()| End::Closed)));
    let timeout = args.timeout;
    let sending = thread::spawn(move || {
        if let Err(error) = send_lines(&stream, &tell, timeout) {
            let _ = tell.send(End::Failed(error));
        }
    });
    match ends.recv()? {
        End::Exit => {
            // Now it is only said; when the thread is done, it is sent.
            let _ = sending.join();
            let _ = ends.recv_timeout(LINGER);
            Ok(())
        }
        End::Closed => say("connection closed by server"),
        End::Failed(error) => Err(error.context(format!("the conversation with {server} broke off"))),
    }
}

/// Prints every line of the server as it arrives, until the server closes.
///
/// # Your turn
///
/// `read_from` the stream, and `say` each line, made `readable`. A line that is `TooLong` is an error. At the end of
/// the stream, the `rest` is a line, too, unless it is empty.
fn print_lines(mut stream: &TcpStream) -> anyhow::Result<()> {
    let mut lines = Lines::new(MAX_SERVER_LINE);
    while lines.read_from(&mut stream).context("cannot read")? > 0 {
        loop {
            match lines.next_line() {
                Step::Line(line) => say(readable(line))?,
                Step::NotYet => break,
                Step::TooLong => bail!("a line of more than {MAX_SERVER_LINE} bytes came"),
            }
        }
    }
    match lines.rest() {
        b"" => Ok(()),
        last => say(readable(last)),
    }
}

/// Sends every line as it is typed. After `exit`, and at the end of the input, it closes the sending side.
///
/// # Your turn
///
/// `read_line` from stdin, at most `MAX_LINE` bytes, and `send` it. Before `exit` is sent, tell the `End`: the server
/// may be quick to close. After the last line, shut down the writing side.
fn send_lines(stream: &TcpStream, tell: &Sender<End>, timeout: Duration) -> anyhow::Result<()> {
    let mut input = io::stdin().lock();
    while let Some(line) = read_line(&mut input, MAX_LINE).context("cannot send a line of standard input")? {
        let is_exit = line == b"exit";
        if is_exit {
            let _ = tell.send(End::Exit);
        }
        if !send(stream, line, timeout)? || is_exit {
            break;
        }
    }
    let _ = stream.shutdown(Shutdown::Write);
    Ok(())
}

/// Sends one line; `false` when nobody is there to take it. Why that is, and how much came before it, the other thread
/// reads.
///
/// # Your turn
///
/// Line and newline go out in one `write_all`: two writes may be two segments. Only a wait that ran out is an error
/// here.
fn send(mut stream: &TcpStream, mut line: Vec<u8>, timeout: Duration) -> anyhow::Result<bool> {
    line.push(b'\n');
    match stream.write_all(&line) {
        Ok(()) => Ok(true),
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
            Err(explain(error, timeout))
        }
        Err(_) => Ok(false),
    }
}
