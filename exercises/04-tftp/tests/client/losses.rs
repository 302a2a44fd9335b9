//! Packets that are lost or come twice: what is sent again, when, and how often.

use std::time::Duration;

use scenario::{Lab, Meaning, Outcome, Stage};

use super::traces::{Tells, has_only, holds};
use super::wire::{Talks, ack, block, content, data, goes_on_after, oack, soon, tally};
use super::{client_with_timeout, hasty_client};

pub fn asks_again() -> Stage {
    Stage::client("A request that is not answered is sent again")
        .promises(["F15"])
        .why("The request is a datagram like any other: it, or its answer, may be lost.")
        .hints([
            "What happens in your client when no answer to the request comes?",
            "The same request goes to the same port again, after each timeout.",
            "let Some(answer) = link.receive_from_anyone(until)? else { patience.once_more()?; link.send(&request)?; continue };",
        ])
        .mostly_waiting()
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

pub fn gives_up_asking() -> Stage {
    Stage::client("After --tries it gives up, and says on whom")
        .promises(["F15", "C8", "C5", "F13"])
        .why("A server that is not there answers nothing at all: UDP does not even tell that nobody listens, or not to everybody.")
        .hints([
            "How often does your client send its request?",
            "As often as `--tries` says, the first time too; then it fails, and leaves no file.",
            "bail!(\"cannot get {remote:?} from {server}: no answer after {tries} tries\")",
        ])
        .mostly_waiting()
        .story(|lab| {
            let folder = lab.folder("folder")?;
            let mut counter = client_with_timeout(lab, folder, "0.05", &["get", "file", "{folder}/file", "--tries", "3"])?;
            for _ in 1..=3 {
                counter.is_asked(1, "file", "octet", &[])?;
            }
            counter.client.fails(&[&counter.desk.address().port().to_string()])?;
            has_only(&counter.folder, &[])
        })
}

pub fn asks_as_often_as_its_timeout_says() -> Stage {
    Stage::client("--timeout is the time between two tries, and 1 second without it")
        .promises(["F15", "C8"])
        .why("A default is a guess about networks. A second is long for a wire, short for a person, and its user may know better.")
        .hints([
            "Where does the value of `--timeout` go in your program?",
            "It bounds the first wait for each packet that is new, the request too; the waits after it may double.",
            "Patience::new(args.timeout, args.tries), and `renew` with every progress",
        ])
        .mostly_waiting()
        .story(|lab| {
            lab.steadily(are_quiet_as_long_as_they_should)?;
            lab.steadily(asks_again_soon)
        })
}

/// Two of them wait at the same time.
fn are_quiet_as_long_as_they_should(lab: &mut Lab) -> Outcome {
    let folder = lab.folder("folder")?;
    folder.put("up", "all")?;
    let up = folder.file("up");
    let mut waiting = Vec::new();
    for options in [&["--timeout", "30"][..], &[]] {
        let mut server = lab.udp_server()?;
        let client = lab.client(server.address(), &[&["put", &up], options].concat())?;
        server.receive("WRQ")?;
        waiting.push((client, server));
    }
    for ((client, mut server), silence) in waiting.into_iter().rev().zip([600, 1]) {
        server.expect_silence(Duration::from_millis(silence))?;
        server.send(ack(0))?;
        server.expect(data(1, b"all"))?;
        server.expect_silence(Duration::from_millis(100))?;
        server.send(ack(1))?;
        client.says("put \"up\": 3 bytes in 1 blocks")?;
        client.ends_well()?;
    }
    Ok(())
}

fn asks_again_soon(lab: &mut Lab) -> Outcome {
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
}

pub fn does_not_acknowledge_again_too_early() -> Stage {
    Stage::client("An ACK is not sent again before the time is up")
        .promises(["F15"])
        .why("A block that takes long is not lost. Whoever asks for it too early gets it twice, and makes a slow network slower.")
        .hints([
            "How long does your client wait for the next block?",
            "As long as `--timeout` says, from the moment the ACK was sent.",
            "Patience::new(terms.timeout, terms.tries), and `renew` with every block",
        ])
        .mostly_waiting()
        .story(|lab| {
            lab.steadily(|lab| {
                let folder = lab.folder("folder")?;
                let mut counter = client_with_timeout(lab, folder, "1", &["get", "file", "{folder}/file"])?;
                counter.is_asked(1, "file", "octet", &[])?;
                counter.answers(data(1, &content(512)))?;
                counter.port.expect(ack(1))?;
                counter.port.expect_silence(Duration::from_millis(600))?;
                counter.sends(&content(512), 2, 512)?;
                counter.is_done(&format!("got \"file\": {}", tally(512, 512)))
            })
        })
}

pub fn acknowledges_again() -> Stage {
    Stage::client("When no block follows, the last ACK is sent again")
        .promises(["F15"])
        .why("If the ACK was lost, the server waits for it, and the client for a block. Whoever keeps time gets both going again.")
        .hints([
            "What does your client do when it has sent ACK 1 and nothing comes?",
            "It sends ACK 1 again, after each timeout.",
            "let Some(packet) = link.receive(until)? else { patience.once_more()?; return self.repeat(); };",
        ])
        .mostly_waiting()
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

pub fn sends_its_data_again() -> Stage {
    Stage::client("A block that is not acknowledged in time is sent again")
        .promises(["F15"])
        .why("Whether the DATA was lost or its ACK, the sender sees the same: nothing. So it sends the same again.")
        .hints([
            "What does your client do when it has sent DATA 1 and no ACK comes?",
            "It sends DATA 1 again. Sender and receiver are the same in both programs: one engine serves both.",
            "let Some(packet) = link.receive(until)? else { patience.once_more()?; self.resend()?; continue };",
        ])
        .mostly_waiting()
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

pub fn gives_up_in_the_middle() -> Stage {
    Stage::client("A server that falls silent is given up, and no half file stays")
        .promises(["F15", "F13", "C8", "C5"])
        .why("Half a file under the name of the whole is worse than none: the next program takes it for the whole.")
        .hints([
            "Where is what your client has received so far?",
            "In a file of another name, which is removed when the transfer fails.",
            "impl Drop for Part { fn drop(&mut self) { let _ = fs::remove_file(&self.0); } }",
        ])
        .mostly_waiting()
        .story(|lab| {
            let folder = lab.folder("folder")?;
            let mut counter =
                client_with_timeout(lab, folder, "0.05", &["get", "file", "{folder}/file", "--tries", "3"])?;
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
            let mut counter = client_with_timeout(lab, counter.folder, "0.05", &errand)?;
            lab.in_short("server", "takes a request and falls silent", |_| {
                counter.is_asked(2, "up", "octet", &[])?;
                counter.answers(ack(0))?;
                (1..=3).try_for_each(|_| counter.port.expect(data(1, &content(512))))
            })?;
            counter.client.fails(&[])?;
            counter.desk.forgets_what_waits()
        })
}

pub fn gives_each_of_its_packets_all_its_tries() -> Stage {
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
        .mostly_waiting()
        .story(|lab| {
            lab.steadily(gets_at_every_second_try)?;
            lab.steadily(puts_at_every_second_try)?;
            lab.steadily(listens_after_its_last_try)
        })
}

fn gets_at_every_second_try(lab: &mut Lab) -> Outcome {
    let (folder, file) = (lab.folder("folder")?, content(2000));
    let mut counter = client_with_timeout(lab, folder, "0.1", &["get", "file", "{folder}/file", "--tries", "3"])?;
    counter.is_asked(1, "file", "octet", &[])?;
    lab.in_short("server", "sends each block when the ACK before it has come a second time", |_| {
        counter.port.forgives_repeats();
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
}

fn puts_at_every_second_try(lab: &mut Lab) -> Outcome {
    let (folder, file) = (lab.folder("folder")?, content(2000));
    folder.put("up", &file)?;
    let mut counter = client_with_timeout(lab, folder, "0.1", &["put", "{folder}/up", "--tries", "3"])?;
    counter.is_asked(2, "up", "octet", &[])?;
    lab.in_short("server", "acknowledges each block when it has come a second time", |_| {
        counter.port.forgives_repeats();
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
}

fn listens_after_its_last_try(lab: &mut Lab) -> Outcome {
    let folder = lab.folder("folder")?;
    let errand = ["get", "file", "{folder}/file", "--tries", "2"];
    let mut counter = client_with_timeout(lab, folder, "0.3", &errand)?;
    counter.is_asked(1, "file", "octet", &[])?;
    counter.is_asked(1, "file", "octet", &[])?;
    counter.port.expect_silence(Duration::from_millis(30))?;
    counter.answers(data(1, b"words"))?;
    counter.port.expect(ack(1))?;
    counter.is_done("got \"file\": 5 bytes in 1 blocks")
}

pub fn takes_repeated_data_once() -> Stage {
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
            // A block that is not due yet must not be taken for the one that is.
            let (early, third, client) = (data(5, &content(512)), data(3, block(&file, 3, 512)), counter.desk.partner()?);
            if goes_on_after(&early, (&mut counter.port, client), &third, &ack(3), Some(&ack(2)))? {
                counter.client.says(&format!("got \"file\": {}", tally(1100, 512)))?;
                holds(&counter.folder, "file", &file)?;
                // It may stay for a while, as the other side may not have heard the last ACK.
                lab.lowers_the_curtain()?;
                return counter.forgets_what_waits();
            }
            counter.client.fails(&[])?;
            has_only(&counter.folder, &[])
        })
}
