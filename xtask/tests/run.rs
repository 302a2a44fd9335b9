//! Running programs by hand: what a terminal is for, tried on a pipe.

use std::io::Write;
use std::process::{Command, Output, Stdio};

/// Runs with these lines typed.
fn run(arguments: &[&str], typed: &str) -> Output {
    let mut running = Command::new(env!("CARGO_BIN_EXE_xtask"));
    running.arg("run").args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut running = running.spawn().expect("xtask can be started");
    let mut stdin = running.stdin.take().expect("its input");
    stdin.write_all(typed.as_bytes()).expect("it reads what is typed");
    drop(stdin);
    running.wait_with_output().expect("it ends")
}

/// What somebody read or printed, in its order, without the name in front.
fn lines_of(name: &str, output: &Output) -> Vec<String> {
    let text = String::from_utf8_lossy(&output.stdout);
    let lines = text.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    lines.map(|line| line.trim_start().to_owned()).filter(|line| !line.contains("127.0.0.1")).collect()
}

#[test]
fn a_room_is_told_line_by_line_with_the_name_of_each() {
    let output = run(&["tcp-chat", "--solution", "--clients", "3"], "2: hi\nwelcome\n7: hello?\n1: exit\nexit\n");
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(!said.contains('\x1b') && said.contains("There is no client 7"), "{said}");
    let server = ["| client-2: hi", "< welcome", "| client-1 left", "< exit"];
    assert_eq!(lines_of("server", &output), server, "{said}");
    let first = ["| client-2 joined", "| client-3 joined", "| client-2: hi", "| server: welcome", "< exit"];
    assert_eq!(lines_of("client-1", &output), first, "{said}");
    let second = ["| client-3 joined", "< hi", "| server: welcome", "| client-1 left", "| connection closed by server"];
    assert_eq!(lines_of("client-2", &output), second, "{said}");
    let third = ["| client-2: hi", "| server: welcome", "| client-1 left", "| connection closed by server"];
    assert_eq!(lines_of("client-3", &output), third, "{said}");
}

#[test]
fn the_end_of_the_input_ends_the_room() {
    let output = run(&["tcp-chat", "--solution", "--clients", "1", "--split", "1"], "1: a last line");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(lines_of("server", &output), ["| client-1: a last line", "| client-1 left"]);
}
