//! The programs that a benchmark starts: ours, built with optimisations, and those of others, if they are installed.

use std::env;
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use supervise::{Child, Line};

use crate::build::cargo;

/// Builds a chapter's solution, and what it is measured with; returns the folder with the programs.
pub fn build(solution: &str) -> anyhow::Result<PathBuf> {
    let mut cargo = cargo();
    cargo.args(["build", "--release", "--quiet", "--package", solution, "--package", "benchmarks", "--bins"]);
    let status = cargo.status().context("cannot start cargo")?;
    ensure!(status.success(), "the programs could not be built; cargo's message is above");
    let xtask = env::current_exe().context("cannot find my own program")?;
    let target = xtask.ancestors().nth(2).context("my own program is not in a target folder")?;
    Ok(target.join("release"))
}

/// A server, and where it listens.
pub struct Server {
    pub child: Child,
    pub address: SocketAddr,
}

impl Server {
    /// Starts a server that says where it listens.
    pub fn start(mut command: Command, arguments: &[&str]) -> anyhow::Result<Server> {
        command.args(arguments);
        let program = format!("{command:?}");
        let child = Child::start(command).with_context(|| format!("cannot start {program}"))?;
        let Line::Text(line) = child.next_line(Duration::from_secs(10)) else {
            bail!("{program} did not say where it listens: {}", child.stderr().trim());
        };
        let address = line.strip_prefix("listening on ").and_then(|address| address.parse().ok());
        Ok(Server { child, address: address.with_context(|| format!("{program} said `{line}`"))? })
    }

    /// Starts somebody else's server on a port that is free. `{port}` among the arguments stands for it.
    pub fn start_on_free_port(command: Command, arguments: &[&str]) -> anyhow::Result<Server> {
        Server::start_with(command, |port| {
            let port = port.to_string();
            Ok(arguments.iter().map(|argument| argument.replace("{port}", &port)).collect())
        })
    }

    /// Starts somebody else's server with the arguments for a port that is free.
    pub fn start_with(
        mut command: Command,
        arguments: impl FnOnce(u16) -> anyhow::Result<Vec<String>>,
    ) -> anyhow::Result<Server> {
        // Whatever is free for UDP is most likely free for TCP, too; nobody else is about to take it.
        let address = UdpSocket::bind("127.0.0.1:0")?.local_addr()?;
        command.args(arguments(address.port())?);
        let program = format!("{command:?}");
        let child = Child::start(command).with_context(|| format!("cannot start {program}"))?;
        Ok(Server { child, address })
    }

    /// Waits until the server accepts connections.
    pub fn await_connection(&self) -> anyhow::Result<()> {
        let deadline = Instant::now() + Duration::from_secs(10);
        while TcpStream::connect(self.address).is_err() {
            let ended = self.child.has_ended() || Instant::now() > deadline;
            ensure!(!ended, "nobody listens on {}: {}", self.address, self.child.stderr().trim());
            thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// How much memory is the server's own, in bytes: of what it shares with other processes, its share.
    pub fn proportional_memory(&self) -> anyhow::Result<u64> {
        kibibytes(&format!("/proc/{}/smaps_rollup", self.child.id()), "Pss:")
    }

    /// How much memory the server had at most, in bytes.
    pub fn peak_memory(&self) -> anyhow::Result<u64> {
        kibibytes(&format!("/proc/{}/status", self.child.id()), "VmHWM:")
    }

    /// How many files and sockets the server has open.
    pub fn descriptors(&self) -> anyhow::Result<usize> {
        let folder = format!("/proc/{}/fd", self.child.id());
        Ok(std::fs::read_dir(&folder).with_context(|| format!("cannot list {folder}"))?.count())
    }
}

fn kibibytes(file: &str, field: &str) -> anyhow::Result<u64> {
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {file}"))?;
    let line = text.lines().find_map(|line| line.strip_prefix(field));
    let number = line.and_then(|line| line.trim().strip_suffix(" kB")).and_then(|number| number.parse::<u64>().ok());
    Ok(number.with_context(|| format!("no {field} in {file}"))? << 10)
}

/// On which processors a program may run.
#[derive(Clone, Copy)]
pub enum Processors {
    All,
    /// On one, always the same; on all where the system has no `taskset`.
    One,
}

impl Processors {
    /// The command that runs the program there.
    pub fn command(self, program: &Path) -> Command {
        match (self, find("taskset", "")) {
            (Processors::One, Ok(taskset)) => {
                let mut command = Command::new(taskset);
                command.args(["--cpu-list", &first_processor()]).arg(program);
                command
            }
            _ => Command::new(program),
        }
    }
}

/// The first one that is ours to use.
fn first_processor() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let list = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:")).unwrap_or_default().trim();
    list.chars().take_while(char::is_ascii_digit).collect()
}

/// Where somebody else's program is. If it is not there, the error says how to get it.
pub fn find(program: &str, how_to_install: &str) -> anyhow::Result<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    // Servers are often in a folder that only root has in the path.
    let folders = env::split_paths(&path).chain(["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from));
    let found = folders.map(|folder| folder.join(program)).find(|file| file.is_file());
    found.with_context(|| format!("it is not installed: {how_to_install}"))
}

/// The last line that a program prints, in numbers.
pub fn figures<const N: usize>(said: &str) -> anyhow::Result<[f64; N]> {
    let numbers: Vec<f64> = said.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    numbers.try_into().map_err(|_| anyhow::anyhow!("said `{}`", said.trim()))
}

/// Runs a load to its end, and returns its figures.
pub fn run<const N: usize>(load: &mut Command) -> anyhow::Result<[f64; N]> {
    let output = load.output().with_context(|| format!("cannot start {load:?}"))?;
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    ensure!(output.status.success(), "{}", err.lines().next().unwrap_or("it said nothing"));
    figures(&out)
}
