//! What a thousand clients cost that are connected and say nothing.

use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

use super::programs::Server;

/// How many clients.
const CLIENTS: usize = 1000;

/// How long they may take to be accepted, and the server to come to rest.
const PATIENCE: Duration = Duration::from_secs(30);

/// How much memory each of a thousand idle clients costs the server, in KiB. `greet` makes a client what it is to be.
pub fn memory_of_each(server: &Server, greet: impl Fn(&mut TcpStream) -> anyhow::Result<()>) -> anyhow::Result<f64> {
    let (before, open) = (server.proportional_memory()?, server.descriptors()?);
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        let mut client = TcpStream::connect(server.address).context("an idle client cannot connect")?;
        greet(&mut client)?;
        clients.push(client);
    }
    let deadline = Instant::now() + PATIENCE;
    while server.descriptors()? < open + CLIENTS {
        ensure!(Instant::now() < deadline, "not all of {CLIENTS} clients were accepted");
        thread::sleep(Duration::from_millis(50));
    }
    // The last ones may still be made room for: it is over when the figure has settled.
    let mut after = server.proportional_memory()?;
    loop {
        thread::sleep(Duration::from_millis(300));
        let now = server.proportional_memory()?;
        if now == after || Instant::now() > deadline {
            return Ok(now.saturating_sub(before) as f64 / 1024.0 / CLIENTS as f64);
        }
        after = now;
    }
}
