//! Ctrl-C comes when it likes, also in the moment in which a program is being started. No program outlives it.
#![cfg(unix)]

use std::process::Command;
use std::sync::Barrier;
use std::{env, thread};

use supervise::{Child, end_all};

const ROUNDS: usize = 10;
const STARTERS: usize = 4;

/// Set for the process that is interrupted: what all of its programs have in their command line.
const MARK: &str = "INTERRUPTED_PROGRAMS";

#[test]
fn a_program_that_is_being_started_does_not_outlive_the_interrupt() {
    if let Ok(mark) = env::var(MARK) {
        return be_interrupted(&mark);
    }
    for round in 0..ROUNDS {
        let mark = format!("started-by-{}-in-round-{round}", std::process::id());
        let status = Command::new(env::current_exe().expect("this test")).env(MARK, &mark).status();
        assert!(status.expect("it can be started").success());
        let listed = Command::new("ps").args(["-eo", "stat,args"]).output().expect("every Unix has ps");
        let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
        let left: Vec<_> = listed.lines().filter(|line| line.contains(&mark) && !line.starts_with('Z')).collect();
        assert!(left.is_empty(), "still running: {left:?}");
    }
}

/// Starts programs on many threads at a time, and ends in the middle of it.
fn be_interrupted(mark: &str) {
    let all_ready = Barrier::new(STARTERS + 1);
    thread::scope(|scope| {
        for _ in 0..STARTERS {
            scope.spawn(|| {
                all_ready.wait();
                loop {
                    let mut command = Command::new("sh");
                    command.args(["-c", "sleep 20; :", mark]);
                    match Child::start(command) {
                        // Its owner has no time to end it before the process is over.
                        Ok(child) => std::mem::forget(child),
                        Err(_) => return,
                    }
                }
            });
        }
        all_ready.wait();
        end_all();
        std::process::exit(0);
    });
}
