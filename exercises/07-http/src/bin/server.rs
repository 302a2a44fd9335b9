//! Serves the files of a folder, and a few dynamic pages, over HTTP.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::Context;
use clap::Parser;
use http::connection::{Connection, Settings};
use http::files::Site;
use http::terminal::{complain, finish, host_port, say, seconds};

/// How many threads wait for a connection when there is nothing to do.
const CREW: usize = 32;

/// The stack of a thread. Many threads may wait at a time, and none calls itself.
const STACK: usize = 256 << 10;

/// How long to wait when the system has no more sockets.
const PAUSE: Duration = Duration::from_millis(50);

/// Serves the files of a folder over HTTP, and the pages /app/time, /app/query and /app/echo.
#[derive(Parser)]
#[command(after_help = "Example:\n  server --bind 127.0.0.1:8080 --root site")]
struct Args {
    /// Address to listen on; port 0 asks for a free one
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8080", value_parser = host_port)]
    bind: String,
    /// The folder; nothing outside it is served
    #[arg(long, value_name = "DIR", default_value = ".")]
    root: PathBuf,
    /// How long to wait for a request, and for each further piece of its body
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    timeout: Duration,
    /// Print nothing but the listening line
    #[arg(long)]
    quiet: bool,
}

fn main() -> ExitCode {
    finish(run(Args::parse()))
}

/// Listens, says where, and serves.
fn run(args: Args) -> anyhow::Result<()> {
    todo!(
        "Open the `Site`. Bind a `TcpListener` to `args.bind`, `say` \"listening on ADDRESS\" with the real \
         port (`local_addr`), and serve: to begin with, accept in a loop, and start a thread for each \
         connection. The `Door` below is for when you want to be faster."
    )
}

/// Where threads wait for connections.
///
/// Whoever accepts a connection serves it to its end; whoever was the last to wait sends for another first, so there is
/// always somebody at the door. Nothing is handed over, and no thread is started as long as enough are back in time.
struct Door {
    listener: TcpListener,
    settings: Settings,
    /// Threads that are at the door, or on their way to it.
    waiting: AtomicUsize,
}

/// Sends one more thread to the door.
fn hire(door: &Arc<Door>) -> std::io::Result<()> {
    door.waiting.fetch_add(1, Ordering::Relaxed);
    let worker = Arc::clone(door);
    let hired = thread::Builder::new().stack_size(STACK).spawn(move || work(&worker));
    if hired.is_err() {
        door.waiting.fetch_sub(1, Ordering::Relaxed);
    }
    hired.map(drop)
}

/// Serves connections until there are enough others who wait.
fn work(door: &Arc<Door>) {
    loop {
        let (stream, peer) = door.accept();
        let nobody_left = door.waiting.fetch_sub(1, Ordering::Relaxed) == 1;
        match if nobody_left { hire(door) } else { Ok(()) } {
            // That a client has gone is its own affair.
            Ok(()) => drop(Connection::serve(&door.settings, stream, peer)),
            Err(error) => complain(format_args!("{peer}: no thread to serve it: {error}")),
        }
        if door.waiting.fetch_add(1, Ordering::Relaxed) >= CREW {
            door.waiting.fetch_sub(1, Ordering::Relaxed);
            return;
        }
    }
}

impl Door {
    /// Waits for a connection, come what may.
    fn accept(&self) -> (TcpStream, SocketAddr) {
        loop {
            match self.listener.accept() {
                Ok(connection) => return connection,
                Err(error) => {
                    complain(format_args!("cannot accept a connection: {error}"));
                    // Out of descriptors, accept fails at once, again and again; only time frees one.
                    thread::sleep(PAUSE);
                }
            }
        }
    }
}
