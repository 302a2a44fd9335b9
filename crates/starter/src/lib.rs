//! Derives a chapter's starter from its solution, so that there is one source of both.
//!
//! A function whose doc comment has a section `# Your turn` is a hole: in the starter its body is a `todo!` that says the
//! section's text. All else is the same, byte for byte.

use anyhow::{Context, bail};
use proc_macro2::LineColumn;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

/// The heading of the section that makes a function a hole.
const HEADING: &str = "# Your turn";

/// The starter of one source file.
///
/// # Errors
///
/// For a file that is not Rust, and for a section without a text.
///
/// ```
/// let solution = "/// Adds.\n///\n/// # Your turn\n///\n/// Use `+`.\nfn add(a: u8, b: u8) -> u8 {\n    a + b\n}\n";
/// let starter = "/// Adds.\nfn add(a: u8, b: u8) -> u8 {\n    todo!(\"Use `+`.\")\n}\n";
/// assert_eq!(starter::source(solution).unwrap(), starter);
/// ```
pub fn source(solution: &str) -> anyhow::Result<String> {
    let file = syn::parse_file(solution).context("not a Rust file")?;
    let mut holes = Holes::default();
    holes.visit_file(&file);
    let mut lines: Vec<String> = solution.lines().map(str::to_owned).collect();
    // From the last to the first, so that the numbers of the lines before stay true.
    for hole in holes.found.iter().rev() {
        hole.dig(&mut lines)?;
    }
    let mut starter = lines.join("\n");
    starter.push('\n');
    Ok(starter)
}

/// The starter's manifest: the exercise's name, its own programs' names, and no warning about what a student has still
/// to use.
pub fn manifest(solution: &str) -> String {
    let mut sections = solution.split("\n[").map(|section| section.trim_start_matches('[').trim_end());
    let package = sections.next().unwrap_or_default().replacen("-solution\"", "\"", 1);
    let kept =
        sections.filter(|section| section.starts_with("dependencies]") || section.starts_with("dev-dependencies]"));
    // The programs of others are for the solution's own tests.
    let sections: Vec<_> =
        kept.map(|section| format!("[{section}\n").replace("peers.workspace = true\n", "")).collect();
    let package = package.split("\n\n").next().unwrap_or_default();
    format!(
        "[{package}\n\n[[test]]\nname = \"stages\"\nharness = false\n\n{}\n# What a hole will use is not used yet.\n[lints.rust]\n\
         unused = {{ level = \"allow\", priority = -1 }}\nunused_must_use = \"warn\"\n\n\
         # Nor is what it will need to push to.\n[lints.clippy]\nptr_arg = \"allow\"\n",
        sections.join("\n")
    )
}

/// How `now` differs from `due`, as a unified diff; `None` when it does not.
pub fn difference(now: &str, due: &str) -> Option<String> {
    if now == due {
        return None;
    }
    let diff = similar::TextDiff::from_lines(now, due);
    Some(diff.unified_diff().context_radius(2).header("now", "due").to_string())
}

/// A function to be written.
#[derive(Debug)]
struct Hole {
    name: String,
    body: (LineColumn, LineColumn),
    /// The doc comment's lines from the heading on, counted from 0.
    section: std::ops::Range<usize>,
    text: String,
}

impl Hole {
    fn dig(&self, lines: &mut Vec<String>) -> anyhow::Result<()> {
        if self.text.is_empty() {
            bail!("`{}` has a section `{HEADING}` without a text", self.name);
        }
        let (open, close) = self.body;
        let indent = " ".repeat(lines[close.line - 1].len() - lines[close.line - 1].trim_start().len());
        let head = lines[open.line - 1][..=open.column].to_owned();
        let mut replaced = vec![head];
        replaced.extend(todo(&self.text, &format!("{indent}    ")));
        replaced.push(format!("{indent}}}"));
        lines.splice(open.line - 1..close.line, replaced);
        lines.drain(self.section.clone());
        Ok(())
    }
}

/// The `todo!` as rustfmt would have it, its text wrapped.
fn todo(text: &str, indent: &str) -> Vec<String> {
    const WIDTH: usize = 108;
    let text = text.replace('\\', "\\\\").replace('"', "\\\"").replace('{', "{{").replace('}', "}}");
    let one_line = format!("{indent}todo!(\"{text}\")");
    if one_line.chars().count() <= WIDTH {
        return vec![one_line];
    }
    let mut lines = vec![format!("{indent}todo!(")];
    let mut line = format!("{indent}    \"");
    for word in text.split(' ') {
        if line.chars().count() + word.chars().count() > WIDTH {
            lines.push(format!("{line}\\"));
            line = format!("{indent}     ");
        }
        line.push_str(word);
        line.push(' ');
    }
    lines.push(format!("{}\"", line.trim_end()));
    lines.push(format!("{indent})"));
    lines
}

#[derive(Default)]
struct Holes {
    found: Vec<Hole>,
}

impl Holes {
    fn look_at(&mut self, attributes: &[syn::Attribute], signature: &syn::Signature, block: &syn::Block) {
        let docs: Vec<_> = attributes.iter().filter_map(doc_line).collect();
        let Some(heading) = docs.iter().position(|(_, text)| text.trim() == HEADING) else {
            return;
        };
        let text: Vec<_> =
            docs[heading + 1..].iter().map(|(_, text)| text.trim()).filter(|text| !text.is_empty()).collect();
        // The empty line before the heading goes with it.
        let first = docs[heading].0 - usize::from(heading > 0);
        let last = docs.last().map_or(first, |(line, _)| *line);
        self.found.push(Hole {
            name: signature.ident.to_string(),
            body: (block.brace_token.span.open().start(), block.brace_token.span.close().start()),
            section: first - 1..last,
            text: text.join(" "),
        });
    }
}

impl Visit<'_> for Holes {
    fn visit_item_fn(&mut self, function: &syn::ItemFn) {
        self.look_at(&function.attrs, &function.sig, &function.block);
        visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &syn::ImplItemFn) {
        self.look_at(&function.attrs, &function.sig, &function.block);
        visit::visit_impl_item_fn(self, function);
    }
}

/// The line (from 1) and the text of a `///` comment.
fn doc_line(attribute: &syn::Attribute) -> Option<(usize, String)> {
    if !attribute.path().is_ident("doc") {
        return None;
    }
    let syn::Meta::NameValue(value) = &attribute.meta else { return None };
    let syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) = &value.value else { return None };
    Some((attribute.span().start().line, text.value()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_holes_stays_as_it_is() {
        let file = "//! Nothing to do.\n\n/// Done.\nfn done() {}\n";
        assert_eq!(source(file).unwrap(), file);
    }

    #[test]
    fn a_method_is_a_hole_too_and_a_long_text_is_wrapped() {
        let text = "word ".repeat(40);
        let file = format!(
            "impl X {{\n    /// Does.\n    ///\n    /// # Your turn\n    ///\n    /// {text}\n    fn a(&self) {{\n        1;\n    }}\n}}\n"
        );
        let starter = source(&file).unwrap();
        assert!(
            starter.starts_with("impl X {\n    /// Does.\n    fn a(&self) {\n        todo!(\n            \"word word"),
            "{starter}"
        );
        assert!(starter.ends_with("word\"\n        )\n    }\n}\n"), "{starter}");
        assert!(starter.lines().all(|line| line.len() <= 120), "{starter}");
    }

    #[test]
    fn quotes_and_braces_in_the_text_survive() {
        let file = "/// # Your turn\n///\n/// Print \"{x}\".\nfn f() {\n    g()\n}\n";
        assert_eq!(source(file).unwrap(), "fn f() {\n    todo!(\"Print \\\"{{x}}\\\".\")\n}\n");
    }

    #[test]
    fn a_hole_without_a_text_is_refused() {
        assert!(source("/// # Your turn\nfn f() {}\n").is_err());
    }

    #[test]
    fn the_manifest_has_the_exercises_names() {
        let solution = "[package]\nname = \"udp-echo-solution\"\nedition.workspace = true\n\n# Names.\n[lib]\nname = \"udp_echo\"\n\n[[bin]]\nname = \"udp-echo-server\"\n\n[dependencies]\nanyhow.workspace = true\n\n[dev-dependencies]\nscenario.workspace = true\n";
        let manifest = manifest(solution);
        assert!(
            manifest.starts_with("[package]\nname = \"udp-echo\"\nedition.workspace = true\n\n[[test]]\n"),
            "{manifest}"
        );
        assert!(manifest.contains("\n[dependencies]\nanyhow.workspace = true\n\n[dev-dependencies]\n"), "{manifest}");
        assert!(!manifest.contains("[lib]") && !manifest.contains("[[bin]]"), "{manifest}");
    }
}
