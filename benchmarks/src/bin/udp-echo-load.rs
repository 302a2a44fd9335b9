//! `udp-echo-load ADDRESS IN_FLIGHT SECONDS`: keeps so many datagrams of 32 bytes under way, and prints echoes a second.

use std::net::UdpSocket;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let mut next = || arguments.next().context("write: udp-echo-load ADDRESS IN_FLIGHT SECONDS");
    let (address, in_flight, seconds) = (next()?, next()?.parse::<u32>()?, next()?.parse::<f64>()?);
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    socket.connect(address)?;
    socket.set_read_timeout(Some(Duration::from_secs(2)))?;
    let (datagram, mut buffer) = ([b'x'; 32], [0; 64]);
    for _ in 0..in_flight {
        socket.send(&datagram)?;
    }
    let (began, mut echoes) = (Instant::now(), 0_u64);
    let time = Duration::from_secs_f64(seconds);
    // The clock is looked at now and then only: it costs as much as a datagram.
    while echoes % 256 != 0 || began.elapsed() < time {
        let length = socket.recv(&mut buffer).context("an echo was lost")?;
        ensure!(buffer[..length] == datagram, "an echo was not what had been sent");
        socket.send(&datagram)?;
        echoes += 1;
    }
    println!("{:.0}", echoes as f64 / began.elapsed().as_secs_f64());
    Ok(())
}
