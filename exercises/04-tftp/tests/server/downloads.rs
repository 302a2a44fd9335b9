//! Files that are fetched, and how the server is started.

use std::net::UdpSocket;
use std::time::Duration;

use scenario::{Breaking, Outcome, Program, Role, Stage, demand};

use super::traces::{Tells, holds};
use super::wire::{Talks, ack, block, content, data, goes_on_after, rrq, tally};
use super::{downloads, one_refusal_from_the_server, patient_server, reads, uploads};

pub fn sends_a_file() -> Stage {
    Stage::server("A file crosses in numbered blocks of 512 bytes, each acknowledged")
        .promises(["F1", "F12"])
        .why(
            "UDP carries datagrams, and may lose them or change their order. Numbered blocks, each acknowledged before the next \
             is sent, make a file of them: the simplest protocol that can.",
        )
        .hints([
            "What are the first four bytes of a DATA packet, and from which port does it come?",
            "Give each request a socket of its own on port 0. Read 512 bytes, send 00 03, the block number (from 1) and the bytes, wait for \
             00 04 with the same number, and so on. The first block that is shorter is the last.",
            "sender.send_window()?; sender.await_ack()?; until the last block is acknowledged; then `sent \"hello.txt\" to PEER: 1025 bytes in 3 blocks`",
        ])
        .story(|lab| {
            let (server, folder) = patient_server(lab, &[])?;
            let file = content(1025);
            folder.put("hello.txt", &file)?;
            let mut alice = lab.udp("alice", &server)?;
            alice.send(rrq("hello.txt", &[]))?;
            alice.first(&data(1, &file[..512]))?;
            let port = alice.partner()?.port();
            demand(port != server.address().port(), || {
                "Your server sends the file from the port of the requests; every transfer has a port of its own.".to_owned()
            })?;
            alice.send(ack(1))?;
            alice.expect(data(2, block(&file, 2, 512)))?;
            alice.send(ack(2))?;
            alice.expect(data(3, block(&file, 3, 512)))?;
            server.says(&format!("{} reads \"hello.txt\"", alice.address()))?;
            let early = server.line_within(Duration::from_millis(50));
            demand(early.is_none(), || "Your server speaks of the end before the last block was acknowledged.".to_owned())
                .breaking(&["F12"])?;
            alice.send(ack(3))?;
            server.says(&format!("sent \"hello.txt\" to {}: 1025 bytes in 3 blocks", alice.address()))
        })
}

pub fn ends_with_a_short_block() -> Stage {
    Stage::server("A file that fills its last block ends with an empty one")
        .promises(["F1", "F12"])
        .why("Nothing in a DATA packet says \"this was all\" but that it is not full. So there must be one that is not full.")
        .hints([
            "What ends your loop: the end of the file, or a block that is not full?",
            "A file of 512 bytes has two blocks, the second of 0 bytes; an empty file has one.",
            "if length < 512 { last = Some(number); } after every block that was sent",
        ])
        .story(|lab| {
            let (server, folder) = patient_server(lab, &[])?;
            let mut alice = lab.udp("alice", &server)?;
            for size in [0, 1, 511, 512, 513, 1024] {
                folder.put("file", content(size))?;
                downloads(&mut alice, &server, "file", &content(size))?;
            }
            Ok(())
        })
}

pub fn says_that_there_is_no_such_file() -> Stage {
    Stage::server("A file that is not there is ERROR 1")
        .promises(["F7", "F12", "C6"])
        .why("Without an answer a client would ask again and again, and then guess. An ERROR packet tells it at once, and why.")
        .hints([
            "What does opening a file return when there is none?",
            "ERROR is 00 05, a code of two bytes, a text, and a zero byte. No such file is code 1.",
            "io::ErrorKind::NotFound => ErrorCode::FileNotFound; then `refused PEER \"x\": File not found`",
        ])
        .story(|lab| {
            let (server, folder) = patient_server(lab, &[])?;
            folder.put("there", "yes")?;
            one_refusal_from_the_server(lab, &server)?;
            let mut bob = lab.udp("bob", &server)?;
            bob.send(rrq("no-such-folder/file", &[]))?;
            bob.expect_error(1)?;
            server.says(&format!("refused {} \"no-such-folder/file\": File not found", bob.address()))?;
            downloads(&mut bob, &server, "there", b"yes")
        })
}

pub fn serves_the_folder_it_was_started_in() -> Stage {
    Stage::server("Without --root it serves the folder that it was started in")
        .promises(["C1", "F1"])
        .why("A program that runs with nothing but its name can be tried at once.")
        .hints([
            "What is the default of `--root`?",
            "`.` is the folder that the program was started in.",
            "#[arg(long, default_value = \".\")] root: PathBuf",
        ])
        .story(|lab| {
            let folder = lab.folder("folder")?;
            folder.put("here.txt", "found")?;
            lab.at_home_in(&folder);
            let server = lab.server()?;
            let mut alice = lab.udp("alice", &server)?;
            downloads(&mut alice, &server, "here.txt", b"found")
        })
}

pub fn waits_for_each_ack() -> Stage {
    Stage::server("No block goes out before the one before it is acknowledged")
        .promises(["F2", "F1"])
        .why(
            "Stop and wait: with one block under way, the receiver needs room for one, and the sender knows which one is missing. \
             Who sends on without an ACK overruns whoever is slower.",
        )
        .hints([
            "What does your server do between DATA 1 and DATA 2?",
            "It waits for ACK 1, and not for just any packet.",
            "match Packet::parse(packet)? { Packet::Ack { block } if block == number => break, … }",
        ])
        .story(|lab| {
            let (server, folder) = patient_server(lab, &[])?;
            let file = content(1300);
            folder.put("file", &file)?;
            let mut alice = lab.udp("alice", &server)?;
            alice.send(rrq("file", &[]))?;
            alice.first(&data(1, &file[..512]))?;
            alice.expect_silence(Duration::from_millis(100))?;
            let (port, second) = (alice.partner()?, data(2, block(&file, 2, 512)));
            if goes_on_after(&ack(65535), (&mut alice, port), &ack(1), &second, None)? {
                alice.send(ack(2))?;
                reads(&mut alice, &file, 3, 512)?;
                server.says(&format!("{} reads \"file\"", alice.address()))?;
                return server.says(&format!("sent \"file\" to {}: {}", alice.address(), tally(1300, 512)));
            }
            let mut bob = lab.udp("bob", &server)?;
            downloads(&mut bob, &server, "file", &file)?;
            lab.lowers_the_curtain()
        })
}

pub fn serves_over_ipv6() -> Stage {
    Stage::server("A file crosses over IPv6, too")
        .promises(["C3", "F1", "F5"])
        .why("The socket of a transfer is a new one. It must be of the same kind of address as the peer, or nothing reaches it.")
        .hints([
            "To which address does your server bind the socket of a transfer?",
            "To port 0 of the address that the server itself has, be it one of IPv4 or of IPv6.",
            "let mut here = socket.local_addr()?; here.set_port(0); UdpSocket::bind(here)?",
        ])
        .story(|lab| {
            if UdpSocket::bind("[::1]:0").is_err() {
                return scenario::skip("this machine has no IPv6");
            }
            let folder = lab.folder("folder")?;
            folder.put("file", content(600))?;
            let root = folder.path().to_string_lossy().into_owned();
            let server = lab.server_at_with("[::1]:0", &["--root", &root, "--timeout", "30"])?;
            let mut alice = lab.udp("alice", &server)?;
            downloads(&mut alice, &server, "file", &content(600))?;
            uploads(&mut alice, &server, "up", &content(600))?;
            holds(&folder, "up", &content(600))
        })
}

pub fn knows_its_limits() -> Stage {
    Stage::server("Tries and timeouts that make no sense are wrong usage")
        .promises(["C5", "F2"])
        .why("What the command line alone shows to be wrong is refused before anything is served.")
        .hints([
            "What does your server do with `--tries 0`?",
            "It ends with status 2: a packet is sent once at least, and a wait has a length.",
            "#[arg(long, default_value = \"5\", value_parser = clap::value_parser!(u32).range(1..))] tries: u32",
        ])
        .story(|lab| {
            let wrong: [&[&str]; 7] = [
                &["--tries", "0"],
                &["--tries", "some"],
                &["--tries"],
                &["--timeout", "soon"],
                &["--timeout", "1x"],
                &["--timeout=-1"],
                &["--timeout"],
            ];
            let programs =
                wrong.iter().map(|arguments| lab.bare(Role::Server, arguments)).collect::<Outcome<Vec<_>>>()?;
            programs.iter().try_for_each(Program::refuses_usage)
        })
}
