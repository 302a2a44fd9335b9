//! Plays stages side by side, ends what they leave, and says how each went.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use supervise::{Line, STDOUT_LIMIT};
use transcript::{Act, Transcript, literal};

use crate::lab::Lab;
use crate::launch::Programs;
use crate::role::Role;
use crate::scene::{Actor, Scene, Watched, capital, ended, titled};
use crate::stage::Stage;
use crate::trouble::{Failure, Outcome, Trouble, broken};

/// How a stage went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Every promise was kept.
    Passed,
    /// One was broken.
    Failed,
    /// It could not be played.
    Skipped,
    /// The lab itself failed, which says nothing about the program.
    LabBroke,
}

/// One stage that was played.
#[derive(Debug, Clone)]
pub struct StageReport {
    /// `server/each-client-gets-its-own`
    pub id: String,
    /// What it checks.
    pub title: &'static str,
    /// Which program it is about.
    pub role: Role,
    /// The promises that it tests; of a failed stage, those found broken by its verbs stand first.
    pub promises: Vec<&'static str>,
    /// How it went.
    pub verdict: Verdict,
    /// One sentence about the program, or why the stage was skipped. Empty when it passed.
    pub because: String,
    /// What helps to see the failure.
    pub detail: String,
    /// Why networks make the promise necessary.
    pub why: &'static str,
    /// Everything that was said.
    pub transcript: Transcript,
    /// What each program wrote to stderr, by name.
    pub stderr: Vec<(String, String)>,
    /// What is worth telling though it broke no promise.
    pub remarks: Vec<String>,
    /// How long it took.
    pub took: Duration,
}

/// Plays one stage.
pub fn play(stage: &Stage, programs: &Programs) -> StageReport {
    let began = Instant::now();
    let mut lab = Lab::new(programs.clone(), stage.describe);
    let told = catch_unwind(AssertUnwindSafe(|| {
        programs.needed_by(stage.role)?;
        (stage.story)(&mut lab)
    }));
    let told = told.unwrap_or_else(|_| Err(Trouble::Lab(format!("the story of {} panicked", stage.id()))));
    let outcome = conclude(&lab.scene, told);
    let (verdict, failure) = match outcome {
        Ok(()) => (Verdict::Passed, Failure::default()),
        Err(Trouble::Broken(failure)) => (Verdict::Failed, failure),
        Err(Trouble::Skipped(because)) => (Verdict::Skipped, Failure { because, ..Failure::default() }),
        Err(Trouble::Lab(because)) => (Verdict::LabBroke, Failure { because, ..Failure::default() }),
    };
    let mut promises = failure.promises;
    promises.extend(&stage.promises);
    promises.extend(failure.also);
    let mut seen = HashSet::new();
    promises.retain(|id| seen.insert(*id));
    let stderr = lab.scene.cast().into_iter().map(|actor| (actor.name(), actor.child.stderr()));
    StageReport {
        id: stage.id(),
        title: stage.title,
        role: stage.role,
        promises,
        verdict,
        because: literal::harmless(&failure.because),
        detail: failure.detail.lines().map(literal::harmless).collect::<Vec<_>>().join("\n"),
        why: stage.why,
        transcript: lab.scene.transcript().clone(),
        stderr: stderr.filter(|(_, text)| !text.trim().is_empty()).collect(),
        remarks: lab.scene.remarks(),
        took: began.elapsed(),
    }
}

/// Plays the stages side by side; `tell` hears of each, in their order, as soon as all before it are done.
pub fn play_all(stages: &[&Stage], programs: &Programs, mut tell: impl FnMut(&StageReport)) -> Vec<StageReport> {
    let mut order: Vec<_> = (0..stages.len()).collect();
    order.sort_by_key(|at| !stages[*at].waits);
    let next = AtomicUsize::new(0);
    let (announce, done) = channel();
    let mut reports: Vec<Option<StageReport>> = stages.iter().map(|_| None).collect();
    thread::scope(|scope| {
        for _ in 0..slots().min(stages.len()) {
            let (announce, order, next) = (announce.clone(), &order, &next);
            scope.spawn(move || {
                while let Some(at) = order.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let _ = announce.send((*at, play(stages[*at], programs)));
                }
            });
        }
        drop(announce);
        let mut told = 0;
        for (at, report) in done {
            reports[at] = Some(report);
            while let Some(Some(report)) = reports.get(told) {
                tell(report);
                told += 1;
            }
        }
    });
    reports.into_iter().flatten().collect()
}

/// How many stages are played at a time. Most of a stage is waiting, so there are more than processors; but not so many
/// that programs which are slow to start (an interpreter is) run into the patience together.
fn slots() -> usize {
    4 * thread::available_parallelism().map_or(2, usize::from)
}

/// Ends all programs, and looks at what they leave: lines and datagrams that nobody expected, crashes, early ends.
fn conclude(scene: &Scene, told: Outcome) -> Outcome {
    let cast = scene.cast();
    let told = told.and_then(|()| scene.all_still_serve());
    let deserted: Option<Actor> = cast.iter().find(|actor| actor.has_deserted()).cloned();
    for actor in &cast {
        actor.child.kill();
    }
    // From here on, all that was ever printed is read, and all that was ever sent has arrived.
    let told = told.and_then(|()| nothing_is_left(scene, &cast));
    let told = explain_crash(told, &cast, deserted.as_ref());
    match (told, cast.iter().find_map(|actor| unwritten(actor).or_else(|| flooding(actor)))) {
        (Err(Trouble::Broken(_)), Some(failure)) => Err(Trouble::Broken(failure)),
        (told, _) => told,
    }
}

fn nothing_is_left(scene: &Scene, cast: &[Actor]) -> Outcome {
    for actor in cast {
        let (line, what) = match actor.child.next_line(Duration::ZERO) {
            Line::Text(line) => (line, "which is not part of its transcript"),
            Line::Unfinished(line) => (line, "and did not end the line"),
            Line::TooMuch | Line::Closed | Line::Silence => continue,
        };
        scene.note(actor.role.name(), Act::Prints, &line);
        let line = transcript::shortened(&literal::harmless(&line));
        return Err(broken(format!("{} printed `{line}`, {what}.", capital(&actor.name()))).of(&["C4"]));
    }
    for Watched { owner, socket, forgiven } in scene.sockets() {
        socket.set_nonblocking(true)?;
        let mut buffer = [0; 1 << 16];
        while let Ok(length) = socket.recv(&mut buffer) {
            if forgiven.has(&buffer[..length]) {
                continue;
            }
            let came = scene.described(&buffer[..length]);
            scene.note(&owner, Act::Receives, &came);
            let came = transcript::shortened(&came);
            return Err(broken(format!("{} got {came}, which nobody had asked for.", titled(&owner))));
        }
    }
    Ok(())
}

/// What runtimes write when a program crashes.
const CRASHES: [&str; 7] = [
    "panicked at",
    "stack backtrace:",
    "Traceback (most recent call last)",
    "goroutine 1 [running]",
    "Exception in thread",
    "node:internal/",
    "AddressSanitizer",
];

fn explain_crash(told: Outcome, cast: &[Actor], deserted: Option<&Actor>) -> Outcome {
    let crash = cast.iter().find_map(|actor| {
        let stderr = actor.child.stderr();
        let line = stderr.lines().find(|line| CRASHES.iter().any(|crash| line.contains(crash)))?;
        Some((actor.name(), literal::harmless(line)))
    });
    match (told, crash) {
        (Ok(()), Some((name, line))) => Err(broken(format!("{} crashed: `{line}`.", capital(&name))).of(&["C5"])),
        (Err(Trouble::Broken(mut failure)), crash) => {
            if let Some((name, line)) = crash {
                failure.because.push_str(&format!(" {} crashed: `{line}`.", capital(&name)));
                failure.also.push("C5");
            }
            if let Some(actor) = deserted {
                failure.because = format!("{} {}. {}", capital(&actor.name()), ended(&actor.child), failure.because);
                failure.also.push("C6");
            }
            Err(Trouble::Broken(failure))
        }
        (told, _) => told,
    }
}

/// A program that prints without end is blocked by it, sooner or later, whatever else it does.
fn flooding(actor: &Actor) -> Option<Failure> {
    let because = format!(
        "{} printed more than anybody reads: over {} MiB, or a line without an end.",
        capital(&actor.name()),
        STDOUT_LIMIT >> 20
    );
    actor.child.prints_too_much().then(|| Failure { promises: vec!["C4"], because, ..Failure::default() })
}

/// What a `todo!` says: the first thing to write.
fn unwritten(actor: &Actor) -> Option<Failure> {
    let stderr = actor.child.stderr();
    let (before, message) = stderr.split_once("not yet implemented: ")?;
    let place = before.lines().rfind(|line| line.contains("panicked at ")).and_then(|line| {
        let place = line.rsplit("panicked at ").next()?.trim_end_matches(':');
        // FILE:LINE:COLUMN
        Some(format!(" ({})", place.rsplit_once(':')?.0))
    });
    let todo = literal::harmless(message.lines().next().unwrap_or_default());
    let because = format!(
        "{} reached a part that is not written yet{}. {}",
        capital(&actor.name()),
        place.unwrap_or_default(),
        todo
    );
    Some(Failure { because, ..Failure::default() })
}
