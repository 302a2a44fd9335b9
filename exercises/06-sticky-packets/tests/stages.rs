//! What is checked of chapter 6, sticky packets: one story a stage. The lab plays clients for the server, and a server
//! for the client, and cuts and gathers what they send.
//!
//! - `wire`: the three framings as the lab writes them;
//! - `server`: the server's stages;
//! - `client`: the client's stages, and the one of the two together;
//! - `options`: what both sides refuse;
//! - `interrupt`: what Ctrl-C does to both.

mod client;
mod interrupt;
mod options;
mod server;
mod wire;

use scenario::{Chapter, Example, Profile, WithClient, stages};

scenario::main!("sticky-packets", chapter);

/// The chapter, for the checker.
pub fn chapter() -> Chapter {
    let profile = Profile {
        default_port: 7070,
        server_options: &["--bind", "--framing", "--max-frame"],
        client_options: &["--connect", "--timeout", "--framing", "--max-frame"],
        example: Example { arguments: &["hello", "world", "again"], input: "" },
        with_server: server::one_message_for_the_server,
        with_client: WithClient::Tcp(client::no_message_from_the_client),
    };
    let stages = stages![
        server::shows_the_trouble,
        server::returns_each_message,
        server::tells_lines_apart,
        server::tells_a_thousand_apart,
        server::puts_together_what_comes_byte_by_byte,
        server::answers_what_is_complete,
        server::takes_empty_messages,
        server::takes_any_bytes,
        server::counts_for_each_connection,
        server::refuses_a_frame_over_the_limit,
        server::takes_the_limit_that_it_is_given,
        server::refuses_a_line_that_does_not_end,
        server::takes_a_mebibyte,
        server::takes_no_memory_for_what_it_refuses,
        server::tells_an_end_inside_a_frame,
        server::serves_others_beside_those_that_wait,
        server::survives_resets,
        server::waits_when_it_has_no_descriptor_left,
        server::forgets_what_it_returned,
        options::refuses_a_framing_that_is_none_of_the_three,
        interrupt::an_interrupted_server_ends_quietly,
        client::sends_all_then_hears_all,
        client::hears_while_it_sends,
        client::sends_lines,
        client::without_framing_it_prints_what_it_reads,
        client::with_no_text_it_sends_nothing,
        client::sends_any_text,
        client::puts_the_echoes_together,
        client::another_echo_is_an_error,
        client::a_missing_echo_is_an_error,
        client::an_end_inside_an_echo_is_an_error,
        client::a_broken_connection_is_an_error,
        client::an_echo_over_the_limit_is_an_error,
        client::finds_what_it_cannot_send_before_it_sends,
        client::does_not_wait_for_ever,
        client::waits_for_each_byte_anew,
        options::refuses_a_framing_that_there_is_not,
        interrupt::an_interrupted_client_ends_quietly,
        client::the_pair_understands_each_other,
    ];
    Chapter::new("sticky-packets", include_str!("../README.md"), profile, stages)
}
