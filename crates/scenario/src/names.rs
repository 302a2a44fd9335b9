//! Names that only the program under test knows: a name with two addresses, on a machine that has none.
//!
//! Linux can give a program a view of the files of its own (a mount namespace), and in it another `/etc/hosts`. Where
//! that is forbidden, and on other systems, the stages that need it are skipped, and say so.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::trouble::{Outcome, skip};

/// Puts the files in place, then becomes the program.
const SCRIPT: &str =
    r#"mount --bind "$0/hosts" /etc/hosts && mount --bind "$0/resolv.conf" /etc/resolv.conf && exec "$@""#;

/// Asks for names that no file has on this machine only, where as a rule nobody answers: no question leaves it.
const NO_DNS: &str = "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n";

/// A private `/etc/hosts`, and no DNS. The files go when this value does.
pub(crate) struct Names {
    folder: PathBuf,
}

impl Names {
    pub(crate) fn new(hosts: &str) -> Outcome<Names> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("{}{number}", prefix()));
        fs::create_dir(&folder)?;
        let names = Names { folder };
        fs::write(names.folder.join("hosts"), format!("127.0.0.1 localhost\n::1 localhost\n{hosts}"))?;
        fs::write(names.folder.join("resolv.conf"), NO_DNS)?;
        let trial = names.known_to(&Command::new("true")).stdin(Stdio::null()).output();
        match trial {
            Ok(output) if output.status.success() => Ok(names),
            _ => skip("this system gives no program a view of files of its own"),
        }
    }

    /// The command, in a place where the names are known.
    pub(crate) fn known_to(&self, command: &Command) -> Command {
        let mut wrapped = Command::new("unshare");
        wrapped.args(["--user", "--map-root-user", "--mount", "sh", "-c", SCRIPT]).arg(&self.folder);
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
}

/// How the names of all folders of this process begin.
fn prefix() -> String {
    format!("network-lab-names-{}-", std::process::id())
}

/// Removes what an interrupted process of ours would leave in the temporary folder.
pub fn remove_leftovers() {
    for entry in fs::read_dir(std::env::temp_dir()).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(&prefix()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

impl Drop for Names {
    fn drop(&mut self) {
        // A leftover in the temporary folder harms nobody.
        let _ = fs::remove_dir_all(&self.folder);
    }
}
