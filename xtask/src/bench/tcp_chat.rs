//! The reference room of tcp-chat, `--quiet`, against `ncat --broker` and a relay over tokio's broadcast channel.

use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Duration;

use anyhow::{Context, bail};
use supervise::{Child, Line};

use super::contest::{Better, Contestant, Figure, absent, heading, limit, rows};
use super::idle::memory_of_each;
use super::programs::{Server, build, figures, find};

/// How long one measurement takes, in seconds.
const SECONDS: &str = "0.4";

/// How long a thousand clients may take to come in, and a measurement to end.
const PATIENCE: Duration = Duration::from_secs(60);

/// What an idle client may cost, in KiB.
const MEMORY: f64 = 32.0;

/// A room, and the clients in it.
struct Room {
    clients: Child,
    /// It is held only to be ended with the room.
    _server: Server,
}

pub fn run(runs: u32) -> anyhow::Result<ExitCode> {
    let programs = build("tcp-chat-solution")?;
    let ours = || Server::start(Command::new(programs.join("tcp-chat-server")), &["--bind", "127.0.0.1:0", "--quiet"]);
    for receivers in ["100", "1000"] {
        let enter =
            |server: anyhow::Result<Server>| server.and_then(|server| Room::enter(&programs, server, receivers));
        let mut contestants = [
            Contestant::new("ours", enter(ours())),
            Contestant::new("ncat", enter(ncat())),
            Contestant::new("tokio", enter(Server::start(Command::new(programs.join("tokio-chat")), &[]))),
        ];
        for burst in ["1", "32"] {
            heading(&format!("{receivers} receivers, bursts of {burst}"), &contestants);
            let figure = |row, better| Figure { row, better, due: 1.0 };
            let wanted = [
                figure("lines delivered a second", Better::More),
                figure("p50 of delivery, microseconds", Better::Less),
                figure("p99 of delivery, microseconds", Better::Less),
            ];
            rows(&mut contestants, runs, wanted, |room| room.talk(burst));
        }
        absent(&contestants);
    }
    let memory = memory_of_each(&programs, &ours()?, None)?;
    limit("\n1000 idle clients, KiB each", memory, MEMORY);
    Ok(ExitCode::SUCCESS)
}

fn ncat() -> anyhow::Result<Server> {
    let ncat = find("ncat", "apt-get install ncat")?;
    let arguments = ["--listen", "--broker", "--max-conns", "2000", "127.0.0.1", "{port}"];
    let server = Server::start_on_free_port(Command::new(ncat), &arguments)?;
    server.await_connection()?;
    Ok(server)
}

impl Room {
    fn enter(programs: &Path, server: Server, receivers: &str) -> anyhow::Result<Room> {
        let mut load = Command::new(programs.join("chat-load"));
        load.args([&server.address.to_string(), receivers]);
        let clients = Child::start(load).context("cannot start the clients")?;
        match clients.next_line(PATIENCE) {
            Line::Text(line) if line == "ready" => Ok(Room { clients, _server: server }),
            _ => bail!("not everybody came in: {}", clients.stderr().trim()),
        }
    }

    fn talk(&mut self, burst: &str) -> anyhow::Result<[f64; 3]> {
        self.clients.write(format!("{burst} {SECONDS}\n").as_bytes());
        match self.clients.next_line(PATIENCE) {
            Line::Text(line) => figures(&line),
            _ => bail!("the clients failed: {}", self.clients.stderr().trim()),
        }
    }
}
