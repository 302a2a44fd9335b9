//! A folder for the files of one test.

use std::path::{Path, PathBuf};
use std::{env, fs};

/// An empty folder that goes with the value.
pub struct Folder(PathBuf);

impl Folder {
    /// A folder with this name in it: no other test of the same program may choose the same.
    pub fn new(name: &str) -> Folder {
        // Canonical, as a program may print it.
        let path = env::temp_dir().canonicalize().unwrap().join(format!("test-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        // Some servers give up their rights before they write.
        #[cfg(unix)]
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
        Folder(path)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Where a file in it is.
    pub fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// The names in it, in alphabetical order.
    pub fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.0).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
