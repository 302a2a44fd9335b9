//! A file that is fetched: there in the end complete, or not at all; and meanwhile a bar.

use std::fs::{self, File};
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// A file on its way. It grows under another name beside the one it will have.
pub struct Download {
    writer: BufWriter<File>,
    target: PathBuf,
    part: Option<Part>,
    bytes: u64,
    bar: Bar,
}

impl Download {
    /// Begins a file of `total` bytes, if that is known.
    ///
    /// # Errors
    ///
    /// When the file cannot be made.
    pub fn begin(target: &Path, total: Option<u64>) -> io::Result<Download> {
        // A symlink stays, and what it leads to is replaced.
        let target = target.canonicalize().unwrap_or(target.to_owned());
        let (file, part) = match target.metadata() {
            Ok(found) if found.is_dir() => return Err(io::ErrorKind::IsADirectory.into()),
            // To give its name to a file would destroy a device; it is written to as it is.
            Ok(found) if !found.is_file() => (File::options().write(true).open(&target)?, None),
            _ => Part::create(target.parent().unwrap_or(Path::new("")))?,
        };
        Ok(Download { writer: BufWriter::new(file), target, part, bytes: 0, bar: Bar::new(total) })
    }

    /// Appends what has come.
    ///
    /// # Errors
    ///
    /// When the disk is full, say.
    pub fn take(&mut self, data: &[u8]) -> io::Result<()> {
        self.bytes += data.len() as u64;
        self.bar.show(self.bytes);
        self.writer.write_all(data)
    }

    /// Gives the complete file its name.
    ///
    /// # Errors
    ///
    /// When the last bytes, or the name, cannot be written.
    pub fn complete(mut self) -> io::Result<()> {
        todo!(
            "`flush` what is still in the buffer. Then `rename` the part, if there is one: it replaces what \
             has the name in one step, so that nobody ever sees half a file."
        )
    }
}

/// A temporary file, removed with this value; when it has got its name, there is nothing left to remove.
struct Part(PathBuf);

impl Part {
    fn create(folder: &Path) -> io::Result<(File, Option<Part>)> {
        for number in 0.. {
            let path = folder.join(format!(".http-{}-{number}.part", std::process::id()));
            let mut current = current();
            match File::create_new(&path) {
                Ok(file) => {
                    *current = Some(path.clone());
                    return Ok((file, Some(Part(path))));
                }
                // Left by a program that was killed, whose process id is ours now.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
        *current() = None;
    }
}

/// The temporary file that there is now.
fn current() -> MutexGuard<'static, Option<PathBuf>> {
    static CURRENT: Mutex<Option<PathBuf>> = Mutex::new(None);
    CURRENT.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Ctrl-C and a request to end must leave no temporary file behind, and a file that grows beyond a limit (`ulimit -f`)
/// must be an error like any other: left alone, all three signals end the process where it stands.
///
/// # Errors
///
/// When the system does not let us.
pub fn heed_signals() -> io::Result<()> {
    #[cfg(unix)]
    {
        use signal_hook::consts::{SIGINT, SIGTERM, SIGXFSZ};
        signal_hook::flag::register(SIGXFSZ, std::sync::Arc::default())?;
        let mut signals = signal_hook::iterator::Signals::new([SIGINT, SIGTERM])?;
        std::thread::spawn(move || {
            for signal in signals.forever() {
                // Held until the end, so that nobody begins another.
                let current = current();
                current.iter().for_each(|path| drop(fs::remove_file(path)));
                let _ = signal_hook::low_level::emulate_default_handler(signal);
            }
        });
    }
    Ok(())
}

/// How far it is, on a terminal, when it takes more than a moment.
struct Bar {
    began: Instant,
    total: Option<u64>,
    watched: bool,
    bar: Option<ProgressBar>,
}

impl Bar {
    const MOMENT: Duration = Duration::from_secs(1);

    fn new(total: Option<u64>) -> Bar {
        Bar { began: Instant::now(), total, watched: io::stderr().is_terminal(), bar: None }
    }

    fn show(&mut self, bytes: u64) {
        if !self.watched || (self.bar.is_none() && self.began.elapsed() < Bar::MOMENT) {
            return;
        }
        let total = self.total;
        self.bar.get_or_insert_with(|| Bar::draw(total)).set_position(bytes);
    }

    fn draw(total: Option<u64>) -> ProgressBar {
        let (bar, template) = match total {
            Some(total) => {
                (ProgressBar::new(total), "{wide_bar} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left")
            }
            None => (ProgressBar::new_spinner(), "{spinner} {bytes}, {bytes_per_sec}"),
        };
        bar.with_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()))
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
