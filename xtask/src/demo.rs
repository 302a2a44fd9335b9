//! Plays the reference pairs with prepared input, and tells what happens.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use clap::Args;
use scenario::Programs;
use supervise::Child;

use crate::build::{self, Built, Whose};
use crate::chapters::{self, Found};
use crate::print;
use crate::session::{Session, tell_lines, tell_typed};

/// How long a client of a demonstration may take.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Args)]
pub struct Arguments {
    /// The chapter; all of them when none is named
    chapter: Option<String>,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    for found in chapters::named(arguments.chapter.as_slice())? {
        show(&found)?;
    }
    print("| printed   < typed   -> on the wire   * happened\n\nYour turn:  cargo xtask list\n");
    Ok(ExitCode::SUCCESS)
}

fn show(found: &Found) -> anyhow::Result<()> {
    let Built::Ready(Programs { server: Some(server), client: Some(client), .. }) =
        build::programs(found, Whose::Solution)?
    else {
        bail!("the solution of {} does not compile; the compiler's message is above", found.chapter.name());
    };
    print(&format!("{}\n\n", found.chapter.name()));
    let session = Session::start(&server, &found.chapter, Vec::new())?;
    let example = found.chapter.example();
    let (target, arguments) = found.chapter.call(&session.tap.address().to_string(), example.arguments);
    let command = client.client(&target, &arguments);
    let client = Arc::new(Child::start(command).context("cannot start the client")?);
    let telling = tell_lines(&client, "client");
    tell_typed("client", example.input);
    client.write(example.input.as_bytes());
    client.close_stdin();
    let status = client.wait(PATIENCE).context("the client did not end")?;
    client.kill();
    let _ = telling.join();
    session.end();
    ensure!(status.success(), "the client failed ({status}): {}", client.stderr().trim());
    print("\n");
    Ok(())
}
