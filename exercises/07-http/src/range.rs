//! A part of a file (RFC 9110, section 14).

/// What a Range field asks for, given the file's length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Range {
    /// All of it. So is what is malformed, of another unit, or parts of which one is there: a server may ignore a Range.
    Whole,
    /// A part of it.
    Part {
        /// The first byte.
        start: u64,
        /// How many.
        length: u64,
    },
    /// Bytes that the file does not have.
    Unsatisfiable,
}

/// Reads the value of a Range field: `bytes=0-99`, `bytes=100-`, or, for the last hundred, `bytes=-100`.
///
/// ```
/// use http::range::{Range, range};
///
/// assert_eq!(range("bytes=2-9", 5), Range::Part { start: 2, length: 3 });
/// assert_eq!(range("bytes=-2", 5), Range::Part { start: 3, length: 2 });
/// assert_eq!(range("bytes=5-", 5), Range::Unsatisfiable);
/// assert_eq!(range("bytes=3-2", 5), Range::Whole);
/// ```
pub fn range(value: &str, file: u64) -> Range {
    todo!(
        "The unit is `bytes`, in capitals or not; then come parts with commas between them. A single part is \
         what it is (`part`); of several, each must be unsatisfiable, or all of the file is the answer."
    )
}

/// One part.
fn part(text: &str, file: u64) -> Range {
    todo!(
        "Mind that the last byte counts, that both numbers may be far beyond the end of the file, and that \
         the last hundred bytes of a shorter file are all of it."
    )
}

/// The two numbers, of which one may be missing.
fn first_and_last(text: &str) -> Option<(Option<u64>, Option<u64>)> {
    let (first, last) = text.split_once('-')?;
    let (first, last) = (number(first)?, number(last)?);
    ((first, last) != (None, None)).then_some((first, last))
}

/// A number, or none at all; one that is too large for us is larger than any file.
fn number(digits: &str) -> Option<Option<u64>> {
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some((!digits.is_empty()).then(|| digits.parse().unwrap_or(u64::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_36_bytes() {
        let far = "99999999999999999999999999";
        for (value, start, length) in [
            ("bytes=0-0", 0, 1),
            ("bytes=0-35", 0, 36),
            ("Bytes=30-", 30, 6),
            ("bytes=-1", 35, 1),
            ("bytes=-36", 0, 36),
            (&format!("bytes=-{far}"), 0, 36),
            (&format!("bytes=35-{far}"), 35, 1),
        ] {
            assert_eq!(range(value, 36), Range::Part { start, length }, "{value:?}");
        }
        for value in ["bytes=36-", "bytes=40-50", "bytes=-0", "bytes=36-,,40-50 , -0", &format!("bytes={far}-")] {
            assert_eq!(range(value, 36), Range::Unsatisfiable, "{value:?}");
        }
        for value in [
            "",
            "bytes",
            "bytes=",
            "bytes=-",
            "bytes=a-b",
            "bytes=2-1",
            "lines=1-2",
            "bytes=0-1,3-4",
            "bytes=0-1,36-",
            "bytes=36-,x",
            "bytes=,",
            "bytes=+1-2",
        ] {
            assert_eq!(range(value, 36), Range::Whole, "{value:?}");
        }
    }

    #[test]
    fn an_empty_file_has_no_parts() {
        assert_eq!(range("bytes=0-", 0), Range::Unsatisfiable);
        assert_eq!(range("bytes=-5", 0), Range::Whole);
    }
}
