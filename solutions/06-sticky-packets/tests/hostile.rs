//! What nobody should send, and what nobody wishes for: crowds that break off, noise, half-open connections, lines without
//! an end, no descriptors left.

#![cfg(target_os = "linux")]

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::process::Command;
use std::thread;
use std::time::Duration;

use peers::{Dice, Running, connect, reset, serve};

const SERVER: &str = env!("CARGO_BIN_EXE_sticky-packets-server");

fn our_server(options: &[&str]) -> (Running, SocketAddr) {
    serve(Command::new(SERVER).args(["--bind", "127.0.0.1:0"]).args(options))
}

fn still_serves(address: SocketAddr) {
    let mut alice = connect(address);
    let frame = b"\0\0\0\x05hello";
    alice.write_all(frame).unwrap();
    let mut echo = [0; 9];
    alice.read_exact(&mut echo).unwrap();
    assert_eq!(&echo, frame);
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
            1 => drop(mallory.write_all(b"\0\0")),
            2 => drop(mallory.write_all(b"\0\0\0\x05hello\0\0\0\x05wor")),
            _ => drop(mallory.shutdown(Shutdown::Write)),
        }
        reset(mallory);
        // A queue that overflows costs its next guest a second: now and then, wait until all are accepted.
        if number % 64 == 0 {
            still_serves(address);
        }
    }
    server.comes_back_to(before);
    still_serves(address);
}

#[test]
fn noise_ends_its_own_connection_and_nothing_else() {
    for framing in ["length", "line", "none"] {
        let (server, address) = our_server(&["--quiet", "--framing", framing, "--max-frame", "1000"]);
        let before = server.belongings_at_rest();
        let mut dice = Dice(6);
        for _ in 0..100 {
            let mut mallory = connect(address);
            let _ = mallory.write_all(&dice.bytes(3000));
            let _ = mallory.shutdown(Shutdown::Write);
            let _ = mallory.read_to_end(&mut Vec::new());
        }
        server.comes_back_to(before);
    }
}

#[test]
fn who_ends_the_stream_and_stays_is_let_go() {
    let (server, address) = our_server(&["--quiet"]);
    let before = server.belongings_at_rest();
    let half_open: Vec<_> = (0..200)
        .map(|_| {
            let mut stream = connect(address);
            stream.write_all(b"\0\0\0\x05hel").unwrap();
            stream.shutdown(Shutdown::Write).unwrap();
            stream
        })
        .collect();
    server.comes_back_to(before);
    drop(half_open);
    still_serves(address);
}

#[test]
fn a_gigabyte_is_announced_and_refused() {
    let (server, address) = our_server(&["--quiet"]);
    let before = server.usage().1;
    for _ in 0..50 {
        let mut mallory = connect(address);
        mallory.write_all(&(1_u32 << 30).to_be_bytes()).unwrap();
        let _ = mallory.write_all(&[b'x'; 1 << 16]);
        let _ = mallory.read_to_end(&mut Vec::new());
    }
    let grown = server.usage().1.saturating_sub(before);
    assert!(grown < 8 << 20, "{grown} bytes more");
    still_serves(address);
}

#[test]
fn a_gigabyte_without_a_newline_takes_no_memory() {
    let (server, address) = our_server(&["--quiet", "--framing", "line", "--max-frame", "1000"]);
    let before = server.usage().1;
    let mut mallory = connect(address);
    let chunk = vec![b'x'; 1 << 20];
    // What follows the refusal is read and forgotten for a second; then the connection is broken off.
    let sent = (0..1024).take_while(|_| mallory.write_all(&chunk).is_ok()).count();
    let grown = server.usage().1.saturating_sub(before);
    assert!(grown < 4 << 20, "{grown} bytes more for {sent} MiB");
    let mut heard = Vec::new();
    let _ = mallory.read_to_end(&mut heard);
    assert_eq!(heard, b"");
}

#[test]
fn without_descriptors_it_waits_and_goes_on() {
    const LIMIT: usize = 64;
    let with_limit = format!("ulimit -n {LIMIT}; exec '{SERVER}' --bind 127.0.0.1:0 --quiet");
    let (server, address) = serve(Command::new("sh").args(["-c", &with_limit]));
    let mut crowd: Vec<_> = (0..LIMIT + 30).map(|_| connect(address)).collect();
    thread::sleep(Duration::from_millis(300));
    let before = server.usage().0;
    thread::sleep(Duration::from_millis(500));
    let used = server.usage().0 - before;
    assert!(used < Duration::from_millis(200), "it used {used:?} of 500 ms while nobody did anything");
    crowd.drain(..60);
    still_serves(address);
}
