//! The tap passes everything on, records it, and each fault is shown to have happened.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

use wiretap::{Deed, Direction, Rule, TcpTap, UdpTap};

const PATIENCE: Duration = Duration::from_secs(20);

fn udp() -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket
}

fn receive(socket: &UdpSocket) -> (Vec<u8>, SocketAddr) {
    let mut buffer = [0; 65_507];
    let (length, from) = socket.recv_from(&mut buffer).expect("a datagram");
    (buffer[..length].to_vec(), from)
}

/// Sends datagrams through a tap with these rules, and returns how they arrive.
fn arrivals(rules: Vec<Rule>, sent: &[&str], expected: usize) -> (Vec<String>, UdpTap) {
    let server = udp();
    let tap = UdpTap::start(server.local_addr().unwrap(), rules).unwrap();
    let client = udp();
    for words in sent {
        client.send_to(words.as_bytes(), tap.address()).unwrap();
    }
    let arrived = (0..expected).map(|_| String::from_utf8(receive(&server).0).unwrap()).collect();
    server.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    assert!(server.recv_from(&mut [0; 16]).is_err(), "more than {expected} datagrams arrived");
    (arrived, tap)
}

#[test]
fn datagrams_pass_both_ways_whole_and_are_recorded() {
    let server = udp();
    let tap = UdpTap::start(server.local_addr().unwrap(), Vec::new()).unwrap();
    let client = udp();
    for length in [0, 1, 1472, 65_507] {
        let datagram = vec![b'x'; length];
        client.send_to(&datagram, tap.address()).unwrap();
        let (arrived, from) = receive(&server);
        assert_eq!(arrived, datagram);
        server.send_to(&arrived, from).unwrap();
        assert_eq!(receive(&client), (datagram, tap.address()));
    }
    let directions: Vec<_> = tap.events().iter().map(|event| event.direction).collect();
    assert_eq!(directions, [Direction::ToServer, Direction::ToClient].repeat(4));
    assert_eq!(tap.events()[2].deed, Deed::Passed(b"x".to_vec()));
}

#[test]
fn the_server_sees_as_many_clients_as_there_are() {
    let server = udp();
    let tap = UdpTap::start(server.local_addr().unwrap(), Vec::new()).unwrap();
    let (alice, bob) = (udp(), udp());
    alice.send_to(b"alice", tap.address()).unwrap();
    let (_, from_alice) = receive(&server);
    bob.send_to(b"bob", tap.address()).unwrap();
    let (_, from_bob) = receive(&server);
    assert_ne!(from_alice, from_bob);
    server.send_to(b"to bob", from_bob).unwrap();
    server.send_to(b"to alice", from_alice).unwrap();
    assert_eq!(receive(&alice).0, b"to alice");
    assert_eq!(receive(&bob).0, b"to bob");
}

#[test]
fn an_answer_from_a_new_port_comes_from_a_new_port_and_is_answered_there() {
    let (server, transfer) = (udp(), udp());
    let tap = UdpTap::start(server.local_addr().unwrap(), Vec::new()).unwrap();
    let client = udp();
    client.send_to(b"request", tap.address()).unwrap();
    let (_, from) = receive(&server);
    transfer.send_to(b"data", from).unwrap();
    let (data, door) = receive(&client);
    assert_eq!(data, b"data");
    assert_ne!(door, tap.address());
    client.send_to(b"ack", door).unwrap();
    assert_eq!(receive(&transfer), (b"ack".to_vec(), from));
}

#[test]
fn a_datagram_is_lost_doubled_and_overtaken_by_rule() {
    let (arrived, tap) = arrivals(vec![Rule::lose().only(2)], &["one", "two", "three"], 2);
    assert_eq!((arrived, tap.strikes()), (vec!["one".into(), "three".into()], vec![1]));
    let (arrived, tap) = arrivals(vec![Rule::duplicate().only(1)], &["one", "two"], 3);
    assert_eq!((arrived, tap.strikes()), (vec!["one".into(), "one".into(), "two".into()], vec![1]));
    let (arrived, tap) = arrivals(vec![Rule::reorder().only(1)], &["one", "two", "three"], 3);
    assert_eq!((arrived, tap.strikes()), (vec!["two".into(), "one".into(), "three".into()], vec![1]));
}

#[test]
fn a_datagram_that_nobody_overtakes_arrives_all_the_same() {
    let (arrived, _) = arrivals(vec![Rule::reorder().only(1)], &["alone"], 1);
    assert_eq!(arrived, ["alone"]);
}

#[test]
fn a_delay_is_at_least_as_long_as_it_says_and_holds_nothing_else_up() {
    let began = Instant::now();
    let (arrived, _) = arrivals(vec![Rule::delay(Duration::from_millis(80)).only(1)], &["late", "early"], 2);
    assert_eq!(arrived, ["early", "late"]);
    assert!(began.elapsed() >= Duration::from_millis(80));
}

#[test]
fn a_rule_for_one_direction_leaves_the_other_alone() {
    let server = udp();
    let tap = UdpTap::start(server.local_addr().unwrap(), vec![Rule::lose().to(Direction::ToClient).only(1)]).unwrap();
    let client = udp();
    for words in [b"one", b"two"] {
        client.send_to(words, tap.address()).unwrap();
        let (arrived, from) = receive(&server);
        server.send_to(&arrived, from).unwrap();
    }
    assert_eq!(receive(&client).0, b"two");
}

/// A TCP server that reads to the end of the stream and returns how the reads were cut.
fn reads_of_server(rules: Vec<Rule>, say: impl FnOnce(TcpStream)) -> (Vec<Vec<u8>>, TcpTap) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let tap = TcpTap::start(listener.local_addr().unwrap(), rules).unwrap();
    let reading = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let (mut reads, mut buffer) = (Vec::new(), [0; 4096]);
        loop {
            match stream.read(&mut buffer).expect("bytes or the end") {
                0 => return reads,
                length => reads.push(buffer[..length].to_vec()),
            }
        }
    });
    say(TcpStream::connect(tap.address()).unwrap());
    (reading.join().unwrap(), tap)
}

#[test]
fn a_stream_passes_whole_and_ends() {
    let (reads, tap) = reads_of_server(Vec::new(), |mut client| client.write_all(b"hello").unwrap());
    assert_eq!(reads.concat(), b"hello");
    let deeds: Vec<_> = tap.events().into_iter().map(|event| event.deed).collect();
    assert!(deeds.starts_with(&[Deed::Opened, Deed::Passed(b"hello".to_vec()), Deed::Ended]), "{deeds:?}");
}

#[test]
fn one_direction_may_end_before_the_other() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let tap = TcpTap::start(listener.local_addr().unwrap(), Vec::new()).unwrap();
    let mut client = TcpStream::connect(tap.address()).unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    client.write_all(b"question").unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    let (mut server, _) = listener.accept().unwrap();
    let mut question = String::new();
    server.read_to_string(&mut question).unwrap();
    server.write_all(b"answer").unwrap();
    drop(server);
    let mut answer = String::new();
    client.read_to_string(&mut answer).unwrap();
    assert_eq!((question.as_str(), answer.as_str()), ("question", "answer"));
}

#[test]
fn a_split_stream_comes_in_pieces() {
    let (reads, tap) = reads_of_server(vec![Rule::split(1)], |mut client| client.write_all(b"hello").unwrap());
    assert_eq!(reads.concat(), b"hello");
    // A busy machine may let two pieces come together; that they were cut shows all the same.
    assert!(reads.len() > 1, "{reads:?}");
    assert_eq!(tap.strikes(), [1]);
}

#[test]
fn a_coalesced_stream_comes_at_once() {
    let (reads, tap) = reads_of_server(vec![Rule::coalesce(100)], |mut client| {
        client.set_nodelay(true).unwrap();
        for piece in [b"one", b"two"] {
            client.write_all(piece).unwrap();
            thread::sleep(Duration::from_millis(30));
        }
    });
    assert_eq!(reads, [b"onetwo".to_vec()]);
    assert!(tap.strikes()[0] >= 1);
}

#[test]
fn a_reset_is_passed_on_as_a_reset() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let tap = TcpTap::start(listener.local_addr().unwrap(), Vec::new()).unwrap();
    let mut client = TcpStream::connect(tap.address()).unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    let (mut server, _) = listener.accept().unwrap();
    server.set_read_timeout(Some(PATIENCE)).unwrap();
    client.write_all(b"unread").unwrap();
    server.read_exact(&mut [0; 1]).unwrap();
    // Closed while it holds unread bytes, the server's socket sends RST.
    drop(server);
    let error = client.read(&mut [0; 16]).expect_err("a reset, not an end");
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
}

#[test]
fn a_server_that_is_not_there_looks_like_a_broken_connection() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let tap = TcpTap::start(closed, Vec::new()).unwrap();
    let mut client = TcpStream::connect(tap.address()).unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    let read = client.read(&mut [0; 16]);
    assert_eq!(read.map_err(|error| error.kind()), Err(ErrorKind::ConnectionReset));
}
