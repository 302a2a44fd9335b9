//! The head of a request: request line and header fields (RFC 9112, sections 3 and 5).

use crate::Parsed;
use crate::answer::{Refusal, Status};
use crate::fields::{Fields, Sender, is_token, section_length, without_line_end};
use crate::target::{Target, is_authority};

/// The longest request line that a server takes, in bytes.
pub const MAX_REQUEST_LINE: usize = 8 << 10;

/// The longest header section that a server takes, in bytes.
pub const MAX_SECTION: usize = 16 << 10;

/// The methods of RFC 9110. In small letters they would be others.
const METHODS: [&str; 8] = ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE"];

/// Which HTTP/1 the client speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// A request a connection; no chunked bodies.
    Http10,
    /// This one, or a later one that still understands it.
    Http11,
}

/// What a client asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// What to do.
    pub method: String,
    /// With what.
    pub target: Target,
    /// In which language.
    pub version: Version,
    /// The header fields.
    pub fields: Fields,
}

impl Request {
    /// The head that these bytes begin with.
    ///
    /// ```
    /// use http::Parsed;
    /// use http::request::Request;
    ///
    /// let bytes = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\nGET /next";
    /// let Parsed::Whole(request, length) = Request::parse(bytes).unwrap() else { panic!("it is all here") };
    /// assert_eq!((request.method.as_str(), &bytes[length..]), ("GET", &b"GET /next"[..]));
    /// assert_eq!(Request::parse(&bytes[..20]), Ok(Parsed::NotYet));
    /// ```
    ///
    /// # Errors
    ///
    /// What the client is to be told, as soon as the bytes leave no other answer.
    pub fn parse(bytes: &[u8]) -> Result<Parsed<Request>, Refusal> {
        todo!(
            "Skip the empty lines before the request (a client of old sent one after a body). Take the \
             request line up to the first LF, at most `MAX_REQUEST_LINE` bytes (`line_too_long`), and \
             `parse_line` it. The header section after it ends where `section_length` says, after \
             `MAX_SECTION` bytes and the empty line at most (431). Then `check_host`."
        )
    }

    /// A request line: method, target, version, with one space between them.
    fn parse_line(line: &[u8]) -> Result<Request, Refusal> {
        todo!(
            "Exactly three parts (400). The method is a token (400). The version is `HTTP/`, a digit, a dot, \
             a digit (400), and the first digit 1 (505). Then parse the target. The fields stay empty for \
             now."
        )
    }

    /// One Host, and a valid one; only before HTTP/1.1 could it be missing (RFC 9112, section 3.2).
    fn check_host(&self) -> Result<(), Refusal> {
        todo!(
            "400 unless there is exactly one Host field and `is_authority` agrees with it. HTTP/1.0 may do \
             without."
        )
    }

    /// Whether the method is one of RFC 9110: those that are not are unknown here (501), the others at most not allowed.
    pub fn has_known_method(&self) -> bool {
        METHODS.contains(&self.method.as_str())
    }

    /// Whether the client wants to send another request on this connection (RFC 9112, section 9.3).
    pub fn keeps_connection(&self) -> bool {
        todo!(
            "The option `close` in the Connection field means no. Otherwise, HTTP/1.1 means yes, and \
             HTTP/1.0 means no unless there is the option `keep-alive`."
        )
    }
}

/// How many bytes of empty lines are at the beginning.
fn empty_lines(bytes: &[u8]) -> usize {
    let mut rest = bytes;
    while let Some(after) = rest.strip_prefix(b"\r\n").or_else(|| rest.strip_prefix(b"\n")) {
        rest = after;
    }
    bytes.len() - rest.len()
}

/// The answer to a request line without end depends on what it is that has no end.
fn line_too_long(line: &[u8]) -> Refusal {
    let first_word = line.split(|byte| *byte == b' ').next().unwrap_or_default();
    let longest = METHODS.iter().map(|method| method.len()).max().unwrap_or_default();
    match is_token(first_word) {
        true if first_word.len() > longest => {
            Refusal { status: Status::NOT_IMPLEMENTED, why: "no method has such a long name" }
        }
        true => Refusal { status: Status::URI_TOO_LONG, why: "the request line is too long" },
        false => Refusal::bad_request("this is no request line"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::at_every_cut;

    fn parsed(text: &str) -> Result<Request, Status> {
        let parse = |bytes: &[u8]| Request::parse(bytes).map_err(|refusal| refusal.status);
        at_every_cut(text.as_bytes(), parse).map(|(request, _)| request)
    }

    fn with_line(line: &str) -> Result<Request, Status> {
        parsed(&format!("{line}\r\nHost: localhost\r\n\r\n"))
    }

    #[test]
    fn a_request_may_be_cut_anywhere() {
        let request = parsed("\r\nGET /a?b HTTP/1.1\r\nhost: [::1]:8080\r\nX:\r\n\r\n").unwrap();
        assert_eq!(request.target, Target::Resource { path: "/a".to_owned(), query: Some("b".to_owned()) });
        assert_eq!((request.method.as_str(), request.version), ("GET", Version::Http11));
        assert_eq!(request.fields.only("Host"), Some("[::1]:8080"));
        assert_eq!(parsed("GET / HTTP/1.0\n\n").unwrap().version, Version::Http10);
    }

    #[test]
    fn a_request_line_that_is_none_is_known_by_its_line_end() {
        for line in [
            "GET",
            "GET /",
            "GET / HTTP/1",
            "GET / http/1.1",
            "GET / HTTP/1.1 ",
            "GET  / HTTP/1.1",
            " GET / HTTP/1.1",
            "GET\t/\tHTTP/1.1",
            "G:T / HTTP/1.1",
            "GET /a b HTTP/1.1",
            "GET /a\rb HTTP/1.1",
            "GET a HTTP/1.1",
            "GET * HTTP/1.1",
            "GET /我 HTTP/1.1",
            "GET /%4 HTTP/1.1",
            "GET localhost:80 HTTP/1.1",
            "CONNECT localhost HTTP/1.1",
            "CONNECT localhost:0 HTTP/1.1",
            "GET http:///a HTTP/1.1",
        ] {
            assert_eq!(with_line(line).unwrap_err(), Status::BAD_REQUEST, "{line:?}");
            assert!(Request::parse(format!("{line}\r\n").as_bytes()).is_err(), "{line:?}");
        }
        assert_eq!(with_line("GET / HTTP/2.0").unwrap_err(), Status::VERSION_NOT_SUPPORTED);
        assert_eq!(with_line("GET https://localhost/ HTTP/1.1").unwrap_err(), Status::MISDIRECTED_REQUEST);
    }

    #[test]
    fn a_percent_sign_may_stand_alone_in_a_query() {
        let query = Some("100%&y=%zz".to_owned());
        assert_eq!(
            with_line("GET /a?100%&y=%zz HTTP/1.1").unwrap().target,
            Target::Resource { path: "/a".to_owned(), query }
        );
    }

    #[test]
    fn a_target_may_be_a_url_or_a_star_or_a_place() {
        let resource = |path: &str| Target::Resource { path: path.to_owned(), query: None };
        assert_eq!(with_line("GET HTTP://[::1]:80 HTTP/1.1").unwrap().target, resource("/"));
        assert_eq!(with_line("GET http://elsewhere/a HTTP/1.1").unwrap().target, resource("/a"));
        assert_eq!(with_line("OPTIONS * HTTP/1.1").unwrap().target, Target::Server);
        assert_eq!(with_line("CONNECT localhost:443 HTTP/1.1").unwrap().target, Target::Authority);
    }

    #[test]
    fn there_is_one_host() {
        for hosts in ["", "Host: a\r\nHost: a\r\n", "Host: a b\r\n", "Host: a:b\r\n", "Host: [::1\r\n", "Host: u@a\r\n"]
        {
            let refused = parsed(&format!("GET / HTTP/1.1\r\n{hosts}\r\n"));
            assert_eq!(refused.unwrap_err(), Status::BAD_REQUEST, "{hosts:?}");
        }
        assert!(parsed("GET / HTTP/1.1\r\nHost:\r\n\r\n").is_ok());
    }

    #[test]
    fn a_head_has_its_limits() {
        let with_path = |length| format!("GET /{} HTTP/1.1", "a".repeat(length - "GET / HTTP/1.1".len()));
        assert!(with_line(&with_path(MAX_REQUEST_LINE)).is_ok());
        let refused = |bytes: &[u8]| Request::parse(bytes).unwrap_err().status;
        assert_eq!(refused(with_path(MAX_REQUEST_LINE + 1).as_bytes()), Status::URI_TOO_LONG);
        assert_eq!(refused(&[b'A'; MAX_REQUEST_LINE + 1]), Status::NOT_IMPLEMENTED);
        assert_eq!(refused(&[0; MAX_REQUEST_LINE + 1]), Status::BAD_REQUEST);
        assert_eq!(refused(&b"\r\n".repeat(MAX_REQUEST_LINE)), Status::BAD_REQUEST);
        let with_section = |length| format!("GET / HTTP/1.0\r\nA: {}\r\n", "b".repeat(length - "A: \r\n".len()));
        assert!(Request::parse(format!("{}\r\n", with_section(MAX_SECTION)).as_bytes()).is_ok());
        assert_eq!(refused(with_section(MAX_SECTION + 3).as_bytes()), Status::FIELDS_TOO_LARGE);
    }

    #[test]
    fn who_may_go_on() {
        let keeps = |version, connection| {
            let text = format!("GET / {version}\r\nHost: a\r\nConnection: {connection}\r\n\r\n");
            parsed(&text).unwrap().keeps_connection()
        };
        assert!(keeps("HTTP/1.1", "") && keeps("HTTP/1.1", "closed") && keeps("HTTP/1.0", "Keep-Alive"));
        assert!(!keeps("HTTP/1.1", "x, Close") && !keeps("HTTP/1.0", "") && !keeps("HTTP/1.0", "keep-alive, close"));
    }
}
