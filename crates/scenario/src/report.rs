//! How stages went, for people and for programs. Nothing here decides anything.

mod human;
mod json;

pub use human::{Style, failure, line, reason, summary};
pub use json::document;

use crate::runner::{StageReport, Verdict};

/// The reports of one chapter.
#[derive(Debug, Clone)]
pub struct ChapterReport {
    /// `udp-echo`
    pub chapter: String,
    /// In the order of the stages.
    pub stages: Vec<StageReport>,
}

/// How many stages went which way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Every promise kept.
    pub passed: usize,
    /// One broken.
    pub failed: usize,
    /// Not played.
    pub skipped: usize,
    /// The lab itself failed.
    pub lab_broke: usize,
}

impl Tally {
    /// Counts the stages of all chapters.
    pub fn of(chapters: &[ChapterReport]) -> Tally {
        let mut tally = Tally::default();
        for stage in chapters.iter().flat_map(|chapter| &chapter.stages) {
            *match stage.verdict {
                Verdict::Passed => &mut tally.passed,
                Verdict::Failed => &mut tally.failed,
                Verdict::Skipped => &mut tally.skipped,
                Verdict::LabBroke => &mut tally.lab_broke,
            } += 1;
        }
        tally
    }

    /// 0 when all passed, 1 when a stage failed, 2 when the lab broke or nothing could be played.
    pub fn exit_code(&self) -> u8 {
        match self {
            Tally { lab_broke: 1.., .. } => 2,
            Tally { failed: 1.., .. } => 1,
            Tally { passed: 0, .. } => 2,
            _ => 0,
        }
    }
}
