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
pub fn time(_: &Request, _: Vec<u8>) -> Result<Answer, Refusal> {
    todo!(
        "\"Current time is YYYY-MM-DD HH:MM:SS.ffffff\" and a newline: date, hour, minute, second and \
         microseconds of `Local::now()`. It must not come from a cache: `Cache-Control: no-store`."
    )
}

/// `/app/query`: what the form asked.
///
/// # Errors
///
/// None.
pub fn query(request: &Request, _: Vec<u8>) -> Result<Answer, Refusal> {
    todo!("A line `key=value` for each of the query's `percent::pairs`.")
}

/// `/app/echo`: what came, and what it was said to be.
///
/// # Errors
///
/// None.
pub fn echo(request: &Request, body: Vec<u8>) -> Result<Answer, Refusal> {
    todo!("The body, with the request's Content-Type, or else `application/octet-stream`.")
}
