//! HTTP as the lab speaks it: requests are written as they go over the wire, messages are taken apart strictly, and what is
//! wrong with one is a sentence.
//!
//! - [`request`], [`get`]: requests, as text;
//! - [`Http`]: what a connection of the lab can hear;
//! - [`Response`], [`Request`]: a message that was heard, and what may be demanded of it;
//! - [`describe`]: a message in a line of the transcript;
//! - [`parse`]: bytes in, messages out;
//! - [`date`]: the three ways to write a time.

pub mod date;
mod parse;

use scenario::{Breaking, Outcome, TcpPeer, Trouble, demand, quoted};

/// Names and values, as they came.
pub type Fields = Vec<(String, String)>;

/// A request with `Host`, more fields, and a body: `request("POST /app/echo", &["Content-Length: 2"], "hi")`.
pub fn request(what: &str, fields: &[&str], body: impl AsRef<[u8]>) -> Vec<u8> {
    let fields: String = fields.iter().map(|field| format!("{field}\r\n")).collect();
    let head = format!("{what} HTTP/1.1\r\nHost: lab\r\n{fields}\r\n");
    [head.as_bytes(), body.as_ref()].concat()
}

/// The shortest right request for a path.
pub fn get(path: &str) -> Vec<u8> {
    request(&format!("GET {path}"), &[], "")
}

/// A request with a body of a known length.
pub fn post(path: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let length = format!("Content-Length: {}", body.as_ref().len());
    request(&format!("POST {path}"), &[&length], body)
}

/// What was heard from a server.
#[derive(Debug, Clone)]
pub struct Response {
    /// What it answers: `GET /hello.txt HTTP/1.1`.
    pub asked: String,
    pub version: String,
    pub status: u16,
    pub reason: String,
    pub fields: Fields,
    pub body: Vec<u8>,
    pub framing: Framing,
    /// How many bytes the body took on the wire: more than it has, when it came in chunks.
    pub body_on_the_wire: usize,
}

/// What was heard from a client.
#[derive(Debug, Clone)]
pub struct Request {
    pub method: String,
    pub target: String,
    pub version: String,
    pub fields: Fields,
    pub body: Vec<u8>,
}

/// How the end of a body is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    None,
    Length,
    Chunked,
    /// By the end of the stream.
    Close,
}

/// What a connection of the lab can hear.
pub trait Http {
    /// The next response, be it an interim one, to a request that began with the line `asked`.
    fn hears_response(&mut self, asked: &str) -> Outcome<Response>;

    /// The next response that is not an interim one.
    fn hears_answer(&mut self, asked: &str) -> Outcome<Response>;

    /// The next request.
    fn hears_request(&mut self) -> Outcome<Request>;
}

impl Http for TcpPeer {
    fn hears_response(&mut self, asked: &str) -> Outcome<Response> {
        let due = format!("the response to `{asked}`");
        self.next_message(&due, |bytes, ended| parse::response(bytes, ended, asked))
    }

    fn hears_answer(&mut self, asked: &str) -> Outcome<Response> {
        loop {
            let response = self.hears_response(asked)?;
            if response.status >= 200 {
                return Ok(response);
            }
        }
    }

    fn hears_request(&mut self) -> Outcome<Request> {
        self.next_message("a request", |bytes, _| parse::request(bytes)).breaking(&["H11"])
    }
}

/// The first line of a request that is to be sent.
pub fn first_line(request: &[u8]) -> String {
    let end = request.iter().position(|byte| *byte == b'\r').unwrap_or(request.len());
    String::from_utf8_lossy(&request[..end]).into_owned()
}

/// All values of a field, in order.
fn values<'a>(fields: &'a Fields, name: &str) -> Vec<&'a str> {
    fields.iter().filter(|(this, _)| this.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str()).collect()
}

/// The members of a list that may be spread over several fields, in small letters.
fn list(fields: &Fields, name: &str) -> Vec<String> {
    let members = values(fields, name).join(",");
    members.split(',').map(|member| member.trim().to_ascii_lowercase()).filter(|member| !member.is_empty()).collect()
}

#[expect(clippy::wrong_self_convention, reason = "each gives the response back, for the next demand")]
impl Response {
    /// The value of a field that there is once.
    pub fn field(&self, name: &str) -> Option<&str> {
        values(&self.fields, name).first().copied()
    }

    /// The members of a list, in small letters.
    pub fn list(&self, name: &str) -> Vec<String> {
        list(&self.fields, name)
    }

    /// Whether it says that the connection ends with it.
    pub fn closes(&self) -> bool {
        self.list("connection").iter().any(|option| option == "close") || self.framing == Framing::Close
    }

    /// Fails with a sentence about the program, and the head of the response below it.
    pub fn demand(&self, holds: bool, because: impl FnOnce() -> String) -> Outcome {
        demand(holds, because).map_err(|trouble| self.shown_in(trouble))
    }

    /// The status must be this one.
    pub fn is(self, status: u16) -> Outcome<Response> {
        self.is_one_of(&[status])
    }

    /// The status must be one of these.
    pub fn is_one_of(self, due: &[u16]) -> Outcome<Response> {
        let names: Vec<_> = due.iter().map(u16::to_string).collect();
        self.demand(due.contains(&self.status), || {
            format!(
                "Your server answered `{}` with {} {}, where {} was due.",
                transcript_of(&self.asked),
                self.status,
                self.reason,
                names.join(" or ")
            )
        })?;
        Ok(self)
    }

    /// It must refuse: the client is at fault.
    pub fn is_a_refusal(self) -> Outcome<Response> {
        self.demand((400..500).contains(&self.status), || {
            format!(
                "Your server answered `{}` with {} {}, where a refusal (4xx) was due.",
                transcript_of(&self.asked),
                self.status,
                self.reason
            )
        })?;
        Ok(self)
    }

    /// The body must be this one.
    pub fn says(self, body: impl AsRef<[u8]>) -> Outcome<Response> {
        let due = body.as_ref();
        self.demand(self.body == due, || {
            let (length, due_length) = (self.body.len(), due.len());
            if length.max(due_length) < 200 {
                return format!(
                    "The body that answers `{}` is {}, where {} was due.",
                    transcript_of(&self.asked),
                    quoted(&self.body),
                    quoted(due)
                );
            }
            let at = due.iter().zip(&self.body).take_while(|(due, got)| due == got).count();
            format!(
                "The body that answers `{}` has {length} bytes, and differs from byte {} on from the {due_length} bytes that \
                 were due.",
                transcript_of(&self.asked),
                at + 1
            )
        })?;
        Ok(self)
    }

    /// The body must be this text; a newline at its end is left open.
    pub fn says_line(self, text: &str) -> Outcome<Response> {
        let ended = format!("{text}\n");
        let body = if self.body == ended.as_bytes() { ended.as_str() } else { text };
        self.says(body)
    }

    /// The field must be there, once, with this value.
    pub fn has(self, name: &str, value: &str) -> Outcome<Response> {
        let got = values(&self.fields, name);
        self.demand(got == [value], || {
            let got = if got.is_empty() { "no such field".to_owned() } else { format!("`{}`", got.join("`, `")) };
            format!("The answer to `{}` has {got}, where `{name}: {value}` was due.", transcript_of(&self.asked))
        })?;
        Ok(self)
    }

    /// The field must be there, once.
    pub fn needs(&self, name: &str) -> Outcome<String> {
        let got = values(&self.fields, name);
        self.demand(got.len() == 1, || {
            let count = if got.is_empty() { "no".to_owned() } else { format!("{} times the", got.len()) };
            format!("The answer to `{}` has {count} field `{name}`.", transcript_of(&self.asked))
        })?;
        Ok(got[0].to_owned())
    }

    /// An error must have a short text for whoever looks at it.
    pub fn explains(self) -> Outcome<Response> {
        const SHORT: usize = 16 << 10;
        let is_text = std::str::from_utf8(&self.body).is_ok_and(|text| !text.trim().is_empty() && !text.contains('\0'));
        let kind = self.field("content-type").unwrap_or("text/plain").to_ascii_lowercase();
        self.demand(is_text && self.body.len() <= SHORT && kind.starts_with("text/"), || {
            format!(
                "The body of the {} that answers `{}` is no short text: {} of {kind}.",
                self.status,
                transcript_of(&self.asked),
                if self.body.len() < 80 { quoted(&self.body) } else { format!("{} bytes", self.body.len()) }
            )
        })
        .breaking(&["H4"])?;
        Ok(self)
    }

    fn shown_in(&self, trouble: Trouble) -> Trouble {
        const SHOWN: usize = 12;
        let Trouble::Broken(mut failure) = trouble else { return trouble };
        let mut lines = vec![format!("{} {} {}", self.version, self.status, self.reason)];
        lines.extend(self.fields.iter().take(SHOWN).map(|(name, value)| format!("{name}: {value}")));
        failure.detail = lines.join("\n");
        Trouble::Broken(failure)
    }
}

impl Request {
    /// All values of a field.
    pub fn values(&self, name: &str) -> Vec<&str> {
        values(&self.fields, name)
    }

    /// The first line.
    pub fn line(&self) -> String {
        format!("{} {} {}", self.method, self.target, self.version)
    }

    /// Method and target must be these.
    pub fn is(self, due: &str) -> Outcome<Request> {
        let got = format!("{} {}", self.method, self.target);
        demand(got == due, || format!("Your client asked `{}`, where `{due} HTTP/1.1` was due.", self.line()))?;
        Ok(self)
    }

    /// The field must be there, once, with this value.
    pub fn has(self, name: &str, value: &str) -> Outcome<Request> {
        let got = self.values(name);
        demand(got == [value], || {
            let got = if got.is_empty() { "no such field".to_owned() } else { format!("`{}`", got.join("`, `")) };
            format!("The request `{}` of your client has {got}, where `{name}: {value}` was due.", self.line())
        })?;
        Ok(self)
    }

    /// The body must be this one.
    pub fn says(self, due: &str) -> Outcome<Request> {
        demand(self.body == due.as_bytes(), || {
            format!(
                "The body of your client's request `{}` is {}, where {} was due.",
                self.line(),
                quoted(&self.body),
                quoted(due.as_bytes())
            )
        })?;
        Ok(self)
    }
}

/// A line that may be long, for a sentence.
fn transcript_of(line: &str) -> String {
    const SHOWN: usize = 80;
    let harmless = quoted(line.as_bytes());
    let inner = harmless.trim_matches('"');
    match inner.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &inner[..end]),
        None => inner.to_owned(),
    }
}

/// A message as a line of the transcript: whole when it is short, and the same in every run; else its first line, the number
/// of its fields, and its body.
pub fn describe(bytes: &[u8]) -> String {
    const SHORT: usize = 100;
    let whole = quoted(bytes);
    if whole.chars().count() <= SHORT && !whole.contains("Date: ") {
        return whole;
    }
    let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { return whole };
    let Ok(head) = std::str::from_utf8(&bytes[..end]) else { return whole };
    let mut lines = head.split("\r\n");
    let first = lines.next().unwrap_or_default();
    let fields = match lines.count() {
        1 => "1 field".to_owned(),
        count => format!("{count} fields"),
    };
    let body = &bytes[end + 4..];
    let body = match body.len() {
        0 => String::new(),
        1..=60 => format!(": {}", quoted(body)),
        length => format!(": {length} bytes"),
    };
    format!("{first:?} and {fields}{body}")
}
