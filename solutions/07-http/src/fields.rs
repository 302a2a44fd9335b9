//! Header fields, `Name: value`, one a line (RFC 9110, section 5, and RFC 9112, section 5).

use std::borrow::Cow;

use crate::Malformed;

/// Who sent a head. What a server must refuse, because others may read it differently, a client may mend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sender {
    /// The fields are a request's.
    Client,
    /// The fields are a response's.
    Server,
}

/// The fields of a head in their order. Names are the same in capitals and in small letters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fields(Vec<(String, String)>);

impl Fields {
    /// The fields in a header section: its lines, without the empty one that ends it.
    ///
    /// ```
    /// use http::fields::{Fields, Sender};
    ///
    /// let fields = Fields::parse(b"Host: localhost\r\nConnection: close, x\r\n", Sender::Client).unwrap();
    /// assert_eq!(fields.only("host"), Some("localhost"));
    /// assert!(fields.lists("connection", "Close"));
    /// ```
    ///
    /// # Errors
    ///
    /// For a line that is no field; the first of them counts.
    ///
    /// # Your turn
    ///
    /// A server's fields are `unfold`ed first. Then split the section into lines at each LF, take a CR off each line's
    /// end, and make a field of it with `field`.
    pub fn parse(section: &[u8], sender: Sender) -> Result<Fields, Malformed> {
        let unfolded = if sender == Sender::Server { Cow::Owned(unfold(section)) } else { Cow::Borrowed(section) };
        let lines = unfolded.split_inclusive(|byte| *byte == b'\n').map(without_line_end);
        lines.map(|line| field(line, sender)).collect::<Result<_, _>>().map(Fields)
    }

    /// All fields, as they came.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The values of all fields of this name.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.iter().filter(move |(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// The value of the only field of this name; `None` if there is none, or more than one.
    pub fn only(&self, name: &str) -> Option<&str> {
        let mut values = self.all(name);
        values.next().filter(|_| values.next().is_none())
    }

    /// Whether there is a field of this name.
    pub fn has(&self, name: &str) -> bool {
        self.all(name).next().is_some()
    }

    /// The elements of a comma-separated list, which may go on in further fields of the same name. Empty elements do
    /// not count (RFC 9110, section 5.6.1.2).
    ///
    /// # Your turn
    ///
    /// Split the value of each field of this name at its commas, trim spaces and tabs, and leave out what is empty.
    pub fn list(&self, name: &str) -> Vec<&str> {
        let elements = self.all(name).flat_map(|value| value.split(',')).map(str::trim_ascii);
        elements.filter(|element| !element.is_empty()).collect()
    }

    /// Whether a list has this element, in capitals or small letters.
    pub fn lists(&self, name: &str, element: &str) -> bool {
        self.list(name).iter().any(|other| other.eq_ignore_ascii_case(element))
    }
}

/// A line without its CR LF. A single LF is taken for a line end, too (RFC 9112, section 2.2): whoever types a request
/// by hand sends no CR.
pub fn without_line_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// How long a header section is, the empty line that ends it included; `None` when the end is not here yet.
///
/// # Your turn
///
/// The empty line may be the first. Otherwise it follows a line: look for an LF with LF or CR LF after it.
pub fn section_length(bytes: &[u8]) -> Option<usize> {
    let mut line_start = 0;
    while let Some(length) = bytes[line_start..].iter().position(|byte| *byte == b'\n') {
        let line = &bytes[line_start..=line_start + length];
        line_start += length + 1;
        if without_line_end(line).is_empty() {
            return Some(line_start);
        }
    }
    None
}

/// Whether this is a token: a name of a method or a field (RFC 9110, section 5.6.2).
///
/// # Your turn
///
/// At least one byte, and all of them letters, digits, or one of ``!#$%&'*+-.^_`|~``.
pub fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte))
}

/// A line that begins with white space once was the continuation of the line before it. A client puts spaces in place of
/// the line end and that white space (RFC 9112, section 5.2).
fn unfold(section: &[u8]) -> Vec<u8> {
    let mut unfolded: Vec<u8> = Vec::with_capacity(section.len());
    for line in section.split_inclusive(|byte| *byte == b'\n') {
        if matches!(line.first(), Some(b' ' | b'\t')) && !unfolded.is_empty() {
            unfolded.truncate(without_line_end(&unfolded).len());
            unfolded.push(b' ');
        }
        let skipped = if unfolded.is_empty() { line } else { line.trim_ascii_start() };
        unfolded.extend_from_slice(without_line_end(skipped));
        unfolded.push(b'\n');
    }
    unfolded
}

/// One field.
///
/// # Your turn
///
/// The name, a `token`, goes up to the first colon. The value, without the spaces and tabs around it, must not have
/// control characters in it, tabs aside. White space before the name or before the colon is refused: some programs
/// would take `Content-Length : 5` for a length, and some would not. Of a server, white space before the colon is taken
/// off, and of the control characters only CR and NUL are refused.
fn field(line: &[u8], sender: Sender) -> Result<(String, String), Malformed> {
    let colon = line.iter().position(|byte| *byte == b':').ok_or(Malformed("a header line has no colon"))?;
    let (mut name, value) = (&line[..colon], &line[colon + 1..]);
    if sender == Sender::Server {
        name = name.trim_ascii_end();
    }
    if !is_token(name) {
        return Err(Malformed("a field name is not a word of letters, digits and hyphens right before its colon"));
    }
    let dangerous = |byte: &u8| match sender {
        Sender::Client => byte.is_ascii_control() && *byte != b'\t',
        Sender::Server => matches!(byte, b'\r' | 0),
    };
    if value.iter().any(dangerous) {
        return Err(Malformed("a field value has a control character"));
    }
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    Ok((text(name), text(value.trim_ascii())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(section: &str, sender: Sender) -> Result<Vec<(String, String)>, Malformed> {
        Fields::parse(section.as_bytes(), sender).map(|fields| fields.0)
    }

    #[test]
    fn white_space_around_a_value_is_no_part_of_it() {
        let fields = parsed("A:b\r\nC: \t d e \r\nEmpty:\r\nF: g:h\n", Sender::Client).unwrap();
        let expected = [("A", "b"), ("C", "d e"), ("Empty", ""), ("F", "g:h")];
        assert_eq!(fields, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }

    #[test]
    fn what_a_server_refuses_a_client_may_mend() {
        for (section, mended) in [
            ("Length : 5\r\n", Some(("Length", "5"))),
            ("A: b\r\n  c\r\n", Some(("A", "b c"))),
            ("A: b\r\n\t\r\n", Some(("A", "b"))),
            ("A: \x1b[2J\r\n", Some(("A", "\x1b[2J"))),
            ("A: b\rc\r\n", None),
            ("A: b\0c\r\n", None),
            (" A: b\r\n", None),
            ("A b: c\r\n", None),
            (": c\r\n", None),
            ("A\r\n", None),
        ] {
            assert!(parsed(section, Sender::Client).is_err(), "{section:?}");
            let fields = parsed(section, Sender::Server).ok();
            assert_eq!(fields, mended.map(|(name, value)| vec![(name.to_owned(), value.to_owned())]), "{section:?}");
        }
    }

    #[test]
    fn a_list_goes_on_in_the_next_field_of_its_name() {
        let fields = Fields::parse(b"A: x, ,y\r\na:,z ,\r\nB: w\r\n", Sender::Client).unwrap();
        assert_eq!(fields.list("A"), ["x", "y", "z"]);
        assert!(fields.lists("a", "Z") && !fields.lists("A", "w"));
        assert_eq!((fields.only("A"), fields.only("B"), fields.has("C")), (None, Some("w"), false));
    }

    #[test]
    fn the_section_ends_at_the_first_empty_line() {
        for section in ["\r\n", "\n", "A: b\r\n\r\n", "A: b\n\n", "A: b\r\nC: d\n\r\n"] {
            for length in 0..section.len() {
                assert_eq!(section_length(&section.as_bytes()[..length]), None, "{:?}", &section[..length]);
            }
            assert_eq!(section_length(format!("{section}more\r\n\r\n").as_bytes()), Some(section.len()));
        }
    }
}
