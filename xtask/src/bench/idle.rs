//! A thousand clients that are connected and say nothing, and what they cost.

use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use supervise::{Child, Line};

use super::programs::Server;

/// How many clients.
const CLIENTS: usize = 1000;

/// How long they may take to come in, and the server to come to rest.
const PATIENCE: Duration = Duration::from_secs(60);

/// Connects the clients; they stay as long as the value that is returned. With a `path`, each has asked for it.
pub fn clients(programs: &Path, server: &Server, path: Option<&str>) -> anyhow::Result<Child> {
    let mut command = Command::new(programs.join("idle-clients"));
    command.args([&server.address.to_string(), &CLIENTS.to_string()]).args(path);
    let clients = Child::start(command).context("cannot start the idle clients")?;
    let Line::Text(_) = clients.next_line(PATIENCE) else {
        bail!("the idle clients failed: {}", clients.stderr().trim());
    };
    Ok(clients)
}

/// How much memory each of a thousand idle clients costs the server, in KiB.
pub fn memory_of_each(programs: &Path, server: &Server, path: Option<&str>) -> anyhow::Result<f64> {
    let (before, open) = (server.proportional_memory()?, server.descriptors()?);
    let _clients = clients(programs, server, path)?;
    let deadline = Instant::now() + PATIENCE;
    while server.descriptors()? < open + CLIENTS {
        ensure!(Instant::now() < deadline, "not all of {CLIENTS} clients were accepted");
        thread::sleep(Duration::from_millis(50));
    }
    // For the last ones there may still be work to be done: it is over when the figure has settled.
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
