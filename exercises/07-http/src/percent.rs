//! Percent-encoding, and the `key=value` pairs of a query (RFC 3986, section 2.1, and the URL standard's forms).

use crate::Malformed;

/// The bytes that a percent-encoded text stands for.
///
/// ```
/// assert_eq!(http::percent::decode("%E6%88%91%20+").unwrap(), "我 +".as_bytes());
/// assert!(http::percent::decode("100%").is_err());
/// ```
///
/// # Errors
///
/// For a `%` without two hexadecimal digits.
pub fn decode(text: &str) -> Result<Vec<u8>, Malformed> {
    todo!("A `%` and the two digits after it are one byte. All else stands for itself.")
}

fn hex(digit: Option<u8>) -> Result<u8, Malformed> {
    let digit = digit.and_then(|digit| char::from(digit).to_digit(16));
    digit.map(|digit| digit as u8).ok_or(Malformed("a % is not followed by two hexadecimal digits"))
}

/// Whether each `%` has its two hexadecimal digits.
pub fn is_escaped(text: &str) -> bool {
    !text.contains('%') || decode(text).is_ok()
}

/// The pairs of a query, in order. A form writes `+` for a blank, and a key may have no `=`.
///
/// ```
/// let pairs = http::percent::pairs("page=1&name=Da%20Vid+X&flag").unwrap();
/// assert_eq!(pairs[1], ("name".to_owned(), "Da Vid X".to_owned()));
/// assert_eq!(pairs[2], ("flag".to_owned(), String::new()));
/// ```
///
/// # Errors
///
/// For a `%` without two hexadecimal digits.
pub fn pairs(query: &str) -> Result<Vec<(String, String)>, Malformed> {
    todo!(
        "Split at each `&`, leave out what is empty, and split each pair at its first `=`. Only then decode: \
         `%26` and `%3D` are characters in a value. The `+` comes first: `%2B` is a plus sign."
    )
}
