//! The dynamic pages: what they say depends on the request, or on the moment.

use chrono::{Local, Timelike};

use crate::answer::{Answer, Content, Refusal, Status};
use crate::percent;
use crate::request::Request;
use crate::target::Target;

/// `/app/time`: the line of chapter 1.
///
/// # Errors
///
/// None.
///
/// # Your turn
///
/// "Current time is YYYY-MM-DD HH:MM:SS.ffffff" and a newline: date, hour, minute, second and microseconds of
/// `Local::now()`. It must not come from a cache: `Cache-Control: no-store`.
pub fn time(_: &Request, _: Vec<u8>) -> Result<Answer, Refusal> {
    let now = Local::now();
    let (date, microseconds) = (now.date_naive(), now.nanosecond() / 1000);
    let (hour, minute, second) = (now.hour(), now.minute(), now.second());
    // chrono would read a pattern like `%H:%M:%S` anew each time; `format!` is made when we are compiled.
    let line = format!("Current time is {date} {hour:02}:{minute:02}:{second:02}.{microseconds:06}\n");
    Ok(Answer::text(Status::OK, line).with("Cache-Control", "no-store"))
}

/// `/app/query`: what the form asked.
///
/// # Errors
///
/// None.
///
/// # Your turn
///
/// A line `key=value` for each of the query's `percent::pairs`.
pub fn query(request: &Request, _: Vec<u8>) -> Result<Answer, Refusal> {
    let Target::Resource { query: Some(query), .. } = &request.target else { return Ok(Answer::text(Status::OK, "")) };
    let lines: String = percent::pairs(query).iter().map(|(key, value)| format!("{key}={value}\n")).collect();
    Ok(Answer::text(Status::OK, lines))
}

/// `/app/echo`: what came, and what it was said to be.
///
/// # Errors
///
/// None.
///
/// # Your turn
///
/// The body, with the request's Content-Type, or else `application/octet-stream`.
pub fn echo(request: &Request, body: Vec<u8>) -> Result<Answer, Refusal> {
    let kind = request.fields.only("Content-Type").unwrap_or("application/octet-stream");
    Ok(Answer::new(Status::OK, Content::Bytes(body)).with("Content-Type", kind.to_owned()))
}
