//! Rust string literals: how the programs print text, and how their lines are compared.
//!
//! Two programs may escape differently and both be right: Rust prints U+200B as `\u{200b}`, another language may print
//! it as it is. So lines are compared by what their literals say; only control characters must be escaped.

use std::fmt;

/// Bytes from the network as the programs print them: text as a Rust string literal, anything else as its length.
///
/// ```
/// assert_eq!(transcript::literal::quoted("我爱你\n".as_bytes()), r#""我爱你\n""#);
/// assert_eq!(transcript::literal::quoted(b"\xff\xfe"), "2 bytes that are not UTF-8");
/// ```
pub fn quoted(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => format!("{text:?}"),
        Err(_) => format!("{} bytes that are not UTF-8", bytes.len()),
    }
}

/// `text` with its control characters replaced by U+FFFD, so that printing it cannot drive a terminal.
pub fn harmless(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

/// How two lines differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Difference {
    /// A control character stands in the line unescaped.
    RawControl(char),
    /// The first character that differs, counted from 0 in the line that was printed.
    At(usize),
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Difference::RawControl(c) => write!(f, "the control character {c:?} stands in it unescaped"),
            Difference::At(at) => write!(f, "they differ from character {} on", at + 1),
        }
    }
}

/// Compares a printed line with the expected one, taking any escapes inside string literals that say the same.
///
/// # Errors
///
/// The first difference.
///
/// ```
/// use transcript::literal::{Difference, compare};
///
/// assert_eq!(compare(r#"echo "a\u{200b}""#, "echo \"a\u{200b}\""), Ok(()));
/// assert_eq!(compare(r#"echo "abc""#, r#"echo "abd""#), Err(Difference::At(8)));
/// assert_eq!(compare(r#"echo "\u{1b}""#, "echo \"\u{1b}\""), Err(Difference::RawControl('\u{1b}')));
/// ```
pub fn compare(expected: &str, printed: &str) -> Result<(), Difference> {
    if let Some(control) = printed.chars().find(|c| c.is_control()) {
        return Err(Difference::RawControl(control));
    }
    if expected == printed {
        return Ok(());
    }
    let mut wanted = Pieces::of(expected);
    let mut got = Pieces::of(printed);
    loop {
        let before = got.at;
        match (wanted.next(), got.next()) {
            (None, None) => return Ok(()),
            (wanted, got) if wanted == got => {}
            _ => return Err(Difference::At(printed[..before].chars().count())),
        }
    }
}

/// One character of a line: bare, or inside a literal, where it may have been written as an escape.
#[derive(Debug, PartialEq, Eq)]
enum Piece {
    Bare(char),
    Inside(char),
    /// A backslash that begins no escape of Rust: a different thing from any character.
    BadEscape(usize),
}

/// Walks through a line, telling text from literals and undoing escapes.
struct Pieces<'a> {
    line: &'a str,
    at: usize,
    inside: bool,
}

impl<'a> Pieces<'a> {
    fn of(line: &'a str) -> Pieces<'a> {
        Pieces { line, at: 0, inside: false }
    }

    /// What the escape after a backslash stands for, and how many bytes it takes: `\n`, `\x1b`, `\u{1b}`.
    fn escape(after: &str) -> Option<(char, usize)> {
        let simple = |c| Some((c, 1));
        match after.chars().next()? {
            'n' => simple('\n'),
            'r' => simple('\r'),
            't' => simple('\t'),
            '0' => simple('\0'),
            c @ ('\\' | '"' | '\'') => simple(c),
            'x' => {
                let digits = after.get(1..3)?;
                let code = hexadecimal(digits).filter(|code| *code < 0x80)?;
                Some((char::from_u32(code)?, 3))
            }
            'u' => {
                let digits = after.get(1..)?.strip_prefix('{')?.split_once('}')?.0;
                Some((char::from_u32(hexadecimal(digits)?)?, digits.len() + 3))
            }
            _ => None,
        }
    }
}

/// The value of one to six hexadecimal digits, and nothing but digits (`from_str_radix` takes a sign).
fn hexadecimal(digits: &str) -> Option<u32> {
    let well_formed = digits.len() <= 6 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    well_formed.then(|| u32::from_str_radix(digits, 16).ok()).flatten()
}

impl Iterator for Pieces<'_> {
    type Item = Piece;

    fn next(&mut self) -> Option<Piece> {
        let rest = &self.line[self.at..];
        let c = rest.chars().next()?;
        self.at += c.len_utf8();
        Some(match (self.inside, c) {
            (_, '"') => {
                self.inside = !self.inside;
                Piece::Bare('"')
            }
            (true, '\\') => match Pieces::escape(&rest[1..]) {
                Some((meant, length)) => {
                    self.at += length;
                    Piece::Inside(meant)
                }
                None => Piece::BadEscape(self.at),
            },
            (true, c) => Piece::Inside(c),
            (false, c) => Piece::Bare(c),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_escape_of_rust_is_understood() {
        let text = "quote \" backslash \\ apostrophe ' nul \0 tab \t line \n return \r escape \x1b delete \x7f 我";
        let line = format!("sent {text:?} to 127.0.0.1:1");
        assert_eq!(compare(&line, &line), Ok(()));
        let other = r#"sent "quote \" backslash \\ apostrophe \' nul \u{0} tab \u{9} line \x0a return \u{000d} escape \x1b delete \x7F \u{6211}" to 127.0.0.1:1"#;
        assert_eq!(compare(&line, other), Ok(()));
    }

    #[test]
    fn escapes_of_other_languages_are_a_difference() {
        for wrong in [r#"echo "\u001b""#, r#"echo "\033""#, r#"echo "\e""#, "echo '\u{fffd}'", r#"echo "\u{110000}""#] {
            assert!(compare(r#"echo "\u{1b}""#, wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_escape_counts_only_inside_a_literal() {
        assert!(compare("a\tb", r"a\tb").is_err());
        assert!(compare(r#""a" x"#, r#""a x"#).is_err());
        assert!(compare(r#""a""#, r#""a"#).is_err());
    }

    #[test]
    fn a_broken_escape_is_no_panic() {
        for broken in [r#""\"#, r#""\x"#, r#""\xé""#, r#""\u"#, r#""\u{"#, r#""\u{}""#, r#""\u{+1}""#] {
            assert!(compare("", broken).is_err(), "{broken}");
        }
    }
}
