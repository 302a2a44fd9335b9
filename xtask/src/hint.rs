//! Gives hints: where to look first, then what to use, then how it is done.

use std::process::ExitCode;

use clap::Args;

use crate::{chapters, print};

#[derive(Args)]
#[command(after_help = "Example:\n  cargo xtask hint udp-echo each-client-gets-its-own --more")]
pub struct Arguments {
    /// The chapter
    chapter: String,
    /// The stage, as `check` and `list` name it
    stage: Option<String>,
    /// More than where to look: what to use. Twice: how it is done
    #[arg(long, short, action = clap::ArgAction::Count)]
    more: u8,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let found = chapters::one(&arguments.chapter)?;
    let name = found.chapter.name();
    let Some(wanted) = &arguments.stage else {
        print(&format!("For which stage? `cargo xtask check {name}` tells which one fails; all of them:\n\n"));
        for stage in found.chapter.stages() {
            print(&format!("  cargo xtask hint {name} {}\n", stage.id()));
        }
        return Ok(ExitCode::SUCCESS);
    };
    let stage = found.stage(wanted)?;
    let hints = stage.all_hints();
    let layer = usize::from(arguments.more).min(hints.len() - 1);
    print(&format!("{}\n\n", stage.title()));
    for (number, hint) in hints[..=layer].iter().enumerate() {
        print(&format!("  {}. {hint}\n", number + 1));
    }
    if layer + 1 < hints.len() {
        let more = " --more".repeat(layer + 1);
        print(&format!("\n  more:  cargo xtask hint {name} {}{more}\n", stage.id()));
    }
    Ok(ExitCode::SUCCESS)
}
