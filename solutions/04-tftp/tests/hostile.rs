//! What nobody should send, and what nobody wishes for: random and mutated packets, kills in the middle, full disks.

mod common;

use std::fs;
use std::net::{SocketAddr, UdpSocket};
use std::process::Command;
use std::thread;
use std::time::Duration;

use common::{content, our_client, our_server};
use peers::{Dice, Folder, PATIENCE, Running, eventually, serve};
use tftp::netascii::{Decoder, Encoder};
use tftp::options::Options;
use tftp::packet::{Kind, Mode, Packet, Strings, ack, error, oack, request};

/// Packets that make sense, to be spoiled.
fn sensible() -> Vec<Vec<u8>> {
    let options = Options { blksize: Some(1428), timeout: Some(1), tsize: Some(0), windowsize: Some(4) }.encode();
    vec![
        request(Kind::Read, b"file", Mode::Octet, b""),
        request(Kind::Read, b"file", Mode::Netascii, &options),
        // Without a timeout: spoiled, it may be minutes, and so long would the server wait, as it should.
        request(Kind::Write, b"up", Mode::Octet, b"blksize\x001428\0windowsize\x004\0tsize\x007\0"),
        request(Kind::Write, b"../up", Mode::Octet, b"blksize\x008\0"),
        request(Kind::Read, b"/etc/passwd", Mode::Octet, b""),
        [&[0, 3, 0, 1], &content(512)[..]].concat(),
        [0, 3, 0, 2].to_vec(),
        ack(0).to_vec(),
        ack(1).to_vec(),
        ack(65535).to_vec(),
        error(tftp::packet::ErrorCode::DiskFull, "no room"),
        oack(&options),
    ]
}

/// A packet that was spoiled by chance, or never made sense at all.
fn spoiled(dice: &mut Dice, from: &[Vec<u8>]) -> Vec<u8> {
    let mut packet = from[dice.below(from.len())].clone();
    match dice.below(6) {
        0 => packet = (0..dice.below(80)).map(|_| dice.roll() as u8).collect(),
        1 => packet.truncate(dice.below(packet.len() + 1)),
        2 => packet.extend((0..dice.below(600)).map(|_| dice.roll() as u8).collect::<Vec<_>>()),
        _ => {}
    }
    for _ in 0..dice.below(4) {
        if !packet.is_empty() {
            let at = dice.below(packet.len());
            match dice.below(3) {
                0 => packet[at] = dice.roll() as u8,
                1 => packet[at] ^= 1 << dice.below(8),
                _ => drop(packet.remove(at)),
            }
        }
    }
    packet
}

/// Answers are thrown away, so that the sender's buffer is not what keeps the other side going.
fn forget_answers(socket: &UdpSocket) {
    socket.set_nonblocking(true).unwrap();
    while socket.recv_from(&mut [0; 2048]).is_ok() {}
    socket.set_nonblocking(false).unwrap();
}

/// Sends a request from a socket of its own; returns that, and what came back.
fn asks(server: SocketAddr, kind: Kind, name: &[u8]) -> (UdpSocket, Vec<u8>) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket.send_to(&request(kind, name, Mode::Octet, b""), server).unwrap();
    let mut answer = vec![0; 1024];
    let (length, from) = socket.recv_from(&mut answer).unwrap();
    socket.connect(from).unwrap();
    answer.truncate(length);
    (socket, answer)
}

#[test]
fn what_is_on_its_way_in_is_nobody_elses_to_write() {
    let root = Folder::new("on-its-way");
    let (server, address) = our_server(root.path(), &["--overwrite"]);
    let (alice, answer) = asks(address, Kind::Write, b"a.bin");
    assert_eq!(answer, ack(0));
    let [part] = &root.names()[..] else { panic!("{:?}", root.names()) };
    let (_, refusal) = asks(address, Kind::Write, part.as_bytes());
    assert_eq!(refusal[..4], [0, 5, 0, 2], "{refusal:?}");
    alice.send(&[&[0, 3, 0, 1], &b"good"[..]].concat()).unwrap();
    server.prints_at_last("4 bytes in 1 blocks");
    assert_eq!(fs::read(root.file("a.bin")).unwrap(), b"good");
}

#[test]
#[cfg(unix)]
fn symlinks_in_a_circle_are_an_access_violation() {
    let root = Folder::new("circle");
    std::os::unix::fs::symlink("circle", root.file("circle")).unwrap();
    let (_server, address) = our_server(root.path(), &[]);
    let (_, refusal) = asks(address, Kind::Read, b"circle");
    assert_eq!(refusal[..4], [0, 5, 0, 2], "{refusal:?}");
}

fn packets() -> usize {
    std::env::var("PACKETS").ok().and_then(|count| count.parse().ok()).unwrap_or(10_000)
}

#[test]
fn the_parser_takes_any_bytes() {
    let (mut dice, sensible) = (Dice(7), sensible());
    for _ in 0..300_000 {
        let bytes = spoiled(&mut dice, &sensible);
        match Packet::parse(&bytes) {
            Ok(Packet::Request(request)) => {
                assert!(!request.name.is_empty() && !request.name.contains(&0) && !request.mode.contains(&0));
                let asked = Options::asked(request.options);
                assert!(asked.blksize.is_none_or(|size| (8..=65464).contains(&size)));
                assert_eq!(Options::asked(Strings::new(&asked.encode()).unwrap()), asked);
            }
            Ok(Packet::Data { block, bytes: payload }) => {
                let mut again = bytes.clone();
                tftp::packet::write_data_header(block, &mut again);
                assert!(again == bytes && payload == &bytes[4..]);
            }
            Ok(Packet::Ack { block }) => assert_eq!(ack(block)[..], bytes[..4]),
            Ok(Packet::Oack(options)) => drop(Options::default().granted(options)),
            Ok(Packet::Error { .. }) | Err(_) => {}
        }
    }
}

#[test]
fn text_comes_back_through_blocks_of_any_size() {
    let mut dice = Dice(11);
    for _ in 0..20_000 {
        let text: Vec<u8> = (0..dice.below(60)).map(|_| b"\r\n\0ab"[dice.below(5)]).collect();
        let (mut encoder, mut decoder) = (Encoder::default(), Decoder::default());
        let (mut rest, mut back) = (&text[..], Vec::new());
        loop {
            let mut block = vec![0; 1 + dice.below(9)];
            let (taken, made) = encoder.encode(rest, &mut block);
            rest = &rest[taken..];
            decoder.decode(&block[..made], |byte| back.push(byte));
            if made < block.len() {
                break;
            }
        }
        decoder.finish(|byte| back.push(byte));
        assert_eq!(back, text);
    }
}

#[test]
fn the_server_survives_spoiled_packets() {
    let (root, mut dice, sensible) = (Folder::new("hostile-server"), Dice(21), sensible());
    let inner = root.file("root");
    fs::create_dir(&inner).unwrap();
    fs::write(inner.join("file"), content(3000)).unwrap();
    let (mut server, address) = our_server(&inner, &["--timeout", "0.05", "--tries", "2", "--overwrite"]);
    let mallory = UdpSocket::bind("127.0.0.1:0").unwrap();
    let mut transfer = address;
    for number in 0..packets() {
        let to = if number % 2 == 0 { address } else { transfer };
        let _ = mallory.send_to(&spoiled(&mut dice, &sensible), to);
        if number % 64 == 0 {
            // Into the middle of a transfer of their own, too.
            forget_answers(&mallory);
            mallory.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
            mallory.send_to(&sensible[number / 64 % 3], address).unwrap();
            transfer = mallory.recv_from(&mut [0; 2048]).map_or(address, |(_, from)| from);
        }
    }
    assert!(!server.has_ended(), "the server has ended");
    let here = Folder::new("hostile-server-here");
    let output = our_client(address, here.path(), &["get", "file", "--timeout", "5"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(fs::read(here.file("file")).unwrap(), content(3000));
    let left = || fs::read_dir(&inner).unwrap().filter(|entry| is_part(&entry.as_ref().unwrap().path())).count();
    eventually("parts of uploads are cleared away", || left() == 0);
    assert_eq!(root.names(), ["root"], "something got out");
}

#[test]
fn one_who_asks_too_often_shuts_nobody_out() {
    let root = Folder::new("hostile-greed");
    fs::write(root.file("file"), content(300)).unwrap();
    let (_server, address) = our_server(root.path(), &["--timeout", "20"]);
    let answers = |asking: &UdpSocket, patience: Duration| {
        asking.set_read_timeout(Some(patience)).unwrap();
        asking.send_to(&request(Kind::Read, b"file", Mode::Octet, b""), address).unwrap();
        asking.recv_from(&mut [0; 2048]).is_ok()
    };
    let greedy = UdpSocket::bind("127.0.0.1:0").unwrap();
    let served = (0..200).take_while(|_| answers(&greedy, Duration::from_millis(500))).count();
    assert_eq!(served, 100);
    let neighbour = UdpSocket::bind("127.0.0.1:0").unwrap();
    assert!(answers(&neighbour, PATIENCE), "another port of the same machine is not served");
}

fn is_part(path: &std::path::Path) -> bool {
    path.extension().is_some_and(|extension| extension == "part")
}

/// A client with an errand, and its request.
fn call(here: &Folder, arguments: &[&str]) -> (Running, UdpSocket, SocketAddr) {
    let server = UdpSocket::bind("127.0.0.1:0").unwrap();
    server.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_tftp-client"));
    command.args(["--connect", &server.local_addr().unwrap().to_string()]).args(arguments).current_dir(here.path());
    let client = Running::start(&mut command);
    let (_, address) = server.recv_from(&mut [0; 600]).unwrap();
    (client, server, address)
}

#[test]
fn a_client_in_mid_transfer_survives_spoiled_packets_of_strangers() {
    let (here, mut dice, sensible) = (Folder::new("hostile-strangers"), Dice(31), sensible());
    let (mut client, server, address) = call(&here, &["get", "file", "--timeout", "20"]);
    let file = content(700);
    server.send_to(&[&[0, 3, 0, 1], &file[..512]].concat(), address).unwrap();
    let mallory = UdpSocket::bind("127.0.0.1:0").unwrap();
    for number in 0..packets() {
        let _ = mallory.send_to(&spoiled(&mut dice, &sensible), address);
        if number % 64 == 0 {
            forget_answers(&mallory);
            thread::sleep(Duration::from_millis(1));
        }
    }
    // Its socket's buffer may be full of the stranger's: so as often as it takes.
    for _ in 0..100 {
        let _ = server.send_to(&[&[0, 3, 0, 2], &file[512..]].concat(), address);
        thread::sleep(Duration::from_millis(20));
        if client.has_ended() {
            break;
        }
    }
    let (code, words) = client.last_words();
    assert_eq!((code, words.as_str()), (Some(0), ""));
    assert_eq!(fs::read(here.file("file")).unwrap(), file);
    assert_eq!(here.names(), ["file"]);
}

#[test]
fn a_client_survives_a_server_that_sends_spoiled_packets() {
    let (here, mut dice, sensible) = (Folder::new("hostile-peer"), Dice(41), sensible());
    for round in 0..60 {
        fs::write(here.file("up"), content(2000)).unwrap();
        let errand = if round % 2 == 0 { ["get", "file"] } else { ["put", "up"] };
        let options = ["--timeout", "0.02", "--tries", "2", "--blksize", "600", "--windowsize", "3"];
        let (mut client, server, address) = call(&here, &[&errand[..], &options[..]].concat());
        for _ in 0..30 {
            let _ = server.send_to(&spoiled(&mut dice, &sensible), address);
        }
        let (code, words) = client.last_words();
        assert!(!words.contains("panicked") && matches!(code, Some(0 | 1)), "{code:?}: {words}");
        assert!(code == Some(0) || words.starts_with("error: "), "{words}");
        assert!(
            here.names().iter().all(|name| name == "up" || (name == "file" && code == Some(0))),
            "{:?}",
            here.names()
        );
        let _ = fs::remove_file(here.file("file"));
    }
}

#[test]
fn a_kill_in_the_middle_leaves_nothing_under_the_name() {
    let (root, here) = (Folder::new("killed-root"), Folder::new("killed-here"));
    let (mut server, address) = our_server(root.path(), &[]);
    let alice = UdpSocket::bind("127.0.0.1:0").unwrap();
    alice.set_read_timeout(Some(PATIENCE)).unwrap();
    alice.send_to(&request(Kind::Write, b"up", Mode::Octet, b""), address).unwrap();
    let (_, transfer) = alice.recv_from(&mut [0; 600]).unwrap();
    alice.send_to(&[&[0, 3, 0, 1], &content(512)[..]].concat(), transfer).unwrap();
    alice.recv_from(&mut [0; 600]).unwrap();
    server.kill();
    assert!(!root.names().contains(&"up".to_owned()));
    let (mut client, server, address) = call(&here, &["get", "file"]);
    server.send_to(&[&[0, 3, 0, 1], &content(512)[..]].concat(), address).unwrap();
    server.recv_from(&mut [0; 600]).unwrap();
    client.kill();
    assert!(!here.names().contains(&"file".to_owned()));
}

/// Ctrl-C and SIGTERM can be heard, and what is half done cleared away.
#[cfg(unix)]
#[test]
fn a_program_that_is_asked_to_end_leaves_nothing_at_all() {
    let here = Folder::new("asked-to-end");
    for signal in ["-INT", "-TERM"] {
        let (mut client, server, address) = call(&here, &["get", "file"]);
        server.send_to(&[&[0, 3, 0, 1], &content(512)[..]].concat(), address).unwrap();
        server.recv_from(&mut [0; 600]).unwrap();
        assert_eq!(here.names().len(), 1);
        Command::new("kill").args([signal, &client.id().to_string()]).status().unwrap();
        assert_eq!(client.last_words().0, None, "a signal has ended it");
        assert_eq!(here.names(), [""; 0]);
    }
}

/// A limit on the size of files is met like a full disk: in the middle of writing.
#[cfg(unix)]
#[test]
fn a_full_disk_is_error_3_and_leaves_nothing() {
    let (root, here) = (Folder::new("full-root"), Folder::new("full-here"));
    fs::write(here.file("large"), content(900_000)).unwrap();
    fs::write(here.file("small"), content(100)).unwrap();
    // In blocks of 512 or 1024 bytes, by the shell.
    let limited = |program: &str, arguments: &str| {
        let mut command = Command::new("sh");
        command.args(["-c", &format!("ulimit -f 400; exec {program} {arguments}")]);
        command
    };
    let server = format!("--bind 127.0.0.1:0 --root {}", root.path().display());
    let (_server, address) = serve(&mut limited(env!("CARGO_BIN_EXE_tftp-server"), &server));
    let refused = our_client(address, here.path(), &["put", "large"]);
    let words = String::from_utf8_lossy(&refused.stderr);
    assert!(refused.status.code() == Some(1) && words.contains("error 3"), "{words}");
    assert_eq!(root.names(), [""; 0]);
    assert!(our_client(address, here.path(), &["put", "small"]).status.success(), "the server goes on");
    fs::copy(here.file("large"), root.file("large")).unwrap();
    let client = format!("--connect {address} get large fetched");
    let output = limited(env!("CARGO_BIN_EXE_tftp-client"), &client).current_dir(here.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(here.names(), ["large", "small"]);
}
