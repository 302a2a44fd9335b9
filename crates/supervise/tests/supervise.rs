//! Programs that behave, and programs that do not: each is read, waited for, and gone in the end.
#![cfg(unix)]

use std::process::Command;
use std::time::Duration;

use supervise::{Child, Line};

const PATIENCE: Duration = Duration::from_secs(30);
const SHORT: Duration = Duration::from_millis(100);

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

/// Whether a process with this id runs (a zombie does not).
fn runs(id: &str) -> bool {
    let status = Command::new("ps").args(["-o", "stat=", "-p", id]).output().expect("every Unix has ps");
    let state = String::from_utf8_lossy(&status.stdout).trim().to_owned();
    !state.is_empty() && !state.starts_with('Z')
}

#[test]
fn lines_come_one_by_one_and_then_the_end() {
    let child = shell("echo one; echo; printf three");
    assert_eq!(child.next_line(PATIENCE), Line::Text("one".into()));
    assert_eq!(child.next_line(PATIENCE), Line::Text(String::new()));
    assert_eq!(child.next_line(PATIENCE), Line::Unfinished("three".into()));
    assert_eq!(child.next_line(PATIENCE), Line::Closed);
    assert_eq!(child.wait(PATIENCE).and_then(|status| status.code()), Some(0));
}

#[test]
fn a_program_that_prints_nothing_is_not_waited_for_longer_than_the_patience() {
    let child = shell("exec sleep 1000");
    assert_eq!(child.next_line(SHORT), Line::Silence);
    assert!(child.wait(SHORT).is_none());
}

#[test]
fn stdin_is_written_and_ended() {
    let child = shell("cat; echo bye");
    child.write(b"hello\n");
    assert_eq!(line(&child), "hello");
    child.close_stdin();
    assert_eq!(line(&child), "bye");
}

#[test]
fn input_that_is_not_read_blocks_nobody() {
    let child = shell("echo ready; exec sleep 1000");
    child.write(&vec![b'x'; 1 << 20]);
    assert_eq!(line(&child), "ready");
}

#[test]
#[cfg(target_os = "linux")]
fn memory_is_told() {
    let child = shell("echo ready; exec sleep 1000");
    assert_eq!(line(&child), "ready");
    assert!(child.memory().is_some_and(|bytes| (100 << 10..1 << 30).contains(&bytes)));
}

#[test]
fn a_flood_is_cut_off_and_a_line_without_end_too() {
    let flood = shell("yes");
    let mut lines = 0;
    while let Line::Text(_) = flood.next_line(PATIENCE) {
        lines += 1;
    }
    assert!(lines > 1000);
    assert_eq!(flood.next_line(PATIENCE), Line::TooMuch);
    let endless = shell("exec cat /dev/zero");
    assert_eq!(endless.next_line(PATIENCE), Line::TooMuch);
}

#[test]
fn of_a_flood_on_stderr_the_end_is_kept() {
    let child = shell("head -c 1000000 /dev/zero | tr '\\0' x >&2; echo last words >&2; echo done");
    assert_eq!(line(&child), "done");
    assert!(child.wait(PATIENCE).is_some());
    child.kill();
    let stderr = child.stderr();
    assert!(stderr.len() <= 256 << 10 && stderr.ends_with("last words\n"), "{} bytes", stderr.len());
}

#[test]
fn dropping_it_ends_its_children_too() {
    let child = shell("sleep 1000 & echo $!; wait");
    let grandchild = line(&child);
    assert!(runs(&grandchild));
    drop(child);
    assert!(!runs(&grandchild));
}

#[test]
#[cfg(target_os = "linux")]
fn a_daemon_does_not_escape() {
    let child = shell("setsid sh -c 'echo $$; exec sleep 1000' & wait");
    let daemon = line(&child);
    assert!(runs(&daemon));
    drop(child);
    assert!(!runs(&daemon));
}

#[test]
fn a_program_that_ends_when_asked_is_neither_deaf_nor_has_it_children() {
    let ending = shell("exec sleep 1000").ask_to_end(PATIENCE);
    assert_eq!((ending.was_deaf, ending.left_children), (false, false));
}

#[test]
fn a_program_that_ignores_sigterm_is_deaf_and_dies_all_the_same() {
    let child = shell("trap '' TERM; echo ready; while :; do sleep 1000; done");
    assert_eq!(line(&child), "ready");
    assert!(child.ask_to_end(SHORT).was_deaf);
    assert!(child.has_ended());
}

#[test]
fn a_child_left_behind_is_noticed_and_ended() {
    let child = shell("sleep 1000 & echo $!");
    let grandchild = line(&child);
    assert!(child.wait(PATIENCE).is_some());
    assert!(child.left_children(SHORT));
    drop(child);
    assert!(!runs(&grandchild));
}

#[test]
fn a_paused_program_does_nothing_until_it_is_resumed() {
    let child = shell("while read line; do echo $line; done");
    assert!(child.pause());
    child.write(b"hello\n");
    assert_eq!(child.next_line(SHORT), Line::Silence);
    child.resume();
    assert_eq!(line(&child), "hello");
}

#[test]
fn a_line_is_found_among_others() {
    let child = shell("echo one; echo two; echo three");
    assert_eq!(child.find_line(PATIENCE, |line| line == "two").as_deref(), Some("two"));
    assert_eq!(line(&child), "one");
    assert_eq!(line(&child), "three");
    assert_eq!(child.find_line(PATIENCE, |line| line == "four"), None);
}

#[test]
fn what_cannot_be_started_is_an_error() {
    assert!(Child::start(Command::new("./no such program")).is_err());
}
