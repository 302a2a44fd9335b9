//! A program and everything it started, as far as the system can name it.
//!
//! - Unix: a process group. `kill` reaches its members, also after the program itself has ended.
//! - Linux, in addition: a process that left the group (`setsid`, a daemon) becomes our child when its parent ends, and
//!   is known by a mark in its environment.
//! - Elsewhere: only the program itself can be ended. Programs that it started go on; end them by hand.

#[cfg(unix)]
mod unix;
#[cfg(unix)]
pub(crate) use unix::{Group, Mark, limit_descriptors, memory, waits_for};

#[cfg(not(unix))]
mod other;
#[cfg(not(unix))]
pub(crate) use other::{Group, Mark, limit_descriptors, memory, waits_for};
