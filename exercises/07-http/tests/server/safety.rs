//! Safety: nothing outside the root, by whatever way it is asked for.

use std::fs;

use scenario::{Lab, Outcome, Program, Stage, skip};

use super::wire::{Http, get};
use super::{HELLO, SECRET, Site, ask, link, served};

/// Secrets beside the site: one above it, and one in a folder whose name begins like that of the root.
fn with_secrets(lab: &mut Lab) -> Outcome<(Site, Program)> {
    let (site, server) = served(lab, &[])?;
    let above = site.folder.path();
    fs::create_dir(above.join("www-private"))?;
    fs::write(above.join("secret.txt"), SECRET)?;
    fs::write(above.join("www-private/secret.txt"), SECRET)?;
    site.put("docs/index.html", "<title>Docs</title>")?;
    Ok((site, server))
}

/// The target must be refused, on a connection of its own, and so must it be as a part of a URL.
fn is_out_of_reach(lab: &mut Lab, server: &Program, target: &str) -> Outcome {
    let answer = ask(lab, server, get(target))?;
    let leaked = String::from_utf8_lossy(&answer.body).contains(SECRET);
    answer.demand(!leaked, || format!("`GET {target}` brought a file from outside the root."))?;
    answer.is_a_refusal()?;
    Ok(())
}

pub fn keeps_within_its_folder() -> Stage {
    Stage::server("No way with `..` leads out of the root")
        .promises(["H7"])
        .why(
            "A target is a stranger's text. `/../secret.txt`, joined to the root, is a path like any other, and the system \
             follows it gladly.",
        )
        .hints([
            "What becomes of `..` between the target and `File::open`?",
            "Refuse every path with a `..` in it; or resolve what was joined, and see that it still lies under the root, whole \
             names compared.",
            "if path.split('/').any(|part| part == \"..\") { return Err(404) }",
        ])
        .story(|lab| {
            let (_site, server) = with_secrets(lab)?;
            for target in [
                "/../secret.txt",
                "/../../../../../../../../../../etc/passwd",
                "/docs/../../secret.txt",
                "/docs/../docs/../../secret.txt",
                "/no-such-folder/../../secret.txt",
                "/./../secret.txt",
                "/../www-private/secret.txt",
                "/..",
                "/docs/../..",
                "/../",
                "//../secret.txt",
                "/docs//..//..//secret.txt",
                "http://lab/../secret.txt",
            ] {
                is_out_of_reach_or_empty(lab, &server, target)?;
            }
            ask(lab, &server, get("/hello.txt"))?.is(200)?.says(HELLO)?;
            Ok(())
        })
}

/// A way out that ends in a folder may be read as the root itself: RFC 3986, section 5.2.4, drops what leads above it.
fn is_out_of_reach_or_empty(lab: &mut Lab, server: &Program, target: &str) -> Outcome {
    if !target.ends_with("..") && !target.ends_with("../") {
        return is_out_of_reach(lab, server, target);
    }
    let answer = ask(lab, server, get(target))?;
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    answer.demand(!text.contains("secret") && !text.contains("www-private"), || {
        format!("`GET {target}` shows what lies outside the root.")
    })
}

pub fn decodes_before_it_looks() -> Stage {
    Stage::server("Nor does one with `..` and slashes in disguise")
        .promises(["H7"])
        .why(
            "%2e is a dot, and %2f a slash. Whoever looks for `..` first and decodes then has looked at something else than what \
             is opened. Decoded twice, even %252e is one.",
        )
        .hints([
            "In which order do you decode, look, and open?",
            "Decode once, then look at the very path that will be opened. An encoded slash is no slash between names: refuse it, \
             or treat it like one before you look.",
            "let path = decode(path)?; if path.split('/').any(|part| part == \"..\") { … }",
        ])
        .story(|lab| {
            let (site, server) = with_secrets(lab)?;
            let absolute = site.folder.file("secret.txt");
            let encoded = absolute.replace('/', "%2f");
            let way_up = "/%2e%2e".repeat(10);
            for target in [
                "/%2e%2e/secret.txt",
                "/%2E%2E/secret.txt",
                "/.%2e/secret.txt",
                "/%2e./secret.txt",
                "/..%2fsecret.txt",
                "/..%2Fsecret.txt",
                "/%2e%2e%2fsecret.txt",
                "/docs/..%2f..%2fsecret.txt",
                "/docs%2f..%2f..%2fsecret.txt",
                "/docs/%2e%2e/%2e%2e/secret.txt",
                "/%2e%2e/www-private/secret.txt",
                "/%252e%252e/secret.txt",
                "/%252e%252e%252fsecret.txt",
                "/..%5csecret.txt",
                "/..\\secret.txt",
                &format!("{way_up}/etc/passwd"),
            ] {
                is_out_of_reach(lab, &server, target)?;
            }
            lab.in_short("alice", "asks for the whole path of the secret, with its slashes and with %2f", |lab| {
                is_out_of_reach(lab, &server, &format!("/{absolute}"))?;
                is_out_of_reach(lab, &server, &format!("/{encoded}"))
            })?;
            ask(lab, &server, get("/hello.txt"))?.is(200)?.says(HELLO)?;
            Ok(())
        })
}

pub fn follows_no_symlink_out() -> Stage {
    Stage::server("No symlink leads out of the root")
        .promises(["H7"])
        .why(
            "A link in the folder may point anywhere, and opening follows it without a word. Compare folders, not letters: \
             /srv/www-private begins like /srv/www, and is another place.",
        )
        .hints([
            "How do you learn where a path really leads?",
            "`canonicalize` resolves every link. The result must begin with the canonical root, name by name, as \
             `Path::starts_with` compares.",
            "let real = path.canonicalize()?; if !real.starts_with(&root) { return Err(404) }",
        ])
        .story(|lab| {
            let (site, server) = with_secrets(lab)?;
            let (www, above) = (site.folder.path().join("www"), site.folder.path());
            for (name, to) in [
                ("link.txt", above.join("secret.txt")),
                ("folder", above.join("www-private")),
                ("docs/up", above.to_owned()),
                ("sibling.txt", above.join("www-private/secret.txt")),
            ] {
                if !link(&www.join(name), &to) {
                    return skip("this system has no symlinks");
                }
            }
            link(&www.join("relative.txt"), "../secret.txt".as_ref());
            fs::create_dir(www.join("indexed"))?;
            link(&www.join("indexed/index.html"), "../../secret.txt".as_ref());
            for target in [
                "/link.txt",
                "/relative.txt",
                "/sibling.txt",
                "/folder/secret.txt",
                "/docs/up/secret.txt",
                "/docs/up/www-private/secret.txt",
                "/indexed/",
            ] {
                is_out_of_reach(lab, &server, target)?;
            }
            ask(lab, &server, get("/hello.txt"))?.is(200)?.says(HELLO)?;
            Ok(())
        })
}

pub fn refuses_nul() -> Stage {
    Stage::server("A NUL in a name is refused")
        .promises(["H7", "C6"])
        .why(
            "For the system, a name ends at the first NUL: a check of the extension sees `.png`, and what is opened is the part \
             before. Languages that know this refuse such a name, with an error that somebody must expect.",
        )
        .hints([
            "What does your server do with `/hello.txt%00.png`?",
            "The decoded path has a NUL in it: no file is called like that. 400 or 404, and no panic.",
            "if path.contains('\\0') { return Err(400) }",
        ])
        .story(|lab| {
            let (_site, server) = with_secrets(lab)?;
            for target in ["/hello.txt%00.png", "/%00", "/%00hello.txt", "/docs/%00/../../secret.txt", "/hello.txt%00", "/../secret.txt%00"] {
                is_out_of_reach(lab, &server, target)?;
            }
            let mut mallory = lab.tcp("mallory", &server)?;
            mallory.send("GET /hello.txt\0.png HTTP/1.1\r\nHost: lab\r\n\r\n")?;
            let answer = mallory.hears_answer("GET /hello.txt\\0.png HTTP/1.1")?.is_a_refusal()?;
            super::is_printed_somehow(&server, &mallory, &answer)?;
            ask(lab, &server, get("/hello.txt"))?.is(200)?.says(HELLO)?;
            Ok(())
        })
}
