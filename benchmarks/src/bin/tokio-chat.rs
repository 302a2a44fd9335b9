//! A room over tokio's broadcast channel: each line goes to everybody but its author, with a name before it. What the
//! server of tcp-chat is measured against.

use std::sync::Arc;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::sync::broadcast::{Receiver, Sender, channel};

/// A line, and the number of its author.
type Said = (usize, Arc<str>);

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("listening on {}", listener.local_addr()?);
    let (tell, _) = channel(4096);
    for number in 1.. {
        let (stream, _) = listener.accept().await?;
        welcome(number, stream, &tell)?;
    }
    Ok(())
}

fn welcome(number: usize, stream: TcpStream, tell: &Sender<Said>) -> anyhow::Result<()> {
    stream.set_nodelay(true)?;
    let (reader, writer) = stream.into_split();
    tokio::spawn(pass_on(number, tell.subscribe(), writer));
    tokio::spawn(hear(number, reader, tell.clone()));
    Ok(())
}

async fn hear(number: usize, reader: OwnedReadHalf, tell: Sender<Said>) -> anyhow::Result<()> {
    let mut lines = BufReader::new(reader).lines();
    while let Some(line) = lines.next_line().await? {
        tell.send((number, format!("client-{number}: {line}\n").into()))?;
    }
    Ok(())
}

/// Writes what was said since the last write, all lines together.
async fn pass_on(number: usize, mut said: Receiver<Said>, mut writer: OwnedWriteHalf) -> anyhow::Result<()> {
    let mut lines = Vec::new();
    loop {
        let mut next = match said.recv().await {
            Ok(next) => Ok(next),
            Err(RecvError::Lagged(_)) => continue,
            Err(RecvError::Closed) => return Ok(()),
        };
        while let Ok((author, line)) = next {
            if author != number {
                lines.extend_from_slice(line.as_bytes());
            }
            next = match said.try_recv() {
                Err(TryRecvError::Lagged(_)) => said.try_recv(),
                next => next,
            };
        }
        writer.write_all(&lines).await?;
        lines.clear();
    }
}
