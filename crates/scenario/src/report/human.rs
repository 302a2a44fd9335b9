//! What a student reads: a line a stage, and of the first failure the whole story.

use std::fmt::Write;

use transcript::literal::harmless;

use super::Tally;
use crate::chapter::Chapter;
use crate::runner::{StageReport, Verdict};

/// Colours, or none.
#[derive(Debug, Clone, Copy)]
pub struct Style {
    /// Whether escape sequences may be used: only on a terminal.
    pub colours: bool,
}

impl Style {
    /// The text in a colour, given by its code: `32` is green.
    pub fn paint(self, code: &str, text: &str) -> String {
        if self.colours { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    fn green(self, text: &str) -> String {
        self.paint("32", text)
    }

    fn red(self, text: &str) -> String {
        self.paint("1;31", text)
    }

    fn yellow(self, text: &str) -> String {
        self.paint("33", text)
    }

    fn bold(self, text: &str) -> String {
        self.paint("1", text)
    }

    fn faint(self, text: &str) -> String {
        self.paint("2", text)
    }
}

/// One stage in a line, with its reason when it was skipped, and its remarks.
pub fn line(stage: &StageReport, style: Style) -> String {
    let sign = match stage.verdict {
        Verdict::Passed => style.green("  ok  "),
        Verdict::Failed => style.red(" FAIL "),
        Verdict::Skipped => style.yellow(" skip "),
        Verdict::LabBroke => style.red(" lab! "),
    };
    let promises = style.faint(&format!("[{}]", stage.promises.join(" ")));
    let mut line = format!("{sign} {:<6}  {} {promises}\n", stage.role.name(), stage.title);
    if matches!(stage.verdict, Verdict::Skipped | Verdict::LabBroke) {
        let _ = writeln!(line, "               {}", harmless(&stage.because));
    }
    for remark in &stage.remarks {
        let _ = writeln!(line, "               {} {remark}", style.yellow("note:"));
    }
    line
}

/// Why a stage failed, in a sentence below its line.
pub fn reason(stage: &StageReport, style: Style) -> String {
    wrapped("               ", &style.faint(&stage.because))
}

/// How many lines of a program's last words on stderr are shown.
const LAST_WORDS: usize = 8;

/// How many lines of a long conversation are shown.
const SHOWN: usize = 24;

/// A failed stage, in full: the promise, what the program did, the conversation, why it matters, and what to do next.
///
/// `given` is how the programs were named on the command line, so that the check can be repeated.
pub fn failure(stage: &StageReport, chapter: &Chapter, given: &str, style: Style) -> String {
    let mut text = format!("\n{}\n\n", style.bold(&format!("{}: {}", stage.id, stage.title)));
    for id in stage.promises.iter().take(2) {
        let promise = chapter.promise(id).unwrap_or_default();
        text.push_str(&wrapped(&format!("{id}  "), promise));
    }
    let _ = writeln!(text, "\n{}", wrapped("  ", &style.red(&stage.because)).trim_end());
    if !stage.detail.is_empty() {
        let _ = writeln!(text, "\n{}", indented(&stage.detail, "      "));
    }
    let _ = writeln!(text, "\n{}", conversation(stage, style));
    text.push_str(&wrapped("  Why: ", stage.why));
    for (name, stderr) in &stage.stderr {
        let lines: Vec<_> = stderr.lines().filter(|line| !line.trim().is_empty()).map(harmless).collect();
        let last = &lines[lines.len().saturating_sub(LAST_WORDS)..];
        let last: Vec<_> = last.iter().map(|line| transcript::shortened(line)).collect();
        let _ = writeln!(text, "\n  The last words of {name} on stderr:\n{}", indented(&last.join("\n"), "      "));
    }
    let _ = writeln!(
        text,
        "\n  {}  cargo xtask check {}{given} --stage {}",
        style.faint("again: "),
        chapter.name(),
        stage.id
    );
    let _ = writeln!(text, "  {}  cargo xtask hint {} {}", style.faint("a hint:"), chapter.name(), stage.id);
    text
}

/// The conversation, with an arrow at its last line: the surprise.
fn conversation(stage: &StageReport, style: Style) -> String {
    let rendered = stage.transcript.render();
    let lines: Vec<_> = rendered.lines().collect();
    let Some((surprise, before)) = lines.split_last() else {
        return String::new();
    };
    let skipped = before.len().saturating_sub(SHOWN);
    let mut text = String::new();
    if skipped > 0 {
        let _ = writeln!(text, "      ({skipped} lines before)");
    }
    for line in &before[skipped..] {
        let _ = writeln!(text, "      {line}");
    }
    let _ = writeln!(text, "  {}   {surprise}", style.red(">"));
    text
}

/// The last line: how many stages went which way.
pub fn summary(tally: Tally, style: Style) -> String {
    let Tally { passed, failed, skipped, lab_broke } = tally;
    let counts = format!("{passed} passed, {failed} failed, {skipped} skipped");
    match (failed, lab_broke) {
        (0, 0) => style.green(&counts),
        (_, 0) => style.red(&counts),
        _ => style.red(&format!(
            "{counts}; {lab_broke} could not be played because the lab failed: that is not your program's fault"
        )),
    }
}

fn indented(text: &str, by: &str) -> String {
    text.lines().map(|line| format!("{by}{line}")).collect::<Vec<_>>().join("\n")
}

/// Text in lines of at most 96 characters, the first one after `head`, the others indented as far.
fn wrapped(head: &str, text: &str) -> String {
    const WIDTH: usize = 96;
    let indent = " ".repeat(head.chars().count() + if head.starts_with(' ') { 0 } else { 2 });
    let mut result = if head.starts_with(' ') { head.to_owned() } else { format!("  {head}") };
    let mut column = indent.len();
    for word in text.split_whitespace() {
        let length = word.chars().count();
        if column > indent.len() && column + length > WIDTH {
            result.push('\n');
            result.push_str(&indent);
            column = indent.len();
        } else if column > indent.len() {
            result.push(' ');
            column += 1;
        }
        result.push_str(word);
        column += length;
    }
    result.push('\n');
    result
}
