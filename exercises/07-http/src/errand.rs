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
    pub fn encode(&self) -> Vec<u8> {
        todo!(
            "Request line, Host first, then User-Agent, Accept, Connection: close (a field that the user \
             gives takes the place of ours), the user's fields, Content-Length, empty line, body. \
             Content-Length goes with a body, and as 0 with a method that usually has one: POST, PUT, PATCH."
        )
    }

    /// What is to be asked next, if the answer says that it is to be had elsewhere.
    ///
    /// # Errors
    ///
    /// When the answer names a place that cannot be gone to.
    pub fn redirected(&self, head: &ResponseHead) -> Result<Option<Errand>, WrongUrl> {
        todo!(
            "The status is 301, 302, 303, 307 or 308, and there is a Location, which may be relative. After \
             301 and 302, POST becomes GET; after 303 all but HEAD do. GET takes neither the body nor the \
             fields about it (`Content-…`) along. To another host or port, no `CREDENTIALS` go along."
        )
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
