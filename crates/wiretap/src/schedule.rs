//! Jobs that are to be done later, in order of time: what a tap delays.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

type Job = Box<dyn FnOnce() + Send>;

/// Does jobs when they are due, on a thread of its own, until it is dropped.
pub(crate) struct Schedule(Arc<Shared>);

#[derive(Default)]
struct Shared {
    agenda: Mutex<Agenda>,
    changed: Condvar,
}

#[derive(Default)]
struct Agenda {
    /// By due time, and among equals by the order in which they came.
    jobs: BTreeMap<(Instant, u64), Job>,
    count: u64,
    closed: bool,
}

impl Schedule {
    pub(crate) fn start() -> Schedule {
        let shared = Arc::new(Shared::default());
        let worker = Arc::clone(&shared);
        thread::spawn(move || worker.work());
        Schedule(shared)
    }

    pub(crate) fn after(&self, time: Duration, job: impl FnOnce() + Send + 'static) {
        let mut agenda = self.0.agenda.lock().unwrap_or_else(PoisonError::into_inner);
        agenda.count += 1;
        let key = (Instant::now() + time, agenda.count);
        agenda.jobs.insert(key, Box::new(job));
        self.0.changed.notify_one();
    }
}

impl Drop for Schedule {
    fn drop(&mut self) {
        self.0.agenda.lock().unwrap_or_else(PoisonError::into_inner).closed = true;
        self.0.changed.notify_one();
    }
}

impl std::fmt::Debug for Schedule {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.write_str("Schedule")
    }
}

impl Shared {
    fn work(&self) {
        let mut agenda = self.agenda.lock().unwrap_or_else(PoisonError::into_inner);
        while !agenda.closed {
            let now = Instant::now();
            match agenda.jobs.first_key_value().map(|((due, _), _)| *due) {
                Some(due) if due <= now => {
                    let job = agenda.jobs.pop_first();
                    drop(agenda);
                    if let Some((_, job)) = job {
                        job();
                    }
                    agenda = self.agenda.lock().unwrap_or_else(PoisonError::into_inner);
                }
                due => {
                    let nap = due.map_or(Duration::from_secs(3600), |due| due - now);
                    agenda = self.changed.wait_timeout(agenda, nap).unwrap_or_else(PoisonError::into_inner).0;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;

    #[test]
    fn jobs_are_done_in_order_of_time_and_equals_in_order_of_coming() {
        let schedule = Schedule::start();
        let (done, order) = channel();
        for (name, time) in [("late", 60), ("first", 0), ("early", 30)] {
            let done = done.clone();
            schedule.after(Duration::from_millis(time), move || done.send(name).unwrap());
        }
        drop(done);
        assert_eq!(order.iter().collect::<Vec<_>>(), ["first", "early", "late"]);
    }
}
