//! What is checked of chapter 1, TCP time: one story a stage. The lab plays clients for the server, and a server for the
//! client.

use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use scenario::{
    Breaking, Chapter, Example, Lab, Outcome, Profile, Program, Rule, Stage, TcpPeer, TcpStand, Transport, WithClient,
    demand, quoted, stages,
};

scenario::main!("tcp-time", chapter);

/// The chapter, for the checker.
pub fn chapter() -> Chapter {
    let profile = Profile {
        default_port: 3434,
        server_options: &["--bind"],
        client_options: &["--connect", "--timeout"],
        example: Example::default(),
        with_server: one_answer_of_the_server,
        with_client: WithClient::Tcp(one_answer_for_the_client),
    };
    let stages = stages![
        tells_the_time_and_closes,
        tells_local_time,
        takes_the_time_anew,
        ends_the_stream_although_the_client_spoke,
        lets_a_slow_client_finish,
        serves_one_after_another,
        says_at_once_who_is_connected,
        serves_others_beside_an_idle_client,
        serves_others_beside_a_client_that_drips,
        survives_resets,
        keeps_nothing_that_clients_send,
        prints_what_it_received,
        puts_the_pieces_together,
        says_at_once_that_it_is_connected,
        prints_whatever_came_so_that_it_harms_nobody,
        takes_a_message_of_1024_bytes,
        refuses_a_message_that_is_too_long,
        refuses_an_endless_message,
        an_empty_answer_is_an_error,
        a_broken_connection_is_an_error,
        does_not_wait_for_ever,
        waits_for_each_byte_anew,
        waits_five_seconds_by_default,
        the_pair_tells_the_time,
    ];
    Chapter::new("tcp-time", include_str!("../README.md"), profile, stages)
}

/// How much a client sends to a server that wants none of it, at a time.
const MEGABYTES: usize = 32;

/// Longer than any message of a server that is right.
const MOST: usize = 4096;

fn one_answer_of_the_server(lab: &mut Lab, server: &Program) -> Outcome {
    let alice = lab.tcp("alice", server)?;
    visit(alice, server).map(|_| ())
}

fn one_answer_for_the_client(_: &mut Lab, stand: TcpStand, client: &Program) -> Outcome {
    let mut server = stand.accept()?;
    client.prints(&format!("connected to {}", server.address())).breaking(&["T5"])?;
    answer(&mut server, client, TIME_LINE.as_bytes())
}

const TIME_LINE: &str = "Current time is 2024-02-20 13:56:35.123456";

/// Reads the answer, checks it and the server's lines, closes, and returns the text.
fn visit(mut peer: TcpPeer, server: &Program) -> Outcome<String> {
    server.prints(&format!("{} connected", peer.address()))?;
    let text = read_answer(&mut peer)?;
    server.prints(&sent(&peer, &text))?;
    peer.closes();
    Ok(text)
}

fn sent(peer: &TcpPeer, text: &str) -> String {
    format!("sent {} to {}", quoted(text.as_bytes()), peer.address())
}

/// Reads to the end of the stream; what came must have the shape of the time line.
fn read_answer(peer: &mut TcpPeer) -> Outcome<String> {
    let bytes = peer.read_to_end(MOST)?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    demand(seconds_in(&text).is_some(), || {
        format!(
            "Your server sent {}, which is not `Current time is YYYY-MM-DD HH:MM:SS.ffffff` and nothing more.",
            quoted(&bytes)
        )
    })
    .breaking(&["T1"])?;
    Ok(text)
}

/// The time in a line, in seconds since 1970 of the clock on the wall; `None` when the line has another shape.
fn seconds_in(line: &str) -> Option<f64> {
    const SHAPE: &str = "Current time is dddd-dd-dd dd:dd:dd.dddddd";
    let fits = |(byte, shape): (u8, u8)| if shape == b'd' { byte.is_ascii_digit() } else { byte == shape };
    if line.len() != SHAPE.len() || !line.bytes().zip(SHAPE.bytes()).all(fits) {
        return None;
    }
    let number = |from: usize, to: usize| line[from..to].parse::<i64>().ok();
    let (year, month, day) = (number(16, 20)?, number(21, 23)?, number(24, 26)?);
    let (hour, minute, second) = (number(27, 29)?, number(30, 32)?, number(33, 35)?);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let whole = (days_since_1970(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second) as f64;
    Some(whole + number(36, 42)? as f64 / 1e6)
}

/// Days from 1970-01-01 to a date of the Gregorian calendar. Years begin in March, so that a leap day is their last.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let month_from_march = (month + 9) % 12;
    365 * year + year / 4 - year / 100 + year / 400 + (153 * month_from_march + 2) / 5 + day - 719_469
}

/// Seconds since 1970 in UTC.
fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |time| time.as_secs_f64())
}

// The server.

fn tells_the_time_and_closes() -> Stage {
    Stage::server("It sends the time, and then the stream ends")
        .promises(["T1", "T2"])
        .why(
            "A TCP stream has no messages, only bytes, and an end. The client knows that it has everything when `read` returns \
             0; before that, more may come.",
        )
        .hints([
            "How does the client learn that there is no more to come?",
            "Write the whole line, without a newline, then shut down the sending side.",
            "stream.write_all(line.as_bytes())?; stream.shutdown(Shutdown::Write)?;",
        ])
        .story(|lab| {
            let server = lab.server()?;
            for name in ["alice", "bob"] {
                let guest = lab.tcp(name, &server)?;
                visit(guest, &server)?;
            }
            Ok(())
        })
}

fn tells_local_time() -> Stage {
    Stage::server("It is the local time, of now, with microseconds")
        .promises(["T1"])
        .why(
            "A clock counts seconds in UTC; what people call the time depends on where they are. The difference comes from the \
             system's time zone, which the variable TZ can override.",
        )
        .hints([
            "Which of chrono's clocks do you ask, and how many digits has its fraction?",
            "`Local::now()`, and the format `%.6f`: six digits, not three, not nine.",
            "Local::now().format(\"Current time is %Y-%m-%d %H:%M:%S%.6f\")",
        ])
        .story(|lab| {
            // Nepal is 5 hours and 45 minutes ahead of UTC, all year: no other zone is mistaken for it.
            const ZONE: &str = "Asia/Kathmandu";
            const AHEAD: f64 = 5.75 * 3600.0;
            if !Path::new("/usr/share/zoneinfo").join(ZONE).exists() {
                return scenario::skip("this system keeps its time zones elsewhere");
            }
            lab.environment("TZ", ZONE);
            let server = lab.server()?;
            let mut microseconds = false;
            for name in ["alice", "bob", "carol"] {
                let guest = lab.tcp(name, &server)?;
                let before = now();
                let line = visit(guest, &server)?;
                let told = seconds_in(&line).unwrap_or_default() - AHEAD;
                demand((before - 60.0..=now() + 60.0).contains(&told), || {
                    format!("Your server said {line:?}; in the zone TZ={ZONE} it was {:.0} minutes later.", (now() - told) / 60.0)
                })?;
                microseconds |= !line.ends_with("000");
            }
            demand(microseconds, || "The last three digits of the time are always 000: these are milliseconds.".to_owned())
        })
}

fn takes_the_time_anew() -> Stage {
    Stage::server("Each client is told the time of its own connection")
        .promises(["T3"])
        .why(
            "`accept` may wait for hours. What was looked up before it belongs to the time before; only what comes after it \
             belongs to this client.",
        )
        .hints([
            "In which line do you ask for the time, and where does your server wait?",
            "After `accept` has returned, for each connection anew.",
            "let (stream, peer) = listener.accept()?; … let line = time_line(Local::now());",
        ])
        .mostly_waiting()
        .story(|lab| {
            let server = lab.server()?;
            let mut earlier: Option<(f64, f64)> = None;
            for name in ["alice", "bob", "carol"] {
                // Time has to pass, so that an old time can be told from a new one.
                std::thread::sleep(Duration::from_millis(120));
                let connecting = now();
                let guest = lab.tcp(name, &server)?;
                let told = seconds_in(&visit(guest, &server)?).unwrap_or_default();
                if let Some((connected, said)) = earlier {
                    let (passed, shown) = (connecting - connected, told - said);
                    // A time zone shifts both times alike, so differences need no zone.
                    demand(shown > passed - 0.06, || {
                        format!("{:.0} ms after the client before, {name} was told a time {:.0} ms later.", passed * 1e3, shown * 1e3)
                    })?;
                }
                earlier = Some((now(), told));
            }
            is_of_now(lab, &server)
        })
}

/// After a pause, the time must not be older than the connection. The minutes depend on the zone, the seconds do not.
fn is_of_now(lab: &mut Lab, server: &Program) -> Outcome {
    std::thread::sleep(Duration::from_millis(200));
    let connecting = now();
    let guest = lab.tcp("dave", server)?;
    let told = seconds_in(&visit(guest, server)?).unwrap_or_default();
    let quarter = 900.0;
    let old = (connecting - told).rem_euclid(quarter);
    demand(!(0.1..quarter / 2.0).contains(&old), || {
        format!("Your server told a time that was {:.0} ms old when the client began to connect.", old * 1e3)
    })
}

fn ends_the_stream_although_the_client_spoke() -> Stage {
    Stage::server("A client that speaks first still reads the time, and the end")
        .promises(["T1", "C6"])
        .why(
            "A socket that is closed while it holds unread bytes makes the kernel send RST instead of FIN (RFC 1122, section \
             4.2.2.13). The client then sees a broken connection, and may lose the time that was on its way.",
        )
        .hints([
            "What becomes of the bytes that a client sends and nobody reads?",
            "Shut down the sending side, then read and drop what comes until the client closes, or some time is over.",
            "stream.shutdown(Shutdown::Write)?; then `read` into a small buffer until it returns 0, with a read timeout",
        ])
        .story(|lab| {
            let server = lab.server()?;
            for words in [b"What time is it?\r\n".to_vec(), b"no text: \xff\xfe\0".to_vec(), b"tell me, ".repeat(4_500)] {
                // Held up, the server finds the words in its socket when it accepts: on any machine, however fast.
                server.pause();
                let mut alice = lab.tcp("alice", &server)?;
                alice.send(&words)?;
                server.resume();
                server.prints(&format!("{} connected", alice.address()))?;
                let text = read_answer(&mut alice)?;
                server.prints(&sent(&alice, &text))?;
                alice.closes();
            }
            Ok(())
        })
}

fn lets_a_slow_client_finish() -> Stage {
    Stage::server("A client that takes half a second to close is not cut off")
        .promises(["T1"])
        .why(
            "TCP closes each direction by itself. The server is done sending, but the client may still be, and a server that \
             goes too early answers the client's last words with a reset.",
        )
        .hints([
            "What does your server do between its own end and the client's?",
            "It waits for the client to close, but not for ever.",
            "Read until 0, with a deadline of a second or two.",
        ])
        .mostly_waiting()
        .story(|lab| {
            let server = lab.server()?;
            server.pause();
            let mut alice = lab.tcp("alice", &server)?;
            alice.send("I speak first.")?;
            server.resume();
            server.prints(&format!("{} connected", alice.address()))?;
            let text = read_answer(&mut alice)?;
            server.prints(&sent(&alice, &text))?;
            alice.is_not_reset_for(Duration::from_millis(500))?;
            alice.closes();
            let bob = lab.tcp("bob", &server)?;
            visit(bob, &server).map(|_| ())
        })
}

fn serves_one_after_another() -> Stage {
    Stage::server("It serves one client after another, without end")
        .promises(["T4", "T2"])
        .why("A server is a loop: `accept`, answer, and around again. Nothing in it counts down.")
        .hints([
            "What ends the loop around `accept`?",
            "Nothing should. An error of one connection is not one of the server.",
            "loop { let (stream, peer) = listener.accept()?; … }",
        ])
        .story(|lab| {
            let server = lab.server()?;
            let began = Instant::now();
            let alice = lab.tcp("alice", &server)?;
            visit(alice, &server)?;
            lab.in_short("others", "come and go, and each reads the time", |lab| {
                let mut served = 1;
                // As many as a second allows: a slow server may be slow, but it must not stop.
                while served < 5 || (served < 300 && began.elapsed() < Duration::from_secs(1)) {
                    let next = lab.tcp("the next", &server)?;
                    visit(next, &server)?;
                    served += 1;
                }
                Ok(())
            })
        })
}

fn serves_others_beside_an_idle_client() -> Stage {
    Stage::server("Clients that neither read nor close keep nobody waiting for long")
        .promises(["T4", "C6", "T2"])
        .why(
            "Whoever connects and does nothing costs the server a descriptor. If it costs the server's attention, too, one such \
             client is enough to shut everybody else out.",
        )
        .hints([
            "What does your server wait for, and for how long, before it accepts the next client?",
            "Give each connection a thread of its own, and each wait a limit.",
            "thread::Builder::new().spawn(move || answer(stream, peer))",
        ])
        .story(|lab| {
            let server = lab.server()?;
            let idle = lab.tcp("idle", &server)?;
            server.prints(&format!("{} connected", idle.address()))?;
            let mut idlers = vec![idle];
            let began = Instant::now();
            serves_beside(lab, &server, "alice", &idlers)?;
            // One after another, with a moment for each, is allowed; but then a crowd takes too long to wait for.
            let quick = began.elapsed() < Duration::from_millis(300);
            lab.in_short("others", "come and do nothing, and bob is served beside them", |lab| {
                for _ in 0..if quick { 24 } else { 0 } {
                    idlers.push(lab.tcp("idle", &server)?);
                }
                serves_beside(lab, &server, "bob", &idlers)?;
                for idle in &mut idlers {
                    let text = read_answer(idle)?;
                    server.prints_among_others(&sent(idle, &text))?;
                }
                Ok(())
            })?;
            lab.lowers_the_curtain()
        })
}

/// Somebody is served although others are there who do nothing. Meanwhile the server may be busy with those others, as
/// long as it gets on.
fn serves_beside(lab: &mut Lab, server: &Program, name: &'static str, idlers: &[TcpPeer]) -> Outcome {
    let mut guest = lab.tcp(name, server)?;
    let (mut served, mut since) = (0, Instant::now());
    while !guest.hears_within(Duration::from_millis(100))? {
        let now_served =
            idlers.iter().map(|idle| idle.hears_within(Duration::from_millis(1))).collect::<Outcome<Vec<_>>>()?;
        let now_served = now_served.into_iter().filter(|served| *served).count();
        if now_served > served {
            (served, since) = (now_served, Instant::now());
        }
        demand(since.elapsed() < lab.patience(), || {
            format!("Your server did not come to {name} as long as others were there who did nothing.")
        })?;
    }
    let text = read_answer(&mut guest)?;
    server.prints_among_others(&format!("{} connected", guest.address()))?;
    server.prints_among_others(&sent(&guest, &text))?;
    guest.closes();
    Ok(())
}

fn says_at_once_who_is_connected() -> Stage {
    Stage::server("It says who is connected when it is, not when it is over")
        .promises(["T2", "C4"])
        .why("A transcript is read while things happen. A line that comes when all is over helps nobody who waits for it.")
        .hints([
            "Where does your server print the line, and what does it wait for before?",
            "Right after `accept`, and flushed.",
            "let (stream, peer) = listener.accept()?; say(format_args!(\"{peer} connected\"))?;",
        ])
        .story(|lab| {
            lab.steadily(|lab| {
                let server = lab.server()?;
                let mut alice = lab.tcp("alice", &server)?;
                let line = server.line_within(Duration::from_millis(700));
                demand(line.is_some_and(|line| line == format!("{} connected", alice.address())), || {
                    "Your server did not say who is connected while the client was.".to_owned()
                })?;
                let text = read_answer(&mut alice)?;
                server.prints(&sent(&alice, &text))?;
                alice.closes();
                Ok(())
            })
        })
}

fn serves_others_beside_a_client_that_drips() -> Stage {
    Stage::server("A client that sends a byte now and then keeps nobody waiting for long")
        .promises(["T4", "C6"])
        .why(
            "A read timeout bounds one `read`. If every byte that drips in begins a new wait, a client with little to say can \
             hold the server for ever.",
        )
        .hints([
            "How long can waiting for a client to close take in all?",
            "Note the time at which it ends, and wait only for what is left; or wait in a thread of its own.",
            "let left = deadline.saturating_duration_since(Instant::now());",
        ])
        .story(|lab| {
            let server = lab.server()?;
            let mut dripper = lab.tcp("dripper", &server)?;
            let mut alice = lab.tcp("alice", &server)?;
            let began = Instant::now();
            lab.in_short("dripper", "sends a byte every tenth of a second", |lab| {
                while !alice.hears_within(Duration::from_millis(100))? {
                    demand(began.elapsed() < lab.patience(), || {
                        "Your server does not come to the next client as long as one goes on sending.".to_owned()
                    })?;
                    dripper.send_unheeded(b"x");
                }
                Ok(())
            })?;
            read_answer(&mut alice)?;
            alice.closes();
            lab.lowers_the_curtain()
        })
}

fn survives_resets() -> Stage {
    Stage::server("Clients that break off do not stop it")
        .promises(["C6", "T4"])
        .why(
            "A client may be gone before it is accepted, or while it is written to: then `write` fails, with \"broken pipe\" or \
             \"connection reset\". Both concern that client only.",
        )
        .hints([
            "Which errors leave the loop around `accept`?",
            "Those of one connection are worth a line on stderr; then comes the next client.",
            "if let Err(error) = answer(stream, peer) { complain(format_args!(\"{peer}: {error:#}\")); }",
        ])
        .story(|lab| {
            let server = lab.server()?;
            for _ in 0..3 {
                lab.tcp("mallory", &server)?.resets()?;
            }
            // Held up, the server finds connections in its queue that are broken already, or will be when it writes.
            for _ in 0..3 {
                server.pause();
                let mut mallory = lab.tcp("mallory", &server)?;
                mallory.send("and off")?;
                mallory.resets()?;
                lab.tcp("mallory", &server)?.closes();
                server.resume();
            }
            for _ in 0..2 {
                let mut mallory = lab.tcp("mallory", &server)?;
                read_answer(&mut mallory)?;
                mallory.resets()?;
            }
            let mut alice = lab.tcp("alice", &server)?;
            let text = read_answer(&mut alice)?;
            server.prints_among_others(&format!("{} connected", alice.address()))?;
            server.prints_among_others(&sent(&alice, &text))?;
            alice.closes();
            // Which lines the broken connections leave is open.
            lab.lowers_the_curtain()
        })
}

fn keeps_nothing_that_clients_send() -> Stage {
    Stage::server("A client that sends and sends costs no memory")
        .promises(["C10", "C6"])
        .why("How much a client sends is the client's decision. What the server keeps of it must be the server's.")
        .hints([
            "Where do the bytes go that your server reads from a client?",
            "It does not need them: read into one small buffer and forget them, or do not read at all.",
            "let mut unwanted = [0; 4096]; while stream.read(&mut unwanted)? > 0 {} // with a time limit",
        ])
        .story(|lab| {
            let server = lab.server()?;
            let warm_up = lab.tcp("bob", &server)?;
            visit(warm_up, &server)?;
            let mut alice = lab.tcp("alice", &server)?;
            lab.in_short("alice", "sends as much as the server takes", |lab| {
                lab.memory_stays(&server, |_| {
                    let sent = alice.send_flood(MEGABYTES << 20)?;
                    Ok(alice.read_of(sent))
                })
            })?;
            alice.resets()?;
            let mut carol = lab.tcp("carol", &server)?;
            read_answer(&mut carol)?;
            carol.closes();
            lab.lowers_the_curtain()
        })
}

// The client.

/// A client that was started, and the lab's end of its connection.
fn client_of(lab: &mut Lab, options: &[&str]) -> Outcome<(Program, TcpPeer)> {
    let stand = lab.tcp_server()?;
    let client = lab.client(stand.address(), options)?;
    let server = stand.accept()?;
    client.prints(&format!("connected to {}", stand.address()))?;
    Ok((client, server))
}

/// Sends a message as a whole; the client must print it and end.
fn answer(server: &mut TcpPeer, client: &Program, message: &[u8]) -> Outcome {
    server.send(message)?;
    server.ends_sending()?;
    client.prints(&format!("received {}", quoted(message)))?;
    client.ends_well()
}

fn prints_what_it_received() -> Stage {
    Stage::client("It reads to the end of the stream, and prints what came")
        .promises(["T5"])
        .why(
            "The end of the stream is the end of the message: there is no newline to wait for, and no length to count.",
        )
        .hints([
            "When is the message complete?",
            "When `read` returns 0. `read_to_end` reads up to there.",
            "stream.take(MAX_MESSAGE as u64 + 1).read_to_end(&mut message)?",
        ])
        .story(|lab| {
            let (client, mut server) = client_of(lab, &[])?;
            answer(&mut server, &client, TIME_LINE.as_bytes())
        })
}

fn puts_the_pieces_together() -> Stage {
    Stage::client("It puts the message together, however it was cut up on the way")
        .promises(["T5"])
        .why(
            "TCP promises the bytes and their order, not how many come at a time. One `write` of the server may be many reads of \
             the client, cut anywhere, also in the middle of a character.",
        )
        .hints([
            "How often does your client call `read`?",
            "Until it returns 0; and text is made of the bytes when all are there, not before.",
            "stream.take(MAX_MESSAGE as u64 + 1).read_to_end(&mut message)?",
        ])
        .story(|lab| {
            for message in [TIME_LINE, "Current time is 现在 two\nlines \u{1b}[1m"] {
                let (client, mut server) = client_of(lab, &[])?;
                server.send_byte_by_byte(message, Duration::from_millis(2))?;
                server.ends_sending()?;
                client.prints(&format!("received {}", quoted(message.as_bytes())))?;
                client.ends_well()?;
            }
            Ok(())
        })
}

fn says_at_once_that_it_is_connected() -> Stage {
    Stage::client("It says that it is connected before the first byte comes")
        .promises(["T5", "C4"])
        .why("Into a pipe, many languages keep what a program prints until a buffer is full. Whoever waits for the line waits for ever.")
        .hints([
            "When does your line leave the program: when it is printed, or when the program ends?",
            "Print it right after connecting, and flush (Rust's `println!` and `writeln!` to stdout do so at each newline).",
            "say(format_args!(\"connected to {address}\"))?; // before the first read",
        ])
        .mostly_waiting()
        .story(|lab| {
            let stand = lab.tcp_server()?;
            let client = lab.client(stand.address(), &[])?;
            let mut server = stand.accept()?;
            client.prints(&format!("connected to {}", stand.address()))?;
            server.send("Current ")?;
            demand(client.line_within(Duration::from_millis(400)).is_none(), || {
                "Your client printed a line before the message was complete.".to_owned()
            })?;
            server.send("time is near")?;
            server.ends_sending()?;
            client.prints(r#"received "Current time is near""#)?;
            client.ends_well()
        })
}

fn prints_whatever_came_so_that_it_harms_nobody() -> Stage {
    Stage::client("Whatever came is printed so that it harms nobody")
        .promises(["C7", "T5"])
        .why(
            "What comes from a network may be anything: sequences that clear the screen, a newline that forges a line, bytes that \
             are no text at all.",
        )
        .hints([
            "What does your client print for the byte 0x1b, or for 0xff?",
            "Text goes through `{:?}`; bytes that are not UTF-8 are counted.",
            "say(format_args!(\"received {}\", quoted(&message)))",
        ])
        .story(|lab| {
            let messages: [&[u8]; 5] =
                [b"\x1b[2J\x07 \x00 \x7f \t \"quotes\" \\ and\nlines\r\n", b"text, and then \xff", b"\xff", b"\xed\xa0\x80", b"  blanks  "];
            for message in messages {
                let (client, mut server) = client_of(lab, &[])?;
                answer(&mut server, &client, message)?;
            }
            Ok(())
        })
}

fn takes_a_message_of_1024_bytes() -> Stage {
    Stage::client("A message of 1024 bytes is not too long")
        .promises(["T6", "T5"])
        .why("A limit has two sides: what is just allowed must work, or the limit is another one.")
        .hints([
            "At which length does your client refuse?",
            "1024 bytes are a message, 1025 are an error.",
            "take(1025), and then look whether there are more than 1024",
        ])
        .story(|lab| {
            for length in [1, 1023, 1024] {
                let (client, mut server) = client_of(lab, &[])?;
                answer(&mut server, &client, &vec![b'x'; length])?;
            }
            Ok(())
        })
}

fn refuses_a_message_that_is_too_long() -> Stage {
    Stage::client("A message of more than 1024 bytes is an error")
        .promises(["T6", "C5"])
        .why("A client that takes whatever comes can be filled up by any server, or by whoever answers in its place.")
        .hints([
            "What limits how much your client reads?",
            "Read one byte more than is allowed: if it is there, the message is too long.",
            "stream.take(MAX_MESSAGE as u64 + 1).read_to_end(&mut message)?; if message.len() > MAX_MESSAGE { … }",
        ])
        .story(|lab| {
            // Bytes, not characters: é has two.
            for message in [vec![b'x'; 1025], vec![b'x'; 5000], "é".repeat(600).into_bytes()] {
                let (client, mut server) = client_of(lab, &[])?;
                server.send_unwelcome(message);
                client.fails(&[])?;
            }
            Ok(())
        })
}

fn refuses_an_endless_message() -> Stage {
    Stage::client("A message without an end is an error, and costs no memory")
        .promises(["T6", "C10"])
        .why("The end of the stream may never come. A client that collects until then collects until its memory is full.")
        .hints([
            "What if the end never comes?",
            "Stop reading as soon as there are more bytes than a message may have.",
            "`take` in front of `read_to_end` ends the reading, whatever the server does.",
        ])
        .story(|lab| {
            const FLOOD: usize = 32 << 20;
            let (client, mut server) = client_of(lab, &[])?;
            let taken = server.send_flood(FLOOD)?;
            demand(taken < FLOOD, || format!("Your client went on reading: it took {} MB.", taken >> 20))?;
            client.fails(&[])
        })
}

fn an_empty_answer_is_an_error() -> Stage {
    Stage::client("An end before the first byte is an error")
        .promises(["T6", "C5"])
        .why("A server that crashes after `accept` looks like one that has nothing to say: the stream just ends.")
        .hints([
            "What does your client print when nothing came?",
            "Nothing on stdout: an empty message is no time, it is an error.",
            "if message.is_empty() { bail!(\"…\") }",
        ])
        .story(|lab| {
            let (client, mut server) = client_of(lab, &[])?;
            server.ends_sending()?;
            client.fails(&[])
        })
}

fn a_broken_connection_is_an_error() -> Stage {
    Stage::client("A connection that breaks is an error, whatever had come before")
        .promises(["T6", "C5"])
        .why("FIN says \"that was all\"; RST says \"something went wrong\". Half a message must not be taken for a whole one.")
        .hints([
            "What does `read` return after a reset, and what do you do with it?",
            "An error, not 0. Pass it on; do not print what came before it.",
            "stream.read_to_end(&mut message)?; // the `?` is the point",
        ])
        .story(|lab| {
            for words in ["Current time is", TIME_LINE, &"time and again ".repeat(60)] {
                let (client, mut server) = client_of(lab, &[])?;
                server.send(words)?;
                server.is_read()?;
                server.resets()?;
                client.fails(&[])?;
            }
            let (client, server) = client_of(lab, &[])?;
            server.resets()?;
            client.fails(&[])
        })
}

fn does_not_wait_for_ever() -> Stage {
    Stage::client("It does not wait for ever for a server that says nothing")
        .promises(["C8", "C5", "T6"])
        .why("A server can hang, and a network can lose the last packet. Without a limit, `read` waits as long as the machine runs.")
        .hints([
            "What ends your client's `read` when nothing comes?",
            "`set_read_timeout`, with the value of `--timeout`.",
            "stream.set_read_timeout(Some(args.timeout))?;",
        ])
        .mostly_waiting()
        .story(|lab| {
            for words in ["", "Current time is"] {
                let (client, mut server) = client_of(lab, &["--timeout", "0.2"])?;
                if !words.is_empty() {
                    server.send(words)?;
                }
                client.fails(&[])?;
            }
            Ok(())
        })
}

fn waits_for_each_byte_anew() -> Stage {
    Stage::client("`--timeout` bounds each wait, not the whole")
        .promises(["C8", "T5"])
        .why("A slow server is not a dead one. As long as bytes come, there is reason to wait for the next.")
        .hints([
            "When does the time begin to run in your client?",
            "With each read anew: that is what `set_read_timeout` does.",
            "stream.set_read_timeout(Some(args.timeout))?; // once; it counts for every read",
        ])
        .mostly_waiting()
        .story(|lab| {
            lab.steadily(|lab| {
                let (client, mut server) = client_of(lab, &["--timeout", "0.4"])?;
                server.send_byte_by_byte("slow time", Duration::from_millis(80))?;
                server.ends_sending()?;
                client.prints(r#"received "slow time""#)?;
                client.ends_well()
            })
        })
}

fn waits_five_seconds_by_default() -> Stage {
    Stage::client("Without `--timeout` it is patient")
        .promises(["C8"])
        .why("A default is a guess about networks; 5 seconds is longer than a busy server usually needs.")
        .hints([
            "What is the timeout when `--timeout` is not given?",
            "5 seconds.",
            "#[arg(long, default_value = \"5\", value_parser = seconds)] timeout: Duration",
        ])
        .mostly_waiting()
        .story(|lab| {
            let (client, mut server) = client_of(lab, &[])?;
            demand(client.line_within(Duration::from_millis(550)).is_none() && !client.has_ended(), || {
                "Your client did not wait for a server that needs half a second.".to_owned()
            })?;
            answer(&mut server, &client, TIME_LINE.as_bytes())
        })
}

// Both.

fn the_pair_tells_the_time() -> Stage {
    Stage::pair("Your client and your server, with every byte in a segment of its own")
        .promises(["T1", "T2", "T5"])
        .why("Each kept its promises alone, with the lab for a partner. Here they have only each other, and a network that cuts.")
        .hints([
            "Both pass alone? Then compare what each says with what the other expects.",
            "`cargo xtask run tcp-time --split 1` shows the two, and what passes between them.",
            "What the server says it sent must be what the client says it received.",
        ])
        .story(|lab| {
            let server = lab.server()?;
            let tap = lab.tap(&server, Transport::Tcp, vec![Rule::split(1)])?;
            let client = lab.client(tap.address(), &[])?;
            client.prints(&format!("connected to {}", tap.address()))?;
            let received = client.next_line("the time")?;
            client.ends_well()?;
            let connected = server.next_line("`<peer> connected`")?;
            let sent = server.next_line("`sent \"…\" to <peer>`")?;
            lab.recall(&tap);
            let peer = connected.strip_suffix(" connected").unwrap_or_default();
            let text = received.strip_prefix("received ").unwrap_or_default();
            demand(!peer.is_empty() && !text.is_empty() && sent == format!("sent {text} to {peer}"), || {
                format!("Your client printed `{received}`, and your server `{sent}`.")
            })?;
            demand(tap.strikes() != [0], || "The network did not get to do what it should have done.".to_owned())
        })
}
