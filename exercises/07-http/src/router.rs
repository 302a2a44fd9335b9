//! Who answers what.

use crate::answer::{Answer, Refusal, Status};
use crate::conditional::{Validators, objection};
use crate::files::{self, Site};
use crate::pages;
use crate::request::Request;
use crate::target::Target;

/// A page that is made anew for each request.
struct Page {
    path: [&'static str; 2],
    /// The methods, as an Allow field has them.
    allow: &'static str,
    make: fn(&Request, Vec<u8>) -> Result<Answer, Refusal>,
}

const PAGES: [Page; 3] = [
    Page { path: ["app", "time"], allow: "GET, HEAD", make: pages::time },
    Page { path: ["app", "query"], allow: "GET, HEAD", make: pages::query },
    Page { path: ["app", "echo"], allow: "POST", make: pages::echo },
];

/// What a file lets one do with it.
const ALLOW_FILE: &str = "GET, HEAD";

/// Answers a request whose body is here.
pub fn answer(site: &Site, request: &Request, body: Vec<u8>) -> Answer {
    todo!(
        "An unknown method is 501. Then find the page with these `names`, and else take it for a file. A \
         method that is not in Allow is 405 (`not_allowed`), also for a `Target::Server`. For a page, ask \
         for an `objection` first: it has no validators, but who can GET it can also make it depend on \
         If-Match."
    )
}

/// Whether the answer to this request depends on its body. If not, there is no need to ask for it.
pub fn wants_body(request: &Request) -> bool {
    todo!("True for POST to `/app/echo`.")
}

fn made(page: &Page, request: &Request, body: Vec<u8>) -> Result<Answer, Refusal> {
    match objection(&request.method, &request.fields, &Validators::default()) {
        Some(status) => Ok(files::without_content(status)),
        None => (page.make)(request, body),
    }
}

fn not_allowed(allow: &'static str) -> Answer {
    let refusal = Refusal { status: Status::METHOD_NOT_ALLOWED, why: "this can be had, but not by this method" };
    Answer::from(refusal).with("Allow", allow)
}
