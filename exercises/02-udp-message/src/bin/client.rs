//! Sends messages as datagrams, one each, and waits for nothing.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs, UdpSocket};
use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;
use udp_message::terminal::{finish, host_port, quoted, read_line, say};
use udp_message::{MAX_DATAGRAM, fits_a_datagram};

/// Sends each TEXT as one UDP datagram.
#[derive(Parser)]
#[command(after_help = "Examples:\n  client 'Hello UDP!' 你好\n  ls | client --connect localhost:3434 -")]
struct Args {
    /// Address of the server
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:3434", value_parser = host_port)]
    connect: String,
    /// What to send; `-` stands for the lines of standard input
    #[arg(value_name = "TEXT", default_value = "Hello UDP!")]
    texts: Vec<String>,
}

fn main() -> ExitCode {
    finish(run(&Args::parse()))
}

/// Sends everything, in order.
fn run(args: &Args) -> anyhow::Result<()> {
    todo!(
        "First check every TEXT with `fits_a_datagram`, so that nothing is sent when one is too long. Then \
         make an `Outbox` and send each TEXT; for `-`, send each line of stdin (`read_line`) as soon as it \
         is read."
    )
}

/// A socket, and the server its datagrams go to.
struct Outbox {
    socket: UdpSocket,
    server: SocketAddr,
}

impl Outbox {
    /// Looks the server up and opens a socket of its address family, on a port that the system picks.
    fn open(name: &str) -> anyhow::Result<Outbox> {
        todo!(
            "Take the first address of `to_socket_addrs`. Bind to port 0 of the unspecified address of the \
             same family (`Ipv4Addr::UNSPECIFIED` or `Ipv6Addr::UNSPECIFIED`). Do not `connect`: a connected \
             socket reports that nobody listens, and this client does not want to know."
        )
    }

    /// Sends one datagram and says so. Whether it arrives, UDP does not tell (RFC 768).
    fn send(&self, message: &[u8]) -> anyhow::Result<()> {
        todo!("`send_to` the server, then `say` \"sent TEXT to ADDRESS\", with the text `quoted`.")
    }
}
