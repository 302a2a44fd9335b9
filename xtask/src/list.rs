//! Lists the chapters, or the stages of one.

use std::process::ExitCode;

use clap::Args;

use crate::{chapters, print};

#[derive(Args)]
pub struct Arguments {
    /// List the stages of this chapter
    chapter: Option<String>,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    match &arguments.chapter {
        None => {
            for found in chapters::all() {
                let folder = found.exercise().file_name().unwrap_or_default().to_string_lossy();
                let stages = found.chapter.stages().len();
                print(&format!("{:<14} {stages:>3} stages   exercises/{folder}/README.md\n", found.chapter.name()));
            }
            print("\nBegin with:  cargo xtask check tcp-time\n");
        }
        Some(name) => {
            let found = chapters::one(name)?;
            for stage in found.chapter.stages() {
                print(&format!("{}\n    {} [{}]\n", stage.id(), stage.title(), stage.tests().join(" ")));
            }
            print(&format!("\nOne of them:  cargo xtask check {name} --stage STAGE\n"));
        }
    }
    Ok(ExitCode::SUCCESS)
}
