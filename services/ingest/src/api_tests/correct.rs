//! ReviseOutcome and Retract, and the same corrections through Track.

use super::*;
use kernel::Clock as _;
use wire::common::v1::Money;
use wire::ingest::v1::{
    LedgerRecord, OutcomeRevised, RetractRequest, Retracted, ReviseOutcomeRequest, Ticket,
    TicketResolved,
};

fn revise(event_id: &str, outcome: Outcome, request_id: &str) -> ReviseOutcomeRequest {
    ReviseOutcomeRequest {
        event_id: event_id.into(),
        outcome: outcome.into(),
        request_id: request_id.into(),
        ..Default::default()
    }
}

fn retract(event_id: &str, request_id: &str) -> RetractRequest {
    RetractRequest {
        event_id: event_id.into(),
        reason: "sent twice".into(),
        request_id: request_id.into(),
    }
}

/// The same as an event of the caller's own.
fn revision(event_id: &str, outcome: Outcome) -> Event {
    let event_id = event_id.into();
    let body = OutcomeRevised { event_id, outcome: outcome.into(), ..Default::default() };
    Event { body: Some(Body::OutcomeRevised(body)), ..success("") }
}

fn retraction(event_id: &str) -> Event {
    let body = Retracted { event_id: event_id.into(), reason: "sent twice".into() };
    Event { body: Some(Body::Retracted(body)), ..success("") }
}

fn costed() -> Event {
    let mut event = success("step");
    event.ticket = Some(Ticket { ticket_id: "T-1".into(), ..Default::default() }.into());
    if let Some(Body::TaskCompleted(task)) = &mut event.body {
        task.agent_cost = Some(Money { currency_code: String::new(), micros: 1_000_000 });
        task.edit_ratio = Some(0.9);
    }
    event
}

impl Harness {
    async fn revised(&self, request: ReviseOutcomeRequest) -> Receipt {
        self.ingest().revise_outcome(request).await.unwrap().into_inner().receipt.unwrap()
    }

    async fn retracted(&self, request: RetractRequest) -> Receipt {
        self.ingest().retract(request).await.unwrap().into_inner().receipt.unwrap()
    }

    async fn record_of(&self, event_id: &str) -> LedgerRecord {
        self.find(event_id).await.record.unwrap()
    }
}

async fn corrections_are_entries(db: TestDb) {
    let h = Harness::on(db).await;
    let step = h.track(costed()).await;
    assert_eq!(step.valuation.as_ref().unwrap().outcome(), Outcome::NeedsReview, "by edit_ratio");
    h.clock.advance(Duration::from_secs(60));

    // A later judgement: the same baseline and rate, another outcome.
    let first = h.revised(revise(&step.event_id, Outcome::Success, "r1")).await;
    let valuation = first.valuation.clone().unwrap();
    assert_eq!((valuation.outcome(), valuation.credited_ms), (Outcome::Success, 240_000));
    assert_eq!(valuation.baseline_version, step.valuation.as_ref().unwrap().baseline_version);
    assert_eq!(first.cost_saved.as_ref().unwrap().micros, 3_000_000);
    assert_eq!(first.net_saved.as_ref().unwrap().micros, 2_000_000, "less what the agent cost");

    // The entry says what it corrects, as that stands in the ledger.
    let record = h.record_of(&first.event_id).await;
    let standing = h.record_of(&step.event_id).await;
    assert_eq!(record.corrects.as_deref(), Some(&standing));
    assert_eq!(record.valuation, Some(valuation));
    let event = record.event.unwrap();
    assert_eq!((event.agent_id.as_str(), event.idempotency_key.as_str()), ("support-triage", "r1"));
    let occurred = event.occurred_time.unwrap();
    let now = h.clock.now().parts();
    assert_eq!((occurred.seconds, occurred.nanos), now, "a correction occurs when it is made");

    // Sent again, later, or as an event: the first receipt.
    h.clock.advance(Duration::from_secs(60));
    let again = h.revised(revise(&step.event_id, Outcome::Success, "r1")).await;
    assert_eq!(again, Receipt { duplicate: true, ..first.clone() });
    let key = "r1".to_owned();
    let tracked = Event { idempotency_key: key, ..revision(&step.event_id, Outcome::Success) };
    assert_eq!(h.track(tracked).await, again);
    let other = h.ingest().revise_outcome(revise(&step.event_id, Outcome::Failure, "r1")).await;
    let other = other.unwrap_err();
    assert_eq!(
        (other.code(), reason_of(&other)),
        (Code::AlreadyExists, Some(ErrorReason::IdempotencyConflict))
    );

    // A judgement can be taken back, and the step too; what was taken back once changes nothing more.
    let back = h.retracted(retract(&first.event_id, "b1")).await;
    let taken = h.record_of(&back.event_id).await;
    let corrected = *taken.corrects.unwrap();
    assert_eq!(corrected.event, Some(event), "the judgement, and not what that corrects in turn");
    assert_eq!((corrected.corrects, taken.valuation, back.valuation), (None, None, None));
    let once = h.retracted(retract(&step.event_id, "b2")).await;
    let twice = h.retracted(retract(&step.event_id, "b3")).await;
    assert_eq!((once.duplicate, twice.duplicate), (false, false));
    assert_ne!(once.event_id, twice.event_id);
    assert!(h.retracted(retract(&step.event_id, "b2")).await.duplicate);
    assert_eq!(h.entries(5).await, [1, 2, 3, 4, 5]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn corrections_are_entries_on_sqlite() {
    corrections_are_entries(testkit::sqlite::<Migrator>("ingest").await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn corrections_are_entries_on_postgres() {
    corrections_are_entries(testkit::postgres::<Migrator>("ingest").await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn editing_learnt_with_a_judgement_counts_in_it_and_in_no_other() {
    let h = Harness::on(testkit::sqlite::<Migrator>("ingest").await).await;
    let step = h.track(success("")).await;
    let credited = |human_edit_ms| {
        let request = ReviseOutcomeRequest {
            human_edit_ms,
            ..revise(&step.event_id, Outcome::NeedsReview, "")
        };
        async { h.revised(request).await.valuation.unwrap().credited_ms }
    };
    assert_eq!(credited(None).await, 120_000, "half, while editing is unknown");
    assert_eq!(credited(Some(60_000)).await, 180_000);
    assert_eq!(credited(None).await, 120_000, "as the step itself said");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_correction_says_all_that_is_wrong_with_it_at_once() {
    let h = Harness::on(testkit::sqlite::<Migrator>("ingest").await).await;
    let bad = ReviseOutcomeRequest {
        event_id: "ev_nonsense".into(),
        outcome: 9,
        human_edit_ms: Some(-1),
        reason: "x".repeat(1_025),
        request_id: "a\nb".into(),
    };
    let status = h.ingest().revise_outcome(bad).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert_eq!(fields(&status), ["event_id", "outcome", "human_edit_ms", "reason", "request_id"]);
    let status = h.ingest().retract(RetractRequest::default()).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert_eq!(fields(&status), ["event_id", "reason"]);
}

/// What `answer` refuses: code, reason, and the resource or the fields.
fn refusal<T: std::fmt::Debug>(
    answer: Result<T, tonic::Status>,
) -> (Code, Option<ErrorReason>, Vec<String>) {
    let status = answer.unwrap_err();
    let resource = status.get_details_error_info().and_then(|mut i| i.metadata.remove("resource"));
    let named = resource.map_or_else(|| fields(&status), |resource| vec![resource]);
    (status.code(), reason_of(&status), named)
}

async fn only_ones_own_and_only_what_can_be(db: TestDb) {
    let h = Harness::on(db).await;
    let step = h.track(success("")).await;
    let resolved = Body::TicketResolved(TicketResolved::default());
    let resolved = h.track(Event { body: Some(resolved), ..success("") }).await;
    let judged = h.revised(revise(&step.event_id, Outcome::Failure, "")).await;
    let taken = h.retracted(retract(&resolved.event_id, "")).await;
    let mut last: kernel::EventId = taken.event_id.parse().unwrap();
    last.0.seq += 1;
    let nowhere = last.to_string();
    let missing = (Code::NotFound, Some(ErrorReason::ResourceNotFound), vec!["event".to_owned()]);
    let wrong = (Code::FailedPrecondition, Some(ErrorReason::NotCorrectable), vec![]);

    let (mut ours, mut theirs) = (h.ingest(), h.stranger().await);
    let success = |id: &str| revise(id, Outcome::Success, "");
    assert_eq!(refusal(ours.revise_outcome(success(&nowhere)).await), missing);
    assert_eq!(refusal(ours.retract(retract(&nowhere, "")).await), missing);
    assert_eq!(refusal(theirs.revise_outcome(success(&step.event_id)).await), missing);
    assert_eq!(refusal(theirs.retract(retract(&step.event_id, "")).await), missing);
    for other in [&resolved, &judged, &taken] {
        assert_eq!(refusal(ours.revise_outcome(success(&other.event_id)).await), wrong);
    }
    assert_eq!(refusal(ours.retract(retract(&taken.event_id, "")).await), wrong);

    // As events they say it of the field, with whatever else is wrong.
    for (id, reason) in
        [(&nowhere, ErrorReason::ResourceNotFound), (&taken.event_id, ErrorReason::NotCorrectable)]
    {
        for event in [revision(id, Outcome::Success), retraction(id)] {
            let named = match &event.body {
                Some(Body::Retracted(_)) => "event.retracted.event_id",
                _ => "event.outcome_revised.event_id",
            };
            let status = h.refused(event.clone()).await;
            assert_eq!(status.code(), Code::InvalidArgument);
            assert_eq!((reason_of(&status), fields(&status)), (Some(reason), vec![named.into()]));
            let nobodys = Event { agent_id: String::new(), ..event };
            assert_eq!(fields(&h.refused(nobodys).await), ["event.agent_id", named]);
        }
    }
    assert_eq!(h.entries(4).await, [1, 2, 3, 4], "nothing refused was written");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_ones_own_events_and_only_what_can_be_is_corrected_on_sqlite() {
    only_ones_own_and_only_what_can_be(testkit::sqlite::<Migrator>("ingest").await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_ones_own_events_and_only_what_can_be_is_corrected_on_postgres() {
    only_ones_own_and_only_what_can_be(testkit::postgres::<Migrator>("ingest").await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_of_corrections_answers_for_each_however_many_appends_it_takes() {
    const STEPS: usize = 200;
    let h = Harness::on(testkit::sqlite::<Migrator>("ingest").await).await;
    let batch = |events: Vec<Event>| async {
        let request = TrackBatchRequest { events, ..Default::default() };
        let results = h.ingest().track_batch(request).await.unwrap().into_inner().results;
        results.into_iter().map(|result| result.result.unwrap()).collect::<Vec<_>>()
    };
    let mut ids = Vec::new();
    for tracked in batch(vec![success(""); STEPS]).await {
        let Tracked::Receipt(receipt) = tracked else { panic!("{tracked:?}") };
        ids.push(receipt.event_id);
    }
    let mut events = Vec::new();
    for id in &ids {
        events.extend([revision(id, Outcome::Failure), success("")]);
    }
    events.insert(7, revision("ev_nonsense", Outcome::Failure));
    for (n, tracked) in batch(events).await.into_iter().enumerate() {
        match (n, tracked) {
            (7, Tracked::Refusal(refusal)) => {
                assert_eq!(refusal.violations[0].field, "events[7].outcome_revised.event_id");
            }
            (_, Tracked::Receipt(receipt)) => {
                let place = n - usize::from(n > 7);
                let outcome = receipt.valuation.unwrap().outcome();
                let revised = place.is_multiple_of(2);
                assert_eq!(outcome, if revised { Outcome::Failure } else { Outcome::Success });
                if revised && place.is_multiple_of(50) {
                    let record = h.record_of(&receipt.event_id).await;
                    let Some(Body::OutcomeRevised(body)) = record.event.unwrap().body else {
                        panic!("no judgement")
                    };
                    assert_eq!(body.event_id, ids[place / 2]);
                }
            }
            (n, other) => panic!("{n}: {other:?}"),
        }
    }
    assert_eq!(h.entries(3 * STEPS).await.len(), 3 * STEPS);
}
