//! What a chapter's `stages.rs` is written with: a lab, actors, and verbs that act, expect, and write the transcript.
//!
//! - [`Stage`] and [`Chapter`]: what there is to check;
//! - [`Lab`]: starts the programs under test and plays whoever they talk to;
//! - [`Program`], [`UdpPeer`], [`TcpPeer`]: the actors and their verbs;
//! - [`play_all`]: plays stages side by side; [`report`] says how they went;
//! - `harness`: the same stages as tests of `cargo test`.
//!
//! A verb that fails returns [`Trouble`]; only the report prints.

mod chapter;
mod common;
mod folder;
mod lab;
mod launch;
mod names;
mod profile;
mod program;
mod promise;
mod queues;
pub mod report;
mod role;
mod runner;
mod scene;
mod stage;
mod tcp;
mod trouble;
mod udp;
mod view;

#[cfg(feature = "harness")]
pub mod harness;

pub use chapter::Chapter;
pub use folder::Folder;
pub use lab::{Lab, TcpStand, UdpStand};
pub use launch::{Launch, Programs};
pub use names::remove_leftovers;
pub use profile::{Example, Profile, WithClient, WithServer};
pub use program::{Finished, Program};
pub use promise::Promise;
pub use role::{Role, Transport};
pub use runner::{StageReport, Verdict, play, play_all};
pub use stage::{Describe, Stage, Story, last_part};
pub use tcp::TcpPeer;
pub use transcript::literal::{compare, quoted};
pub use trouble::{Breaking, Failure, Meaning, Outcome, Trouble, demand, skip};
pub use udp::{Datagram, MAX_DATAGRAM, UdpPeer};
pub use wiretap::{Direction, Rule, Tap};
