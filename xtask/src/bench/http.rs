//! The reference server of http, `--quiet`, against nginx with one worker and no log, both asked by wrk.

use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::{env, fs};

use anyhow::{Context, ensure};
use supervise::Child;

use super::contest::{Better, Contestant, Figure, absent, heading, limit, rows};
use super::idle;
use super::programs::{Server, build, figures, find};
use crate::chapters::root;

/// How long a connection may be idle: longer than everything here takes.
const TIMEOUT: &str = "600";

/// What an idle client may cost, in KiB.
const MEMORY: f64 = 16.0;

/// A server, and the clients that are idle meanwhile.
struct Entrant {
    server: Server,
    idle: Option<Child>,
}

/// What is asked for: the row, the path, connections, seconds, whether each request has a connection of its own, and the
/// ratio to nginx that is due.
const LOADS: [Load; 4] = [
    Load { row: "1 KiB, 64 connections that stay", path: "/small.txt", connections: 64, closing: false, due: 1.5 },
    Load { row: "1 KiB, a connection each, 64 at once", path: "/small.txt", connections: 64, closing: true, due: 0.75 },
    Load { row: "dynamic, 64 connections that stay", path: "/app/time", connections: 64, closing: false, due: 0.95 },
    Load { row: "64 MiB, 1 connection", path: "/large.bin", connections: 1, closing: false, due: 0.95 },
];

struct Load {
    row: &'static str,
    path: &'static str,
    connections: u32,
    closing: bool,
    due: f64,
}

pub fn run(runs: u32) -> anyhow::Result<ExitCode> {
    let bench = Bench { programs: build("http-solution")?, folder: Folder::new()? };
    let wrk = match find("wrk", "apt-get install wrk") {
        Ok(wrk) => wrk,
        Err(why) => {
            crate::print(&format!("without wrk nothing can be measured: {why:#}\n"));
            return Ok(ExitCode::SUCCESS);
        }
    };
    let entrant = |server: anyhow::Result<Server>| server.map(|server| Entrant { server, idle: None });
    let mut contestants =
        [Contestant::new("ours", entrant(bench.ours())), Contestant::new("nginx", entrant(bench.nginx()))];
    heading("answers a second", &contestants);
    for load in &LOADS {
        let figure = Figure { row: load.row, better: Better::More, due: load.due };
        rows(&mut contestants, runs, [figure], |entrant| Ok([load.measure(&wrk, &entrant.server)?[0]]));
    }
    bench.beside_idle_clients(&wrk, runs, &mut contestants)?;
    absent(&contestants);
    let memory = idle::memory_of_each(&bench.programs, &bench.ours()?, Some("/small.txt"))?;
    limit("\n1000 idle clients, KiB each", memory, MEMORY);
    Ok(ExitCode::SUCCESS)
}

impl Load {
    /// Answers a second, and microseconds at p99.
    fn measure(&self, wrk: &PathBuf, server: &Server) -> anyhow::Result<[f64; 2]> {
        let mut command = Command::new(wrk);
        command.args(["--threads", "1", "--duration", "1", "--connections", &self.connections.to_string()]);
        command.arg("--script").arg(root().join("benchmarks/wrk.lua"));
        if self.closing {
            command.args(["--header", "Connection: close"]);
        }
        let output =
            command.arg(format!("http://{}{}", server.address, self.path)).output().context("cannot start wrk")?;
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        ensure!(output.status.success(), "wrk failed: {}", err.trim());
        figures(out.lines().find_map(|line| line.strip_prefix("figures ")).context("wrk told no figures")?)
    }
}

struct Bench {
    programs: PathBuf,
    folder: Folder,
}

impl Bench {
    fn ours(&self) -> anyhow::Result<Server> {
        let root = self.folder.text();
        let arguments = ["--bind", "127.0.0.1:0", "--quiet", "--timeout", TIMEOUT, "--root", root];
        Server::start(Command::new(self.programs.join("http-server")), &arguments)
    }

    fn nginx(&self) -> anyhow::Result<Server> {
        let nginx = find("nginx", "apt-get install nginx-light")?;
        let folder = self.folder.text();
        let server = Server::start_with(Command::new(nginx), |port| {
            fs::write(self.folder.0.join("nginx.conf"), configuration(folder, port))?;
            Ok(vec!["-p".into(), folder.into(), "-c".into(), format!("{folder}/nginx.conf")])
        })?;
        server.await_connection()?;
        Ok(server)
    }

    /// A thousand clients that say nothing must not slow down the one that does.
    fn beside_idle_clients(
        &self,
        wrk: &PathBuf,
        runs: u32,
        contestants: &mut [Contestant<Entrant>],
    ) -> anyhow::Result<()> {
        for contestant in contestants.iter_mut() {
            if let Ok(entrant) = &mut contestant.what {
                entrant.idle = Some(idle::clients(&self.programs, &entrant.server, Some("/small.txt"))?);
            }
        }
        heading("beside 1000 idle clients", contestants);
        let load = Load { row: "", path: "/small.txt", connections: 1, closing: false, due: 1.0 };
        let wanted = [
            Figure { row: "1 KiB, answers a second", better: Better::More, due: 1.0 },
            Figure { row: "p99 of an answer, microseconds", better: Better::Less, due: 1.0 },
        ];
        rows(contestants, runs, wanted, |entrant| load.measure(wrk, &entrant.server));
        contestants
            .iter_mut()
            .filter_map(|contestant| contestant.what.as_mut().ok())
            .for_each(|entrant| entrant.idle = None);
        Ok(())
    }
}

/// nginx with one worker, in the foreground, without logs, as fast as its manual has it.
fn configuration(folder: &str, port: u16) -> String {
    format!(
        r#"
        daemon off;
        worker_processes 1;
        pid {folder}/nginx.pid;
        error_log stderr crit;
        events {{ worker_connections 4096; }}
        http {{
            access_log off;
            sendfile on;
            keepalive_requests 1000000000;
            keepalive_timeout {TIMEOUT};
            client_body_temp_path {folder}/body;
            proxy_temp_path {folder}/proxy;
            fastcgi_temp_path {folder}/fastcgi;
            uwsgi_temp_path {folder}/uwsgi;
            scgi_temp_path {folder}/scgi;
            server {{
                listen 127.0.0.1:{port};
                root {folder};
                location = /app/time {{ default_type text/plain; return 200 "Current time is $time_iso8601"; }}
            }}
        }}
        "#
    )
}

/// The site. Removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> anyhow::Result<Folder> {
        let folder = Folder(env::temp_dir().join(format!("bench-http-{}", std::process::id())));
        fs::create_dir(&folder.0).with_context(|| format!("cannot make {}", folder.text()))?;
        fs::write(folder.0.join("small.txt"), [b'x'; 1 << 10])?;
        fs::write(folder.0.join("large.bin"), vec![b'x'; 64 << 20])?;
        Ok(folder)
    }

    fn text(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // It is in the temporary folder: what cannot be removed is removed by the system some day.
        let _ = fs::remove_dir_all(&self.0);
    }
}
