//! Links for people without a key: what they show, and when they show nothing any more.

use std::time::Duration;

use crate::harness::{ADMIN_KEY, Harness, REPORT_KEY, START, month, task, valued};
use fault::{ErrorReason, reason_of};
use kernel::Clock as _;
use testkit::TestDb;
use tonic::{Code, Status};
use wire::common::v1::Outcome;
use wire::rollup::v1 as api;
use wire::rollup::v1::create_share_link_request::Report;
use wire::rollup::v1::open_share_link_response::Report as Shown;
use wire::rollup::v1::share_service_client::ShareServiceClient;
use wire::rollup::v1::{
    CreateShareLinkRequest, Dimension, OpenShareLinkRequest, OpenShareLinkResponse, ReportQuery,
};

struct Story {
    harness: Harness,
}

impl Story {
    async fn on(db: TestDb) -> Self {
        let harness = Harness::start(db).await;
        // Ten tickets of one agent, three of another.
        for n in 0..13 {
            let agent = if n < 10 { "many" } else { "few" };
            let step = task("ticket_routing", Outcome::Success);
            harness.ledger.append([(START, valued(agent, &format!("T-{n}"), step, 2))]);
        }
        harness.overview().await;
        Self { harness }
    }

    async fn sqlite() -> Self {
        Self::on(testkit::sqlite::<rollup::Migrator>("rollup").await).await
    }

    fn admin(&self) -> ShareServiceClient<chassis::Channel> {
        ShareServiceClient::new(self.harness.channel(ADMIN_KEY))
    }

    async fn open(&self, token: &str, passcode: &str) -> Result<OpenShareLinkResponse, Status> {
        let transport = &self.harness.ctx.transport;
        let nobody = chassis::connect_with_key(&self.harness.url, "test", None, transport);
        let (token, passcode) = (token.to_owned(), passcode.to_owned());
        let request = OpenShareLinkRequest { token, passcode };
        Ok(ShareServiceClient::new(nobody).open_share_link(request).await?.into_inner())
    }

    async fn made(&self, request: CreateShareLinkRequest) -> (api::ShareLink, String) {
        let made = self.admin().create_share_link(request).await.unwrap().into_inner();
        (made.share_link.unwrap(), made.token)
    }

    async fn link(&self, id: &str) -> api::ShareLink {
        let listed = self.admin().list_share_links(api::ListShareLinksRequest::default()).await;
        let links = listed.unwrap().into_inner().share_links;
        links.into_iter().find(|link| link.share_link_id == id).unwrap()
    }

    async fn log(&self, id: &str) -> Vec<api::ShareOutcome> {
        let request =
            api::ListShareAttemptsRequest { share_link_id: id.to_owned(), ..Default::default() };
        let log = self.admin().list_share_attempts(request).await.unwrap().into_inner();
        log.attempts.into_iter().map(|attempt| attempt.outcome()).collect()
    }

    async fn revoke(&self, id: &str) -> api::ShareLink {
        let (request_id, share_link_id) = ("revoke".to_owned(), id.to_owned());
        let request = api::RevokeShareLinkRequest { request_id, share_link_id };
        let revoked = self.admin().revoke_share_link(request).await.unwrap().into_inner();
        revoked.share_link.unwrap()
    }
}

fn overview() -> Report {
    Report::Overview(api::GetOverviewRequest { query: Some(month()), compare_previous: false })
}

fn by_agent() -> Report {
    Report::Savings(api::GetSavingsRequest {
        query: Some(month()),
        dimensions: vec![Dimension::Agent.into()],
        ..Default::default()
    })
}

fn asked(request_id: &str, report: Report) -> CreateShareLinkRequest {
    CreateShareLinkRequest {
        request_id: request_id.to_owned(),
        title: "What the assistants saved".to_owned(),
        report: Some(report),
        ..Default::default()
    }
}

fn events(opened: &OpenShareLinkResponse) -> i64 {
    match opened.report.as_ref().unwrap() {
        Shown::Overview(overview) => overview.measures.as_ref().unwrap().events,
        other => panic!("not an overview: {other:?}"),
    }
}

async fn a_live_link_moves_on_and_a_frozen_one_does_not(db: TestDb) {
    let story = Story::on(db).await;
    let (_, live) = story.made(asked("live", overview())).await;
    let frozen = CreateShareLinkRequest {
        mode: api::ShareMode::Frozen.into(),
        ..asked("frozen", overview())
    };
    let (link, frozen) = story.made(frozen).await;
    let first = story.open(&frozen, "").await.unwrap();
    assert_eq!((live.len(), events(&first), first.digest.len()), (43, 13, 64));
    assert_eq!(first.title, "What the assistants saved");

    let step = valued("many", "T-99", task("ticket_routing", Outcome::Success), 2);
    story.harness.ledger.append([(START, step)]);
    story.harness.overview().await;
    assert_eq!(events(&story.open(&live, "").await.unwrap()), 14);
    assert_eq!(story.open(&frozen, "").await.unwrap(), first);
    let link = story.link(&link.share_link_id).await;
    assert_eq!((link.opens, link.mode()), (2, api::ShareMode::Frozen));
    assert!(link.last_open_time.is_some());
    assert_eq!(story.log(&link.share_link_id).await, [api::ShareOutcome::Opened; 2]);
}

#[tokio::test]
async fn a_live_link_moves_on_and_a_frozen_one_does_not_on_sqlite() {
    let db = testkit::sqlite::<rollup::Migrator>("rollup").await;
    a_live_link_moves_on_and_a_frozen_one_does_not(db).await;
}

#[tokio::test]
async fn a_live_link_moves_on_and_a_frozen_one_does_not_on_postgres() {
    let db = testkit::postgres::<rollup::Migrator>("rollup").await;
    a_live_link_moves_on_and_a_frozen_one_does_not(db).await;
}

#[tokio::test]
async fn what_is_unknown_revoked_and_expired_is_answered_alike() {
    let story = Story::sqlite().await;
    let (link, revoked) = story.made(asked("a", overview())).await;
    story.open(&revoked, "").await.unwrap();
    let first = story.revoke(&link.share_link_id).await;
    assert_eq!(first.revoke_time, story.revoke(&link.share_link_id).await.revoke_time);
    let soon = chassis::SystemClock.now().plus(Duration::from_millis(300));
    let expire_time = Some(soon.parts().into());
    let short = CreateShareLinkRequest { expire_time, ..asked("b", overview()) };
    let (short, expired) = story.made(short).await;
    chassis::SystemClock.sleep_until(soon).await;

    let mut told = Vec::new();
    for token in [&*revoked, &expired, &"A".repeat(43), "nonsense", "é"] {
        let refused = story.open(token, "a passcode").await.unwrap_err();
        told.push((refused.code(), refused.message().to_owned(), refused.details().to_vec()));
    }
    assert_eq!(told[0].0, Code::NotFound);
    assert!(told.iter().all(|one| *one == told[0]), "{told:?}");
    let log = story.log(&link.share_link_id).await;
    assert_eq!(log, [api::ShareOutcome::Revoked, api::ShareOutcome::Opened]);
    assert_eq!(story.log(&short.share_link_id).await, [api::ShareOutcome::Expired]);
}

#[tokio::test]
async fn a_passcode_is_asked_for_and_cannot_be_guessed_for_long() {
    let story = Story::sqlite().await;
    let locked =
        CreateShareLinkRequest { passcode: "open sesame".to_owned(), ..asked("a", overview()) };
    let (link, token) = story.made(locked).await;
    assert!(link.passcode_required);
    let missing = story.open(&token, "").await.unwrap_err();
    assert_eq!(missing.code(), Code::PermissionDenied);
    assert_eq!(reason_of(&missing), Some(ErrorReason::WrongPasscode));
    assert_eq!(events(&story.open(&token, "open sesame").await.unwrap()), 13);
    for _ in 0..10 {
        let wrong = story.open(&token, "open barley").await.unwrap_err();
        assert_eq!(reason_of(&wrong), Some(ErrorReason::WrongPasscode));
    }
    for passcode in ["open barley", "open sesame"] {
        let refused = story.open(&token, passcode).await.unwrap_err();
        assert_eq!(reason_of(&refused), Some(ErrorReason::RateLimited), "{passcode}");
    }
    let other =
        CreateShareLinkRequest { passcode: "open sesame".to_owned(), ..asked("b", overview()) };
    let (_, other) = story.made(other).await;
    story.open(&other, "open sesame").await.unwrap();
}

#[tokio::test]
async fn rows_of_few_tickets_are_left_out_on_request() {
    let story = Story::sqlite().await;
    let rows = |opened: OpenShareLinkResponse| match opened.report.unwrap() {
        Shown::Savings(report) => report.rows.len(),
        other => panic!("not savings: {other:?}"),
    };
    let (_, all) = story.made(asked("all", by_agent())).await;
    assert_eq!(rows(story.open(&all, "").await.unwrap()), 2);
    for (n, mode) in [api::ShareMode::Live, api::ShareMode::Frozen].into_iter().enumerate() {
        let request = CreateShareLinkRequest {
            suppress_small_cells: true,
            mode: mode.into(),
            ..asked(&format!("few {n}"), by_agent())
        };
        let (_, few) = story.made(request).await;
        // The total less one row is the other.
        assert_eq!(rows(story.open(&few, "").await.unwrap()), 0);
    }
}

#[tokio::test]
async fn a_request_makes_one_link_and_shows_its_token_once() {
    let story = Story::sqlite().await;
    let (first, token) = story.made(asked("a", overview())).await;
    let (again, nothing) = story.made(asked("a", overview())).await;
    assert_eq!((first.share_link_id, nothing.as_str()), (again.share_link_id, ""));
    assert!(!token.is_empty());
    let other = story.admin().create_share_link(asked("a", by_agent())).await.unwrap_err();
    assert_eq!(reason_of(&other), Some(ErrorReason::RequestIdReused));
}

#[tokio::test]
async fn links_are_listed_in_pages_the_newest_first() {
    let story = Story::sqlite().await;
    for n in 0..5 {
        story.made(asked(&format!("{n}"), overview())).await;
    }
    let mut request = api::ListShareLinksRequest { page_size: 2, ..Default::default() };
    let mut seen = Vec::new();
    loop {
        let page = story.admin().list_share_links(request.clone()).await.unwrap().into_inner();
        assert!(page.share_links.len() <= 2);
        seen.extend(page.share_links.into_iter().map(|link| link.create_time.unwrap()));
        request.page_token = page.next_page_token;
        if request.page_token.is_empty() {
            break;
        }
    }
    assert_eq!(seen.len(), 5);
    assert!(seen.is_sorted_by_key(|at| std::cmp::Reverse((at.seconds, at.nanos))), "{seen:?}");
}

#[tokio::test]
async fn everything_wrong_with_a_link_is_said_at_once_and_a_report_key_makes_none() {
    let story = Story::sqlite().await;
    let past = Some(wire::Timestamp { seconds: START / 1_000_000, nanos: 0 });
    let wrong = CreateShareLinkRequest {
        passcode: "short".to_owned(),
        expire_time: past,
        mode: 9,
        ..Default::default()
    };
    let refused = story.admin().create_share_link(wrong).await.unwrap_err();
    for field in ["request_id", "title", "report", "mode", "expire_time", "passcode"] {
        use tonic_types::StatusExt as _;
        let named = refused.get_details_bad_request().unwrap().field_violations;
        assert!(named.iter().any(|violation| violation.field == field), "{field} in {named:?}");
    }
    let query = ReportQuery { time_zone: "Mars/Olympus".to_owned(), ..month() };
    let report = api::GetOverviewRequest { query: Some(query), compare_previous: false };
    let refused =
        story.admin().create_share_link(asked("a", Report::Overview(report))).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument, "a link that could never be opened");
    let mut reader = ShareServiceClient::new(story.harness.channel(REPORT_KEY));
    let refused = reader.create_share_link(asked("a", overview())).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
}
