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
fn run(args: &Args) -> anyhow::Result<()> {
    todo!(
        "Bind a `UdpSocket` to `args.bind`, `say` \"listening on ADDRESS\" with the real port \
         (`local_addr`), then call `echo_all`."
    )
}

/// Returns each datagram, for ever. One socket serves every client: each datagram brings its sender's address.
fn echo_all(socket: &UdpSocket, quiet: bool) -> anyhow::Result<()> {
    todo!(
        "In a loop: `recv_from`, `say` \"PEER sent TEXT\" with the text `quoted` (unless `quiet`), and \
         `send_to` the same bytes back to that peer. The buffer must hold the largest datagram. An error \
         goes to stderr with `complain` and must not end the loop."
    )
}
