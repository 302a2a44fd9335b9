//! Returns every datagram to its sender.

use std::net::UdpSocket;
use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;
use udp_echo::MAX_DATAGRAM;
use udp_echo::terminal::{complain, finish, host_port, quoted, say};

/// Echoes every datagram to its sender.
#[derive(Parser)]
#[command(after_help = "Example:\n  server --bind 127.0.0.1:8090")]
struct Args {
    /// Address to receive on; port 0 asks for a free one
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8090", value_parser = host_port)]
    bind: String,
    /// Print nothing but the listening line
    #[arg(long)]
    quiet: bool,
}

fn main() -> ExitCode {
    finish(run(&Args::parse()))
}

/// Binds, says where, and echoes.
///
/// # Your turn
///
/// Bind a `UdpSocket` to `args.bind`, `say` "listening on ADDRESS" with the real port (`local_addr`), then call
/// `echo_all`.
fn run(args: &Args) -> anyhow::Result<()> {
    let socket = UdpSocket::bind(&args.bind).with_context(|| format!("cannot listen on {}", args.bind))?;
    say(format_args!("listening on {}", socket.local_addr()?))?;
    echo_all(&socket, args.quiet)
}

/// Returns each datagram, for ever. One socket serves every client: each datagram brings its sender's address.
///
/// # Your turn
///
/// In a loop: `recv_from`, `say` "PEER sent TEXT" with the text `quoted` (unless `quiet`), and `send_to` the same
/// bytes back to that peer. The buffer must hold the largest datagram. An error goes to stderr with `complain` and
/// must not end the loop.
fn echo_all(socket: &UdpSocket, quiet: bool) -> anyhow::Result<()> {
    let mut buffer = [0; MAX_DATAGRAM];
    loop {
        let (length, peer) = match socket.recv_from(&mut buffer) {
            Ok(arrived) => arrived,
            Err(error) => {
                // Windows reports here that an earlier echo found nobody at home.
                complain(format_args!("cannot receive a datagram: {error}"));
                continue;
            }
        };
        let message = &buffer[..length];
        if !quiet {
            say(format_args!("{peer} sent {}", quoted(message)))?;
        }
        if let Err(error) = socket.send_to(message, peer) {
            complain(format_args!("cannot return {length} bytes to {peer}: {error}"));
        }
    }
}
