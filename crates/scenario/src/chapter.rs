//! What a chapter consists of: its name, its promises, and its stages.

use crate::common;
use crate::lab::{Lab, TcpStand, UdpStand};
use crate::program::Program;
use crate::promise::{self, Promise};
use crate::trouble::Outcome;

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

/// What a story does: acts, expects, and says how it went.
pub type Story = Box<dyn Fn(&mut Lab) -> Outcome + Send + Sync>;

/// One thing that is checked: a short story with its reason and its hints.
pub struct Stage {
    pub(crate) role: Role,
    pub(crate) name: String,
    pub(crate) title: &'static str,
    pub(crate) promises: Vec<&'static str>,
    pub(crate) why: &'static str,
    pub(crate) hints: [&'static str; 3],
    pub(crate) waits: bool,
    pub(crate) story: Story,
}

impl Stage {
    fn new(role: Role, title: &'static str) -> Stage {
        let story: Story = Box::new(|_| Ok(()));
        Stage { role, name: String::new(), title, promises: Vec::new(), why: "", hints: [""; 3], waits: false, story }
    }

    /// A stage about the server.
    pub fn server(title: &'static str) -> Stage {
        Stage::new(Role::Server, title)
    }

    /// A stage about the client.
    pub fn client(title: &'static str) -> Stage {
        Stage::new(Role::Client, title)
    }

    /// A stage about the two together.
    pub fn pair(title: &'static str) -> Stage {
        Stage::new(Role::Pair, title)
    }

    /// The promises that the story tests.
    pub fn promises<const N: usize>(mut self, ids: [&'static str; N]) -> Stage {
        self.promises = ids.to_vec();
        self
    }

    /// Why networks, or systems, make this necessary.
    pub fn why(mut self, why: &'static str) -> Stage {
        self.why = why;
        self
    }

    /// Three hints: where to look, what to use, and how it is done.
    pub fn hints(mut self, hints: [&'static str; 3]) -> Stage {
        self.hints = hints;
        self
    }

    /// Most of its time is waiting: such stages begin first, so that all are done sooner.
    pub fn mostly_waiting(mut self) -> Stage {
        self.waits = true;
        self
    }

    /// What happens.
    pub fn story(mut self, story: impl Fn(&mut Lab) -> Outcome + Send + Sync + 'static) -> Stage {
        self.story = Box::new(story);
        self
    }

    /// Gives the stage the name that it is called by on the command line.
    pub fn named(mut self, function: &str) -> Stage {
        self.name = function.replace('_', "-");
        self
    }

    /// `server/each-client-gets-its-own`
    pub fn id(&self) -> String {
        format!("{}/{}", self.role.name(), self.name)
    }

    /// Which program it is about.
    pub fn role(&self) -> Role {
        self.role
    }

    /// What it checks, in a line.
    pub fn title(&self) -> &'static str {
        self.title
    }

    /// The ids of the promises that it tests.
    pub fn tests(&self) -> &[&'static str] {
        &self.promises
    }

    /// Why it matters.
    pub fn reason(&self) -> &'static str {
        self.why
    }

    /// The three hints.
    pub fn all_hints(&self) -> &[&'static str; 3] {
        &self.hints
    }
}

/// Names each stage after its function: `stages![each_client_gets_its_own]`.
#[macro_export]
macro_rules! stages {
    ($($function:path),* $(,)?) => {
        vec![$($function().named($crate::last_part(stringify!($function)))),*]
    };
}

/// The `main` of a chapter's `stages.rs`: `scenario::main!("udp-echo", chapter);`. Nothing where the stages are a module of
/// another program.
#[macro_export]
macro_rules! main {
    ($name:literal, $chapter:path) => {
        #[cfg(test)]
        fn main() -> std::process::ExitCode {
            let students = (option_env!("CARGO_BIN_EXE_server"), option_env!("CARGO_BIN_EXE_client"));
            let reference = (
                option_env!(concat!("CARGO_BIN_EXE_", $name, "-server")),
                option_env!(concat!("CARGO_BIN_EXE_", $name, "-client")),
            );
            $crate::harness::run($chapter(), students, reference, env!("CARGO_MANIFEST_DIR"))
        }
    };
}

/// The function's own name in a path.
#[doc(hidden)]
pub fn last_part(path: &str) -> &str {
    path.rsplit("::").next().unwrap_or(path).trim()
}

/// One exchange with a server, with the lab as the client.
pub type WithServer = fn(&mut Lab, &Program) -> Outcome;

/// One exchange with a client that was started, with the lab as the server, over the transport of the chapter.
#[derive(Clone, Copy)]
pub enum WithClient {
    /// Over TCP.
    Tcp(fn(&mut Lab, TcpStand, &Program) -> Outcome),
    /// Over UDP.
    Udp(fn(&mut Lab, UdpStand, &Program) -> Outcome),
}

/// The transport protocol of a chapter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// A stream of bytes.
    Tcp,
    /// Datagrams.
    Udp,
}

/// A chapter, as its `stages.rs` describes it.
pub struct Chapter {
    pub(crate) name: &'static str,
    pub(crate) default_port: u16,
    pub(crate) server_options: &'static [&'static str],
    pub(crate) client_options: &'static [&'static str],
    pub(crate) example: Example,
    pub(crate) with_server: WithServer,
    pub(crate) with_client: WithClient,
    pub(crate) promises: Vec<Promise>,
    pub(crate) stages: Vec<Stage>,
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

impl Chapter {
    /// A chapter with its brief, which holds the promises, and its stages. Those that all chapters share are added.
    pub fn new(name: &'static str, brief: &str, profile: Profile, stages: Vec<Stage>) -> Chapter {
        let Profile { default_port, server_options, client_options, example, with_server, with_client } = profile;
        let promises = promise::of(brief);
        let mut chapter = Chapter {
            name,
            default_port,
            server_options,
            client_options,
            example,
            with_server,
            with_client,
            promises,
            stages,
        };
        let shared = common::stages(&chapter);
        chapter.stages.extend(shared);
        chapter.stages.sort_by_key(|stage| stage.role);
        chapter
    }

    /// `udp-echo`
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The port without `--bind` and `--connect`.
    pub fn default_port(&self) -> u16 {
        self.default_port
    }

    /// What the client is given to say when the pair is shown.
    pub fn example(&self) -> Example {
        self.example
    }

    /// Whether it speaks TCP or UDP.
    pub fn transport(&self) -> Transport {
        match self.with_client {
            WithClient::Tcp(_) => Transport::Tcp,
            WithClient::Udp(_) => Transport::Udp,
        }
    }

    /// The stages, servers' first.
    pub fn stages(&self) -> &[Stage] {
        &self.stages
    }

    /// The text of a promise.
    pub fn promise(&self, id: &str) -> Option<&str> {
        self.promises.iter().find(|promise| promise.id == id).map(|promise| promise.text.as_str())
    }

    /// All promises, those of every chapter first.
    pub fn promises(&self) -> &[Promise] {
        &self.promises
    }
}
