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
///
/// # Your turn
///
/// The order is that of RFC 9110, section 13.2.2. If-Match with no tag that matches is 412; only without If-Match does
/// If-Unmodified-Since count, with a date before `modified` being 412. If-None-Match with a tag that matches is 304 for
/// GET and HEAD, 412 for all others; only without it does If-Modified-Since count, for GET and HEAD alone: a date not
/// before `modified` is 304. A date that is none is ignored.
pub fn objection(method: &str, fields: &Fields, current: &Validators) -> Option<Status> {
    let reading = matches!(method, "GET" | "HEAD");
    let modified_after = |date: SystemTime| current.modified.map(|modified| modified > date);
    if fields.has("If-Match") {
        if !matches(fields, "If-Match", current, is_strong) {
            return Some(Status::PRECONDITION_FAILED);
        }
    } else if date(fields, "If-Unmodified-Since").and_then(modified_after) == Some(true) {
        return Some(Status::PRECONDITION_FAILED);
    }
    if fields.has("If-None-Match") {
        let same = matches(fields, "If-None-Match", current, |_| true);
        return same.then_some(if reading { Status::NOT_MODIFIED } else { Status::PRECONDITION_FAILED });
    }
    let unchanged = date(fields, "If-Modified-Since").and_then(modified_after) == Some(false);
    (reading && unchanged).then_some(Status::NOT_MODIFIED)
}

/// Whether a Range may be granted: with If-Range, only of the state that the client has a part of already.
///
/// # Your turn
///
/// Without If-Range, yes. A tag must be the same, and strong. A date must be exactly that of the last change.
pub fn range_applies(fields: &Fields, current: &Validators) -> bool {
    match fields.only("If-Range") {
        None => !fields.has("If-Range"),
        Some(tag) if tag.ends_with('"') => is_strong(tag) && current.etag.as_deref() == Some(tag),
        Some(_) => current.modified.is_some() && date(fields, "If-Range") == current.modified,
    }
}

/// Whether a list of tags, or `*`, includes the current one.
fn matches(fields: &Fields, name: &str, current: &Validators, counts: impl Fn(&str) -> bool) -> bool {
    let Some(etag) = &current.etag else { return fields.only(name) == Some("*") };
    fields
        .all(name)
        .any(|value| value == "*" || tags(value).iter().any(|tag| counts(tag) && opaque(tag) == opaque(etag)))
}

/// The entity tags of a list. A comma in quotes is part of a tag.
///
/// # Your turn
///
/// A tag goes from its `"`, or the `W/` before it, to the next `"`.
fn tags(mut list: &str) -> Vec<&str> {
    let mut tags = Vec::new();
    loop {
        list = list.trim_start_matches([',', ' ', '\t']);
        let opaque = list.strip_prefix("W/").unwrap_or(list);
        let Some(end) = opaque.strip_prefix('"').and_then(|text| text.find('"')) else { return tags };
        let (tag, rest) = list.split_at(list.len() - opaque.len() + end + 2);
        tags.push(tag);
        list = rest;
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fields::Sender;

    /// Midnight before 1 January 2020.
    const CHANGED: &str = "Wed, 01 Jan 2020 00:00:00 GMT";
    const EARLIER: &str = "Tue, 31 Dec 2019 23:59:59 GMT";
    const LATER: &str = "Wed, 01 Jan 2020 00:00:01 GMT";

    fn current() -> Validators {
        let modified = UNIX_EPOCH + Duration::from_secs(1_577_836_800);
        Validators { etag: Some("\"a,b\"".to_owned()), modified: Some(modified) }
    }

    fn fields(text: &str) -> Fields {
        Fields::parse(text.as_bytes(), Sender::Client).unwrap()
    }

    #[test]
    fn conditions_have_an_order() {
        let (fine, not_modified, failed) = (None, Some(304), Some(412));
        for (text, get, put) in [
            ("".to_owned(), fine, fine),
            ("If-None-Match: \"a,b\"".to_owned(), not_modified, failed),
            ("If-None-Match: \"x\" , W/\"a,b\"".to_owned(), not_modified, failed),
            ("If-None-Match: *".to_owned(), not_modified, failed),
            ("If-None-Match: \"a\", \"b\"".to_owned(), fine, fine),
            (format!("If-None-Match: \"x\"\r\nIf-Modified-Since: {CHANGED}"), fine, fine),
            (format!("If-Modified-Since: {CHANGED}"), not_modified, fine),
            (format!("If-Modified-Since: {LATER}"), not_modified, fine),
            (format!("If-Modified-Since: {EARLIER}"), fine, fine),
            ("If-Modified-Since: Wednesday, 01-Jan-20 00:00:00 GMT".to_owned(), not_modified, fine),
            ("If-Modified-Since: Wed Jan  1 00:00:00 2020".to_owned(), not_modified, fine),
            ("If-Modified-Since: soon".to_owned(), fine, fine),
            ("If-Match: \"a,b\"".to_owned(), fine, fine),
            ("If-Match: W/\"a,b\"".to_owned(), failed, failed),
            ("If-Match: \"x\"".to_owned(), failed, failed),
            ("If-Match: *".to_owned(), fine, fine),
            (format!("If-Match: \"a,b\"\r\nIf-Unmodified-Since: {EARLIER}"), fine, fine),
            (format!("If-Unmodified-Since: {EARLIER}"), failed, failed),
            (format!("If-Unmodified-Since: {CHANGED}"), fine, fine),
            ("If-Match: \"x\"\r\nIf-None-Match: \"a,b\"".to_owned(), failed, failed),
            ("If-Match: *\r\nIf-None-Match: \"a,b\"".to_owned(), not_modified, failed),
        ] {
            let verdict = |method| objection(method, &fields(&text), &current()).map(|status| status.0);
            assert_eq!((verdict("GET"), verdict("HEAD"), verdict("PUT")), (get, get, put), "{text}");
        }
    }

    #[test]
    fn a_range_goes_with_the_state_it_was_asked_for() {
        for (value, applies) in [
            ("\"a,b\"", true),
            ("W/\"a,b\"", false),
            ("\"x\"", false),
            (CHANGED, true),
            (LATER, false),
            (EARLIER, false),
            ("soon", false),
        ] {
            assert_eq!(range_applies(&fields(&format!("If-Range: {value}")), &current()), applies, "{value}");
        }
        assert!(range_applies(&fields(""), &current()));
    }

    #[test]
    fn no_time_is_too_odd() {
        assert_eq!(http_date(UNIX_EPOCH - Duration::from_secs(1)), "Thu, 01 Jan 1970 00:00:00 GMT");
        let far = UNIX_EPOCH + Duration::from_secs(1 << 40);
        assert_eq!(http_date(far), "Fri, 31 Dec 9999 23:59:59 GMT");
    }
}
