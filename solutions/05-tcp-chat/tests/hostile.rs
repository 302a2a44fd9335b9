//! What nobody should send, and what nobody wishes for: crowds that break off, noise, lines without an end, deaf listeners,
//! no descriptors left.

#![cfg(target_os = "linux")]

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::process::Command;
use std::thread;
use std::time::Duration;

use peers::{Dice, PATIENCE, Running, connect, connect_with_little_room, reset, serve};

const SERVER: &str = env!("CARGO_BIN_EXE_tcp-chat-server");

fn our_server(options: &[&str]) -> (Running, SocketAddr) {
    serve(Command::new(SERVER).args(["--bind", "127.0.0.1:0"]).args(options))
}

/// Waits until the server has accepted everybody so far. A queue that overflows costs its next guest a second.
fn is_accepted(address: SocketAddr) {
    let mut guest = connect(address);
    guest.write_all(b"exit\n").unwrap();
    guest.read_to_end(&mut Vec::new()).unwrap();
}

/// Two newcomers understand each other.
fn still_serves(address: SocketAddr) {
    let (mut alice, bob) = (connect(address), connect(address));
    alice.write_all(b"are you there?\n").unwrap();
    // Which of the two came in first is open, so bob may have come too late: alice says it until he hears it.
    let mut bob = BufReader::new(bob);
    hears_at_last(&mut alice, &mut bob, "are you there?");
}

fn hears_at_last(speaker: &mut TcpStream, listener: &mut BufReader<TcpStream>, words: &str) {
    listener.get_ref().set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    for _ in 0..200 {
        speaker.write_all(format!("{words}\n").as_bytes()).unwrap();
        let mut line = String::new();
        while listener.read_line(&mut line).is_ok_and(|length| length > 0) {
            if line.contains(words) {
                return;
            }
            line.clear();
        }
    }
    panic!("`{words}` was not heard");
}

#[test]
fn ten_thousand_who_break_off_leave_nothing_behind() {
    let (server, address) = our_server(&["--quiet"]);
    still_serves(address);
    let before = server.belongings_at_rest();
    for number in 0..10_000 {
        let mut mallory = connect(address);
        match number % 4 {
            0 => {}
            1 => drop(mallory.write_all(b"half a li")),
            2 => drop(mallory.write_all(b"a line\nand ano")),
            _ => drop(mallory.shutdown(Shutdown::Write)),
        }
        reset(mallory);
        if number % 64 == 0 {
            is_accepted(address);
        }
    }
    server.comes_back_to(before);
    still_serves(address);
}

#[test]
fn who_says_no_more_and_stays_is_let_go() {
    let (server, address) = our_server(&["--quiet"]);
    still_serves(address);
    let before = server.belongings_at_rest();
    let half_open: Vec<_> = (0..200)
        .map(|_| {
            let mut stream = connect(address);
            stream.write_all(b"half a li").unwrap();
            stream.shutdown(Shutdown::Write).unwrap();
            stream
        })
        .collect();
    server.comes_back_to(before);
    drop(half_open);
    still_serves(address);
}

#[test]
fn noise_is_passed_on_as_text_that_harms_nobody() {
    let (server, address) = our_server(&["--quiet"]);
    let alice = connect(address);
    let mut dice = Dice(6);
    for _ in 0..40 {
        let mut mallory = connect(address);
        for _ in 0..8 {
            let _ = mallory.write_all(&dice.bytes(900));
            let _ = mallory.write_all(b"\n");
        }
        let _ = mallory.write_all(b"exit\n");
        // Closed by the server, or not: it must not have been the end of it.
        let _ = mallory.read_to_end(&mut Vec::new());
    }
    let mut carol = connect(address);
    carol.write_all(b"that was it\n").unwrap();
    let mut alice = BufReader::new(alice);
    let mut line = String::new();
    while !line.ends_with(": that was it\n") {
        line.clear();
        // `read_line` fails for what is not UTF-8.
        assert!(alice.read_line(&mut line).unwrap() > 0);
        assert!(!line.trim_end_matches('\n').contains(char::is_control), "{line:?}");
        assert!(line.starts_with("client-"), "{line:?}");
    }
    drop(server);
}

#[test]
fn a_gigabyte_without_a_newline_is_cut_off_and_takes_no_memory() {
    const PART: usize = 1 << 20;
    let (server, address) = our_server(&["--quiet"]);
    still_serves(address);
    let before = server.usage().1;
    let chunk = vec![b'x'; PART];
    let mut mallory = connect(address);
    let cut_off = (0..1024).any(|_| mallory.write_all(&chunk).is_err());
    assert!(cut_off, "a gigabyte was taken");
    for _ in 0..1024 {
        let _ = connect(address).write_all(&chunk);
    }
    let grown = server.usage().1.saturating_sub(before);
    assert!(grown < 8 << 20, "{grown} bytes more");
    still_serves(address);
}

#[test]
fn who_does_not_read_is_dropped_and_costs_the_others_nothing() {
    const LINES: usize = 100_000;
    let (server, address) = our_server(&["--quiet"]);
    let (mut alice, bob, mut carol) = (connect(address), connect(address), connect(address));
    let mut bob = BufReader::new(bob);
    hears_at_last(&mut alice, &mut bob, "shall we begin?");
    bob.get_ref().set_read_timeout(Some(PATIENCE)).unwrap();
    let before = server.usage().1;
    let talking = thread::spawn(move || {
        for number in 0..LINES {
            alice.write_all(format!("{number} {}\n", "x".repeat(1000)).as_bytes()).unwrap();
        }
        alice
    });
    let (mut line, mut due, mut most, mut was_dropped) = (String::new(), 0, before, false);
    while due < LINES {
        line.clear();
        assert!(bob.read_line(&mut line).unwrap() > 0, "bob was dropped, too");
        was_dropped |= line.ends_with(" left (too slow)\n");
        if line.contains("shall we begin?") || !line.contains(": ") {
            continue;
        }
        let number = line.split(' ').nth(1).unwrap();
        assert_eq!(number, due.to_string());
        due += 1;
        if due % 1000 == 0 {
            most = most.max(server.usage().1);
        }
    }
    assert!(was_dropped, "carol was not dropped");
    assert!(most - before < 8 << 20, "{} bytes more", most - before);
    // Carol finds what was on its way, and then the end.
    let heard = carol.read_to_end(&mut Vec::new());
    assert!(
        heard.as_ref().map_or_else(|error| error.kind() == ErrorKind::ConnectionReset, |length| *length > 0),
        "{heard:?}"
    );
    drop(talking.join().unwrap());
}

/// Whoever reads a little now and then would be waited for again and again, if there were no end to it.
#[test]
fn who_reads_too_slowly_is_dropped_like_who_does_not_read() {
    let (server, address) = our_server(&[]);
    let mut dawdler = connect_with_little_room(address);
    server.prints(&format!("client-1 joined from {}", dawdler.local_addr().unwrap()));
    let end = dawdler.try_clone().unwrap();
    let reading = thread::spawn(move || {
        while dawdler.read(&mut [0; 4000]).is_ok_and(|length| length > 0) {
            thread::sleep(Duration::from_millis(50));
        }
    });
    let mut talker = connect(address);
    let talking = thread::spawn(move || while talker.write_all(&[[b'x'; 999].as_slice(), b"\n"].concat()).is_ok() {});
    server.prints_at_last("client-1 left (too slow)");
    drop(server);
    end.shutdown(Shutdown::Both).unwrap();
    reading.join().unwrap();
    talking.join().unwrap();
}

#[test]
fn without_descriptors_it_waits_and_goes_on() {
    const LIMIT: usize = 64;
    let with_limit = format!("ulimit -n {LIMIT}; exec '{SERVER}' --bind 127.0.0.1:0");
    let (server, address) = serve(Command::new("sh").args(["-c", &with_limit]));
    let mut crowd: Vec<_> = (0..LIMIT + 30).map(|_| connect(address)).collect();
    for _ in 0..40 {
        assert!(server.next_line().contains("joined"));
    }
    thread::sleep(Duration::from_millis(200));
    let before = server.usage().0;
    thread::sleep(Duration::from_millis(500));
    let used = server.usage().0 - before;
    assert!(used < Duration::from_millis(200), "it used {used:?} of 500 ms while nobody did anything");
    // Those who are in talk on; when some leave, those who waited come in.
    let mut last = crowd.pop().unwrap();
    last.write_all(b"am I in?\n").unwrap();
    crowd.drain(..40);
    server.prints_at_last(": am I in?");
    drop(crowd);
    drop(last);
    still_serves(address);
}
