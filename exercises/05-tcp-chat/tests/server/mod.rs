//! The server's stages, by what they are about, and what they share: people who join, speak, and leave.

mod crowd;
mod leaving;
mod lines;
mod order;
mod slow;
mod talking;

use scenario::{Lab, Outcome, Program, TcpPeer, demand};

use super::with_single_replacements;

pub use self::crowd::*;
pub use self::leaving::*;
pub use self::lines::*;
pub use self::order::*;
pub use self::slow::*;
pub use self::talking::*;

pub fn one_guest_of_the_server(lab: &mut Lab, server: &Program) -> Outcome {
    let mut alice = join(lab, server, "alice", 1)?;
    says(&mut alice, server, 1, "hi")?;
    leaves(alice, server, 1)
}

/// Somebody who connects, as client number so and so, and is seen by the operator.
pub fn join(lab: &mut Lab, server: &Program, name: &str, number: usize) -> Outcome<TcpPeer> {
    let peer = lab.tcp(name, server)?;
    has_joined(&peer, server, number)?;
    Ok(peer)
}

fn has_joined(peer: &TcpPeer, server: &Program, number: usize) -> Outcome {
    server.prints(&format!("client-{number} joined from {}", peer.address()))
}

/// Several who join, one after the other; each hears of those who come later.
fn join_all<const N: usize>(lab: &mut Lab, server: &Program, names: [&str; N]) -> Outcome<[TcpPeer; N]> {
    let mut room: Vec<TcpPeer> = Vec::new();
    for (at, name) in names.iter().enumerate() {
        let newcomer = join(lab, server, name, at + 1)?;
        all_hear(&mut room, &format!("client-{} joined", at + 1))?;
        room.push(newcomer);
    }
    Ok(room.try_into().expect("as many joined as there are names"))
}

fn all_hear(room: &mut [TcpPeer], line: &str) -> Outcome {
    room.iter_mut().try_for_each(|peer| peer.expect_line(line))
}

/// A client says a line, and the operator sees it.
pub fn says(peer: &mut TcpPeer, server: &Program, number: usize, line: &str) -> Outcome {
    peer.send(format!("{line}\n"))?;
    server.prints(&format!("client-{number}: {line}"))
}

/// A client leaves with `exit`, and is not told what it knows.
fn leaves(mut peer: TcpPeer, server: &Program, number: usize) -> Outcome {
    peer.send("exit\n")?;
    let left = format!("client-{number} left");
    server.prints(&left)?;
    let words = peer.last_words()?;
    demand(!String::from_utf8_lossy(&words).lines().any(|line| line == left), || {
        format!("`{left}` went to the very client that left; it goes to the others.")
    })
}

fn short(line: &str) -> String {
    line.chars().take(40).collect()
}
