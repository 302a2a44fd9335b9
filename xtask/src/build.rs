//! Builds the programs of a chapter, one package at a time, and gives each a place of its own.
//!
//! Every exercise has a program called `server`: the next chapter's would take its place in the target folder.

use std::io::{self, BufRead, BufReader, IsTerminal, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::{env, fs};

use anyhow::{Context, bail};
use jzon::JsonValue;
use scenario::{Launch, Programs};

use crate::chapters::{Found, root};

/// What came of building.
pub enum Built {
    /// The programs, ready to be started.
    Ready(Programs),
    /// The compiler refused; this is what it said first.
    Refused(String),
}

/// Whose programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    Students,
    Solution,
}

/// Builds server and client of the chapter. The compiler's messages go to stderr as they come.
pub fn programs(found: &Found, whose: Whose) -> anyhow::Result<Built> {
    let name = found.chapter.name();
    let (package, prefix) = match whose {
        Whose::Students => (name.to_owned(), String::new()),
        Whose::Solution => (format!("{name}-solution"), format!("{name}-")),
    };
    let terminal = io::stderr().is_terminal();
    let mut cargo = cargo();
    cargo.args(["build", "--package", &package, "--bins"]).stdin(Stdio::null()).stdout(Stdio::piped());
    cargo.arg(if terminal { "--message-format=json-diagnostic-rendered-ansi" } else { "--message-format=json" });
    if !terminal {
        cargo.arg("--quiet");
    }
    let mut building = cargo.spawn().context("cannot start cargo")?;
    let messages = building.stdout.take().context("cargo has no output")?;
    let mut refusal = None;
    let mut executables = Vec::new();
    for message in BufReader::new(messages).lines() {
        let message = jzon::parse(&message.context("cannot read what cargo says")?).unwrap_or(JsonValue::Null);
        if let Some(rendered) = message["message"]["rendered"].as_str() {
            let _ = io::stderr().write_all(rendered.as_bytes());
            if message["message"]["level"] == "error" && refusal.is_none() {
                refusal = message["message"]["message"].as_str().map(str::to_owned);
            }
        }
        if let (Some(program), Some(path)) = (message["target"]["name"].as_str(), message["executable"].as_str()) {
            executables.push((program.to_owned(), PathBuf::from(path)));
        }
    }
    let status = building.wait().context("cannot wait for cargo")?;
    if let Some(refusal) = refusal {
        return Ok(Built::Refused(refusal));
    }
    if !status.success() {
        bail!("cargo could not build {package} ({status}); its message is above");
    }
    let place = place()?.join(&package);
    fs::create_dir_all(&place).with_context(|| format!("cannot make {}", place.display()))?;
    let launch = |role: &str| -> anyhow::Result<Option<Launch>> {
        let wanted = format!("{prefix}{role}");
        let Some((_, built)) = executables.iter().find(|(program, _)| *program == wanted) else {
            bail!("{package} has no program `{wanted}`");
        };
        let copy = place.join(role).with_extension(env::consts::EXE_EXTENSION);
        fs::copy(built, &copy).with_context(|| format!("cannot copy {} to {}", built.display(), copy.display()))?;
        Ok(Some(Launch::built(copy)))
    };
    Ok(Built::Ready(Programs::new(launch("server")?, launch("client")?)))
}

/// The cargo that runs us. What it leaves running, such as a compiler's cache, is its own business.
pub fn cargo() -> Command {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(root());
    supervise::exempt(&mut cargo);
    cargo
}

/// A folder for the copies of this very process.
fn place() -> anyhow::Result<PathBuf> {
    let xtask = env::current_exe().context("cannot find my own program")?;
    let target = xtask.parent().context("my own program has no folder")?;
    Ok(target.join("lab").join(std::process::id().to_string()))
}

/// Removes the copies. Called once nothing runs any more.
pub fn remove_copies() {
    if let Ok(place) = place() {
        // Nothing was built, or the system does not let go of it: neither harms.
        let _ = fs::remove_dir_all(place);
    }
    scenario::remove_leftovers();
}
