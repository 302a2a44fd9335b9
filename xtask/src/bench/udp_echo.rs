//! The reference server of udp-echo, `--quiet`, against a loop that checks nothing. Both are asked in turn, A B A B, by
//! the same client; what counts is the median of the ratios.

use std::env;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use supervise::{Child, Line};

use super::median;
use crate::build::cargo;
use crate::print;

/// How long one measurement takes.
const SECONDS: &str = "0.5";

pub fn run(runs: u32) -> anyhow::Result<ExitCode> {
    let programs = build()?;
    print("in flight   reference/s      bare/s   ratio\n");
    for in_flight in ["1", "32"] {
        let reference = server(Command::new(programs.join("udp-echo-server")), &["--bind", "127.0.0.1:0", "--quiet"])?;
        let bare = server(Command::new(programs.join("bare-udp-echo")), &[])?;
        let load = |server: &(Child, SocketAddr)| measure(&programs, server.1, in_flight);
        load(&reference)?;
        load(&bare)?;
        let mut rates = Vec::new();
        for _ in 0..runs {
            rates.push((load(&reference)?, load(&bare)?));
        }
        let of = |pick: fn(&(f64, f64)) -> f64| median(rates.iter().map(pick).collect());
        print(&format!(
            "{in_flight:>9} {:>13.0} {:>11.0} {:>7.3}\n",
            of(|pair| pair.0),
            of(|pair| pair.1),
            of(|pair| pair.0 / pair.1)
        ));
    }
    Ok(ExitCode::SUCCESS)
}

/// Builds everything with optimisations; returns the folder with the programs.
fn build() -> anyhow::Result<PathBuf> {
    let mut cargo = cargo();
    cargo.args([
        "build",
        "--release",
        "--quiet",
        "--package",
        "udp-echo-solution",
        "--package",
        "benchmarks",
        "--bins",
    ]);
    let status = cargo.status().context("cannot start cargo")?;
    ensure!(status.success(), "the programs could not be built; cargo's message is above");
    let xtask = env::current_exe().context("cannot find my own program")?;
    let target = xtask.ancestors().nth(2).context("my own program is not in a target folder")?;
    Ok(target.join("release"))
}

fn server(mut command: Command, arguments: &[&str]) -> anyhow::Result<(Child, SocketAddr)> {
    command.args(arguments);
    let child = Child::start(command).context("cannot start a server")?;
    let Line::Text(line) = child.next_line(Duration::from_secs(10)) else {
        bail!("a server did not say where it listens");
    };
    let address = line.strip_prefix("listening on ").and_then(|address| address.parse().ok());
    Ok((child, address.with_context(|| format!("a server said `{line}`"))?))
}

/// Echoes a second.
fn measure(programs: &Path, server: SocketAddr, in_flight: &str) -> anyhow::Result<f64> {
    let mut load = Command::new(programs.join("udp-echo-load"));
    let output = load.args([&server.to_string(), in_flight, SECONDS]).output().context("cannot start the client")?;
    let told = String::from_utf8_lossy(&output.stdout);
    told.trim()
        .parse()
        .with_context(|| format!("the client failed: {}", String::from_utf8_lossy(&output.stderr).trim()))
}
