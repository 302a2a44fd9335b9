//! A stage: one thing that is checked, as a story with its reason and its hints.

use transcript::literal;

use crate::lab::Lab;
use crate::role::Role;
use crate::trouble::Outcome;

/// What a story does: acts, expects, and says how it went.
pub type Story = Box<dyn Fn(&mut Lab) -> Outcome + Send + Sync>;

/// Says in words what bytes on the wire mean: `ACK 3`.
pub type Describe = fn(&[u8]) -> String;

/// One thing that is checked: a short story with its reason and its hints.
pub struct Stage {
    pub(crate) role: Role,
    pub(crate) name: String,
    pub(crate) title: &'static str,
    pub(crate) promises: Vec<&'static str>,
    pub(crate) why: &'static str,
    pub(crate) hints: [&'static str; 3],
    pub(crate) waits: bool,
    pub(crate) describe: Describe,
    pub(crate) story: Story,
}

impl Stage {
    fn new(role: Role, title: &'static str) -> Stage {
        let story: Story = Box::new(|_| Ok(()));
        Stage {
            role,
            name: String::new(),
            title,
            promises: Vec::new(),
            why: "",
            hints: [""; 3],
            waits: false,
            describe: literal::quoted,
            story,
        }
    }

    /// A stage about the server.
    pub fn server(title: &'static str) -> Stage {
        Stage::new(Role::Server, title)
    }

    /// A stage about the client.
    pub fn client(title: &'static str) -> Stage {
        Stage::new(Role::Client, title)
    }

    /// A stage about the two together.
    pub fn pair(title: &'static str) -> Stage {
        Stage::new(Role::Pair, title)
    }

    /// The promises that the story tests.
    pub fn promises<const N: usize>(mut self, ids: [&'static str; N]) -> Stage {
        self.promises = ids.to_vec();
        self
    }

    /// Why networks, or systems, make this necessary.
    pub fn why(mut self, why: &'static str) -> Stage {
        self.why = why;
        self
    }

    /// Three hints: where to look, what to use, and how it is done.
    pub fn hints(mut self, hints: [&'static str; 3]) -> Stage {
        self.hints = hints;
        self
    }

    /// Most of its time is waiting: such stages begin first, so that all are done sooner.
    pub fn mostly_waiting(mut self) -> Stage {
        self.waits = true;
        self
    }

    /// What happens.
    pub fn story(mut self, story: impl Fn(&mut Lab) -> Outcome + Send + Sync + 'static) -> Stage {
        self.story = Box::new(story);
        self
    }

    /// Gives the stage the name that it is called by on the command line.
    pub fn named(mut self, function: &str) -> Stage {
        self.name = function.replace('_', "-");
        self
    }

    /// `server/each-client-gets-its-own`
    pub fn id(&self) -> String {
        format!("{}/{}", self.role.name(), self.name)
    }

    /// Which program it is about.
    pub fn role(&self) -> Role {
        self.role
    }

    /// What it checks, in a line.
    pub fn title(&self) -> &'static str {
        self.title
    }

    /// The ids of the promises that it tests.
    pub fn tests(&self) -> &[&'static str] {
        &self.promises
    }

    /// Why it matters.
    pub fn reason(&self) -> &'static str {
        self.why
    }

    /// The three hints.
    pub fn all_hints(&self) -> &[&'static str; 3] {
        &self.hints
    }
}

/// Names each stage after its function: `stages![each_client_gets_its_own]`.
#[macro_export]
macro_rules! stages {
    ($($function:path),* $(,)?) => {
        vec![$($function().named($crate::last_part(stringify!($function)))),*]
    };
}

/// The function's own name in a path.
#[doc(hidden)]
pub fn last_part(path: &str) -> &str {
    path.rsplit("::").next().unwrap_or(path).trim()
}
