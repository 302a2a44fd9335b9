//! Percent-encoding, and the `key=value` pairs of a query (RFC 3986, section 2.1, and the URL standard's forms).

/// The bytes that a percent-encoded text stands for.
///
/// ```
/// assert_eq!(http::percent::decode("%E6%88%91%20+"), "我 +".as_bytes());
/// assert_eq!(http::percent::decode("100%"), b"100%");
/// ```
pub fn decode(text: &str) -> Vec<u8> {
    todo!(
        "A `%` and the two hexadecimal digits after it are one byte. All else stands for itself, a `%` \
         without them, too."
    )
}

/// The byte that the two digits after a `%` stand for.
fn escaped(after: &[u8]) -> Option<u8> {
    let digit = |at: usize| char::from(*after.get(at)?).to_digit(16);
    Some((digit(0)? << 4 | digit(1)?) as u8)
}

/// Whether each `%` has its two hexadecimal digits.
pub fn is_escaped(text: &str) -> bool {
    text.split('%').skip(1).all(|after| escaped(after.as_bytes()).is_some())
}

/// The pairs of a query, in order. A form writes `+` for a blank, and a key may have no `=`.
///
/// ```
/// let pairs = http::percent::pairs("page=1&name=Da%20Vid+X&flag");
/// assert_eq!(pairs[1], ("name".to_owned(), "Da Vid X".to_owned()));
/// assert_eq!(pairs[2], ("flag".to_owned(), String::new()));
/// ```
pub fn pairs(query: &str) -> Vec<(String, String)> {
    todo!(
        "Split at each `&`, leave out what is empty, and split each pair at its first `=`. Only then decode: \
         `%26` and `%3D` are characters in a value. The `+` comes first: `%2B` is a plus sign."
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_escape_stands_for_itself() {
        for (text, decoded) in
            [("%zz", "%zz"), ("%", "%"), ("a%4", "a%4"), ("%%41", "%A"), ("%4%41", "%4A"), ("%25zz", "%zz")]
        {
            assert_eq!(decode(text), decoded.as_bytes(), "{text}");
            assert_eq!(is_escaped(text), text == "%25zz", "{text}");
        }
        assert_eq!(
            pairs("100%=%zz&a+b=%2B%26"),
            [("100%", "%zz"), ("a b", "+&")].map(|(key, value)| (key.to_owned(), value.to_owned()))
        );
    }
}
