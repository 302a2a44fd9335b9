//! The reference server of sticky-packets, `--quiet`, against tokio-util's `LengthDelimitedCodec`.

use std::process::{Command, ExitCode};

use super::contest::{Better, Contestant, Figure, heading, limit, rows};
use super::idle::memory_of_each;
use super::programs::{Server, build, run as load};

/// How long one measurement takes.
const SECONDS: &str = "0.4";

/// What an idle client may cost, in KiB.
const MEMORY: f64 = 32.0;

pub fn run(runs: u32) -> anyhow::Result<ExitCode> {
    let programs = build("sticky-packets-solution")?;
    let ours =
        || Server::start(Command::new(programs.join("sticky-packets-server")), &["--bind", "127.0.0.1:0", "--quiet"]);
    let mut contestants = [
        Contestant::new("ours", ours()),
        Contestant::new("tokio-util", Server::start(Command::new(programs.join("tokio-frames")), &[])),
    ];
    heading("frames a second", &contestants);
    for (size, in_flight) in [("32", "1"), ("32", "64"), ("65536", "1"), ("65536", "16")] {
        let row = format!("{size} bytes, {in_flight} in flight");
        let figure = Figure { row: &row, better: Better::More, due: 1.0 };
        rows(&mut contestants, runs, [figure], |server| {
            let address = server.address.to_string();
            load(Command::new(programs.join("frames-load")).args([&address, size, in_flight, SECONDS]))
        });
    }
    let memory = memory_of_each(&programs, &ours()?, None)?;
    limit("1000 idle clients, KiB each", memory, MEMORY);
    Ok(ExitCode::SUCCESS)
}
