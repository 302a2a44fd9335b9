//! One JSON document for graders and editors.

use serde_json::{Value, json};

use super::{ChapterReport, Tally};
use crate::runner::{StageReport, Verdict};

/// The whole document: `{"chapters": […], "passed": n, "failed": n, "skipped": n}`, and `"lab"` with what broke in it.
pub fn document(chapters: &[ChapterReport]) -> String {
    let tally = Tally::of(chapters);
    let broke = chapters.iter().flat_map(|chapter| &chapter.stages).filter(|stage| stage.verdict == Verdict::LabBroke);
    let mut document = json!({
        "chapters": chapters.iter().map(chapter).collect::<Vec<_>>(),
        "passed": tally.passed,
        "failed": tally.failed,
        "skipped": tally.skipped + tally.lab_broke,
    });
    if tally.lab_broke > 0 {
        document["lab"] = broke.map(|stage| format!("{}: {}", stage.id, stage.because)).collect();
    }
    format!("{document:#}")
}

fn chapter(chapter: &ChapterReport) -> Value {
    json!({ "chapter": chapter.chapter, "stages": chapter.stages.iter().map(stage).collect::<Vec<_>>() })
}

fn stage(stage: &StageReport) -> Value {
    let mut value = json!({
        "id": stage.id,
        "title": stage.title,
        "role": stage.role.name(),
        "promises": stage.promises,
        "verdict": match stage.verdict {
            Verdict::Passed => "passed",
            Verdict::Failed => "failed",
            Verdict::Skipped | Verdict::LabBroke => "skipped",
        },
        "transcript": stage.transcript.render(),
        "seconds": stage.took.as_secs_f64(),
    });
    if stage.verdict != Verdict::Passed {
        value["because"] = json!([stage.because.as_str(), &stage.detail].join("\n").trim_end());
    }
    if stage.verdict == Verdict::Failed {
        value["why"] = json!(stage.why);
        value["stderr"] = stage.stderr.iter().map(|(name, text)| json!({ "program": name, "text": text })).collect();
    }
    if !stage.remarks.is_empty() {
        value["remarks"] = json!(stage.remarks);
    }
    value
}
