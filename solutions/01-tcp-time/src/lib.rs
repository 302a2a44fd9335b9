//! The protocol of this chapter: the server says one line, and the end of the stream is the end of the message.
//!
//! No sockets here: [`time_line`] makes the message, [`read_message`] takes one from anything that can be read.

use std::io::{self, Read};

use chrono::{DateTime, Local};

pub mod outbound;
pub mod terminal;

/// The longest message a client takes, in bytes.
pub const MAX_MESSAGE: usize = 1024;

/// The message: `Current time is YYYY-MM-DD HH:MM:SS.ffffff`, local time to the microsecond, no newline.
///
/// ```
/// use chrono::{Local, TimeZone};
///
/// let noon = Local.with_ymd_and_hms(2024, 2, 20, 12, 0, 0).unwrap();
/// assert_eq!(tcp_time::time_line(noon), "Current time is 2024-02-20 12:00:00.000000");
/// ```
///
/// # Your turn
///
/// Format `now` with `DateTime::format`: chrono writes `%Y-%m-%d` for the date and `%.6f` for a dot and six digits.
pub fn time_line(now: DateTime<Local>) -> String {
    now.format("Current time is %Y-%m-%d %H:%M:%S%.6f").to_string()
}

/// Reads one message: everything up to the end of the stream.
///
/// ```
/// assert_eq!(tcp_time::read_message(&b"Current time is ..."[..]).unwrap(), b"Current time is ...");
/// ```
///
/// # Errors
///
/// `UnexpectedEof` when the stream ends before the first byte, `InvalidData` when there are more than
/// [`MAX_MESSAGE`] bytes, and whatever error `stream` gives.
///
/// # Your turn
///
/// Read until the end of the stream, not once: TCP may hand you one byte at a time. `Read::take` keeps you from
/// reading more than `MAX_MESSAGE + 1` bytes. Return an error when there is nothing, or too much.
pub fn read_message(stream: impl Read) -> io::Result<Vec<u8>> {
    let mut message = Vec::new();
    stream.take(MAX_MESSAGE as u64 + 1).read_to_end(&mut message)?;
    match message.len() {
        0 => Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it closed the connection without a word")),
        1..=MAX_MESSAGE => Ok(message),
        _ => Err(io::Error::new(io::ErrorKind::InvalidData, format!("more than {MAX_MESSAGE} bytes came"))),
    }
}
