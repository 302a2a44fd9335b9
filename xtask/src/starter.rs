//! Derives the starters from the solutions, says when they are out of step, and puts one back.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, ensure};
use clap::Args;

use crate::build::cargo;
use crate::chapters::{self, root};
use crate::print;

#[derive(Args)]
pub struct Arguments {
    /// Write nothing; fail when a starter is out of step
    #[arg(long)]
    check: bool,
}

#[derive(Args)]
pub struct ResetArguments {
    /// The chapter
    chapter: String,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let mut in_step = true;
    for solution in solutions()? {
        let name = solution.file_name().unwrap_or_default();
        in_step &= derive(&solution, &root().join("exercises").join(name), arguments.check)?;
    }
    if arguments.check {
        in_step &= COPIED.into_iter().try_fold(true, |same, file| anyhow::Ok(same & all_alike(file)?))?;
        print(if in_step {
            "the starters are in step\n"
        } else {
            "out of step; `cargo xtask starter` writes them anew\n"
        });
    }
    Ok(if in_step { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Puts the starter of a chapter back. What the student has written is kept in the target folder.
pub fn reset(arguments: &ResetArguments) -> anyhow::Result<ExitCode> {
    let found = chapters::one(&arguments.chapter)?;
    let kept = keep(found.exercise(), &arguments.chapter)?;
    derive(&found.solution(), found.exercise(), false)?;
    print(&format!("{}: the starter is back; your work is in {}\n", arguments.chapter, kept.display()));
    Ok(ExitCode::SUCCESS)
}

/// Moves what the student has written to a place of its own, where `cargo clean` does not find it.
fn keep(exercise: &Path, chapter: &str) -> anyhow::Result<PathBuf> {
    let moment = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_nanos());
    let kept = root().join("kept").join(format!("{chapter}-{moment}"));
    fs::create_dir_all(&kept).with_context(|| format!("cannot make {}", kept.display()))?;
    let (source, manifest) = (exercise.join("src"), exercise.join("Cargo.toml"));
    if source.exists() {
        fs::rename(&source, kept.join("src"))
            .with_context(|| format!("cannot move {} to {}", source.display(), kept.display()))?;
    }
    fs::copy(&manifest, kept.join("Cargo.toml"))
        .with_context(|| format!("cannot copy {} to {}", manifest.display(), kept.display()))?;
    Ok(kept)
}

/// Runs the deriving program; whether the starter is in step.
fn derive(solution: &Path, exercise: &Path, check: bool) -> anyhow::Result<bool> {
    let mut cargo = cargo();
    cargo.args(["run", "--quiet", "--package", "starter", "--"]).args([solution, exercise]);
    if check {
        cargo.arg("--check");
    }
    let status = cargo.status().context("cannot start cargo")?;
    ensure!(matches!(status.code(), Some(0 | 1)), "the starter of {} could not be derived", exercise.display());
    Ok(status.success())
}

/// Files of which every chapter that needs them has a copy, so that each folder is complete. The copies must not drift
/// apart.
const COPIED: [&str; 2] = ["src/outbound.rs", "src/terminal.rs"];

fn all_alike(file: &str) -> anyhow::Result<bool> {
    let mut same = true;
    let mut first: Option<(PathBuf, String)> = None;
    for solution in solutions()? {
        let path = solution.join(file);
        let Ok(text) = fs::read_to_string(&path) else { continue };
        match &first {
            None => first = Some((path, text)),
            Some((other, due)) if *due != text => {
                print(&format!("{} and {} differ\n", other.display(), path.display()));
                same = false;
            }
            Some(_) => {}
        }
    }
    Ok(same)
}

fn solutions() -> anyhow::Result<Vec<PathBuf>> {
    let folder = root().join("solutions");
    let entries = fs::read_dir(&folder).with_context(|| format!("cannot list {}", folder.display()))?;
    let mut solutions: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    solutions.retain(|solution| solution.join("Cargo.toml").is_file());
    solutions.sort();
    Ok(solutions)
}
