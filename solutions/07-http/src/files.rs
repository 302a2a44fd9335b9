//! Files of a folder, and of nothing outside it.

use std::borrow::Cow;
use std::fs::{File, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cap_std::ambient_authority;
use cap_std::fs::{Dir, OpenOptions};

#[cfg(unix)]
use rustix::io::Errno;

use crate::answer::{Answer, Content, Refusal, Status};
use crate::conditional::{Validators, http_date, objection, range_applies};
use crate::range::{Range, range};
use crate::request::Request;
use crate::target::Target;

/// What a folder without a name of a file means.
const INDEX: &str = "index.html";

/// The folder that is served.
///
/// Whether a path stays inside it cannot be seen from the path: any part of it may be a symlink, and may become one
/// between a look and the opening. `Dir` asks the system to open a file below the folder or not at all.
pub struct Site {
    folder: Dir,
    path: PathBuf,
}

impl Site {
    /// The site in this folder.
    ///
    /// # Errors
    ///
    /// When it is not a folder, or not for us.
    pub fn open(root: &Path) -> io::Result<Site> {
        Ok(Site { folder: Dir::open_ambient_dir(root, ambient_authority())?, path: root.canonicalize()? })
    }

    /// Opens what has this name. An absolute symlink leaves the folder on its way, even if it leads back into it: then it
    /// is what the link means that is opened.
    fn file(&self, path: &Path) -> io::Result<File> {
        self.file_below(path).or_else(|refused| {
            let meant = self.path.join(path).canonicalize().ok();
            let inside = meant.as_deref().and_then(|meant| meant.strip_prefix(&self.path).ok());
            inside.map_or(Err(refused), |inside| self.file_below(inside))
        })
    }

    /// Opens a file below the folder. To open a FIFO is to wait for whoever writes to it, unless we say that we do not.
    fn file_below(&self, path: &Path) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.read(true);
        #[cfg(unix)]
        cap_std::fs::OpenOptionsExt::custom_flags(&mut options, rustix::fs::OFlags::NONBLOCK.bits() as i32);
        self.folder.open_with(path, &options).map(cap_std::fs::File::into_std)
    }
}

/// Answers a GET or HEAD of a file.
///
/// # Errors
///
/// 404 when there is no such file, 403 when it is not for everybody, 503 when there are too many open already.
///
/// # Your turn
///
/// Join the names to a path. If the last one is empty, there was a slash at the end, and it is the folder's `INDEX` that
/// is meant. If what was opened turns out to be a folder, answer with `with_slash`; if it is no file, with 404.
pub fn answer(site: &Site, request: &Request, names: &[String]) -> Result<Answer, Refusal> {
    let mut path: PathBuf = names.iter().filter(|name| !name.is_empty()).collect();
    if names.last().is_some_and(String::is_empty) {
        path.push(INDEX);
    }
    let file = site.file(&path).map_err(refuse)?;
    let about = file.metadata().map_err(refuse)?;
    if about.is_dir() && !path.ends_with(INDEX) {
        return Ok(with_slash(&request.target));
    }
    if !about.is_file() {
        return Err(Refusal { status: Status::NOT_FOUND, why: "this is no file" });
    }
    Ok(content(request, &path, file, &about))
}

/// The answer with the file in it, or a part of it, or why not.
///
/// # Your turn
///
/// An `objection` is answered `without_content`, but with the ETag. Then it is what is `wanted`: 200 with all of it, 206 with
/// a part and Content-Range `bytes 0-4/13`, or 416 with Content-Range `bytes */13`. Files have Content-Type,
/// Last-Modified, ETag, and `Accept-Ranges: bytes`; a part that was asked for with If-Range has but the last two, because
/// the client has a part with all of them already (RFC 9110, section 15.3.7).
fn content(request: &Request, path: &Path, file: File, about: &Metadata) -> Answer {
    let (validators, size) = (validators(about), about.len());
    let etag = validators.etag.clone().unwrap_or_default();
    if let Some(status) = objection(&request.method, &request.fields, &validators) {
        return without_content(status).with("ETag", etag);
    }
    let mut answer = match wanted(request, &validators, size) {
        Range::Whole => Answer::new(Status::OK, Content::Part { file, start: 0, length: size }),
        Range::Part { start, length } => {
            let range = format!("bytes {start}-{}/{size}", start + length - 1);
            Answer::new(Status::PARTIAL_CONTENT, Content::Part { file, start, length }).with("Content-Range", range)
        }
        Range::Unsatisfiable => {
            let refusal = Refusal { status: Status::RANGE_NOT_SATISFIABLE, why: "the file is not as long" };
            return Answer::from(refusal).with("Content-Range", format!("bytes */{size}"));
        }
    };
    if answer.status == Status::OK || !request.fields.has("If-Range") {
        let modified = validators.modified.map(http_date).unwrap_or_default();
        answer = answer.with("Content-Type", kind(path)).with("Last-Modified", modified);
    }
    answer.with("ETag", etag).with("Accept-Ranges", "bytes")
}

/// Which part of the file the client wants. Only GET has parts (RFC 9110, section 14.2).
///
/// # Your turn
///
/// The `range` of the only Range field of a GET, if it `range_applies`; else all of it.
fn wanted(request: &Request, validators: &Validators, size: u64) -> Range {
    match request.fields.only("Range") {
        Some(value) if request.method == "GET" && range_applies(&request.fields, validators) => range(value, size),
        _ => Range::Whole,
    }
}

/// An answer to a request whose condition does not hold.
pub fn without_content(status: Status) -> Answer {
    match status {
        Status::NOT_MODIFIED => Answer::new(status, Content::None),
        _ => Refusal { status, why: "it is not in the state that the request is for" }.into(),
    }
}

/// By what one state of a file is told from another: its length, and the time of its last change as exactly as the
/// system has it. A date in HTTP has but seconds, and must not be in the future (RFC 9110, section 8.8.2.1).
///
/// # Your turn
///
/// The ETag has both, in quotes. `modified` is in whole seconds, and not later than now.
fn validators(about: &Metadata) -> Validators {
    let since_1970 = |time: SystemTime| time.duration_since(UNIX_EPOCH).unwrap_or_default();
    let changed = about.modified().map(since_1970).unwrap_or_default();
    let seconds = changed.as_secs().min(since_1970(SystemTime::now()).as_secs());
    Validators {
        etag: Some(format!("\"{:x}-{:x}-{:x}\"", about.len(), changed.as_secs(), changed.subsec_nanos())),
        modified: Some(UNIX_EPOCH + Duration::from_secs(seconds)),
    }
}

/// The media type, by the end of the name. Text is taken to be UTF-8.
fn kind(path: &Path) -> Cow<'static, str> {
    match mime_guess::from_path(path).first_raw() {
        Some(text) if text.starts_with("text/") => Cow::Owned(format!("{text}; charset=utf-8")),
        Some(other) => Cow::Borrowed(other),
        None => Cow::Borrowed("application/octet-stream"),
    }
}

/// A folder's page has links to `picture.png` beside it; without the slash at the end of its own URL, a browser would
/// look for them in the folder above.
///
/// # Your turn
///
/// 301 with the path, a slash, and the query as Location. The path begins with one slash: after two, a browser
/// would take the first name for a host.
fn with_slash(target: &Target) -> Answer {
    let Target::Resource { path, query } = target else { return Answer::new(Status::NOT_FOUND, Content::None) };
    let query = query.as_ref().map(|query| format!("?{query}")).unwrap_or_default();
    let location = format!("/{}/{query}", path.trim_matches('/'));
    Answer::text(Status::MOVED_PERMANENTLY, format!("It is at {location}\n")).with("Location", location)
}

/// What the client is told of an error of the system.
fn refuse(error: io::Error) -> Refusal {
    #[cfg(unix)]
    if matches!(Errno::from_io_error(&error), Some(Errno::MFILE | Errno::NFILE)) {
        return Refusal { status: Status::SERVICE_UNAVAILABLE, why: "too many files are open, try again" };
    }
    match error.kind() {
        io::ErrorKind::PermissionDenied => Refusal { status: Status::FORBIDDEN, why: "this is not for you" },
        _ => Refusal { status: Status::NOT_FOUND, why: "there is no such file" },
    }
}
