//! The promises, read from where students read them: the lines `- **E1** …` of the briefs.

/// What every program of every chapter promises.
const COMMON: &str = include_str!("../../../exercises/README.md");

/// A promise: its id and its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Promise {
    /// `E1`
    pub id: String,
    /// One or more sentences.
    pub text: String,
}

/// The promises of a brief, and those of every chapter.
pub(crate) fn of(brief: &str) -> Vec<Promise> {
    let mut promises = parse(COMMON);
    promises.extend(parse(brief));
    promises
}

/// A promise goes on over indented lines.
fn parse(brief: &str) -> Vec<Promise> {
    let mut promises: Vec<Promise> = Vec::new();
    let mut inside = false;
    for line in brief.lines() {
        let begins = line.strip_prefix("- **").and_then(|rest| rest.split_once("** "));
        if let Some((id, text)) = begins {
            promises.push(Promise { id: id.to_owned(), text: text.trim().to_owned() });
            inside = true;
        } else if let (true, Some(promise)) = (inside && line.starts_with("  "), promises.last_mut()) {
            promise.text = format!("{} {}", promise.text, line.trim());
        } else {
            inside = false;
        }
    }
    promises
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_promise_goes_on_over_indented_lines() {
        let brief = "# Echo\n\n- **E1** It returns\n  the bytes.\n- **E2** Clients may\n\n  not this\n- no promise\n";
        let promise = |id: &str, text: &str| Promise { id: id.into(), text: text.into() };
        assert_eq!(parse(brief), [promise("E1", "It returns the bytes."), promise("E2", "Clients may")]);
    }

    #[test]
    fn every_program_has_ten_promises() {
        let ids: Vec<_> = parse(COMMON).into_iter().map(|promise| promise.id).collect();
        assert_eq!(ids, ["C1", "C2", "C3", "C4", "C5", "C6", "C7", "C8", "C9", "C10"]);
    }
}
