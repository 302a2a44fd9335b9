//! What is checked of chapter 7, HTTP: one story a stage. The lab plays browsers, and those who mean no good, for the
//! server, and servers for the client.
//!
//! - `wire`: HTTP as the lab speaks it;
//! - `chance`: messages that are broken somewhere;
//! - `server`: the server's stages, and the site that it serves;
//! - `client`: the client's stages.
//!
//! The lab judges by the RFCs and the brief: header fields in any order and in any case, a body counted or chunked, a
//! connection that is closed after an error or kept, are all right.

mod chance;
mod client;
mod server;
mod wire;

use scenario::{Chapter, Example, Profile, WithClient, stages};

scenario::main!("http", chapter);

/// The chapter, for the checker.
pub fn chapter() -> Chapter {
    let profile = Profile {
        default_port: 8080,
        server_options: &["--bind", "--root", "--timeout"],
        client_options: &["-X", "-H", "-d", "-L", "-o", "--timeout"],
        example: Example { arguments: &["/app/query?page=1&name=david"], input: "" },
        with_server: server::one_answer,
        with_client: WithClient::Url(client::one_answer),
    };
    let stages = stages![
        // One request by hand.
        server::answers_a_request,
        server::puts_a_request_together,
        server::reads_fields_as_they_are_written,
        // A page in a browser.
        server::describes_a_file,
        server::sends_files_of_every_kind,
        server::finds_files_with_any_name,
        server::serves_the_folder_it_was_started_in,
        server::knows_its_options,
        server::shows_a_folder,
        server::tells_the_time,
        server::takes_a_query_apart,
        server::sends_a_form_back,
        server::answers_head_without_a_body,
        // Status codes.
        server::says_that_there_is_no_such_page,
        server::allows_only_what_makes_sense,
        server::knows_its_methods,
        server::knows_its_version,
        server::refuses_what_is_no_request,
        server::needs_to_know_the_host,
        server::limits_the_request_line,
        server::limits_the_fields,
        server::limits_the_body,
        server::limits_a_chunked_body,
        // Keep-alive.
        server::keeps_the_connection,
        server::keeps_its_word,
        server::closes_when_it_is_asked_to,
        server::speaks_to_http_1_0,
        server::answers_in_the_order_of_the_requests,
        server::takes_no_body_for_a_request,
        server::closes_idle_connections,
        server::waits_anew_after_each_answer,
        server::is_patient_by_default,
        // Bodies.
        server::takes_a_body_in_pieces,
        server::takes_no_half_body,
        server::tells_a_client_to_go_on,
        server::refuses_before_the_body_comes,
        server::waits_while_a_body_moves,
        server::gives_up_on_a_body_that_stops,
        server::takes_a_body_in_chunks,
        server::refuses_chunks_that_are_none,
        server::refuses_two_lengths,
        server::refuses_a_length_beside_chunks,
        server::refuses_codings_it_does_not_know,
        server::refuses_fields_that_two_would_read_differently,
        // Conditions and ranges.
        server::sends_nothing_twice,
        server::compares_times,
        server::believes_the_tag_before_the_time,
        server::tags_what_is_in_the_file,
        server::sends_a_part,
        server::has_no_part_beyond_the_end,
        server::ignores_parts_that_it_does_not_understand,
        server::looks_at_conditions_before_parts,
        // What it prints.
        server::prints_every_response,
        server::prints_so_that_it_harms_nobody,
        // Safety.
        server::keeps_within_its_folder,
        server::decodes_before_it_looks,
        server::follows_no_symlink_out,
        server::refuses_nul,
        // Slow clients, and worse.
        server::says_that_the_time_is_up,
        server::is_not_held_up_by_drips,
        server::serves_beside_two_hundred_others,
        server::serves_beside_those_who_do_not_read,
        server::survives_those_who_break_off,
        server::survives_whatever_comes,
        server::keeps_no_request_in_its_memory,
        server::keeps_no_body_in_its_memory,
        server::answers_no_faster_than_is_read,
        // The client.
        client::prints_the_response,
        client::prints_what_has_come,
        client::asks_as_a_server_expects,
        client::takes_a_url_apart,
        client::calls_port_80,
        client::speaks_nothing_but_http,
        client::knows_its_options,
        client::prints_errors_like_any_response,
        client::prints_so_that_it_harms_nobody,
        client::uses_another_method,
        client::adds_fields,
        client::sends_no_field_that_is_none,
        client::sends_data,
        client::says_what_its_data_is,
        client::saves_a_file,
        client::a_file_appears_complete_or_not_at_all,
        client::an_old_file_survives,
        client::says_which_file_it_cannot_write,
        client::reads_as_many_bytes_as_were_announced,
        client::puts_a_response_together,
        client::reads_chunks,
        client::reads_to_the_end_of_the_stream,
        client::knows_responses_without_a_body,
        client::skips_interim_responses,
        client::a_body_that_breaks_off_is_an_error,
        client::what_is_no_response_is_an_error,
        client::survives_whatever_comes,
        client::takes_a_long_head,
        client::refuses_a_head_that_is_too_long,
        client::keeps_no_body_in_its_memory,
        client::keeps_nothing_beside_the_body_in_its_memory,
        client::goes_nowhere_by_itself,
        client::follows_a_redirect,
        client::follows_relative_redirects,
        client::goes_on_from_where_it_is,
        client::follows_a_redirect_to_another_server,
        client::follows_on_the_same_connection_or_another,
        client::turns_a_post_into_a_get,
        client::keeps_a_post,
        client::keeps_asking_for_the_head_only,
        client::follows_five_redirects,
        client::stays_where_no_redirect_leads,
        client::does_not_wait_for_ever,
        client::waits_for_each_piece_anew,
        client::is_patient_by_default,
        client::the_pair_fetches_a_page,
    ];
    Chapter::new("http", include_str!("../README.md"), profile, stages).describing(wire::describe)
}
