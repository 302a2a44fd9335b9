//! What is checked of chapter 5, TCP chat: one story a stage. The lab plays the people in the room for the server, and
//! the server for the client.
//!
//! - `server`: the server's stages, and the people in the room;
//! - `client`: the client's stages, and the one of the two together;
//! - `interrupt`: what Ctrl-C does to both.

mod client;
mod interrupt;
mod server;

use scenario::{Chapter, Example, Profile, WithClient, stages};

scenario::main!("tcp-chat", chapter);

/// The chapter, for the checker.
pub fn chapter() -> Chapter {
    let profile = Profile {
        default_port: 8008,
        server_options: &["--bind"],
        client_options: &["--connect", "--timeout"],
        example: Example { arguments: &[], input: "hi\nis anybody here?\nexit\n" },
        with_server: server::one_guest_of_the_server,
        with_client: WithClient::Tcp(client::one_line_for_the_client),
    };
    let stages = stages![
        server::the_operator_and_a_client_talk,
        server::both_may_speak_at_any_time,
        server::serves_the_next_client,
        server::a_line_goes_to_all_others,
        server::tells_who_comes_and_who_goes,
        server::the_operators_line_goes_to_all,
        server::goes_on_without_the_operator,
        server::ends_when_the_operator_says_so,
        server::a_client_may_leave_in_any_way,
        server::keeps_exit_to_itself,
        server::finds_the_lines_however_they_come,
        server::all_hear_one_order,
        server::drops_who_does_not_read,
        server::refuses_a_line_that_is_too_long,
        server::keeps_nothing_of_a_line_without_an_end,
        server::passes_on_nothing_that_harms,
        server::serves_others_beside_the_silent,
        server::survives_resets_and_noise,
        server::waits_when_it_has_no_descriptor_left,
        server::forgets_what_was_said,
        interrupt::an_interrupted_server_ends_quietly,
        client::prints_lines_as_they_arrive,
        client::sends_lines_as_they_are_typed,
        client::hears_while_the_user_types,
        client::hears_while_it_cannot_send,
        client::prints_whole_lines,
        client::prints_nothing_that_harms,
        client::exit_is_sent_and_ends_it,
        client::the_end_of_input_is_not_the_end_of_listening,
        client::ends_when_the_server_closes,
        client::waits_as_long_as_the_room_is_silent,
        client::keeps_nothing_of_a_line_that_the_server_does_not_end,
        client::forgets_what_it_printed,
        interrupt::an_interrupted_client_ends_quietly,
        client::the_pair_talks,
    ];
    Chapter::new("tcp-chat", include_str!("../README.md"), profile, stages)
}

/// Each sequence of U+FFFD as one: a bad sequence of bytes may be replaced as a whole, or byte by byte.
fn with_single_replacements(line: &str) -> String {
    let mut letters: Vec<char> = line.chars().collect();
    letters.dedup_by(|next, before| *next == '\u{fffd}' && *before == '\u{fffd}');
    letters.into_iter().collect()
}
