//! How long a student waits: from saving a program to its verdict, the stages alone, and from a fresh clone to the first
//! verdict of all.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

use super::median;
use crate::chapters::root;
use crate::print;

/// The chapter that is measured.
const CHAPTER: &str = "udp-echo";
const EXERCISE: &str = "exercises/03-udp-echo";
const SOLUTION: &str = "solutions/03-udp-echo";

pub fn run(runs: u32) -> anyhow::Result<ExitCode> {
    let clone = Clone::new()?;
    let first = clone.timed(&["xtask", "check", CHAPTER], 1)?;
    print(&format!("fresh clone, crates downloaded, to the first verdict: {:.2} s\n", first.as_secs_f64()));

    // A student who has solved it, and saves the server once more.
    copy_folder(&root().join(SOLUTION).join("src"), &clone.0.join(EXERCISE).join("src"))?;
    clone.timed(&["xtask", "check", CHAPTER], 0)?;
    let server = clone.0.join(EXERCISE).join("src/bin/server.rs");
    let mut saved = Vec::new();
    for run in 0..runs {
        let text = fs::read_to_string(&server)?;
        fs::write(&server, format!("{text}\n// saved {run}\n"))?;
        saved.push(clone.timed(&["xtask", "check", CHAPTER], 0)?.as_secs_f64());
    }
    print(&format!(
        "saved the server, to the verdict, build included:     {:.2} s (median of {runs})\n",
        median(saved)
    ));

    // The checker itself, with nothing to build by cargo.
    let xtask = clone.0.join("target/debug/xtask");
    let programs = clone.0.join("target/debug");
    clone.timed(&["build", "--quiet", "--package", "udp-echo-solution", "--bins"], 0)?;
    let mut stages = Vec::new();
    for _ in 0..runs {
        let given = |program: &str| programs.join(program).to_string_lossy().into_owned();
        let mut command = Command::new(&xtask);
        command.args(["check", CHAPTER, "--server", &given("udp-echo-server"), "--client", &given("udp-echo-client")]);
        stages.push(timed(command, 0)?.as_secs_f64());
    }
    print(&format!(
        "the stages alone, all passing:                        {:.2} s (median of {runs})\n",
        median(stages)
    ));
    Ok(ExitCode::SUCCESS)
}

/// A clone of what is committed, removed at the end.
struct Clone(PathBuf);

impl Clone {
    fn new() -> anyhow::Result<Clone> {
        let place = env::temp_dir().join(format!("bench-check-{}", std::process::id()));
        let clone = Clone(place);
        let mut git = Command::new("git");
        git.args(["clone", "--quiet"]).arg(root()).arg(&clone.0);
        ensure!(git.status().context("cannot start git")?.success(), "cannot clone {}", root().display());
        Ok(clone)
    }

    fn timed(&self, arguments: &[&str], due: i32) -> anyhow::Result<Duration> {
        let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.args(arguments).current_dir(&self.0).env("CARGO_TARGET_DIR", self.0.join("target"));
        timed(cargo, due)
    }
}

impl Drop for Clone {
    fn drop(&mut self) {
        // It is in the temporary folder: what cannot be removed is removed by the system some day.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// How long the command takes; it must end with the status that is due.
fn timed(mut command: Command, due: i32) -> anyhow::Result<Duration> {
    let began = Instant::now();
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("cannot start {command:?}"))?;
    let took = began.elapsed();
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.code() == Some(due), "{command:?} ended with {}:\n{said}", output.status);
    Ok(took)
}

fn copy_folder(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from).with_context(|| format!("cannot list {}", from.display()))? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
