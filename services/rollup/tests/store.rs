//! The store's contract on both databases.

testkit::store_suite! {
    suite: rollup::suite,
    migrator: rollup::Migrator,
    backends: [sqlite, postgres],
    cases: [
        a_batch_that_comes_again_changes_nothing,
        a_crash_before_the_commit_leaves_nothing_behind,
        a_replica_that_lost_its_lease_writes_nothing,
        any_order_and_any_split_gives_the_same_cells,
        a_ticket_counts_once_however_often_it_is_seen,
        an_event_on_the_edge_belongs_to_the_later_quarter,
        case_and_accents_tell_keys_and_tickets_apart,
        workspaces_of_one_partition_stay_apart,
        a_window_without_events_still_says_its_position,
        a_damaged_row_is_named_and_not_guessed_at,
        a_closed_database_is_unavailable,
    ],
}
