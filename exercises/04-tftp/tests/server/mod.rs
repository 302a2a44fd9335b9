//! The server's stages, by what they are about, and what they share: servers of a folder, and exchanges with them.

mod crowds;
mod downloads;
mod losses;
mod memory;
mod options;
mod refusals;
mod strangers;
mod text;
mod uploads;
mod windows;

use scenario::{Breaking, Folder, Lab, Outcome, Program, UdpPeer, demand};

use super::traces::{self, Tells};
use super::wire::{self, Talks, ack, block, data, rrq, tally, wrq};

pub use self::crowds::*;
pub use self::downloads::*;
pub use self::losses::*;
pub use self::memory::*;
pub use self::options::*;
pub use self::refusals::*;
pub use self::strangers::*;
pub use self::text::*;
pub use self::uploads::*;
pub use self::windows::*;

pub fn one_refusal_from_the_server(lab: &mut Lab, server: &Program) -> Outcome {
    let mut alice = lab.udp("alice", server)?;
    alice.send(rrq("no-such-file", &[]))?;
    alice.expect_error(1)?;
    server.says(&format!("refused {} \"no-such-file\": File not found", alice.address()))
}

/// A refusal that comes, whatever lines may still wait to be read.
fn one_refusal_at_last(lab: &mut Lab, server: &Program) -> Outcome {
    let mut alice = lab.udp("alice", server)?;
    alice.send(rrq("no-such-file", &[]))?;
    alice.expect_error(1)?;
    server.says_among_others(&format!("refused {} \"no-such-file\": File not found", alice.address()))
}

/// A server of a folder that waits so long before it repeats anything that it never does.
fn patient_server(lab: &mut Lab, more: &[&str]) -> Outcome<(Program, Folder)> {
    server_with_timeout(lab, "30", more)
}

/// A server of a folder that soon repeats what is not answered.
pub fn hasty_server(lab: &mut Lab, more: &[&str]) -> Outcome<(Program, Folder)> {
    server_with_timeout(lab, "0.15", &[&["--tries", "12"], more].concat())
}

fn server_with_timeout(lab: &mut Lab, seconds: &str, more: &[&str]) -> Outcome<(Program, Folder)> {
    let folder = lab.folder("folder")?;
    let root = folder.path().to_string_lossy().into_owned();
    let server = lab.server_with(&[&["--root", &root, "--timeout", seconds], more].concat())?;
    Ok((server, folder))
}

/// Reads on from block `from` to the end, block by block: the blocks must be those of `file`.
fn reads(peer: &mut UdpPeer, file: &[u8], from: usize, size: usize) -> Outcome {
    for number in from..=file.len() / size + 1 {
        let packet = data(number as u16, block(file, number, size));
        if number == 1 {
            peer.first(&packet)?
        } else {
            peer.expect(&packet)?
        }
        peer.send(ack(number as u16))?;
    }
    Ok(())
}

/// Writes on from block `from` to the end, block by block.
fn writes(peer: &mut UdpPeer, file: &[u8], from: usize, size: usize) -> Outcome {
    for number in from..=file.len() / size + 1 {
        peer.send(data(number as u16, block(file, number, size)))?;
        peer.expect(ack(number as u16))?;
    }
    Ok(())
}

/// A whole download in blocks of 512, with the server's lines.
fn downloads(peer: &mut UdpPeer, server: &Program, name: &str, file: &[u8]) -> Outcome {
    let address = peer.address();
    peer.send_to(server.address(), rrq(name, &[]))?;
    reads(peer, file, 1, 512)?;
    server.says_among_others(&format!("{address} reads {name:?}"))?;
    server.says_among_others(&format!("sent {name:?} to {address}: {}", tally(file.len(), 512)))
}

/// A whole upload in blocks of 512, with the server's lines.
fn uploads(peer: &mut UdpPeer, server: &Program, name: &str, file: &[u8]) -> Outcome {
    let address = peer.address();
    peer.send_to(server.address(), wrq(name, &[]))?;
    peer.first(&ack(0))?;
    writes(peer, file, 1, 512)?;
    server.says_among_others(&format!("{address} writes {name:?}"))?;
    server.says_among_others(&format!("received {name:?} from {address}: {}", tally(file.len(), 512)))
}

/// Each request must be refused with its code, and the line that says so.
fn refuses(lab: &mut Lab, server: &Program, requests: &[(Vec<u8>, &str, u16)]) -> Outcome {
    let mut mallory = lab.udp("mallory", server)?;
    for (packet, name, code) in requests {
        mallory.send_to(server.address(), packet)?;
        mallory.expect_error(*code)?;
        says_refused(server, &mallory, name, *code)?;
    }
    Ok(())
}

/// The line about a refusal. Its reason is given for one case; in others, the words are the program's own.
fn says_refused(server: &Program, peer: &UdpPeer, name: &str, code: u16) -> Outcome {
    let begin = format!("refused {} {name:?}: ", peer.address());
    if code == 1 {
        return server.says(&format!("{begin}File not found"));
    }
    let line = server.next_line(&begin).breaking(&["F12"])?;
    let is_refusal = line.starts_with(&begin) && line.len() > begin.len();
    demand(is_refusal, || format!("Your server printed `{line}`, where `{begin}…` was due, with the reason."))
        .breaking(&["F12"])
}
