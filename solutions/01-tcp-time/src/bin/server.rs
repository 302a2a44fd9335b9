//! Tells every client the time, then closes the connection.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context;
use chrono::Local;
use clap::Parser;
use tcp_time::terminal::{complain, finish, host_port, quoted, say};
use tcp_time::time_line;

/// How long the server waits for a client to close after it was told the time.
const LINGER: Duration = Duration::from_secs(2);

/// Tells every client the local time over TCP.
#[derive(Parser)]
#[command(after_help = "Example:\n  server --bind 127.0.0.1:3434")]
struct Args {
    /// Address to listen on; port 0 asks for a free one
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:3434", value_parser = host_port)]
    bind: String,
    /// Print nothing but the listening line
    #[arg(long)]
    quiet: bool,
}

fn main() -> ExitCode {
    finish(run(&Args::parse()))
}

/// Listens, says where, and serves.
///
/// # Your turn
///
/// Bind a `TcpListener` to `args.bind`, `say` "listening on ADDRESS" with the real port (`local_addr`), then call
/// `serve`.
fn run(args: &Args) -> anyhow::Result<()> {
    let listener = TcpListener::bind(&args.bind).with_context(|| format!("cannot listen on {}", args.bind))?;
    say(format_args!("listening on {}", listener.local_addr()?))?;
    serve(&listener, args.quiet)
}

/// Accepts clients for ever. Each has a thread of its own, so one that dawdles keeps nobody waiting.
///
/// # Your turn
///
/// Accept connections in a loop that never ends. Give each one to `answer` in a thread of its own; an error of one
/// connection goes to stderr with `complain` and must not end the loop.
fn serve(listener: &TcpListener, quiet: bool) -> anyhow::Result<()> {
    loop {
        let (stream, peer) = match listener.accept() {
            Ok(connection) => connection,
            Err(error) => {
                complain(format_args!("cannot accept a connection: {error}"));
                // Out of descriptors, accept fails at once, again and again; only time frees one.
                thread::sleep(Duration::from_millis(50));
                continue;
            }
        };
        let answering = thread::Builder::new().spawn(move || {
            if let Err(error) = answer(stream, peer, quiet) {
                complain(format_args!("{peer}: {error:#}"));
            }
        });
        if let Err(error) = answering {
            complain(format_args!("{peer}: no thread to answer it: {error}"));
        }
    }
}

/// Tells one client the time and closes the connection in good order.
///
/// # Your turn
///
/// `say` "PEER connected". Send the bytes of `time_line(Local::now())` with `write_all`, and `say` "sent TEXT to
/// PEER" with the text `quoted` (both lines only unless `quiet`). Then shut down the writing side and call
/// `wait_for_close`.
fn answer(mut stream: TcpStream, peer: SocketAddr, quiet: bool) -> anyhow::Result<()> {
    if !quiet {
        say(format_args!("{peer} connected"))?;
    }
    let line = time_line(Local::now());
    stream.write_all(line.as_bytes()).context("cannot send the time")?;
    if !quiet {
        say(format_args!("sent {} to {peer}", quoted(line.as_bytes())))?;
    }
    stream.shutdown(Shutdown::Write).context("cannot close the sending side")?;
    wait_for_close(stream);
    Ok(())
}

/// Reads and forgets what the client sends until it closes too, or has had its time.
///
/// A socket that is closed while it holds unread bytes makes the kernel send RST instead of FIN (RFC 9293, section
/// 3.6.1, and RFC 1122, section 4.2.2.13), and the reset may destroy the time on its way to the client.
///
/// # Your turn
///
/// Read into a small buffer until `read` returns 0 or an error, or `LINGER` is over. Use `set_read_timeout`, so that
/// a silent client cannot hold the thread.
fn wait_for_close(mut stream: TcpStream) {
    let deadline = Instant::now() + LINGER;
    let mut unwanted = [0; 4096];
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        // A timeout of zero would mean "for ever", so std refuses it: the time is up.
        if stream.set_read_timeout(Some(left)).is_err() {
            return;
        }
        if let Ok(0) | Err(_) = stream.read(&mut unwanted) {
            return;
        }
    }
}
