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
    /// Request line, then Host, then `Connection: close`, for we never ask twice on a connection; User-Agent and Accept,
    /// and the user's fields, which take the place of ours but for Connection; Content-Length, empty line, body.
    /// Content-Length goes with a body, and as 0 with a method that usually has one: POST, PUT, PATCH.
    pub fn encode(&self) -> Vec<u8> {
        let given = |name: &str| self.fields.iter().find(|(other, _)| other.eq_ignore_ascii_case(name));
        let host = given("Host").map_or(self.url.authority(), |(_, value)| value.clone());
        let mut text = format!("{} {} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n", self.method, self.url.target);
        let mut add = |name: &str, value: &str| text.push_str(&format!("{name}: {value}\r\n"));
        let agent = concat!("both-ends/", env!("CARGO_PKG_VERSION"));
        for (name, value) in [("User-Agent", agent), ("Accept", "*/*")].iter().filter(|(name, _)| given(name).is_none())
        {
            add(name, value);
        }
        for (name, value) in self.fields.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("Host")) {
            add(name, value);
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fields::{Fields, Sender};

    fn errand(method: &str, body: Option<&[u8]>) -> Errand {
        let fields = ["Authorization: a", "content-type: b", "X: c"].map(|text| field(text).unwrap()).to_vec();
        let url = Url::parse("http://here:8080/a/b").unwrap();
        Errand { method: method.to_owned(), url, fields, body: body.map(<[u8]>::to_vec) }
    }

    fn redirected(errand: &Errand, status: u16, location: &str) -> Option<Errand> {
        let fields = Fields::parse(format!("Location: {location}\r\n").as_bytes(), Sender::Server).unwrap();
        errand.redirected(&ResponseHead { line: String::new(), status, fields }).unwrap()
    }

    #[test]
    fn a_request_has_all_it_needs() {
        let text = String::from_utf8(errand("POST", Some(b"hi")).encode()).unwrap();
        assert!(text.starts_with("POST /a/b HTTP/1.1\r\nHost: here:8080\r\nConnection: close\r\n"), "{text}");
        assert!(text.ends_with("\r\nX: c\r\nContent-Length: 2\r\n\r\nhi"), "{text}");
        let own_host = Errand { fields: vec![field("host: other").unwrap()], ..errand("GET", None) };
        let text = String::from_utf8(own_host.encode()).unwrap();
        assert!(
            text.contains("Host: other\r\n") && !text.contains("here") && !text.contains("Content-Length"),
            "{text}"
        );
    }

    #[test]
    fn a_redirect_changes_what_it_must_and_no_more() {
        let (get, post) = (errand("GET", None), errand("POST", Some(b"hi")));
        for status in [301, 302, 303] {
            let next = redirected(&post, status, "c").unwrap();
            assert_eq!((next.method.as_str(), next.url.target.as_str(), &next.body), ("GET", "/a/c", &None));
            assert_eq!(next.fields, [field("Authorization: a").unwrap(), field("X: c").unwrap()]);
        }
        for status in [307, 308] {
            assert_eq!(redirected(&post, status, "b"), Some(post.clone()));
        }
        assert_eq!(redirected(&errand("HEAD", None), 303, "b").unwrap().method, "HEAD");
        assert_eq!(redirected(&errand("PUT", None), 302, "b").unwrap().method, "PUT");
        for status in [200, 201, 300, 304, 404] {
            assert_eq!(redirected(&get, status, "c"), None);
        }
        let elsewhere = redirected(&get, 307, "http://there/").unwrap();
        assert_eq!(elsewhere.fields, [field("content-type: b").unwrap(), field("X: c").unwrap()]);
        assert_eq!(redirected(&get, 307, "http://here:8080/").unwrap().fields, get.fields);
    }

    #[test]
    fn a_field_is_one_field() {
        for text in
            ["", "X", "X y: z", "X : z", ": z", "X: y\r\nZ: w", "X: y\n", "Content-Length: 1", "transfer-encoding: x"]
        {
            assert!(field(text).is_err(), "{text:?}");
        }
        assert_eq!(field("X:"), Ok(("X".to_owned(), String::new())));
    }
}
