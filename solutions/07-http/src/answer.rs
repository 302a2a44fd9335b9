//! What a server says: a status, header fields, content (RFC 9112, section 4).

use std::borrow::Cow;
use std::fs::File;
use std::io::Write;
use std::time::SystemTime;

use crate::Malformed;
use crate::conditional::http_date;

/// A status code with its reason phrase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Status(pub u16, pub &'static str);

#[expect(missing_docs, reason = "the reason phrases say it all")]
impl Status {
    pub const OK: Status = Status(200, "OK");
    pub const PARTIAL_CONTENT: Status = Status(206, "Partial Content");
    pub const MOVED_PERMANENTLY: Status = Status(301, "Moved Permanently");
    pub const NOT_MODIFIED: Status = Status(304, "Not Modified");
    pub const BAD_REQUEST: Status = Status(400, "Bad Request");
    pub const FORBIDDEN: Status = Status(403, "Forbidden");
    pub const NOT_FOUND: Status = Status(404, "Not Found");
    pub const METHOD_NOT_ALLOWED: Status = Status(405, "Method Not Allowed");
    pub const REQUEST_TIMEOUT: Status = Status(408, "Request Timeout");
    pub const PRECONDITION_FAILED: Status = Status(412, "Precondition Failed");
    pub const CONTENT_TOO_LARGE: Status = Status(413, "Content Too Large");
    pub const URI_TOO_LONG: Status = Status(414, "URI Too Long");
    pub const RANGE_NOT_SATISFIABLE: Status = Status(416, "Range Not Satisfiable");
    pub const EXPECTATION_FAILED: Status = Status(417, "Expectation Failed");
    pub const MISDIRECTED_REQUEST: Status = Status(421, "Misdirected Request");
    pub const FIELDS_TOO_LARGE: Status = Status(431, "Request Header Fields Too Large");
    pub const INTERNAL_SERVER_ERROR: Status = Status(500, "Internal Server Error");
    pub const NOT_IMPLEMENTED: Status = Status(501, "Not Implemented");
    pub const SERVICE_UNAVAILABLE: Status = Status(503, "Service Unavailable");
    pub const VERSION_NOT_SUPPORTED: Status = Status(505, "HTTP Version Not Supported");
}

/// Why a request is not granted: a status, and a few words for whoever reads the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    /// 400 or above.
    pub status: Status,
    /// What is wrong with the request.
    pub why: &'static str,
}

impl Refusal {
    /// A 400: the request cannot be understood.
    pub fn bad_request(why: &'static str) -> Refusal {
        Refusal { status: Status::BAD_REQUEST, why }
    }
}

impl From<Malformed> for Refusal {
    fn from(malformed: Malformed) -> Refusal {
        Refusal::bad_request(malformed.0)
    }
}

/// An answer that is to be sent.
#[derive(Debug)]
pub struct Answer {
    /// How it went.
    pub status: Status,
    /// The header fields, those aside that every answer has.
    pub fields: Vec<(&'static str, Cow<'static, str>)>,
    /// What comes after the head.
    pub content: Content,
}

/// What comes after the head of an answer.
#[derive(Debug)]
pub enum Content {
    /// Nothing, not even a length: the client has the content already (304).
    None,
    /// Bytes that are here.
    Bytes(Vec<u8>),
    /// A part of a file, or all of it.
    Part {
        /// The file.
        file: File,
        /// The first byte.
        start: u64,
        /// How many bytes.
        length: u64,
    },
}

impl Content {
    /// The number of bytes.
    pub fn length(&self) -> u64 {
        match self {
            Content::None => 0,
            Content::Bytes(bytes) => bytes.len() as u64,
            Content::Part { length, .. } => *length,
        }
    }
}

impl Answer {
    /// An answer without fields.
    pub fn new(status: Status, content: Content) -> Answer {
        Answer { status, fields: Vec::with_capacity(6), content }
    }

    /// Some text.
    pub fn text(status: Status, text: impl Into<Vec<u8>>) -> Answer {
        Answer::new(status, Content::Bytes(text.into())).with("Content-Type", "text/plain; charset=utf-8")
    }

    /// The same answer with one more field.
    pub fn with(mut self, name: &'static str, value: impl Into<Cow<'static, str>>) -> Answer {
        self.fields.push((name, value.into()));
        self
    }

    /// Writes the head as it goes over the wire.
    ///
    /// ```
    /// use http::answer::{Answer, Status};
    ///
    /// let mut head = Vec::new();
    /// Answer::text(Status::OK, "hi\n").write_head(&mut head, std::time::UNIX_EPOCH, "close");
    /// let head = String::from_utf8(head).unwrap();
    /// assert!(head.starts_with("HTTP/1.1 200 OK\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\n"));
    /// assert!(head.ends_with("\r\nContent-Length: 3\r\nConnection: close\r\n\r\n"));
    /// ```
    ///
    /// # Your turn
    ///
    /// A status line `HTTP/1.1 200 OK`, the Date (`http_date`), the fields, the Content-Length unless the content is
    /// `None`, Connection unless `connection` is empty, and the empty line. Each line ends with CR LF.
    pub fn write_head(&self, head: &mut Vec<u8>, now: SystemTime, connection: &str) {
        let Status(code, reason) = self.status;
        let _ = write!(head, "HTTP/1.1 {code} {reason}\r\nDate: {}\r\n", http_date(now));
        for (name, value) in &self.fields {
            [name, ": ", value, "\r\n"].iter().for_each(|text| head.extend_from_slice(text.as_bytes()));
        }
        if !matches!(self.content, Content::None) {
            let _ = write!(head, "Content-Length: {}\r\n", self.content.length());
        }
        if !connection.is_empty() {
            let _ = write!(head, "Connection: {connection}\r\n");
        }
        head.extend_from_slice(b"\r\n");
    }
}

impl From<Refusal> for Answer {
    fn from(refusal: Refusal) -> Answer {
        let Status(code, reason) = refusal.status;
        Answer::text(refusal.status, format!("{code} {reason}: {}\n", refusal.why))
    }
}
