//! The stages as tests: each shows up in `cargo test` and nextest by its id, and can be run alone.
//!
//! For a solution, what was said in each stage is compared with the golden transcript beside the stages.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use libtest_mimic::{Arguments, Failed, Trial};

use crate::chapter::Chapter;
use crate::launch::{Launch, Programs};
use crate::report::{Style, failure};
use crate::runner::{StageReport, Verdict, play};
use crate::stage::Stage;

/// The paths of a server and a client, where the package has such programs.
pub type Pair = (Option<&'static str>, Option<&'static str>);

/// Plays every stage of the chapter as a test: with the student's programs in the exercise, and with the reference
/// programs, whose transcripts are golden, in the solution. Called by [`crate::main`].
pub fn run(chapter: Chapter, students: Pair, reference: Pair, package: &str) -> ExitCode {
    let arguments = Arguments::from_args();
    let launch = |path: Option<&str>| path.map(|path| Launch::built(PathBuf::from(path)));
    let (server, client) = if reference.0.is_some() { reference } else { students };
    let programs = Programs::new(launch(server), launch(client));
    let golden = reference.0.map(|_| golden_folder(Path::new(package)));
    let chapter = Arc::new(chapter);
    let trials = (0..chapter.stages().len()).map(|at| {
        let (chapter, programs, golden) = (Arc::clone(&chapter), programs.clone(), golden.clone());
        Trial::test(chapter.stages()[at].id(), move || {
            test(&chapter, &chapter.stages()[at], &programs, golden.as_deref())
        })
    });
    libtest_mimic::run(&arguments, trials.collect()).exit_code()
}

/// `solutions/03-udp-echo` has its golden transcripts in `exercises/03-udp-echo/tests/snapshots`.
fn golden_folder(solution: &Path) -> PathBuf {
    let chapter = solution.file_name().unwrap_or_default();
    solution.join("../../exercises").join(chapter).join("tests/snapshots")
}

fn test(chapter: &Chapter, stage: &Stage, programs: &Programs, golden: Option<&Path>) -> Result<(), Failed> {
    let report = play(stage, programs);
    match report.verdict {
        Verdict::Passed => golden.map_or(Ok(()), |golden| compare_with_golden(&report, golden)),
        Verdict::Skipped => {
            eprintln!("{} was skipped: {}", report.id, report.because);
            Ok(())
        }
        Verdict::Failed => Err(failure(&report, chapter, " --solution", Style { colours: false }).into()),
        Verdict::LabBroke => Err(format!("the lab broke: {}", report.because).into()),
    }
}

/// A student may say the same things in another order, so only the reference is compared.
fn compare_with_golden(report: &StageReport, golden: &Path) -> Result<(), Failed> {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(golden);
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.set_description(report.title);
    let name = report.id.replace('/', "__");
    let text = transcript::golden::text(&report.transcript);
    settings.bind(|| insta::assert_snapshot!(name, text));
    Ok(())
}
