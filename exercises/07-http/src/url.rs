//! A URL, `http://host:port/path?query#fragment`, taken apart (RFC 9110, section 4.2.1, and RFC 3986).

use std::fmt;

use crate::Malformed;
use crate::target::{host_of, is_authority};

/// Where a client goes, and what it asks for there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Url {
    /// A name or an address, with brackets around an IPv6 address.
    pub host: String,
    /// 80 if the URL has none.
    pub port: u16,
    /// From the first slash on, percent-encoded, without the fragment, which is the client's own affair.
    pub target: String,
}

/// Why a text is no URL to go to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WrongUrl {
    /// It is, but not for HTTP.
    Scheme(String),
    /// It is not.
    Malformed(Malformed),
}

impl Url {
    /// Takes a URL apart.
    ///
    /// ```
    /// let url = http::url::Url::parse("http://[::1]:8080?q=我 du#top").unwrap();
    /// assert_eq!((url.host.as_str(), url.port), ("[::1]", 8080));
    /// assert_eq!(url.target, "/?q=%E6%88%91%20du");
    /// assert_eq!(url.authority(), "[::1]:8080");
    /// assert_eq!(http::url::Url::parse("http://localhost/a/../b").unwrap().target, "/b");
    /// ```
    ///
    /// # Errors
    ///
    /// For another scheme than `http`, and for what is no URL.
    pub fn parse(text: &str) -> Result<Url, WrongUrl> {
        todo!(
            "The scheme goes up to the first colon; in capitals it is the same. After `//` comes the \
             authority, up to the first `/`, `?` or `#`: a host, not empty, and perhaps a port. A name and \
             password (`user@host`) are refused: they are a way to make one host look like another (RFC \
             9110, section 4.2.4). What follows is the `target`, `without_dots`."
        )
    }

    /// The URL that a reference means when it stands at this one (RFC 3986, section 5.2).
    ///
    /// ```
    /// let url = http::url::Url::parse("http://localhost/a/b?q").unwrap();
    /// let at = |reference| url.resolve(reference).unwrap().to_string();
    /// assert_eq!(at("../c"), "http://localhost/c");
    /// assert_eq!(at("?page=2"), "http://localhost/a/b?page=2");
    /// assert_eq!(at("//[::1]:8080/x"), "http://[::1]:8080/x");
    /// ```
    ///
    /// # Errors
    ///
    /// As for [`Url::parse`].
    pub fn resolve(&self, reference: &str) -> Result<Url, WrongUrl> {
        todo!(
            "With a scheme it is a URL of its own; with `//` it lacks but the scheme; with `/` it is another \
             path here; with `?` another query; and else a path from the last slash on. Nothing, or a \
             fragment, is this URL. `without_dots`, all of them."
        )
    }

    /// Takes `.` and `..` out of the path (RFC 3986, section 5.2.4).
    fn without_dots(self) -> Url {
        todo!(
            "`.` goes, `..` takes the part before it along. If the last part is one of them, a slash is at \
             the end."
        )
    }

    /// What the Host field says: the port is left out when it is HTTP's own.
    pub fn authority(&self) -> String {
        todo!("`host`, or `host:port` when the port is not 80.")
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "http://{}{}", self.authority(), self.target)
    }
}

impl fmt::Display for WrongUrl {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            WrongUrl::Scheme(scheme) => write!(f, "{scheme}: is not spoken here; begin with http://"),
            WrongUrl::Malformed(malformed) => malformed.fmt(f),
        }
    }
}

impl std::error::Error for WrongUrl {}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
}

/// Path and query as they go over the wire: with a slash at the front, without a fragment, and with every character
/// percent-encoded that must be. A space or a line end that went out as it is would end the request line.
fn target(text: &str) -> String {
    todo!(
        "Cut the text off at `#`. Each byte that is no letter, no digit, and none of \
         ``-._~!$&'()*+,;=:@/?%`` becomes `%` and two hexadecimal digits in capitals; so does a `%` that has \
         no two such digits after it."
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Option<(String, u16, String)> {
        Url::parse(text).ok().map(|url| (url.host, url.port, url.target))
    }

    #[test]
    fn a_url_has_a_host_and_perhaps_more() {
        for (text, host, port, target) in [
            ("http://a", "a", 80, "/"),
            ("HTTP://A:/", "a", 80, "/"),
            ("http://127.0.0.1:8080/x?y#z", "127.0.0.1", 8080, "/x?y"),
            ("http://[::1]?x", "[::1]", 80, "/?x"),
            ("http://a#x/y", "a", 80, "/"),
            ("http://a/%zz %41\r\n", "a", 80, "/%25zz%20%41%0D%0A"),
        ] {
            assert_eq!(parsed(text), Some((host.to_owned(), port, target.to_owned())), "{text:?}");
        }
        for text in ["", "a", "/a", "127.0.0.1:80/", "http:", "http:a", "http://", "http:///a", "http://:80/"] {
            assert!(matches!(Url::parse(text), Err(WrongUrl::Malformed(_))), "{text:?}");
        }
        for text in [
            "http://a:0/",
            "http://a:65536/",
            "http://a:x/",
            "http://a b/",
            "http://u@a/",
            "http://[::1/",
            "http://a\n/",
        ] {
            assert!(matches!(Url::parse(text), Err(WrongUrl::Malformed(_))), "{text:?}");
        }
        assert_eq!(Url::parse("https://a/"), Err(WrongUrl::Scheme("https".to_owned())));
    }

    #[test]
    fn a_reference_is_read_from_where_it_stands() {
        let url = Url::parse("http://a/b/c/d?q").unwrap();
        for (reference, target) in [
            ("g", "/b/c/g"),
            ("./g", "/b/c/g"),
            ("g/", "/b/c/g/"),
            ("/g", "/g"),
            ("?y", "/b/c/d?y"),
            ("g?y#s", "/b/c/g?y"),
            ("#s", "/b/c/d?q"),
            ("", "/b/c/d?q"),
            (".", "/b/c/"),
            ("..", "/b/"),
            ("../../../g", "/g"),
            ("g;x=1/../y", "/b/c/y"),
            ("/a/../b/./c", "/b/c"),
            ("g?y/../x", "/b/c/g?y/../x"),
            ("//a/x", "/x"),
            ("http://a/../x", "/x"),
        ] {
            let resolved = url.resolve(reference).unwrap();
            assert_eq!((resolved.host.as_str(), resolved.target.as_str()), ("a", target), "{reference:?}");
        }
    }
}
