//! Asks a time server for the time, and prints it.

use std::io;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use clap::Parser;
use tcp_time::read_message;
use tcp_time::terminal::{finish, host_port, quoted, say, seconds};

/// Asks a server for the time over TCP.
#[derive(Parser)]
#[command(after_help = "Example:\n  client --connect localhost:3434 --timeout 2.5")]
struct Args {
    /// Address of the server
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:3434", value_parser = host_port)]
    connect: String,
    /// How long to wait for the connection, and for each further byte
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = seconds)]
    timeout: Duration,
}

fn main() -> ExitCode {
    finish(run(&Args::parse()))
}

/// Connects, reads the message, prints it.
///
/// # Your turn
///
/// `connect`, then `say` "connected to ADDRESS". Set the read timeout, get the text with `read_message`, and `say`
/// "received TEXT" with the text `quoted`. `explain` makes a timeout readable.
fn run(args: &Args) -> anyhow::Result<()> {
    let (stream, server) = connect(&args.connect, args.timeout)?;
    say(format_args!("connected to {server}"))?;
    stream.set_read_timeout(Some(args.timeout))?;
    let message = read_message(stream)
        .map_err(|error| explain(error, args.timeout))
        .with_context(|| format!("cannot read the time from {server}"))?;
    say(format_args!("received {}", quoted(&message)))
}

/// Tries every address that `name` stands for, within `timeout` in all: `localhost` may be `[::1]` and `127.0.0.1`,
/// and the server listen on one of them only.
///
/// # Your turn
///
/// Look the name up with `to_socket_addrs`. Try each address with `TcpStream::connect_timeout`; return the first that
/// connects, with its address, or the last error.
fn connect(name: &str, timeout: Duration) -> anyhow::Result<(TcpStream, SocketAddr)> {
    let deadline = Instant::now() + timeout;
    let mut failure = anyhow!("the name has no address");
    for address in name.to_socket_addrs().with_context(|| format!("cannot look up {name}"))? {
        let left = deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
        match TcpStream::connect_timeout(&address, left) {
            Ok(stream) => return Ok((stream, address)),
            Err(error) => failure = explain(error, timeout).context(format!("tried {address}")),
        }
    }
    Err(failure.context(format!("cannot connect to {name}")))
}

/// A wait that ran out is reported by Unix as `WouldBlock` ("resource temporarily unavailable"), by Windows as
/// `TimedOut`.
fn explain(error: io::Error, timeout: Duration) -> anyhow::Error {
    match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
            anyhow!("no answer within {} seconds", timeout.as_secs_f64())
        }
        _ => error.into(),
    }
}
