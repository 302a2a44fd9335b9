//! The two together.

use scenario::{Meaning, Rule, Stage, Transport, demand};

pub fn the_pair_understands_each_other() -> Stage {
    Stage::pair("Your client and your server, on a network that cuts and gathers")
        .promises(["S1", "S2", "S7"])
        .why("Each kept its promises alone, with the lab for a partner. Here they have only each other, and a network that cuts.")
        .hints([
            "Both pass alone? Then compare what each says with what the other expects.",
            "`cargo xtask run sticky-packets --split 1 -- hello world` shows the two, and what passes between them.",
            "Messages, not reads, are what both count.",
        ])
        .story(|lab| {
            let texts = ["hello", "", "我爱你", "world"];
            for (framing, rule) in [("length", Rule::split(1)), ("length", Rule::coalesce(1 << 16)), ("line", Rule::split(1))] {
                let server = lab.server_with(&["--framing", framing])?;
                let tap = lab.tap(&server, Transport::Tcp, vec![rule])?;
                let client = lab.client(tap.address(), &[&["--framing", framing][..], &texts].concat())?;
                client.prints("sent 4 messages")?;
                texts.iter().try_for_each(|text| client.prints(&format!("echo {text:?}")))?;
                client.ends_well()?;
                lab.recall(&tap);
                demand(tap.strikes() != [0], || "The network did not get to do what it should have done.".to_owned())?;
                let first = server.next_line("message 1 from <peer>: \"hello\"")?;
                let peer = first.strip_prefix("message 1 from ").and_then(|rest| rest.strip_suffix(": \"hello\""));
                let peer = peer.unwrap_or_default().to_owned();
                demand(!peer.is_empty(), || format!("Your server printed `{first}`."))?;
                for (number, text) in texts.iter().enumerate().skip(1) {
                    server.prints(&format!("message {} from {peer}: {text:?}", number + 1))?;
                }
                server.prints(&format!("{peer} closed after 4 messages")).or_rather("The client had sent all it had.")?;
            }
            Ok(())
        })
}
