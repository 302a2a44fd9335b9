//! The three framings as the lab writes them, and what a program prints of what it reads.

use scenario::{Outcome, Program, compare, demand, quoted};

pub const LINE: &[&str] = &["--framing", "line"];
pub const NONE: &[&str] = &["--framing", "none"];

/// The limit without `--max-frame`.
pub const DEFAULT_LIMIT: usize = 1 << 20;

/// A message behind its length.
pub fn frame(message: impl AsRef<[u8]>) -> Vec<u8> {
    let message = message.as_ref();
    [&header(message.len() as u32)[..], message].concat()
}

pub fn header(length: u32) -> [u8; 4] {
    length.to_be_bytes()
}

pub fn frames(messages: &[&str]) -> Vec<u8> {
    messages.iter().flat_map(frame).collect()
}

/// Lines of different lengths, sent together.
pub const SOME_LINES: &str = "one\nthree\nx\nand no end";

/// Reads the lines `read 1…: "…"` until their texts make up `due`. How many reads that takes is for TCP to decide, and
/// for the size of the program's buffer.
pub fn prints_reads(program: &Program, from: &str, count: &mut usize, due: &str) -> Outcome {
    let (mut rest, mut reads) = (due, Vec::new());
    while !rest.is_empty() {
        *count += 1;
        let begin = format!("read {count}{from}: ");
        let line = program.next_line(&format!("{begin}{rest:?}"))?;
        let text = line.strip_prefix(&begin).unwrap_or_default();
        let length = (1..=rest.len()).find(|length| compare(&quoted(&rest.as_bytes()[..*length]), text).is_ok());
        let Some(length) = length else {
            return demand(false, || {
                format!("It printed `{line}`, where `{begin}{rest:?}` was due, or a first part of it.")
            });
        };
        reads.push(&rest[..length]);
        rest = &rest[length..];
    }
    demand(due != SOME_LINES || !reads.iter().copied().eq(SOME_LINES.split_inclusive('\n')), || {
        "It made a read of each line; what came together was one read, or as many as its buffer is small.".to_owned()
    })
}
