//! Outbound connections: to any of the addresses that a name stands for, and not for ever.
//!
//! Every chapter with a TCP client has a copy of this file, so that each folder is complete.

use std::io;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};

/// Tries every address that `name` stands for, within `timeout` in all: `localhost` may be `[::1]` and `127.0.0.1`,
/// and the server listen on one of them only.
///
/// # Your turn
///
/// Look the name up with `to_socket_addrs`. Try each address with `TcpStream::connect_timeout`; return the first that
/// connects, with its address, or the last error.
pub fn connect(name: &str, timeout: Duration) -> anyhow::Result<(TcpStream, SocketAddr)> {
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
pub fn explain(error: io::Error, timeout: Duration) -> anyhow::Error {
    match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
            anyhow!("no answer within {} seconds", timeout.as_secs_f64())
        }
        _ => error.into(),
    }
}
