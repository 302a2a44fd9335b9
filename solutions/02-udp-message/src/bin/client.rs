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
///
/// # Your turn
///
/// First check every TEXT with `fits_a_datagram`, so that nothing is sent when one is too long. Then make an `Outbox`
/// and send each TEXT; for `-`, send each line of stdin (`read_line`) as soon as it is read.
fn run(args: &Args) -> anyhow::Result<()> {
    for text in &args.texts {
        fits_a_datagram(text.as_bytes()).with_context(|| format!("cannot send to {}", args.connect))?;
    }
    let outbox = Outbox::open(&args.connect)?;
    for text in &args.texts {
        if text != "-" {
            outbox.send(text.as_bytes())?;
            continue;
        }
        let mut input = io::stdin().lock();
        while let Some(line) = read_line(&mut input, MAX_DATAGRAM).context("cannot take a line of standard input")? {
            outbox.send(&line)?;
        }
    }
    Ok(())
}

/// A socket, and the server its datagrams go to.
struct Outbox {
    socket: UdpSocket,
    server: SocketAddr,
}

impl Outbox {
    /// Looks the server up and opens a socket of its address family, on a port that the system picks.
    ///
    /// # Your turn
    ///
    /// Take the first address of `to_socket_addrs`. Bind to port 0 of the unspecified address of the same family
    /// (`Ipv4Addr::UNSPECIFIED` or `Ipv6Addr::UNSPECIFIED`). Do not `connect`: a connected socket reports that nobody
    /// listens, and this client does not want to know.
    fn open(name: &str) -> anyhow::Result<Outbox> {
        let server = name
            .to_socket_addrs()
            .and_then(|mut addresses| addresses.next().ok_or_else(|| io::Error::other("the name has no address")))
            .with_context(|| format!("cannot look up {name}"))?;
        let socket = match server {
            SocketAddr::V4(_) => UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)),
            SocketAddr::V6(_) => UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 0)),
        };
        let socket = socket.context("cannot open a UDP socket")?;
        Ok(Outbox { socket, server })
    }

    /// Sends one datagram and says so. Whether it arrives, UDP does not tell (RFC 768).
    ///
    /// # Your turn
    ///
    /// `send_to` the server, then `say` "sent TEXT to ADDRESS", with the text `quoted`.
    fn send(&self, message: &[u8]) -> anyhow::Result<()> {
        let Outbox { socket, server } = self;
        socket.send_to(message, server).with_context(|| format!("cannot send {} bytes to {server}", message.len()))?;
        say(format_args!("sent {} to {server}", quoted(message)))
    }
}
