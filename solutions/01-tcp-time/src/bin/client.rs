//! Asks a time server for the time, and prints it.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::Parser;
use tcp_time::outbound::{connect, explain};
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
