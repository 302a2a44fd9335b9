//! What a transfer leaves behind: lines on stdout, and files in folders.

use std::time::{Duration, Instant};

use scenario::{Breaking, Folder, Lab, Outcome, Program, demand};

/// What a program must print, in a chapter where one promise is about nothing else.
pub trait Tells {
    /// The next line must be this one.
    fn says(&self, line: &str) -> Outcome;
    /// This line must come, perhaps after others.
    fn says_among_others(&self, line: &str) -> Outcome;
}

impl Tells for Program {
    fn says(&self, line: &str) -> Outcome {
        self.prints(line).breaking(&[promise_about(line), "C4"])
    }

    fn says_among_others(&self, line: &str) -> Outcome {
        self.prints_among_others(line).breaking(&[promise_about(line), "C4"])
    }
}

/// The client says `got …` and `put …`, the server all the rest. C4 is about each line: that it is on stdout, at once.
fn promise_about(line: &str) -> &'static str {
    if line.starts_with("got ") || line.starts_with("put ") { "F13" } else { "F12" }
}

/// The file in the folder must be this one.
pub fn holds(folder: &Folder, name: &str, file: &[u8]) -> Outcome {
    let found = folder.get(name)?;
    demand(found.is_some(), || format!("There is no file {name:?}, although its transfer is complete."))?;
    let found = found.unwrap_or_default();
    let same = found.iter().zip(file).take_while(|(found, due)| found == due).count();
    demand(found == file, || {
        format!(
            "The file {name:?} has {} bytes and differs from byte {same} on; {} bytes were sent.",
            found.len(),
            file.len()
        )
    })
}

/// There must be these files in the folder, and nothing else.
pub fn has_only(folder: &Folder, names: &[&str]) -> Outcome {
    let found = folder.names()?;
    demand(found == names, || format!("The folder holds {found:?}, where {names:?} should be all."))
}

/// Waits until there are these files in the folder and nothing else: what a program cleans up after its last word.
pub fn soon_has_only(lab: &Lab, folder: &Folder, names: &[&str]) -> Outcome {
    let deadline = Instant::now() + lab.patience();
    while folder.names()? != names && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(5));
    }
    has_only(folder, names)
}

/// The room that there is in a folder for some stages, and a file that is too large for it.
pub const LITTLE_ROOM: u64 = 128 << 10;

pub const LARGE: usize = 200 << 10;
