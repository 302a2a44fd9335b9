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
fn run(args: &Args) -> anyhow::Result<()> {
    todo!(
        "Bind a `TcpListener` to `args.bind`, `say` \"listening on ADDRESS\" with the real port \
         (`local_addr`), then call `serve`."
    )
}

/// Accepts clients for ever. Each has a thread of its own, so one that dawdles keeps nobody waiting.
fn serve(listener: &TcpListener, quiet: bool) -> anyhow::Result<()> {
    todo!(
        "Accept connections in a loop that never ends. Give each one to `answer` in a thread of its own; an \
         error of one connection goes to stderr with `complain` and must not end the loop."
    )
}

/// Tells one client the time and closes the connection in good order.
fn answer(mut stream: TcpStream, peer: SocketAddr, quiet: bool) -> anyhow::Result<()> {
    todo!(
        "`say` \"PEER connected\". Send the bytes of `time_line(Local::now())` with `write_all`, and `say` \
         \"sent TEXT to PEER\" with the text `quoted` (both lines only unless `quiet`). Then shut down the \
         writing side and call `wait_for_close`."
    )
}

/// Reads and forgets what the client sends until it closes too, or has had its time.
///
/// A socket that is closed while it holds unread bytes makes the kernel send RST instead of FIN (RFC 9293, section
/// 3.6.1, and RFC 1122, section 4.2.2.13), and the reset may destroy the time on its way to the client.
fn wait_for_close(mut stream: TcpStream) {
    todo!(
        "Read into a small buffer until `read` returns 0 or an error, or `LINGER` is over. Use \
         `set_read_timeout`, so that a silent client cannot hold the thread."
    )
}
