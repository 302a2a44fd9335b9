//! Faults as small values: a rule says what it strikes, when, and what it does then.
//!
//! ```
//! use wiretap::{Direction, Rule};
//!
//! let first_request_is_lost = Rule::lose().to(Direction::ToServer).only(1);
//! let one_in_five_is_lost = Rule::lose().with_chance(0.2, 7);
//! let everything_comes_in_single_bytes = Rule::split(1);
//! ```

use std::time::Duration;

/// Which way something goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From the client to the server.
    ToServer,
    /// From the server to the client.
    ToClient,
}

/// What a rule does to a datagram, or to a piece of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It never arrives. A stream has no such fault: there, the rule does nothing.
    Lose,
    /// It arrives twice. A stream has no such fault.
    Duplicate,
    /// It arrives after the one that follows it. A stream has no such fault.
    Reorder,
    /// It arrives later.
    Delay(Duration),
    /// It arrives in pieces of this many bytes, each in a segment of its own. A datagram is never split.
    Split(usize),
    /// It is held back until this many bytes of the stream have come, or it ends. Datagrams are never merged.
    Coalesce(usize),
}

/// When a rule strikes.
#[derive(Debug, Clone, Copy, PartialEq)]
enum When {
    Always,
    /// The one with this number, counted from 1 in each direction.
    Only(u64),
    Chance {
        of: f64,
    },
}

/// One fault. Rules are asked in their order, and the first that strikes decides.
#[derive(Debug, Clone)]
pub struct Rule {
    fault: Fault,
    direction: Option<Direction>,
    when: When,
    dice: fastrand::Rng,
    seen: u64,
    strikes: u64,
}

impl Rule {
    fn new(fault: Fault) -> Rule {
        Rule { fault, direction: None, when: When::Always, dice: fastrand::Rng::with_seed(0), seen: 0, strikes: 0 }
    }

    /// A datagram is lost.
    pub fn lose() -> Rule {
        Rule::new(Fault::Lose)
    }

    /// A datagram arrives twice.
    pub fn duplicate() -> Rule {
        Rule::new(Fault::Duplicate)
    }

    /// A datagram arrives after the one that follows it.
    pub fn reorder() -> Rule {
        Rule::new(Fault::Reorder)
    }

    /// A datagram, or a piece of a stream, arrives later.
    pub fn delay(time: Duration) -> Rule {
        Rule::new(Fault::Delay(time))
    }

    /// A stream arrives in pieces of `size` bytes.
    pub fn split(size: usize) -> Rule {
        Rule::new(Fault::Split(size.max(1)))
    }

    /// A stream is held back until `size` bytes have come, or it ends; then it arrives at once.
    pub fn coalesce(size: usize) -> Rule {
        Rule::new(Fault::Coalesce(size))
    }

    /// Strikes in one direction only.
    pub fn to(mut self, direction: Direction) -> Rule {
        self.direction = Some(direction);
        self
    }

    /// Strikes only the one with this number, counted from 1 among those that go its way.
    pub fn only(mut self, number: u64) -> Rule {
        self.when = When::Only(number);
        self
    }

    /// Strikes by chance, from 0 never to 1 always. The same seed strikes the same ones.
    pub fn with_chance(mut self, of: f64, seed: u64) -> Rule {
        self.when = When::Chance { of };
        self.dice = fastrand::Rng::with_seed(seed);
        self
    }

    /// What happens to the next one that goes this way; `None` when the rule does not strike.
    fn judge(&mut self, direction: Direction) -> Option<Fault> {
        if self.direction.is_some_and(|only| only != direction) {
            return None;
        }
        self.seen += 1;
        let strikes = match self.when {
            When::Always => true,
            When::Only(number) => self.seen == number,
            When::Chance { of } => self.dice.f64() < of,
        };
        self.strikes += u64::from(strikes);
        strikes.then_some(self.fault)
    }
}

/// All rules of a tap.
#[derive(Debug)]
pub(crate) struct Rules(pub(crate) Vec<Rule>);

impl Rules {
    /// The fault that the next one going this way suffers. Every rule sees it, so that each counts by itself.
    pub(crate) fn judge(&mut self, direction: Direction) -> Option<Fault> {
        let verdicts: Vec<_> = self.0.iter_mut().map(|rule| rule.judge(direction)).collect();
        verdicts.into_iter().flatten().next()
    }

    pub(crate) fn strikes(&self) -> Vec<u64> {
        self.0.iter().map(|rule| rule.strikes).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Direction::{ToClient, ToServer};

    #[test]
    fn a_counted_rule_strikes_its_number_in_its_direction() {
        let mut rules = Rules(vec![Rule::lose().to(ToServer).only(2)]);
        let verdicts = [ToServer, ToClient, ToClient, ToServer, ToServer].map(|direction| rules.judge(direction));
        assert_eq!(verdicts, [None, None, None, Some(Fault::Lose), None]);
        assert_eq!(rules.strikes(), [1]);
    }

    #[test]
    fn a_seeded_rule_strikes_the_same_ones_each_time() {
        let draw = |seed| {
            let mut rules = Rules(vec![Rule::lose().with_chance(0.2, seed)]);
            (0..1000).map(|_| rules.judge(ToServer).is_some()).collect::<Vec<_>>()
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
        let struck = draw(7).into_iter().filter(|struck| *struck).count();
        assert!((150..250).contains(&struck), "{struck} of 1000 with a chance of 0.2");
    }

    #[test]
    fn the_first_rule_that_strikes_decides_and_the_others_count_on() {
        let mut rules = Rules(vec![Rule::lose().only(1), Rule::duplicate().only(2)]);
        let verdicts = [1, 2, 3].map(|_| rules.judge(ToServer));
        assert_eq!(verdicts, [Some(Fault::Lose), Some(Fault::Duplicate), None]);
    }
}
