//! The two together.

use scenario::{Direction, Rule, Stage, Transport, demand};

use super::server::{join, says};

pub fn the_pair_talks() -> Stage {
    Stage::pair("Your client and your server, with every byte in a segment of its own")
        .promises(["G1", "G2", "G3", "G8", "G9"])
        .why("Each kept its promises alone, with the lab for a partner. Here they have only each other, and a network that cuts.")
        .hints([
            "Both pass alone? Then compare what each says with what the other expects.",
            "`cargo xtask run tcp-chat --split 1` shows the two, and what passes between them.",
            "Lines, not reads, are what both speak of.",
        ])
        .story(|lab| {
            let server = lab.server()?;
            let tap = lab.tap(&server, Transport::Tcp, vec![Rule::split(1).to(Direction::ToClient), Rule::split(1)])?;
            let client = lab.client(tap.address(), &[])?;
            let joined = server.next_line("client-1 joined from <peer>")?;
            demand(joined.starts_with("client-1 joined from "), || format!("Your server printed `{joined}`."))?;
            client.types("hi");
            server.prints("client-1: hi")?;
            server.types("我爱你");
            client.prints("server: 我爱你")?;
            let mut bob = join(lab, &server, "bob", 2)?;
            client.prints("client-2 joined")?;
            says(&mut bob, &server, 2, "me, too")?;
            client.prints("client-2: me, too")?;
            client.types("exit");
            server.prints("client-1 left")?;
            bob.expect_line("client-1 left")?;
            client.ends_well()?;
            lab.keep([bob]);
            lab.recall(&tap);
            demand(tap.strikes()[0] > 0, || "The network did not get to do what it should have done.".to_owned())
        })
}
