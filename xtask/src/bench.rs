//! Measures, in ratios against a peer in the same run: the machine may be busy, but it is so for both.

mod check;
mod contest;
mod http;
mod idle;
mod programs;
mod sticky_packets;
mod tcp_chat;
mod tftp;
mod udp_echo;

use std::process::ExitCode;

use clap::{Args, ValueEnum};

#[derive(Args)]
pub struct Arguments {
    /// What to measure
    #[arg(value_enum)]
    what: What,
    /// How many measurements of each, taken in turn; the median counts
    #[arg(long, default_value = "9", value_parser = clap::value_parser!(u32).range(1..=100))]
    runs: u32,
}

#[derive(Clone, Copy, ValueEnum)]
enum What {
    /// From saving a program to its verdict; the stages alone; from a fresh clone to the first verdict
    Check,
    /// The reference server of udp-echo against a bare loop
    UdpEcho,
    /// The reference server of tftp against in.tftpd, atftpd, dnsmasq and rs-tftpd, and the client against others
    Tftp,
    /// The reference room of tcp-chat against `ncat --broker` and a relay over tokio
    TcpChat,
    /// The reference server of sticky-packets against tokio-util's codec
    StickyPackets,
    /// The reference server of http against nginx with one worker
    Http,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    match arguments.what {
        What::Check => check::run(arguments.runs),
        What::UdpEcho => udp_echo::run(arguments.runs),
        What::Tftp => tftp::run(arguments.runs),
        What::TcpChat => tcp_chat::run(arguments.runs),
        What::StickyPackets => sticky_packets::run(arguments.runs),
        What::Http => http::run(arguments.runs),
    }
}

/// The value in the middle.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
