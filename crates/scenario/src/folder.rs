//! A folder for the files of one stage.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::{fs, io};

use crate::trouble::Outcome;

/// A folder of the lab, empty at first, which is removed with this value.
#[derive(Debug)]
pub struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> io::Result<Folder> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        loop {
            let name = format!("network-lab-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
            // Canonical, as a program may print it.
            let path = std::env::temp_dir().canonicalize()?.join(name);
            match fs::create_dir(&path) {
                Ok(()) => return Ok(Folder(path)),
                // Left by a checker that was killed, whose process id is ours now.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The path of a file in it, as text for a command line.
    pub fn file(&self, name: &str) -> String {
        self.0.join(name).to_string_lossy().into_owned()
    }

    /// Puts a file into it.
    ///
    /// # Errors
    ///
    /// The system refuses.
    pub fn put(&self, name: &str, bytes: impl AsRef<[u8]>) -> Outcome {
        Ok(fs::write(self.0.join(name), bytes)?)
    }

    /// What is in a file; `None` when there is no such file.
    ///
    /// # Errors
    ///
    /// The system refuses.
    pub fn get(&self, name: &str) -> Outcome<Option<Vec<u8>>> {
        match fs::read(self.0.join(name)) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The names in it, in alphabetical order.
    ///
    /// # Errors
    ///
    /// The system refuses.
    pub fn names(&self) -> Outcome<Vec<String>> {
        let entries = fs::read_dir(&self.0)?.collect::<io::Result<Vec<_>>>()?;
        let mut names: Vec<_> = entries.iter().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        Ok(names)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed is in the folder for temporary files.
        let _ = fs::remove_dir_all(&self.0);
    }
}
