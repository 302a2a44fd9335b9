//! A view of files that only the program under test has: another `/etc/hosts`, a folder with little room.
//!
//! Linux can give a program such a view (a mount namespace). Where that is forbidden, and on other systems, the stages that
//! need it are skipped, and say so.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::trouble::{Outcome, skip};

/// The folder is one of a file system of its own, in memory, which has so many bytes.
const LITTLE_ROOM: &str = r#"mount -t tmpfs -o size="$2" none "$1""#;

/// The command, after `script`, which has `arguments` as $1 and so on, has changed the view.
pub(crate) fn of_its_own(command: &Command, script: &str, arguments: &[&OsStr]) -> Command {
    let script = format!(r#"{script} && shift {} && exec "$@""#, arguments.len());
    let mut wrapped = Command::new("unshare");
    wrapped.args(["--user", "--map-root-user", "--mount", "sh", "-c", &script, "sh"]).args(arguments);
    wrapped.arg(command.get_program()).args(command.get_args());
    if let Some(folder) = command.get_current_dir() {
        wrapped.current_dir(folder);
    }
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => wrapped.env(name, value),
            None => wrapped.env_remove(name),
        };
    }
    wrapped
}

/// Skips the stage where the system does not let a program have such a view.
pub(crate) fn is_possible(script: &str, arguments: &[&OsStr]) -> Outcome {
    let trial = of_its_own(&Command::new("true"), script, arguments).stdin(Stdio::null()).output();
    match trial {
        Ok(output) if output.status.success() => Ok(()),
        _ => skip("this system gives no program a view of files of its own"),
    }
}

/// A folder in which there is little room, for the programs that are started from now on.
pub(crate) struct LittleRoom {
    folder: Box<Path>,
    bytes: String,
}

impl LittleRoom {
    pub(crate) fn new(folder: &Path, bytes: u64) -> Outcome<LittleRoom> {
        let room = LittleRoom { folder: folder.into(), bytes: bytes.to_string() };
        is_possible(LITTLE_ROOM, &room.arguments())?;
        Ok(room)
    }

    pub(crate) fn around(&self, command: &Command) -> Command {
        of_its_own(command, LITTLE_ROOM, &self.arguments())
    }

    fn arguments(&self) -> [&OsStr; 2] {
        [self.folder.as_os_str(), OsStr::new(&self.bytes)]
    }
}
