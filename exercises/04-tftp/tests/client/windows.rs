//! Windows, and more blocks than there are numbers.

use std::time::{Duration, Instant};

use scenario::{Lab, Meaning, Outcome, Stage, demand};

use super::traces::{Tells, holds};
use super::wire::{
    Talks, WINDOWS, WINDOWS_OF_64, WINDOWS_OF_85, ack, block, content, data, hears_many_blocks, hears_window,
    many_blocks, oack, sends_many_blocks, tally,
};
use super::{client_with_timeout, patient_client};

pub fn gets_in_windows() -> Stage {
    Stage::client("With windowsize 4 it acknowledges every fourth block, and a gap at once")
        .promises(["F17", "F13", "F15"])
        .why("One ACK stands for a whole window. If a block in its middle is lost, the ACK of the one before tells from where to send again (RFC 7440, section 4).")
        .hints([
            "When does your client acknowledge, and what does it do with block 6 when block 5 is missing?",
            "After four new blocks, and after the last one. A block that is not due is not written; the ACK says which was the last in order.",
            "if self.complete || self.unacknowledged == self.terms.window { self.acknowledge()?; }, 2..0x8000 => self.report_gap()",
        ])
        .story(|lab| lab.steadily(gets_windows_with_a_gap))
}

fn gets_windows_with_a_gap(lab: &mut Lab) -> Outcome {
    let (file, folder) = (content(150), lab.folder("folder")?);
    let errand = ["get", "file", "{folder}/file", "--blksize", "16", "--windowsize", "4"];
    let mut counter = client_with_timeout(lab, folder, "1.2", &errand)?;
    counter.is_asked(1, "file", "octet", &WINDOWS)?;
    let packet = |number: u16| data(number, block(&file, number.into(), 16));
    lab.in_short("server", "sends windows, one of them without its second block", |_| {
        counter.answers(oack(&WINDOWS))?;
        counter.port.expect(ack(0))?;
        (1..=4).try_for_each(|number| counter.answers(packet(number)))?;
        counter.port.eventually(&ack(4), &ack(0))?;
        [5, 7, 8].into_iter().try_for_each(|number| counter.answers(packet(number)))?;
        let sent = Instant::now();
        counter.port.eventually(&ack(5), &ack(4)).or_rather("Block 6 is missing.")?;
        demand(sent.elapsed() < Duration::from_millis(700), || {
            "Your client acknowledged block 5 only when the time was up; that 6 is missing was to be seen at once."
                .to_owned()
        })?;
        (6..=9).try_for_each(|number| counter.answers(packet(number)))?;
        counter.port.eventually(&ack(9), &ack(5))?;
        counter.answers(packet(10))?;
        counter.port.eventually(&ack(10), &ack(9))
    })?;
    counter.client.says("got \"file\": 150 bytes in 10 blocks")?;
    holds(&counter.folder, "file", &file)?;
    // It may stay for a while, as the other side may not have heard the last ACK.
    lab.lowers_the_curtain()?;
    counter.forgets_what_waits()
}

pub fn puts_in_windows() -> Stage {
    Stage::client("With windowsize 4 it sends four blocks at a time, and goes back where it is told to")
        .promises(["F17", "F13", "F15"])
        .why("A window keeps the line busy while the ACK is on its way. An ACK in its middle means: again from here (RFC 7440, section 4).")
        .hints([
            "How many blocks does your client send before it waits, and what does it do when two of four are acknowledged?",
            "As many as the window has, or the file. The next window begins with the block after the ACK; to send it the file must go back.",
            "while under_way < terms.window { … }; file.return_to(bookmark)?; and the blocks that have arrived are skipped",
        ])
        .mostly_waiting()
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

pub fn gets_more_than_65535_blocks() -> Stage {
    Stage::client("After block 65535 comes block 0, and the download goes on")
        .promises(["F9"])
        .why("Two bytes count to 65535. The next number is 0 again, so what a number means follows from where the transfer is.")
        .hints([
            "What does your client do with DATA 0 after DATA 65535?",
            "Count in 64 bits; the next block is the one whose number is one ahead in 16 bits.",
            "block.wrapping_sub(self.tally.blocks as u16) == 1",
        ])
        .story(|lab| {
            let (folder, file) = (lab.folder("folder")?, many_blocks());
            let errand = ["get", "file", "{folder}/file", "--blksize", "8", "--windowsize", "85"];
            let mut counter = patient_client(lab, folder, &errand)?;
            counter.is_asked(1, "file", "octet", &WINDOWS_OF_85)?;
            counter.answers(oack(&WINDOWS_OF_85))?;
            counter.port.expect(ack(0))?;
            lab.in_short("server", "sends 65,721 blocks", |lab| sends_many_blocks(lab, &mut counter.port, &file, 85))?;
            counter.is_done(&format!("got \"file\": {}", tally(file.len(), 8)))?;
            holds(&counter.folder, "file", &file)
        })
}

pub fn puts_more_than_65535_blocks() -> Stage {
    Stage::client("After block 65535 comes block 0, and the upload goes on")
        .promises(["F9"])
        .why("With blocks of 512 bytes, numbers of two bytes last for 32 MiB. Then they begin anew.")
        .hints([
            "Which type does your block counter have, and what happens when it is full?",
            "Count in 64 bits, and put the lower 16 on the wire; compare distances with `wrapping_sub`.",
            "write_data_header(number as u16, …); block.wrapping_sub(self.acknowledged as u16)",
        ])
        .story(|lab| {
            let (folder, file) = (lab.folder("folder")?, many_blocks());
            folder.put("file", &file)?;
            let errand = ["put", "{folder}/file", "--blksize", "8", "--windowsize", "64"];
            let mut counter = client_with_timeout(lab, folder, "30", &errand)?;
            counter.is_asked(2, "file", "octet", &WINDOWS_OF_64)?;
            counter.answers(oack(&WINDOWS_OF_64))?;
            lab.in_short("server", "takes 65,721 blocks", |lab| hears_many_blocks(lab, &mut counter.port, &file, 64))?;
            counter.is_done(&format!("put \"file\": {}", tally(file.len(), 8)))
        })
}
