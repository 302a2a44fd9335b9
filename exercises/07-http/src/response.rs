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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::at_every_cut;

    #[test]
    fn a_response_may_be_cut_anywhere() {
        for (text, status, value) in [
            ("HTTP/1.1 200 OK\r\nA: b\r\n\r\n", 200, Some("b")),
            ("HTTP/1.1 404\nA:b\n\n", 404, Some("b")),
            ("HTTP/1.0 599 \r\n\r\n", 599, None),
            ("HTTP/1.9 100 Weiter so, 我\r\nA : b\r\n  c\r\n\r\n", 100, Some("b c")),
        ] {
            let (head, _) = at_every_cut(text.as_bytes(), ResponseHead::parse).unwrap();
            assert_eq!((head.status, head.fields.only("a")), (status, value), "{text:?}");
        }
    }

    #[test]
    fn what_is_no_response_is_refused() {
        for line in [
            "HTTP/2.0 200 OK",
            "HTTP/1.1 20 OK",
            "HTTP/1.1 2000 OK",
            "HTTP/1.1 099 OK",
            "HTTP/1.1  200 OK",
            "HTTP/1.1",
            "http/1.1 200 OK",
            "ICY 200 OK",
            "<html>",
        ] {
            assert!(at_every_cut(format!("{line}\r\n\r\n").as_bytes(), ResponseHead::parse).is_err(), "{line:?}");
        }
        assert!(ResponseHead::parse(b"HTTP/1.1 200 OK\r\n A: b\r\n\r\n").is_err());
        assert!(ResponseHead::parse(b"SSH").is_err());
        let endless = [&b"HTTP/1.1 200 OK\r\nA: "[..], &[b'b'; MAX_HEAD]].concat();
        assert!(ResponseHead::parse(&endless).is_err());
    }
}
