//! `cargo xtask`: run, check and look after the exercises. One file a command; `cargo xtask --help` lists them.

mod bench;
mod build;
mod chapters;
mod check;
mod demo;
mod hint;
mod list;
mod room;
mod run;
mod session;
mod starter;

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use clap::{Parser, Subcommand};
use scenario::report::Style;

/// Learn network programming by writing both ends
#[derive(Parser)]
#[command(bin_name = "cargo xtask", after_help = "Example:\n  cargo xtask check udp-echo")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run a server and a client through the tap, and see what passes between them
    Run(run::Arguments),
    /// Play the reference pair of each chapter
    Demo(demo::Arguments),
    /// Grade your programs, or any others
    Check(check::Arguments),
    /// List the chapters, or the stages of one
    List(list::Arguments),
    /// Give a hint for a stage
    Hint(hint::Arguments),
    /// Put a chapter's starter back; what is there now is kept aside
    Reset(starter::ResetArguments),
    /// Derive the starters from the solutions
    Starter(starter::Arguments),
    /// Measure, with ratios against peers in the same run
    Bench(bench::Arguments),
}

fn main() -> ExitCode {
    end_programs_on_interrupt();
    let outcome = match Arguments::parse().command {
        Command::Run(arguments) => run::run(&arguments),
        Command::Demo(arguments) => demo::run(&arguments),
        Command::Check(arguments) => check::run(&arguments),
        Command::List(arguments) => list::run(&arguments),
        Command::Hint(arguments) => hint::run(&arguments),
        Command::Reset(arguments) => starter::reset(&arguments),
        Command::Starter(arguments) => starter::run(&arguments),
        Command::Bench(arguments) => bench::run(&arguments),
    };
    while INTERRUPTED.load(Ordering::Relaxed) {
        // The handler ends the process, with its own status.
        thread::park();
    }
    // After an error, somebody may still wait for a line of a program that goes on.
    supervise::end_all();
    build::remove_copies();
    outcome.unwrap_or_else(|error| {
        let _ = writeln!(io::stderr(), "error: {error:#}");
        ExitCode::from(2)
    })
}

/// Whether the user has had enough.
static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// On Ctrl-C, or when the terminal is closed, nothing that was started here goes on.
fn end_programs_on_interrupt() {
    let handler = || {
        INTERRUPTED.store(true, Ordering::Relaxed);
        supervise::end_all();
        build::remove_copies();
        // 128 + SIGINT, as shells have it.
        std::process::exit(130);
    };
    if let Err(error) = ctrlc::set_handler(handler) {
        let _ = writeln!(io::stderr(), "warning: Ctrl-C may leave programs behind: {error}");
    }
}

/// Colours on a terminal, unless the user does not want any (<https://no-color.org>).
fn style() -> Style {
    Style { colours: io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()) }
}

/// Prints to stdout. When nobody reads it any more (`| head`), or it cannot be written, there is nothing left to do.
fn print(text: &str) {
    let mut stdout = io::stdout().lock();
    if let Err(error) = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        supervise::end_all();
        build::remove_copies();
        // 128 + SIGPIPE, as shells have it: the reader has heard enough, and no verdict was told.
        if error.kind() == io::ErrorKind::BrokenPipe {
            std::process::exit(141);
        }
        let _ = writeln!(io::stderr(), "error: cannot write to standard output: {error}");
        std::process::exit(2);
    }
}
