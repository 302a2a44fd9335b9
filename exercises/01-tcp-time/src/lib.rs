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
pub fn time_line(now: DateTime<Local>) -> String {
    todo!(
        "Format `now` with `DateTime::format`: chrono writes `%Y-%m-%d` for the date and `%.6f` for a dot \
         and six digits."
    )
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
pub fn read_message(stream: impl Read) -> io::Result<Vec<u8>> {
    todo!(
        "Read until the end of the stream, not once: TCP may hand you one byte at a time. `Read::take` keeps \
         you from reading more than `MAX_MESSAGE + 1` bytes. Return an error when there is nothing, or too \
         much."
    )
}
