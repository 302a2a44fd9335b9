//! Grades: builds the programs, plays the stages, and tells.

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::bail;
use clap::{Args, ValueEnum};
use scenario::report::{self, ChapterReport, Tally};
use scenario::{Launch, Programs, Stage, StageReport, Verdict, play_all};

use crate::build::{self, Built, Whose};
use crate::chapters::{self, Found};
use crate::{print, style};

#[derive(Args)]
#[command(
    after_help = "Examples:\n  cargo xtask check udp-echo\n  cargo xtask check udp-echo --stage each-client-gets-its-own\n  \
    cargo xtask check udp-echo --server 'python3 my_server.py'\n\nExit status: 0 all stages passed, 1 a stage failed, 2 the check itself could not be done."
)]
pub struct Arguments {
    /// The chapters; all of them when none is named
    chapters: Vec<String>,
    /// Grade the reference programs
    #[arg(long, conflicts_with_all = ["server", "client"])]
    solution: bool,
    /// Grade this server, in any language: `--bind HOST:PORT` is appended, or {host} and {port} in it are filled in
    #[arg(long, value_name = "CMD")]
    server: Option<String>,
    /// Grade this client, in any language: `--connect HOST:PORT` is appended, or {host} and {port} in it are filled in
    #[arg(long, value_name = "CMD")]
    client: Option<String>,
    /// Play this stage only, and tell all of it
    #[arg(long, value_name = "STAGE")]
    stage: Option<String>,
    /// How to tell
    #[arg(long, value_enum, default_value = "human")]
    format: Format,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Human,
    Json,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let found = chapters::named(&arguments.chapters)?;
    if (arguments.server.is_some() || arguments.client.is_some() || arguments.stage.is_some()) && found.len() != 1 {
        bail!("--server, --client and --stage go with the name of one chapter: cargo xtask check udp-echo …");
    }
    let mut reports = Vec::new();
    for found in &found {
        reports.push(check(found, arguments)?);
    }
    let tally = Tally::of(&reports);
    match arguments.format {
        Format::Json => print(&format!("{}\n", report::document(&reports))),
        Format::Human => print(&format!("\n{}\n", report::summary(tally, style()))),
    }
    Ok(ExitCode::from(tally.exit_code()))
}

/// Plays the stages of one chapter, and tells of them as they end.
fn check(found: &Found, arguments: &Arguments) -> anyhow::Result<ChapterReport> {
    let stages = match &arguments.stage {
        Some(wanted) => vec![found.stage(wanted)?],
        None => found.chapter.stages().iter().collect(),
    };
    let human = arguments.format == Format::Human;
    let chapter = found.chapter.name().to_owned();
    let programs = match programs(found, arguments)? {
        Built::Ready(programs) => programs,
        Built::Refused(why) => {
            if human {
                print(&format!(
                    "{chapter}: your program does not compile: {why}\n  again:  cargo xtask check {chapter}\n"
                ));
            }
            return Ok(ChapterReport {
                chapter,
                stages: stages.iter().map(|stage| not_compiled(stage, &why)).collect(),
            });
        }
    };
    let began = Instant::now();
    if human {
        print(&format!("{chapter}\n"));
    }
    let mut told = String::new();
    let reports = play_all(&stages, &programs, |stage| {
        if human && programs.suffice_for(stage.role) {
            print(&report::line(stage, style()));
            if stage.verdict == Verdict::Failed && stage.because != told {
                print(&report::reason(stage, style()));
                told.clone_from(&stage.because);
            }
        }
    });
    if human {
        let left_out = stages.iter().filter(|stage| !programs.suffice_for(stage.role())).count();
        if left_out > 0 {
            print(&format!(" skip  {left_out} stages whose program was not given\n"));
        }
        tell_failures(found, &reports, arguments);
        if io::stdout().is_terminal() {
            print(&format!("  {} stages in {:.2} s\n", reports.len(), began.elapsed().as_secs_f64()));
        }
    }
    Ok(ChapterReport { chapter, stages: reports })
}

fn programs(found: &Found, arguments: &Arguments) -> anyhow::Result<Built> {
    let given = |text: &Option<String>| text.as_deref().map(Launch::command_line).transpose();
    if arguments.server.is_some() || arguments.client.is_some() {
        return Ok(Built::Ready(Programs::new(given(&arguments.server)?, given(&arguments.client)?)));
    }
    if io::stderr().is_terminal() {
        let _ = writeln!(io::stderr(), "building {} …", found.chapter.name());
    }
    build::programs(found, if arguments.solution { Whose::Solution } else { Whose::Students })
}

/// The first failure is told in full: with one thing mended, the others often are, too.
fn tell_failures(found: &Found, reports: &[StageReport], arguments: &Arguments) {
    let failed: Vec<_> = reports.iter().filter(|stage| stage.verdict == Verdict::Failed).collect();
    let given = arguments.given();
    if let Some(first) = failed.first() {
        print(&report::failure(first, &found.chapter, &given, style()));
    }
    if let Some(next) = failed.get(1) {
        let (more, name, id) = (failed.len() - 1, found.chapter.name(), &next.id);
        print(&format!("\n  {more} more failed; one of them in full:  cargo xtask check {name}{given} --stage {id}\n"));
    }
    if arguments.stage.is_some() {
        for stage in reports.iter().filter(|stage| stage.verdict == Verdict::Passed) {
            print(&format!("\n{}", stage.transcript.render()));
        }
    }
}

impl Arguments {
    /// How the programs were named, as one would type it again.
    fn given(&self) -> String {
        let option = |name: &str, text: &Option<String>| {
            text.as_ref().map_or(String::new(), |text| format!(" --{name} {}", shell_words::quote(text)))
        };
        let solution = if self.solution { " --solution" } else { "" };
        format!("{solution}{}{}", option("server", &self.server), option("client", &self.client))
    }
}

/// What does not compile keeps no promise.
fn not_compiled(stage: &Stage, why: &str) -> StageReport {
    StageReport {
        id: stage.id(),
        title: stage.title(),
        role: stage.role(),
        promises: stage.tests().to_vec(),
        verdict: Verdict::Failed,
        because: format!("Your program does not compile: {why}"),
        detail: String::new(),
        why: stage.reason(),
        transcript: transcript::Transcript::default(),
        stderr: Vec::new(),
        remarks: Vec::new(),
        took: std::time::Duration::ZERO,
    }
}
