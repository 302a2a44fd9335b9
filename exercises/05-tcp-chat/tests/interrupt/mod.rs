//! Ctrl-C.

use scenario::Stage;

use super::client::client_of;
use super::server::join;

fn ends_quietly(stage: Stage) -> Stage {
    stage
        .promises(["C5"])
        .why("Whoever presses Ctrl-C knows why it ends. A backtrace tells nothing new, and looks like a fault of the program.")
        .hints([
            "What does your language do with SIGINT when nobody handles it?",
            "In C and Rust it ends the program at once, which is well; in others it is an exception, and must be caught.",
            "Nothing at all, in Rust.",
        ])
}

pub fn an_interrupted_server_ends_quietly() -> Stage {
    ends_quietly(Stage::server("Ctrl-C ends it without a backtrace")).story(|lab| {
        let server = lab.server()?;
        let _alice = join(lab, &server, "alice", 1)?;
        server.is_interrupted()?;
        // What it still prints is open.
        lab.lowers_the_curtain()
    })
}

pub fn an_interrupted_client_ends_quietly() -> Stage {
    ends_quietly(Stage::client("Ctrl-C ends it without a backtrace")).story(|lab| {
        let (client, mut server) = client_of(lab, &[])?;
        client.types("hi");
        server.expect("hi\n")?;
        client.is_interrupted()?;
        lab.lowers_the_curtain()
    })
}
