//! Where a message ends (RFC 9112, section 6). This is what everything hangs on: a sender and a receiver, or two
//! receivers in a row, who differ in it take one's body for the other's next request ("request smuggling").

use crate::Malformed;
use crate::answer::{Refusal, Status};
use crate::chunked::Decoder;
use crate::fields::Fields;
use crate::request::{MAX_SECTION, Request, Version};
use crate::response::ResponseHead;

/// The largest body that a server takes, in bytes.
pub const MAX_BODY: u64 = 1 << 20;

/// How many bytes of extensions and trailer fields a client puts up with.
const CLIENT_PATIENCE: usize = 1 << 20;

/// What can be had of a body now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece<'a> {
    /// The next bytes.
    Data(&'a [u8]),
    /// No more are here, but they are to come.
    NotYet,
    /// That was all.
    Done,
}

/// A body that is being read, by the way its end is known.
#[derive(Debug, Clone)]
pub enum Body {
    /// After so many more bytes.
    Length(u64),
    /// At the chunk of size 0.
    Chunked(Decoder),
    /// At the end of the stream.
    UntilClose,
}

impl Body {
    /// The body of a request.
    ///
    /// # Errors
    ///
    /// 400 for what others may read differently, 501 for codings that are not known, 413 for a length over the limit.
    pub fn of_request(request: &Request) -> Result<Body, Refusal> {
        todo!(
            "Transfer-Encoding is refused together with Content-Length and in HTTP/1.0 (400). Its only \
             coding must be `chunked`: it is 400 if `chunked` is not the last one or is there twice, else \
             501. Content-Length, if any, is one (`length`), and at most `MAX_BODY` (413). With neither, \
             there is no body."
        )
    }

    /// The body of a response to a request with this method.
    ///
    /// # Errors
    ///
    /// For a length that is none, and for chunks of what was coded in another way, too: what is in them would be no page.
    pub fn of_response(method: &str, head: &ResponseHead) -> Result<Body, Malformed> {
        todo!(
            "A response to HEAD, and those with status 1xx, 204 and 304, have no body, whatever their fields \
             say. Otherwise Transfer-Encoding counts more than Content-Length; a coding before the last one, \
             `chunked`, is malformed here. If the last coding is not `chunked`, or if there is neither \
             field, the end of the stream is the end of the body."
        )
    }

    /// How many bytes are sure to come, unless the body breaks off.
    pub fn announced(&self) -> u64 {
        match self {
            Body::Length(left) => *left,
            Body::Chunked(decoder) => decoder.announced(),
            Body::UntilClose => 0,
        }
    }

    /// Takes the next piece of the body off the front of `input`.
    ///
    /// # Errors
    ///
    /// For malformed chunks.
    pub fn next<'a>(&mut self, input: &mut &'a [u8]) -> Result<Piece<'a>, Malformed> {
        todo!("`Length` counts down, and is `Done` at 0. `UntilClose` takes everything there is.")
    }
}

/// A body over the limit.
pub fn too_large() -> Refusal {
    Refusal { status: Status::CONTENT_TOO_LARGE, why: "the body is larger than 1 MiB" }
}

/// The Content-Length, if there is one. Several that agree are one (RFC 9112, section 6.3).
fn length(fields: &Fields) -> Result<Option<u64>, Malformed> {
    todo!(
        "The value has digits only, no sign. Elements of a list must be the same. A number that is too large \
         for us must not become a smaller one."
    )
}

/// How many other transfer codings come before `chunked`, and whether that is the last one, and there once.
fn codings(fields: &Fields) -> (usize, bool) {
    let codings = fields.list("Transfer-Encoding");
    let chunked = codings.iter().filter(|coding| coding.eq_ignore_ascii_case("chunked")).count();
    let last = codings.last().is_some_and(|coding| coding.eq_ignore_ascii_case("chunked"));
    (codings.len() - chunked, last && chunked == 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Parsed;
    use crate::fields::Sender;

    fn of_request(fields: &str) -> Result<Body, u16> {
        let text = format!("POST / HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
        let Ok(Parsed::Whole(request, _)) = Request::parse(text.as_bytes()) else { panic!("{text:?}") };
        Body::of_request(&request).map_err(|refusal| refusal.status.0)
    }

    fn of_response(method: &str, status: u16, fields: &str) -> Result<Body, Malformed> {
        let fields = Fields::parse(fields.as_bytes(), Sender::Server).unwrap();
        Body::of_response(method, &ResponseHead { line: String::new(), status, fields })
    }

    #[test]
    fn a_request_says_clearly_where_it_ends() {
        assert!(matches!(of_request(""), Ok(Body::Length(0))));
        assert!(matches!(of_request("Content-Length: 007\r\n"), Ok(Body::Length(7))));
        assert!(matches!(of_request("Transfer-Encoding: ,Chunked\r\n"), Ok(Body::Chunked(_))));
        for length in ["", "-1", "+1", "1a", "0x1", "1 1", "1,2", "1.0", "1, 1"] {
            assert_eq!(of_request(&format!("Content-Length: {length}\r\n")).unwrap_err(), 400, "{length:?}");
        }
        for length in ["1048577", "99999999999999999999999999"] {
            assert_eq!(of_request(&format!("Content-Length: {length}\r\n")).unwrap_err(), 413, "{length:?}");
        }
        for coding in ["", "xchunked", "chunked;q=1", "chunked, chunked", "chunked, gzip", "identity", "\"chunked\""] {
            assert_eq!(of_request(&format!("Transfer-Encoding: {coding}\r\n")).unwrap_err(), 400, "{coding:?}");
        }
        assert_eq!(of_request("Transfer-Encoding: gzip, chunked\r\n").unwrap_err(), 501);
        assert_eq!(of_request("Transfer-Encoding: chunked\r\nContent-Length: 0\r\n").unwrap_err(), 400);
        assert_eq!(of_request("Content-Length: 1\r\nContent-Length: 1\r\n").unwrap_err(), 400);
    }

    #[test]
    fn a_response_ends_where_it_says_or_with_the_stream() {
        assert!(matches!(of_response("GET", 200, ""), Ok(Body::UntilClose)));
        assert!(matches!(of_response("GET", 200, "Content-Length: 5\r\n"), Ok(Body::Length(5))));
        assert!(matches!(of_response("GET", 200, "Content-Length: 5, 5\r\n"), Ok(Body::Length(5))));
        let both = "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n";
        assert!(matches!(of_response("GET", 200, both), Ok(Body::Chunked(_))));
        assert!(matches!(of_response("GET", 200, "Transfer-Encoding: gzip\r\n"), Ok(Body::UntilClose)));
        assert!(of_response("GET", 200, "Transfer-Encoding: gzip, chunked\r\n").is_err());
        for (method, status) in [("HEAD", 200), ("GET", 204), ("GET", 304), ("GET", 100)] {
            assert!(matches!(of_response(method, status, both), Ok(Body::Length(0))), "{method} {status}");
        }
        assert!(of_response("GET", 200, "Content-Length: 5, 6\r\n").is_err());
        assert!(of_response("GET", 200, "Content-Length: -5\r\n").is_err());
    }

    #[test]
    fn a_body_says_what_is_to_come() {
        let mut chunked = Body::Chunked(Decoder::new(100));
        assert_eq!((Body::Length(5).announced(), Body::UntilClose.announced(), chunked.announced()), (5, 0, 0));
        let mut input = &b"ffffffffffffffff\r\nabc"[..];
        assert_eq!(chunked.next(&mut input), Ok(Piece::Data(b"abc")));
        assert_eq!(chunked.announced(), u64::MAX - 3);
    }

    #[test]
    fn a_body_with_a_length_leaves_the_next_message_alone() {
        for cut in 0..=5 {
            let (mut body, mut read) = (Body::Length(5), Vec::new());
            let (one, other) = b"hellonext".split_at(cut);
            for mut input in [one, other] {
                while let Piece::Data(data) = body.next(&mut input).unwrap() {
                    read.extend_from_slice(data);
                }
            }
            assert_eq!(read, b"hello", "cut at {cut}");
        }
    }
}
