//! Daemons that nobody can name at first. One test at a time: whatever one of them ends, it ends the others' daemons, too.
#![cfg(target_os = "linux")]

use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use supervise::{Child, Line};

const PATIENCE: Duration = Duration::from_secs(30);

static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

fn shell(script: &str) -> Child {
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    Child::start(command).expect("every Unix has sh")
}

fn line(child: &Child) -> String {
    match child.next_line(PATIENCE) {
        Line::Text(line) => line,
        other => panic!("a line was expected, not {other:?}"),
    }
}

/// The processes with these words in their command line; zombies are none.
fn running(words: &str) -> Vec<String> {
    let listed = Command::new("ps").args(["-eo", "stat,pid,args"]).output().expect("every Unix has ps");
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    listed.lines().filter(|line| line.contains(words) && !line.starts_with('Z')).map(str::to_owned).collect()
}

/// A command that lasts long enough, and is told from all others.
fn sleeping(test: u32) -> String {
    format!("sleep 1{test}{:08}", std::process::id())
}

#[test]
fn one_that_cleans_its_environment_and_holds_the_pipe_does_not_escape() {
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let sleeping = sleeping(1);
    let child = shell(&format!("setsid env -i PATH=$PATH sh -c 'echo ready; exec {sleeping}' & sleep 0.1"));
    assert_eq!(line(&child), "ready");
    assert!(child.wait(PATIENCE).is_some());
    assert_eq!(running(&sleeping).len(), 1);
    drop(child);
    assert!(running(&sleeping).is_empty());
}

/// A process that is ending has lost its mark, and still has its children: whoever looks in this moment sees neither.
#[test]
fn one_that_is_just_being_started_does_not_escape() {
    const ROUNDS: usize = 100;
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let sleeping = sleeping(2);
    for _ in 0..ROUNDS {
        let child = shell(&format!("setsid sh -c '{sleeping} & exit' & echo ready"));
        assert_eq!(line(&child), "ready");
        drop(child);
    }
    let left = running(&sleeping);
    assert!(left.is_empty(), "{left:?}");
}
