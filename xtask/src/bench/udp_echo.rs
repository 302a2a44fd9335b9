//! The reference server of udp-echo, `--quiet`, against a loop that checks nothing, asked by the same client.

use std::process::{Command, ExitCode};

use super::contest::{Better, Contestant, Figure, heading, rows};
use super::programs::{Server, build, run as load};

/// How long one measurement takes.
const SECONDS: &str = "0.5";

pub fn run(runs: u32) -> anyhow::Result<ExitCode> {
    let programs = build("udp-echo-solution")?;
    let mut contestants = [
        Contestant::new(
            "ours",
            Server::start(Command::new(programs.join("udp-echo-server")), &["--bind", "127.0.0.1:0", "--quiet"]),
        ),
        Contestant::new("bare loop", Server::start(Command::new(programs.join("bare-udp-echo")), &[])),
    ];
    heading("echoes a second", &contestants);
    for in_flight in ["1", "32"] {
        let row = format!("{in_flight} in flight");
        let figure = Figure { row: &row, better: Better::More, due: 0.9 };
        rows(&mut contestants, runs, [figure], |server| {
            load(Command::new(programs.join("udp-echo-load")).args([&server.address.to_string(), in_flight, SECONDS]))
        });
    }
    Ok(ExitCode::SUCCESS)
}
