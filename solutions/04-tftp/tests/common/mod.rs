//! What the tests with other programs share: our two programs, and files of which no two blocks are equal.

#![allow(dead_code, reason = "not every test uses all of it")]

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Output};

use peers::{Running, serve};

/// Our server, and where it listens.
pub fn our_server(root: &Path, more: &[&str]) -> (Running, SocketAddr) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tftp-server"));
    serve(command.args(["--bind", "127.0.0.1:0", "--root"]).arg(root).args(more))
}

/// Our client, to its end.
pub fn our_client(server: SocketAddr, here: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tftp-client"));
    command.arg("--connect").arg(server.to_string()).args(arguments).current_dir(here);
    command.output().unwrap()
}

/// `length` bytes of which no two blocks are equal.
pub fn content(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at % 251) as u8 ^ (at / 256 % 256) as u8).collect()
}

/// The sizes at which things go wrong.
pub const SIZES: [usize; 6] = [0, 1, 511, 512, 513, 1 << 20];
