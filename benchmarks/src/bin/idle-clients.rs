//! `idle-clients ADDRESS COUNT [PATH]`: connects so many clients, prints `ready`, and keeps them until its stdin ends.
//! With a PATH, each has asked for it over HTTP once, and may ask again.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use anyhow::{Context, ensure};

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, count, path @ ..] = &arguments[..] else {
        anyhow::bail!("write: idle-clients ADDRESS COUNT [PATH]");
    };
    let mut clients = Vec::new();
    for number in 1..=count.parse()? {
        let mut client = TcpStream::connect(address).with_context(|| format!("client {number} cannot connect"))?;
        if let Some(path) = path.first() {
            ask(&mut client, address, path)?;
        }
        clients.push(client);
        // Some servers let no more than ten wait to be accepted, and the system turns away whoever comes then.
        if number % 8 == 0 {
            thread::sleep(Duration::from_millis(2));
        }
    }
    println!("ready");
    std::io::copy(&mut std::io::stdin(), &mut std::io::sink())?;
    Ok(())
}

/// Asks for something small, and takes whatever comes at once for the answer.
fn ask(client: &mut TcpStream, address: &str, path: &str) -> anyhow::Result<()> {
    client.set_read_timeout(Some(Duration::from_secs(5)))?;
    client.write_all(format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n").as_bytes())?;
    let mut answer = [0; 4096];
    let length = client.read(&mut answer).context("no answer came")?;
    ensure!(answer[..length].starts_with(b"HTTP/1.1 200"), "the answer was not 200");
    Ok(())
}
