//! Systems without process groups: the program alone is ended, by its owner.

use std::process::Command;
use std::time::Duration;

#[derive(Debug)]
pub(crate) struct Mark;

impl Mark {
    pub(crate) fn exempt(_command: &mut Command) {}

    pub(crate) fn put_on(_command: &mut Command) -> Mark {
        Mark
    }
}

#[derive(Debug)]
pub(crate) struct Group;

impl Group {
    pub(crate) fn new(_leader: u32, _mark: Mark) -> Group {
        Group
    }

    pub(crate) fn pause(&self) -> bool {
        false
    }

    pub(crate) fn resume(&self) {}

    pub(crate) fn is_at_work(&self) -> bool {
        false
    }

    pub(crate) fn ask_to_end(&self) {}

    pub(crate) fn interrupt(&self) -> bool {
        false
    }

    pub(crate) fn empties_within(&self, _grace: Duration) -> bool {
        true
    }

    pub(crate) fn kill(&self) {}

    pub(crate) fn sweep(&self) {}
}

pub(crate) fn waits_for(_id: u32) -> Option<&'static str> {
    None
}

pub(crate) fn limit_descriptors(_id: u32, _more: u64) -> bool {
    false
}

pub(crate) fn memory(_id: u32) -> Option<u64> {
    None
}
