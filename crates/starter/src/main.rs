//! `starter FROM TO [--check]`: derives the starter of the chapter in FROM and writes it to TO, or says how TO differs.
//!
//! A program of its own, so that the checker, which every student builds first, need not contain a Rust parser.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs};

use anyhow::{Context, bail};

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// `false` when something differs that should not.
fn run() -> anyhow::Result<bool> {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let (from, to, check) = match &arguments[..] {
        [from, to] => (Path::new(from), Path::new(to), false),
        [from, to, option] if option == "--check" => (Path::new(from), Path::new(to), true),
        _ => bail!("write: starter FROM TO [--check]"),
    };
    let mut in_step = true;
    for (file, due) in derived(from)? {
        let path = to.join(&file);
        if check {
            let now = fs::read_to_string(&path).unwrap_or_default();
            if let Some(difference) = starter::difference(&now, &due) {
                println!("{} is not in step with the solution:\n{difference}", path.display());
                in_step = false;
            }
        } else {
            write(&path, &due)?;
        }
    }
    Ok(in_step)
}

/// Every file of the starter that is derived, with its text.
fn derived(solution: &Path) -> anyhow::Result<Vec<(PathBuf, String)>> {
    let mut files = vec![(PathBuf::from("Cargo.toml"), starter::manifest(&read(&solution.join("Cargo.toml"))?))];
    let mut folders = vec![PathBuf::from("src")];
    while let Some(folder) = folders.pop() {
        let place = solution.join(&folder);
        for entry in fs::read_dir(&place).with_context(|| format!("cannot list {}", place.display()))? {
            let path = folder.join(entry?.file_name());
            if solution.join(&path).is_dir() {
                folders.push(path);
                continue;
            }
            let text = read(&solution.join(&path))?;
            let text = starter::source(&text).with_context(|| format!("cannot derive {}", path.display()))?;
            files.push((path, text));
        }
    }
    files.sort();
    Ok(files)
}

fn read(path: &Path) -> anyhow::Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}
