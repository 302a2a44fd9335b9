//! The chapters that there are, and what to say when one is asked for that is not.

use std::path::{Path, PathBuf};

use anyhow::bail;
use scenario::{Chapter, Stage};

/// A chapter, and the folder it was found in.
pub struct Found {
    folder: &'static str,
    pub chapter: Chapter,
}

mod generated {
    use super::Found;
    include!(concat!(env!("OUT_DIR"), "/chapters.rs"));
}

pub use generated::all;

impl Found {
    /// `exercises/03-udp-echo`, as an absolute path.
    pub fn exercise(&self) -> &Path {
        Path::new(self.folder)
    }

    /// `solutions/03-udp-echo`, as an absolute path.
    pub fn solution(&self) -> PathBuf {
        root().join("solutions").join(self.exercise().file_name().unwrap_or_default())
    }

    /// The stage with this id, or with this name if only one role has it.
    pub fn stage(&self, wanted: &str) -> anyhow::Result<&Stage> {
        let stages = self.chapter.stages();
        let is_it =
            |stage: &&Stage| stage.id() == wanted || stage.id().split_once('/').is_some_and(|(_, name)| name == wanted);
        let found: Vec<_> = stages.iter().filter(is_it).collect();
        match found[..] {
            [stage] => Ok(stage),
            [] => bail!(
                "{} has no stage `{wanted}`{}; `cargo xtask list {}` lists them",
                self.chapter.name(),
                nearest(wanted, stages.iter().map(Stage::id)),
                self.chapter.name()
            ),
            _ => bail!("both programs have a stage `{wanted}`: write server/{wanted} or client/{wanted}"),
        }
    }
}

/// The chapters with these names, in their own order; all of them when there are no names.
pub fn named(names: &[String]) -> anyhow::Result<Vec<Found>> {
    let all = all();
    for name in names {
        if !all.iter().any(|found| found.chapter.name() == name) {
            let known = nearest(name, all.iter().map(|found| found.chapter.name().to_owned()));
            bail!("there is no chapter `{name}`{known}; `cargo xtask list` lists them");
        }
    }
    let wanted = |found: &Found| names.is_empty() || names.iter().any(|name| found.chapter.name() == name);
    Ok(all.into_iter().filter(wanted).collect())
}

/// The chapter with this name.
pub fn one(name: &str) -> anyhow::Result<Found> {
    Ok(named(&[name.to_owned()])?.remove(0))
}

/// The workspace.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."))
}

/// `: the nearest are …`, or nothing where nothing is near.
fn nearest(wanted: &str, names: impl Iterator<Item = String>) -> String {
    const NEAR: f64 = 0.6;
    const SHOWN: usize = 3;
    let likeness = |name: &str| {
        // A stage may be asked for without its role.
        let short = name.rsplit('/').next().unwrap_or(name);
        strsim::jaro_winkler(wanted, name).max(strsim::jaro_winkler(wanted, short))
    };
    let mut near: Vec<_> = names.map(|name| (likeness(&name), name)).filter(|(likeness, _)| *likeness > NEAR).collect();
    near.sort_by(|(one, _), (other, _)| other.total_cmp(one));
    let near: Vec<_> = near.into_iter().take(SHOWN).map(|(_, name)| format!("`{name}`")).collect();
    match &near[..] {
        [] => String::new(),
        [one] => format!(": the nearest is {one}"),
        _ => format!(": the nearest are {}", near.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_almost_right_gets_the_nearest() {
        let Err(error) = named(&["udp-ecko".to_owned()]) else { panic!("there is no such chapter") };
        assert!(error.to_string().contains("`udp-echo`"), "{error}");
        let Err(error) = one("udp-echo").unwrap().stage("each-client-gets-his-own") else { panic!("no such stage") };
        assert!(error.to_string().contains("`server/each-client-gets-its-own`"), "{error}");
    }

    #[test]
    fn every_stage_keeps_promises_that_its_brief_has() {
        for found in all() {
            for stage in found.chapter.stages() {
                assert!(!stage.tests().is_empty(), "{}", stage.id());
                for id in stage.tests() {
                    assert!(found.chapter.promise(id).is_some(), "{}: {id}", stage.id());
                }
            }
        }
    }

    #[test]
    fn every_promise_of_a_brief_has_a_stage() {
        for found in all() {
            let name = found.chapter.name();
            for promise in found.chapter.promises() {
                // UDP message has nothing to wait for; these read no input.
                let reads_none = ["tcp-time", "tftp", "sticky-packets", "http"].map(|name| (name, "C9"));
                let without = [&[("udp-message", "C8")][..], &reads_none].concat();
                let has_none = without.contains(&(name, &promise.id));
                let tested = found.chapter.stages().iter().any(|stage| stage.tests().contains(&promise.id.as_str()));
                assert!(tested != has_none, "{name}: {}", promise.id);
            }
        }
    }

    #[test]
    fn every_stage_has_a_reason_and_three_hints() {
        for found in all() {
            for stage in found.chapter.stages() {
                assert!(!stage.reason().is_empty(), "{}", stage.id());
                assert!(stage.all_hints().iter().all(|hint| !hint.is_empty()), "{}", stage.id());
            }
        }
    }
}
