//! The reference server of tftp, `--quiet`, against in.tftpd, atftpd, dnsmasq and rs-tftpd, asked by one client of our
//! own that does nothing but move bytes; and the reference client against those of atftp and busybox, all at our
//! server.
//!
//! In a single transfer, client and server take turns: one waits while the other works. On one processor it is seen how
//! much work that is; on all of them, mostly how long each takes to wake the other.

use std::env;
use std::fs;
use std::net::{SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use anyhow::{Context, ensure};
use supervise::Child;

use super::contest::{Better, Contestant, Figure, absent, heading, limit, rows};
use super::programs::{Processors, Server, build, find, run as load};

const ATFTPD: &str = "apt-get install atftpd (where tftpd-hpa is in its way: apt-get download atftpd, dpkg -x \
                      atftpd_*.deb DIR, and DIR/usr/sbin into PATH)";

/// Memory that a transfer may take, in KiB.
const MEMORY: f64 = 1024.0;

/// Block size, window size, and how many mebibytes: as much as takes about a tenth of a second.
type Shape = (&'static str, &'static str, usize);
const SHAPES: [Shape; 4] = [("512", "1", 8), ("512", "16", 32), ("1428", "1", 16), ("1428", "16", 32)];

pub fn run(runs: u32) -> anyhow::Result<ExitCode> {
    let mut bench = Bench { programs: build("tftp-solution")?, folder: Folder::new()?, processors: Processors::One };
    bench.servers(runs, 1)?;
    bench.clients(runs)?;
    bench.processors = Processors::All;
    bench.servers(runs, 1)?;
    bench.servers(runs, 8)?;
    bench.memory()?;
    Ok(ExitCode::SUCCESS)
}

struct Bench {
    programs: PathBuf,
    folder: Folder,
    processors: Processors,
}

impl Bench {
    fn servers(&self, runs: u32, at_a_time: usize) -> anyhow::Result<()> {
        let mut contestants = [
            Contestant::new("ours", self.ours()),
            Contestant::new("in.tftpd", self.in_tftpd()),
            Contestant::new("atftpd", self.atftpd()),
            Contestant::new("rs-tftpd", self.rs_tftpd()),
            // It takes no uploads.
            Contestant::new("dnsmasq", self.dnsmasq()),
        ];
        let place = if let Processors::One = self.processors { " (1 CPU)" } else { "" };
        for (verb, title, who) in [("get", "downloads", 5), ("put", "uploads", 4)] {
            let contestants = &mut contestants[..who];
            heading(&format!("{title}, {at_a_time} at a time{place}, MB/s"), contestants);
            for shape in SHAPES {
                let figure = Figure { row: &row_of(shape), better: Better::More, due: 1.0 };
                rows(contestants, runs, [figure], |server| self.measure(server, verb, shape, at_a_time));
            }
        }
        absent(&contestants);
        Ok(())
    }

    fn command(&self, program: &Path) -> Command {
        self.processors.command(program)
    }

    fn ours(&self) -> anyhow::Result<Server> {
        let root = self.folder.text();
        Server::start(
            self.command(&self.programs.join("tftp-server")),
            &["--bind", "127.0.0.1:0", "--quiet", "--root", root],
        )
    }

    fn in_tftpd(&self) -> anyhow::Result<Server> {
        let program = find("in.tftpd", "apt-get install tftpd-hpa")?;
        let arguments = ["--foreground", "--listen", "--address", "127.0.0.1:{port}", "--create", "--secure"];
        Server::start_on_free_port(self.command(&program), &[&arguments[..], &[self.folder.text()]].concat())
    }

    fn atftpd(&self) -> anyhow::Result<Server> {
        let program = find("atftpd", ATFTPD)?;
        let arguments = ["--daemon", "--no-fork", "--bind-address", "127.0.0.1", "--port", "{port}"];
        Server::start_on_free_port(self.command(&program), &[&arguments[..], &[self.folder.text()]].concat())
    }

    fn rs_tftpd(&self) -> anyhow::Result<Server> {
        let program = find("tftpd", "cargo install tftpd")?;
        let arguments = ["--quiet", "-i", "127.0.0.1", "-p", "{port}", "-d", self.folder.text()];
        Server::start_on_free_port(self.command(&program), &arguments)
    }

    /// Its port is 69, whatever one says; so it gets an address on which nobody else listens.
    fn dnsmasq(&self) -> anyhow::Result<Server> {
        let program = find("dnsmasq", "apt-get install dnsmasq-base")?;
        let [.., high, low] = std::process::id().to_be_bytes();
        let address = SocketAddr::from(([127, 69, high, low | 1], 69));
        UdpSocket::bind(address)
            .with_context(|| format!("it serves at port 69 only, and {address} is not to be had"))?;
        let mut command = self.command(&program);
        command.args([
            "--no-daemon",
            "--conf-file=/dev/null",
            "--pid-file=",
            "--port=0",
            "--enable-tftp",
            "--quiet-tftp",
        ]);
        command.args(["--bind-interfaces", &format!("--listen-address={}", address.ip())]);
        command.arg(format!("--tftp-root={}", self.folder.text()));
        Ok(Server { child: Child::start(command)?, address })
    }

    /// Megabytes a second.
    fn measure(&self, server: &Server, verb: &str, shape: Shape, at_a_time: usize) -> anyhow::Result<[f64; 1]> {
        let (block, window, mebibytes) = shape;
        let mebibytes = (mebibytes / at_a_time.min(4)).to_string();
        let name = if verb == "get" { &mebibytes } else { "up" };
        let mut client = self.command(&self.programs.join("tftp-load"));
        client.args([&server.address.to_string(), verb, name, &mebibytes, block, window, &at_a_time.to_string()]);
        let measured = load(&mut client);
        self.folder.remove_uploads()?;
        measured
    }

    fn clients(&self, runs: u32) -> anyhow::Result<()> {
        let server = self.ours()?;
        let mut contestants = [
            Contestant::new("ours", Ok(Client::Ours(self.programs.join("tftp-client")))),
            Contestant::new("atftp", find("atftp", "apt-get install atftp").map(Client::Atftp)),
            // It knows no windows.
            Contestant::new("busybox", find("busybox", "apt-get install busybox").map(Client::Busybox)),
        ];
        for verb in ["get", "put"] {
            for (window, who) in [("1", 3), ("16", 2)] {
                let contestants = &mut contestants[..who];
                heading(&format!("clients that {verb}, MB/s"), contestants);
                for shape in SHAPES.into_iter().filter(|shape| shape.1 == window) {
                    let figure = Figure { row: &row_of(shape), better: Better::More, due: 0.95 };
                    rows(contestants, runs, [figure], |client| self.timed(client, &server, verb, shape));
                }
            }
        }
        absent(&contestants);
        Ok(())
    }

    /// Megabytes a second, from the start of the client to its end.
    fn timed(&self, client: &Client, server: &Server, verb: &str, shape: Shape) -> anyhow::Result<[f64; 1]> {
        let file = shape.2.to_string();
        let (remote, local) = if verb == "get" { (&*file, "up-down") } else { ("up", &*file) };
        let mut command = self.command(client.program());
        command.args(client.arguments(server.address, verb, remote, local, shape));
        command.current_dir(&self.folder.0).stdin(Stdio::null()).stdout(Stdio::null());
        let began = Instant::now();
        let output = command.output().with_context(|| format!("cannot start {command:?}"))?;
        let took = began.elapsed();
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr).trim());
        self.folder.remove_uploads()?;
        Ok([(shape.2 << 20) as f64 / 1e6 / took.as_secs_f64()])
    }

    /// What the largest files and blocks cost a server that has just been started.
    fn memory(&self) -> anyhow::Result<()> {
        let server = self.ours()?;
        let before = server.peak_memory()?;
        for verb in ["get", "put"] {
            for shape in [("1428", "16", 32), ("65464", "16", 32)] {
                self.measure(&server, verb, shape, 1)?;
            }
        }
        let kibibytes = (server.peak_memory()? - before) as f64 / 1024.0;
        limit("\nmemory of a transfer at most, KiB", kibibytes, MEMORY);
        Ok(())
    }
}

/// A client that a user would start.
enum Client {
    Ours(PathBuf),
    Atftp(PathBuf),
    Busybox(PathBuf),
}

impl Client {
    fn program(&self) -> &Path {
        match self {
            Client::Ours(program) | Client::Atftp(program) | Client::Busybox(program) => program,
        }
    }

    fn arguments(&self, server: SocketAddr, verb: &str, remote: &str, local: &str, shape: Shape) -> Vec<String> {
        let (block, window, _) = shape;
        let flag = if verb == "get" { "-g" } else { "-p" };
        let names = if verb == "get" { format!("{remote} {local}") } else { format!("{local} {remote}") };
        let line = match self {
            Client::Ours(_) => format!("{verb} {names} --connect {server} --blksize {block} --windowsize {window}"),
            Client::Atftp(_) => format!("{flag} -r {remote} -l {local}"),
            Client::Busybox(_) => format!("tftp {flag} -r {remote} -l {local} -b {block}"),
        };
        let mut arguments: Vec<String> = line.split(' ').map(str::to_owned).collect();
        if let Client::Atftp(_) = self {
            arguments.extend(["--option".to_owned(), format!("blksize {block}")]);
            arguments.extend(["--option".to_owned(), format!("windowsize {window}")]);
        }
        if !matches!(self, Client::Ours(_)) {
            arguments.extend([server.ip().to_string(), server.port().to_string()]);
        }
        arguments
    }
}

/// `blksize 512, window 1`
fn row_of((block, window, _): Shape) -> String {
    format!("blksize {block}, windowsize {window}")
}

/// A folder that everybody may read and write, as some servers make themselves nobody; with files named after how many
/// mebibytes are in them. Removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> anyhow::Result<Folder> {
        let folder = Folder(env::temp_dir().join(format!("bench-tftp-{}", std::process::id())));
        fs::create_dir(&folder.0).with_context(|| format!("cannot make {}", folder.text()))?;
        #[cfg(unix)]
        fs::set_permissions(&folder.0, std::os::unix::fs::PermissionsExt::from_mode(0o777))?;
        for mebibytes in [2, 4, 8, 16, 32] {
            fs::write(folder.0.join(mebibytes.to_string()), vec![b'x'; mebibytes << 20])?;
        }
        Ok(folder)
    }

    fn text(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }

    /// Removes what a measurement has left.
    fn remove_uploads(&self) -> anyhow::Result<()> {
        for entry in fs::read_dir(&self.0)? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with("up") {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // It is in the temporary folder: what cannot be removed is removed by the system some day.
        let _ = fs::remove_dir_all(&self.0);
    }
}
