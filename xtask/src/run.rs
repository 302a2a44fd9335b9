//! Runs a pair through the tap. The terminal is the client's; what the server says and what passes on the wire is told
//! beside it.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use anyhow::{Context, bail};
use clap::Args;
use scenario::{Programs, Rule, Transport};
use supervise::Attached;

use crate::build::{self, Built, Whose};
use crate::session::Session;
use crate::{chapters, print, room};

#[derive(Args)]
#[command(after_help = "Examples:\n  cargo xtask run udp-echo --loss 20% --seed 7\n  \
    cargo xtask run tcp-time --solution --split 1\n  cargo xtask run udp-message -- 'one datagram' 'and another'\n  \
    cargo xtask run tcp-chat --clients 3")]
pub struct Arguments {
    /// The chapter
    chapter: String,
    /// Run the reference pair
    #[arg(long)]
    solution: bool,
    /// Lose this part of the datagrams
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    loss: Option<f64>,
    /// Let this part of the datagrams arrive twice
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    duplicate: Option<f64>,
    /// Let this part of the datagrams be overtaken by the next; a quarter when no part is named
    #[arg(long, value_name = "PERCENT", value_parser = percent, num_args = 0..=1, default_missing_value = "25%", require_equals = true)]
    reorder: Option<f64>,
    /// Let everything arrive later
    #[arg(long, value_name = "TIME", value_parser = time, conflicts_with_all = ["split", "coalesce"])]
    delay: Option<Duration>,
    /// Cut streams into pieces of this many bytes
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u32).range(1..), conflicts_with = "coalesce")]
    split: Option<u32>,
    /// Hold streams back until this many bytes have come
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u32).range(1..))]
    coalesce: Option<u32>,
    /// Write what passed to this file, for Wireshark
    #[arg(long, value_name = "FILE")]
    pcap: Option<PathBuf>,
    /// What chance is drawn from: the same seed, the same losses
    #[arg(long, default_value = "1")]
    seed: u64,
    /// Start so many clients, and type for all of them: `2: hello` is said by client 2, other lines by the server's operator
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..=99), conflicts_with_all = ["client", "pcap"])]
    clients: Option<u16>,
    /// Arguments of the client
    #[arg(last = true)]
    client: Vec<String>,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let found = chapters::one(&arguments.chapter)?;
    let datagrams_only = arguments.loss.or(arguments.duplicate).or(arguments.reorder).is_some();
    let streams_only = arguments.split.or(arguments.coalesce).is_some();
    match found.chapter.transport() {
        Transport::Tcp if datagrams_only => {
            bail!("TCP mends losses, repetitions and disorder itself: try --split 1 or --delay 50ms")
        }
        Transport::Udp if streams_only => bail!("a datagram is neither cut nor merged: try --loss 20% or --reorder"),
        Transport::Tcp | Transport::Udp => {}
    }
    let whose = if arguments.solution { Whose::Solution } else { Whose::Students };
    let Built::Ready(Programs { server: Some(server), client: Some(client), .. }) = build::programs(&found, whose)?
    else {
        bail!("{} does not compile; the compiler's message is above", arguments.chapter);
    };
    if let Some(clients) = arguments.clients {
        return room::open(&server, &client, &found.chapter, arguments.rules(), usize::from(clients));
    }
    let began = SystemTime::now();
    let session = Session::start(&server, &found.chapter, arguments.rules())?;
    let more: Vec<_> = arguments.client.iter().map(String::as_str).collect();
    let (target, more) = found.chapter.call(&session.tap.address().to_string(), &more);
    let client = Attached::start(client.client(&target, &more)).context("cannot start the client")?;
    let status = client.wait().context("cannot wait for the client")?;
    let tap = session.end();
    let strikes: u64 = tap.strikes().iter().sum();
    if strikes > 0 {
        print(&format!("tap      * struck {strikes} times; the same again:  --seed {}\n", arguments.seed));
    }
    if let Some(path) = &arguments.pcap {
        let written = std::fs::write(path, wiretap::pcapng(&tap.events(), began));
        written.with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(ExitCode::from(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1)))
}

impl Arguments {
    fn rules(&self) -> Vec<Rule> {
        // Each rule draws from a seed of its own, or they would all strike the same ones.
        let chance = |rule: Rule, of: Option<f64>, number: u64| {
            of.map(|of| rule.with_chance(of, self.seed.wrapping_add(number)))
        };
        let rules = [
            chance(Rule::lose(), self.loss, 0),
            chance(Rule::duplicate(), self.duplicate, 1),
            chance(Rule::reorder(), self.reorder, 2),
            self.delay.map(Rule::delay),
            self.split.map(|size| Rule::split(size as usize)),
            self.coalesce.map(|size| Rule::coalesce(size as usize)),
        ];
        rules.into_iter().flatten().collect()
    }
}

/// `20%` or `20`: a part of one.
fn percent(text: &str) -> Result<f64, String> {
    match text.trim_end_matches('%').parse::<f64>() {
        Ok(percent) if (0.0..=100.0).contains(&percent) => Ok(percent / 100.0),
        _ => Err("not a percentage from 0% to 100%".to_owned()),
    }
}

/// `50ms` or `0.5s`.
fn time(text: &str) -> Result<Duration, String> {
    let (number, unit) = match (text.strip_suffix("ms"), text.strip_suffix('s')) {
        (Some(number), _) => (number, 1e-3),
        (None, Some(number)) => (number, 1.0),
        (None, None) => return Err("a unit is missing: write 50ms or 0.5s".to_owned()),
    };
    match number.parse::<f64>() {
        Ok(number) if (0.0..=60.0).contains(&(number * unit)) => Ok(Duration::from_secs_f64(number * unit)),
        _ => Err("not a time from 0ms to 60s".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_and_times_are_read_with_their_units() {
        assert_eq!(percent("20%"), Ok(0.2));
        assert_eq!(percent("100"), Ok(1.0));
        assert!(percent("101%").is_err() && percent("-1%").is_err() && percent("some").is_err());
        assert_eq!(time("50ms"), Ok(Duration::from_millis(50)));
        assert_eq!(time("0.5s"), Ok(Duration::from_millis(500)));
        assert!(time("50").is_err() && time("-1s").is_err() && time("90s").is_err());
    }
}
