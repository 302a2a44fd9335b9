//! The client's stages, by what they are about, and what they share: a server that the lab plays.

mod echoes;
mod errors;
mod pair;

use scenario::{Lab, Outcome, Program, TcpPeer, TcpStand};

use super::wire;

pub use self::echoes::*;
pub use self::errors::*;
pub use self::pair::*;

pub fn no_message_from_the_client(_: &mut Lab, stand: TcpStand, client: &Program) -> Outcome {
    let mut server = stand.accept()?;
    server.expect_end()?;
    client.prints("sent 0 messages")?;
    client.ends_well()
}

/// A client that was started, and the lab's end of its connection.
pub fn client_of(lab: &mut Lab, arguments: &[&str]) -> Outcome<(Program, TcpPeer)> {
    let stand = lab.tcp_server()?;
    let client = lab.client(stand.address(), arguments)?;
    let server = stand.accept()?;
    Ok((client, server))
}

/// Reads what the client sends, up to the end of its stream, and its line about it.
pub fn hear_all(server: &mut TcpPeer, client: &Program, due: &[u8], count: usize) -> Outcome {
    server.expect(due)?;
    server.expect_end()?;
    client.prints(&format!("sent {count} messages"))
}
