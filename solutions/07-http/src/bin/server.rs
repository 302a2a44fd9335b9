//! Serves the files of a folder, and a few dynamic pages, over HTTP.

use std::io;
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
const CREW: usize = 16;

/// The stack of a thread. There may be thousands of them, and none calls itself.
const STACK: usize = 256 << 10;

/// How many clients may wait to be accepted.
const QUEUE: i32 = 1024;

/// Descriptors that are not for connections, but for what is served over them.
const RESERVE: usize = 64;

/// How long to wait when a connection cannot be accepted.
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
///
/// # Your turn
///
/// Open the `Site`. Bind a `TcpListener` to `args.bind`, `say` "listening on ADDRESS" with the real port (`local_addr`), and
/// serve: to begin with, accept in a loop, and start a thread for each connection. The `Door` below is for when you
/// want to be faster.
fn run(args: Args) -> anyhow::Result<()> {
    let site = Site::open(&args.root).with_context(|| format!("cannot serve {}", args.root.display()))?;
    let settings = Settings { site, timeout: args.timeout, quiet: args.quiet };
    let listener = TcpListener::bind(&args.bind).with_context(|| format!("cannot listen on {}", args.bind))?;
    let address = listener.local_addr()?;
    lengthen_queue(&listener).with_context(|| format!("cannot listen on {}", args.bind))?;
    let door = Arc::new(Door::new(listener, settings));
    // Nobody prints anything before the first line.
    let stdout = io::stdout().lock();
    for _ in 0..CREW {
        door.hire().context("cannot start a thread")?;
    }
    say(format_args!("listening on {address}"))?;
    drop(stdout);
    loop {
        thread::park();
    }
}

/// Where threads wait for connections.
///
/// Whoever accepts a connection serves it to its end, and sends for another to wait if nobody else does. Nothing is
/// handed over, and no thread is started as long as enough are back in time. When there are as many as there can be, the
/// door is left alone until one comes back; the system keeps those who knock in a queue.
struct Door {
    listener: TcpListener,
    settings: Settings,
    /// Threads at the door, or on their way to it.
    waiting: AtomicUsize,
    /// Threads in all, and how many there may be.
    threads: AtomicUsize,
    most: usize,
}

impl Door {
    fn new(listener: TcpListener, settings: Settings) -> Door {
        Door {
            listener,
            settings,
            waiting: AtomicUsize::new(0),
            threads: AtomicUsize::new(0),
            most: most_connections(),
        }
    }

    /// Sends one more thread to the door, if there may be one more.
    fn hire(self: &Arc<Door>) -> io::Result<()> {
        if self.threads.fetch_add(1, Ordering::Relaxed) >= self.most {
            self.threads.fetch_sub(1, Ordering::Relaxed);
            return Ok(());
        }
        self.waiting.fetch_add(1, Ordering::Relaxed);
        let door = Arc::clone(self);
        let hired = thread::Builder::new().stack_size(STACK).spawn(move || door.work());
        if hired.is_err() {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            self.threads.fetch_sub(1, Ordering::Relaxed);
        }
        hired.map(drop)
    }

    /// Serves connections until enough others wait for the next.
    fn work(self: &Arc<Door>) {
        loop {
            let (stream, peer) = self.accept();
            let nobody_waits = self.waiting.fetch_sub(1, Ordering::Relaxed) == 1;
            if nobody_waits && let Err(error) = self.hire() {
                complain(format_args!("cannot start one more thread: {error}"));
            }
            // That a client has gone away is its own affair.
            let _ = Connection::serve(&self.settings, stream, peer);
            if self.waiting.fetch_add(1, Ordering::Relaxed) >= CREW {
                self.waiting.fetch_sub(1, Ordering::Relaxed);
                self.threads.fetch_sub(1, Ordering::Relaxed);
                return;
            }
        }
    }

    /// Waits for a connection, come what may.
    fn accept(&self) -> (TcpStream, SocketAddr) {
        loop {
            match self.listener.accept() {
                Ok(connection) => return connection,
                Err(error) => {
                    complain(format_args!("cannot accept a connection: {error}"));
                    // When the system has no more sockets, accept fails at once, again and again.
                    thread::sleep(PAUSE);
                }
            }
        }
    }
}

/// std lets 128 clients wait to be accepted. Of a larger crowd, some would have to knock again, a second later.
fn lengthen_queue(_listener: &TcpListener) -> io::Result<()> {
    #[cfg(unix)]
    rustix::net::listen(_listener, QUEUE)?;
    Ok(())
}

/// How many connections there may be at a time. Each takes a descriptor, and so does each file on its way: to accept one
/// more than can be served is to refuse it. The system lets a program raise its limit up to another limit.
fn most_connections() -> usize {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
        let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
        let limit = getrlimit(Resource::Nofile).current.map_or(usize::MAX, |limit| limit as usize);
        (limit - RESERVE.min(limit / 2)).max(1)
    }
    #[cfg(not(unix))]
    usize::MAX
}
