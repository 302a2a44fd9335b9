//! Process groups, signals, and on Linux the children that left the group.

use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use std::{fs, io};

use libc::pid_t;

/// The variable that marks every process that descends from a program of ours, unless it cleans its environment.
const MARK: &str = "SUPERVISED_BY";

/// How often a group is killed before we believe that it cannot be: one that forks as fast as it dies.
const ROUNDS: u32 = 200;

/// How often to look again at processes that are on their way out.
const LOOKS: u32 = 1000;

/// How long to wait between two looks at processes that are not our children: nothing tells when they end.
const LOOK_AGAIN: Duration = Duration::from_millis(2);

/// The value of [`MARK`] of one program.
#[derive(Debug)]
pub(crate) struct Mark(String);

impl Mark {
    /// Marks a command of our own, so that nothing it leaves is taken for a runaway.
    pub(crate) fn exempt(command: &mut Command) {
        command.env(MARK, "nobody");
    }

    /// Makes the command lead a process group of its own, and marks its environment.
    pub(crate) fn put_on(command: &mut Command) -> Mark {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        linux::adopt_orphans();
        let mark = format!("{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        command.process_group(0).env(MARK, &mark);
        Mark(mark)
    }
}

#[derive(Debug)]
pub(crate) struct Group {
    /// The group's id is its first member's process id.
    id: pid_t,
    mark: Mark,
    /// Once the group was seen empty its id may be given to somebody else, who must not get our signals.
    gone: AtomicBool,
}

impl Group {
    pub(crate) fn new(leader: u32, mark: Mark) -> Group {
        Group { id: leader.cast_signed(), mark, gone: AtomicBool::new(false) }
    }

    pub(crate) fn pause(&self) -> bool {
        self.signal(libc::SIGSTOP)
    }

    pub(crate) fn resume(&self) {
        self.signal(libc::SIGCONT);
    }

    /// Asks the program alone: a well-behaved one ends its own children, and that is what the answer should show.
    pub(crate) fn ask_to_end(&self) {
        if !self.gone.load(Ordering::Relaxed) {
            send(self.id, libc::SIGTERM);
        }
    }

    /// To all of the group, as a terminal does it.
    pub(crate) fn interrupt(&self) -> bool {
        self.signal(libc::SIGINT)
    }

    pub(crate) fn kill(&self) {
        self.signal(libc::SIGKILL);
    }

    /// Waits until no process of the group is left. To be called when its first member was waited for.
    pub(crate) fn empties_within(&self, grace: Duration) -> bool {
        let deadline = Instant::now() + grace;
        while !self.is_empty() {
            if Instant::now() > deadline {
                return false;
            }
            thread::sleep(LOOK_AGAIN);
        }
        true
    }

    /// Kills what is left of the group until nothing is. To be called when its first member was waited for.
    pub(crate) fn sweep(&self) {
        for _ in 0..ROUNDS {
            linux::end_unmarked_orphans();
            if self.is_empty() {
                self.gone.store(true, Ordering::Relaxed);
                return;
            }
            self.kill();
            for runaway in linux::orphans_marked(&self.mark.0) {
                send(runaway, libc::SIGKILL);
                reap(runaway);
            }
            thread::sleep(LOOK_AGAIN);
        }
    }

    /// Whether one of its processes works just now, or waits for a processor. Linux tells.
    pub(crate) fn is_at_work(&self) -> bool {
        let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
        let group = self.id.to_string();
        processes.filter_map(|process| fs::read_to_string(process.path().join("stat")).ok()).any(|status| {
            // Behind the name, which is in brackets: the state, the parent, the group.
            let mut fields = status.rsplit(") ").next().unwrap_or_default().split(' ');
            matches!(fields.next(), Some("R" | "D")) && fields.nth(1) == Some(&group)
        })
    }

    fn is_empty(&self) -> bool {
        if self.gone.load(Ordering::Relaxed) {
            return true;
        }
        reap(-self.id);
        !send(-self.id, 0) && linux::orphans_marked(&self.mark.0).is_empty()
    }

    fn signal(&self, signal: i32) -> bool {
        !self.gone.load(Ordering::Relaxed) && send(-self.id, signal)
    }
}

/// Sends a signal to a process, or to a group when the id is negative; `false` when there is none.
fn send(id: pid_t, signal: i32) -> bool {
    // SAFETY: kill takes two integers and touches no memory.
    let result = unsafe { libc::kill(id, signal) };
    // A process that may not be signalled exists all the same.
    result == 0 || io::Error::last_os_error().raw_os_error() == Some(libc::EPERM)
}

/// Takes the exit statuses of children that ended: one, or those of a group when the id is negative. Orphans that were
/// given to us would otherwise stay as zombies.
fn reap(id: pid_t) {
    // SAFETY: a null status pointer is allowed; WNOHANG does not block.
    while unsafe { libc::waitpid(id, std::ptr::null_mut(), libc::WNOHANG) } > 0 {}
}

/// What the kernel says that the process sleeps in, in words.
pub(crate) fn waits_for(id: u32) -> Option<&'static str> {
    let place = fs::read_to_string(format!("/proc/{id}/wchan")).ok()?;
    let words = [
        ("pipe_read", "more standard input"),
        ("pipe_write", "somebody to read what it prints"),
        ("skb_wait_for_more_packets", "a datagram"),
        ("inet_csk_accept", "a client to connect"),
        ("sk_stream_wait_connect", "its connection to be accepted"),
        ("sk_stream_wait_memory", "the other side to read what it sent"),
        ("sk_wait_data", "more bytes on a connection"),
        ("wait_woken", "the other side of a connection"),
        ("nanosleep", "a sleep of its own to end"),
        ("futex", "another of its threads"),
        ("do_wait", "a child process of its own"),
        ("poll", "something to happen on its sockets (it is in poll or select)"),
        ("select", "something to happen on its sockets (it is in poll or select)"),
    ];
    words.iter().find(|(symbol, _)| place.contains(symbol)).map(|(_, words)| *words)
}

/// The resident memory of a process, in bytes. Linux tells it in pages.
pub(crate) fn memory(id: u32) -> Option<u64> {
    let statistics = fs::read_to_string(format!("/proc/{id}/statm")).ok()?;
    let pages: u64 = statistics.split_whitespace().nth(1)?.parse().ok()?;
    // SAFETY: sysconf takes an integer and touches no memory.
    let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    Some(pages * u64::try_from(page).ok()?)
}

#[cfg(target_os = "linux")]
pub(crate) fn limit_descriptors(id: u32, more: u64) -> bool {
    let Ok(open) = fs::read_dir(format!("/proc/{id}/fd")) else { return false };
    let most = open.count() as u64 + more;
    let limit = libc::rlimit { rlim_cur: most, rlim_max: most };
    // SAFETY: the kernel reads the one struct and writes nowhere.
    unsafe { libc::prlimit(id.cast_signed(), libc::RLIMIT_NOFILE, &limit, std::ptr::null_mut()) == 0 }
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn limit_descriptors(_id: u32, _more: u64) -> bool {
    false
}

/// A process whose parent ends is given to the nearest ancestor that asked for orphans: to us.
#[cfg(target_os = "linux")]
mod linux {
    use super::*;
    use std::collections::BTreeSet;
    use std::sync::Once;

    pub(super) fn adopt_orphans() {
        static ONCE: Once = Once::new();
        // SAFETY: prctl with this option takes integers and touches no memory.
        ONCE.call_once(|| unsafe {
            libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
        });
    }

    /// Children of our first thread, to which orphans are given. Its id is the process id.
    ///
    /// The kernel's list may leave some out when others end while it is read (proc(5)), so it is read again.
    fn children() -> BTreeSet<pid_t> {
        const READINGS: usize = 3;
        let us = std::process::id();
        let list = || fs::read_to_string(format!("/proc/{us}/task/{us}/children")).unwrap_or_default();
        let lists: Vec<_> = (0..READINGS).map(|_| list()).collect();
        lists.iter().flat_map(|list| list.split_whitespace()).filter_map(|id| id.parse().ok()).collect()
    }

    /// Those with this mark.
    ///
    /// A process that ends loses its memory, and its mark with it, before it gives its children away, and is dead only after
    /// that: as long as one is on its way out, or has died since the last look, its children may still be coming.
    pub(super) fn orphans_marked(mark: &str) -> Vec<pid_t> {
        let (mut marked, mut dead) = (Vec::new(), BTreeSet::new());
        for _ in 0..LOOKS {
            marked.clear();
            let mut are_all_here = true;
            for id in children() {
                match mark_of(id) {
                    Some(its) if its == mark => marked.push(id),
                    Some(_) => {}
                    None => are_all_here &= is_dead(id) && !dead.insert(id),
                }
            }
            if are_all_here {
                break;
            }
            thread::yield_now();
        }
        marked
    }

    /// A process that cleaned its environment belongs to nobody in particular; but what we start ourselves is marked,
    /// so it was started by a program of ours, and must not outlive it.
    pub(super) fn end_unmarked_orphans() {
        for id in children() {
            if mark_of(id).is_some_and(|mark| mark.is_empty()) {
                send(id, libc::SIGKILL);
                reap(id);
            }
        }
    }

    /// Whether a process is a zombie, or not even that.
    fn is_dead(id: pid_t) -> bool {
        let status = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
        // The state stands behind the name, which is in brackets.
        status.rsplit(") ").next().is_none_or(|fields| fields.is_empty() || fields.starts_with(['Z', 'X']))
    }

    /// The mark of a process; empty when it has none, `None` when it is gone or is about to become another program.
    fn mark_of(id: pid_t) -> Option<String> {
        let environment = fs::read(format!("/proc/{id}/environ")).ok()?;
        let is_zombie = fs::read(format!("/proc/{id}/cmdline")).ok()?.is_empty();
        if is_zombie {
            return None;
        }
        let variables = environment.split(|byte| *byte == 0).filter_map(|variable| std::str::from_utf8(variable).ok());
        let mark = variables.into_iter().find_map(|variable| variable.strip_prefix(MARK)?.strip_prefix('='));
        Some(mark.unwrap_or_default().to_owned())
    }
}

#[cfg(not(target_os = "linux"))]
mod linux {
    use super::*;

    pub(super) fn adopt_orphans() {}

    pub(super) fn orphans_marked(_mark: &str) -> Vec<pid_t> {
        Vec::new()
    }

    pub(super) fn end_unmarked_orphans() {}
}
