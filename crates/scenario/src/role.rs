//! Who is who, and over what they talk.

/// Which program a stage is about. For a server the lab plays the client, and the other way round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// The program that listens.
    Server,
    /// The program that calls.
    Client,
    /// Both, through the tap.
    Pair,
}

impl Role {
    /// `server`, `client` or `pair`.
    pub fn name(self) -> &'static str {
        match self {
            Role::Server => "server",
            Role::Client => "client",
            Role::Pair => "pair",
        }
    }
}

/// The transport protocol of a chapter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// A stream of bytes.
    Tcp,
    /// Datagrams.
    Udp,
}
