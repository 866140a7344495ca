//! Reports as a team lead takes them away: split, exported, shared with somebody who has no key.

use std::path::Path;

use chassis::Channel;
use tests::{Addresses, Program, Said, Stage, command};
use tonic::Code;
use wire::ingest::v1::RevokeApiKeyRequest;
use wire::ingest::v1::access_service_client::AccessServiceClient;
use wire::rollup::v1::report_service_client::ReportServiceClient;
use wire::rollup::v1::{
    DifferenceCause, GetOverviewRequest, ReportQuery, ReportView, WatchOverviewRequest,
};

struct Lead {
    _program: [Program; 1],
    addresses: Addresses,
    directory: tempfile::TempDir,
    stage: Stage,
}

impl Lead {
    /// Seven tickets of one agent and two of another, all of now.
    async fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let addresses = Addresses::free();
        let mut program = [Program::serve("all", &addresses, directory.path())];
        Program::all_serving(&mut program, &addresses).await;
        let stage = Stage::set_beside(&addresses, directory.path()).await;
        let lead = Self { _program: program, addresses, directory, stage };
        let events: Vec<String> = (0..9)
            .map(|n| {
                let agent = if n < 7 { "=triage()" } else { "drafts" };
                format!(
                    r#"{{"idempotencyKey":"{n}","agentId":"{agent}","ticket":{{"ticketId":"T-{n}"}},"taskCompleted":{{"taskType":"email_classification","outcome":"OUTCOME_SUCCESS"}}}}"#
                )
            })
            .collect();
        let tracked = lead.tally(&["track", "--file", "-", "--json"], &events.join("\n"));
        assert_eq!(tracked.code, Some(0), "{tracked:?}");
        lead
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    fn tally(&self, arguments: &[&str], stdin: &str) -> Said {
        let key = [("TALLY_API_KEY", self.stage.key.as_str())];
        command(arguments, &self.addresses, self.path(), &key, stdin)
    }

    /// What it printed, having worked.
    fn said(&self, arguments: &[&str]) -> String {
        let said = self.tally(arguments, "");
        assert_eq!(said.code, Some(0), "{said:?}");
        said.out
    }

    /// Without a key.
    fn stranger(&self, arguments: &[&str]) -> Said {
        command(arguments, &self.addresses, self.path(), &[], "")
    }

    /// Until all that was tracked is in the reports.
    async fn counted(&self) {
        tests::eventually("nine events in the report", async || {
            self.said(&["savings", "--json"]).contains(r#""events":"9""#).then_some(())
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_is_split_exported_and_shared_until_its_link_is_revoked() {
    let lead = Lead::start().await;
    lead.counted().await;
    let savings = lead.said(&["savings", "--by", "agent,task_type", "--last", "24h"]);
    assert!(savings.contains("Agent, Task type") && savings.contains("=triage()"), "{savings}");
    let few = lead.said(&["savings", "--by", "agent", "--filter", "agent=drafts", "--json"]);
    assert!(few.contains("drafts") && !few.contains("triage"), "{few}");

    let file = lead.path().join("savings.csv");
    let exported = ["export", "savings", "--by", "agent", "--csv", "-o", file.to_str().unwrap()];
    assert_eq!(lead.said(&exported), "");
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.starts_with("# report,savings\r\n# definition_version,savings/2\r\n"), "{text}");
    assert!(text.contains("segment,'=triage(),7,7,7,"), "{text}");
    let json = lead.said(&["export", "overview", "--json"]);
    assert!(json.contains(r#""tickets":"9""#), "{json}");

    let create = ["share", "create", "savings", "--by", "agent", "--title", "For the CFO"];
    let made = lead.said(&create);
    let token = made.lines().next().unwrap();
    assert_eq!(token.len(), 43, "{made}");
    let opened = lead.stranger(&["share", "open", token]);
    assert_eq!(opened.code, Some(0), "{opened:?}");
    assert!(opened.out.starts_with("For the CFO\n") && opened.out.contains("drafts"), "{opened:?}");

    let (_, id) = made.split_once("the token of ").unwrap();
    let id = id.split(',').next().unwrap();
    assert!(lead.said(&["share", "list"]).contains("For the CFO"));
    let revoked = lead.said(&["share", "revoke", id]);
    assert_eq!(revoked, format!("{id} opens nothing any more\n"));
    let closed = lead.stranger(&["share", "open", token]);
    assert_eq!(closed.code, Some(1), "{closed:?}");
    assert!(closed.err.contains("RESOURCE_NOT_FOUND"), "{closed:?}");
    let log = lead.said(&["share", "log", id]);
    assert!(
        log.contains("opened") && log.contains("revoked") && log.contains("127.0.0.1"),
        "{log}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn reports_are_asked_for_in_the_terms_of_the_workspace_and_say_which() {
    let lead = Lead::start().await;
    let zone = ["set", "reporting", "--time-zone", "Europe/Amsterdam", "--reason", "Head office"];
    lead.said(&[&["catalog"][..], &zone].concat());
    lead.said(&["catalog", "set", "policy", "strict", "--reason", "Finance asked"]);
    lead.counted().await;
    let theirs = "\npolicy strict, zone Europe/Amsterdam\n";
    tests::eventually("report in the terms of the workspace", async || {
        lead.said(&["savings"]).ends_with(theirs).then_some(())
    })
    .await;
    for report in [&["overview"][..], &["savings"], &["series"], &["check"]] {
        let said = lead.said(report);
        assert!(said.ends_with(theirs), "{said}");
        let own = lead.said(&[report, &["--policy", "gross", "--zone", "UTC"]].concat());
        assert!(own.ends_with("\npolicy gross, zone UTC\n"), "{own}");
    }
    let exported = lead.said(&["export", "overview"]);
    assert!(exported.contains("# time_zone,Europe/Amsterdam\r\n"), "{exported}");
    let shared = lead.said(&["share", "create", "overview", "--title", "In their terms"]);
    let opened = lead.stranger(&["share", "open", shared.lines().next().unwrap()]);
    assert!(opened.out.contains(theirs), "{opened:?}");

    let days = lead.said(&["series", "--last", "7d"]);
    assert!(!days.lines().skip(1).any(|line| line.contains(":00Z")), "{days}");
    let nobody = lead.said(&["savings", "--filter", "agent=nobody"]);
    assert!(nobody.starts_with("no events match agent=nobody in this window: "), "{nobody}");
    let no_zone = lead.tally(&["overview", "--from", "2026-01-01"], "");
    assert_eq!(no_zone.code, Some(1), "{no_zone:?}");
    assert!(no_zone.err.contains("write 2026-01-01T00:00:00Z"), "{no_zone:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_leaves_out_small_rows_says_why_they_do_not_add_up() {
    let lead = Lead::start().await;
    lead.counted().await;
    let create = ["share", "create", "savings", "--by", "agent", "--title", "For the CFO"];
    for (more, says) in [(&["--suppress-small"][..], true), (&[], false)] {
        let made = lead.said(&[&create[..], more].concat());
        let opened = lead.stranger(&["share", "open", made.lines().next().unwrap()]);
        let footer = "Rows of fewer than 5 tickets are left out; the total includes them.";
        assert_eq!(opened.out.contains(footer), says, "{opened:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_baseline_set_later_changes_what_is_restated_and_the_report_says_why() {
    let lead = Lead::start().await;
    lead.counted().await;
    let five = ["baseline", "email_classification", "5m", "--reason", "Measured in May"];
    lead.said(&[&["catalog", "set"][..], &five].concat());
    let mut reports = ReportServiceClient::new(lead.stage.channel(&lead.addresses.rollup()));
    let mut overview = async |view: ReportView| {
        let query = Some(ReportQuery { view: view.into(), ..Default::default() });
        let request = GetOverviewRequest { query, ..Default::default() };
        let overview = reports.get_overview(request).await.unwrap().into_inner().overview.unwrap();
        let (measures, basis) = (overview.measures.unwrap(), overview.basis.unwrap());
        assert_eq!(basis.view(), view);
        (measures.time_saved_ms, measures.cost_saved[0].micros, basis.differences)
    };
    let (recorded, restated) =
        (overview(ReportView::AsRecorded).await, overview(ReportView::AsRestated).await);
    assert_eq!((recorded.0, restated.0), (9 * 240_000, 9 * 300_000));
    assert_eq!(recorded.2, []);
    let [why] = &restated.2[..] else { panic!("{:?}", restated.2) };
    assert_eq!(why.cause(), DifferenceCause::Baseline);
    assert_eq!((&*why.task_type, &*why.from_version), ("email_classification", "builtin@1"));
    assert_eq!(recorded.0 + why.time_saved_ms, restated.0);
    assert_eq!(recorded.1 + why.cost_saved[0].micros, restated.1);

    for report in [&["overview"][..], &["savings"], &["series", "--by", "month"]] {
        let table = lead.said(&[report, &["--view", "restated"]].concat());
        assert!(table.contains("restated at today's versions"), "{table}");
        if report[0] != "series" {
            let frame = |name, euros| move |line: &str| line.contains(name) && line.contains(euros);
            assert!(table.lines().any(frame("recorded", "EUR 51.00")), "{table}");
            assert!(table.lines().any(frame("restated", "EUR 63.75")), "{table}");
        }
        assert!(table.contains("0.15 h") && table.contains("EUR 12.75"), "{table}");
        let plain = lead.said(report);
        assert!(!plain.contains("restated"), "{plain}");
    }
    let json = lead.said(&["savings", "--view", "restated", "--json"]);
    assert!(json.contains(r#""cause":"DIFFERENCE_CAUSE_BASELINE""#), "{json}");
    let file = lead.said(&["export", "savings", "--view", "restated"]);
    assert!(file.contains("# difference,baseline,email_classification,builtin@1,"), "{file}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_of_overviews_ends_with_the_key_it_was_opened_with() {
    let lead = Lead::start().await;
    let key = lead.stage.new_key(&[wire::common::v1::Scope::Report]).await;
    let rollup = lead.stage.channel_with(&lead.addresses.rollup(), Some(&key));
    let mut reports = ReportServiceClient::new(rollup);
    let watching = reports.watch_overview(WatchOverviewRequest::default()).await.unwrap();
    let mut watching = watching.into_inner();
    assert!(watching.message().await.unwrap().is_some());

    let ingest: Channel = lead.stage.channel(&lead.addresses.ingest());
    let (_, id) = key.split_once("tally_live_").unwrap();
    let key_id = id.split('_').next().unwrap().to_owned();
    let request = RevokeApiKeyRequest { workspace_id: String::new(), key_id };
    AccessServiceClient::new(ingest).revoke_api_key(request).await.unwrap();
    let ends = async {
        loop {
            if let Err(status) = watching.message().await {
                break status;
            }
        }
    };
    let ended = tokio::time::timeout(tests::PATIENCE, ends).await.unwrap();
    assert_eq!(ended.code(), Code::Unauthenticated, "{ended}");
}
