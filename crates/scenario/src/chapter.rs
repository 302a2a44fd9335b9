//! What a chapter consists of: its name, its promises, and its stages, those that all chapters share among them.

use transcript::literal;

use crate::common;
use crate::profile::{Example, Profile};
use crate::promise::{self, Promise};
use crate::role::Transport;
use crate::stage::{Describe, Stage};

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

/// A chapter, as its `stages.rs` describes it.
pub struct Chapter {
    name: &'static str,
    profile: Profile,
    describe: Describe,
    promises: Vec<Promise>,
    stages: Vec<Stage>,
}

impl Chapter {
    /// A chapter with its brief, which holds the promises, and its stages. Those that all chapters share are added.
    pub fn new(name: &'static str, brief: &str, profile: Profile, mut stages: Vec<Stage>) -> Chapter {
        stages.extend(common::stages(&profile));
        stages.sort_by_key(Stage::role);
        Chapter { name, profile, describe: literal::quoted, promises: promise::of(brief), stages }
    }

    /// Has bytes on the wire described in the words of the chapter's protocol, where text in quotes says too little.
    pub fn describing(mut self, describe: Describe) -> Chapter {
        self.describe = describe;
        for stage in &mut self.stages {
            stage.describe = describe;
        }
        self
    }

    /// What bytes on the wire mean, in words.
    pub fn describe(&self) -> Describe {
        self.describe
    }

    /// `udp-echo`
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The port without `--bind` and `--connect`.
    pub fn default_port(&self) -> u16 {
        self.profile.default_port
    }

    /// What the client is given to say when the pair is shown.
    pub fn example(&self) -> Example {
        self.profile.example
    }

    /// Whether it speaks TCP or UDP.
    pub fn transport(&self) -> Transport {
        self.profile.transport()
    }

    /// How the client is told whom to call, and its other arguments: where it takes a URL, a path among them belongs to that.
    pub fn call<'a>(&self, address: &str, arguments: &[&'a str]) -> (String, Vec<&'a str>) {
        let target = self.profile.with_client.target(address);
        match arguments {
            [path, others @ ..] if target.ends_with('/') && path.starts_with('/') => {
                (target + &path[1..], others.to_vec())
            }
            _ => (target, arguments.to_vec()),
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
