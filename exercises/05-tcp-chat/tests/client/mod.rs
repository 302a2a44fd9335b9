//! The client's stages, by what they are about, and what they share: a server that the lab plays.

mod ending;
mod lines;
mod pair;
mod talking;

use scenario::{Lab, Outcome, Program, TcpPeer, TcpStand};

use super::{server, with_single_replacements};

pub use self::ending::*;
pub use self::lines::*;
pub use self::pair::*;
pub use self::talking::*;

pub fn one_line_for_the_client(_: &mut Lab, stand: TcpStand, client: &Program) -> Outcome {
    let mut server = stand.accept()?;
    client.types("hi");
    server.expect("hi\n")?;
    server.send("server: hello\n")?;
    client.prints("server: hello")?;
    server.ends_sending()?;
    client.prints("connection closed by server")?;
    client.ends_well()
}

/// A client that was started, and the lab's end of its connection.
pub fn client_of(lab: &mut Lab, options: &[&str]) -> Outcome<(Program, TcpPeer)> {
    let stand = lab.tcp_server()?;
    let client = lab.client(stand.address(), options)?;
    let server = stand.accept()?;
    Ok((client, server))
}

/// The server closes, and the client says so and ends.
fn server_closes(client: &Program, server: &mut TcpPeer) -> Outcome {
    server.ends_sending()?;
    client.prints("connection closed by server")?;
    client.ends_well()
}
