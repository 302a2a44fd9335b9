//! What the stages that all chapters share need to know of a chapter.

use crate::lab::{Lab, TcpStand, UdpStand};
use crate::program::Program;
use crate::role::Transport;
use crate::trouble::Outcome;

/// One exchange with a server, with the lab as the client.
pub type WithServer = fn(&mut Lab, &Program) -> Outcome;

/// One exchange with a client that was started, with the lab as the server, over the transport of the chapter.
#[derive(Clone, Copy)]
pub enum WithClient {
    /// Over TCP.
    Tcp(fn(&mut Lab, TcpStand, &Program) -> Outcome),
    /// Over TCP, by a client that is given a URL.
    Url(fn(&mut Lab, TcpStand, &Program) -> Outcome),
    /// Over UDP.
    Udp(fn(&mut Lab, UdpStand, &Program) -> Outcome),
    /// Over UDP, by a client that must be told on its command line what to do.
    UdpCommand(&'static [&'static str], fn(&mut Lab, UdpStand, &Program) -> Outcome),
}

impl WithClient {
    /// What the client must be told on its command line.
    pub(crate) fn arguments(self) -> &'static [&'static str] {
        match self {
            WithClient::UdpCommand(arguments, _) => arguments,
            WithClient::Tcp(_) | WithClient::Url(_) | WithClient::Udp(_) => &[],
        }
    }

    /// How the client is told whom to call: `127.0.0.1:8080`, or a URL.
    pub(crate) fn target(self, address: &str) -> String {
        if matches!(self, WithClient::Url(_)) { format!("http://{address}/") } else { address.to_owned() }
    }
}

/// What a client is given to say when a pair is shown.
#[derive(Debug, Clone, Copy, Default)]
pub struct Example {
    /// On its command line.
    pub arguments: &'static [&'static str],
    /// On its standard input.
    pub input: &'static str,
}

/// What the stages that all chapters share need to know of a chapter.
pub struct Profile {
    /// Where the programs listen and connect when nobody says where.
    pub default_port: u16,
    /// The options that the server's `--help` explains.
    pub server_options: &'static [&'static str],
    /// The options that the client's `--help` explains.
    pub client_options: &'static [&'static str],
    /// What a client is given to say when the two are shown.
    pub example: Example,
    /// One exchange with a server.
    pub with_server: WithServer,
    /// One exchange with a client.
    pub with_client: WithClient,
}

impl Profile {
    /// Whether the chapter speaks TCP or UDP.
    pub(crate) fn transport(&self) -> Transport {
        match self.with_client {
            WithClient::Tcp(_) | WithClient::Url(_) => Transport::Tcp,
            WithClient::Udp(_) | WithClient::UdpCommand(..) => Transport::Udp,
        }
    }
}
