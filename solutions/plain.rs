//! What the tests against plain programs have in common: start one, read its lines.

use std::process::Command;
use std::time::Duration;

use supervise::{Child, Line};

/// How long a line, or an end, may take.
pub const PATIENCE: Duration = Duration::from_secs(20);

pub fn start(program: &str, arguments: &[&str]) -> Child {
    let mut command = Command::new(program);
    command.args(arguments);
    Child::start(command).unwrap_or_else(|error| panic!("{program} is missing ({error}): `apt-get install {program}`"))
}

pub fn line(child: &Child) -> String {
    match child.next_line(PATIENCE) {
        Line::Text(line) => line,
        other => panic!("{other:?} instead of a line; on stderr: {}", child.stderr()),
    }
}

/// The port at the end of a line.
pub fn port(line: &str) -> &str {
    line.rsplit(':').next().expect("a line with a port")
}
