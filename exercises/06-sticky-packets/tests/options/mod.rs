//! The options that both sides take.

use scenario::{Role, Stage};

pub fn refuses_a_framing_that_is_none_of_the_three() -> Stage {
    unknown_framing(Stage::server("A framing that is none of the three ends with status 2"), Role::Server)
}

pub fn refuses_a_framing_that_there_is_not() -> Stage {
    unknown_framing(Stage::client("A framing that is none of the three ends with status 2"), Role::Client)
}

fn unknown_framing(stage: Stage, role: Role) -> Stage {
    stage
        .promises(["C5"])
        .why("Who misspells an option should hear of it at once, and not by strange bytes on the wire.")
        .hints([
            "What does your program do with `--framing words`, or with `--max-frame many`?",
            "An enum with clap's `ValueEnum` takes its own names and no others; a `u32` takes numbers.",
            "#[arg(long, value_enum, default_value = \"length\")] framing: Framing",
        ])
        .story(move |lab| {
            for wrong in [["--framing", "words"], ["--max-frame", "many"], ["--max-frame", "-1"]] {
                lab.bare(role, &wrong)?.refuses_usage()?;
            }
            Ok(())
        })
}
