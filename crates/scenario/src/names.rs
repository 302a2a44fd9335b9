//! Names that only the program under test knows: a name with two addresses, on a machine that has none. For the program
//! there is another `/etc/hosts`.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::trouble::Outcome;
use crate::view;

/// Puts the files in place.
const SCRIPT: &str = r#"mount --bind "$1/hosts" /etc/hosts && mount --bind "$1/resolv.conf" /etc/resolv.conf"#;

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
        view::is_possible(SCRIPT, &[names.folder.as_os_str()])?;
        Ok(names)
    }

    /// The command, in a place where the names are known.
    pub(crate) fn known_to(&self, command: &Command) -> Command {
        view::of_its_own(command, SCRIPT, &[self.folder.as_os_str()])
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
