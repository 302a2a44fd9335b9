//! Options: what is asked for, granted, and refused.

use scenario::{Folder, Lab, Meaning, Outcome, Stage};

use super::traces::{has_only, holds};
use super::wire::{Talks, ack, block, content, data, error, oack, tally};
use super::{client_with_timeout, patient_client};

pub fn asks_for_options_only_when_told() -> Stage {
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
            counter.is_done(&format!("put \"up\": {}", tally(2500, 2000)))?;
            acknowledges_options_at_once(lab, counter.folder)
        })
}

/// Its timeout is longer than anybody waits here.
fn acknowledges_options_at_once(lab: &mut Lab, folder: Folder) -> Outcome {
    let errand = ["get", "file", "{folder}/file", "--blksize", "1024"];
    let mut counter = client_with_timeout(lab, folder, "30", &errand)?;
    counter.is_asked(1, "file", "octet", &[("blksize", "1024")])?;
    counter.answers(oack(&[("blksize", "1024")]))?;
    counter.port.expect(ack(0)).or_rather("ACK 0 tells the server that its OACK has come.")?;
    counter.answers(error(0, "that is enough"))?;
    counter.client.fails(&[])
}

pub fn lives_without_options() -> Stage {
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

pub fn takes_less_than_it_asked_for() -> Stage {
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

pub fn refuses_options_that_it_did_not_ask_for() -> Stage {
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
