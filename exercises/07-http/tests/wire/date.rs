//! Times as HTTP writes them (RFC 9110, section 5.6.7). One format goes out, three come in.

use std::time::{SystemTime, UNIX_EPOCH};

/// When the files of the lab's site were written: the time that RFC 9110 has for its examples.
pub const WRITTEN: i64 = 784_111_777;

/// The same time as it must be sent.
pub const WRITTEN_TEXT: &str = "Sun, 06 Nov 1994 08:49:37 GMT";

/// The same time as it must be understood, too.
pub const WRITTEN_TEXTS: [&str; 3] = [WRITTEN_TEXT, "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"];

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];

/// Seconds since 1970 in `Sun, 06 Nov 1994 08:49:37 GMT`; `None` for every other shape, and for a wrong day of the week.
pub fn seconds_in(text: &str) -> Option<i64> {
    const SHAPE: &str = "aaa, dd aaa dddd dd:dd:dd GMT";
    let fits = |(byte, shape): (u8, u8)| match shape {
        b'd' => byte.is_ascii_digit(),
        b'a' => byte.is_ascii_alphabetic(),
        _ => byte == shape,
    };
    if text.len() != SHAPE.len() || !text.bytes().zip(SHAPE.bytes()).all(fits) {
        return None;
    }
    let number = |from: usize, to: usize| text[from..to].parse::<i64>().ok();
    let month = MONTHS.iter().position(|month| *month == &text[8..11])? as i64 + 1;
    let days = days_since_1970(number(12, 16)?, month, number(5, 7)?);
    let is_that_day = DAYS[days.rem_euclid(7) as usize] == &text[..3];
    let seconds = days * 86_400 + number(17, 19)? * 3600 + number(20, 22)? * 60 + number(23, 25)?;
    is_that_day.then_some(seconds)
}

/// Seconds since 1970 in `2024-02-20 13:56:35.123456`, as a clock on the wall shows it.
pub fn seconds_on_the_wall(text: &str) -> Option<f64> {
    const SHAPE: &str = "dddd-dd-dd dd:dd:dd.dddddd";
    let fits = |(byte, shape): (u8, u8)| if shape == b'd' { byte.is_ascii_digit() } else { byte == shape };
    if text.len() != SHAPE.len() || !text.bytes().zip(SHAPE.bytes()).all(fits) {
        return None;
    }
    let number = |from: usize, to: usize| text[from..to].parse::<i64>().ok();
    let days = days_since_1970(number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let seconds = days * 86_400 + number(11, 13)? * 3600 + number(14, 16)? * 60 + number(17, 19)?;
    Some(seconds as f64 + number(20, 26)? as f64 / 1e6)
}

/// Days from 1970-01-01 to a date of the Gregorian calendar. Years begin in March, so that a leap day is their last.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let month_from_march = (month + 9) % 12;
    365 * year + year / 4 - year / 100 + year / 400 + (153 * month_from_march + 2) / 5 + day - 719_469
}

/// Seconds since 1970, in UTC.
pub fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |time| time.as_secs_f64())
}
