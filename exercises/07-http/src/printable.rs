//! Text from the network, made safe for a terminal as it arrives.

/// Makes text of bytes that come in pieces. A character may be cut in two between them.
#[derive(Debug, Default)]
pub struct Printable {
    /// The beginning of a character whose end is still to come.
    begun: Vec<u8>,
}

impl Printable {
    /// The text in the next piece: newline, CR and tab as they are; other control characters, and bytes that are not
    /// UTF-8, as U+FFFD.
    ///
    /// ```
    /// let mut printable = http::printable::Printable::default();
    /// assert_eq!(printable.next(b"\x1b[2Jhi \xe6\x88"), "\u{fffd}[2Jhi ");
    /// assert_eq!(printable.next(b"\x91\n"), "我\n");
    /// ```
    pub fn next(&mut self, bytes: &[u8]) -> String {
        self.begun.extend_from_slice(bytes);
        let mut text = String::new();
        let mut complete = 0;
        for chunk in self.begun.utf8_chunks() {
            text.push_str(chunk.valid());
            complete += chunk.valid().len();
            let at_the_end = complete + chunk.invalid().len() == self.begun.len();
            if at_the_end && is_beginning(chunk.invalid()) {
                break;
            }
            complete += chunk.invalid().len();
            text.push_str(if chunk.invalid().is_empty() { "" } else { "\u{fffd}" });
        }
        self.begun.drain(..complete);
        text.replace(|c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t'), "\u{fffd}")
    }

    /// What is left when no more will come.
    pub fn rest(&mut self) -> String {
        String::from_utf8_lossy(&std::mem::take(&mut self.begun)).into_owned()
    }
}

/// Whether a character of UTF-8 may begin so.
fn is_beginning(bytes: &[u8]) -> bool {
    match str::from_utf8(bytes) {
        Ok(_) => false,
        Err(error) => error.valid_up_to() == 0 && error.error_len().is_none(),
    }
}
