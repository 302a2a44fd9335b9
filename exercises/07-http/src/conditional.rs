//! Requests with conditions: "only if it has changed", "only if it has not" (RFC 9110, section 13).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::answer::Status;
use crate::fields::Fields;

/// By what a client can tell one state of a resource from another.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Validators {
    /// The entity tag, in its quotes.
    pub etag: Option<String>,
    /// When it was last modified, to the second.
    pub modified: Option<SystemTime>,
}

/// A time as HTTP writes it: `Tue, 20 Feb 2024 12:00:00 GMT`.
///
/// It knows the years from 1970 to 9999; a file may claim any other.
pub fn http_date(time: SystemTime) -> String {
    const LAST_SECOND: Duration = Duration::from_secs(253_402_300_799);
    httpdate::fmt_http_date(time.clamp(UNIX_EPOCH, UNIX_EPOCH + LAST_SECOND))
}

/// What stands against granting a request that would be granted otherwise: 304, 412, or nothing.
pub fn objection(method: &str, fields: &Fields, current: &Validators) -> Option<Status> {
    todo!(
        "The order is that of RFC 9110, section 13.2.2. If-Match with no tag that matches is 412; only \
         without If-Match does If-Unmodified-Since count, with a date before `modified` being 412. \
         If-None-Match with a tag that matches is 304 for GET and HEAD, 412 for all others; only without it \
         does If-Modified-Since count, for GET and HEAD alone: a date not before `modified` is 304. A date \
         that is none is ignored."
    )
}

/// Whether a Range may be granted: with If-Range, only of the state that the client has a part of already.
pub fn range_applies(fields: &Fields, current: &Validators) -> bool {
    todo!(
        "Without If-Range, yes. A tag must be the same, and strong. A date must be exactly that of the last \
         change."
    )
}

/// Whether a list of tags, or `*`, includes the current one.
fn matches(fields: &Fields, name: &str, current: &Validators, counts: impl Fn(&str) -> bool) -> bool {
    let Some(etag) = &current.etag else { return fields.only(name) == Some("*") };
    fields
        .all(name)
        .any(|value| value == "*" || tags(value).iter().any(|tag| counts(tag) && opaque(tag) == opaque(etag)))
}

/// The entity tags of a list. A comma in quotes is part of a tag.
fn tags(mut list: &str) -> Vec<&str> {
    todo!("A tag goes from its `\"`, or the `W/` before it, to the next `\"`.")
}

fn is_strong(tag: &str) -> bool {
    !tag.starts_with("W/")
}

fn opaque(tag: &str) -> &str {
    tag.strip_prefix("W/").unwrap_or(tag)
}

/// A date in one of the three formats that HTTP has had in its life (RFC 9110, section 5.6.7).
fn date(fields: &Fields, name: &str) -> Option<SystemTime> {
    fields.only(name).and_then(|text| httpdate::parse_http_date(text).ok())
}
