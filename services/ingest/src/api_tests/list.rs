//! ListEvents.

use kernel::Clock as _;
use wire::common::v1::Window;
use wire::ingest::v1::{
    ListEventsRequest, ListEventsResponse, Retracted, ReviseOutcomeRequest, Ticket, TicketResolved,
};

use super::*;

/// More than one call looks at.
const BACKLOG: usize = 10_500;

fn resolved(agent: &str, ticket: &str) -> Event {
    Event {
        agent_id: agent.into(),
        ticket: Some(Box::new(Ticket { ticket_id: ticket.into(), ..Default::default() })),
        body: Some(Body::TicketResolved(TicketResolved::default())),
        ..Default::default()
    }
}

fn of(agent: &str, ticket: &str) -> Event {
    Event { ticket: resolved(agent, ticket).ticket, agent_id: agent.into(), ..success("") }
}

impl Harness {
    async fn list(&self, request: ListEventsRequest) -> ListEventsResponse {
        self.ingest().list_events(request).await.unwrap().into_inner()
    }

    /// All pages: the ids in order, and how many pages they took.
    async fn pages(&self, mut request: ListEventsRequest) -> (Vec<String>, usize) {
        let (mut ids, mut pages) = (Vec::new(), 0);
        loop {
            let page = self.list(request.clone()).await;
            assert!(page.events.len() <= 1_000);
            ids.extend(page.events.into_iter().map(|event| event.event_id));
            pages += 1;
            request.page_token = page.next_page_token;
            if request.page_token.is_empty() {
                return (ids, pages);
            }
        }
    }

    async fn batch(&self, events: Vec<Event>) {
        let request = TrackBatchRequest { events, ..Default::default() };
        self.ingest().track_batch(request).await.unwrap();
    }

    /// The window from `from` to `to` seconds after now.
    fn window(&self, from: u64, to: u64) -> Option<Window> {
        let edge = |after| Some(self.clock.now().plus(Duration::from_secs(after)).parts().into());
        Some(Window { start_time: edge(from), end_time: edge(to) })
    }
}

async fn events_are_listed_by_what_they_are(db: TestDb) {
    let h = Harness::on(db).await;
    let window = h.window(60, 180);
    let mut ids = Vec::new();
    for event in
        [of("ada", "T-1"), of("bob", "T-2"), resolved("ada", "T-1"), resolved("bob", "T-3")]
    {
        ids.push(h.track(event).await.event_id);
        h.clock.advance(Duration::from_secs(60));
    }
    let revise = ReviseOutcomeRequest {
        event_id: ids[1].clone(),
        outcome: Outcome::Failure.into(),
        ..Default::default()
    };
    let revised = h.ingest().revise_outcome(revise).await.unwrap().into_inner();
    ids.push(revised.receipt.unwrap().event_id);
    let retracted = Retracted { event_id: ids[0].clone(), reason: "twice".into() };
    let by_carol = Event { body: Some(Body::Retracted(retracted)), ..of("carol", "") };
    ids.push(h.track(by_carol).await.event_id);

    let nothing = ListEventsRequest::default;
    let kinds = |kinds: &[&str]| kinds.iter().map(|kind| (*kind).to_owned()).collect();
    let cases: [(ListEventsRequest, &[usize]); 9] = [
        (nothing(), &[0, 1, 2, 3, 4, 5]),
        (
            ListEventsRequest { kinds: kinds(&["ticket_resolved", "retracted"]), ..nothing() },
            &[2, 3, 5],
        ),
        (ListEventsRequest { agent_id: "bob".into(), ..nothing() }, &[1, 3, 4]),
        (ListEventsRequest { agent_id: "ada".into(), ..nothing() }, &[0, 2, 5]),
        (ListEventsRequest { agent_id: "carol".into(), ..nothing() }, &[5]),
        (ListEventsRequest { ticket_id: "T-1".into(), ..nothing() }, &[0, 2, 5]),
        (ListEventsRequest { ticket_id: "T-2".into(), ..nothing() }, &[1, 4]),
        (ListEventsRequest { window, ..nothing() }, &[1, 2]),
        (
            ListEventsRequest {
                window,
                agent_id: "bob".into(),
                ticket_id: "T-2".into(),
                ..nothing()
            },
            &[1],
        ),
    ];
    for (request, wanted) in cases {
        let wanted: Vec<&String> = wanted.iter().map(|n| &ids[*n]).collect();
        for page_size in [0, 1, 2] {
            let (listed, _) = h.pages(ListEventsRequest { page_size, ..request.clone() }).await;
            assert_eq!(listed.iter().collect::<Vec<_>>(), wanted, "{request:?}");
        }
    }
    let theirs = h.stranger().await.list_events(nothing()).await.unwrap().into_inner();
    assert_eq!(theirs, ListEventsResponse::default(), "another workspace sees none of it");
    assert_eq!(h.list(nothing()).await.events[4], h.find(&ids[4]).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_are_listed_by_what_they_are_on_sqlite() {
    events_are_listed_by_what_they_are(testkit::sqlite::<Migrator>("ingest").await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_are_listed_by_what_they_are_on_postgres() {
    events_are_listed_by_what_they_are(testkit::postgres::<Migrator>("ingest").await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_stay_stable_while_events_are_tracked() {
    let h = Harness::on(testkit::sqlite::<Migrator>("ingest").await).await;
    h.batch(vec![resolved("ada", "T-1"); 10]).await;
    let (mut listed, mut page_token) = (Vec::new(), String::new());
    for _ in 0..4 {
        let page =
            h.list(ListEventsRequest { page_size: 3, page_token, ..Default::default() }).await;
        listed.extend(page.events.iter().map(|event| event.event_id.clone()));
        page_token = page.next_page_token;
        h.batch(vec![resolved("bob", "T-2"); 2]).await;
    }
    let (all, _) = h.pages(ListEventsRequest::default()).await;
    assert_eq!(listed, all[..12], "none twice, none skipped, in ledger order");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_matches_are_rare_each_call_looks_at_a_stretch_and_the_next_goes_on() {
    let h = Harness::on(testkit::sqlite::<Migrator>("ingest").await).await;
    for _ in 0..BACKLOG / 500 {
        h.batch(vec![resolved("ada", "T-1"); 500]).await;
    }
    let rare = h.track(resolved("bob", "T-2")).await.event_id;
    let request = ListEventsRequest { agent_id: "bob".into(), ..Default::default() };
    let first = h.list(request.clone()).await;
    assert!(first.events.is_empty() && !first.next_page_token.is_empty());
    assert_eq!(h.pages(request).await, (vec![rare.clone()], 2));

    // What was recorded long before a window is not even looked at.
    h.clock.advance(Duration::from_secs(3 * 86_400));
    let window = h.window(0, 60);
    let late = h.track(resolved("ada", "T-1")).await.event_id;
    assert_eq!(h.pages(ListEventsRequest { window, ..Default::default() }).await, (vec![late], 1));
    // What occurs at the far edge of what the door lets in is found all the same.
    let early = h.clock.now().plus(Duration::from_secs(86_400 - 1));
    let early = Event { occurred_time: Some(early.parts().into()), ..resolved("ada", "T-1") };
    let early = h.track(early).await.event_id;
    let window = h.window(86_400 - 2, 86_400);
    assert_eq!(h.pages(ListEventsRequest { window, ..Default::default() }).await.0, [early]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_of_large_events_ends_before_it_outgrows_a_message() {
    const EVENTS: usize = 600;
    let h = Harness::on(testkit::sqlite::<Migrator>("ingest").await).await;
    let mut large = resolved("ada", "T-1");
    large.metadata = (0..8).map(|n| (format!("k{n}"), "x".repeat(1_000))).collect();
    for _ in 0..EVENTS / 100 {
        h.batch(vec![large.clone(); 100]).await;
    }
    let (ids, pages) = h.pages(ListEventsRequest { page_size: 1_000, ..Default::default() }).await;
    assert_eq!(ids.len(), EVENTS);
    assert_eq!(pages, 3, "2 MiB each");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_says_all_that_is_wrong_with_it_at_once() {
    let h = Harness::on(testkit::sqlite::<Migrator>("ingest").await).await;
    let mut window = h.window(60, 60).unwrap();
    let bad = ListEventsRequest {
        window: Some(window),
        kinds: vec!["task_completed".into(), "tickets".into()],
        agent_id: "a\nb".into(),
        ticket_id: "x".repeat(256),
        page_size: -1,
        page_token: "!".into(),
    };
    let status = h.ingest().list_events(bad).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    let wrong = ["page_size", "page_token", "window.end_time", "agent_id", "ticket_id", "kinds[1]"];
    assert_eq!(fields(&status), wrong);
    window.start_time = None;
    let kinds = vec!["retracted".to_owned(); 33];
    let bad = ListEventsRequest { window: Some(window), kinds, ..Default::default() };
    let status = h.ingest().list_events(bad).await.unwrap_err();
    assert_eq!(fields(&status), ["window.start_time", "kinds"]);

    h.batch(vec![resolved("ada", "T-1"); 2]).await;
    let page_token =
        h.list(ListEventsRequest { page_size: 1, ..Default::default() }).await.next_page_token;
    let other = ListEventsRequest { agent_id: "ada".into(), page_token, ..Default::default() };
    let status = h.ingest().list_events(other.clone()).await.unwrap_err();
    assert_eq!(reason_of(&status), Some(ErrorReason::BadPageToken));
    let theirs = ListEventsRequest { agent_id: String::new(), ..other };
    let status = h.stranger().await.list_events(theirs).await.unwrap_err();
    assert_eq!(reason_of(&status), Some(ErrorReason::BadPageToken), "nor in another workspace");
}
