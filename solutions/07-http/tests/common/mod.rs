//! What the tests with other programs share: our server.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use peers::{Running, serve};

/// Our server of a folder.
pub fn our_server(root: &Path, options: &[&str]) -> (Running, SocketAddr) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_http-server"));
    serve(command.args(["--bind", "127.0.0.1:0", "--root"]).arg(root).args(options))
}
