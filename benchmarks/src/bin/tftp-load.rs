//! `tftp-load ADDRESS get|put NAME MEBIBYTES BLKSIZE WINDOWSIZE AT_A_TIME`: moves the file NAME, or new files NAME-0,
//! NAME-1 …, so many at a time, and prints how many megabytes went over in a second, all together.
//!
//! A client with nothing but what the measurement needs: no file on its side, and options only where they say
//! something.

use std::io::ErrorKind::{TimedOut, WouldBlock};
use std::net::{SocketAddr, UdpSocket};
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};

const HEADER: usize = 4;

/// How long to wait for an answer, and how often.
const PATIENCE: Duration = Duration::from_millis(500);
const TRIES: usize = 10;

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let mut next = || arguments.next().context("write: tftp-load ADDRESS get|put NAME MEBIBYTES BLKSIZE WINDOWSIZE N");
    let server = next()?.parse()?;
    let (verb, name, bytes) = (next()?, next()?, next()?.parse::<usize>()? << 20);
    let (block, window, at_a_time) = (next()?.parse()?, next()?.parse()?, next()?.parse::<usize>()?);
    let barrier = Barrier::new(at_a_time + 1);
    let elapsed = thread::scope(|scope| {
        let load = |number: usize| {
            let (name, barrier) = (format!("{name}-{number}"), &barrier);
            move || {
                barrier.wait();
                Transfer::ask(server, 2, &name, block, window)?.put(bytes)
            }
        };
        let fetch = || {
            barrier.wait();
            Transfer::ask(server, 1, &name, block, window)?.get(bytes)
        };
        let threads: Vec<_> = match verb.as_str() {
            "get" => (0..at_a_time).map(|_| scope.spawn(fetch)).collect(),
            "put" => (0..at_a_time).map(|number| scope.spawn(load(number))).collect(),
            _ => bail!("not get or put: {verb}"),
        };
        barrier.wait();
        let began = Instant::now();
        for thread in threads {
            thread.join().expect("a transfer panicked")?;
        }
        Ok(began.elapsed())
    })?;
    println!("{:.1}", (bytes * at_a_time) as f64 / 1e6 / elapsed.as_secs_f64());
    Ok(())
}

struct Transfer {
    socket: UdpSocket,
    block: usize,
    window: usize,
    /// The packet that came last, and its length.
    packet: Vec<u8>,
    length: usize,
}

impl Transfer {
    /// Sends the request, and settles on the port from which the answer comes.
    fn ask(server: SocketAddr, kind: u8, name: &str, block: usize, window: usize) -> anyhow::Result<Transfer> {
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        socket.set_read_timeout(Some(PATIENCE))?;
        let mut request = [&[0, kind], name.as_bytes(), b"\0octet\0"].concat();
        for (option, value, default) in [("blksize", block, 512), ("windowsize", window, 1)] {
            if value != default {
                request.extend(format!("{option}\0{value}\0").bytes());
            }
        }
        let mut packet = vec![0; HEADER + block.max(512) + 1];
        for _ in 0..TRIES {
            socket.send_to(&request, server)?;
            match socket.recv_from(&mut packet) {
                Ok((length, from)) => {
                    socket.connect(from)?;
                    let mut transfer = Transfer { socket, block: 512, window: 1, packet, length };
                    transfer.agree()?;
                    return Ok(transfer);
                }
                Err(error) if matches!(error.kind(), WouldBlock | TimedOut) => {}
                Err(error) => return Err(error.into()),
            }
        }
        bail!("no answer to the request");
    }

    /// Takes the options that are granted. Without an OACK there are none.
    fn agree(&mut self) -> anyhow::Result<()> {
        if self.packet.starts_with(&[0, 5]) {
            bail!("refused: {}", String::from_utf8_lossy(&self.packet[HEADER..self.length]));
        }
        if self.packet.starts_with(&[0, 6]) {
            let text = String::from_utf8(self.packet[2..self.length].to_vec())?;
            let words: Vec<_> = text.split('\0').collect();
            for pair in words.chunks_exact(2) {
                match pair[0].to_lowercase().as_str() {
                    "blksize" => self.block = pair[1].parse()?,
                    "windowsize" => self.window = pair[1].parse()?,
                    _ => {}
                }
            }
        }
        Ok(())
    }

    /// Receives until the file ends, which must be after so many bytes.
    fn get(&mut self, bytes: usize) -> anyhow::Result<()> {
        let (mut got, mut block, mut unacknowledged) = (0, 0_u16, 0);
        if self.packet.starts_with(&[0, 6]) {
            self.acknowledge(0)?;
            self.receive(0)?;
        }
        loop {
            let is_next = self.number()? == (3, block.wrapping_add(1));
            if is_next {
                block = block.wrapping_add(1);
                got += self.length - HEADER;
                unacknowledged += 1;
            }
            let is_last = is_next && self.length - HEADER < self.block;
            if unacknowledged == self.window || is_last || (!is_next && self.window > 1) {
                self.acknowledge(block)?;
                unacknowledged = 0;
            }
            if is_last {
                ensure!(got == bytes, "{got} bytes came instead of {bytes}");
                return Ok(());
            }
            self.receive(block)?;
        }
    }

    /// Sends so many bytes.
    fn put(&mut self, bytes: usize) -> anyhow::Result<()> {
        let last = bytes / self.block + 1;
        let mut data = vec![b'x'; HEADER + self.block];
        let (mut acknowledged, mut tries) = (0, TRIES);
        while acknowledged < last {
            let until = last.min(acknowledged + self.window);
            for block in acknowledged + 1..=until {
                let [high, low] = (block as u16).to_be_bytes();
                data[..HEADER].copy_from_slice(&[0, 3, high, low]);
                let length = if block == last { bytes % self.block } else { self.block };
                self.socket.send(&data[..HEADER + length])?;
            }
            // An ACK of less than that comes when something was lost; an older one is a repetition.
            let ahead = loop {
                match self.try_receive()? {
                    false => break 0,
                    true => match usize::from(self.number()?.1.wrapping_sub(acknowledged as u16)) {
                        ahead if ahead <= until - acknowledged && (ahead > 0 || self.window > 1) => break ahead,
                        _ => {}
                    },
                }
            };
            tries = if ahead > 0 { TRIES } else { tries - 1 };
            ensure!(tries > 0, "no answer to block {}", acknowledged + 1);
            acknowledged += ahead;
        }
        Ok(())
    }

    /// Kind and number of the packet that came last.
    fn number(&self) -> anyhow::Result<(u8, u16)> {
        match self.packet[..self.length] {
            [0, kind @ (3 | 4), high, low, ..] => Ok((kind, u16::from_be_bytes([high, low]))),
            _ => bail!("not DATA or ACK: {}", String::from_utf8_lossy(&self.packet[..self.length.min(80)])),
        }
    }

    fn acknowledge(&self, block: u16) -> anyhow::Result<()> {
        let [high, low] = block.to_be_bytes();
        self.socket.send(&[0, 4, high, low])?;
        Ok(())
    }

    /// The next packet; asks for it again when it does not come.
    fn receive(&mut self, block: u16) -> anyhow::Result<()> {
        for _ in 0..TRIES {
            if self.try_receive()? {
                return Ok(());
            }
            self.acknowledge(block)?;
        }
        bail!("nothing came after block {block}");
    }

    fn try_receive(&mut self) -> anyhow::Result<bool> {
        match self.socket.recv(&mut self.packet) {
            Ok(length) => self.length = length,
            Err(error) if matches!(error.kind(), WouldBlock | TimedOut) => return Ok(false),
            Err(error) => return Err(error.into()),
        }
        Ok(true)
    }
}
