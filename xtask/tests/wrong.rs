//! The classic mistakes: each `solutions/*/wrong/*.patch` is a solution with one mistake, and names the stages that must
//! catch it. Exactly those may fail.
//!
//! All wrong programs are built at once, in a workspace of their own that shares this one's compiled dependencies.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, OnceLock};

use anyhow::{Context, ensure};
use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::Value;

/// Most of a check is waiting, so several go on at a time.
const AT_A_TIME: usize = 6;

fn main() {
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(AT_A_TIME);
    let mut mistakes = all().expect("the patches can be read");
    // Only what was asked for need be built: `cargo test -p xtask --test wrong -- tftp/`.
    if let (Some(filter), false) = (&arguments.filter, arguments.exact) {
        mistakes.retain(|mistake| mistake.title().contains(filter));
    }
    let mistakes = Arc::new(mistakes);
    let built = Arc::new(OnceLock::new());
    let trials = (0..mistakes.len()).map(|at| {
        let (mistakes, built) = (Arc::clone(&mistakes), Arc::clone(&built));
        Trial::test(mistakes[at].title(), move || {
            let built = built.get_or_init(|| build(&mistakes).map_err(|error| format!("{error:#}")));
            let programs = built.as_ref().map_err(|error| Failed::from(error.clone()))?;
            mistakes[at].is_caught(programs).map_err(|error| Failed::from(format!("{error:#}")))
        })
    });
    libtest_mimic::run(&arguments, trials.collect()).exit();
}

/// A solution with one mistake.
struct Mistake {
    /// `03-udp-echo`
    folder: String,
    /// `two-tries`
    name: String,
    breaks: BTreeSet<String>,
    caught_by: BTreeSet<String>,
    diff: String,
}

/// All mistakes of all chapters.
fn all() -> anyhow::Result<Vec<Mistake>> {
    let mut mistakes = Vec::new();
    for solution in sorted(&root().join("solutions"))? {
        let Ok(patches) = sorted(&solution.join("wrong")) else { continue };
        for patch in patches {
            let text = fs::read_to_string(&patch).with_context(|| format!("cannot read {}", patch.display()))?;
            mistakes.push(Mistake::parse(&solution, &patch, &text).with_context(|| format!("in {}", patch.display()))?);
        }
    }
    Ok(mistakes)
}

impl Mistake {
    /// A sentence, `breaks: …`, `caught by: …`, an empty line, and the diff.
    fn parse(solution: &Path, patch: &Path, text: &str) -> anyhow::Result<Mistake> {
        let (head, diff) = text.split_once("\n\n").context("no empty line between head and diff")?;
        let list = |label: &str| {
            let line =
                head.lines().find_map(|line| line.strip_prefix(label)).with_context(|| format!("no line `{label}`"))?;
            anyhow::Ok(line.split(',').map(|item| item.trim().to_owned()).collect::<BTreeSet<_>>())
        };
        Ok(Mistake {
            folder: last(solution),
            name: last(patch).trim_end_matches(".patch").to_owned(),
            breaks: list("breaks: ")?,
            caught_by: list("caught by: ")?,
            diff: diff.to_owned(),
        })
    }

    fn title(&self) -> String {
        format!("{}/{}", self.chapter(), self.name)
    }

    /// `udp-echo`
    fn chapter(&self) -> &str {
        self.folder.trim_start_matches(|c: char| c.is_ascii_digit() || c == '-')
    }

    /// `server` or `client`: whichever the stages are about.
    fn role(&self) -> &str {
        let first = self.caught_by.first().map_or("", String::as_str);
        first.split_once('/').map_or("", |(role, _)| role)
    }

    fn package(&self) -> String {
        format!("wrong-{}-{}", self.chapter(), self.name)
    }

    /// Writes the package: the solution's source with the patch applied, and the one program that is graded.
    fn write(&self, workspace: &Path) -> anyhow::Result<()> {
        let (solution, package) = (root().join("solutions").join(&self.folder), workspace.join(self.package()));
        let patches = diffs(&self.diff)?;
        let modules = sorted(&solution.join("src"))?.into_iter().filter(|path| path.is_file());
        let modules = modules.map(|path| format!("src/{}", last(&path)));
        for file in modules.chain([format!("src/bin/{}.rs", self.role())]) {
            let mut text = fs::read_to_string(solution.join(&file)).with_context(|| format!("cannot read {file}"))?;
            if let Some((_, patch)) = patches.iter().find(|(name, _)| *name == file) {
                text = diffy::apply(&text, patch).with_context(|| format!("the patch does not fit {file} any more"))?;
            }
            write(&package.join(&file), &text)?;
        }
        let solution = fs::read_to_string(solution.join("Cargo.toml"))?;
        let dependencies =
            solution.split("[dependencies]").nth(1).and_then(|rest| rest.split("\n\n").next()).unwrap_or_default();
        let (name, library, role) = (self.package(), self.chapter().replace('-', "_"), self.role());
        let manifest = format!(
            "[package]\nname = \"{name}\"\nversion = \"0.0.0\"\nedition = \"2024\"\nautobins = false\n\n[lib]\nname = \"{library}\"\n\n\
             [[bin]]\nname = \"{name}\"\npath = \"src/bin/{role}.rs\"\n\n[lints.rust]\nunused = \"allow\"\n\n[dependencies]{dependencies}\n"
        );
        write(&package.join("Cargo.toml"), &manifest)
    }

    /// Puts the program to the checker. A mistake about time may show in one stage more, or less, when the machine is
    /// busy: so once more, twice at most.
    fn is_caught(&self, programs: &Path) -> anyhow::Result<()> {
        self.fails_where_it_should(programs)
            .or_else(|_| self.fails_where_it_should(programs))
            .or_else(|_| self.fails_where_it_should(programs))
    }

    /// A stage that is named fails, and the broken promise is told.
    fn fails_where_it_should(&self, programs: &Path) -> anyhow::Result<()> {
        let program = programs.join(self.package()).with_extension(std::env::consts::EXE_EXTENSION);
        let command_line = shell_words::quote(&program.to_string_lossy()).into_owned();
        let mut check = Command::new(env!("CARGO_BIN_EXE_xtask"));
        check.args(["check", self.chapter(), &format!("--{}", self.role()), &command_line, "--format", "json"]);
        let output = check.output().context("cannot start the checker")?;
        let said = || format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        ensure!(output.status.code() == Some(1), "the checker ended with {}:\n{}", output.status, said());
        let document: Value = serde_json::from_slice(&output.stdout).context("the checker printed no JSON")?;
        let stages = document["chapters"][0]["stages"].as_array().context("no stages")?;
        let failed: Vec<_> = stages.iter().filter(|stage| stage["verdict"] == "failed").collect();
        let ids: BTreeSet<_> = failed.iter().filter_map(|stage| stage["id"].as_str()).map(str::to_owned).collect();
        // Which others fail beside depends on time; that one of those that are named does, must not.
        let is_caught = !ids.is_disjoint(&self.caught_by);
        ensure!(is_caught, "these stages failed: {ids:?}; these should have: {:?}", self.caught_by);
        let named: BTreeSet<_> =
            failed.iter().flat_map(|stage| stage["promises"].as_array()).flatten().filter_map(Value::as_str).collect();
        let unnamed = self.breaks.iter().find(|id| !named.contains(id.as_str()));
        ensure!(unnamed.is_none(), "no failed stage names the promise {unnamed:?}");
        Ok(())
    }
}

/// The diffs of a patch, by file.
fn diffs(text: &str) -> anyhow::Result<Vec<(String, diffy::Patch<'_, str>)>> {
    let mut starts: Vec<_> =
        text.match_indices("--- ").filter(|(at, _)| *at == 0 || text[..*at].ends_with('\n')).collect();
    starts.push((text.len(), ""));
    let mut patches = Vec::new();
    for pair in starts.windows(2) {
        let patch = diffy::Patch::from_str(&text[pair[0].0..pair[1].0]).context("not a unified diff")?;
        let name = patch.modified().context("a diff without the name of its file")?.to_owned();
        patches.push((name, patch));
    }
    Ok(patches)
}

/// Writes and builds all wrong programs; returns the folder they are in.
fn build(mistakes: &[Mistake]) -> anyhow::Result<PathBuf> {
    let xtask = Path::new(env!("CARGO_BIN_EXE_xtask"));
    let target = xtask.ancestors().nth(2).context("the checker is not in a target folder")?;
    let workspace = target.join("wrong");
    fs::create_dir_all(&workspace)?;
    // A runner may start a process for each test: one of them builds, the others find everything built.
    let lock = fs::File::create(target.join("wrong.lock"))?;
    lock.lock()?;
    remove_others(&workspace, mistakes)?;
    mistakes.iter().try_for_each(|mistake| mistake.write(&workspace).with_context(|| mistake.title()))?;
    let manifest = fs::read_to_string(root().join("Cargo.toml"))?;
    write(&workspace.join("Cargo.toml"), &workspace_manifest(&manifest))?;
    write(&workspace.join("Cargo.lock"), &fs::read_to_string(root().join("Cargo.lock"))?)?;
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo
        .args(["build", "--quiet", "--offline", "--workspace", "--bins"])
        .current_dir(&workspace)
        .env("CARGO_TARGET_DIR", target);
    let output = cargo.output().context("cannot start cargo")?;
    ensure!(output.status.success(), "the wrong programs do not compile:\n{}", String::from_utf8_lossy(&output.stderr));
    Ok(target.join("debug"))
}

/// The workspace's manifest with other members, and without its own crates.
fn workspace_manifest(manifest: &str) -> String {
    let kept = manifest.lines().filter(|line| !line.starts_with("default-members") && !line.contains("path ="));
    let lines = kept.map(|line| if line.starts_with("members") { "members = [\"wrong-*\"]" } else { line });
    lines.collect::<Vec<_>>().join("\n")
}

/// Packages of an earlier run that have no patch any more.
fn remove_others(workspace: &Path, mistakes: &[Mistake]) -> anyhow::Result<()> {
    for path in sorted(workspace)? {
        if path.is_dir() && !mistakes.iter().any(|mistake| mistake.package() == last(&path)) {
            fs::remove_dir_all(&path)?;
        }
    }
    Ok(())
}

/// Leaves a file alone that is right already, so that cargo has nothing to build.
fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    if fs::read_to_string(path).is_ok_and(|now| now == text) {
        return Ok(());
    }
    fs::create_dir_all(path.parent().unwrap_or(path))?;
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

fn sorted(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut paths = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}

fn last(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask is in the workspace")
}
