//! What is checked of chapter 4, TFTP: one story a stage. The lab plays clients for the server, and servers, with
//! strangers, for the client.
//!
//! Where nothing is to be repeated, programs get a timeout that is longer than any machine is slow; where something is, a
//! short one, and then it does not matter how often it was repeated.

use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use scenario::{
    Breaking, Chapter, Datagram, Direction, Example, Folder, Lab, Meaning, Outcome, Profile, Program, Role, Rule,
    Stage, Transport, Trouble, UdpPeer, UdpStand, WithClient, demand, quoted, stages,
};

scenario::main!("tftp", chapter);

/// The chapter, for the checker.
pub fn chapter() -> Chapter {
    let profile = Profile {
        default_port: 6969,
        server_options: &["--bind", "--root", "--overwrite", "--timeout", "--tries"],
        client_options: &["--connect", "--mode", "--blksize", "--windowsize", "--timeout", "--tries"],
        example: Example { arguments: &["get", "Cargo.toml", "/dev/null"], input: "" },
        with_server: one_refusal_from_the_server,
        with_client: WithClient::UdpCommand(&["get", "no-such-file"], one_refusal_for_the_client),
    };
    let stages = stages![
        sends_a_file,
        ends_with_a_short_block,
        says_that_there_is_no_such_file,
        takes_a_file,
        takes_files_of_every_size,
        serves_the_folder_it_was_started_in,
        waits_for_each_ack,
        serves_several_at_a_time,
        is_not_slowed_by_who_stalls,
        outlives_many_transfers,
        serves_over_ipv6,
        keeps_within_its_folder,
        follows_no_symlink_out,
        refuses_what_is_no_file,
        overwrites_only_when_told,
        tells_when_the_disk_is_full,
        refuses_what_makes_no_sense,
        never_answers_an_error,
        prints_names_escaped,
        sends_data_again,
        sends_acks_again,
        waits_as_long_as_it_was_told,
        gives_up,
        gives_each_packet_all_its_tries,
        outlives_many_who_fall_silent,
        knows_its_limits,
        wakes_no_sorcerers_apprentice,
        turns_strangers_away,
        is_not_kept_waiting_by_others,
        writes_repeated_data_once,
        acknowledges_the_last_block_again,
        an_upload_appears_complete_or_not_at_all,
        an_interrupted_server_ends_quietly,
        never_mixes_two_uploads,
        keeps_no_file_in_its_memory,
        reads_no_file_into_its_memory,
        reads_no_window_into_its_memory,
        keeps_no_early_blocks,
        translates_text_to_the_wire,
        translates_text_from_the_wire,
        counts_beyond_65535,
        counts_uploads_beyond_65535,
        grants_options,
        leaves_out_what_it_cannot_grant,
        uses_the_block_size,
        repeats_its_options,
        is_told_that_options_do_not_please,
        takes_the_timeout_it_was_asked_for,
        sends_windows,
        goes_back_in_a_window,
        acknowledges_windows,
        reports_a_gap_in_a_window,
        gets_a_file,
        gets_files_of_every_size,
        puts_a_file,
        puts_files_of_every_size,
        names_a_file_by_its_last_part,
        asks_again,
        gives_up_asking,
        asks_as_often_as_its_timeout_says,
        acknowledges_again,
        sends_its_data_again,
        gives_up_in_the_middle,
        gives_each_of_its_packets_all_its_tries,
        answers_no_repeated_ack,
        takes_repeated_data_once,
        keeps_to_the_port_of_the_first_answer,
        takes_no_first_answer_from_elsewhere,
        is_not_kept_waiting_by_strangers,
        tells_what_the_server_said,
        a_download_appears_complete_or_not_at_all,
        an_interrupted_client_ends_quietly,
        says_which_file_it_cannot_use,
        fails_when_the_disk_is_full,
        gets_no_file_into_its_memory,
        is_not_drowned_by_strangers,
        prints_its_names_escaped,
        knows_its_errands,
        gets_text,
        puts_text,
        gets_more_than_65535_blocks,
        puts_more_than_65535_blocks,
        asks_for_options_only_when_told,
        lives_without_options,
        takes_less_than_it_asked_for,
        refuses_options_that_it_did_not_ask_for,
        gets_in_windows,
        puts_in_windows,
        the_pair_survives_a_bad_network,
    ];
    Chapter::new("tftp", include_str!("../README.md"), profile, stages).describing(describe)
}

// Packets.

/// What a packet says, as a line of the transcript.
fn describe(packet: &[u8]) -> String {
    let number = packet.get(2..4).map_or(0, |bytes| u16::from_be_bytes([bytes[0], bytes[1]]));
    match packet {
        [0, kind @ (1 | 2), rest @ ..] => {
            let strings: Vec<_> = rest.split(|byte| *byte == 0).map(String::from_utf8_lossy).collect();
            let [name, mode, options @ ..] = &strings[..] else { return quoted(packet) };
            let options: String = options.chunks_exact(2).map(|pair| format!(" {}={}", pair[0], pair[1])).collect();
            format!("{} {name:?} {mode}{options}", if *kind == 1 { "RRQ" } else { "WRQ" })
        }
        [0, 3, _, _, bytes @ ..] => format!("DATA {number}, {} bytes", bytes.len()),
        [0, 4, _, _] => format!("ACK {number}"),
        [0, 5, _, _, text @ ..] => format!("ERROR {number} {}", quoted(text.strip_suffix(&[0]).unwrap_or(text))),
        [0, 6, rest @ ..] => {
            let options: String = pairs(rest).iter().map(|(name, value)| format!(" {name}={value}")).collect();
            format!("OACK{options}")
        }
        _ => quoted(packet),
    }
}

/// Options and values, names in small letters.
fn pairs(bytes: &[u8]) -> Vec<(String, String)> {
    let text = String::from_utf8_lossy(bytes);
    let strings: Vec<_> = text.split_terminator('\0').collect();
    strings.chunks(2).map(|pair| (pair[0].to_lowercase(), pair.get(1).copied().unwrap_or("").to_owned())).collect()
}

/// RRQ (1) or WRQ (2) with mode and options.
fn request(kind: u8, name: &str, mode: &str, options: &[(&str, &str)]) -> Vec<u8> {
    let mut packet = vec![0, kind];
    for string in [name, mode].into_iter().chain(options.iter().flat_map(|(name, value)| [*name, *value])) {
        packet.extend(string.as_bytes());
        packet.push(0);
    }
    packet
}

fn rrq(name: &str, options: &[(&str, &str)]) -> Vec<u8> {
    request(1, name, "octet", options)
}

fn wrq(name: &str, options: &[(&str, &str)]) -> Vec<u8> {
    request(2, name, "octet", options)
}

fn data(number: u16, bytes: &[u8]) -> Vec<u8> {
    [&[0, 3], &number.to_be_bytes()[..], bytes].concat()
}

fn ack(number: u16) -> Vec<u8> {
    [&[0, 4], &number.to_be_bytes()[..]].concat()
}

fn error(code: u16, text: &str) -> Vec<u8> {
    [&[0, 5], &code.to_be_bytes()[..], text.as_bytes(), &[0]].concat()
}

fn oack(options: &[(&str, &str)]) -> Vec<u8> {
    let strings = options.iter().flat_map(|(name, value)| [name.as_bytes(), &[0], value.as_bytes(), &[0]].concat());
    [0, 6].into_iter().chain(strings).collect()
}

/// `length` bytes of which no two blocks are equal.
fn content(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at % 251) as u8 ^ (at / 256 % 256) as u8).collect()
}

/// The block with this number, from 1, in blocks of `size` bytes; empty behind the end.
fn block(file: &[u8], number: usize, size: usize) -> &[u8] {
    let begin = ((number - 1) * size).min(file.len());
    &file[begin..(begin + size).min(file.len())]
}

/// Number and bytes of DATA.
fn parse_data(packet: &[u8]) -> Option<(u16, &[u8])> {
    match packet {
        [0, 3, high, low, bytes @ ..] => Some((u16::from_be_bytes([*high, *low]), bytes)),
        _ => None,
    }
}

/// What to expect of a program, in the words of TFTP.
trait Talks {
    /// The next packet, which may come from a port that is new: the first answer to a request.
    fn first(&mut self, packet: &[u8]) -> Outcome;
    /// An ERROR with this code, from any port, whatever its text.
    fn expect_error(&mut self, code: u16) -> Outcome;
    /// An OACK to these options and no others: tsize and timeout as they are here, blksize and windowsize perhaps smaller.
    /// Returns the two.
    fn granted(&mut self, options: &[(&str, &str)]) -> Outcome<(usize, usize)>;
    /// The packet, after any number of repetitions of `before`.
    fn eventually(&mut self, packet: &[u8], before: &[u8]) -> Outcome;
}

impl Talks for UdpPeer {
    fn first(&mut self, packet: &[u8]) -> Outcome {
        let Datagram { from, bytes: came } = self.receive(&describe(packet))?;
        self.keeps_to(from);
        demand(came == packet, || {
            format!("{} came, where {} was due.{}", describe(&came), describe(packet), difference(packet, &came))
        })
    }

    fn expect_error(&mut self, code: u16) -> Outcome {
        let came = self.receive(&format!("ERROR {code}"))?.bytes;
        let is_due = came.len() > 4 && came[..4] == error(code, "")[..4] && came.ends_with(&[0]);
        demand(is_due, || format!("{} came, where ERROR {code} with a text and a zero byte was due.", describe(&came)))
    }

    fn granted(&mut self, options: &[(&str, &str)]) -> Outcome<(usize, usize)> {
        let due = describe(&oack(options));
        let Datagram { from, bytes: came } = self.receive(&due)?;
        self.keeps_to(from);
        let found = if came.starts_with(&[0, 6]) && came.ends_with(&[0]) { pairs(&came[2..]) } else { Vec::new() };
        let wanted = pairs(&oack(options)[2..]);
        let value = |name: &str| found.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        let is_granted = |(name, wish): &(String, String)| match (name.as_str(), value(name)) {
            ("blksize", Some(size)) => is_at_most(size, 8, wish),
            ("windowsize", Some(blocks)) => is_at_most(blocks, 1, wish),
            (_, found) => found == Some(wish),
        };
        let is_due = found.len() == wanted.len() && wanted.iter().all(is_granted);
        demand(is_due, || format!("{} came, where {due} was due (in any order).", describe(&came)))?;
        let number = |name, default| value(name).and_then(|value| value.parse().ok()).unwrap_or(default);
        Ok((number("blksize", 512), number("windowsize", 1)))
    }

    fn eventually(&mut self, packet: &[u8], before: &[u8]) -> Outcome {
        loop {
            let came = self.receive(&describe(packet))?.bytes;
            if came == packet {
                return Ok(());
            }
            demand(came == before, || {
                format!("{} came, where {} was due.{}", describe(&came), describe(packet), difference(packet, &came))
            })?;
        }
    }
}

/// What a program must print, in a chapter where one promise is about nothing else.
trait Tells {
    /// The next line must be this one.
    fn says(&self, line: &str) -> Outcome;
    /// This line must come, perhaps after others.
    fn says_among_others(&self, line: &str) -> Outcome;
}

impl Tells for Program {
    fn says(&self, line: &str) -> Outcome {
        self.prints(line).breaking(&[promise_about(line)])
    }

    fn says_among_others(&self, line: &str) -> Outcome {
        self.prints_among_others(line).breaking(&[promise_about(line)])
    }
}

/// The client says `got …` and `put …`, the server all the rest.
fn promise_about(line: &str) -> &'static str {
    if line.starts_with("got ") || line.starts_with("put ") { "F13" } else { "F12" }
}

/// Whether this is a number from `least` to the one that was wished for.
fn is_at_most(value: &str, least: usize, wish: &str) -> bool {
    let (value, wish) = (value.parse::<usize>(), wish.parse::<usize>());
    matches!((value, wish), (Ok(value), Ok(wish)) if (least..=wish).contains(&value))
}

/// Where two packets that look alike differ.
fn difference(due: &[u8], came: &[u8]) -> String {
    if describe(due) != describe(came) {
        return String::new();
    }
    let at = due.iter().zip(came).take_while(|(due, came)| due == came).count();
    match (due.get(at), came.get(at)) {
        (Some(due), Some(came)) => format!(" They differ from byte {at} on: {came:02x}, where {due:02x} was due."),
        _ => " They differ in length.".to_owned(),
    }
}

/// `1025 bytes in 3 blocks`
fn tally(length: usize, size: usize) -> String {
    format!("{length} bytes in {} blocks", length / size + 1)
}

// Exchanges that are the same in many stages.

fn one_refusal_from_the_server(lab: &mut Lab, server: &Program) -> Outcome {
    let mut alice = lab.udp("alice", server)?;
    alice.send(rrq("no-such-file", &[]))?;
    alice.expect_error(1)?;
    server.says(&format!("refused {} \"no-such-file\": File not found", alice.address()))
}

fn one_refusal_for_the_client(_: &mut Lab, stand: UdpStand, client: &Program) -> Outcome {
    let mut server = stand.called()?;
    let due = rrq("no-such-file", &[]);
    let came = server.receive(&describe(&due))?.bytes;
    demand(is_request(&came, &due), || format!("{} came, where {} was due.", describe(&came), describe(&due)))?;
    server.send(error(1, "File not found"))?;
    client.fails(&["File not found"])
}

/// A server of a folder that waits so long before it repeats anything that it never does.
fn patient_server(lab: &mut Lab, more: &[&str]) -> Outcome<(Program, Folder)> {
    server_with_timeout(lab, "30", more)
}

/// A server of a folder that soon repeats what is not answered.
fn hasty_server(lab: &mut Lab, more: &[&str]) -> Outcome<(Program, Folder)> {
    server_with_timeout(lab, "0.15", &[&["--tries", "12"], more].concat())
}

fn server_with_timeout(lab: &mut Lab, seconds: &str, more: &[&str]) -> Outcome<(Program, Folder)> {
    let folder = lab.folder("folder")?;
    let root = folder.path().to_string_lossy().into_owned();
    let server = lab.server_with(&[&["--root", &root, "--timeout", seconds], more].concat())?;
    Ok((server, folder))
}

/// Reads on from block `from` to the end, block by block: the blocks must be those of `file`.
fn reads(peer: &mut UdpPeer, file: &[u8], from: usize, size: usize) -> Outcome {
    for number in from..=file.len() / size + 1 {
        let packet = data(number as u16, block(file, number, size));
        if number == 1 {
            peer.first(&packet)?
        } else {
            peer.expect(&packet)?
        }
        peer.send(ack(number as u16))?;
    }
    Ok(())
}

/// Writes on from block `from` to the end, block by block.
fn writes(peer: &mut UdpPeer, file: &[u8], from: usize, size: usize) -> Outcome {
    for number in from..=file.len() / size + 1 {
        peer.send(data(number as u16, block(file, number, size)))?;
        peer.expect(ack(number as u16))?;
    }
    Ok(())
}

/// A whole download in blocks of 512, with the server's lines.
fn downloads(peer: &mut UdpPeer, server: &Program, name: &str, file: &[u8]) -> Outcome {
    let address = peer.address();
    peer.send_to(server.address(), rrq(name, &[]))?;
    reads(peer, file, 1, 512)?;
    server.says_among_others(&format!("{address} reads {name:?}"))?;
    server.says_among_others(&format!("sent {name:?} to {address}: {}", tally(file.len(), 512)))
}

/// A whole upload in blocks of 512, with the server's lines.
fn uploads(peer: &mut UdpPeer, server: &Program, name: &str, file: &[u8]) -> Outcome {
    let address = peer.address();
    peer.send_to(server.address(), wrq(name, &[]))?;
    peer.first(&ack(0))?;
    writes(peer, file, 1, 512)?;
    server.says_among_others(&format!("{address} writes {name:?}"))?;
    server.says_among_others(&format!("received {name:?} from {address}: {}", tally(file.len(), 512)))
}

/// The file in the folder must be this one.
fn holds(folder: &Folder, name: &str, file: &[u8]) -> Outcome {
    let found = folder.get(name)?;
    demand(found.is_some(), || format!("There is no file {name:?}, although its transfer is complete."))?;
    let found = found.unwrap_or_default();
    let same = found.iter().zip(file).take_while(|(found, due)| found == due).count();
    demand(found == file, || {
        format!(
            "The file {name:?} has {} bytes and differs from byte {same} on; {} bytes were sent.",
            found.len(),
            file.len()
        )
    })
}

/// There must be these files in the folder, and nothing else.
fn has_only(folder: &Folder, names: &[&str]) -> Outcome {
    let found = folder.names()?;
    demand(found == names, || format!("The folder holds {found:?}, where {names:?} should be all."))
}

/// Waits until there are these files in the folder and nothing else: what a program cleans up after its last word.
fn soon_has_only(lab: &Lab, folder: &Folder, names: &[&str]) -> Outcome {
    let deadline = Instant::now() + lab.patience();
    while folder.names()? != names && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(5));
    }
    has_only(folder, names)
}

// The server.

fn sends_a_file() -> Stage {
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

fn ends_with_a_short_block() -> Stage {
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

fn says_that_there_is_no_such_file() -> Stage {
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

fn takes_a_file() -> Stage {
    Stage::server("An upload is the same with the roles swapped")
        .promises(["F5", "F12"])
        .why(
            "The client asks with WRQ, and ACK 0 tells it that the server is ready. From then on the client has the file, and the \
             server acknowledges.",
        )
        .hints([
            "What is acknowledged before there is any block?",
            "ACK 0 answers the request, from the transfer's own port; ACK n answers DATA n. A block that is not full is the last.",
            "link.send(&ack(0))?; then for each DATA with the next number: write it, and send ack(number)",
        ])
        .story(|lab| {
            let (server, folder) = patient_server(lab, &[])?;
            let file = content(1025);
            let mut alice = lab.udp("alice", &server)?;
            alice.send(wrq("up.bin", &[]))?;
            alice.first(&ack(0))?;
            demand(alice.partner()?.port() != server.address().port(), || {
                "Your server answers from the port of the requests; every transfer has a port of its own.".to_owned()
            })?;
            writes(&mut alice, &file, 1, 512)?;
            server.says(&format!("{} writes \"up.bin\"", alice.address()))?;
            server.says(&format!("received \"up.bin\" from {}: 1025 bytes in 3 blocks", alice.address()))?;
            holds(&folder, "up.bin", &file)?;
            downloads(&mut alice, &server, "up.bin", &file)
        })
}

fn takes_files_of_every_size() -> Stage {
    Stage::server("Uploads of 0, 1, 511, 512 and 513 bytes arrive whole")
        .promises(["F5", "F6"])
        .why("The end of a file is its first block that is not full, in both directions.")
        .hints([
            "When is an upload complete in your server?",
            "After a block of less than 512 bytes, be it empty.",
            "if bytes.len() < 512 { file.complete()?; }, before that block is acknowledged",
        ])
        .story(|lab| {
            let (server, folder) = patient_server(lab, &[])?;
            let mut alice = lab.udp("alice", &server)?;
            for size in [0, 1, 511, 512, 513] {
                let name = format!("up-{size}");
                uploads(&mut alice, &server, &name, &content(size))?;
                holds(&folder, &name, &content(size))?;
            }
            soon_has_only(lab, &folder, &["up-0", "up-1", "up-511", "up-512", "up-513"])
        })
}

fn serves_the_folder_it_was_started_in() -> Stage {
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

fn waits_for_each_ack() -> Stage {
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
            // An ACK from the past says nothing about block 1.
            alice.send(ack(0))?;
            alice.send(ack(65535))?;
            alice.expect_silence(Duration::from_millis(50))?;
            alice.send(ack(1))?;
            reads(&mut alice, &file, 2, 512)?;
            server.says_among_others(&format!("sent \"file\" to {}: {}", alice.address(), tally(1300, 512)))?;
            server.says(&format!("{} reads \"file\"", alice.address()))
        })
}

fn serves_several_at_a_time() -> Stage {
    Stage::server("Transfers run side by side, and one that stalls slows no other")
        .promises(["F11", "F1", "F5"])
        .why(
            "A transfer takes as long as its client likes. Its port tells a server which packet belongs to which transfer; a thread \
             or an event loop lets it care for all of them.",
        )
        .hints([
            "What happens to a second request while a file is being sent?",
            "Receive requests in one loop, and hand each to a thread with a socket of its own.",
            "thread::spawn(move || Transfer { … }.attend()), and around to `recv_from` again",
        ])
        .story(|lab| {
            let (server, folder) = patient_server(lab, &[])?;
            let files = [content(1300), content(700), content(2000)];
            folder.put("a", &files[0])?;
            folder.put("c", &files[2])?;
            let mut stalled = lab.udp("mallory", &server)?;
            stalled.send(rrq("a", &[]))?;
            stalled.first(&data(1, &files[0][..512]))?;
            let mut alice = lab.udp("alice", &server)?;
            let mut bob = lab.udp("bob", &server)?;
            let mut carol = lab.udp("carol", &server)?;
            alice.send(rrq("a", &[]))?;
            bob.send(wrq("b", &[]))?;
            carol.send(rrq("c", &[]))?;
            carol.first(&data(1, &files[2][..512]))?;
            bob.first(&ack(0))?;
            alice.first(&data(1, &files[0][..512]))?;
            let ports = [&stalled, &alice, &bob, &carol].map(|peer| peer.partner().map(|address| address.port()));
            let mut ports = ports.into_iter().collect::<Outcome<Vec<_>>>()?;
            ports.sort_unstable();
            ports.dedup();
            demand(ports.len() == 4, || "Your server uses one port for several transfers.".to_owned())?;
            carol.send(ack(1))?;
            reads(&mut carol, &files[2], 2, 512)?;
            writes(&mut bob, &files[1], 1, 512)?;
            alice.send(ack(1))?;
            reads(&mut alice, &files[0], 2, 512)?;
            stalled.send(ack(1))?;
            reads(&mut stalled, &files[0], 2, 512)?;
            for (peer, name) in [(&stalled, "a"), (&alice, "a"), (&carol, "c")] {
                let length = files[usize::from(name == "c") * 2].len();
                server.says_among_others(&format!("{} reads {name:?}", peer.address()))?;
                server.says_among_others(&format!("sent {name:?} to {}: {}", peer.address(), tally(length, 512)))?;
            }
            server.says_among_others(&format!("{} writes \"b\"", bob.address()))?;
            server.says_among_others(&format!("received \"b\" from {}: {}", bob.address(), tally(700, 512)))?;
            holds(&folder, "b", &files[1])?;
            lab.in_short("many", "read the same file at the same time", |lab| {
                let mut readers = (0..40).map(|_| lab.udp("one of many", &server)).collect::<Outcome<Vec<_>>>()?;
                readers.iter().try_for_each(|reader| reader.send(rrq("a", &[])))?;
                readers.iter_mut().rev().try_for_each(|reader| reader.first(&data(1, &files[0][..512])))?;
                for reader in &mut readers {
                    reader.send(ack(1))?;
                    reads(reader, &files[0], 2, 512)?;
                }
                Ok(())
            })?;
            lab.lowers_the_curtain()
        })
}

fn is_not_slowed_by_who_stalls() -> Stage {
    Stage::server("While one transfer waits and repeats, the others go on as ever")
        .promises(["F11"])
        .why(
            "A server that sleeps before it sends again sleeps for all its clients. What one transfer waits for, the others must not feel.",
        )
        .hints([
            "What does the rest of your server do while one transfer waits for its ACK?",
            "Threads wait by themselves. An event loop must never sleep: it waits for packets until the nearest timeout of all transfers.",
            "each transfer in a thread of its own, with a socket of its own and `set_read_timeout`",
        ])
        .story(|lab| {
            lab.steadily(|lab| {
                let (server, folder) = server_with_timeout(lab, "0.1", &["--tries", "30"])?;
                folder.put("file", content(600))?;
                let stalled = (0..3).map(|_| lab.udp("mallory", &server)).collect::<Outcome<Vec<_>>>()?;
                stalled.iter().try_for_each(|peer| peer.send(rrq("file", &[])))?;
                let mut alice = lab.udp("alice", &server)?;
                lab.in_short("alice", "reads again and again, and is never kept waiting", |_| {
                    let began = Instant::now();
                    while began.elapsed() < Duration::from_millis(700) {
                        let asked = Instant::now();
                        alice.send_to(server.address(), rrq("file", &[]))?;
                        reads(&mut alice, &content(600), 1, 512)?;
                        let took = asked.elapsed().as_millis();
                        demand(took < 300, || format!("A file of two blocks took {took} ms while other transfers stalled."))?;
                    }
                    Ok(())
                })?;
                stalled.into_iter().try_for_each(|mut peer| peer.forgets_what_waits())?;
                lab.lowers_the_curtain()
            })
        })
}

fn outlives_many_transfers() -> Stage {
    Stage::server("However transfers end, the server has room for the next")
        .promises(["C6", "F11", "F2"])
        .why(
            "What a transfer took (a thread, a socket, a place in a table) must come back at every end: a good one, an ERROR, a peer that \
             falls silent. What is lost each time is a server that stops after some days.",
        )
        .hints([
            "Where is it noted in your server that a transfer is over?",
            "At every end, not only at the good one. What a scope owns goes with the scope.",
            "let link = …; let file = …; both are closed when the thread's function returns, whichever way",
        ])
        .story(|lab| {
            const TIMES: usize = 70;
            let (server, folder) = patient_server(lab, &[])?;
            folder.put("file", "words")?;
            lab.in_short("many", "ask, and end it in every way there is", |lab| {
                for number in 0..TIMES {
                    let mut peers =
                        (0..4).map(|_| lab.udp("one of many", &server)).collect::<Outcome<Vec<_>>>()?;
                    let [reader, writer, lost, content] = &mut peers[..] else { return Ok(()) };
                    reader.send(rrq("file", &[]))?;
                    reader.first(&data(1, b"words"))?;
                    reader.send(error(0, "enough"))?;
                    writer.send(wrq(&format!("up-{number}"), &[]))?;
                    writer.first(&ack(0))?;
                    writer.send(error(0, "enough"))?;
                    lost.send(rrq("no-such-file", &[]))?;
                    lost.expect_error(1)?;
                    content.send(rrq("file", &[]))?;
                    content.first(&data(1, b"words"))?;
                    content.send(ack(1))?;
                }
                Ok(())
            })?;
            let mut alice = lab.udp("alice", &server)?;
            downloads(&mut alice, &server, "file", b"words")?;
            soon_has_only(lab, &folder, &["file"])?;
            lab.lowers_the_curtain()
        })
}

fn outlives_many_who_fall_silent() -> Stage {
    Stage::server("However many fall silent, the server has room for the next")
        .promises(["C6", "F2", "F11"])
        .why("Giving up is an end like any other: what the transfer took must come back.")
        .hints([
            "What does your server do with the socket of a transfer that it has given up?",
            "It is closed, and whatever counts transfers counts one less.",
            "return Err(Broken::NoAnswer { tries }), and all that the function owned goes",
        ])
        .story(|lab| {
            let (server, folder) = server_with_timeout(lab, "0.05", &["--tries", "1"])?;
            folder.put("file", "words")?;
            lab.in_short("many", "ask, and do not answer", |lab| {
                for _ in 0..5 {
                    let mut silent = (0..14).map(|_| lab.udp("one of many", &server)).collect::<Outcome<Vec<_>>>()?;
                    silent.iter().try_for_each(|peer| peer.send(rrq("file", &[])))?;
                    silent.iter_mut().try_for_each(|peer| peer.first(&data(1, b"words")))?;
                    for peer in &silent {
                        let line = format!("gave up on {} \"file\": no answer after 1 tries", peer.address());
                        server.says_among_others(&line)?;
                    }
                }
                Ok(())
            })?;
            one_refusal_at_last(lab, &server)?;
            lab.lowers_the_curtain()
        })
}

/// A refusal that comes, whatever lines may still wait to be read.
fn one_refusal_at_last(lab: &mut Lab, server: &Program) -> Outcome {
    let mut alice = lab.udp("alice", server)?;
    alice.send(rrq("no-such-file", &[]))?;
    alice.expect_error(1)?;
    server.says_among_others(&format!("refused {} \"no-such-file\": File not found", alice.address()))
}

fn serves_over_ipv6() -> Stage {
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

fn knows_its_limits() -> Stage {
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

fn gives_each_packet_all_its_tries() -> Stage {
    Stage::server("Each packet has all its tries, and the last one is waited for like the others")
        .promises(["F2"])
        .why(
            "On a network that loses every second packet each block comes through at its second try, and the file as a whole, too: if the \
             tries are those of a block. Counted over the file, they are soon used up.",
        )
        .hints([
            "When does your server begin to count the tries anew?",
            "With every progress. And after the last try there is one more wait, before it gives up.",
            "self.patience.renew() when an ACK brings something new",
        ])
        .story(|lab| {
            lab.steadily(|lab| {
                let (server, folder) = server_with_timeout(lab, "0.1", &["--tries", "3"])?;
                let file = content(2000);
                folder.put("file", &file)?;
                let mut alice = lab.udp("alice", &server)?;
                lab.in_short("alice", "reads and writes, and answers each packet when it comes again", |_| {
                    alice.send(rrq("file", &[]))?;
                    alice.first(&data(1, &file[..512]))?;
                    for number in 1..=4 {
                        alice.expect(data(number, block(&file, number.into(), 512)))?;
                        alice.send(ack(number))?;
                        if number < 4 {
                            alice.expect(data(number + 1, block(&file, usize::from(number) + 1, 512)))?;
                        }
                    }
                    alice.send_to(server.address(), wrq("up", &[]))?;
                    alice.first(&ack(0))?;
                    for number in 1..=4 {
                        alice.expect(ack(number - 1))?;
                        alice.send(data(number, block(&file, number.into(), 512)))?;
                        alice.expect(ack(number))?;
                    }
                    Ok(())
                })?;
                holds(&folder, "up", &file)?;
                lab.lowers_the_curtain()
            })?;
            lab.steadily(|lab| {
                let (server, folder) = server_with_timeout(lab, "0.3", &["--tries", "2"])?;
                folder.put("file", "words")?;
                let mut alice = lab.udp("alice", &server)?;
                alice.send(rrq("file", &[]))?;
                alice.first(&data(1, b"words"))?;
                alice.expect(data(1, b"words"))?;
                alice.expect_silence(Duration::from_millis(30))?;
                alice.send(ack(1))?;
                server.says(&format!("{} reads \"file\"", alice.address()))?;
                server.says(&format!("sent \"file\" to {}: 5 bytes in 1 blocks", alice.address()))
            })
        })
}

/// Each request must be refused with its code, and the line that says so.
fn refuses(lab: &mut Lab, server: &Program, requests: &[(Vec<u8>, &str, u16)]) -> Outcome {
    let mut mallory = lab.udp("mallory", server)?;
    for (packet, name, code) in requests {
        mallory.send_to(server.address(), packet)?;
        mallory.expect_error(*code)?;
        says_refused(server, &mallory, name, *code)?;
    }
    Ok(())
}

/// The line about a refusal. Its reason is given for one case; in others, the words are the program's own.
fn says_refused(server: &Program, peer: &UdpPeer, name: &str, code: u16) -> Outcome {
    let begin = format!("refused {} {name:?}: ", peer.address());
    if code == 1 {
        return server.says(&format!("{begin}File not found"));
    }
    let line = server.next_line(&begin).breaking(&["F12"])?;
    let is_refusal = line.starts_with(&begin) && line.len() > begin.len();
    demand(is_refusal, || format!("Your server printed `{line}`, where `{begin}…` was due, with the reason."))
        .breaking(&["F12"])
}

fn keeps_within_its_folder() -> Stage {
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
            let (next_door, root) = ("root-2", outside.file("root"));
            for folder in [next_door, "root", "root/x"] {
                std::fs::create_dir(outside.path().join(folder))?;
            }
            outside.put("root-2/secret", "not for you")?;
            outside.put("root/ours", "for you")?;
            outside.put("root/two..dots", "for you, too")?;
            let server = lab.server_with(&["--root", &root, "--timeout", "30", "--overwrite"])?;
            let up_and_over = format!("../{next_door}/secret");
            let deeper = format!("x/../../{next_door}/secret");
            let (new, above) = (format!("../{next_door}/new"), "../secret".to_owned());
            let violations: Vec<_> = [
                (rrq(&up_and_over, &[]), &up_and_over),
                (rrq(&deeper, &[]), &deeper),
                (wrq(&up_and_over, &[]), &up_and_over),
                (wrq(&new, &[]), &new),
                (rrq(&above, &[]), &above),
            ]
            .into_iter()
            .map(|(packet, name)| (packet, name.as_str(), 2))
            .collect();
            lab.in_short("mallory", "asks for files outside: refused", |lab| refuses(lab, &server, &violations))?;
            // An absolute path is one below the root, where there is none, or a violation.
            let mut mallory = lab.udp("mallory", &server)?;
            lab.in_short("mallory", "asks for an absolute path outside: refused", |_| {
                let absolute = outside.file("secret");
                mallory.send(rrq(&absolute, &[]))?;
                let came = mallory.receive("ERROR 1 or 2")?.bytes;
                let refused = matches!(came[..], [0, 5, 0, 1 | 2, ..]);
                demand(refused, || format!("{} came, where ERROR 1 or 2 was due.", describe(&came)))?;
                says_refused(&server, &mallory, &absolute, came[3].into())
            })?;
            has_only(&outside, &["root", "root-2", "secret"])?;
            holds(&outside, "root-2/secret", b"not for you")?;
            let found = std::fs::read_dir(outside.path().join(next_door))?.count();
            demand(found == 1, || "Somebody has written beside the folder.".to_owned())?;
            let mut alice = lab.udp("alice", &server)?;
            downloads(&mut alice, &server, "ours", b"for you")?;
            downloads(&mut alice, &server, "two..dots", b"for you, too")
        })
}

fn follows_no_symlink_out() -> Stage {
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
            // A link to nowhere is replaced, or refused: nothing appears where it leads.
            let mut mallory = lab.udp("mallory", &server)?;
            lab.in_short("mallory", "writes to a link that leads to nowhere: nothing gets out", |_| {
                mallory.send(wrq("dangling", &[]))?;
                let came = mallory.receive("ACK 0 or an ERROR")?.bytes;
                if came == ack(0) {
                    writes(&mut mallory, b"words", 1, 512)?;
                    server.next_line("writes")?;
                    server.next_line("received")?;
                } else {
                    demand(came.starts_with(&[0, 5]), || format!("{} came, where ACK 0 or an ERROR was due.", describe(&came)))?;
                    server.next_line("refused")?;
                }
                Ok(())
            })?;
            has_only(&outside, &["secret"])?;
            holds(&outside, "secret", b"not for you")
        })
}

#[cfg(unix)]
fn link(to: &str, at: &str) -> Outcome {
    Ok(std::os::unix::fs::symlink(to, at)?)
}

#[cfg(not(unix))]
fn link(_: &str, _: &str) -> Outcome {
    scenario::skip("on this system not everybody may make symlinks")
}

fn refuses_what_is_no_file() -> Stage {
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

fn overwrites_only_when_told() -> Stage {
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

/// The room that there is in a folder for some stages, and a file that is too large for it.
const LITTLE_ROOM: u64 = 128 << 10;
const LARGE: usize = 200 << 10;

fn tells_when_the_disk_is_full() -> Stage {
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
                let began = Instant::now();
                loop {
                    bob.send_to(server.address(), wrq("small", &[]))?;
                    bob.first(&ack(0))?;
                    // What is left of alice's file is perhaps removed just now.
                    match writes_until_refused(&mut bob, &content(LITTLE_ROOM as usize * 3 / 4))? {
                        None => return Ok(()),
                        Some(_) => demand(began.elapsed() < lab.patience(), || {
                            "What was left of the upload that broke off still fills the disk.".to_owned()
                        })?,
                    }
                }
            })?;
            lab.lowers_the_curtain()
        })
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

fn refuses_what_makes_no_sense() -> Stage {
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
                let nonsense: [&[u8]; 10] = [
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
                for packet in nonsense {
                    mallory.send_to(server.address(), packet)?;
                    mallory.expect_error(4)?;
                }
                Ok(())
            })?;
            for mode in ["mail", "MAIL", "octets", "x"] {
                mallory.send_to(server.address(), request(1, "file", mode, &[]))?;
                mallory.expect_error(4)?;
            }
            // How many of these it answers, and with what, is its own affair.
            let odd: [&[u8]; 9] = [
                b"\x00\x01file\x00octet\x00blksize\x00",
                b"\x00\x01file\x00octet\x00blksize\x001024",
                b"\x00\x01file\x00octet\x00\x00\x00",
                b"\x00\x01file\x00octet\x00\xff\xfe\x00\xff\x00",
                b"\x00\x02new\x00octet\x00tsize\x00",
                b"",
                b"\x00",
                b"\x05",
                &oack(&[]),
            ];
            for packet in odd.into_iter().chain([&ack(0)[..], &data(1, b"x")]) {
                mallory.send_to(server.address(), packet)?;
            }
            let mut alice = lab.udp("alice", &server)?;
            lab.in_short("alice", "reads a file all the same", |_| downloads(&mut alice, &server, "file", b"yes"))?;
            mallory.forgets_what_waits()?;
            // A line about any of them may be there, and need not.
            lab.lowers_the_curtain()
        })
}

fn never_answers_an_error() -> Stage {
    Stage::server("An ERROR is never answered")
        .promises(["F7", "C6"])
        .why("If errors were answered with errors, two programs could go on for ever, each telling the other that it is wrong.")
        .hints([
            "What does your server send when an ERROR comes to its port?",
            "Nothing; also when the ERROR is cut off. An ERROR on the port of a transfer is the end of that transfer.",
            "if !is_error(packet) { socket.send_to(&error(…), peer)?; }",
        ])
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

fn prints_names_escaped() -> Stage {
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

fn sends_data_again() -> Stage {
    Stage::server("A block that is not acknowledged in time is sent again")
        .promises(["F2", "F1"])
        .why("Whether the DATA was lost or its ACK, the sender sees the same: nothing. So it sends the same again.")
        .hints([
            "What happens in your server when no ACK comes?",
            "The wait needs `set_read_timeout`. When it is over, the last packet goes out once more.",
            "let Some(packet) = link.receive(patience.until())? else { patience.once_more()?; self.resend()?; continue };",
        ])
        .story(|lab| {
            let (server, folder) = hasty_server(lab, &[])?;
            let file = content(1100);
            folder.put("file", &file)?;
            let mut alice = lab.udp("alice", &server)?;
            lab.in_short("alice", "acknowledges each block when it has come a second time", |_| {
                alice.send(rrq("file", &[]))?;
                alice.first(&data(1, &file[..512]))?;
                for number in 1..=3 {
                    let this = data(number, block(&file, number.into(), 512));
                    if number > 1 {
                        let before = data(number - 1, block(&file, usize::from(number) - 1, 512));
                        alice.eventually(&this, &before)?;
                    }
                    let sent = Instant::now();
                    let before = if number > 1 { data(number - 1, block(&file, usize::from(number) - 1, 512)) } else { this.clone() };
                    alice.eventually(&this, &before).or_rather("It was not acknowledged.")?;
                    demand(sent.elapsed() < Duration::from_secs(3), || {
                        "Your server took more than 3 s to send a block again, with `--timeout 0.15`.".to_owned()
                    })?;
                    alice.send(ack(number))?;
                }
                Ok(())
            })?;
            server.says(&format!("{} reads \"file\"", alice.address()))?;
            server.says(&format!("sent \"file\" to {}: {}", alice.address(), tally(1100, 512)))?;
            alice.forgets_what_waits()
        })
}

fn sends_acks_again() -> Stage {
    Stage::server("On an upload, the last ACK is sent again when no block comes")
        .promises(["F2", "F5"])
        .why(
            "If both sides only ever answered, one lost packet would leave both waiting for the other. RFC 1350 lets both sides \
             keep time.",
        )
        .hints([
            "What happens in your server when it has sent ACK 0 and nothing comes?",
            "Keep what you sent last, and send it again when the time is up.",
            "let Some(packet) = link.receive(patience.until())? else { patience.once_more()?; return self.repeat(); };",
        ])
        .story(|lab| {
            let (server, folder) = hasty_server(lab, &[])?;
            let mut alice = lab.udp("alice", &server)?;
            lab.in_short("alice", "sends each block when the ACK before it has come a second time", |_| {
                alice.send(wrq("up", &[]))?;
                alice.first(&ack(0))?;
                alice.eventually(&ack(0), &ack(0)).or_rather("No block followed.")?;
                alice.send(data(1, &content(512)))?;
                alice.eventually(&ack(1), &ack(0))?;
                alice.eventually(&ack(1), &ack(0)).or_rather("No block followed.")?;
                alice.send(data(2, b"end"))?;
                alice.eventually(&ack(2), &ack(1))
            })?;
            server.says(&format!("{} writes \"up\"", alice.address()))?;
            server.says(&format!("received \"up\" from {}: 515 bytes in 2 blocks", alice.address()))?;
            holds(&folder, "up", &[&content(512)[..], b"end"].concat())?;
            alice.forgets_what_waits()
        })
}

fn waits_as_long_as_it_was_told() -> Stage {
    Stage::server("--timeout is the time between two tries, and 1 second without it")
        .promises(["F2", "C8"])
        .why(
            "How long an answer may take depends on the network, and its user knows it better than the program. Sending again too \
             early doubles the load just when the network is slow.",
        )
        .hints([
            "Where does the value of `--timeout` go in your program?",
            "It bounds the first wait for each packet that is new; the waits after it may double.",
            "Patience::new(terms.timeout, terms.tries), and `renew` with every progress",
        ])
        .story(|lab| {
            for (options, silence) in [(&["--timeout", "3"][..], 400), (&[], 600)] {
                lab.steadily(|lab| {
                    let folder = lab.folder("folder")?;
                    folder.put("file", "all")?;
                    let root = folder.path().to_string_lossy().into_owned();
                    let server = lab.server_with(&[&["--root", &root], options].concat())?;
                    let mut alice = lab.udp("alice", &server)?;
                    alice.send(rrq("file", &[]))?;
                    alice.first(&data(1, b"all"))?;
                    alice.expect_silence(Duration::from_millis(silence))?;
                    alice.send(ack(1))?;
                    server.says(&format!("{} reads \"file\"", alice.address()))?;
                    server.says(&format!("sent \"file\" to {}: 3 bytes in 1 blocks", alice.address()))
                })?;
            }
            lab.steadily(|lab| {
                let (server, folder) = server_with_timeout(lab, "0.1", &["--tries", "12"])?;
                folder.put("file", "all")?;
                let mut alice = lab.udp("alice", &server)?;
                alice.send(rrq("file", &[]))?;
                alice.first(&data(1, b"all"))?;
                soon(&mut alice, &data(1, b"all"), "server")?;
                alice.send(ack(1))?;
                server.says(&format!("{} reads \"file\"", alice.address()))?;
                server.says(&format!("sent \"file\" to {}: 3 bytes in 1 blocks", alice.address()))?;
                alice.forgets_what_waits()
            })
        })
}

/// The packet must come again, and soon: the program was told to wait for a tenth of a second.
fn soon(peer: &mut UdpPeer, packet: &[u8], role: &str) -> Outcome {
    let before = Instant::now();
    peer.expect(packet)?;
    demand(before.elapsed() < Duration::from_millis(700), || {
        format!("Your {role} took {} ms for a wait of 100 ms (`--timeout 0.1`).", before.elapsed().as_millis())
    })
}

fn gives_up() -> Stage {
    Stage::server("After --tries it gives up, on that transfer alone")
        .promises(["F2", "F12", "F6", "C6"])
        .why("A client may be gone for good. Each transfer that waits for one costs memory, a port, perhaps a thread.")
        .hints([
            "How often does your server send the same packet?",
            "Count the tries, the first one too; progress gives them all back. What an upload has left behind is removed.",
            "if self.left == 0 { return Err(Broken::NoAnswer { tries }) }, and `gave up on PEER \"x\": no answer after 3 tries`",
        ])
        .story(|lab| {
            let (server, folder) = server_with_timeout(lab, "0.05", &["--tries", "3"])?;
            folder.put("file", content(100))?;
            let mut reader = lab.udp("alice", &server)?;
            let mut writer = lab.udp("bob", &server)?;
            // One who has more time, and is not given up with the others.
            let mut slow = lab.udp("carol", &server)?;
            slow.send(rrq("file", &[("timeout", "30")]))?;
            slow.granted(&[("timeout", "30")])?;
            server.says(&format!("{} reads \"file\"", slow.address()))?;
            reader.send(rrq("file", &[]))?;
            reader.first(&data(1, &content(100)))?;
            reader.expect(data(1, &content(100)))?;
            reader.expect(data(1, &content(100)))?;
            server.says(&format!("{} reads \"file\"", reader.address()))?;
            server.says(&format!("gave up on {} \"file\": no answer after 3 tries", reader.address()))?;
            writer.send(wrq("up", &[]))?;
            writer.first(&ack(0))?;
            writer.expect(ack(0))?;
            writer.expect(ack(0))?;
            server.says(&format!("{} writes \"up\"", writer.address()))?;
            server.says(&format!("gave up on {} \"up\": no answer after 3 tries", writer.address()))?;
            slow.send(ack(0))?;
            slow.expect(data(1, &content(100))).or_rather("Others were given up, and this transfer with them.")?;
            slow.send(ack(1))?;
            server.says(&format!("sent \"file\" to {}: 100 bytes in 1 blocks", slow.address()))?;
            soon_has_only(lab, &folder, &["file"])?;
            one_refusal_from_the_server(lab, &server)
        })
}

fn wakes_no_sorcerers_apprentice() -> Stage {
    Stage::server("A repeated ACK is answered by nothing")
        .promises(["F3"])
        .why(
            "The Sorcerer's Apprentice (RFC 1123, section 4.2.3.1): one ACK that a network repeats, answered by DATA twice, is answered by two \
             ACKs, and from then on everything is sent twice, to the end of the file.",
        )
        .hints([
            "What does your server do with ACK 1 when it waits for ACK 2?",
            "Nothing. Only the ACK of the newest block lets the next one go; only time makes it repeat.",
            "match block.wrapping_sub(acknowledged) { 0 => {}, 1 => return Ok(()), _ => {} }",
        ])
        .story(|lab| {
            let (server, folder) = patient_server(lab, &[])?;
            let file = content(2100);
            folder.put("file", &file)?;
            let mut alice = lab.udp("alice", &server)?;
            alice.send(rrq("file", &[]))?;
            alice.first(&data(1, &file[..512]))?;
            let mut stranger = lab.udp_stranger()?;
            for number in 1..=4 {
                alice.send(ack(number))?;
                alice.send(ack(number))?;
                alice.send(ack(number - 1))?;
                alice.expect(data(number + 1, block(&file, usize::from(number) + 1, 512)))?;
                has_no_more_to_say(&alice, alice.partner()?, &mut stranger)?;
            }
            alice.send(ack(5))?;
            server.says(&format!("{} reads \"file\"", alice.address()))?;
            server.says(&format!("sent \"file\" to {}: {}", alice.address(), tally(2100, 512)))?;
            // ACK 0, which answers an OACK, is no exception.
            alice.send_to(server.address(), rrq("file", &[("tsize", "0")]))?;
            alice.granted(&[("tsize", "2100")])?;
            alice.send(ack(0))?;
            alice.send(ack(0))?;
            alice.expect(data(1, &file[..512]))?;
            has_no_more_to_say(&alice, alice.partner()?, &mut stranger)?;
            alice.send(ack(1))?;
            reads(&mut alice, &file, 2, 512)?;
            server.says(&format!("{} reads \"file\"", alice.address()))?;
            server.says(&format!("sent \"file\" to {}: {}", alice.address(), tally(2100, 512)))
        })
}

/// When a stranger has been turned away, all that was sent before has been looked at. Nothing more may have come of it.
fn has_no_more_to_say(peer: &UdpPeer, program: SocketAddr, stranger: &mut UdpPeer) -> Outcome {
    stranger.send_to(program, ack(7))?;
    stranger.expect_error(5)?;
    let more = peer.has_mail(Duration::from_millis(5))?;
    demand(!more, || "A repeated ACK was answered, where only a new one lets the next block go.".to_owned())
}

fn turns_strangers_away() -> Stage {
    Stage::server("A packet from another port gets ERROR 5, and disturbs nothing")
        .promises(["F4"])
        .why(
            "Address and port name the two ends of a transfer. A packet from elsewhere is an old transfer's, or forged; its sender is told, \
             and the transfer goes on. It is the only error that ends nothing (RFC 1350, section 2).",
        )
        .hints([
            "What does your transfer do with the address that `recv_from` returns?",
            "Compare it with the client's. Whoever else it is gets ERROR 5, unless what came is an ERROR itself.",
            "Some((length, from)) if from == self.peer => …, Some((length, from)) => self.turn_away(from, …)",
        ])
        .story(|lab| {
            let (server, folder) = patient_server(lab, &[])?;
            let file = content(1100);
            folder.put("file", &file)?;
            let mut alice = lab.udp("alice", &server)?;
            let mut stranger = lab.udp_stranger()?;
            alice.send(rrq("file", &[]))?;
            alice.first(&data(1, &file[..512]))?;
            let port = alice.partner()?;
            for packet in [ack(1), data(1, b"no"), rrq("file", &[])] {
                stranger.send_to(port, packet)?;
                stranger.expect_error(5)?;
            }
            stranger.send_to(port, error(0, "stop it"))?;
            // At another address, with alice's port.
            if let Some(mut namesake) = lab.udp_namesake(&alice)? {
                namesake.send_to(port, ack(1))?;
                namesake.expect_error(5)?;
            }
            alice.send(ack(1))?;
            alice.expect(data(2, block(&file, 2, 512)))?;
            stranger.send_to(port, ack(2))?;
            stranger.expect_error(5)?;
            alice.send(ack(2))?;
            reads(&mut alice, &file, 3, 512)?;
            server.says(&format!("{} reads \"file\"", alice.address()))?;
            server.says(&format!("sent \"file\" to {}: {}", alice.address(), tally(1100, 512)))?;
            alice.send_to(server.address(), wrq("up", &[]))?;
            alice.first(&ack(0))?;
            let port = alice.partner()?;
            stranger.send_to(port, data(1, b"forged"))?;
            stranger.expect_error(5)?;
            stranger.send_to(port, error(3, "no room"))?;
            writes(&mut alice, &file, 1, 512)?;
            server.says(&format!("{} writes \"up\"", alice.address()))?;
            server.says(&format!("received \"up\" from {}: {}", alice.address(), tally(1100, 512)))?;
            holds(&folder, "up", &file)
        })
}

fn is_not_kept_waiting_by_others() -> Stage {
    Stage::server("Strangers and repeated ACKs do not prolong the wait")
        .promises(["F2", "F4"])
        .why(
            "A read timeout bounds one call. If every packet that is not the one waited for starts a new wait, whoever sends some often \
             enough keeps the transfer waiting for ever.",
        )
        .hints([
            "When does your wait for an ACK begin, and what begins it anew?",
            "Note the time at which it ends, and wait only for what is left of it after each packet that is not the one.",
            "let left = until.saturating_duration_since(Instant::now()); if left.is_zero() { return Ok(None); }",
        ])
        .story(|lab| {
            let (server, folder) = server_with_timeout(lab, "0.5", &[])?;
            let file = content(600);
            folder.put("file", &file)?;
            let mut alice = lab.udp("alice", &server)?;
            let mut stranger = lab.udp_stranger()?;
            alice.send(rrq("file", &[]))?;
            alice.first(&data(1, &file[..512]))?;
            lab.in_short("stranger", "and alice send what is not waited for, all the time", |lab| {
                comes_again_amid_noise(lab, &mut alice, &data(1, &file[..512]), |alice| {
                    stranger.send_to(alice.partner()?, ack(1))?;
                    alice.send(ack(0))
                })
                .or_rather("Your server does not send a block again as long as others talk to it.")?;
                alice.send(ack(1))?;
                alice.eventually(&data(2, &file[512..]), &data(1, &file[..512]))?;
                alice.send(ack(2))
            })?;
            server.says(&format!("{} reads \"file\"", alice.address()))?;
            server.says(&format!("sent \"file\" to {}: {}", alice.address(), tally(600, 512)))?;
            alice.forgets_what_waits()?;
            stranger.forgets_what_waits()
        })
}

/// The packet must come again from a program that has a timeout of half a second, although the noise never ceases. Where
/// the lab was held up, and there was a pause, it must come once more.
fn comes_again_amid_noise(
    lab: &Lab,
    peer: &mut UdpPeer,
    packet: &[u8],
    noise: impl Fn(&UdpPeer) -> Outcome,
) -> Outcome {
    for _ in 0..3 {
        let (began, mut last, mut longest) = (Instant::now(), Instant::now(), Duration::ZERO);
        while !peer.has_mail(Duration::from_millis(20))? {
            let waited = began.elapsed();
            demand(waited < lab.patience(), || format!("Nothing came for {} s.", waited.as_secs()))?;
            noise(peer)?;
            longest = longest.max(last.elapsed());
            last = Instant::now();
        }
        peer.expect(packet)?;
        if longest.max(last.elapsed()) < Duration::from_millis(250) {
            break;
        }
    }
    Ok(())
}

fn writes_repeated_data_once() -> Stage {
    Stage::server("Repeated DATA is acknowledged again, and written once")
        .promises(["F5"])
        .why(
            "When an ACK is lost, its DATA comes again. The receiver has it already; but the sender will not go on before it hears so.",
        )
        .hints([
            "What does your server do with a block that it has already?",
            "It sends the ACK again, and does not write. A block from the future is no block to write, either.",
            "match block.wrapping_sub(blocks) { 1 => write and acknowledge, 2..0x8000 => {}, _ => acknowledge again }",
        ])
        .story(|lab| {
            let (server, folder) = patient_server(lab, &[])?;
            let file = content(1100);
            let mut alice = lab.udp("alice", &server)?;
            alice.send(wrq("up", &[]))?;
            alice.first(&ack(0))?;
            for number in [1, 1, 2, 2, 2] {
                alice.send(data(number, block(&file, number.into(), 512)))?;
                alice.expect(ack(number))?;
            }
            // A block that is not due yet must not be taken for the one that is.
            alice.send(data(5, &content(512)))?;
            alice.send(data(3, block(&file, 3, 512)))?;
            alice.eventually(&ack(3), &ack(2))?;
            server.says(&format!("{} writes \"up\"", alice.address()))?;
            server.says(&format!("received \"up\" from {}: {}", alice.address(), tally(1100, 512)))?;
            holds(&folder, "up", &file)
        })
}

fn acknowledges_the_last_block_again() -> Stage {
    Stage::server("A repeated last block is acknowledged for one timeout after the end")
        .promises(["F5"])
        .why(
            "Nobody acknowledges the last ACK. If it is lost, the client asks again; a server that is gone by then leaves it in \
             doubt about a file that is all there. Staying a while is called dallying (RFC 1350, section 6).",
        )
        .hints([
            "What does your server do after the last ACK?",
            "It keeps the socket for one more timeout, and acknowledges the last block as often as it comes.",
            "dally(&mut link, …): until now + timeout, receive, and answer the last block's DATA with its ACK",
        ])
        .story(|lab| {
            let (server, folder) = patient_server(lab, &[])?;
            let file = content(600);
            let mut alice = lab.udp("alice", &server)?;
            alice.send(wrq("up", &[]))?;
            alice.first(&ack(0))?;
            writes(&mut alice, &file, 1, 512)?;
            server.says(&format!("{} writes \"up\"", alice.address()))?;
            server.says(&format!("received \"up\" from {}: {}", alice.address(), tally(600, 512)))?;
            for pause in [0, 300] {
                alice.expect_silence(Duration::from_millis(pause + 1))?;
                alice.send(data(2, &file[512..]))?;
                alice.expect(ack(2)).or_rather("The last ACK may be lost like any other.")?;
            }
            holds(&folder, "up", &file)
        })
}

fn an_upload_appears_complete_or_not_at_all() -> Stage {
    Stage::server("Half an upload is never seen under the name, and leaves nothing behind")
        .promises(["F6"])
        .why(
            "Whoever finds a file takes it for whole. So an upload grows under another name, and gets its own in one step when it is \
             complete; `rename` is such a step.",
        )
        .hints([
            "Under which name does your server write while blocks are still coming?",
            "Under one of its own in the same folder; at the end it is renamed, or removed if the upload broke off.",
            "File::create_new(&part)?; …; fs::rename(&part, &target)?; and `impl Drop` that removes the part",
        ])
        .story(|lab| {
            let (server, folder) = server_with_timeout(lab, "0.3", &["--tries", "2"])?;
            let mut alice = lab.udp("alice", &server)?;
            lab.in_short("alice", "ends an upload with an ERROR", |_| {
                alice.send(wrq("broken", &[]))?;
                alice.first(&ack(0))?;
                alice.send(data(1, &content(512)))?;
                alice.eventually(&ack(1), &ack(0))?;
                let seen = folder.get("broken")?;
                demand(seen.is_none(), || "There is a file \"broken\" before all of it has come.".to_owned())?;
                alice.send(error(0, "I changed my mind"))
            })?;
            server.says(&format!("{} writes \"broken\"", alice.address()))?;
            soon_has_only(lab, &folder, &[])?;
            let mut bob = lab.udp("bob", &server)?;
            lab.in_short("bob", "falls silent in the middle of an upload", |_| {
                bob.send(wrq("silent", &[]))?;
                bob.first(&ack(0))?;
                bob.send(data(1, &content(512)))?;
                bob.eventually(&ack(1), &ack(0))
            })?;
            server.says_among_others(&format!("gave up on {} \"silent\": no answer after 2 tries", bob.address()))?;
            soon_has_only(lab, &folder, &[])?;
            let mut carol = lab.udp("carol", &server)?;
            carol.send(wrq("killed", &[]))?;
            lab.in_short("carol", "is in the middle of an upload when the server is killed", |_| {
                carol.first(&ack(0))?;
                carol.send(data(1, &content(512)))?;
                carol.eventually(&ack(1), &ack(0))
            })?;
            lab.lowers_the_curtain()?;
            for peer in [&mut alice, &mut bob, &mut carol] {
                peer.forgets_what_waits()?;
            }
            let seen = folder.get("killed")?;
            demand(seen.is_none(), || "There is a file \"killed\", of which only half has come.".to_owned())
        })
}

fn an_interrupted_server_ends_quietly() -> Stage {
    Stage::server("Ctrl-C ends it without a backtrace, and without half a file")
        .promises(["C5", "F6"])
        .why("Whoever presses Ctrl-C knows why it ends. A backtrace tells nothing new, and looks like a fault of the program.")
        .hints([
            "What does your language do with SIGINT when nobody handles it?",
            "In C and Rust it ends the program at once, which is well; in others it is an exception, and must be caught.",
            "signal_hook::iterator::Signals::new([SIGINT, SIGTERM])?, if there is something to clear away; else nothing at all",
        ])
        .story(|lab| {
            let (server, folder) = patient_server(lab, &[])?;
            let mut alice = lab.udp("alice", &server)?;
            alice.send(wrq("broken", &[]))?;
            alice.first(&ack(0))?;
            alice.send(data(1, &content(512)))?;
            alice.expect(ack(1))?;
            server.says(&format!("{} writes \"broken\"", alice.address()))?;
            server.is_interrupted()?;
            alice.forgets_what_waits()?;
            let seen = folder.get("broken")?;
            demand(seen.is_none(), || "There is a file \"broken\", of which only half has come.".to_owned())
        })
}

fn never_mixes_two_uploads() -> Stage {
    Stage::server("Two uploads to one name never mix")
        .promises(["F6", "F11"])
        .why("Two writers of one file overwrite each other's blocks, and what remains is neither's.")
        .hints([
            "What is the name of the file that an upload grows in?",
            "Each upload needs one of its own: a number that is counted up, and `create_new`, which never opens what is there.",
            "static COUNT: AtomicU64; format!(\".tftp-{}-{}.part\", process::id(), COUNT.fetch_add(1, …))",
        ])
        .story(|lab| {
            let (server, folder) = patient_server(lab, &["--overwrite"])?;
            // The longer one is complete first: what the shorter one does not overwrite would be seen.
            let (one, other) = (vec![b'1'; 1300], vec![b'2'; 2300]);
            let mut alice = lab.udp("alice", &server)?;
            let mut bob = lab.udp("bob", &server)?;
            alice.send(wrq("same", &[]))?;
            alice.first(&ack(0))?;
            bob.send(wrq("same", &[]))?;
            // The second may be refused: then there is nothing to mix.
            let Datagram { from, bytes: answer } = bob.receive("ACK 0 or an ERROR")?;
            bob.keeps_to(from);
            let both = answer == ack(0);
            demand(both || answer.starts_with(&[0, 5]), || format!("{} came, where ACK 0 or an ERROR was due.", describe(&answer)))?;
            lab.in_short("alice", "is in the middle of hers when bob sends all of his", |_| {
                alice.send(data(1, &one[..512]))?;
                alice.expect(ack(1))?;
                if both {
                    writes(&mut bob, &other, 1, 512).or_else(|trouble| lost(&mut bob, trouble))?;
                }
                writes(&mut alice, &one, 2, 512).or_else(|trouble| lost(&mut alice, trouble))
            })?;
            alice.forgets_what_waits()?;
            bob.forgets_what_waits()?;
            lab.lowers_the_curtain()?;
            let found = folder.get("same")?.unwrap_or_default();
            demand(found == one || found == other, || {
                format!("The file has {} bytes, and is neither the one upload nor the other.", found.len())
            })
        })
}

/// The loser of two uploads may be told so by an ERROR at any time.
fn lost(_: &mut UdpPeer, trouble: Trouble) -> Outcome {
    match &trouble {
        Trouble::Broken(failure) if failure.because.contains("ERROR") => Ok(()),
        _ => Err(trouble),
    }
}

fn keeps_no_file_in_its_memory() -> Stage {
    Stage::server("However long an upload is, the memory it takes stays small")
        .promises(["C10", "F9"])
        .why("A file may be larger than the memory, and its sender decides how large it is. What has come is written, not kept.")
        .hints([
            "Where are the blocks of an upload before it is complete?",
            "In the temporary file; a buffer of a few blocks is all that the memory need hold.",
            "BufWriter::with_capacity(1 << 16, file), and `write_all` for each block",
        ])
        .story(|lab| {
            let (server, folder) = patient_server(lab, &[])?;
            let mut alice = lab.udp("alice", &server)?;
            alice.send(wrq("long", &[("blksize", "32768")]))?;
            let (size, _) = alice.granted(&[("blksize", "32768")])?;
            let (block, mut number) = (vec![7; size], 0_u16);
            let mut send = |peer: &mut UdpPeer, count: usize| -> Outcome<u64> {
                for _ in 0..count {
                    number = number.wrapping_add(1);
                    peer.send(data(number, &block))?;
                    peer.expect(ack(number))?;
                }
                Ok((count * size) as u64)
            };
            send(&mut alice, 1)?;
            lab.memory_stays(&server, |lab| {
                let mut sent = 0;
                lab.in_short("alice", "sends 20 MB", |_| {
                    sent = send(&mut alice, (20 << 20) / size)?;
                    Ok(())
                })?;
                Ok(sent)
            })?;
            alice.send(error(0, "that is enough"))?;
            server.says(&format!("{} writes \"long\"", alice.address()))?;
            soon_has_only(lab, &folder, &[])?;
            lab.lowers_the_curtain()
        })
}

fn reads_no_file_into_its_memory() -> Stage {
    Stage::server("However long a file is, sending it takes little memory")
        .promises(["C10", "F9"])
        .why("A file may be larger than the memory, and anybody may ask for it, as often as they like. A block is all that is needed at a time.")
        .hints([
            "How much of the file has your server read when it sends the first block?",
            "A block, or some; never all of it.",
            "BufReader::with_capacity(1 << 16, File::open(path)?), and `read` for each block",
        ])
        .story(|lab| {
            const SIZE: u64 = 48 << 20;
            let (server, folder) = patient_server(lab, &[])?;
            // A file with a hole in it: long, and yet it takes no room.
            std::fs::File::create(folder.path().join("long"))?.set_len(SIZE)?;
            one_refusal_from_the_server(lab, &server)?;
            let mut readers = Vec::new();
            lab.memory_stays(&server, |lab| {
                let mut alice = lab.udp("alice", &server)?;
                alice.send(rrq("long", &[]))?;
                alice.first(&data(1, &[0; 512]))?;
                readers.push(alice);
                Ok(SIZE)
            })?;
            for reader in &readers {
                reader.send(error(0, "that is enough"))?;
                server.says(&format!("{} reads \"long\"", reader.address()))?;
            }
            lab.lowers_the_curtain()
        })
}

fn reads_no_window_into_its_memory() -> Stage {
    Stage::server("However large a window is asked for, the memory it takes stays small")
        .promises(["C10", "F10"])
        .why(
            "65535 blocks of 65464 bytes are 4 GB: one request, with a forged sender, must not take so much. A window can be granted \
             smaller, and blocks can be read again from the file when they are lost.",
        )
        .hints([
            "Where does your server keep the blocks of a window until they are acknowledged?",
            "Nowhere: it notes where in the file the window began, and goes back there.",
            "self.file.return_to(self.bookmark)?; and grant no larger window than some MB",
        ])
        .story(|lab| {
            const SIZE: u64 = 48 << 20;
            const LARGEST: [(&str, &str); 2] = [("blksize", "65464"), ("windowsize", "65535")];
            let (server, folder) = patient_server(lab, &[])?;
            std::fs::File::create(folder.path().join("long"))?.set_len(SIZE)?;
            one_refusal_from_the_server(lab, &server)?;
            let (mut readers, mut stranger) = (Vec::new(), lab.udp_stranger()?);
            lab.memory_stays(&server, |lab| {
                let mut alice = lab.udp("alice", &server)?;
                alice.send(rrq("long", &LARGEST))?;
                alice.granted(&LARGEST)?;
                alice.send(ack(0))?;
                lab.in_short("alice", "gets the beginning of a window", |_| {
                    let came = alice.receive("DATA 1")?.bytes;
                    demand(came.starts_with(&data(1, b"")), || format!("{} came, where DATA 1 was due.", describe(&came)))?;
                    // Whoever turns a stranger away has sent the rest of it.
                    stranger.send_to(alice.partner()?, ack(7))?;
                    stranger.expect_error(5)?;
                    alice.forgets_what_waits()
                })?;
                readers.push(alice);
                Ok(SIZE)
            })?;
            for reader in &mut readers {
                reader.send(error(0, "that is enough"))?;
                reader.forgets_what_waits()?;
            }
            lab.lowers_the_curtain()
        })
}

fn keeps_no_early_blocks() -> Stage {
    Stage::server("Blocks that come too early are not kept")
        .promises(["C10", "F5"])
        .why("A block that is not due may never be. Whoever keeps what comes too early keeps what anybody likes to send.")
        .hints([
            "What does your server do with block 7 when block 2 is due?",
            "It throws it away: the sender will send it again, in its turn.",
            "match block.wrapping_sub(blocks) { 1 => append, 2..0x8000 => {}, _ => acknowledge again }",
        ])
        .story(|lab| {
            let (server, _folder) = patient_server(lab, &[])?;
            let mut alice = lab.udp("alice", &server)?;
            alice.send(wrq("up", &[("blksize", "32768")]))?;
            let (size, _) = alice.granted(&[("blksize", "32768")])?;
            let (first, mut number) = (vec![1; size], 2);
            alice.send(data(1, &first))?;
            alice.expect(ack(1))?;
            lab.memory_stays(&server, |lab| {
                let count = (20 << 20) / size;
                lab.in_short("alice", "sends 20 MB of blocks that are not due", |_| {
                    for _ in 0..count {
                        number = if number < 30_000 { number + 1 } else { 3 };
                        alice.send(data(number, &vec![number as u8; size]))?;
                        // One that is here already is acknowledged again: when that has come, the early one was looked at.
                        alice.send(data(1, &first))?;
                        alice.expect(ack(1))?;
                    }
                    Ok(())
                })?;
                Ok((count * size) as u64)
            })?;
            alice.send(error(0, "that is enough"))?;
            lab.lowers_the_curtain()?;
            alice.forgets_what_waits()
        })
}

fn translates_text_to_the_wire() -> Stage {
    Stage::server("netascii: a line ends with CR LF on the wire, and a CR that ends none is CR NUL")
        .promises(["F8", "F1"])
        .why(
            "Systems end their lines differently. With one way on the wire, each need know only its own. A pair may be cut in two by the \
             end of a block.",
        )
        .hints([
            "What becomes of a newline that is the 512th byte of a block?",
            "Its CR ends this block, its LF begins the next: the translation must remember what it owes. Modes are compared in any case.",
            "(*room, self.owed) = match byte { b'\\n' => (b'\\r', Some(b'\\n')), b'\\r' => (b'\\r', Some(0)), byte => (byte, None) }",
        ])
        .story(|lab| {
            let (server, folder) = patient_server(lab, &[])?;
            let texts = [
                (b"one\ntwo\r\n\rthree\n".to_vec(), b"one\r\ntwo\r\0\r\n\r\0three\r\n".to_vec()),
                ([&[b'x'; 511][..], b"\ny"].concat(), [&[b'x'; 511][..], b"\r\ny"].concat()),
                ([&[b'x'; 511][..], b"\ry"].concat(), [&[b'x'; 511][..], b"\r\0y"].concat()),
                (vec![b'\n'; 256], b"\r\n".repeat(256)),
            ];
            let mut alice = lab.udp("alice", &server)?;
            for (mode, (text, wire)) in ["netascii", "NETASCII", "NetAscii", "netascii"].into_iter().zip(&texts) {
                folder.put("text", text)?;
                alice.send_to(server.address(), request(1, "text", mode, &[]))?;
                reads(&mut alice, wire, 1, 512)?;
                server.says_among_others(&format!("{} reads \"text\"", alice.address()))?;
                sent_something(&server)?;
            }
            // In the other mode, bytes are bytes.
            alice.send_to(server.address(), request(1, "text", "OcTeT", &[]))?;
            reads(&mut alice, &texts[3].0, 1, 512)?;
            server.says_among_others(&format!("{} reads \"text\"", alice.address()))?;
            sent_something(&server)
        })
}

/// Whether text is counted as it is in the file or on the wire is left open.
fn sent_something(server: &Program) -> Outcome {
    let line = server.next_line("sent \"text\" to …")?;
    demand(line.starts_with("sent \"text\" to ") && line.ends_with(" blocks"), || {
        format!("Your server printed `{line}` where its line about a file that was sent was due.")
    })
}

fn translates_text_from_the_wire() -> Stage {
    Stage::server("netascii on an upload: CR LF becomes the system's line end, CR NUL a CR")
        .promises(["F8", "F5"])
        .why("What was translated on one side is translated back on the other, also where a pair fell into two blocks.")
        .hints([
            "What does your server do with a CR that is the last byte of a block?",
            "Keep it back until the next byte is here: with LF it is a line end, with NUL a CR.",
            "if take(&mut self.after_cr) { match byte { LF => push(LF), 0 => push(CR), … } }",
        ])
        .story(|lab| {
            let (server, folder) = patient_server(lab, &[])?;
            let texts = [
                (b"one\r\ntwo\r\0\r\n\r\0three\r\n".to_vec(), b"one\ntwo\r\n\rthree\n".to_vec()),
                ([&[b'x'; 511][..], b"\r\ny"].concat(), [&[b'x'; 511][..], b"\ny"].concat()),
                ([&[b'x'; 511][..], b"\r\0y"].concat(), [&[b'x'; 511][..], b"\ry"].concat()),
            ];
            let mut alice = lab.udp("alice", &server)?;
            for (number, (wire, text)) in texts.iter().enumerate() {
                let name = format!("text-{number}");
                alice.send_to(server.address(), request(2, &name, "NetASCII", &[]))?;
                alice.first(&ack(0))?;
                writes(&mut alice, wire, 1, 512)?;
                server.says(&format!("{} writes {name:?}", alice.address()))?;
                let line = server.next_line("received …")?;
                demand(line.starts_with("received "), || {
                    format!("Your server printed `{line}` where its line about {name:?} was due.")
                })?;
                if cfg!(unix) {
                    holds(&folder, &name, text)?;
                }
            }
            Ok(())
        })
}

/// More blocks than there are numbers, small ones, in large windows: quick all the same.
const MANY_BLOCKS: usize = 65_540;
const SMALL: [(&str, &str); 2] = [("blksize", "8"), ("windowsize", "64")];

fn counts_beyond_65535() -> Stage {
    Stage::server("After block 65535 comes block 0, and the download goes on")
        .promises(["F9", "F10"])
        .why(
            "Two bytes count to 65535: with blocks of 512 bytes that is 32 MiB. The next number is 0 again, so what a number means follows \
             from where the transfer is.",
        )
        .hints([
            "Which type does your block counter have, and what happens when it is full?",
            "Count in 64 bits, and put the lower 16 on the wire; compare distances with `wrapping_sub`.",
            "write_data_header(number as u16, …); block.wrapping_sub(self.acknowledged as u16)",
        ])
        .story(|lab| {
            let (server, folder) = patient_server(lab, &[])?;
            let file = content(MANY_BLOCKS * 8 + 3);
            folder.put("file", &file)?;
            let mut alice = lab.udp("alice", &server)?;
            alice.send(rrq("file", &SMALL))?;
            let (_, window) = alice.granted(&SMALL)?;
            alice.send(ack(0))?;
            lab.in_short("alice", "reads 65,541 blocks", |_| {
                let last = MANY_BLOCKS + 1;
                for number in 1..=last {
                    let came = alice.receive(&format!("DATA {}", number as u16))?.bytes;
                    let is_due = parse_data(&came) == Some((number as u16, block(&file, number, 8)));
                    demand(is_due, || format!("{} came, where block {number} was due: DATA {}.", describe(&came), number as u16))?;
                    if number % window == 0 || number == last {
                        alice.send(ack(number as u16))?;
                    }
                }
                Ok(())
            })?;
            server.says(&format!("{} reads \"file\"", alice.address()))?;
            server.says(&format!("sent \"file\" to {}: 524323 bytes in 65541 blocks", alice.address()))
        })
}

fn counts_uploads_beyond_65535() -> Stage {
    Stage::server("After block 65535 comes block 0, and the upload goes on")
        .promises(["F9", "F10"])
        .why("The receiver counts like the sender, or it takes block 0 for one that it has had already.")
        .hints([
            "What does your server do with DATA 0 after DATA 65535?",
            "Count in 64 bits; the next block is the one whose number is one ahead in 16 bits.",
            "block.wrapping_sub(self.tally.blocks as u16) == 1",
        ])
        .story(|lab| {
            let (server, folder) = patient_server(lab, &[])?;
            let file = content(MANY_BLOCKS * 8 + 3);
            let mut alice = lab.udp("alice", &server)?;
            alice.send(wrq("up", &SMALL))?;
            let (_, window) = alice.granted(&SMALL)?;
            lab.in_short("alice", "writes 65,541 blocks", |_| {
                let last = MANY_BLOCKS + 1;
                for number in 1..=last {
                    alice.send(data(number as u16, block(&file, number, 8)))?;
                    if number % window == 0 || number == last {
                        alice.expect(ack(number as u16))?;
                    }
                }
                Ok(())
            })?;
            server.says(&format!("{} writes \"up\"", alice.address()))?;
            server.says(&format!("received \"up\" from {}: 524323 bytes in 65541 blocks", alice.address()))?;
            holds(&folder, "up", &file)
        })
}

fn grants_options() -> Stage {
    Stage::server("Options are granted with an OACK, in any case and any order")
        .promises(["F10"])
        .why(
            "A server that knows no options ignores them, and sends DATA 1; a client that is answered with an OACK knows what was granted. \
             ACK 0 says that the client agrees (RFC 2347).",
        )
        .hints([
            "What follows the mode in a request?",
            "Pairs of strings. Those you grant go into an OACK (00 06), which takes the place of the first answer: for a read, DATA 1 \
             waits for ACK 0.",
            "link.send(&oack(&options.encode()))?; for tsize of a read, the size of the file is the answer",
        ])
        .story(|lab| {
            let (server, folder) = patient_server(lab, &[])?;
            let file = content(1500);
            folder.put("file", &file)?;
            let mut alice = lab.udp("alice", &server)?;
            alice.send(rrq("file", &[("BlkSize", "1024"), ("TSIZE", "0"), ("timeout", "30"), ("WindowSize", "1")]))?;
            let all = [("blksize", "1024"), ("tsize", "1500"), ("timeout", "30"), ("windowsize", "1")];
            let (size, _) = alice.granted(&all)?;
            alice.expect_silence(Duration::from_millis(50))?;
            alice.send(ack(0))?;
            reads(&mut alice, &file, 1, size)?;
            server.says(&format!("{} reads \"file\"", alice.address()))?;
            server.says(&format!("sent \"file\" to {}: {}", alice.address(), tally(1500, size)))?;
            alice.send_to(server.address(), rrq("file", &[("tsize", "0")]))?;
            alice.granted(&[("tsize", "1500")]).or_rather("An OACK has what was asked for, and nothing else.")?;
            alice.send(ack(0))?;
            alice.expect(data(1, &file[..512]))?;
            alice.send(ack(1))?;
            reads(&mut alice, &file, 2, 512)?;
            server.says(&format!("{} reads \"file\"", alice.address()))?;
            server.says(&format!("sent \"file\" to {}: 1500 bytes in 3 blocks", alice.address()))?;
            alice.send_to(server.address(), wrq("up", &[("tsize", "700"), ("blksize", "600")]))?;
            let (size, _) = alice.granted(&[("tsize", "700"), ("blksize", "600")])?;
            writes(&mut alice, &content(700), 1, size)?;
            server.says(&format!("{} writes \"up\"", alice.address()))?;
            server.says(&format!("received \"up\" from {}: {}", alice.address(), tally(700, size)))?;
            holds(&folder, "up", &content(700))
        })
}

fn leaves_out_what_it_cannot_grant() -> Stage {
    Stage::server("Unknown options and bad values are left out, and without any there is no OACK")
        .promises(["F10"])
        .why("Options that nobody knows yet must not break what everybody knows: what is not in the OACK is as if it had not been asked for.")
        .hints([
            "What does your server answer to `blksize=7`?",
            "Nothing about it; if nothing else is granted, the first answer is that of RFC 1350.",
            "number(value).filter(|value| (8..=65464).contains(value))",
        ])
        .story(|lab| {
            let (server, folder) = patient_server(lab, &[])?;
            folder.put("file", "content")?;
            let mut alice = lab.udp("alice", &server)?;
            let bad = [
                ("speed", "fast"),
                ("blksize", "7"),
                ("blksize", "65465"),
                ("blksize", "512x"),
                ("blksize", "-8"),
                ("blksize", ""),
                ("timeout", "0"),
                ("timeout", "256"),
                ("timeout", "soon"),
                ("windowsize", "0"),
                ("windowsize", "65536"),
                ("windowsize", "99999999999999999999999"),
                ("tsize", "large"),
            ];
            for option in bad {
                alice.send_to(server.address(), rrq("file", &[option]))?;
                reads(&mut alice, b"content", 1, 512)?;
                server.says(&format!("{} reads \"file\"", alice.address()))?;
                server.says(&format!("sent \"file\" to {}: 7 bytes in 1 blocks", alice.address()))?;
            }
            let mixed = [("speed", "fast"), ("timeout", "0"), ("blksize", "1024"), ("windowsize", "none"), ("tsize2", "7")];
            alice.send_to(server.address(), rrq("file", &mixed))?;
            let (size, _) = alice.granted(&[("blksize", "1024")]).or_rather("Only one of them can be granted.")?;
            alice.send(ack(0))?;
            reads(&mut alice, b"content", 1, size)?;
            server.says(&format!("{} reads \"file\"", alice.address()))?;
            server.says(&format!("sent \"file\" to {}: 7 bytes in 1 blocks", alice.address()))?;
            alice.send_to(server.address(), wrq("up", &mixed))?;
            let (size, _) = alice.granted(&[("blksize", "1024")]).or_rather("Only one of them can be granted.")?;
            writes(&mut alice, b"content", 1, size)?;
            server.says(&format!("{} writes \"up\"", alice.address()))?;
            server.says(&format!("received \"up\" from {}: 7 bytes in 1 blocks", alice.address()))?;
            alice.send_to(server.address(), wrq("up-2", &bad[..1]))?;
            alice.first(&ack(0))?;
            writes(&mut alice, b"content", 1, 512)?;
            server.says(&format!("{} writes \"up-2\"", alice.address()))?;
            server.says(&format!("received \"up-2\" from {}: 7 bytes in 1 blocks", alice.address()))
        })
}

fn uses_the_block_size() -> Stage {
    Stage::server("Blocks have the size that was granted, from 8 to 65464 bytes, up and down")
        .promises(["F10", "F1", "F5"])
        .why("Each block costs a round trip, so large blocks are faster; 65464 bytes are what a datagram holds beside its headers (RFC 2348).")
        .hints([
            "How large are your buffers, and which size ends a transfer?",
            "Both follow from the size that was granted: a buffer of 4 bytes more, and an end with a block that is shorter than that size.",
            "vec![0; HEADER + terms.block_size]; if length < terms.block_size { … }",
        ])
        .story(|lab| {
            let (server, folder) = patient_server(lab, &[])?;
            let mut alice = lab.udp("alice", &server)?;
            let file = content(70_000);
            for (asked, length) in [("8", 50), ("1024", 4096), ("1428", 5000), ("8192", 8191), ("65464", 70_000)] {
                let (name, file) = (format!("by-{asked}"), &file[..length]);
                folder.put(&name, file)?;
                alice.send_to(server.address(), rrq(&name, &[("blksize", asked)]))?;
                let (size, _) = alice.granted(&[("blksize", asked)])?;
                alice.send(ack(0))?;
                reads(&mut alice, file, 1, size)?;
                server.says(&format!("{} reads {name:?}", alice.address()))?;
                server.says(&format!("sent {name:?} to {}: {}", alice.address(), tally(length, size)))?;
                let up = format!("up-{asked}");
                alice.send_to(server.address(), wrq(&up, &[("blksize", asked)]))?;
                let (size, _) = alice.granted(&[("blksize", asked)])?;
                writes(&mut alice, file, 1, size)?;
                server.says(&format!("{} writes {up:?}", alice.address()))?;
                server.says(&format!("received {up:?} from {}: {}", alice.address(), tally(length, size)))?;
                holds(&folder, &up, file)?;
            }
            Ok(())
        })
}

fn repeats_its_options() -> Stage {
    Stage::server("An OACK that is not answered is sent again")
        .promises(["F2", "F10"])
        .why("The OACK is lost as easily as any packet, and the client's answer, too.")
        .hints([
            "Does your server wait for ACK 0 like for any other ACK?",
            "Like DATA: the time is up, the OACK goes out again.",
            "send_until_answered(&mut link, &oack, &terms, |packet| packet == Packet::Ack { block: 0 })?",
        ])
        .story(|lab| {
            let (server, folder) = hasty_server(lab, &[])?;
            folder.put("file", content(30))?;
            let mut alice = lab.udp("alice", &server)?;
            let due = [("tsize", "30")];
            lab.in_short("alice", "answers when the OACK has come a second time", |_| {
                alice.send(rrq("file", &[("tsize", "0")]))?;
                alice.granted(&due)?;
                alice.granted(&due)?;
                alice.send(ack(0))?;
                loop {
                    let came = alice.receive("DATA 1")?.bytes;
                    if came == data(1, &content(30)) {
                        break;
                    }
                    demand(came.starts_with(&[0, 6]), || format!("{} came, where DATA 1 was due.", describe(&came)))?;
                }
                alice.send(ack(1))
            })?;
            server.says(&format!("{} reads \"file\"", alice.address()))?;
            server.says(&format!("sent \"file\" to {}: 30 bytes in 1 blocks", alice.address()))?;
            alice.forgets_what_waits()?;
            let mut bob = lab.udp("bob", &server)?;
            lab.in_short("bob", "sends his first block when the OACK has come a second time", |_| {
                bob.send(wrq("up", &[("tsize", "2")]))?;
                bob.granted(&[("tsize", "2")])?;
                bob.granted(&[("tsize", "2")])?;
                bob.send(data(1, b"up"))?;
                bob.eventually(&ack(1), &oack(&[("tsize", "2")]))
            })?;
            server.says(&format!("{} writes \"up\"", bob.address()))?;
            server.says(&format!("received \"up\" from {}: 2 bytes in 1 blocks", bob.address()))?;
            bob.forgets_what_waits()
        })
}

fn is_told_that_options_do_not_please() -> Stage {
    Stage::server("ERROR 8 in place of ACK 0 ends the transfer")
        .promises(["F10", "F6"])
        .why("A client that cannot live with what was granted says so, and perhaps asks again without options (RFC 2347).")
        .hints([
            "What may come instead of ACK 0?",
            "An ERROR, which is the end, and is not answered; an upload that had not begun leaves nothing behind.",
            "Packet::Error { code, message } => return Err(Broken::ByPeer { … })",
        ])
        .story(|lab| lab.steadily(|lab| {
            let (server, folder) = server_with_timeout(lab, "0.3", &[])?;
            folder.put("file", content(30))?;
            let mut alice = lab.udp("alice", &server)?;
            alice.send(rrq("file", &[("blksize", "16")]))?;
            alice.granted(&[("blksize", "16")])?;
            alice.send(error(8, "I do not like it"))?;
            let mut bob = lab.udp("bob", &server)?;
            bob.send(wrq("up", &[("blksize", "16")]))?;
            bob.granted(&[("blksize", "16")])?;
            bob.send(error(8, "I do not like it"))?;
            bob.expect_silence(Duration::from_millis(450)).or_rather("The transfer ended with ERROR 8.")?;
            alice.expect_silence(Duration::from_millis(5)).or_rather("The transfer ended with ERROR 8.")?;
            soon_has_only(lab, &folder, &["file"])?;
            server.says_among_others(&format!("{} reads \"file\"", alice.address()))?;
            server.says_among_others(&format!("{} writes \"up\"", bob.address()))?;
            // What it says about such an end is its own affair.
            lab.lowers_the_curtain()
        }))
}

fn takes_the_timeout_it_was_asked_for() -> Stage {
    Stage::server("The option timeout decides when a block is sent again")
        .promises(["F10", "F2"])
        .why("The client knows its network. A timeout that suits a wire floods a radio link, and one for radio wastes seconds on a wire (RFC 2349).")
        .hints([
            "Which timeout does a transfer use whose client asked for one?",
            "The one that was granted, in seconds, instead of `--timeout`.",
            "timeout: options.timeout.map_or(args.timeout, Duration::from_secs)",
        ])
        .story(|lab| {
            let (server, folder) = patient_server(lab, &[])?;
            folder.put("file", content(30))?;
            let mut alice = lab.udp("alice", &server)?;
            alice.send(rrq("file", &[("timeout", "1")]))?;
            alice.granted(&[("timeout", "1")])?;
            alice.send(ack(0))?;
            alice.expect(data(1, &content(30)))?;
            alice.expect(data(1, &content(30))).or_rather("A second has passed.")?;
            alice.send(ack(1))?;
            server.says(&format!("{} reads \"file\"", alice.address()))?;
            server.says(&format!("sent \"file\" to {}: 30 bytes in 1 blocks", alice.address()))
        })
}

/// Asks for windows of four small blocks. A server may make them smaller; then there are fewer blocks in each.
const WINDOWS: [(&str, &str); 2] = [("blksize", "16"), ("windowsize", "4")];

fn sends_windows() -> Stage {
    Stage::server("With windowsize 4, four blocks go out before an ACK is waited for")
        .promises(["F10", "F3"])
        .why("With one block under way, a transfer is as slow as the distance is long. A window keeps the line busy meanwhile (RFC 7440).")
        .hints([
            "How many blocks does your server send before it waits?",
            "As many as the window has, or the file; then one ACK, of the newest block, stands for all.",
            "while under_way < terms.window { fill, send; if it was the last { break } }",
        ])
        .story(|lab| {
            let (server, folder) = patient_server(lab, &[])?;
            let file = content(150);
            folder.put("file", &file)?;
            let mut alice = lab.udp("alice", &server)?;
            alice.send(rrq("file", &WINDOWS))?;
            let (size, window) = alice.granted(&WINDOWS)?;
            alice.send(ack(0))?;
            let last = file.len() / size + 1;
            for number in 1..=last {
                alice.expect(data(number as u16, block(&file, number, size)))?;
                if number == window {
                    alice.expect_silence(Duration::from_millis(50))?;
                }
                if number % window == 0 || number == last {
                    alice.send(ack(number as u16))?;
                }
            }
            server.says(&format!("{} reads \"file\"", alice.address()))?;
            server.says(&format!("sent \"file\" to {}: {}", alice.address(), tally(150, size)))
        })
}

fn goes_back_in_a_window() -> Stage {
    Stage::server("An ACK in the middle of a window means: again from here")
        .promises(["F10", "F2"])
        .why("The receiver acknowledges the last block before the gap. What came after the gap it may have thrown away (RFC 7440, section 4).")
        .hints([
            "What does your server do when two of four blocks are acknowledged?",
            "The next window begins with the block after the ACK; to send it the file must go back.",
            "file.return_to(bookmark)?; and the blocks that have arrived are skipped",
        ])
        .story(|lab| {
            let (server, folder) = hasty_server(lab, &[])?;
            let file = content(150);
            folder.put("file", &file)?;
            let mut alice = lab.udp("alice", &server)?;
            let mut size = 0;
            alice.send(rrq("file", &WINDOWS))?;
            lab.in_short("alice", "acknowledges half a window, then loses a whole one", |_| {
                let (granted, window) = alice.granted(&WINDOWS)?;
                size = granted;
                let packet = |number: u16| data(number, block(&file, number.into(), size));
                let (window, last) = (window as u16, (file.len() / size + 1) as u16);
                alice.send(ack(0))?;
                hears_window(&mut alice, &packet, 1..=window)?;
                let half = window.div_ceil(2);
                alice.send(ack(half))?;
                let mut end = half + window;
                hears_window(&mut alice, &packet, half + 1..=end)?;
                // Nothing of it arrived, so nothing is acknowledged: all of it comes again.
                hears_window(&mut alice, &packet, half + 1..=end).or_rather("The window was not acknowledged.")?;
                while end < last {
                    alice.send(ack(end))?;
                    let begin = end + 1;
                    end = (end + window).min(last);
                    hears_window(&mut alice, &packet, begin..=end)?;
                }
                alice.send(ack(last))
            })?;
            server.says(&format!("{} reads \"file\"", alice.address()))?;
            server.says(&format!("sent \"file\" to {}: {}", alice.address(), tally(150, size)))?;
            alice.forgets_what_waits()
        })
}

/// Blocks in their order; what is sent again between them, because the lab was slow, does not matter.
fn hears_window(
    peer: &mut UdpPeer,
    packet: &dyn Fn(u16) -> Vec<u8>,
    numbers: std::ops::RangeInclusive<u16>,
) -> Outcome {
    let first = *numbers.start();
    for number in numbers {
        loop {
            let came = peer.receive(&format!("DATA {number}"))?.bytes;
            if came == packet(number) {
                break;
            }
            let is_repetition = parse_data(&came)
                .is_some_and(|(other, _)| other < number && number > first || other < first)
                || came.starts_with(&[0, 6]);
            demand(is_repetition, || format!("{} came, where DATA {number} was due.", describe(&came)))?;
        }
    }
    Ok(())
}

fn acknowledges_windows() -> Stage {
    Stage::server("On an upload with windowsize 4, the fourth block is acknowledged, and the last")
        .promises(["F10", "F5"])
        .why("One ACK for a whole window is what makes windows fast in both directions.")
        .hints([
            "When does your server acknowledge?",
            "After as many new blocks as the window has, and after the last block of the file.",
            "if self.complete || self.unacknowledged == self.terms.window { self.acknowledge()?; }",
        ])
        .story(|lab| {
            let (server, folder) = patient_server(lab, &[])?;
            let file = content(150);
            let mut alice = lab.udp("alice", &server)?;
            alice.send(wrq("up", &WINDOWS))?;
            let (size, window) = alice.granted(&WINDOWS)?;
            let last = file.len() / size + 1;
            for number in 1..=last {
                alice.send(data(number as u16, block(&file, number, size)))?;
                if number + 1 == window {
                    alice.expect_silence(Duration::from_millis(50))?;
                }
                if number % window == 0 || number == last {
                    alice.expect(ack(number as u16))?;
                }
            }
            server.says(&format!("{} writes \"up\"", alice.address()))?;
            server.says(&format!("received \"up\" from {}: {}", alice.address(), tally(150, size)))?;
            holds(&folder, "up", &file)
        })
}

fn reports_a_gap_in_a_window() -> Stage {
    Stage::server("A window with its middle lost is acknowledged up to the gap")
        .promises(["F10", "F5"])
        .why(
            "The receiver sees the gap as soon as the block after it arrives. Its ACK tells from where the sender must go on, at once and \
             not only when the time is up (RFC 7440, section 4).",
        )
        .hints([
            "What does your server do with block 4 when block 2 is missing?",
            "It does not write it. The ACK of block 1 says from where on to send again.",
            "2..0x8000 => self.report_gap(), which sends ack(last in order), once",
        ])
        .story(|lab| {
            let (server, folder) = patient_server(lab, &[])?;
            let file = content(150);
            let mut alice = lab.udp("alice", &server)?;
            let mut size = 0;
            alice.send(wrq("up", &WINDOWS))?;
            lab.in_short("alice", "sends a window without its second block, then all from there", |_| {
                let (granted, window) = alice.granted(&WINDOWS)?;
                size = granted;
                let (window, last) = (window as u16, (file.len() / size + 1) as u16);
                let packet = |number: u16| data(number, block(&file, number.into(), size));
                let mut done = 0;
                // In a smaller window there is no middle to lose.
                if window > 2 {
                    for number in (1..=window).filter(|number| *number != 2) {
                        alice.send(packet(number))?;
                    }
                    alice.expect(ack(1)).or_rather("Block 2 is missing.")?;
                    done = 1;
                }
                while done < last {
                    let end = (done + window).min(last);
                    for number in done + 1..=end {
                        alice.send(packet(number))?;
                    }
                    alice.eventually(&ack(end), &ack(done))?;
                    done = end;
                }
                Ok(())
            })?;
            server.says(&format!("{} writes \"up\"", alice.address()))?;
            server.says(&format!("received \"up\" from {}: {}", alice.address(), tally(150, size)))?;
            holds(&folder, "up", &file)?;
            alice.forgets_what_waits()
        })
}

// The client.

/// A server of the lab, for a client that was started with an errand: the port of the requests, and that of the transfer.
struct Counter {
    client: Program,
    desk: UdpPeer,
    port: UdpPeer,
    folder: Folder,
}

/// A client that waits so long before it repeats anything that it never does; not longer, for it may stay as long after the
/// end. `{folder}` in its arguments is a folder.
fn patient_client(lab: &mut Lab, folder: Folder, errand: &[&str]) -> Outcome<Counter> {
    client_with_timeout(lab, folder, "2.5", errand)
}

/// A client that soon repeats what is not answered.
fn hasty_client(lab: &mut Lab, folder: Folder, errand: &[&str]) -> Outcome<Counter> {
    client_with_timeout(lab, folder, "0.15", &[errand, &["--tries", "12"]].concat())
}

fn client_with_timeout(lab: &mut Lab, folder: Folder, seconds: &str, errand: &[&str]) -> Outcome<Counter> {
    let (desk, port) = (lab.udp_server()?, lab.udp_server()?);
    let root = folder.path().to_string_lossy().into_owned();
    let errand: Vec<_> = errand.iter().map(|word| word.replace("{folder}", &root)).collect();
    let mut arguments: Vec<_> = errand.iter().map(String::as_str).collect();
    arguments.extend(["--timeout", seconds]);
    let client = lab.client(desk.address(), &arguments)?;
    Ok(Counter { client, desk, port, folder })
}

impl Counter {
    /// The request must ask for this, in these words: the mode and the options' names in any case, the options in any order.
    fn is_asked(&mut self, kind: u8, name: &str, mode: &str, options: &[(&str, &str)]) -> Outcome {
        let due = request(kind, name, mode, options);
        let Datagram { from, bytes: came } = self.desk.receive(&describe(&due))?;
        self.port.keeps_to(from);
        let verdict =
            demand(is_request(&came, &due), || format!("{} came, where {} was due.", describe(&came), describe(&due)));
        verdict.map_err(|trouble| if asks_for_the_same(&came, &due) { of_f17(trouble) } else { trouble })
    }

    /// Sends from the port of the transfer to whoever asked.
    fn answers(&self, packet: impl AsRef<[u8]>) -> Outcome {
        self.port.send_to(self.desk.partner()?, packet)
    }

    /// Sends the file from block `from` on, and expects each to be acknowledged.
    fn sends(&mut self, file: &[u8], from: usize, size: usize) -> Outcome {
        for number in from..=file.len() / size + 1 {
            self.answers(data(number as u16, block(file, number, size)))?;
            self.port.expect(ack(number as u16))?;
        }
        Ok(())
    }

    /// Expects the file from block `from` on, and acknowledges each.
    fn takes(&mut self, file: &[u8], from: usize, size: usize) -> Outcome {
        for number in from..=file.len() / size + 1 {
            self.port.expect(data(number as u16, block(file, number, size)))?;
            self.answers(ack(number as u16))?;
        }
        Ok(())
    }

    /// The client must say that it is done, and end.
    fn is_done(&mut self, line: &str) -> Outcome {
        self.client.says(line)?;
        self.client.ends_well()
    }

    /// What was repeated because the lab was slow is not looked at.
    fn forgets_what_waits(&mut self) -> Outcome {
        self.desk.forgets_what_waits()?;
        self.port.forgets_what_waits()
    }
}

/// Kind, name and mode of a request, and its options.
type Parts = (Vec<u8>, Vec<u8>, Vec<u8>, Vec<(String, String)>);

fn parts(packet: &[u8]) -> Option<Parts> {
    let strings: Vec<_> = packet.get(2..)?.split(|byte| *byte == 0).map(<[u8]>::to_vec).collect();
    let [name, mode, rest @ ..] = &strings[..] else { return None };
    let mut options = pairs(&rest.join(&0));
    options.sort();
    Some((packet[..2].to_vec(), name.clone(), mode.to_ascii_lowercase(), options))
}

fn is_request(came: &[u8], due: &[u8]) -> bool {
    parts(came).is_some() && parts(came) == parts(due) && came.ends_with(&[0])
}

/// Whether they differ in their options alone.
fn asks_for_the_same(came: &[u8], due: &[u8]) -> bool {
    let without_options = |packet| parts(packet).map(|(kind, name, mode, _)| (kind, name, mode));
    parts(came).is_some() && without_options(came) == without_options(due)
}

/// The promise about options is broken, whatever the stage is about.
fn of_f17(mut trouble: Trouble) -> Trouble {
    if let Trouble::Broken(failure) = &mut trouble {
        failure.promises = vec!["F17"];
    }
    trouble
}

fn gets_a_file() -> Stage {
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

fn gets_files_of_every_size() -> Stage {
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

fn puts_a_file() -> Stage {
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

fn puts_files_of_every_size() -> Stage {
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

fn names_a_file_by_its_last_part() -> Stage {
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

fn asks_again() -> Stage {
    Stage::client("A request that is not answered is sent again")
        .promises(["F15"])
        .why("The request is a datagram like any other: it, or its answer, may be lost.")
        .hints([
            "What happens in your client when no answer to the request comes?",
            "The same request goes to the same port again, after each timeout.",
            "let Some(answer) = link.receive_from_anyone(until)? else { patience.once_more()?; link.send(&request)?; continue };",
        ])
        .story(|lab| {
            for (errand, kind) in [(["get", "file", "{folder}/file"], 1), (["put", "{folder}/up", "file"], 2)] {
                let folder = lab.folder("folder")?;
                folder.put("up", "up")?;
                let mut counter = hasty_client(lab, folder, &errand)?;
                counter.is_asked(kind, "file", "octet", &[])?;
                let first = counter.desk.partner()?;
                counter.is_asked(kind, "file", "octet", &[])?;
                if kind == 1 {
                    // The answer to the first request, which comes late.
                    counter.port.send_to(first, data(1, b"down"))?;
                    counter.port.expect(ack(1))?;
                    counter.is_done("got \"file\": 4 bytes in 1 blocks")?;
                    holds(&counter.folder, "file", b"down")?;
                } else {
                    counter.answers(ack(0))?;
                    counter.port.expect(data(1, b"up"))?;
                    counter.answers(ack(1))?;
                    counter.is_done("put \"file\": 2 bytes in 1 blocks")?;
                }
                counter.forgets_what_waits()?;
            }
            Ok(())
        })
}

fn gives_up_asking() -> Stage {
    Stage::client("After --tries it gives up, and says on whom")
        .promises(["F15", "C8", "C5", "F13"])
        .why("A server that is not there answers nothing at all: UDP does not even tell that nobody listens, or not to everybody.")
        .hints([
            "How often does your client send its request?",
            "As often as `--tries` says, the first time too; then it fails, and leaves no file.",
            "bail!(\"cannot get {remote:?} from {server}: no answer after {tries} tries\")",
        ])
        .story(|lab| {
            let folder = lab.folder("folder")?;
            let mut counter = client_with_timeout(lab, folder, "0.1", &["get", "file", "{folder}/file", "--tries", "3"])?;
            for _ in 1..=3 {
                counter.is_asked(1, "file", "octet", &[])?;
            }
            counter.client.fails(&[&counter.desk.address().port().to_string()])?;
            has_only(&counter.folder, &[])
        })
}

fn asks_as_often_as_its_timeout_says() -> Stage {
    Stage::client("--timeout is the time between two tries, and 1 second without it")
        .promises(["F15", "C8"])
        .why("A default is a guess about networks. A second is long for a wire, short for a person, and its user may know better.")
        .hints([
            "Where does the value of `--timeout` go in your program?",
            "It bounds the first wait for each packet that is new, the request too; the waits after it may double.",
            "Patience::new(args.timeout, args.tries), and `renew` with every progress",
        ])
        .story(|lab| {
            for (options, silence) in [(&["--timeout", "3"][..], 400), (&[], 600)] {
                lab.steadily(|lab| {
                    let folder = lab.folder("folder")?;
                    folder.put("up", "all")?;
                    let mut server = lab.udp_server()?;
                    let up = folder.file("up");
                    let client = lab.client(server.address(), &[&["put", &up], options].concat())?;
                    server.receive("WRQ")?;
                    server.expect_silence(Duration::from_millis(silence))?;
                    server.send(ack(0))?;
                    server.expect(data(1, b"all"))?;
                    server.expect_silence(Duration::from_millis(100))?;
                    server.send(ack(1))?;
                    client.says("put \"up\": 3 bytes in 1 blocks")?;
                    client.ends_well()
                })?;
            }
            lab.steadily(|lab| {
                let folder = lab.folder("folder")?;
                let mut counter = client_with_timeout(lab, folder, "1", &["get", "file", "{folder}/file"])?;
                counter.is_asked(1, "file", "octet", &[])?;
                counter.answers(data(1, &content(512)))?;
                counter.port.expect(ack(1))?;
                counter.port.expect_silence(Duration::from_millis(600))?;
                counter.sends(&content(512), 2, 512)?;
                counter.is_done(&format!("got \"file\": {}", tally(512, 512)))
            })?;
            lab.steadily(|lab| {
                let folder = lab.folder("folder")?;
                folder.put("up", "all")?;
                let mut counter = client_with_timeout(lab, folder, "0.1", &["put", "{folder}/up", "--tries", "12"])?;
                let request = counter.desk.receive("WRQ")?.bytes;
                soon(&mut counter.desk, &request, "client")?;
                counter.answers(ack(0))?;
                counter.port.expect(data(1, b"all"))?;
                soon(&mut counter.port, &data(1, b"all"), "client")?;
                counter.answers(ack(1))?;
                counter.client.says("put \"up\": 3 bytes in 1 blocks")?;
                counter.client.ends_well()?;
                counter.forgets_what_waits()
            })
        })
}

fn acknowledges_again() -> Stage {
    Stage::client("When no block follows, the last ACK is sent again")
        .promises(["F15"])
        .why("If the ACK was lost, the server waits for it, and the client for a block. Whoever keeps time gets both going again.")
        .hints([
            "What does your client do when it has sent ACK 1 and nothing comes?",
            "It sends ACK 1 again, after each timeout.",
            "let Some(packet) = link.receive(until)? else { patience.once_more()?; return self.repeat(); };",
        ])
        .story(|lab| {
            let folder = lab.folder("folder")?;
            let mut counter = hasty_client(lab, folder, &["get", "file", "{folder}/file"])?;
            let file = content(600);
            counter.is_asked(1, "file", "octet", &[])?;
            lab.in_short("server", "sends each block when the ACK before it has come a second time", |_| {
                counter.answers(data(1, &file[..512]))?;
                counter.port.expect(ack(1))?;
                counter.port.expect(ack(1)).or_rather("No block followed.")?;
                counter.answers(data(2, &file[512..]))?;
                counter.port.eventually(&ack(2), &ack(1))
            })?;
            counter.is_done(&format!("got \"file\": {}", tally(600, 512)))?;
            holds(&counter.folder, "file", &file)?;
            counter.forgets_what_waits()?;
            let errand = ["get", "file", "{folder}/file", "--blksize", "1024"];
            let mut counter = hasty_client(lab, counter.folder, &errand)?;
            counter.is_asked(1, "file", "octet", &[("blksize", "1024")])?;
            lab.in_short("server", "sends the first block when ACK 0 has come a second time", |_| {
                counter.answers(oack(&[("blksize", "1024")]))?;
                counter.port.expect(ack(0))?;
                counter.port.expect(ack(0)).or_rather("No block followed.")?;
                counter.answers(data(1, &file))?;
                counter.port.eventually(&ack(1), &ack(0))
            })?;
            counter.is_done(&format!("got \"file\": {}", tally(600, 1024)))?;
            counter.forgets_what_waits()
        })
}

fn sends_its_data_again() -> Stage {
    Stage::client("A block that is not acknowledged in time is sent again")
        .promises(["F15"])
        .why("Whether the DATA was lost or its ACK, the sender sees the same: nothing. So it sends the same again.")
        .hints([
            "What does your client do when it has sent DATA 1 and no ACK comes?",
            "It sends DATA 1 again. Sender and receiver are the same in both programs: one engine serves both.",
            "let Some(packet) = link.receive(until)? else { patience.once_more()?; self.resend()?; continue };",
        ])
        .story(|lab| {
            let file = content(600);
            let folder = lab.folder("folder")?;
            folder.put("file", &file)?;
            let mut counter = hasty_client(lab, folder, &["put", "{folder}/file"])?;
            counter.is_asked(2, "file", "octet", &[])?;
            let (one, two) = (data(1, &file[..512]), data(2, &file[512..]));
            lab.in_short("server", "acknowledges each block when it has come a second time", |_| {
                counter.answers(ack(0))?;
                counter.port.expect(&one)?;
                counter.port.expect(&one).or_rather("It was not acknowledged.")?;
                counter.answers(ack(1))?;
                counter.port.eventually(&two, &one)?;
                counter.port.eventually(&two, &one).or_rather("It was not acknowledged.")?;
                counter.answers(ack(2))
            })?;
            counter.is_done(&format!("put \"file\": {}", tally(600, 512)))?;
            counter.forgets_what_waits()
        })
}

fn gives_up_in_the_middle() -> Stage {
    Stage::client("A server that falls silent is given up, and no half file stays")
        .promises(["F15", "F13", "C8", "C5"])
        .why("Half a file under the name of the whole is worse than none: the next program takes it for the whole.")
        .hints([
            "Where is what your client has received so far?",
            "In a file of another name, which is removed when the transfer fails.",
            "impl Drop for Part { fn drop(&mut self) { let _ = fs::remove_file(&self.0); } }",
        ])
        .story(|lab| {
            let folder = lab.folder("folder")?;
            let mut counter =
                client_with_timeout(lab, folder, "0.1", &["get", "file", "{folder}/file", "--tries", "3"])?;
            lab.in_short("server", "sends the first block and falls silent", |_| {
                counter.is_asked(1, "file", "octet", &[])?;
                counter.answers(data(1, &content(512)))?;
                for _ in 1..=3 {
                    counter.port.expect(ack(1))?;
                }
                Ok(())
            })?;
            counter.client.fails(&[])?;
            counter.forgets_what_waits()?;
            has_only(&counter.folder, &[])?;
            counter.folder.put("up", content(600))?;
            let errand = ["put", "{folder}/up", "--tries", "3"];
            let mut counter = client_with_timeout(lab, counter.folder, "0.1", &errand)?;
            lab.in_short("server", "takes a request and falls silent", |_| {
                counter.is_asked(2, "up", "octet", &[])?;
                counter.answers(ack(0))?;
                (1..=3).try_for_each(|_| counter.port.expect(data(1, &content(512))))
            })?;
            counter.client.fails(&[])?;
            counter.desk.forgets_what_waits()
        })
}

fn gives_each_of_its_packets_all_its_tries() -> Stage {
    Stage::client("Each packet has all its tries, and the last one is waited for like the others")
        .promises(["F15"])
        .why(
            "On a network that loses every second packet each block comes through at its second try, and the file as a whole, too: if the \
             tries are those of a block. Counted over the file, they are soon used up.",
        )
        .hints([
            "When does your client begin to count the tries anew?",
            "With every progress. And after the last try there is one more wait, before it gives up.",
            "self.patience.renew() when a block or an ACK brings something new",
        ])
        .story(|lab| {
            let file = content(2000);
            lab.steadily(|lab| {
                let folder = lab.folder("folder")?;
                let errand = ["get", "file", "{folder}/file", "--tries", "3"];
                let mut counter = client_with_timeout(lab, folder, "0.1", &errand)?;
                counter.is_asked(1, "file", "octet", &[])?;
                lab.in_short("server", "sends each block when the ACK before it has come a second time", |_| {
                    for number in 1..=4 {
                        counter.answers(data(number, block(&file, number.into(), 512)))?;
                        counter.port.expect(ack(number))?;
                        if number < 4 {
                            counter.port.expect(ack(number))?;
                        }
                    }
                    Ok(())
                })?;
                counter.is_done(&format!("got \"file\": {}", tally(2000, 512)))?;
                counter.desk.forgets_what_waits()?;
                holds(&counter.folder, "file", &file)
            })?;
            lab.steadily(|lab| {
                let folder = lab.folder("folder")?;
                folder.put("up", &file)?;
                let mut counter = client_with_timeout(lab, folder, "0.1", &["put", "{folder}/up", "--tries", "3"])?;
                counter.is_asked(2, "up", "octet", &[])?;
                lab.in_short("server", "acknowledges each block when it has come a second time", |_| {
                    counter.answers(ack(0))?;
                    for number in 1..=4 {
                        counter.port.expect(data(number, block(&file, number.into(), 512)))?;
                        counter.port.expect(data(number, block(&file, number.into(), 512)))?;
                        counter.answers(ack(number))?;
                    }
                    Ok(())
                })?;
                counter.is_done(&format!("put \"up\": {}", tally(2000, 512)))?;
                counter.desk.forgets_what_waits()
            })?;
            lab.steadily(|lab| {
                let folder = lab.folder("folder")?;
                let errand = ["get", "file", "{folder}/file", "--tries", "2"];
                let mut counter = client_with_timeout(lab, folder, "0.3", &errand)?;
                counter.is_asked(1, "file", "octet", &[])?;
                counter.is_asked(1, "file", "octet", &[])?;
                counter.port.expect_silence(Duration::from_millis(30))?;
                counter.answers(data(1, b"words"))?;
                counter.port.expect(ack(1))?;
                counter.is_done("got \"file\": 5 bytes in 1 blocks")
            })
        })
}

fn answers_no_repeated_ack() -> Stage {
    Stage::client("A repeated ACK is answered by nothing")
        .promises(["F3", "F13"])
        .why(
            "The Sorcerer's Apprentice (RFC 1123, section 4.2.3.1) works for clients, too: if a repeated ACK is answered by DATA, everything after it \
             is sent twice.",
        )
        .hints([
            "What does your client do with ACK 1 when it waits for ACK 2?",
            "Nothing. Only the ACK of the newest block lets the next one go; only time makes it repeat.",
            "match block.wrapping_sub(acknowledged) { 0 => {}, 1 => return Ok(()), _ => {} }",
        ])
        .story(|lab| {
            let file = content(2100);
            let folder = lab.folder("folder")?;
            folder.put("file", &file)?;
            let mut counter = patient_client(lab, folder, &["put", "{folder}/file"])?;
            counter.is_asked(2, "file", "octet", &[])?;
            let (client, mut stranger) = (counter.desk.partner()?, lab.udp_stranger()?);
            for number in 0..=4 {
                counter.answers(ack(number))?;
                counter.answers(ack(number))?;
                counter.answers(ack(number.saturating_sub(1)))?;
                counter.port.expect(data(number + 1, block(&file, usize::from(number) + 1, 512)))?;
                has_no_more_to_say(&counter.port, client, &mut stranger)?;
            }
            counter.answers(ack(5))?;
            counter.is_done(&format!("put \"file\": {}", tally(2100, 512)))?;
            // An OACK stands for ACK 0, and is no exception.
            let errand = ["put", "{folder}/file", "--blksize", "1024"];
            let mut counter = patient_client(lab, counter.folder, &errand)?;
            counter.is_asked(2, "file", "octet", &[("blksize", "1024")])?;
            let client = counter.desk.partner()?;
            counter.answers(oack(&[("blksize", "1024")]))?;
            counter.answers(oack(&[("blksize", "1024")]))?;
            counter.port.expect(data(1, &file[..1024]))?;
            has_no_more_to_say(&counter.port, client, &mut stranger)?;
            counter.answers(ack(1))?;
            counter.takes(&file, 2, 1024)?;
            counter.is_done(&format!("put \"file\": {}", tally(2100, 1024)))
        })
}

fn takes_repeated_data_once() -> Stage {
    Stage::client("Repeated DATA is acknowledged again, and written once")
        .promises(["F13"])
        .why("When an ACK is lost, its DATA comes again. The client has it already; but the server will not go on before it hears so.")
        .hints([
            "What does your client do with a block that it has already?",
            "It sends the ACK again, and does not write. A block from the future is not written, either.",
            "match block.wrapping_sub(blocks) { 1 => write and acknowledge, 2..0x8000 => {}, _ => acknowledge again }",
        ])
        .story(|lab| {
            let folder = lab.folder("folder")?;
            let mut counter = client_with_timeout(lab, folder, "0.5", &["get", "file", "{folder}/file"])?;
            let file = content(1100);
            counter.is_asked(1, "file", "octet", &[])?;
            for number in [1, 1, 2, 2, 2] {
                counter.answers(data(number, block(&file, number.into(), 512)))?;
                counter.port.eventually(&ack(number), &ack(number - 1))?;
            }
            counter.answers(data(5, &content(512)))?;
            counter.answers(data(3, block(&file, 3, 512)))?;
            counter.port.eventually(&ack(3), &ack(2))?;
            counter.is_done(&format!("got \"file\": {}", tally(1100, 512)))?;
            counter.forgets_what_waits()?;
            holds(&counter.folder, "file", &file)
        })
}

fn keeps_to_the_port_of_the_first_answer() -> Stage {
    Stage::client("It keeps to the port of the first answer; any other gets ERROR 5")
        .promises(["F14"])
        .why(
            "A request that was repeated may be answered twice, from two ports: two transfers of one file. The second is ended by \
             ERROR 5, and the first goes on undisturbed (RFC 1350, section 4).",
        )
        .hints([
            "What does your client do with the address that `recv_from` returns?",
            "The first answer's is kept; every packet from another gets ERROR 5 there, unless it is an ERROR itself.",
            "Some((length, from)) if from == self.peer => …, Some((length, from)) => self.turn_away(from, …)",
        ])
        .story(|lab| {
            let folder = lab.folder("folder")?;
            let mut counter = patient_client(lab, folder, &["get", "file", "{folder}/file"])?;
            let mut second = lab.udp_stranger()?;
            let file = content(1100);
            counter.is_asked(1, "file", "octet", &[])?;
            let client = counter.desk.partner()?;
            counter.answers(data(1, &file[..512]))?;
            counter.port.expect(ack(1))?;
            for packet in [data(1, &file[..512]), data(2, b"forged"), ack(0)] {
                second.send_to(client, packet)?;
                second.expect_error(5)?;
            }
            second.send_to(client, error(1, "forged"))?;
            // At another address, with the port of the transfer.
            if let Some(mut namesake) = lab.udp_namesake(&counter.port)? {
                namesake.send_to(client, data(2, b"forged"))?;
                namesake.expect_error(5)?;
            }
            counter.sends(&file, 2, 512)?;
            counter.is_done(&format!("got \"file\": {}", tally(1100, 512)))?;
            holds(&counter.folder, "file", &file)?;
            counter.folder.put("up", &file)?;
            let mut counter = patient_client(lab, counter.folder, &["put", "{folder}/up"])?;
            counter.is_asked(2, "up", "octet", &[])?;
            let client = counter.desk.partner()?;
            counter.answers(ack(0))?;
            counter.port.expect(data(1, &file[..512]))?;
            second.send_to(client, ack(1))?;
            second.expect_error(5)?;
            second.send_to(client, error(3, "forged"))?;
            counter.answers(ack(1))?;
            counter.takes(&file, 2, 512)?;
            counter.is_done(&format!("put \"up\": {}", tally(1100, 512)))
        })
}

fn takes_no_first_answer_from_elsewhere() -> Stage {
    Stage::client("The first answer must come from the server's address, and be one")
        .promises(["F14"])
        .why("Before the server has answered, its port is not known yet; but its address is. What comes from another address is from somebody else.")
        .hints([
            "Which packets does your client take for the answer to its request?",
            "DATA 1 of a download, ACK 0 of an upload, OACK and ERROR of both; from the server's IP address. Who writes from another gets ERROR 5.",
            "if from.ip() == server.ip() && is_first_answer(kind, packet) { link.settle_on(from) } else { link.turn_away(from, …) }",
        ])
        .story(|lab| {
            let folder = lab.folder("folder")?;
            let mut counter = patient_client(lab, folder, &["get", "file", "{folder}/file"])?;
            let mut early = lab.udp_stranger()?;
            counter.is_asked(1, "file", "octet", &[])?;
            let client = counter.desk.partner()?;
            // Whether their sender hears an ERROR is the client's own affair: it is at the server's address.
            for packet in [data(2, b"later"), ack(0), ack(1)] {
                early.send_to(client, packet)?;
            }
            if let Some(mut namesake) = lab.udp_namesake(&counter.desk)? {
                namesake.send_to(client, error(1, "forged"))?;
                namesake.send_to(client, data(1, b"forged"))?;
                namesake.expect_error(5)?;
            }
            counter.sends(b"real", 1, 512)?;
            counter.is_done("got \"file\": 4 bytes in 1 blocks")?;
            early.forgets_what_waits()?;
            holds(&counter.folder, "file", b"real")
        })
}

fn is_not_kept_waiting_by_strangers() -> Stage {
    Stage::client("Others who talk to it do not prolong the wait")
        .promises(["F15", "F14", "C8"])
        .why(
            "A read timeout bounds one call. If every packet that is not the one waited for starts a new wait, whoever sends some often \
             enough keeps the client waiting for ever.",
        )
        .hints([
            "When does your wait begin, and what begins it anew?",
            "Note the time at which it ends, and wait only for what is left of it after each packet that is not the one.",
            "let left = until.saturating_duration_since(Instant::now()); if left.is_zero() { return Ok(None); }",
        ])
        .story(|lab| {
            let folder = lab.folder("folder")?;
            let mut counter = client_with_timeout(lab, folder, "0.5", &["get", "file", "{folder}/file"])?;
            let mut stranger = lab.udp_stranger()?;
            counter.is_asked(1, "file", "octet", &[])?;
            counter.answers(data(1, &content(512)))?;
            counter.port.expect(ack(1))?;
            lab.in_short("stranger", "talks all the time", |lab| {
                let client = counter.desk.partner()?;
                let noise = |_: &UdpPeer| stranger.send_to(client, data(2, b"forged"));
                comes_again_amid_noise(lab, &mut counter.port, &ack(1), noise)
                    .or_rather("Your client does not acknowledge again as long as others talk to it.")?;
                counter.answers(data(2, b"end"))?;
                counter.port.eventually(&ack(2), &ack(1))
            })?;
            counter.is_done("got \"file\": 515 bytes in 2 blocks")?;
            counter.forgets_what_waits()?;
            stranger.forgets_what_waits()
        })
}

fn tells_what_the_server_said() -> Stage {
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
            let mut counter = patient_client(lab, counter.folder, &["put", "{folder}/up"])?;
            counter.is_asked(2, "up", "octet", &[])?;
            counter.answers(ack(0))?;
            counter.port.expect(data(1, &content(512)))?;
            counter.answers(error(3, "no room for it"))?;
            counter.client.fails(&["no room for it", "3"])
        })
}

fn a_download_appears_complete_or_not_at_all() -> Stage {
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

fn an_interrupted_client_ends_quietly() -> Stage {
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

fn says_which_file_it_cannot_use() -> Stage {
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

fn fails_when_the_disk_is_full() -> Stage {
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

fn knows_its_errands() -> Stage {
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

fn gets_no_file_into_its_memory() -> Stage {
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
            let mut counter = patient_client(lab, folder, &errand)?;
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

fn is_not_drowned_by_strangers() -> Stage {
    Stage::client("However much strangers send, it keeps none of it")
        .promises(["C10", "F14"])
        .why("A port on a network can be reached by anybody. What is not for us is answered and forgotten.")
        .hints([
            "Where does a stranger's packet go in your client?",
            "Nowhere: its sender gets ERROR 5, and the buffer is used for the next packet.",
            "Some((length, from)) => self.turn_away(from, &self.buffer[..length])",
        ])
        .story(|lab| {
            let folder = lab.folder("folder")?;
            let mut counter = client_with_timeout(lab, folder, "30", &["get", "file", "{folder}/file"])?;
            counter.is_asked(1, "file", "octet", &[])?;
            let (client, mut stranger) = (counter.desk.partner()?, lab.udp_stranger()?);
            counter.answers(data(1, &content(512)))?;
            counter.port.expect(ack(1))?;
            let packet = data(2, &vec![7; 32768]);
            lab.memory_stays(&counter.client, |lab| {
                lab.in_short("stranger", "sends 20 MB, and gets ERROR 5 for each packet", |_| {
                    for _ in 0..640 {
                        stranger.send_to(client, &packet)?;
                        stranger.expect_error(5)?;
                    }
                    Ok(())
                })?;
                Ok(640 << 15)
            })?;
            counter.answers(error(0, "that is enough"))?;
            counter.client.fails(&[])
        })
}

fn prints_its_names_escaped() -> Stage {
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

fn gets_text() -> Stage {
    Stage::client("netascii: CR LF becomes the system's line end, CR NUL a CR, also across blocks")
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
            let wire = [&[b'x'; 511][..], b"\r\none\r\0two\r\n"].concat();
            let text = [&[b'x'; 511][..], b"\none\rtwo\n"].concat();
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

fn puts_text() -> Stage {
    Stage::client("netascii: a line ends with CR LF on the wire, and a CR that ends none is CR NUL")
        .promises(["F8"])
        .why("What is translated on one side is translated back on the other. A pair may be cut in two by the end of a block.")
        .hints([
            "What becomes of a newline that is the 512th byte of a block?",
            "Its CR ends this block, its LF begins the next: the translation must remember what it owes.",
            "(*room, self.owed) = match byte { b'\\n' => (b'\\r', Some(b'\\n')), b'\\r' => (b'\\r', Some(0)), byte => (byte, None) }",
        ])
        .story(|lab| {
            let folder = lab.folder("folder")?;
            folder.put("text", [&[b'x'; 511][..], b"\none\rtwo\r\n"].concat())?;
            let mut counter = patient_client(lab, folder, &["put", "{folder}/text", "--mode", "netascii"])?;
            counter.is_asked(2, "text", "netascii", &[])?;
            counter.answers(ack(0))?;
            counter.takes(&[&[b'x'; 511][..], b"\r\none\r\0two\r\0\r\n"].concat(), 1, 512)?;
            let line = counter.client.next_line("put \"text\": …")?;
            demand(line.starts_with("put \"text\": ") && line.ends_with(" in 2 blocks"), || {
                format!("Your client printed `{line}` where its line about a file that it put was due.")
            })?;
            counter.client.ends_well()
        })
}

fn gets_more_than_65535_blocks() -> Stage {
    Stage::client("After block 65535 comes block 0, and the download goes on")
        .promises(["F9"])
        .why("Two bytes count to 65535. The next number is 0 again, so what a number means follows from where the transfer is.")
        .hints([
            "What does your client do with DATA 0 after DATA 65535?",
            "Count in 64 bits; the next block is the one whose number is one ahead in 16 bits.",
            "block.wrapping_sub(self.tally.blocks as u16) == 1",
        ])
        .story(|lab| {
            let folder = lab.folder("folder")?;
            let errand = ["get", "file", "{folder}/file", "--blksize", "8", "--windowsize", "64"];
            let mut counter = patient_client(lab, folder, &errand)?;
            let file = content(MANY_BLOCKS * 8 + 3);
            counter.is_asked(1, "file", "octet", &SMALL)?;
            lab.in_short("server", "sends 65,541 blocks", |_| {
                counter.answers(oack(&SMALL))?;
                counter.port.expect(ack(0))?;
                let last = MANY_BLOCKS + 1;
                for number in 1..=last {
                    counter.port.send(data(number as u16, block(&file, number, 8)))?;
                    if number % 64 == 0 || number == last {
                        counter.port.expect(ack(number as u16))?;
                    }
                }
                Ok(())
            })?;
            counter.is_done("got \"file\": 524323 bytes in 65541 blocks")?;
            holds(&counter.folder, "file", &file)
        })
}

fn puts_more_than_65535_blocks() -> Stage {
    Stage::client("After block 65535 comes block 0, and the upload goes on")
        .promises(["F9"])
        .why("With blocks of 512 bytes, numbers of two bytes last for 32 MiB. Then they begin anew.")
        .hints([
            "Which type does your block counter have, and what happens when it is full?",
            "Count in 64 bits, and put the lower 16 on the wire; compare distances with `wrapping_sub`.",
            "write_data_header(number as u16, …); block.wrapping_sub(self.acknowledged as u16)",
        ])
        .story(|lab| {
            let folder = lab.folder("folder")?;
            let file = content(MANY_BLOCKS * 8 + 3);
            folder.put("file", &file)?;
            let errand = ["put", "{folder}/file", "--blksize", "8", "--windowsize", "64"];
            let mut counter = patient_client(lab, folder, &errand)?;
            counter.is_asked(2, "file", "octet", &SMALL)?;
            lab.in_short("server", "takes 65,541 blocks", |_| {
                counter.answers(oack(&SMALL))?;
                let last = MANY_BLOCKS + 1;
                for number in 1..=last {
                    let came = counter.port.receive(&format!("DATA {}", number as u16))?.bytes;
                    let is_due = parse_data(&came) == Some((number as u16, block(&file, number, 8)));
                    demand(is_due, || {
                        format!("{} came, where block {number} was due: DATA {}.", describe(&came), number as u16)
                    })?;
                    if number % 64 == 0 || number == last {
                        counter.port.send(ack(number as u16))?;
                    }
                }
                Ok(())
            })?;
            counter.is_done("put \"file\": 524323 bytes in 65541 blocks")
        })
}

fn asks_for_options_only_when_told() -> Stage {
    Stage::client("Options go out when they were asked for, and no others")
        .promises(["F17"])
        .why("A server that knows no options may not like them. And whoever asks for what nobody wants has to handle the answer.")
        .hints([
            "Which options does your client put into its request?",
            "Those of the command line; `--timeout` and `--tries` are for the client itself. tsize only for a progress bar, which a terminal has.",
            "Options { blksize: args.blksize, windowsize: args.windowsize, tsize: stderr().is_terminal().then_some(0), timeout: None }",
        ])
        .story(|lab| {
            let folder = lab.folder("folder")?;
            let errand = ["get", "file", "{folder}/file", "--blksize", "1024", "--windowsize", "2", "--tries", "4"];
            let mut counter = patient_client(lab, folder, &errand)?;
            let both = [("blksize", "1024"), ("windowsize", "2")];
            counter.is_asked(1, "file", "octet", &both)?;
            let file = content(2500);
            counter.answers(oack(&both))?;
            counter.port.expect(ack(0))?;
            for number in 1..=3 {
                counter.answers(data(number, block(&file, number.into(), 1024)))?;
                if number > 1 {
                    counter.port.expect(ack(number))?;
                }
            }
            counter.is_done(&format!("got \"file\": {}", tally(2500, 1024)))?;
            holds(&counter.folder, "file", &file)?;
            let errand = ["get", "file", "{folder}/file", "--windowsize", "2"];
            let mut counter = patient_client(lab, counter.folder, &errand)?;
            counter.is_asked(1, "file", "octet", &[("windowsize", "2")])?;
            counter.sends(b"words", 1, 512)?;
            counter.is_done("got \"file\": 5 bytes in 1 blocks")?;
            counter.folder.put("up", &file)?;
            let mut counter = patient_client(lab, counter.folder, &["put", "{folder}/up", "--blksize", "2000"])?;
            counter.is_asked(2, "up", "octet", &[("blksize", "2000")])?;
            counter.answers(oack(&[("BLKSIZE", "2000")]))?;
            counter.takes(&file, 1, 2000)?;
            counter.is_done(&format!("put \"up\": {}", tally(2500, 2000)))
        })
}

fn lives_without_options() -> Stage {
    Stage::client("A server that ignores options is used without them")
        .promises(["F17"])
        .why("A server of RFC 1350 does not know what follows the mode, and does not look. Its first answer is DATA 1 or ACK 0, as ever.")
        .hints([
            "What does your client do when DATA 1 comes where it asked for options?",
            "Nothing was granted: blocks of 512 bytes, one at a time.",
            "Packet::Data { block: 1, .. } => Answer { granted: Options::default(), … }",
        ])
        .story(|lab| {
            let file = content(1100);
            let folder = lab.folder("folder")?;
            let errand = ["get", "file", "{folder}/file", "--blksize", "1024", "--windowsize", "8"];
            let mut counter = patient_client(lab, folder, &errand)?;
            let both = [("blksize", "1024"), ("windowsize", "8")];
            counter.is_asked(1, "file", "octet", &both)?;
            counter.sends(&file, 1, 512)?;
            counter.is_done(&format!("got \"file\": {}", tally(1100, 512)))?;
            holds(&counter.folder, "file", &file)?;
            let errand = ["put", "{folder}/file", "--blksize", "1024", "--windowsize", "8"];
            let mut counter = patient_client(lab, counter.folder, &errand)?;
            counter.is_asked(2, "file", "octet", &both)?;
            counter.answers(ack(0))?;
            counter.takes(&file, 1, 512)?;
            counter.is_done(&format!("put \"file\": {}", tally(1100, 512)))
        })
}

fn takes_less_than_it_asked_for() -> Stage {
    Stage::client("A server may grant a smaller block and a smaller window")
        .promises(["F17"])
        .why("A server knows its own buffers. It grants what it can, and the client lives with it (RFC 2348; RFC 7440, section 3).")
        .hints([
            "Which block size does your client use: the one that it asked for, or the one that was granted?",
            "The one in the OACK; and 512, and one block at a time, where the OACK says nothing.",
            "Terms::new(granted, args.timeout, args.tries)",
        ])
        .story(|lab| {
            let file = content(1700);
            let folder = lab.folder("folder")?;
            let errand = ["get", "file", "{folder}/file", "--blksize", "4096", "--windowsize", "8"];
            let mut counter = patient_client(lab, folder, &errand)?;
            let both = [("blksize", "4096"), ("windowsize", "8")];
            counter.is_asked(1, "file", "octet", &both)?;
            counter.answers(oack(&[("blksize", "700"), ("windowsize", "2")]))?;
            counter.port.expect(ack(0))?;
            for number in 1..=3 {
                counter.answers(data(number, block(&file, number.into(), 700)))?;
                if number > 1 {
                    counter.port.expect(ack(number))?;
                }
            }
            counter.is_done(&format!("got \"file\": {}", tally(1700, 700)))?;
            holds(&counter.folder, "file", &file)?;
            let errand = ["put", "{folder}/file", "--blksize", "4096", "--windowsize", "8"];
            let mut counter = patient_client(lab, counter.folder, &errand)?;
            counter.is_asked(2, "file", "octet", &both)?;
            counter.answers(oack(&[("blksize", "600")]))?;
            counter.takes(&file, 1, 600)?;
            counter.is_done(&format!("put \"file\": {}", tally(1700, 600)))
        })
}

fn refuses_options_that_it_did_not_ask_for() -> Stage {
    Stage::client("An OACK with what was not asked for, or out of range, gets ERROR 8")
        .promises(["F17", "C5", "F13"])
        .why("If the two sides have different ideas of the block size, the first full block is taken for the last. Better no transfer than that one.")
        .hints([
            "What does your client compare the OACK with?",
            "With what it asked for: every option must be one of those, and blksize and windowsize no larger.",
            "asked.granted(options).map_err(refuse_options)?, and `conclude` sends the ERROR",
        ])
        .story(|lab| {
            let folder = lab.folder("folder")?;
            folder.put("up", "up")?;
            let wrong = [
                ("get", "blksize", "1025"),
                ("get", "blksize", "7"),
                ("get", "blksize", "many"),
                ("get", "timeout", "1"),
                ("get", "windowsize", "5"),
                ("get", "windowsize", "0"),
                ("get", "tsize", "5"),
                ("put", "blksize", "65464"),
                ("put", "speed", "fast"),
            ];
            let mut folder = Some(folder);
            for (verb, name, value) in wrong {
                let get = ["get", "file", "{folder}/file", "--blksize", "1024", "--windowsize", "4"];
                let put = ["put", "{folder}/up", "file", "--blksize", "1024", "--windowsize", "4"];
                let Some(kept) = folder.take() else { break };
                let mut counter = patient_client(lab, kept, if verb == "get" { &get } else { &put })?;
                counter.is_asked(if verb == "get" { 1 } else { 2 }, "file", "octet", &[("blksize", "1024"), ("windowsize", "4")])?;
                counter.answers(oack(&[(name, value)]))?;
                counter.port.expect_error(8)?;
                counter.client.fails(&[])?;
                has_only(&counter.folder, &["up"])?;
                folder = Some(counter.folder);
            }
            Ok(())
        })
}

fn gets_in_windows() -> Stage {
    Stage::client("With windowsize 4 it acknowledges every fourth block, and a gap at once")
        .promises(["F17", "F13", "F15"])
        .why("One ACK stands for a whole window. If a block in its middle is lost, the ACK of the one before tells from where to send again (RFC 7440, section 4).")
        .hints([
            "When does your client acknowledge, and what does it do with block 6 when block 5 is missing?",
            "After four new blocks, and after the last one. A block that is not due is not written; the ACK says which was the last in order.",
            "if self.complete || self.unacknowledged == self.terms.window { self.acknowledge()?; }, 2..0x8000 => self.report_gap()",
        ])
        .story(|lab| {
            let file = content(150);
            let folder = lab.folder("folder")?;
            let errand = ["get", "file", "{folder}/file", "--blksize", "16", "--windowsize", "4"];
            let mut counter = patient_client(lab, folder, &errand)?;
            counter.is_asked(1, "file", "octet", &WINDOWS)?;
            let packet = |number: u16| data(number, block(&file, number.into(), 16));
            lab.in_short("server", "sends windows, one of them without its second block", |_| {
                counter.answers(oack(&WINDOWS))?;
                counter.port.expect(ack(0))?;
                for number in 1..=4 {
                    counter.answers(packet(number))?;
                }
                counter.port.eventually(&ack(4), &ack(0))?;
                for number in [5, 7, 8] {
                    counter.answers(packet(number))?;
                }
                let sent = Instant::now();
                counter.port.eventually(&ack(5), &ack(4)).or_rather("Block 6 is missing.")?;
                demand(sent.elapsed() < Duration::from_secs(2), || {
                    "Your client acknowledged block 5 only when the time was up; that 6 is missing was to be seen at once.".to_owned()
                })?;
                for number in 6..=9 {
                    counter.answers(packet(number))?;
                }
                counter.port.eventually(&ack(9), &ack(5))?;
                counter.answers(packet(10))?;
                counter.port.eventually(&ack(10), &ack(9))
            })?;
            counter.is_done("got \"file\": 150 bytes in 10 blocks")?;
            counter.forgets_what_waits()?;
            holds(&counter.folder, "file", &file)
        })
}

fn puts_in_windows() -> Stage {
    Stage::client("With windowsize 4 it sends four blocks at a time, and goes back where it is told to")
        .promises(["F17", "F13", "F15"])
        .why("A window keeps the line busy while the ACK is on its way. An ACK in its middle means: again from here (RFC 7440, section 4).")
        .hints([
            "How many blocks does your client send before it waits, and what does it do when two of four are acknowledged?",
            "As many as the window has, or the file. The next window begins with the block after the ACK; to send it the file must go back.",
            "while under_way < terms.window { … }; file.return_to(bookmark)?; and the blocks that have arrived are skipped",
        ])
        .story(|lab| {
            let file = content(150);
            let folder = lab.folder("folder")?;
            folder.put("file", &file)?;
            let errand = ["put", "{folder}/file", "--blksize", "16", "--windowsize", "4"];
            let mut counter = client_with_timeout(lab, folder, "0.4", &errand)?;
            counter.is_asked(2, "file", "octet", &WINDOWS)?;
            let packet = |number: u16| data(number, block(&file, number.into(), 16));
            lab.in_short("server", "acknowledges 2 of 4 blocks, then loses a whole window", |_| {
                counter.answers(oack(&WINDOWS))?;
                hears_window(&mut counter.port, &packet, 1..=4)?;
                counter.answers(ack(2))?;
                hears_window(&mut counter.port, &packet, 3..=6)?;
                hears_window(&mut counter.port, &packet, 3..=6).or_rather("The window was not acknowledged.")?;
                counter.answers(ack(6))?;
                hears_window(&mut counter.port, &packet, 7..=10)?;
                counter.answers(ack(10))
            })?;
            counter.is_done("put \"file\": 150 bytes in 10 blocks")?;
            counter.forgets_what_waits()
        })
}

// Both.

fn the_pair_survives_a_bad_network() -> Stage {
    Stage::pair("Your client and your server, on a network that loses, repeats and delays")
        .promises(["F1", "F2", "F3", "F5", "F13", "F15"])
        .why("Each kept its promises alone, with the lab for a partner. Here they have only each other, and a network that is none too good.")
        .hints([
            "Both pass alone? Then compare what each says with what the other expects.",
            "`cargo xtask run tftp --loss 20% --seed 7 -- get FILE` shows the two, and what the network does to them.",
            "Request, DATA and ACK are each sent again when nothing answers; a repeated ACK causes no DATA.",
        ])
        .story(|lab| {
            let (server, folder) = hasty_server(lab, &[])?;
            let file = content(3000);
            folder.put("file", &file)?;
            let here = lab.folder("here")?;
            let get = ["get", "file", &here.file("got")].map(str::to_owned);
            let put = ["put", &here.file("got"), "put"].map(str::to_owned);
            let (to_server, to_client) = (Direction::ToServer, Direction::ToClient);
            for (errand, done) in [(get, "got \"file\""), (put, "put \"put\"")] {
                let rules = vec![
                    Rule::lose().to(to_server).only(1),
                    Rule::lose().to(to_client).only(2),
                    Rule::lose().to(to_server).only(4),
                    Rule::duplicate().to(to_client).only(4),
                    Rule::duplicate().to(to_server).only(6),
                    Rule::delay(Duration::from_millis(20)).to(to_client).only(6),
                ];
                let count = rules.len();
                let tap = lab.tap(&server, Transport::Udp, rules)?;
                let mut arguments: Vec<_> = errand.iter().map(String::as_str).collect();
                arguments.extend(["--timeout", "0.15"]);
                let client = lab.client(tap.address(), &arguments)?;
                client.says(&format!("{done}: {}", tally(3000, 512)))?;
                client.ends_well()?;
                lab.recall(&tap);
                demand(tap.strikes() == vec![1; count], || {
                    "The network did not get to do what it should have done.".to_owned()
                })?;
            }
            holds(&here, "got", &file)?;
            holds(&folder, "put", &file)?;
            lab.lowers_the_curtain()
        })
}
