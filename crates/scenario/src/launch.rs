//! How the program under test is started: one that was built here, or any command line in any language.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use anyhow::{Context, bail, ensure};

use crate::role::Role;
use crate::scene::lock;
use crate::trouble::{Outcome, Trouble, skip};

/// A program that can be started.
#[derive(Debug, Clone)]
pub struct Launch {
    words: Vec<String>,
    /// Where it is started, if not where we are.
    home: Option<PathBuf>,
    /// Whether the command line says itself where host and port go.
    has_places: bool,
}

/// The programs that a run of the stages grades.
#[derive(Debug, Clone, Default)]
pub struct Programs {
    /// The server, unless only a client is graded.
    pub server: Option<Launch>,
    /// The client, unless only a server is graded.
    pub client: Option<Launch>,
    /// What the stages have found out about a server that says nothing.
    pub(crate) silence: Arc<Silence>,
}

/// A server that was silent in two stages, and spoke in none, is not waited for in the others.
#[derive(Debug, Default)]
pub(crate) struct Silence {
    troubles: Mutex<Vec<Trouble>>,
    spoke: AtomicBool,
}

impl Silence {
    /// Why it need not be waited for.
    pub(crate) fn certain(&self) -> Option<Trouble> {
        let troubles = lock(&self.troubles);
        troubles.get(1).filter(|_| !self.spoke.load(Ordering::Relaxed)).cloned()
    }

    pub(crate) fn heard(&self, trouble: &Trouble) {
        lock(&self.troubles).push(trouble.clone());
    }

    pub(crate) fn broken(&self) {
        self.spoke.store(true, Ordering::Relaxed);
    }
}

impl Programs {
    /// The programs to be graded.
    pub fn new(server: Option<Launch>, client: Option<Launch>) -> Programs {
        Programs { server, client, silence: Arc::default() }
    }

    /// Whether a stage of this role has what it needs.
    pub fn suffice_for(&self, role: Role) -> bool {
        self.needed_by(role).is_ok()
    }

    /// Skips a stage whose program was not given.
    pub(crate) fn needed_by(&self, role: Role) -> Outcome {
        if role != Role::Client && self.server.is_none() {
            return skip("no server was given: `--server CMD`");
        }
        if role != Role::Server && self.client.is_none() {
            return skip("no client was given: `--client CMD`");
        }
        Ok(())
    }
}

impl Launch {
    /// A program that was built here.
    pub fn built(program: PathBuf) -> Launch {
        Launch { words: vec![program.to_string_lossy().into_owned()], home: None, has_places: false }
    }

    /// A command line as a shell splits it. `{host}` and `{port}` in it are filled in; without them `--bind` or
    /// `--connect` is appended.
    ///
    /// # Errors
    ///
    /// For a quote without its partner, and for nothing at all.
    pub fn command_line(text: &str) -> anyhow::Result<Launch> {
        let words = shell_words::split(text).with_context(|| format!("cannot split the command line `{text}`"))?;
        if words.is_empty() {
            bail!("the command line is empty");
        }
        ensure!(can_be_found(&words[0]), "cannot start `{}`: there is no such program", words[0]);
        let has_places = text.contains("{host}") || text.contains("{port}");
        Ok(Launch { words, home: None, has_places })
    }

    /// Whether options are filled into places rather than appended.
    pub(crate) fn has_places(&self) -> bool {
        self.has_places
    }

    /// The command that starts it as a server at an address.
    pub fn server(&self, bind: &str, more: &[&str]) -> Command {
        self.at("--bind", bind, more)
    }

    /// The command that starts it as a client of the server at an address, or of the one that a URL names.
    pub fn client(&self, connect: &str, more: &[&str]) -> Command {
        match connect.split_once("://").map(|(_, rest)| rest.split_once('/').unwrap_or((rest, ""))) {
            None => self.at("--connect", connect, more),
            Some(_) if !self.has_places => self.with(&[more, &[connect]].concat()),
            Some((address, path)) => {
                let mut launch = self.clone();
                for word in &mut launch.words {
                    *word = word.replace("{host}:{port}/", &format!("{{host}}:{{port}}/{path}"));
                }
                launch.at("", address, more)
            }
        }
    }

    /// The command that gives the program `option ADDRESS` (`--bind 127.0.0.1:0`) and then `more`.
    fn at(&self, option: &str, address: &str, more: &[&str]) -> Command {
        if !self.has_places {
            return self.with(&[&[option, address], more].concat());
        }
        let (host, port) = address.rsplit_once(':').unwrap_or((address, ""));
        let bare_host = host.trim_start_matches('[').trim_end_matches(']');
        let fill =
            |word: &String| word.replace("{host}:{port}", address).replace("{host}", bare_host).replace("{port}", port);
        self.command(self.words.iter().map(fill), more)
    }

    /// The command with these arguments and nothing else.
    pub(crate) fn with(&self, arguments: &[&str]) -> Command {
        self.command(self.words.iter().cloned(), arguments)
    }

    fn command(&self, mut words: impl Iterator<Item = String>, more: &[&str]) -> Command {
        let mut command = Command::new(words.next().unwrap_or_default());
        command.args(words).args(more);
        if let Some(home) = &self.home {
            command.current_dir(home);
        }
        // A panic is reported by its message; its backtrace would hide it.
        command.env("RUST_BACKTRACE", "0");
        // Whether a program flushes its lines must not depend on who grades it.
        command.env_remove("PYTHONUNBUFFERED");
        command
    }

    /// The same program, to be started in another folder. Words that name a file from where we are go on naming it.
    pub(crate) fn in_folder(&self, home: &Path) -> Launch {
        let from_here = |word: &String| match Path::new(word).canonicalize() {
            Ok(path) => path.to_string_lossy().into_owned(),
            Err(_) => word.clone(),
        };
        // A bare name at the beginning is looked up in PATH.
        let is_in_path = |at: usize, word: &str| at == 0 && Path::new(word).components().count() == 1;
        let words = self.words.iter().enumerate();
        let words = words.map(|(at, word)| if is_in_path(at, word) { word.clone() } else { from_here(word) });
        Launch { words: words.collect(), home: Some(home.to_owned()), has_places: self.has_places }
    }
}

/// Whether a program is where it is said to be, or in a folder of PATH.
fn can_be_found(program: &str) -> bool {
    let here = Path::new(program);
    if here.components().count() > 1 {
        return here.is_file();
    }
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let name = here.with_extension(std::env::consts::EXE_EXTENSION);
    std::env::split_paths(&folders).any(|folder| folder.join(here).is_file() || folder.join(&name).is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(command: &Command) -> Vec<String> {
        std::iter::once(command.get_program())
            .chain(command.get_args())
            .map(|word| word.to_string_lossy().into_owned())
            .collect()
    }

    #[test]
    fn options_are_appended() {
        let launch = Launch::command_line("cargo 'my server.py'").unwrap();
        let command = launch.at("--bind", "127.0.0.1:0", &["--quiet"]);
        assert_eq!(words(&command), ["cargo", "my server.py", "--bind", "127.0.0.1:0", "--quiet"]);
    }

    #[test]
    fn or_filled_in_where_there_are_places_for_them() {
        let launch = Launch::command_line("cargo {host} {port} x={host}:{port}").unwrap();
        assert_eq!(words(&launch.at("--connect", "[::1]:80", &[])), ["cargo", "::1", "80", "x=[::1]:80"]);
    }

    #[test]
    fn a_url_stands_by_itself_or_is_filled_in() {
        let launch = Launch::command_line("cargo").unwrap();
        assert_eq!(words(&launch.client("http://[::1]:80/a/b", &["-L"])), ["cargo", "-L", "http://[::1]:80/a/b"]);
        let launch = Launch::command_line("cargo http://{host}:{port}/").unwrap();
        assert_eq!(words(&launch.client("http://[::1]:80/a/b", &["-L"])), ["cargo", "http://[::1]:80/a/b", "-L"]);
    }

    #[test]
    fn what_is_no_command_line_is_refused() {
        assert!(Launch::command_line("").is_err());
        assert!(Launch::command_line("cargo 'x").is_err());
        assert!(Launch::command_line("/no/such/program").is_err());
    }
}
