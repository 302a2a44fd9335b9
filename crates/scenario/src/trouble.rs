//! Why a story ended early: the program broke a promise, the stage does not apply, or the lab itself is broken.

use std::io;

/// What a story and each of its verbs return.
pub type Outcome<T = ()> = Result<T, Trouble>;

/// Three different ends that must never be taken for one another.
#[derive(Debug, Clone)]
pub enum Trouble {
    /// The program under test did what it must not do, or not what it must.
    Broken(Failure),
    /// The stage cannot be played here, which is nobody's fault: "this machine has no IPv6".
    Skipped(String),
    /// The lab could not do its own part.
    Lab(String),
}

/// A broken promise.
#[derive(Debug, Clone, Default)]
pub struct Failure {
    /// Promises that the verb found broken, before those that the stage is about.
    pub promises: Vec<&'static str>,
    /// Promises that are broken as well, after those that the stage is about.
    pub also: Vec<&'static str>,
    /// One sentence about the program.
    pub because: String,
    /// What helps to see it: the two lines one below the other, the character that differs.
    pub detail: String,
}

/// A failure of the promises that the stage is about.
pub(crate) fn broken(because: impl Into<String>) -> Trouble {
    Trouble::Broken(Failure { because: because.into(), ..Failure::default() })
}

impl Trouble {
    /// Names promises that were broken, before those that the stage is about.
    pub(crate) fn of(mut self, promises: &[&'static str]) -> Trouble {
        if let Trouble::Broken(failure) = &mut self {
            failure.promises = promises.to_vec();
        }
        self
    }

    /// Names promises that are broken as well.
    pub(crate) fn also(mut self, promises: &[&'static str]) -> Trouble {
        if let Trouble::Broken(failure) = &mut self {
            failure.also.extend(promises);
        }
        self
    }

    /// Adds what helps to see the failure.
    pub(crate) fn seen_in(mut self, detail: String) -> Trouble {
        if let Trouble::Broken(failure) = &mut self {
            failure.detail = detail;
        }
        self
    }
}

/// An error of the lab's own sockets and files.
impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Trouble {
        Trouble::Lab(error.to_string())
    }
}

/// Names, in a story, the promise that a failed verb has found broken.
pub trait Breaking<T> {
    /// The promises that are broken, beside those that the stage is about.
    ///
    /// # Errors
    ///
    /// The same as before.
    fn breaking(self, promises: &[&'static str]) -> Outcome<T>;
}

impl<T> Breaking<T> for Outcome<T> {
    fn breaking(self, promises: &[&'static str]) -> Outcome<T> {
        self.map_err(|trouble| trouble.also(promises))
    }
}

/// Says, in a story, what the silence or the surprise that a verb met means there.
pub trait Meaning<T> {
    /// Puts `sentence` in front of the verb's own.
    ///
    /// # Errors
    ///
    /// The same as before.
    fn or_rather(self, sentence: &str) -> Outcome<T>;
}

impl<T> Meaning<T> for Outcome<T> {
    fn or_rather(self, sentence: &str) -> Outcome<T> {
        self.map_err(|mut trouble| {
            if let Trouble::Broken(failure) = &mut trouble {
                failure.because = format!("{sentence} {}", failure.because);
            }
            trouble
        })
    }
}

/// Fails the stage with a sentence about the program, unless `holds`.
///
/// # Errors
///
/// The failure.
pub fn demand(holds: bool, because: impl FnOnce() -> String) -> Outcome {
    if holds { Ok(()) } else { Err(broken(because())) }
}

/// Leaves the stage out, for a reason that is not the program's.
///
/// # Errors
///
/// Always.
pub fn skip<T>(reason: impl Into<String>) -> Outcome<T> {
    Err(Trouble::Skipped(reason.into()))
}
