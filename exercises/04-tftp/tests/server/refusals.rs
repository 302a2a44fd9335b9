//! What is refused, and how.

use std::time::{Duration, Instant};

use scenario::{Folder, Lab, Meaning, Outcome, Program, Stage, UdpPeer, demand};

use super::traces::{LARGE, LITTLE_ROOM, Tells, has_only, holds, soon_has_only};
use super::wire::{Talks, ack, block, content, data, describe, error, oack, request, rrq, tally, wrq};
use super::{downloads, hasty_server, patient_server, refuses, says_refused, writes};

pub fn keeps_within_its_folder() -> Stage {
    Stage::server("Nothing outside the folder is read or written")
        .promises(["F7", "F12"])
        .why(
            "TFTP knows no users and no passwords: whoever reaches the port may ask. What keeps the rest of the machine out of reach \
             is that every name is taken as one below the folder.",
        )
        .hints([
            "Where does `root.join(\"../secret\")` lead?",
            "Go through the components of the name: `..` that leads above the folder is ERROR 2. `Path::join` with an absolute path drops the root: \
             leave the leading slash out, or refuse.",
            "Component::ParentDir if down.pop() => {}, Component::ParentDir => return Err(Fault::new(ErrorCode::AccessViolation))",
        ])
        .story(|lab| {
            let outside = lab.folder("outside")?;
            outside.put("secret", "not for you")?;
            // The names of the two folders begin alike: whoever compares texts instead of paths takes one for the other.
            let root = outside.file("root");
            for folder in ["root-2", "root", "root/x"] {
                std::fs::create_dir(outside.path().join(folder))?;
            }
            outside.put("root-2/secret", "not for you")?;
            outside.put("root/ours", "for you")?;
            outside.put("root/two..dots", "for you, too")?;
            let server = lab.server_with(&["--root", &root, "--timeout", "30", "--overwrite"])?;
            lab.in_short("mallory", "asks for files outside: refused", |lab| refuses(lab, &server, &ways_out()))?;
            lab.in_short("mallory", "asks for an absolute path outside: refused", |lab| {
                refuses_absolute(lab, &server, &outside.file("secret"))
            })?;
            has_only(&outside, &["root", "root-2", "secret"])?;
            holds(&outside, "root-2/secret", b"not for you")?;
            let found = std::fs::read_dir(outside.path().join("root-2"))?.count();
            demand(found == 1, || "Somebody has written beside the folder.".to_owned())?;
            let mut alice = lab.udp("alice", &server)?;
            downloads(&mut alice, &server, "ours", b"for you")?;
            downloads(&mut alice, &server, "two..dots", b"for you, too")
        })
}

/// Requests that lead out of the folder by `..`.
fn ways_out() -> Vec<(Vec<u8>, &'static str, u16)> {
    vec![
        (rrq("../root-2/secret", &[]), "../root-2/secret", 2),
        (rrq("x/../../root-2/secret", &[]), "x/../../root-2/secret", 2),
        (wrq("../root-2/secret", &[]), "../root-2/secret", 2),
        (wrq("../root-2/new", &[]), "../root-2/new", 2),
        (rrq("../secret", &[]), "../secret", 2),
    ]
}

/// An absolute path is one below the root, where there is none, or a violation.
fn refuses_absolute(lab: &mut Lab, server: &Program, path: &str) -> Outcome {
    let mut mallory = lab.udp("mallory", server)?;
    mallory.send(rrq(path, &[]))?;
    let code = refuses_as_missing_or_outside(&mut mallory)?;
    says_refused(server, &mallory, path, code)?;
    mallory.send_to(server.address(), wrq(path, &[]))?;
    refuses_as_missing_or_outside(&mut mallory)?;
    // What is missing is a folder, and the words are the program's own.
    says_refused(server, &mallory, path, 2)
}

fn refuses_as_missing_or_outside(peer: &mut UdpPeer) -> Outcome<u16> {
    let came = peer.receive("ERROR 1 or 2")?.bytes;
    let refused = matches!(came[..], [0, 5, 0, 1 | 2, ..]);
    demand(refused, || format!("{} came, where ERROR 1 or 2 was due.", describe(&came)))?;
    Ok(came[3].into())
}

pub fn follows_no_symlink_out() -> Stage {
    Stage::server("A symlink out of the folder is no way out")
        .promises(["F7"])
        .why("A name without `..` may still lead anywhere, when a part of it is a symlink. Only the file system knows where to.")
        .hints([
            "What does `File::open` do with a symlink?",
            "`canonicalize` follows all symlinks and tells where the path really leads: that must be below the folder, for the file \
             to be read as for the folder to be written into.",
            "let path = root.join(name).canonicalize()?; if !path.starts_with(&root) { return Err(AccessViolation) }",
        ])
        .story(|lab| {
            let outside = lab.folder("outside")?;
            outside.put("secret", "not for you")?;
            let (server, folder) = patient_server(lab, &["--overwrite"])?;
            folder.put("ours", "for you")?;
            link(&outside.file("secret"), &folder.file("link"))?;
            link(&outside.path().to_string_lossy(), &folder.file("way-out"))?;
            link(&outside.file("new"), &folder.file("dangling"))?;
            refuses(
                lab,
                &server,
                &[
                    (rrq("link", &[]), "link", 2),
                    (rrq("way-out/secret", &[]), "way-out/secret", 2),
                    (wrq("link", &[]), "link", 2),
                    (wrq("way-out/new", &[]), "way-out/new", 2),
                ],
            )?;
            lab.in_short("mallory", "writes to a link that leads to nowhere: nothing gets out", |lab| {
                writes_to_a_link_to_nowhere(lab, &server, "dangling")
            })?;
            has_only(&outside, &["secret"])?;
            holds(&outside, "secret", b"not for you")
        })
}

/// Such a link is replaced, or refused: nothing may appear where it leads.
fn writes_to_a_link_to_nowhere(lab: &mut Lab, server: &Program, name: &str) -> Outcome {
    let mut mallory = lab.udp("mallory", server)?;
    mallory.send(wrq(name, &[]))?;
    let came = mallory.receive("ACK 0 or an ERROR")?.bytes;
    if came == ack(0) {
        writes(&mut mallory, b"words", 1, 512)?;
        server.next_line("writes")?;
        server.next_line("received")?;
        return Ok(());
    }
    demand(came.starts_with(&[0, 5]), || format!("{} came, where ACK 0 or an ERROR was due.", describe(&came)))?;
    server.next_line("refused")?;
    Ok(())
}

#[cfg(unix)]
fn link(to: &str, at: &str) -> Outcome {
    Ok(std::os::unix::fs::symlink(to, at)?)
}

#[cfg(not(unix))]
fn link(_: &str, _: &str) -> Outcome {
    scenario::skip("on this system not everybody may make symlinks")
}

pub fn refuses_what_is_no_file() -> Stage {
    Stage::server("A folder and a pipe are refused, and keep nobody waiting")
        .promises(["F7", "C6", "F11"])
        .why(
            "Opening a named pipe waits until somebody writes to it, which may be never. What is not a file must be refused before it \
             is opened.",
        )
        .hints([
            "What does your server do with the name of a folder?",
            "`metadata` tells what a path is without opening it: what is no file is ERROR 2.",
            "if !path.metadata()?.is_file() { return Err(Fault::new(ErrorCode::AccessViolation)) }",
        ])
        .story(|lab| {
            let (server, folder) = patient_server(lab, &["--overwrite"])?;
            std::fs::create_dir(folder.path().join("folder"))?;
            folder.put("file", "yes")?;
            let mut requests = vec![
                (rrq("folder", &[]), "folder", 2),
                (wrq("folder", &[]), "folder", 2),
                (rrq(".", &[]), ".", 2),
                (wrq(".", &[]), ".", 2),
            ];
            let made = std::process::Command::new("mkfifo").arg(folder.file("pipe")).status();
            if made.is_ok_and(|status| status.success()) {
                requests.extend([(rrq("pipe", &[]), "pipe", 2), (wrq("pipe", &[]), "pipe", 2)]);
            }
            refuses(lab, &server, &requests)?;
            if is_kept_from_us(&folder, "locked")? {
                refuses(lab, &server, &[(rrq("locked", &[]), "locked", 2)])?;
            }
            let mut alice = lab.udp("alice", &server)?;
            downloads(&mut alice, &server, "file", b"yes")
        })
}

/// Puts a file there that nobody may read. `false` where we may all the same: root may.
fn is_kept_from_us(folder: &Folder, name: &str) -> Outcome<bool> {
    folder.put(name, "locked away")?;
    #[cfg(unix)]
    std::fs::set_permissions(folder.path().join(name), std::os::unix::fs::PermissionsExt::from_mode(0o000))?;
    Ok(std::fs::File::open(folder.path().join(name)).is_err())
}

pub fn overwrites_only_when_told() -> Stage {
    Stage::server("A name that is taken is ERROR 6, unless --overwrite was given")
        .promises(["F7", "F6"])
        .why("Anybody may write, so nobody should be able to destroy what another has written; unless the server's owner wants just that.")
        .hints([
            "What happens in your server when the file is there already?",
            "Look before you answer with ACK 0; with --overwrite the old file stays until the new one is complete.",
            "if !overwrite && path.exists() { return Err(Fault::new(ErrorCode::FileExists)) }",
        ])
        .story(|lab| {
            let (server, folder) = patient_server(lab, &[])?;
            folder.put("old", "as it was")?;
            refuses(lab, &server, &[(wrq("old", &[]), "old", 6)])?;
            holds(&folder, "old", b"as it was")?;
            let (server, folder) = patient_server(lab, &["--overwrite"])?;
            folder.put("old", "as it was, and somewhat longer than the new one")?;
            let mut alice = lab.udp("alice", &server)?;
            let mut bob = lab.udp("bob", &server)?;
            bob.send(wrq("old", &[]))?;
            bob.first(&ack(0))?;
            bob.send(data(1, &content(512)))?;
            bob.expect(ack(1))?;
            bob.send(error(0, "I changed my mind"))?;
            server.says(&format!("{} writes \"old\"", bob.address()))?;
            soon_has_only(lab, &folder, &["old"])?;
            alice.send(wrq("old", &[]))?;
            alice.first(&ack(0))?;
            holds(&folder, "old", b"as it was, and somewhat longer than the new one")
                .or_rather("The old file must stay until the new one is complete.")?;
            writes(&mut alice, b"new", 1, 512)?;
            server.says_among_others(&format!("{} writes \"old\"", alice.address()))?;
            server.says_among_others(&format!("received \"old\" from {}: 3 bytes in 1 blocks", alice.address()))?;
            holds(&folder, "old", b"new")?;
            soon_has_only(lab, &folder, &["old"])?;
            // What it says about bob's end is its own affair.
            lab.lowers_the_curtain()
        })
}

pub fn tells_when_the_disk_is_full() -> Stage {
    Stage::server("A disk that is full is ERROR 3, and nothing is left of the upload")
        .promises(["F7", "F6", "C6"])
        .why(
            "Writing may fail at any block, and at the very end, when what was buffered goes to the disk. Whoever looks at only some of the results \
             acknowledges a file that is not there. And half a file that stays keeps the disk full.",
        )
        .hints([
            "What does your server do with the error of a `write`?",
            "It is the end of the transfer: ERROR 3 to the client, and what was written so far is removed.",
            "io::ErrorKind::StorageFull => ErrorCode::DiskFull; flush what is buffered before the last ACK, for it may fail, too",
        ])
        .story(|lab| {
            let folder = lab.folder("folder")?;
            lab.leaves_little_room_in(&folder, LITTLE_ROOM)?;
            let root = folder.path().to_string_lossy().into_owned();
            let server = lab.server_with(&["--root", &root, "--timeout", "30"])?;
            let mut alice = lab.udp("alice", &server)?;
            lab.in_short("alice", "writes more than there is room for, until she is told", |_| {
                alice.send(wrq("large", &[]))?;
                alice.first(&ack(0))?;
                let refused = writes_until_refused(&mut alice, &content(LARGE))?;
                demand(refused == Some(3), || match refused {
                    None => "Your server acknowledged a whole file that there was no room for.".to_owned(),
                    Some(code) => format!("Your server sent ERROR {code} when the disk was full, where ERROR 3 was due."),
                })
            })?;
            server.says_among_others(&format!("{} writes \"large\"", alice.address()))?;
            let mut bob = lab.udp("bob", &server)?;
            lab.in_short("bob", "finds nothing of it, and room for a file of his own", |lab| {
                bob.send(rrq("large", &[]))?;
                bob.expect_error(1)?;
                finds_room_again(lab, &server, &mut bob)
            })?;
            lab.lowers_the_curtain()
        })
}

/// What is left of an upload that broke off is perhaps removed just now; then there is room.
fn finds_room_again(lab: &Lab, server: &Program, peer: &mut UdpPeer) -> Outcome {
    let began = Instant::now();
    loop {
        peer.send_to(server.address(), wrq("small", &[]))?;
        peer.first(&ack(0))?;
        match writes_until_refused(peer, &content(LITTLE_ROOM as usize * 3 / 4))? {
            None => return Ok(()),
            Some(_) => demand(began.elapsed() < lab.patience(), || {
                "What was left of the upload that broke off still fills the disk.".to_owned()
            })?,
        }
    }
}

/// Writes a file from block 1 on, and returns the code of the ERROR that ends it, if one does.
fn writes_until_refused(peer: &mut UdpPeer, file: &[u8]) -> Outcome<Option<u16>> {
    for number in 1..=file.len() / 512 + 1 {
        peer.send(data(number as u16, block(file, number, 512)))?;
        let came = peer.receive(&format!("ACK {number} or an ERROR"))?.bytes;
        if let [0, 5, high, low, ..] = came[..] {
            return Ok(Some(u16::from_be_bytes([high, low])));
        }
        demand(came == ack(number as u16), || format!("{} came, where ACK {number} was due.", describe(&came)))?;
    }
    Ok(None)
}

/// No requests, whichever way one looks at them.
const NONSENSE: [&[u8]; 10] = [
    b"\x00\x01",
    b"\x00\x01file",
    b"\x00\x01file\x00octet",
    b"\x00\x01file\x00",
    b"\x00\x02file\x00",
    b"\x00\x00file\x00octet\x00",
    b"\x00\x07file\x00octet\x00",
    b"\x01\x01file\x00octet\x00",
    b"\xff\xff",
    b"\x00\x01\xff\xff\xff",
];

/// How many of these a server answers, and with what, is its own affair.
const ODD: [&[u8]; 8] = [
    b"\x00\x01file\x00octet\x00blksize\x00",
    b"\x00\x01file\x00octet\x00blksize\x001024",
    b"\x00\x01file\x00octet\x00\x00\x00",
    b"\x00\x01file\x00octet\x00\xff\xfe\x00\xff\x00",
    b"\x00\x02new\x00octet\x00tsize\x00",
    b"",
    b"\x00",
    b"\x05",
];

pub fn refuses_what_makes_no_sense() -> Stage {
    Stage::server("What is no request is ERROR 4, and the server goes on")
        .promises(["F7", "F8", "C6"])
        .why(
            "A port on a network gets all kinds of packets: cut off, made up, meant for others. Each byte that is looked at may be \
             missing.",
        )
        .hints([
            "What does your parser do with a packet of one byte, or a string without its zero byte?",
            "Check every length before the bytes are used. Unknown kinds and modes, and `mail`, are ERROR 4.",
            "let (kind, rest) = bytes.split_first_chunk().ok_or(Malformed(\"a packet without a kind\"))?;",
        ])
        .story(|lab| {
            let (server, folder) = patient_server(lab, &[])?;
            folder.put("file", "yes")?;
            let mut mallory = lab.udp("mallory", &server)?;
            lab.in_short("mallory", "sends what makes no sense, and gets ERROR 4 for each", |_| {
                for packet in NONSENSE {
                    mallory.send_to(server.address(), packet)?;
                    mallory.expect_error(4)?;
                }
                Ok(())
            })?;
            for mode in ["mail", "MAIL", "octets", "x"] {
                mallory.send_to(server.address(), request(1, "file", mode, &[]))?;
                mallory.expect_error(4)?;
            }
            for packet in ODD.into_iter().chain([&oack(&[])[..], &ack(0), &data(1, b"x")]) {
                mallory.send_to(server.address(), packet)?;
            }
            let mut alice = lab.udp("alice", &server)?;
            lab.in_short("alice", "reads a file all the same", |_| downloads(&mut alice, &server, "file", b"yes"))?;
            mallory.forgets_what_waits()?;
            // A line about any of them may be there, and need not.
            lab.lowers_the_curtain()
        })
}

pub fn never_answers_an_error() -> Stage {
    Stage::server("An ERROR is never answered")
        .promises(["F7", "C6"])
        .why("If errors were answered with errors, two programs could go on for ever, each telling the other that it is wrong.")
        .hints([
            "What does your server send when an ERROR comes to its port?",
            "Nothing; also when the ERROR is cut off. An ERROR on the port of a transfer is the end of that transfer.",
            "if !is_error(packet) { socket.send_to(&error(…), peer)?; }",
        ])
        .mostly_waiting()
        .story(|lab| lab.steadily(|lab| {
            let (server, folder) = hasty_server(lab, &[])?;
            folder.put("file", content(600))?;
            let mallory = lab.udp("mallory", &server)?;
            mallory.send(error(4, "you are wrong"))?;
            mallory.send(b"\x00\x05\x00\x09")?;
            mallory.send(b"\x00\x05\x00")?;
            let mut bob = lab.udp("bob", &server)?;
            bob.send(rrq("file", &[]))?;
            bob.first(&data(1, &content(512)))?;
            bob.send(error(0, "enough"))?;
            server.says(&format!("{} reads \"file\"", bob.address()))?;
            bob.expect_silence(Duration::from_millis(400)).or_rather("The transfer ended with an ERROR of the client.")?;
            let mut alice = lab.udp("alice", &server)?;
            alice.send(rrq("file", &[]))?;
            lab.in_short("alice", "reads a file all the same", |_| {
                alice.first(&data(1, &content(512)))?;
                alice.send(ack(1))?;
                alice.eventually(&data(2, &content(600)[512..]), &data(1, &content(512)))?;
                alice.send(ack(2))
            })?;
            server.says_among_others(&format!("sent \"file\" to {}: {}", alice.address(), tally(600, 512)))?;
            alice.forgets_what_waits()?;
            // What it says about the end by an ERROR is its own affair.
            lab.lowers_the_curtain()
        }))
}

pub fn prints_names_escaped() -> Stage {
    Stage::server("A name from the network is printed as a string literal")
        .promises(["C7", "F12"])
        .why("A file's name is text from anybody. Printed raw it could clear the screen, or forge a line of the transcript.")
        .hints([
            "How do you print the name?",
            "Rust's `{:?}` puts it in quotes and escapes what a terminal would obey; `quoted` takes any bytes.",
            "say(format_args!(\"refused {peer} {}: {}\", quoted(request.name), fault.code.message()))",
        ])
        .story(|lab| {
            let (server, _folder) = patient_server(lab, &[])?;
            let names = ["\x1b[2J", "two\nlines", "quotes \" and \\", "我爱你", "x".repeat(200).as_str()].map(str::to_owned);
            let requests: Vec<_> = names.iter().map(|name| (rrq(name, &[]), name.as_str(), 1)).collect();
            refuses(lab, &server, &requests)?;
            let mut mallory = lab.udp("mallory", &server)?;
            mallory.send(b"\x00\x01no \xff text\x00octet\x00")?;
            let came = mallory.receive("ERROR 1 or 2")?.bytes;
            demand(came.starts_with(&[0, 5]), || format!("{} came, where an ERROR was due.", describe(&came)))?;
            let begin = format!("refused {} 9 bytes that are not UTF-8: ", mallory.address());
            let line = server.next_line(&begin)?;
            demand(line.starts_with(&begin), || format!("Your server printed `{line}`, where `{begin}…` was due."))
        })
}
