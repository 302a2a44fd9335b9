//! Windows, and more blocks than there are numbers.

use std::time::Duration;

use scenario::{Meaning, Stage};

use super::traces::{Tells, holds};
use super::wire::{
    Talks, WINDOWS, WINDOWS_OF_64, WINDOWS_OF_85, ack, block, content, data, hears_many_blocks, hears_window,
    many_blocks, rrq, sends_many_blocks, tally, wrq,
};
use super::{hasty_server, patient_server};

pub fn counts_beyond_65535() -> Stage {
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
            let file = many_blocks();
            folder.put("file", &file)?;
            let mut alice = lab.udp("alice", &server)?;
            alice.send(rrq("file", &WINDOWS_OF_64))?;
            let (_, window) = alice.granted(&WINDOWS_OF_64)?;
            alice.send(ack(0))?;
            lab.in_short("alice", "reads 65,721 blocks", |lab| hears_many_blocks(lab, &mut alice, &file, window))?;
            server.says(&format!("{} reads \"file\"", alice.address()))?;
            server.says(&format!("sent \"file\" to {}: {}", alice.address(), tally(file.len(), 8)))
        })
}

pub fn counts_uploads_beyond_65535() -> Stage {
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
            let file = many_blocks();
            let mut alice = lab.udp("alice", &server)?;
            alice.send(wrq("up", &WINDOWS_OF_85))?;
            let (_, window) = alice.granted(&WINDOWS_OF_85)?;
            lab.in_short("alice", "writes 65,721 blocks", |lab| sends_many_blocks(lab, &mut alice, &file, window))?;
            server.says(&format!("{} writes \"up\"", alice.address()))?;
            server.says(&format!("received \"up\" from {}: {}", alice.address(), tally(file.len(), 8)))?;
            holds(&folder, "up", &file)
        })
}

pub fn sends_windows() -> Stage {
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

pub fn goes_back_in_a_window() -> Stage {
    Stage::server("An ACK in the middle of a window means: again from here")
        .promises(["F10", "F2"])
        .why("The receiver acknowledges the last block before the gap. What came after the gap it may have thrown away (RFC 7440, section 4).")
        .hints([
            "What does your server do when two of four blocks are acknowledged?",
            "The next window begins with the block after the ACK; to send it the file must go back.",
            "file.return_to(bookmark)?; and the blocks that have arrived are skipped",
        ])
        .mostly_waiting()
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

pub fn acknowledges_windows() -> Stage {
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

pub fn reports_a_gap_in_a_window() -> Stage {
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
            alice.send(wrq("up", &WINDOWS))?;
            let (size, window) = alice.granted(&WINDOWS)?;
            let (window, last) = (window as u16, (file.len() / size + 1) as u16);
            let packet = |number: u16| data(number, block(&file, number.into(), size));
            let mut done = 0;
            // In a smaller window there is no middle to lose.
            if window > 2 {
                (1..=window).filter(|number| *number != 2).try_for_each(|number| alice.send(packet(number)))?;
                alice.expect(ack(1)).or_rather("Block 2 is missing.")?;
                done = 1;
            }
            lab.in_short("alice", "sends all from there", |_| {
                while done < last {
                    let end = (done + window).min(last);
                    (done + 1..=end).try_for_each(|number| alice.send(packet(number)))?;
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
