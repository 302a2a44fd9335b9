//! One JSON document for graders and editors.
//!
//! With jzon, which is small: every student waits once until the checker is built.

use jzon::{JsonValue, object};

use super::{ChapterReport, Tally};
use crate::runner::{StageReport, Verdict};

/// The whole document: `{"chapters": […], "passed": n, "failed": n, "skipped": n}`, and `"lab"` with what broke in it.
pub fn document(chapters: &[ChapterReport]) -> String {
    let tally = Tally::of(chapters);
    let broke = chapters.iter().flat_map(|chapter| &chapter.stages).filter(|stage| stage.verdict == Verdict::LabBroke);
    let mut document = object! {
        chapters: list(chapters.iter().map(chapter)),
        passed: tally.passed,
        failed: tally.failed,
        skipped: tally.skipped + tally.lab_broke,
    };
    if tally.lab_broke > 0 {
        document["lab"] = list(broke.map(|stage| format!("{}: {}", stage.id, stage.because).into()));
    }
    document.pretty(2)
}

fn chapter(chapter: &ChapterReport) -> JsonValue {
    object! { chapter: chapter.chapter.as_str(), stages: list(chapter.stages.iter().map(stage)) }
}

fn stage(stage: &StageReport) -> JsonValue {
    let mut value = object! {
        id: stage.id.as_str(),
        title: stage.title,
        role: stage.role.name(),
        promises: list(stage.promises.iter().map(|id| (*id).into())),
        verdict: match stage.verdict {
            Verdict::Passed => "passed",
            Verdict::Failed => "failed",
            Verdict::Skipped | Verdict::LabBroke => "skipped",
        },
        transcript: stage.transcript.render(),
        seconds: stage.took.as_secs_f64(),
    };
    if stage.verdict != Verdict::Passed {
        value["because"] = [stage.because.as_str(), &stage.detail].join("\n").trim_end().into();
    }
    if stage.verdict == Verdict::Failed {
        value["why"] = stage.why.into();
        let words = stage.stderr.iter().map(|(name, text)| object! { program: name.as_str(), text: text.as_str() });
        value["stderr"] = list(words);
    }
    if !stage.remarks.is_empty() {
        value["remarks"] = list(stage.remarks.iter().map(|remark| remark.as_str().into()));
    }
    value
}

fn list(values: impl Iterator<Item = JsonValue>) -> JsonValue {
    JsonValue::Array(values.collect())
}
