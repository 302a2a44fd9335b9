//! Prints every datagram that arrives, and answers none.

use std::net::UdpSocket;
use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;
use udp_message::MAX_DATAGRAM;
use udp_message::terminal::{complain, finish, host_port, quoted, say};

/// Prints the messages that arrive over UDP.
#[derive(Parser)]
#[command(after_help = "Example:\n  server --bind 127.0.0.1:3434")]
struct Args {
    /// Address to receive on; port 0 asks for a free one
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:3434", value_parser = host_port)]
    bind: String,
    /// Print nothing but the listening line
    #[arg(long)]
    quiet: bool,
}

fn main() -> ExitCode {
    finish(run(&Args::parse()))
}

/// Binds, says where, and prints what arrives.
///
/// # Your turn
///
/// Bind a `UdpSocket` to `args.bind`, `say` "listening on ADDRESS" with the real port (`local_addr`), then call
/// `receive_all`.
fn run(args: &Args) -> anyhow::Result<()> {
    let socket = UdpSocket::bind(&args.bind).with_context(|| format!("cannot listen on {}", args.bind))?;
    say(format_args!("listening on {}", socket.local_addr()?))?;
    receive_all(&socket, args.quiet)
}

/// Prints one line for each datagram, for ever.
///
/// # Your turn
///
/// Call `recv_from` in a loop and `say` "received TEXT from PEER", with the text `quoted`. The buffer must hold the
/// largest datagram: what does not fit is cut off and lost. An error of one receive goes to stderr with `complain`.
fn receive_all(socket: &UdpSocket, quiet: bool) -> anyhow::Result<()> {
    let mut buffer = [0; MAX_DATAGRAM];
    loop {
        match socket.recv_from(&mut buffer) {
            Ok((length, peer)) if !quiet => say(format_args!("received {} from {peer}", quoted(&buffer[..length])))?,
            Ok(_) => {}
            Err(error) => complain(format_args!("cannot receive a datagram: {error}")),
        }
    }
}
