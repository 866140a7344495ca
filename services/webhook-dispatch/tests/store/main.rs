//! The contract of the store, on both databases.
#![expect(clippy::unwrap_used, reason = "tests")]

mod suite;

testkit::store_suite! {
    suite: crate::suite,
    migrator: webhook_dispatch::Migrator,
    backends: [sqlite, postgres],
    cases: [
        registers_once_for_a_request,
        registers_once_for_racing_twins,
        registers_no_more_than_a_workspace_may_have,
        keeps_case_accents_and_microseconds,
        hides_other_workspaces,
        pages_of_endpoints_stay_stable_under_insert,
        pages_of_deliveries_stay_stable_under_insert,
        lists_deliveries_by_stage,
        counts_every_change_of_endpoints,
        deletes_an_endpoint_with_what_it_waits_for,
        records_nothing_when_fenced,
        records_nothing_when_the_roster_has_changed,
        records_a_repeated_batch_once,
        claims_each_delivery_once,
        settles_only_what_is_still_claimed,
        switches_off_an_endpoint_that_is_gone,
        looks_for_the_oldest_of_each_endpoint_asked_for,
        names_the_endpoints_that_wait,
        answers_unavailable_after_close,
    ],
}
