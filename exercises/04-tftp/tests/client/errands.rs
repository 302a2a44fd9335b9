//! `get` and `put`, and how the client is told what to fetch and what to bring.

use std::time::Duration;

use scenario::{Folder, Lab, Outcome, Program, Role, Stage, demand};

use super::patient_client;
use super::traces::{has_only, holds};
use super::wire::{WINDOWS, ack, block, content, data, hears_window, oack, tally};

pub fn gets_a_file() -> Stage {
    Stage::client("`get` fetches a file, block by block")
        .promises(["F13"])
        .why(
            "The request goes to the server's known port; the answer comes from a port of the transfer's own, and there the ACKs go. \
             The two ports together name the transfer.",
        )
        .hints([
            "To which address does your client send ACK 1?",
            "To the sender of DATA 1, which is not the port that was asked. A block of less than 512 bytes is the last, and is acknowledged, too.",
            "link.settle_on(from); then for each DATA with the next number: write it, and send ack(number)",
        ])
        .story(|lab| {
            let folder = lab.folder("folder")?;
            let mut counter = patient_client(lab, folder, &["get", "hello.txt", "{folder}/here.txt"])?;
            let file = content(1025);
            counter.is_asked(1, "hello.txt", "octet", &[])?;
            counter.sends(&file, 1, 512)?;
            counter.is_done("got \"hello.txt\": 1025 bytes in 3 blocks")?;
            holds(&counter.folder, "here.txt", &file)?;
            has_only(&counter.folder, &["here.txt"])
        })
}

pub fn gets_files_of_every_size() -> Stage {
    Stage::client("Files of 0, 1, 511, 512 and 513 bytes arrive whole")
        .promises(["F13"])
        .why("The end of a file is its first block that is not full; one of 512 bytes has an empty second block.")
        .hints([
            "What ends the loop in which your client receives?",
            "A block of less than 512 bytes, be it empty. It is acknowledged like any other.",
            "if length < terms.block_size { file.complete()?; … }",
        ])
        .story(|lab| {
            for size in [0, 1, 511, 512, 513] {
                let folder = lab.folder("folder")?;
                let mut counter = patient_client(lab, folder, &["get", "file", "{folder}/file"])?;
                counter.is_asked(1, "file", "octet", &[])?;
                counter.sends(&content(size), 1, 512)?;
                counter.is_done(&format!("got \"file\": {}", tally(size, 512)))?;
                holds(&counter.folder, "file", &content(size))?;
            }
            Ok(())
        })
}

pub fn puts_a_file() -> Stage {
    Stage::client("`put` brings a file to the server")
        .promises(["F13"])
        .why("The same transfer with the roles swapped: ACK 0 says that the server is ready, and from where; then the client sends.")
        .hints([
            "What does your client wait for before DATA 1?",
            "ACK 0, which comes from the transfer's own port; each block goes there, and waits for its ACK.",
            "call.make()?; send(&mut call.link, &mut file, …): the engine that the server uses for a download",
        ])
        .story(|lab| {
            let file = content(1025);
            let folder = lab.folder("folder")?;
            folder.put("here.bin", &file)?;
            let mut counter = patient_client(lab, folder, &["put", "{folder}/here.bin", "there.bin"])?;
            counter.is_asked(2, "there.bin", "octet", &[])?;
            counter.answers(ack(0))?;
            for number in 1..=3 {
                counter.port.expect(data(number, block(&file, number.into(), 512)))?;
                if number == 3 {
                    let early = counter.client.line_within(Duration::from_millis(50));
                    demand(early.is_none() && !counter.client.has_ended(), || {
                        "Your client is done before the last block is acknowledged.".to_owned()
                    })?;
                }
                counter.answers(ack(number))?;
            }
            counter.is_done("put \"there.bin\": 1025 bytes in 3 blocks")
        })
}

pub fn puts_files_of_every_size() -> Stage {
    Stage::client("Files of 0, 1, 511, 512 and 513 bytes are sent whole")
        .promises(["F13"])
        .why("The receiver takes the first block that is not full for the end, so there must be one.")
        .hints([
            "What does your client send after a block of 512 bytes that was the last?",
            "One more, of no bytes.",
            "if length < terms.block_size { self.last = Some(number); }",
        ])
        .story(|lab| {
            for size in [0, 1, 511, 512, 513] {
                let folder = lab.folder("folder")?;
                folder.put("file", content(size))?;
                let mut counter = patient_client(lab, folder, &["put", "{folder}/file", "file"])?;
                counter.is_asked(2, "file", "octet", &[])?;
                counter.answers(ack(0))?;
                counter.takes(&content(size), 1, 512)?;
                counter.is_done(&format!("put \"file\": {}", tally(size, 512)))?;
            }
            Ok(())
        })
}

pub fn names_a_file_by_its_last_part() -> Stage {
    Stage::client("Without a second name, a file is called by the last part of the first")
        .promises(["F13"])
        .why("Where a file lies there has nothing to do with where it shall lie here. Only its own name is worth keeping.")
        .hints([
            "What is LOCAL when only REMOTE is given?",
            "What follows the last slash of REMOTE; and the other way round for `put`.",
            "Path::new(remote).file_name()",
        ])
        .story(|lab| {
            let folder = lab.folder("folder")?;
            folder.put("up.txt", "up")?;
            lab.at_home_in(&folder);
            let mut counter = patient_client(lab, folder, &["get", "a/b/down.txt"])?;
            counter.is_asked(1, "a/b/down.txt", "octet", &[])?;
            counter.sends(b"down", 1, 512)?;
            counter.is_done("got \"a/b/down.txt\": 4 bytes in 1 blocks")?;
            holds(&counter.folder, "down.txt", b"down")?;
            let mut counter = patient_client(lab, counter.folder, &["put", "{folder}/up.txt"])?;
            counter.is_asked(2, "up.txt", "octet", &[])?;
            counter.answers(ack(0))?;
            counter.takes(b"up", 1, 512)?;
            counter.is_done("put \"up.txt\": 2 bytes in 1 blocks")
        })
}

pub fn prints_its_names_escaped() -> Stage {
    Stage::client("The name of a file is printed as a string literal")
        .promises(["C7", "F13"])
        .why("A name may hold anything: quotes, line ends, what clears a screen. Printed as a literal it is one line, and harmless.")
        .hints([
            "How do you print REMOTE?",
            "Rust's `{:?}` puts it in quotes and escapes what a terminal would obey; `quoted` takes any bytes.",
            "say(format_args!(\"got {}: {tally}\", quoted(remote)))",
        ])
        .story(|lab| {
            let name = "two\nlines, a \\, \"quotes\" and \u{1b}[2J 我爱你";
            let line = format!("{name:?}: 5 bytes in 1 blocks");
            let folder = lab.folder("folder")?;
            let mut counter = patient_client(lab, folder, &["get", name, "{folder}/file"])?;
            counter.is_asked(1, name, "octet", &[])?;
            counter.sends(b"words", 1, 512)?;
            counter.is_done(&format!("got {line}"))?;
            let mut counter = patient_client(lab, counter.folder, &["put", "{folder}/file", name])?;
            counter.is_asked(2, name, "octet", &[])?;
            counter.answers(ack(0))?;
            counter.takes(b"words", 1, 512)?;
            counter.is_done(&format!("put {line}"))
        })
}

pub fn knows_its_errands() -> Stage {
    Stage::client("Without an errand, or with one that makes no sense, it ends with status 2")
        .promises(["C5", "C1", "F17"])
        .why("What the command line alone shows to be wrong is refused before anything is sent.")
        .hints([
            "Which values do the options allow?",
            "blksize 8 to 65464, windowsize 1 to 65535; modes octet and netascii. clap checks ranges and values.",
            "#[arg(long, value_parser = clap::value_parser!(u64).range(8..=65464))] blksize: Option<u64>",
        ])
        .story(|lab| {
            let wrong: [&[&str]; 13] = [
                &[],
                &["get"],
                &["put"],
                &["get", "one", "two", "three"],
                &["put", "one", "two", "three"],
                &["get", "file", "--tries", "some"],
                &["fetch", "file"],
                &["get", "file", "--blksize", "7"],
                &["get", "file", "--blksize", "65465"],
                &["get", "file", "--windowsize", "0"],
                &["get", "file", "--windowsize", "65536"],
                &["get", "file", "--mode", "mail"],
                &["get", "file", "--tries", "0"],
            ];
            let programs =
                wrong.iter().map(|arguments| lab.bare(Role::Client, arguments)).collect::<Outcome<Vec<_>>>()?;
            programs.iter().try_for_each(Program::refuses_usage)
        })
}

pub fn gets_text() -> Stage {
    Stage::client("netascii: CR LF becomes the system's line end, also across blocks")
        .promises(["F8"])
        .why("Systems end their lines differently. With one way on the wire, each need know only its own.")
        .hints([
            "What does your client do with a CR that is the last byte of a block?",
            "Keep it back until the next byte is here: with LF it is a line end, with NUL a CR.",
            "if take(&mut self.after_cr) { match byte { LF => push(LF), 0 => push(CR), … } }",
        ])
        .story(|lab| {
            let folder = lab.folder("folder")?;
            let mut counter = patient_client(lab, folder, &["get", "text", "{folder}/text", "--mode", "netascii"])?;
            let wire = [&[b'x'; 511][..], b"\r\none\r\ntwo\r\n"].concat();
            let text = [&[b'x'; 511][..], b"\none\ntwo\n"].concat();
            counter.is_asked(1, "text", "netascii", &[])?;
            counter.sends(&wire, 1, 512)?;
            let line = counter.client.next_line("got \"text\": …")?;
            demand(line.starts_with("got \"text\": ") && line.ends_with(" in 2 blocks"), || {
                format!("Your client printed `{line}` where its line about a file that it got was due.")
            })?;
            counter.client.ends_well()?;
            if cfg!(unix) { holds(&counter.folder, "text", &text) } else { Ok(()) }
        })
}

pub fn puts_text() -> Stage {
    Stage::client("netascii: a line ends with CR LF on the wire, also where a block ends")
        .promises(["F8"])
        .why("What is translated on one side is translated back on the other. A pair may be cut in two by the end of a block.")
        .hints([
            "What becomes of a newline that is the 512th byte of a block?",
            "Its CR ends this block, its LF begins the next: the translation must remember what it owes.",
            "(*room, self.owed) = match byte { b'\\n' => (b'\\r', Some(b'\\n')), b'\\r' => (b'\\r', Some(0)), byte => (byte, None) }",
        ])
        .story(|lab| {
            let folder = lab.folder("folder")?;
            folder.put("text", [&[b'x'; 511][..], b"\none\n\ntwo\n"].concat())?;
            let mut counter = patient_client(lab, folder, &["put", "{folder}/text", "--mode", "netascii"])?;
            counter.is_asked(2, "text", "netascii", &[])?;
            counter.answers(ack(0))?;
            counter.takes(&[&[b'x'; 511][..], b"\r\none\r\n\r\ntwo\r\n"].concat(), 1, 512)?;
            has_put_something(&counter.client, "text", 2)?;
            counter.client.ends_well()?;
            goes_back_in_lines(lab, counter.folder)
        })
}

/// A window that is sent again begins where it began, though a pair was cut there, and another at its end.
fn goes_back_in_lines(lab: &mut Lab, folder: Folder) -> Outcome {
    folder.put("lines", [&[b'x'; 31][..], b"\n", &[b'x'; 30], b"\n", &b"one\n".repeat(30)].concat())?;
    let errand = ["put", "{folder}/lines", "--mode", "netascii", "--blksize", "16", "--windowsize", "4"];
    let mut counter = patient_client(lab, folder, &errand)?;
    let wire = [&[b'x'; 31][..], b"\r\n", &[b'x'; 30], b"\r\n", &b"one\r\n".repeat(30)].concat();
    let packet = |number: u16| data(number, block(&wire, number.into(), 16));
    counter.is_asked(2, "lines", "netascii", &WINDOWS)?;
    counter.answers(oack(&WINDOWS))?;
    for (window, arrived) in [(1..=4, 2), (3..=6, 6), (7..=10, 10), (11..=14, 14)] {
        hears_window(&mut counter.port, &packet, window)?;
        counter.answers(ack(arrived))?;
    }
    has_put_something(&counter.client, "lines", 14)?;
    counter.client.ends_well()
}

/// Whether text is counted as it is in the file or on the wire is left open.
fn has_put_something(client: &Program, name: &str, blocks: usize) -> Outcome {
    let line = client.next_line(&format!("put {name:?}: …"))?;
    demand(line.starts_with(&format!("put {name:?}: ")) && line.ends_with(&format!(" in {blocks} blocks")), || {
        format!("Your client printed `{line}` where its line about a file that it put was due.")
    })
}
