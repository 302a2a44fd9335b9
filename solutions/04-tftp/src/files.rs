//! Which file a name means, and how one comes into being complete or not at all.

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::netascii::{Decoder, Encoder};
use crate::packet::{ErrorCode, Mode};

/// Why a file cannot be had: the code of the ERROR packet, and words for the user.
#[derive(Debug)]
pub struct Fault {
    /// What the peer is told.
    pub code: ErrorCode,
    /// The same in more words.
    pub why: String,
}

impl Fault {
    /// A fault in the words of RFC 1350.
    pub fn new(code: ErrorCode) -> Fault {
        Fault { code, why: code.message().to_owned() }
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Fault {
        use io::ErrorKind::*;
        let code = match error.kind() {
            NotFound | NotADirectory | InvalidFilename => ErrorCode::FileNotFound,
            PermissionDenied | ReadOnlyFilesystem | IsADirectory => ErrorCode::AccessViolation,
            StorageFull | QuotaExceeded | FileTooLarge => ErrorCode::DiskFull,
            AlreadyExists => ErrorCode::FileExists,
            _ => ErrorCode::NotDefined,
        };
        Fault { code, why: error.to_string() }
    }
}

/// The file below `root` that a client may read under this name.
///
/// # Your turn
///
/// `below` checks the name. `canonicalize` follows every symlink there is: what it returns must start with `root`
/// (which is canonical, too), and be a file (`metadata`), or it is an `AccessViolation`.
pub fn readable(root: &Path, name: &[u8]) -> Result<PathBuf, Fault> {
    let path = root.join(below(name)?).canonicalize().map_err(|error| match Fault::from(error) {
        // Symlinks in a circle, say.
        Fault { code: ErrorCode::NotDefined, .. } => Fault::new(ErrorCode::AccessViolation),
        fault => fault,
    })?;
    // Only now is it known to be a file: to open a FIFO is to wait for whoever writes to it.
    if !path.starts_with(root) || !path.metadata()?.is_file() {
        return Err(Fault::new(ErrorCode::AccessViolation));
    }
    Ok(path)
}

/// The file below `root` that a client may write under this name, be it there or not.
///
/// # Your turn
///
/// The folder must exist and be within `root`, symlinks followed. A name that is taken (`symlink_metadata`) is
/// `FileExists` without `overwrite`; with it, it must be a `readable` file that is not write-protected.
pub fn writable(root: &Path, name: &[u8], overwrite: bool) -> Result<PathBuf, Fault> {
    let path = root.join(below(name)?);
    let (Some(folder), Some(last)) = (path.parent(), path.file_name()) else {
        return Err(Fault::new(ErrorCode::AccessViolation));
    };
    let path = folder.canonicalize()?.join(last);
    // What is on its way in belongs to another upload.
    if path == *root || !path.starts_with(root) || parts().contains(&path) {
        return Err(Fault::new(ErrorCode::AccessViolation));
    }
    match fs::symlink_metadata(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(path),
        found => found?,
    };
    let taken = readable(root, name).map_err(|_| Fault::new(ErrorCode::AccessViolation))?;
    if !overwrite {
        return Err(Fault::new(ErrorCode::FileExists));
    }
    if taken.metadata()?.permissions().readonly() {
        return Err(Fault::new(ErrorCode::AccessViolation));
    }
    Ok(taken)
}

/// A name from the network as a path that only goes down. A leading slash means the root itself.
///
/// # Your turn
///
/// The bytes are a path (`path_of`). Of its components, `Normal` ones are kept, `RootDir` and `CurDir` left out, and
/// `ParentDir` takes away the one before it. When there is none, the path leads out: an `AccessViolation`.
fn below(name: &[u8]) -> Result<PathBuf, Fault> {
    let path = path_of(name).ok_or_else(|| Fault::new(ErrorCode::FileNotFound))?;
    let mut down = PathBuf::new();
    for component in path.components() {
        match component {
            Component::Normal(part) => down.push(part),
            Component::RootDir | Component::CurDir => {}
            Component::ParentDir if down.pop() => {}
            Component::ParentDir | Component::Prefix(_) => return Err(Fault::new(ErrorCode::AccessViolation)),
        }
    }
    Ok(down)
}

/// On Unix, a file name is any bytes but NUL and slash; elsewhere it is text.
fn path_of(name: &[u8]) -> Option<PathBuf> {
    #[cfg(unix)]
    return Some(PathBuf::from(<std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(name)));
    #[cfg(not(unix))]
    return std::str::from_utf8(name).ok().map(PathBuf::from);
}

/// How much of a file is read or written at a time. A system call a block would take longer than the block.
const CHUNK: usize = 1 << 16;

/// A file on its way out, block by block.
pub struct Outgoing {
    reader: BufReader<File>,
    encoder: Option<Encoder>,
    offset: u64,
}

/// A place in a file on its way out, to return to when blocks were lost.
#[derive(Debug, Clone, Copy)]
pub struct Bookmark {
    offset: u64,
    encoder: Option<Encoder>,
}

impl Outgoing {
    /// Opens a file to be sent. Anything but a file might keep us waiting, or have no end.
    pub fn open(path: &Path, mode: Mode) -> Result<Outgoing, Fault> {
        if !path.metadata()?.is_file() {
            return Err(Fault { code: ErrorCode::AccessViolation, why: "not a file".to_owned() });
        }
        let reader = BufReader::with_capacity(CHUNK, File::open(path)?);
        Ok(Outgoing { reader, encoder: (mode == Mode::Netascii).then(Encoder::default), offset: 0 })
    }

    /// How many bytes the file has now.
    pub fn size(&self) -> io::Result<u64> {
        Ok(self.reader.get_ref().metadata()?.len())
    }

    /// Fills a block as far as the file reaches, and returns how far that is.
    pub fn fill(&mut self, block: &mut [u8]) -> io::Result<usize> {
        let Some(encoder) = &mut self.encoder else {
            let length = read_full(&mut self.reader, block)?;
            self.offset += length as u64;
            return Ok(length);
        };
        let mut filled = 0;
        while filled < block.len() {
            let text = io::BufRead::fill_buf(&mut self.reader)?;
            let (taken, made) = encoder.encode(text, &mut block[filled..]);
            io::BufRead::consume(&mut self.reader, taken);
            self.offset += taken as u64;
            filled += made;
            if made == 0 {
                break;
            }
        }
        Ok(filled)
    }

    /// Where the next block begins.
    pub fn bookmark(&self) -> Bookmark {
        Bookmark { offset: self.offset, encoder: self.encoder }
    }

    /// Goes back to where a block began. What is still in the buffer is not read again.
    pub fn return_to(&mut self, place: Bookmark) -> io::Result<()> {
        let back = place.offset.wrapping_sub(self.offset).cast_signed();
        (self.offset, self.encoder) = (place.offset, place.encoder);
        self.reader.seek_relative(back)
    }
}

/// Reads until the block is full or the file ends: a single `read` may return less than there is.
fn read_full(reader: &mut impl Read, block: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < block.len() {
        match reader.read(&mut block[filled..]) {
            Ok(0) => break,
            Ok(length) => filled += length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// A file on its way in. It grows under another name and gets its own when it is complete: nobody ever sees half a file
/// under the name, and two uploads of one name never mix.
pub struct Incoming {
    writer: BufWriter<File>,
    decoder: Option<Decoder>,
    text: Vec<u8>,
    target: PathBuf,
    overwrite: bool,
    /// The file until it has its name. `None` for a device, which is written to as it is.
    part: Option<Part>,
}

impl Incoming {
    /// Begins a file that is to be `target`.
    pub fn create(target: &Path, mode: Mode, overwrite: bool) -> Result<Incoming, Fault> {
        let target = if overwrite { target.canonicalize().unwrap_or(target.to_owned()) } else { target.to_owned() };
        let (file, part) = match target.metadata() {
            Ok(found) if is_device(&found) => (File::options().write(true).open(&target)?, None),
            Ok(found) if !found.is_file() => {
                return Err(Fault { code: ErrorCode::AccessViolation, why: "not a file".to_owned() });
            }
            _ => Part::create(target.parent().unwrap_or(Path::new("")))?,
        };
        let writer = BufWriter::with_capacity(CHUNK, file);
        let decoder = (mode == Mode::Netascii).then(Decoder::default);
        Ok(Incoming { writer, decoder, text: Vec::new(), target, overwrite, part })
    }

    /// Appends what a block brought.
    pub fn take(&mut self, block: &[u8]) -> io::Result<()> {
        let Some(decoder) = &mut self.decoder else {
            return self.writer.write_all(block);
        };
        self.text.clear();
        decoder.decode(block, |byte| self.text.push(byte));
        self.writer.write_all(&self.text)
    }

    /// Gives the complete file its name.
    ///
    /// # Your turn
    ///
    /// What the decoder still keeps back (`finish`) and what is in the buffer (`flush`) is written first. Then `rename`
    /// replaces what has the name in one step; `name_unless_taken` does the same without replacing anything.
    pub fn complete(&mut self) -> io::Result<()> {
        if let Some(decoder) = &mut self.decoder {
            self.text.clear();
            decoder.finish(|byte| self.text.push(byte));
            self.writer.write_all(&self.text)?;
        }
        self.writer.flush()?;
        match self.part.take() {
            None => Ok(()),
            Some(part) if self.overwrite => fs::rename(&part.0, &self.target),
            Some(part) => name_unless_taken(&part.0, &self.target),
        }
    }
}

/// `rename` replaces whatever is there; a hard link does not, and no other program can come between.
fn name_unless_taken(part: &Path, target: &Path) -> io::Result<()> {
    match fs::hard_link(part, target) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(error),
        // Not every file system has hard links.
        Err(_) if fs::symlink_metadata(target).is_err() => fs::rename(part, target),
        other => other,
    }
}

/// A temporary file, removed with this value; when it has got its name, there is nothing left to remove.
struct Part(PathBuf);

impl Part {
    fn create(folder: &Path) -> io::Result<(File, Option<Part>)> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        loop {
            let number = COUNT.fetch_add(1, Ordering::Relaxed);
            let path = folder.join(format!(".tftp-{}-{number}.part", std::process::id()));
            let mut parts = parts();
            match File::create_new(&path) {
                Ok(file) => {
                    parts.push(path.clone());
                    return Ok((file, Some(Part(path))));
                }
                // Left by a program that was killed, whose process id is ours now; or another machine's.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
        parts().retain(|path| *path != self.0);
    }
}

/// All temporary files that there are now.
fn parts() -> MutexGuard<'static, Vec<PathBuf>> {
    static PARTS: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());
    PARTS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Ctrl-C and a request to end must leave no temporary files behind, and a file that grows beyond a limit (`ulimit -f`)
/// must be an error like any other: left alone, all three signals end the process where it stands.
pub fn heed_signals() -> io::Result<()> {
    #[cfg(unix)]
    {
        use signal_hook::consts::{SIGINT, SIGTERM, SIGXFSZ};
        signal_hook::flag::register(SIGXFSZ, std::sync::Arc::default())?;
        let mut signals = signal_hook::iterator::Signals::new([SIGINT, SIGTERM])?;
        std::thread::spawn(move || {
            for signal in signals.forever() {
                // Held until the end, so that nobody begins another.
                let parts = parts();
                parts.iter().for_each(|path| drop(fs::remove_file(path)));
                let _ = signal_hook::low_level::emulate_default_handler(signal);
            }
        });
    }
    Ok(())
}

/// Whether this is something that renaming would destroy: `/dev/null`, say.
fn is_device(found: &fs::Metadata) -> bool {
    #[cfg(unix)]
    return std::os::unix::fs::FileTypeExt::is_char_device(&found.file_type());
    #[cfg(not(unix))]
    return false;
}
