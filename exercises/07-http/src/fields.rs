//! Header fields, `Name: value`, one a line (RFC 9110, section 5, and RFC 9112, section 5).

use crate::Malformed;

/// Who sent a head. What a server must refuse, because others may read it differently, a client may mend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sender {
    /// The fields are a request's.
    Client,
    /// The fields are a response's.
    Server,
}

/// The fields of a head in their order. Names are the same in capitals and in small letters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fields(Vec<(String, String)>);

impl Fields {
    /// The fields in a header section: its lines, without the empty one that ends it.
    ///
    /// ```
    /// use http::fields::{Fields, Sender};
    ///
    /// let fields = Fields::parse(b"Host: localhost\r\nConnection: close, x\r\n", Sender::Client).unwrap();
    /// assert_eq!(fields.only("host"), Some("localhost"));
    /// assert!(fields.lists("connection", "Close"));
    /// ```
    ///
    /// # Errors
    ///
    /// For a line that is no field; the first of them counts.
    pub fn parse(section: &[u8], sender: Sender) -> Result<Fields, Malformed> {
        todo!(
            "A server's fields are `unfold`ed first. Then split the section into lines at each LF, take a CR \
             off each line's end, and make a field of it with `field`."
        )
    }

    /// All fields, as they came.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The values of all fields of this name.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.iter().filter(move |(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// The value of the only field of this name; `None` if there is none, or more than one.
    pub fn only(&self, name: &str) -> Option<&str> {
        let mut values = self.all(name);
        values.next().filter(|_| values.next().is_none())
    }

    /// Whether there is a field of this name.
    pub fn has(&self, name: &str) -> bool {
        self.all(name).next().is_some()
    }

    /// The elements of a comma-separated list, which may go on in further fields of the same name. Empty elements do
    /// not count (RFC 9110, section 5.6.1.2).
    pub fn list(&self, name: &str) -> Vec<&str> {
        todo!(
            "Split the value of each field of this name at its commas, trim spaces and tabs, and leave out \
             what is empty."
        )
    }

    /// Whether a list has this element, in capitals or small letters.
    pub fn lists(&self, name: &str, element: &str) -> bool {
        self.list(name).iter().any(|other| other.eq_ignore_ascii_case(element))
    }
}

/// A line without its CR LF. A single LF is taken for a line end, too (RFC 9112, section 2.2): whoever types a request
/// by hand sends no CR.
pub fn without_line_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// How long a header section is, the empty line that ends it included; `None` when the end is not here yet.
pub fn section_length(bytes: &[u8]) -> Option<usize> {
    todo!(
        "The empty line may be the first. Otherwise it follows a line: look for an LF with LF or CR LF after \
         it."
    )
}

/// Whether this is a token: a name of a method or a field (RFC 9110, section 5.6.2).
pub fn is_token(bytes: &[u8]) -> bool {
    todo!("At least one byte, and all of them letters, digits, or one of ``!#$%&'*+-.^_`|~``.")
}

/// A line that begins with white space once was the continuation of the line before it. A client puts spaces in place of
/// the line end (RFC 9112, section 5.2).
fn unfold(section: &[u8]) -> Vec<u8> {
    let mut unfolded = section.to_vec();
    for at in 1..section.len().saturating_sub(1) {
        if section[at] == b'\n' && matches!(section[at + 1], b' ' | b'\t') {
            unfolded[at] = b' ';
            if section[at - 1] == b'\r' {
                unfolded[at - 1] = b' ';
            }
        }
    }
    unfolded
}

/// One field.
fn field(line: &[u8], sender: Sender) -> Result<(String, String), Malformed> {
    todo!(
        "The name, a `token`, goes up to the first colon. The value, without the spaces and tabs around it, \
         must not have control characters in it, tabs aside. White space before the name or before the colon \
         is refused: some programs would take `Content-Length : 5` for a length, and some would not. Of a \
         server, white space before the colon is taken off, and of the control characters only CR and NUL \
         are refused."
    )
}
