//! The dynamic pages: what they say depends on the request, or on the moment.

use chrono::Local;

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
/// A text with `Local::now()` in it: `%Y-%m-%d %H:%M:%S%.6f` after "Current time is ", and a newline.
pub fn time(_: &Request, _: &[u8]) -> Result<Answer, Refusal> {
    let line = Local::now().format("Current time is %Y-%m-%d %H:%M:%S%.6f\n");
    Ok(Answer::text(Status::OK, line.to_string()).with("Cache-Control", "no-store"))
}

/// `/app/query`: what the form asked.
///
/// # Errors
///
/// For a query that cannot be decoded.
///
/// # Your turn
///
/// A line `key=value` for each of the query's `percent::pairs`.
pub fn query(request: &Request, _: &[u8]) -> Result<Answer, Refusal> {
    let Target::Resource { query: Some(query), .. } = &request.target else { return Ok(Answer::text(Status::OK, "")) };
    let lines: String = percent::pairs(query)?.iter().map(|(key, value)| format!("{key}={value}\n")).collect();
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
pub fn echo(request: &Request, body: &[u8]) -> Result<Answer, Refusal> {
    let kind = request.fields.only("Content-Type").unwrap_or("application/octet-stream");
    Ok(Answer::new(Status::OK, Content::Bytes(body.to_vec())).with("Content-Type", kind.to_owned()))
}
