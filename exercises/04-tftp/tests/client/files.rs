//! Transfers that fail, and what they leave here.

use std::time::{Duration, Instant};

use scenario::{Folder, Lab, Outcome, Stage, demand};

use super::traces::{LARGE, LITTLE_ROOM, has_only, holds};
use super::wire::{ack, block, content, data, error, oack};
use super::{client_with_timeout, patient_client};

pub fn tells_what_the_server_said() -> Stage {
    Stage::client("The server's ERROR ends it, and the user is told what it said")
        .promises(["F16", "C5", "C7", "F13"])
        .why("Only the server knows why it refuses. Its text is for the user; but it came over the network, so it is printed as a literal.")
        .hints([
            "What does your client print when an ERROR comes?",
            "The text and the code, in the last line on stderr. An ERROR is not answered, and no file stays.",
            "Broken::ByPeer { code, message } => \"… ended it with error {code}: {quoted}\"",
        ])
        .story(|lab| {
            let folder = lab.folder("folder")?;
            let mut counter = patient_client(lab, folder, &["get", "file", "{folder}/file"])?;
            counter.is_asked(1, "file", "octet", &[])?;
            counter.answers(error(1, "gone fishing"))?;
            counter.client.fails(&["gone fishing", "1"])?;
            has_only(&counter.folder, &[])?;
            let mut counter = patient_client(lab, counter.folder, &["get", "file", "{folder}/file"])?;
            counter.is_asked(1, "file", "octet", &[])?;
            counter.answers(data(1, &content(512)))?;
            counter.port.expect(ack(1))?;
            counter.answers(error(77, "\x1b[2J"))?;
            let finished = counter.client.ends()?;
            demand(finished.code == Some(1), || "Your client went on after an ERROR of the server.".to_owned())?;
            demand(!finished.stderr.contains('\x1b') && finished.stderr.contains("77"), || {
                "Your client must tell the code of an ERROR, and its text with control characters escaped.".to_owned()
            })?;
            has_only(&counter.folder, &[])?;
            counter.folder.put("up", content(600))?;
            tells_why_an_upload_is_refused(lab, counter.folder)
        })
}

fn tells_why_an_upload_is_refused(lab: &mut Lab, folder: Folder) -> Outcome {
    let mut counter = patient_client(lab, folder, &["put", "{folder}/up"])?;
    counter.is_asked(2, "up", "octet", &[])?;
    counter.answers(error(6, "it is there already"))?;
    counter.client.fails(&["it is there already", "6"])?;
    let mut counter = patient_client(lab, counter.folder, &["put", "{folder}/up"])?;
    counter.is_asked(2, "up", "octet", &[])?;
    counter.answers(ack(0))?;
    counter.port.expect(data(1, &content(512)))?;
    counter.answers(error(3, "no room for it"))?;
    counter.client.fails(&["no room for it", "3"])
}

pub fn a_download_appears_complete_or_not_at_all() -> Stage {
    Stage::client("Half a download is never seen under the name")
        .promises(["F13"])
        .why("Whoever finds a file takes it for whole; also when this program was killed before it was.")
        .hints([
            "Under which name does your client write while blocks are still coming?",
            "Under one of its own in the same folder; at the end it is renamed. What was there before stays until then.",
            "File::create_new(&part)?; …; fs::rename(&part, &target)?",
        ])
        .story(|lab| {
            let folder = lab.folder("folder")?;
            folder.put("old", "as it was, and longer than the new one")?;
            let get = ["get", "file", "{folder}/old"];
            let mut counter = patient_client(lab, folder, &get)?;
            counter.is_asked(1, "file", "octet", &[])?;
            counter.answers(error(1, "no such file"))?;
            counter.client.fails(&[])?;
            holds(&counter.folder, "old", b"as it was, and longer than the new one")?;
            let mut counter = patient_client(lab, counter.folder, &get)?;
            counter.is_asked(1, "file", "octet", &[])?;
            counter.sends(b"new", 1, 512)?;
            counter.is_done("got \"file\": 3 bytes in 1 blocks")?;
            holds(&counter.folder, "old", b"new")?;
            let mut counter = patient_client(lab, counter.folder, &["get", "file", "{folder}/file"])?;
            counter.is_asked(1, "file", "octet", &[])?;
            counter.answers(data(1, &content(512)))?;
            counter.port.expect(ack(1))?;
            let seen = counter.folder.get("file")?;
            demand(seen.is_none(), || "There is a file \"file\" before all of it has come.".to_owned())?;
            lab.lowers_the_curtain()?;
            let seen = counter.folder.get("file")?;
            demand(seen.is_none(), || "There is a file \"file\", of which only half has come.".to_owned())
        })
}

pub fn an_interrupted_client_ends_quietly() -> Stage {
    Stage::client("Ctrl-C ends it without a backtrace, and without half a file")
        .promises(["C5", "F13"])
        .why("Whoever presses Ctrl-C knows why it ends. A backtrace tells nothing new, and looks like a fault of the program.")
        .hints([
            "What does your language do with SIGINT when nobody handles it?",
            "In C and Rust it ends the program at once, which is well; in others it is an exception, and must be caught.",
            "signal_hook::iterator::Signals::new([SIGINT, SIGTERM])?, if there is something to clear away; else nothing at all",
        ])
        .story(|lab| {
            let folder = lab.folder("folder")?;
            let mut counter = client_with_timeout(lab, folder, "30", &["get", "file", "{folder}/file"])?;
            counter.is_asked(1, "file", "octet", &[])?;
            counter.answers(data(1, &content(512)))?;
            counter.port.expect(ack(1))?;
            counter.client.is_interrupted()?;
            counter.forgets_what_waits()?;
            let seen = counter.folder.get("file")?;
            demand(seen.is_none(), || "There is a file \"file\", of which only half has come.".to_owned())
        })
}

pub fn says_which_file_it_cannot_use() -> Stage {
    Stage::client("A file here that cannot be used is an error that names it")
        .promises(["C5", "F13"])
        .why("A name that is mistyped is the most common error of all. Whoever is told the name sees at once what is wrong with it.")
        .hints([
            "What does your client say when the file for `put` is not there?",
            "Add the path to the error: the system's own words are only \"No such file or directory\".",
            ".with_context(|| format!(\"cannot read {}\", local.display()))?",
        ])
        .story(|lab| {
            let folder = lab.folder("folder")?;
            let missing = folder.file("missing.txt");
            let nowhere = folder.file("no-such-folder/file");
            let server = lab.udp_server()?;
            let client = lab.client(server.address(), &["put", &missing])?;
            client.fails(&["missing.txt"])?;
            let mut server = lab.udp_server()?;
            let client = lab.client(server.address(), &["get", "file", &nowhere, "--timeout", "30"])?;
            // Whether it looks before it asks or when the first block is here is its own affair.
            lab.in_short("client", "cannot write where it should", |lab| {
                let asked = Instant::now();
                while !client.has_ended() && asked.elapsed() < lab.patience() {
                    if server.has_mail(Duration::from_millis(10))? {
                        server.receive("RRQ")?;
                        server.send(data(1, b"all"))?;
                        break;
                    }
                }
                Ok(())
            })?;
            client.fails(&["no-such-folder"])?;
            server.forgets_what_waits()
        })
}

pub fn fails_when_the_disk_is_full() -> Stage {
    Stage::client("A disk here that is full is an error, not a file")
        .promises(["F13", "C5"])
        .why("Writing may fail at any block, and at the very end, when what was buffered goes to the disk. Who says \"got\" must have looked.")
        .hints([
            "What does your client do with the error of a `write`?",
            "It ends the transfer, and the program with status 1; the server is told so by an ERROR.",
            "self.file.take(bytes)?; and file.complete()?, which flushes, before anything is said",
        ])
        .story(|lab| {
            let folder = lab.folder("folder")?;
            lab.leaves_little_room_in(&folder, LITTLE_ROOM)?;
            let mut counter = patient_client(lab, folder, &["get", "large", "{folder}/large"])?;
            counter.is_asked(1, "large", "octet", &[])?;
            lab.in_short("server", "sends more than there is room for, until the client has had enough", |lab| {
                let file = content(LARGE);
                for number in 1..=file.len() / 512 + 1 {
                    counter.answers(data(number as u16, block(&file, number, 512)))?;
                    let sent = Instant::now();
                    while !counter.port.has_mail(Duration::from_millis(10))? {
                        if counter.client.has_ended() || sent.elapsed() > lab.patience() {
                            return Ok(());
                        }
                    }
                    if counter.port.receive(&format!("ACK {number}"))?.bytes != ack(number as u16) {
                        return Ok(());
                    }
                }
                Ok(())
            })?;
            counter.client.fails(&["large"])?;
            counter.forgets_what_waits()
        })
}

pub fn gets_no_file_into_its_memory() -> Stage {
    Stage::client("However long a file is, the memory it takes stays small")
        .promises(["C10", "F13"])
        .why("The server decides how long a file is, and may send without an end. What has come is written, not kept.")
        .hints([
            "Where are the blocks of a download before it is complete?",
            "In the temporary file; a buffer of a few blocks is all that the memory need hold.",
            "BufWriter::with_capacity(1 << 16, file), and `write_all` for each block",
        ])
        .story(|lab| {
            let folder = lab.folder("folder")?;
            let errand = ["get", "long", "{folder}/long", "--blksize", "32768"];
            let mut counter = client_with_timeout(lab, folder, "30", &errand)?;
            counter.is_asked(1, "long", "octet", &[("blksize", "32768")])?;
            counter.answers(oack(&[("blksize", "32768")]))?;
            counter.port.expect(ack(0))?;
            let (block, mut number) = (vec![7; 32768], 0_u16);
            lab.memory_stays(&counter.client, |lab| {
                lab.in_short("server", "sends 20 MB", |_| {
                    for _ in 0..640 {
                        number = number.wrapping_add(1);
                        counter.port.send(data(number, &block))?;
                        counter.port.expect(ack(number))?;
                    }
                    Ok(())
                })?;
                Ok(640 << 15)
            })?;
            counter.answers(error(0, "that is enough"))?;
            counter.client.fails(&[])?;
            has_only(&counter.folder, &[])
        })
}
