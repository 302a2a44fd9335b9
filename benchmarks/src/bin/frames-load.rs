//! `frames-load ADDRESS SIZE IN_FLIGHT SECONDS`: keeps so many frames under way on one connection, and prints echoes a
//! second.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

/// So many bytes under way fit into the buffers of two sockets. With more, nobody who reads only after writing goes on.
const SAFE: usize = 128 << 10;

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let mut next = || arguments.next().context("write: frames-load ADDRESS SIZE IN_FLIGHT SECONDS");
    let (address, size, in_flight) = (next()?, next()?.parse::<usize>()?, next()?.parse::<usize>()?);
    let time = Duration::from_secs_f64(next()?.parse()?);
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    let frame = [&(size as u32).to_be_bytes()[..], &vec![b'x'; size]].concat();
    let rate = if in_flight * frame.len() <= SAFE {
        let batch = frame.repeat(in_flight);
        count(&stream, &frame, in_flight, time, |frames| Ok((&stream).write_all(&batch[..frames * frame.len()])?))?
    } else {
        with_a_writer(&stream, &frame, in_flight, time)?
    };
    println!("{rate:.0}");
    Ok(())
}

/// Writes in a thread of its own, so that reading goes on meanwhile.
fn with_a_writer(stream: &TcpStream, frame: &[u8], in_flight: usize, time: Duration) -> anyhow::Result<f64> {
    let (send, due) = channel();
    thread::scope(|scope| {
        scope
            .spawn(move || due.iter().try_for_each(|frames| (0..frames).try_for_each(|_| (&*stream).write_all(frame))));
        count(stream, frame, in_flight, time, move |frames| Ok(send.send(frames)?))
    })
}

/// Reads echoes and has as many frames sent again; returns how many came in a second.
fn count(
    mut stream: &TcpStream,
    frame: &[u8],
    in_flight: usize,
    time: Duration,
    mut send: impl FnMut(usize) -> anyhow::Result<()>,
) -> anyhow::Result<f64> {
    let mut buffer = vec![0; 256 << 10];
    let (began, mut frames, mut bytes) = (Instant::now(), 0, 0);
    send(in_flight)?;
    while began.elapsed() < time {
        let length = stream.read(&mut buffer).context("no echo came")?;
        ensure!(length > 0, "the server closed the connection");
        bytes += length;
        let new = bytes / frame.len() - frames;
        frames += new;
        if new > 0 {
            ensure!(buffer[..length].contains(&b'x'), "an echo was not what had been sent");
            send(new)?;
        }
    }
    let rate = frames as f64 / began.elapsed().as_secs_f64();
    // A writer that waits for the server must not wait for ever.
    stream.shutdown(std::net::Shutdown::Both)?;
    Ok(rate)
}
