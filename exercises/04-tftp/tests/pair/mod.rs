//! Both programs together, on a bad network.

use std::time::Duration;

use scenario::{Direction, Rule, Stage, Transport, demand};

use super::server::hasty_server;
use super::traces::{Tells, holds};
use super::wire::{content, tally};

pub fn the_pair_survives_a_bad_network() -> Stage {
    Stage::pair("Your client and your server, on a network that loses, repeats and delays")
        .promises(["F1", "F2", "F3", "F5", "F13", "F15"])
        .why("Each kept its promises alone, with the lab for a partner. Here they have only each other, and a network that is none too good.")
        .hints([
            "Both pass alone? Then compare what each says with what the other expects.",
            "`cargo xtask run tftp --loss 20% --seed 7 -- get FILE` shows the two, and what the network does to them.",
            "Request, DATA and ACK are each sent again when nothing answers; a repeated ACK causes no DATA.",
        ])
        .mostly_waiting()
        .story(|lab| {
            let (server, folder) = hasty_server(lab, &[])?;
            let file = content(3000);
            folder.put("file", &file)?;
            let here = lab.folder("here")?;
            let get = ["get", "file", &here.file("got")].map(str::to_owned);
            let put = ["put", &here.file("got"), "put"].map(str::to_owned);
            let (to_server, to_client) = (Direction::ToServer, Direction::ToClient);
            for (errand, done) in [(get, "got \"file\""), (put, "put \"put\"")] {
                let rules = vec![
                    Rule::lose().to(to_server).only(1),
                    Rule::lose().to(to_client).only(2),
                    Rule::lose().to(to_server).only(4),
                    Rule::duplicate().to(to_client).only(4),
                    Rule::duplicate().to(to_server).only(6),
                    Rule::delay(Duration::from_millis(20)).to(to_client).only(6),
                ];
                let count = rules.len();
                let tap = lab.tap(&server, Transport::Udp, rules)?;
                let mut arguments: Vec<_> = errand.iter().map(String::as_str).collect();
                arguments.extend(["--timeout", "0.15"]);
                let client = lab.client(tap.address(), &arguments)?;
                client.says(&format!("{done}: {}", tally(3000, 512)))?;
                client.ends_well()?;
                lab.recall(&tap);
                demand(tap.strikes() == vec![1; count], || {
                    "The network did not get to do what it should have done.".to_owned()
                })?;
            }
            holds(&here, "got", &file)?;
            holds(&folder, "put", &file)?;
            lab.lowers_the_curtain()
        })
}
