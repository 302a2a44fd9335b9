//! The head of a response, as a client reads it (RFC 9112, section 4).

use crate::fields::{Fields, Sender, section_length, without_line_end};
use crate::{Malformed, Parsed};

/// The longest head that a client takes, in bytes.
pub const MAX_HEAD: usize = 64 << 10;

/// How a server begins its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResponseHead {
    /// The status line as it came.
    pub line: String,
    /// The three digits in it.
    pub status: u16,
    /// The header fields.
    pub fields: Fields,
}

impl ResponseHead {
    /// The head that these bytes begin with.
    ///
    /// ```
    /// use http::Parsed;
    /// use http::response::ResponseHead;
    ///
    /// let bytes = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
    /// let Ok(Parsed::Whole(head, _)) = ResponseHead::parse(bytes) else { panic!("it is all here") };
    /// assert_eq!((head.status, head.fields.only("content-length")), (404, Some("0")));
    /// assert_eq!(ResponseHead::parse(&bytes[..20]), Ok(Parsed::NotYet));
    /// ```
    ///
    /// # Errors
    ///
    /// For what is no head, and for one of more than [`MAX_HEAD`] bytes.
    pub fn parse(bytes: &[u8]) -> Result<Parsed<ResponseHead>, Malformed> {
        todo!(
            "Take the status line up to the first LF, and find its `status`. The header section after it \
             ends where `section_length` says; a line with leading white space right at its beginning \
             continues nothing, and is refused."
        )
    }
}

/// The code in a status line: `HTTP/1.` and a digit, a space, three digits, and perhaps a space and words.
fn status(line: &[u8]) -> Option<u16> {
    todo!("Servers leave out the words, and the space before them, too. Codes begin at 100.")
}
