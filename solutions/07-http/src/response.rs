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
    ///
    /// # Your turn
    ///
    /// Take the status line up to the first LF, and find its `status`. The header section after it ends where
    /// `section_length` says; a line with leading white space right at its beginning continues nothing, and is refused.
    pub fn parse(bytes: &[u8]) -> Result<Parsed<ResponseHead>, Malformed> {
        let line_length = bytes.iter().position(|byte| *byte == b'\n').map(|at| at + 1);
        let length = line_length.and_then(|line| Some(line + section_length(&bytes[line..])?));
        // The status line does not count; without an end, it has the same limit.
        if length.unwrap_or(bytes.len()) - line_length.unwrap_or(0) > MAX_HEAD {
            return Err(Malformed("the head of the answer is longer than 64 KiB"));
        }
        if !bytes.starts_with(&b"HTTP/"[..bytes.len().min(5)]) {
            return Err(Malformed("the answer does not begin with HTTP/"));
        }
        let (Some(line_length), Some(length)) = (line_length, length) else { return Ok(Parsed::NotYet) };
        let line = without_line_end(&bytes[..line_length]);
        let section = without_line_end(&bytes[line_length..length]);
        let status = status(line).ok_or(Malformed("the status line is not HTTP/1.1 and three digits"))?;
        if matches!(section.first(), Some(b' ' | b'\t')) {
            return Err(Malformed("there is white space before the first field"));
        }
        let fields = Fields::parse(section, Sender::Server)?;
        Ok(Parsed::Whole(ResponseHead { line: String::from_utf8_lossy(line).into_owned(), status, fields }, length))
    }
}

/// The code in a status line: `HTTP/1.` and a digit, a space, three digits, and perhaps a space and words.
///
/// # Your turn
///
/// Servers leave out the words, and the space before them, too. Codes begin at 100.
fn status(line: &[u8]) -> Option<u16> {
    let (version, rest) = line.strip_prefix(b"HTTP/1.")?.split_first()?;
    let (code, reason) = rest.strip_prefix(b" ")?.split_at_checked(3)?;
    let is_number = code.iter().all(u8::is_ascii_digit) && version.is_ascii_digit();
    let ends = reason.is_empty() || reason.starts_with(b" ");
    let code = str::from_utf8(code).ok()?.parse().ok()?;
    (is_number && ends && code >= 100).then_some(code)
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
