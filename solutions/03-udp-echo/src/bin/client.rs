//! Sends lines to an echo server, one at a time, and prints what comes back.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs, UdpSocket};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use clap::Parser;
use udp_echo::terminal::{finish, host_port, quoted, read_line, say, seconds};
use udp_echo::{Datagram, MAX_DATAGRAM, TRIES, is_echo};

/// Sends each line of standard input to an echo server; `exit` is the last.
#[derive(Parser)]
#[command(after_help = "Example:\n  printf '我爱你\\nexit\\n' | client --connect localhost:8090 --timeout 0.5")]
struct Args {
    /// Address of the server
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8090", value_parser = host_port)]
    connect: String,
    /// How long to wait for an echo before sending again, 3 times in all
    #[arg(long, value_name = "SECONDS", default_value = "1", value_parser = seconds)]
    timeout: Duration,
}

fn main() -> ExitCode {
    finish(run(&Args::parse()))
}

/// Sends the lines one after another, each when the one before has come back.
///
/// # Your turn
///
/// Open a `Conversation`. For each line of stdin (`read_line`, at most `MAX_DATAGRAM` bytes) call `ask`, and `say`
/// "echo TEXT" with the text `quoted`. The line `exit` is sent like any other, and is the last.
fn run(args: &Args) -> anyhow::Result<()> {
    let mut conversation = Conversation::open(&args.connect, args.timeout)?;
    let mut input = io::stdin().lock();
    while let Some(line) = read_line(&mut input, MAX_DATAGRAM).context("cannot take a line of standard input")? {
        conversation.ask(&line)?;
        say(format_args!("echo {}", quoted(&line)))?;
        if line == b"exit" {
            break;
        }
    }
    Ok(())
}

/// A socket, the server it talks to, and the patience it has.
struct Conversation {
    socket: UdpSocket,
    server: SocketAddr,
    timeout: Duration,
    buffer: Vec<u8>,
}

impl Conversation {
    /// Looks the server up and opens a socket of its address family, on a port that the system picks.
    ///
    /// # Your turn
    ///
    /// Take the first address of `to_socket_addrs`. Bind to port 0 of the unspecified address of the same family
    /// (`Ipv4Addr::UNSPECIFIED` or `Ipv6Addr::UNSPECIFIED`). The buffer needs `MAX_DATAGRAM` bytes.
    fn open(name: &str, timeout: Duration) -> anyhow::Result<Conversation> {
        let server = name
            .to_socket_addrs()
            .and_then(|mut addresses| addresses.next().ok_or_else(|| io::Error::other("the name has no address")))
            .with_context(|| format!("cannot look up {name}"))?;
        let socket = match server {
            SocketAddr::V4(_) => UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)),
            SocketAddr::V6(_) => UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 0)),
        };
        let socket = socket.context("cannot open a UDP socket")?;
        Ok(Conversation { socket, server, timeout, buffer: vec![0; MAX_DATAGRAM] })
    }

    /// Sends `line` until its echo is here, [`TRIES`] times at most: a datagram may be lost on the way out or back.
    ///
    /// # Your turn
    ///
    /// Up to `TRIES` times: `send_to` the server, then `hear_echo`. When no try was answered, fail with an error that
    /// has "no reply" in it.
    fn ask(&mut self, line: &[u8]) -> anyhow::Result<()> {
        for _ in 0..TRIES {
            let sending = self.socket.send_to(line, self.server);
            sending.with_context(|| format!("cannot send {} bytes to {}", line.len(), self.server))?;
            if self.hear_echo(line)? {
                return Ok(());
            }
        }
        bail!("no reply from {} to {}: sent {TRIES} times", self.server, quoted(line))
    }

    /// Waits for the echo of `line`, and tells whether it came in time. Other datagrams do not count, and do not
    /// prolong the wait.
    ///
    /// # Your turn
    ///
    /// Note the time at which the wait ends. Until then, `set_read_timeout` to what is left, `recv_from`, and check
    /// with `is_echo`. A refusal (`ConnectionRefused`, `ConnectionReset`) is no reason to stop waiting: the server
    /// may be about to start.
    fn hear_echo(&mut self, line: &[u8]) -> anyhow::Result<bool> {
        let deadline = Instant::now() + self.timeout;
        let sent = Datagram { peer: self.server, bytes: line };
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(false);
            }
            self.socket.set_read_timeout(Some(left))?;
            match self.socket.recv_from(&mut self.buffer) {
                Ok((length, peer)) if is_echo(Datagram { peer, bytes: &self.buffer[..length] }, sent) => {
                    return Ok(true);
                }
                Ok(_) => {}
                Err(error) if is_no_answer(&error) => {}
                Err(error) => return Err(error).with_context(|| format!("cannot receive from {}", self.server)),
            }
        }
    }
}

/// Errors that only say that nothing came: the wait ran out, or an ICMP message said that nobody listens there.
fn is_no_answer(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionRefused, ConnectionReset, Interrupted, TimedOut, WouldBlock};
    matches!(error.kind(), WouldBlock | TimedOut | ConnectionRefused | ConnectionReset | Interrupted)
}
