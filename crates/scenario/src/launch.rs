//! How the program under test is started: one that was built here, or any command line in any language.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, bail};

/// A program that can be started.
#[derive(Debug, Clone)]
pub struct Launch {
    words: Vec<String>,
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
}

impl Launch {
    /// A program that was built here.
    pub fn built(program: PathBuf) -> Launch {
        Launch { words: vec![program.to_string_lossy().into_owned()], has_places: false }
    }

    /// A command line as a shell splits it. `{host}` and `{port}` in it are filled in; without them the contract's
    /// options are appended.
    ///
    /// # Errors
    ///
    /// For a quote without its partner, and for nothing at all.
    pub fn command_line(text: &str) -> anyhow::Result<Launch> {
        let words = shell_words::split(text).with_context(|| format!("cannot split the command line `{text}`"))?;
        if words.is_empty() {
            bail!("the command line is empty");
        }
        Ok(Launch { words, has_places: text.contains("{host}") || text.contains("{port}") })
    }

    /// Whether options are filled into places rather than appended.
    pub(crate) fn has_places(&self) -> bool {
        self.has_places
    }

    /// The command that starts it as a server at an address.
    pub fn server(&self, bind: &str, more: &[&str]) -> Command {
        self.at("--bind", bind, more)
    }

    /// The command that starts it as a client of the server at an address.
    pub fn client(&self, connect: &str, more: &[&str]) -> Command {
        self.at("--connect", connect, more)
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
        command(self.words.iter().map(fill), more)
    }

    /// The command with these arguments and nothing else.
    pub(crate) fn with(&self, arguments: &[&str]) -> Command {
        command(self.words.iter().cloned(), arguments)
    }
}

fn command(mut words: impl Iterator<Item = String>, more: &[&str]) -> Command {
    let mut command = Command::new(words.next().unwrap_or_default());
    command.args(words).args(more);
    // A panic is reported by its message; its backtrace would hide it.
    command.env("RUST_BACKTRACE", "0");
    command
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
        let launch = Launch::command_line("python3 'my server.py'").unwrap();
        let command = launch.at("--bind", "127.0.0.1:0", &["--quiet"]);
        assert_eq!(words(&command), ["python3", "my server.py", "--bind", "127.0.0.1:0", "--quiet"]);
    }

    #[test]
    fn or_filled_in_where_there_are_places_for_them() {
        let launch = Launch::command_line("nc {host} {port} x={host}:{port}").unwrap();
        assert_eq!(words(&launch.at("--connect", "[::1]:80", &[])), ["nc", "::1", "80", "x=[::1]:80"]);
    }

    #[test]
    fn what_is_no_command_line_is_refused() {
        assert!(Launch::command_line("").is_err());
        assert!(Launch::command_line("python3 'x").is_err());
    }
}
