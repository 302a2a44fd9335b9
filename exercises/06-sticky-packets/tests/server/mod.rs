//! The server's stages, by what they are about, and what they share: clients that send and hear their echoes.

mod borders;
mod crowd;
mod limits;
mod messages;

use scenario::{Lab, Outcome, Program, TcpPeer, quoted};

use super::wire::{self, frame};

pub use self::borders::*;
pub use self::crowd::*;
pub use self::limits::*;
pub use self::messages::*;

pub fn one_message_for_the_server(lab: &mut Lab, server: &Program) -> Outcome {
    let mut alice = lab.tcp("alice", server)?;
    exchange(&mut alice, server, 1, b"hello")?;
    farewell(alice, server, 1)
}

/// Sends a message in a frame of its own, and expects its echo and its line.
pub fn exchange(peer: &mut TcpPeer, server: &Program, number: usize, message: &[u8]) -> Outcome {
    peer.send(frame(message))?;
    is_returned(peer, server, number, message, &frame(message))
}

/// Expects the echo of a message, as it stands on the wire, and its line.
fn is_returned(peer: &mut TcpPeer, server: &Program, number: usize, message: &[u8], framed: &[u8]) -> Outcome {
    peer.expect(framed)?;
    server.prints_among_others(&line(peer, number, message))
}

fn line(peer: &TcpPeer, number: usize, message: &[u8]) -> String {
    format!("message {number} from {}: {}", peer.address(), quoted(message))
}

/// Ends the stream, and expects the server's line, its end of the stream, and nothing else.
fn farewell(mut peer: TcpPeer, server: &Program, count: usize) -> Outcome {
    peer.ends_sending()?;
    server.prints_among_others(&format!("{} closed after {count} messages", peer.address()))?;
    peer.expect_end()
}

/// Expects the refusal of a frame, the end of the connection, and no line after that.
fn is_refused(mut peer: TcpPeer, server: &Program, length: usize, most: usize) -> Outcome {
    server
        .prints_among_others(&format!("refused a frame of {length} bytes from {}: at most {most}", peer.address()))?;
    peer.wait_for_close()?;
    peer.closes();
    Ok(())
}
