//! `-o`: a body that goes into a file, complete or not at all.

use scenario::{Folder, Lab, Outcome, Stage, demand};

use super::{asked, ends_well, gives_up, gives_up_on, prints_only, response};

/// A folder for what is saved.
fn folder(lab: &mut Lab) -> Outcome<Folder> {
    lab.folder("downloads")
}

/// What must be in the folder: this file with these bytes, or nothing.
fn holds(folder: &Folder, due: Option<(&str, &[u8])>) -> Outcome {
    let names = folder.names()?;
    let expected: Vec<_> = due.iter().map(|(name, _)| (*name).to_owned()).collect();
    demand(names == expected, || format!("In the folder there is {names:?}, where {expected:?} was due."))?;
    let Some((name, bytes)) = due else { return Ok(()) };
    let got = folder.get(name)?.unwrap_or_default();
    let at = bytes.iter().zip(&got).take_while(|(due, got)| due == got).count();
    demand(got == bytes, || {
        format!(
            "{name} has {} bytes, and differs from byte {} on from the {} that were sent.",
            got.len(),
            at + 1,
            bytes.len()
        )
    })
}

/// Every byte there is, and line ends of every kind.
fn bytes() -> Vec<u8> {
    let all = (0..=255).collect::<Vec<u8>>();
    [&all[..], b"\r\n\n\r\r\n\0\x1b[2J\xff\xfe"].concat().repeat(400)
}

pub fn saves_a_file() -> Stage {
    Stage::client("`-o` puts the body, byte for byte, into a file")
        .promises(["H11", "C4"])
        .why(
            "An image is no text. What goes into a file is what came over the wire, without the head, without the sizes of \
             chunks, and with no byte replaced.",
        )
        .hints([
            "Does your client make text of the body on its way to the file?",
            "Read bytes, write bytes. What is replaced for the terminal is replaced for the terminal only.",
            "io::copy(&mut body, &mut file)?;",
        ])
        .story(|lab| {
            let folder = folder(lab)?;
            let file = folder.file("image.png");
            let chunked = |bytes: &[u8]| {
                let mut message = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
                for chunk in bytes.chunks(30_000) {
                    message.extend([format!("{:x}\r\n", chunk.len()).as_bytes(), chunk, b"\r\n"].concat());
                }
                [&message[..], b"0\r\n\r\n"].concat()
            };
            let all = bytes();
            let to_the_end = [b"HTTP/1.1 200 OK\r\nX-Lab: 1\r\n\r\n", &all[..]].concat();
            for (message, body) in [
                (response("200 OK", &["Content-Type: image/png"], &all), &all[..]),
                (chunked(&all), &all),
                (response("404 Not Found", &[], "sorry"), b"sorry"),
                (to_the_end, &all),
                (response("200 OK", &[], ""), b""),
            ] {
                let (client, mut server, _) = asked(lab, &["-o", &file], "/image.png")?;
                server.send(&message)?;
                if !message.starts_with(b"HTTP/1.1 200 OK\r\nX-Lab") {
                    // Counted or in chunks: the connection stays, and the client must not wait for its end.
                    prints_only(&client, &message)?;
                } else {
                    server.ends_sending()?;
                    prints_only(&client, &message)?;
                }
                holds(&folder, Some(("image.png", body)))?;
            }
            Ok(())
        })
}

/// Half of a body has come: nothing of it is seen under the file's name.
fn is_not_seen_yet(folder: &Folder, old: Option<&[u8]>) -> Outcome {
    let now = folder.get("image.png")?;
    demand(now.as_deref() == old, || {
        "Before the body was complete, the file was not what it had been before.".to_owned()
    })
}

pub fn a_file_appears_complete_or_not_at_all() -> Stage {
    Stage::client("A file appears complete, or not at all")
        .promises(["H11", "H12"])
        .why(
            "Half an archive looks like a whole one until somebody opens it. Written under another name and renamed at the end, \
             a file is there at once, with everything in it; and one that breaks off leaves nothing.",
        )
        .hints([
            "Under which name do you write while the body comes, and what happens to that file after an error?",
            "A temporary name in the same folder; `rename` at the end, which replaces in one step; removed when something fails.",
            "fs::rename(&partial, &args.output)?; and a guard that removes `partial` when it is dropped",
        ])
        .story(|lab| {
            let all = bytes();
            let half = |message: &[u8]| message[..message.len() / 2].to_vec();
            let counted = half(&response("200 OK", &[], &all));
            let chunked = [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8000\r\n", &all[..0x8000], b"\r\n"].concat();
            for (message, resets) in [(&counted, false), (&chunked, false), (&counted, true)] {
                let folder = folder(lab)?;
                let (client, mut server, _) = asked(lab, &["-o", &folder.file("image.png")], "/image.png")?;
                server.send(message)?;
                server.is_read()?;
                is_not_seen_yet(&folder, None)?;
                if resets { server.resets()? } else { server.closes() }
                gives_up(&client, &[])?;
                holds(&folder, None)?;
            }
            Ok(())
        })
}

pub fn an_old_file_survives() -> Stage {
    Stage::client("An old file is replaced at the end, or stays")
        .promises(["H11"])
        .why(
            "Whoever downloads yesterday's file anew has it still when the network fails. And a new one that is shorter must not \
             keep the end of the old.",
        )
        .hints([
            "When does your client open the file that `-o` names?",
            "Never: it renames another one to it, when everything is there.",
            "fs::rename(&partial, &args.output)?;",
        ])
        .story(|lab| {
            let folder = folder(lab)?;
            let (file, old) = (folder.file("image.png"), b"yesterday's image, which is quite long".as_slice());
            folder.put("image.png", old)?;
            let (client, mut server, _) = asked(lab, &["-o", &file], "/image.png")?;
            let message = response("200 OK", &[], bytes());
            server.send(&message[..1000])?;
            server.is_read()?;
            is_not_seen_yet(&folder, Some(old))?;
            server.closes();
            gives_up(&client, &[])?;
            holds(&folder, Some(("image.png", old)))?;
            let (client, mut server, _) = asked(lab, &["-o", &file], "/image.png")?;
            server.send(response("200 OK", &[], "today's"))?;
            ends_well(&client)?;
            holds(&folder, Some(("image.png", b"today's")))
        })
}

pub fn says_which_file_it_cannot_write() -> Stage {
    Stage::client("A file that cannot be written is an error that names it")
        .promises(["C5", "H11"])
        .why("The usual reason is a folder that there is not, mistyped: the name in the error is what shows it.")
        .hints([
            "What does creating a file return in a folder that there is not?",
            "An error: let it travel to `main`, with the name added by `with_context`.",
            "File::create(&path).with_context(|| format!(\"cannot write {}\", path.display()))?",
        ])
        .story(|lab| {
            let folder = folder(lab)?;
            gives_up_on(lab, &["-o", &folder.file("no-such-folder/image.png")], "image.png")?;
            std::fs::create_dir(folder.path().join("a-folder"))?;
            gives_up_on(lab, &["-o", &folder.file("a-folder")], "a-folder")?;
            holds_only_the_folder(&folder)
        })
}

fn holds_only_the_folder(folder: &Folder) -> Outcome {
    let names = folder.names()?;
    demand(names == ["a-folder"], || format!("In the folder there is {names:?}, where only `a-folder` was due."))
}
