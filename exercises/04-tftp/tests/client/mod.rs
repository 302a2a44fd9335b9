//! The client's stages, by what they are about, and what they share: a server of the lab's own.

mod errands;
mod files;
mod losses;
mod options;
mod strangers;
mod windows;

use scenario::{Datagram, Folder, Lab, Outcome, Program, Trouble, UdpPeer, UdpStand, demand};

use super::traces::{self, Tells};
use super::wire::{self, ack, asks_for_the_same, block, data, describe, error, is_request, request, rrq};

pub use self::errands::*;
pub use self::files::*;
pub use self::losses::*;
pub use self::options::*;
pub use self::strangers::*;
pub use self::windows::*;

pub fn one_refusal_for_the_client(_: &mut Lab, stand: UdpStand, client: &Program) -> Outcome {
    let mut server = stand.called()?;
    let due = rrq("no-such-file", &[]);
    let came = server.receive(&describe(&due))?.bytes;
    demand(is_request(&came, &due), || format!("{} came, where {} was due.", describe(&came), describe(&due)))?;
    server.send(error(1, "File not found"))?;
    client.fails(&["File not found"])
}

/// A server of the lab, for a client that was started with an errand: the port of the requests, and that of the transfer.
struct Counter {
    client: Program,
    desk: UdpPeer,
    port: UdpPeer,
    folder: Folder,
}

/// A client that waits so long before it repeats anything that it never does; not longer, for it may stay as long after the
/// end. `{folder}` in its arguments is a folder.
fn patient_client(lab: &mut Lab, folder: Folder, errand: &[&str]) -> Outcome<Counter> {
    client_with_timeout(lab, folder, "2.5", errand)
}

/// A client that soon repeats what is not answered.
fn hasty_client(lab: &mut Lab, folder: Folder, errand: &[&str]) -> Outcome<Counter> {
    client_with_timeout(lab, folder, "0.15", &[errand, &["--tries", "12"]].concat())
}

fn client_with_timeout(lab: &mut Lab, folder: Folder, seconds: &str, errand: &[&str]) -> Outcome<Counter> {
    let (desk, port) = (lab.udp_server()?, lab.udp_server()?);
    let root = folder.path().to_string_lossy().into_owned();
    let errand: Vec<_> = errand.iter().map(|word| word.replace("{folder}", &root)).collect();
    let mut arguments: Vec<_> = errand.iter().map(String::as_str).collect();
    arguments.extend(["--timeout", seconds]);
    let client = lab.client(desk.address(), &arguments)?;
    Ok(Counter { client, desk, port, folder })
}

impl Counter {
    /// The request must ask for this, in these words: the mode and the options' names in any case, the options in any order.
    fn is_asked(&mut self, kind: u8, name: &str, mode: &str, options: &[(&str, &str)]) -> Outcome {
        let due = request(kind, name, mode, options);
        let Datagram { from, bytes: came } = self.desk.receive(&describe(&due))?;
        self.port.keeps_to(from);
        let verdict =
            demand(is_request(&came, &due), || format!("{} came, where {} was due.", describe(&came), describe(&due)));
        verdict.map_err(|trouble| if asks_for_the_same(&came, &due) { of_f17(trouble) } else { trouble })
    }

    /// Sends from the port of the transfer to whoever asked.
    fn answers(&self, packet: impl AsRef<[u8]>) -> Outcome {
        self.port.send_to(self.desk.partner()?, packet)
    }

    /// Sends the file from block `from` on, and expects each to be acknowledged.
    fn sends(&mut self, file: &[u8], from: usize, size: usize) -> Outcome {
        for number in from..=file.len() / size + 1 {
            self.answers(data(number as u16, block(file, number, size)))?;
            self.port.expect(ack(number as u16))?;
        }
        Ok(())
    }

    /// Expects the file from block `from` on, and acknowledges each.
    fn takes(&mut self, file: &[u8], from: usize, size: usize) -> Outcome {
        for number in from..=file.len() / size + 1 {
            self.port.expect(data(number as u16, block(file, number, size)))?;
            self.answers(ack(number as u16))?;
        }
        Ok(())
    }

    /// The client must say that it is done, and end.
    fn is_done(&mut self, line: &str) -> Outcome {
        self.client.says(line)?;
        self.client.ends_well()
    }

    /// What was repeated because the lab was slow is not looked at.
    fn forgets_what_waits(&mut self) -> Outcome {
        self.desk.forgets_what_waits()?;
        self.port.forgets_what_waits()
    }
}

/// The promise about options is broken, whatever the stage is about.
fn of_f17(mut trouble: Trouble) -> Trouble {
    if let Trouble::Broken(failure) = &mut trouble {
        failure.promises = vec!["F17"];
    }
    trouble
}
