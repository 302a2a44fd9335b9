//! Runs a program that nobody trusts: reads what it prints from the first moment, waits for it with patience, and ends
//! it with everything it started.
//!
//! Knows processes and lines, and no network. The pieces:
//!
//! - [`Child`]: a running program; dropping it ends it;
//! - [`Line`]: what came of waiting for a line of its stdout;
//! - [`end_all`]: what to do on Ctrl-C;
//! - `group`: how a program is ended together with its children, the only part that differs between systems.

mod group;
mod output;

use std::io::{self, Write};
use std::process::{ChildStdin, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use shared_child::SharedChild;

use output::Output;
pub use output::{Line, STDOUT_LIMIT};

/// How long a program that was killed may take to disappear. Only the system can be slow here.
const REAPING: Duration = Duration::from_secs(10);

/// How long the rest of its output may take to be read. Only a process that nobody can name can hold the pipe longer.
const DRAINING: Duration = Duration::from_secs(1);

/// A program that was started here and will not outlive this value.
#[derive(Debug)]
pub struct Child {
    process: Arc<Process>,
    stdin: Mutex<Option<Sender<Vec<u8>>>>,
}

/// What the reading and waiting threads share with their owner.
#[derive(Debug)]
struct Process {
    child: SharedChild,
    group: group::Group,
    state: Mutex<State>,
    changed: Condvar,
    killed: AtomicBool,
}

#[derive(Debug, Default)]
struct State {
    output: Output,
    status: Option<ExitStatus>,
}

/// How a program ended that was asked to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ending {
    /// It went on although it had been asked, and had to be killed.
    pub was_deaf: bool,
    /// It had ended, and processes that it had started had not.
    pub left_children: bool,
}

impl Child {
    /// Starts `command` in a process group of its own, with its three streams connected to us.
    ///
    /// # Errors
    ///
    /// When the system cannot start it: no such program, no permission.
    pub fn start(mut command: Command) -> io::Result<Child> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mark = group::Mark::put_on(&mut command);
        let process = running::start(&mut command, |child| Process {
            group: group::Group::new(child.id(), mark),
            child,
            state: Mutex::default(),
            changed: Condvar::new(),
            killed: AtomicBool::new(false),
        })?;
        let child = &process.child;
        let (stdin, stdout, stderr) = (child.take_stdin(), child.take_stdout(), child.take_stderr());
        // Reading starts at once: a program blocks as soon as a pipe that nobody reads is full.
        if let Some(stdout) = stdout {
            let process = Arc::clone(&process);
            thread::spawn(move || {
                output::read_stdout(stdout, |change| process.update(|state| change(&mut state.output)))
            });
        }
        if let Some(stderr) = stderr {
            let process = Arc::clone(&process);
            thread::spawn(move || {
                output::read_stderr(stderr, |change| process.update(|state| change(&mut state.output)))
            });
        }
        let stdin = stdin.map(feed);
        let waiting = Arc::clone(&process);
        thread::spawn(move || {
            let status = waiting.child.wait().ok();
            waiting.update(|state| state.status = status);
        });
        Ok(Child { process, stdin: Mutex::new(stdin) })
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.process.child.id()
    }

    /// Waits for the next line on stdout that was not taken yet.
    pub fn next_line(&self, patience: Duration) -> Line {
        let mut taken = Line::Silence;
        self.process.wait_until(patience, |state| {
            let line = state.output.take_line();
            let came = line.is_some();
            taken = line.unwrap_or(Line::Silence);
            came
        });
        taken
    }

    /// Waits until a line that `wanted` accepts is among those that were not taken yet, and takes it from among them.
    pub fn find_line(&self, patience: Duration, mut wanted: impl FnMut(&str) -> bool) -> Option<String> {
        let mut found = None;
        self.process.wait_until(patience, |state| {
            found = state.output.take_matching(&mut wanted);
            found.is_some() || state.output.stdout_ended()
        });
        found
    }

    /// Writes to the program's stdin. What it does not read yet waits in a queue; what it never reads is dropped.
    pub fn write(&self, bytes: &[u8]) {
        if let Some(queue) = &*lock(&self.stdin) {
            let _ = queue.send(bytes.to_vec());
        }
    }

    /// Ends the program's standard input, after what was written.
    pub fn close_stdin(&self) {
        lock(&self.stdin).take();
    }

    /// Waits for the program to end by itself; `None` when it still runs.
    pub fn wait(&self, patience: Duration) -> Option<ExitStatus> {
        self.process.wait_until(patience, |state| state.status.is_some());
        self.status()
    }

    /// How the program ended, if it has; without waiting.
    pub fn status(&self) -> Option<ExitStatus> {
        lock(&self.process.state).status
    }

    /// Whether the program has ended; without waiting.
    pub fn has_ended(&self) -> bool {
        self.status().is_some()
    }

    /// Whether it printed more than anybody reads, and is left alone with it.
    pub fn prints_too_much(&self) -> bool {
        lock(&self.process.state).output.too_much()
    }

    /// Whether it printed anything on stdout, be it half a line.
    pub fn has_printed(&self) -> bool {
        lock(&self.process.state).output.has_printed()
    }

    /// What it wrote to stderr so far; of very much, the end.
    pub fn stderr(&self) -> String {
        lock(&self.process.state).output.stderr()
    }

    /// Stops the program where it stands, until [`Child::resume`]. `false` where the system cannot.
    pub fn pause(&self) -> bool {
        self.process.group.pause()
    }

    /// Lets a paused program go on.
    pub fn resume(&self) {
        self.process.group.resume();
    }

    /// What the program is waiting for just now, as far as the system tells: "a sleep of its own".
    pub fn waits_for(&self) -> Option<&'static str> {
        group::waits_for(self.id())
    }

    /// Whether it works just now, or waits for a processor, or one of its children does; `false` where the system does not
    /// tell.
    pub fn is_at_work(&self) -> bool {
        self.process.group.is_at_work()
    }

    /// Leaves the program no more descriptors than it has now, and `more`; `false` where the system cannot.
    pub fn limit_descriptors(&self, more: u64) -> bool {
        group::limit_descriptors(self.id(), more)
    }

    /// How much memory the program uses, in bytes; `None` where the system does not tell.
    pub fn memory(&self) -> Option<u64> {
        group::memory(self.id())
    }

    /// Interrupts the program as Ctrl-C does (SIGINT). `false` where the system cannot.
    pub fn interrupt(&self) -> bool {
        self.process.group.interrupt()
    }

    /// Asks the program to end (SIGTERM), gives it and its children `grace`, and kills what is left.
    pub fn ask_to_end(&self, grace: Duration) -> Ending {
        self.process.group.ask_to_end();
        let was_deaf = self.wait(grace).is_none();
        let left_children = !was_deaf && !self.process.group.empties_within(grace);
        self.kill();
        Ending { was_deaf, left_children }
    }

    /// Whether processes that it started still run after it has ended by itself. They get `grace` to end, too.
    pub fn left_children(&self, grace: Duration) -> bool {
        self.has_ended() && !self.process.group.empties_within(grace)
    }

    /// Ends the program and everything it started, at once, and waits until the last of its output is read.
    pub fn kill(&self) {
        self.process.kill();
    }
}

/// Writes on a thread of its own: a pipe that the program does not read would block us.
fn feed(mut stdin: ChildStdin) -> Sender<Vec<u8>> {
    let (queue, texts) = channel::<Vec<u8>>();
    thread::spawn(move || {
        for text in texts {
            if stdin.write_all(&text).is_err() {
                return;
            }
        }
    });
    queue
}

impl Drop for Child {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Process {
    fn update(&self, change: impl FnOnce(&mut State)) {
        change(&mut lock(&self.state));
        self.changed.notify_all();
    }

    /// Waits until `done` says so, or the patience is over. `done` is asked at least once.
    fn wait_until(&self, patience: Duration, mut done: impl FnMut(&mut State) -> bool) {
        let deadline = Instant::now() + patience;
        let mut state = lock(&self.state);
        while !done(&mut state) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn kill(&self) {
        if self.killed.swap(true, Ordering::Relaxed) {
            return;
        }
        // A child that is gone already is what we want.
        let _ = self.child.kill();
        self.group.kill();
        self.wait_until(REAPING, |state| state.status.is_some());
        self.group.sweep();
        self.wait_until(DRAINING, |state| state.output.all_read());
    }
}

/// A program that has our own terminal, and is ended by [`end_all`] and by being dropped.
///
/// It stays in our process group: a terminal lets only the foreground group read, and its Ctrl-C goes to all of it.
#[derive(Debug)]
pub struct Attached(Arc<SharedChild>);

impl Attached {
    /// Starts `command` with our own streams.
    ///
    /// # Errors
    ///
    /// When the system cannot start it.
    pub fn start(mut command: Command) -> io::Result<Attached> {
        exempt(&mut command);
        running::attach(&mut command).map(Attached)
    }

    /// Waits until it ends.
    ///
    /// # Errors
    ///
    /// When the system cannot tell.
    pub fn wait(&self) -> io::Result<ExitStatus> {
        self.0.wait()
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        // One that has ended already is what we want.
        let _ = self.0.kill().and_then(|()| self.0.wait());
    }
}

/// Lets a command of our own (a compiler, say) leave processes behind when it ends: they are not taken for those of a
/// program that is supervised.
pub fn exempt(command: &mut Command) {
    group::Mark::exempt(command);
}

/// Ends every program that was started here, and lets no new one start. For the handler of Ctrl-C.
pub fn end_all() {
    running::close();
}

/// The programs that run now.
mod running {
    use super::*;

    #[derive(Default)]
    struct Running {
        closed: bool,
        processes: Vec<Weak<Process>>,
        attached: Vec<Weak<SharedChild>>,
    }

    static RUNNING: Mutex<Running> = Mutex::new(Running { closed: false, processes: Vec::new(), attached: Vec::new() });

    /// Starts a program, unless [`close`] was called before.
    ///
    /// The lock is held until the program is in the list: one that starts while [`close`] walks it would be forgotten.
    pub fn start(command: &mut Command, known_as: impl FnOnce(SharedChild) -> Process) -> io::Result<Arc<Process>> {
        let mut running = open()?;
        let process = Arc::new(known_as(SharedChild::spawn(command)?));
        running.processes.retain(|known| known.strong_count() > 0);
        running.processes.push(Arc::downgrade(&process));
        Ok(process)
    }

    /// Starts a program that has our own streams, as [`start`] does.
    pub fn attach(command: &mut Command) -> io::Result<Arc<SharedChild>> {
        let mut running = open()?;
        let child = Arc::new(SharedChild::spawn(command)?);
        running.attached.push(Arc::downgrade(&child));
        Ok(child)
    }

    fn open() -> io::Result<MutexGuard<'static, Running>> {
        let running = lock(&RUNNING);
        if running.closed { Err(io::Error::other("interrupted")) } else { Ok(running) }
    }

    pub fn close() {
        let mut running = lock(&RUNNING);
        running.closed = true;
        for process in running.processes.iter().filter_map(Weak::upgrade) {
            let _ = process.child.kill();
            process.group.kill();
            process.wait_until(REAPING, |state| state.status.is_some());
            process.group.sweep();
        }
        for child in running.attached.iter().filter_map(Weak::upgrade) {
            let _ = child.kill();
        }
    }
}

/// A poisoned lock means that a thread of ours panicked; the data are whole all the same.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
