//! The request target: what a request is about (RFC 9112, section 3.2).

use crate::answer::{Refusal, Status};
use crate::percent::{self, is_escaped};

/// What comes after the method.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// `/path?query`, be it alone or after `http://host`.
    Resource {
        /// From the first slash on, still percent-encoded.
        path: String,
        /// What follows the question mark.
        query: Option<String>,
    },
    /// `host:port`: the other end of a tunnel, for CONNECT alone.
    Authority,
    /// `*`: the server as a whole, for OPTIONS alone.
    Server,
}

impl Target {
    /// The target in a request line.
    ///
    /// # Errors
    ///
    /// 400 for what is no target, or none for this method; 421 for a URL that is not `http:`.
    ///
    /// # Your turn
    ///
    /// `*` goes with OPTIONS and `host:port` with CONNECT, and with no other. What begins with a slash is a `resource`.
    /// What has a scheme (`://`) must have the scheme `http`, in capitals or not, and a host that is valid and not
    /// empty; what follows the host is the resource, or else the path is `/`.
    pub fn parse(method: &str, text: &str) -> Result<Target, Refusal> {
        let wrong = Refusal::bad_request("the request target is not one for this method");
        match method {
            "CONNECT" if is_tunnel(text) => return Ok(Target::Authority),
            "CONNECT" => return Err(wrong),
            "OPTIONS" if text == "*" => return Ok(Target::Server),
            _ if text.starts_with('/') => return resource(text),
            _ => {}
        }
        let (scheme, rest) = text.split_once("://").ok_or(wrong)?;
        if !scheme.eq_ignore_ascii_case("http") {
            return Err(Refusal { status: Status::MISDIRECTED_REQUEST, why: "only http: is spoken here" });
        }
        let (authority, resource_text) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        if !is_authority(authority) || host_of(authority).is_empty() {
            return Err(Refusal::bad_request("the host in the request target is not valid"));
        }
        match resource_text.starts_with('/') {
            true => resource(resource_text),
            false => resource(&format!("/{resource_text}")),
        }
    }

    /// The path's parts between the slashes, decoded; the last is empty when the path ends with a slash. `None` for a
    /// path that can be nobody's name: one that leads upwards, or has a slash or NUL in a name.
    ///
    /// A slash is looked for first and the rest decoded then: `%2F` is a character in a name, not a separator, and no
    /// file has such a name. `.` is where one is already; `..` is for the client to resolve (RFC 3986, section 6.2.2.3).
    ///
    /// ```
    /// use http::target::Target;
    ///
    /// let names = |path| Target::parse("GET", path).unwrap().names();
    /// assert_eq!(names("/a%20b/c").unwrap(), ["a b", "c"]);
    /// assert_eq!(names("/%2e%2e/secret"), None);
    /// ```
    ///
    /// # Your turn
    ///
    /// Split the path after its first slash at each slash, and `percent::decode` each part. A `.` is as good as an empty
    /// name. Refuse `..`, and parts that have a slash or NUL in them, or are not UTF-8.
    pub fn names(&self) -> Option<Vec<String>> {
        let Target::Resource { path, .. } = self else { return None };
        let parts = path.trim_start_matches('/').split('/');
        let decoded = parts.map(|part| String::from_utf8(percent::decode(part)).ok());
        decoded.map(|name| name.filter(|name| is_name(name)).map(without_dot)).collect()
    }
}

fn is_name(name: &str) -> bool {
    name != ".." && !name.contains(['/', '\0'])
}

fn without_dot(name: String) -> String {
    if name == "." { String::new() } else { name }
}

/// A path, and perhaps a query. Other characters than these have to be percent-encoded (RFC 3986, sections 3.3, 3.4). A
/// `%` by itself names no file, but in a query it does no harm, and people write it.
fn resource(text: &str) -> Result<Target, Refusal> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/?%".contains(&byte);
    let (path, query) = match text.split_once('?') {
        Some((path, query)) => (path, Some(query.to_owned())),
        None => (text, None),
    };
    if !text.bytes().all(allowed) || !is_escaped(path) {
        return Err(Refusal::bad_request("the request target has characters that must be percent-encoded"));
    }
    Ok(Target::Resource { path: path.to_owned(), query })
}

/// Whether this is a host, or nothing, and perhaps a colon and a port (RFC 3986, section 3.2): the value of a Host field.
///
/// # Your turn
///
/// A port has digits only. A host is an IPv6 address in brackets, or letters, digits and ``-._~!$&'()*+,;=%``.
pub fn is_authority(text: &str) -> bool {
    let host = host_of(text);
    let port = &text[host.len()..];
    if !port.strip_prefix(':').unwrap_or(port).bytes().all(|byte| byte.is_ascii_digit()) {
        return false;
    }
    match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => {
            host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=%".contains(&byte))
                && is_escaped(host)
        }
    }
}

/// The host without the port; the colons in brackets are those of an IPv6 address.
pub(crate) fn host_of(authority: &str) -> &str {
    let colon = authority.rfind(':').filter(|colon| !authority[*colon..].contains(']'));
    &authority[..colon.unwrap_or(authority.len())]
}

/// The other end of a tunnel must have a port, and not 0 (RFC 9110, section 9.3.6).
fn is_tunnel(text: &str) -> bool {
    let host = host_of(text);
    let port = text[host.len()..].strip_prefix(':').unwrap_or_default();
    is_authority(text) && !host.is_empty() && port.parse::<u16>().is_ok_and(|port| port > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_names_that_only_lead_down() {
        let names = |path: &str| Target::parse("GET", path).unwrap().names();
        for (path, due) in [
            ("/", &[""][..]),
            ("/a/b", &["a", "b"]),
            ("/a//b/", &["a", "", "b", ""]),
            ("//a", &["a"]),
            ("/%41%20/%E6%88%91", &["A ", "我"]),
            ("/...", &["..."]),
            ("/./a/%2E/b/.", &["", "a", "", "b", ""]),
            ("/%252e%252e", &["%2e%2e"]),
        ] {
            assert_eq!(names(path).unwrap(), due, "{path}");
        }
        for path in ["/..", "/a/../b", "/%2e%2e/a", "/.%2E", "/a%2fb", "/a%00", "/%FF"] {
            assert_eq!(names(path), None, "{path}");
        }
    }
}
