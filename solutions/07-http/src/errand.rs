//! What a client asks for, and where it asks again when it is sent on (RFC 9110, section 15.4).

use crate::Malformed;
use crate::fields::is_token;
use crate::response::ResponseHead;
use crate::url::{Url, WrongUrl};

/// Fields that say who somebody is. They are not for another server than the one they were meant for.
const CREDENTIALS: [&str; 4] = ["Authorization", "Proxy-Authorization", "Cookie", "Host"];

/// A request that is to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Errand {
    /// GET, say.
    pub method: String,
    /// Where to.
    pub url: Url,
    /// The fields that the user asked for.
    pub fields: Vec<(String, String)>,
    /// The body, if there is one.
    pub body: Option<Vec<u8>>,
}

impl Errand {
    /// The request as it goes over the wire.
    ///
    /// # Your turn
    ///
    /// Request line, Host first, then User-Agent, Accept, Connection: close (a field that the user gives takes the place
    /// of ours), the user's fields, Content-Length, empty line, body. Content-Length goes with a body, and as 0 with a
    /// method that usually has one: POST, PUT, PATCH.
    pub fn encode(&self) -> Vec<u8> {
        let mut text = format!("{} {} HTTP/1.1\r\n", self.method, self.url.target);
        let mut add = |name: &str, value: &str| text.push_str(&format!("{name}: {value}\r\n"));
        let agent = concat!("both-ends/", env!("CARGO_PKG_VERSION"));
        let ours =
            [("Host", &*self.url.authority()), ("User-Agent", agent), ("Accept", "*/*"), ("Connection", "close")];
        for (name, value) in ours {
            let given = self.fields.iter().find(|(other, _)| other.eq_ignore_ascii_case(name));
            add(name, given.map_or(value, |(_, value)| value));
        }
        let is_ours = |name: &str| ours.iter().any(|(other, _)| other.eq_ignore_ascii_case(name));
        self.fields.iter().filter(|(name, _)| !is_ours(name)).for_each(|(name, value)| add(name, value));
        let body = self.body.as_deref().unwrap_or_default();
        if self.body.is_some() || matches!(self.method.as_str(), "POST" | "PUT" | "PATCH") {
            add("Content-Length", &body.len().to_string());
        }
        text.push_str("\r\n");
        [text.as_bytes(), body].concat()
    }

    /// What is to be asked next, if the answer says that it is to be had elsewhere.
    ///
    /// # Errors
    ///
    /// When the answer names a place that cannot be gone to.
    ///
    /// # Your turn
    ///
    /// The status is 301, 302, 303, 307 or 308, and there is a Location, which may be relative. After 301 and 302, POST
    /// becomes GET; after 303 all but HEAD do. GET takes neither the body nor the fields about it (`Content-…`) along.
    /// To another host or port, no `CREDENTIALS` go along.
    pub fn redirected(&self, head: &ResponseHead) -> Result<Option<Errand>, WrongUrl> {
        let Some(location) = head.fields.all("Location").next() else { return Ok(None) };
        let becomes_get = match head.status {
            301 | 302 => self.method == "POST",
            303 => self.method != "HEAD",
            307 | 308 => false,
            _ => return Ok(None),
        };
        let mut next = Errand { url: self.url.resolve(location)?, ..self.clone() };
        if becomes_get {
            next.method = "GET".to_owned();
            next.body = None;
            next.fields.retain(|(name, _)| !name.to_ascii_lowercase().starts_with("content-"));
        }
        if (&next.url.host, next.url.port) != (&self.url.host, self.url.port) {
            next.fields.retain(|(name, _)| !CREDENTIALS.iter().any(|other| other.eq_ignore_ascii_case(name)));
        }
        Ok(Some(next))
    }
}

/// Reads `Name: value`. The fields that say where the body ends are the client's own, lest they say something else.
///
/// # Errors
///
/// For what is no field: a line end in it would begin another one.
pub fn field(text: &str) -> Result<(String, String), Malformed> {
    let (name, value) = text.split_once(':').ok_or(Malformed("a field is written 'Name: value'"))?;
    if !is_token(name.as_bytes()) {
        return Err(Malformed("a field's name has letters, digits and hyphens, and then a colon"));
    }
    if value.bytes().any(|byte| byte.is_ascii_control() && byte != b'\t') {
        return Err(Malformed("a field's value has no line ends or other control characters"));
    }
    if ["Content-Length", "Transfer-Encoding"].iter().any(|other| other.eq_ignore_ascii_case(name)) {
        return Err(Malformed("the length of the body is for the client to say"));
    }
    Ok((name.to_owned(), value.trim_ascii().to_owned()))
}
