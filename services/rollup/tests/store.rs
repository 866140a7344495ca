//! The store's contract on both databases.

mod cells {
    testkit::store_suite! {
        suite: rollup::suite,
        migrator: rollup::Migrator,
        backends: [sqlite, postgres],
        cases: [
            a_batch_that_comes_again_changes_nothing,
            a_crash_before_the_commit_leaves_nothing_behind,
            a_replica_that_lost_its_lease_writes_nothing,
            a_batch_that_is_refused_takes_no_other_with_it,
            a_batch_that_panics_is_its_own_callers_trouble,
            any_order_and_any_split_gives_the_same_cells,
            a_ticket_counts_once_however_often_it_is_seen,
            an_event_on_the_edge_belongs_to_the_later_quarter,
            windows_with_any_edges_come_to_the_same_by_cells_of_every_grain,
            case_and_accents_tell_keys_and_tickets_apart,
            workspaces_of_one_partition_stay_apart,
            a_window_without_events_still_says_its_position,
            a_damaged_row_is_named_and_not_guessed_at,
            a_closed_database_is_unavailable,
        ],
    }
}

mod corrections {
    testkit::store_suite! {
        suite: rollup::suite_corrections,
        migrator: rollup::Migrator,
        backends: [sqlite, postgres],
        cases: [
            corrections_in_batches_of_any_size_give_the_cells_of_a_recount,
            random_logs_of_workspaces_in_one_partition_each_count_as_a_recount_does,
            a_correction_that_comes_before_its_step_counts_all_the_same,
            a_step_taken_back_takes_its_ticket_along_unless_another_step_has_it,
            a_rebuild_meets_the_consumer_where_it_began,
            batches_of_a_few_gather_and_a_rebuild_of_many_holds_the_same,
            a_rebuild_mends_cells_that_are_wrong,
            one_rebuild_runs_at_a_time_and_one_replica_works_on_it,
            a_lease_is_renewed_by_whoever_holds_it_and_by_nobody_else,
            a_rebuild_given_up_leaves_the_cells_as_they_were,
            both_databases_hold_the_same_cells,
        ],
    }
}

mod shares {
    testkit::store_suite! {
        suite: rollup::suite_shares,
        migrator: rollup::Migrator,
        backends: [sqlite, postgres],
        cases: [
            a_link_is_found_as_it_was_kept_by_its_id_and_by_its_token,
            a_link_of_another_workspace_is_not_there,
            a_request_makes_one_link_however_often_it_comes,
            pages_stay_stable_while_links_are_made,
            a_link_is_revoked_once_and_opens_no_more,
            every_attempt_is_in_the_log_the_latest_first,
            a_damaged_link_is_named_and_opens_nothing,
        ],
    }
}
