//! What is checked of chapter 4, TFTP: one story a stage. The lab plays clients for the server, and servers, with
//! strangers, for the client.
//!
//! - `wire`: TFTP as the lab speaks it, and what it expects to hear;
//! - `traces`: what a transfer leaves behind, in lines and in folders;
//! - `server`: the server's stages;
//! - `client`: the client's stages;
//! - `pair`: the one of both together.
//!
//! Where nothing is to be repeated, programs get a timeout that is longer than any machine is slow; where something is, a
//! short one, and then it does not matter how often it was repeated.

mod client;
mod pair;
mod server;
mod traces;
mod wire;

use scenario::{Chapter, Example, Profile, WithClient, stages};

scenario::main!("tftp", chapter);

/// The chapter, for the checker.
pub fn chapter() -> Chapter {
    let profile = Profile {
        default_port: 6969,
        server_options: &["--bind", "--root", "--overwrite", "--timeout", "--tries"],
        client_options: &["--connect", "--mode", "--blksize", "--windowsize", "--timeout", "--tries"],
        example: Example { arguments: &["get", "Cargo.toml", "/dev/null"], input: "" },
        with_server: server::one_refusal_from_the_server,
        with_client: WithClient::UdpCommand(&["get", "no-such-file"], client::one_refusal_for_the_client),
    };
    let stages = stages![
        server::sends_a_file,
        server::ends_with_a_short_block,
        server::says_that_there_is_no_such_file,
        server::takes_a_file,
        server::takes_files_of_every_size,
        server::serves_the_folder_it_was_started_in,
        server::waits_for_each_ack,
        server::serves_several_at_a_time,
        server::is_not_slowed_by_who_stalls,
        server::outlives_many_transfers,
        server::serves_over_ipv6,
        server::keeps_within_its_folder,
        server::follows_no_symlink_out,
        server::refuses_what_is_no_file,
        server::overwrites_only_when_told,
        server::tells_when_the_disk_is_full,
        server::refuses_what_makes_no_sense,
        server::never_answers_an_error,
        server::prints_names_escaped,
        server::sends_data_again,
        server::sends_acks_again,
        server::waits_as_long_as_it_was_told,
        server::gives_up,
        server::gives_each_packet_all_its_tries,
        server::outlives_many_who_fall_silent,
        server::knows_its_limits,
        server::wakes_no_sorcerers_apprentice,
        server::turns_strangers_away,
        server::is_not_kept_waiting_by_others,
        server::writes_repeated_data_once,
        server::acknowledges_the_last_block_again,
        server::an_upload_appears_complete_or_not_at_all,
        server::an_interrupted_server_ends_quietly,
        server::never_mixes_two_uploads,
        server::keeps_no_file_in_its_memory,
        server::reads_no_file_into_its_memory,
        server::reads_no_window_into_its_memory,
        server::keeps_no_early_blocks,
        server::translates_text_to_the_wire,
        server::translates_text_from_the_wire,
        server::counts_beyond_65535,
        server::counts_uploads_beyond_65535,
        server::grants_options,
        server::leaves_out_what_it_cannot_grant,
        server::uses_the_block_size,
        server::repeats_its_options,
        server::is_told_that_options_do_not_please,
        server::takes_the_timeout_it_was_asked_for,
        server::sends_windows,
        server::goes_back_in_a_window,
        server::acknowledges_windows,
        server::reports_a_gap_in_a_window,
        client::gets_a_file,
        client::gets_files_of_every_size,
        client::puts_a_file,
        client::puts_files_of_every_size,
        client::names_a_file_by_its_last_part,
        client::asks_again,
        client::gives_up_asking,
        client::asks_as_often_as_its_timeout_says,
        client::does_not_acknowledge_again_too_early,
        client::acknowledges_again,
        client::sends_its_data_again,
        client::gives_up_in_the_middle,
        client::gives_each_of_its_packets_all_its_tries,
        client::answers_no_repeated_ack,
        client::takes_repeated_data_once,
        client::keeps_to_the_port_of_the_first_answer,
        client::takes_no_first_answer_from_elsewhere,
        client::is_not_kept_waiting_by_strangers,
        client::tells_what_the_server_said,
        client::a_download_appears_complete_or_not_at_all,
        client::an_interrupted_client_ends_quietly,
        client::says_which_file_it_cannot_use,
        client::fails_when_the_disk_is_full,
        client::gets_no_file_into_its_memory,
        client::is_not_drowned_by_strangers,
        client::prints_its_names_escaped,
        client::knows_its_errands,
        client::gets_text,
        client::puts_text,
        client::gets_more_than_65535_blocks,
        client::puts_more_than_65535_blocks,
        client::asks_for_options_only_when_told,
        client::lives_without_options,
        client::takes_less_than_it_asked_for,
        client::refuses_options_that_it_did_not_ask_for,
        client::gets_in_windows,
        client::puts_in_windows,
        pair::the_pair_survives_a_bad_network,
    ];
    Chapter::new("tftp", include_str!("../README.md"), profile, stages).describing(wire::describe)
}
