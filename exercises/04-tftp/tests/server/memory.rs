//! Long files, large windows, early blocks: none of them is kept in memory.

use scenario::{Outcome, Stage, UdpPeer, demand};

use super::traces::{Tells, soon_has_only};
use super::wire::{Talks, ack, data, describe, error, goes_on_after, rrq, wrq};
use super::{one_refusal_at_last, one_refusal_from_the_server, patient_server};

pub fn keeps_no_file_in_its_memory() -> Stage {
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

pub fn reads_no_file_into_its_memory() -> Stage {
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

pub fn reads_no_window_into_its_memory() -> Stage {
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

pub fn keeps_no_early_blocks() -> Stage {
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
            let port = alice.partner()?;
            if !goes_on_after(&data(3, &first), (&mut alice, port), &data(1, &first), &ack(1), Some(&ack(1)))? {
                one_refusal_at_last(lab, &server)?;
                return lab.lowers_the_curtain();
            }
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
