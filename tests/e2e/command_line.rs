//! The command line as a newcomer meets it: mistakes are named, and the way on with them.

use std::path::Path;

use tests::{Addresses, Program, Said, Stage, command, command_unread, eventually};
use wire::ingest::v1::access_service_client::AccessServiceClient;
use wire::ingest::v1::{CreateWorkspaceRequest, ListApiKeysRequest};

const GOOD: &str = r#"{"idempotencyKey":"the key","agentId":"a","taskCompleted":{"taskType":"email_classification","outcome":"OUTCOME_SUCCESS"}}"#;
const MISSPELT: &str = r#"{"agentId":"a","taskCompleted":{"taskTyp":"email_classification"}}"#;

fn event(key: &str) -> String {
    GOOD.replace("the key", key)
}

/// A suite in one process, and a caller of its command line.
struct Suite {
    program: [Program; 1],
    addresses: Addresses,
    directory: tempfile::TempDir,
    stage: Stage,
}

impl Suite {
    async fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let addresses = Addresses::free();
        let mut program = [Program::serve("all", &addresses, directory.path())];
        Program::all_serving(&mut program, &addresses).await;
        let stage = Stage::set_beside(&addresses, directory.path()).await;
        Self { program, addresses, directory, stage }
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    fn tally(&self, arguments: &[&str], stdin: &str) -> Said {
        let key = [("TALLY_API_KEY", self.stage.key.as_str())];
        command(arguments, &self.addresses, self.path(), &key, stdin)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_with_a_misspelt_field_is_sent_whole_or_not_at_all_unless_told() {
    let suite = Suite::start().await;
    let file = suite.path().join("events.jsonl");
    let text = format!("{}\n\n{MISSPELT}\n{}\n", event("one"), event("two"));
    std::fs::write(&file, text).unwrap();
    let file = file.to_str().unwrap();

    let refused = suite.tally(&["track", "--file", file], "");
    assert_eq!(refused.code, Some(1), "{refused:?}");
    let expected = "line 3: taskCompleted.taskTyp is no field; did you mean taskType?\n";
    assert!(refused.err.starts_with(expected), "{refused:?}");
    assert!(refused.err.contains("nothing was sent"), "{refused:?}");

    let sent = suite.tally(&["track", "--file", file, "--skip-bad"], "");
    assert_eq!(sent.code, Some(1), "not all was sent: {sent:?}");
    let summary = "2 sent: 2 new, 0 duplicates, 0 refused; 1 bad, not sent\n";
    assert!(sent.err.ends_with(summary), "the first run sent nothing: {sent:?}");

    // From a pipe: what stands before the bad batch is sent, what stands with it is not.
    let piped = format!("{}\n{}\n", event("two"), event("three"));
    let piped = suite.tally(&["track", "--file", "-", "--json"], &piped);
    assert_eq!(piped.code, Some(0), "{piped:?}");
    assert_eq!(piped.err, "2 sent: 1 new, 1 duplicates, 0 refused\n");
    assert_eq!(piped.out.lines().count(), 2, "a receipt a line: {piped:?}");
    let bad = suite.tally(&["track", "--file", "-"], &format!("{}\n{MISSPELT}\n", event("four")));
    assert_eq!(bad.code, Some(1), "{bad:?}");
    assert!(bad.err.contains("0 sent: 0 new") && bad.err.contains("line 2: "), "{bad:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_help_of_track_shows_is_tracked() {
    let suite = Suite::start().await;
    let help = suite.tally(&["track", "--help"], "").out;
    let typed: Vec<_> =
        help.lines().filter(|line| line.trim_start().starts_with("tally track --agent")).collect();
    assert!(typed.len() >= 2, "{help}");
    for line in typed {
        let words: Vec<&str> = line.split_whitespace().skip(1).collect();
        let said = suite.tally(&words, "");
        assert_eq!(said.code, Some(0), "{line}: {said:?}");
    }
    let line = help.lines().find(|line| line.starts_with('{')).unwrap();
    let said = suite.tally(&["track", "--file", "-"], line);
    assert_eq!(said.code, Some(0), "{line}: {said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_is_lost_leaves_word_of_what_was_acknowledged() {
    let mut suite = Suite::start().await;
    suite.program[0].kill();
    let said = suite.tally(&["track", "--file", "-"], &event("one"));
    assert_eq!(said.code, Some(1), "{said:?}");
    let word = "0 lines were acknowledged. Running the same file again is safe";
    assert!(said.err.contains(word), "{said:?}");
    let ingest = suite.addresses.ingest().to_string();
    let where_to =
        format!("nothing answers at {} (TALLY_INGEST_URL)", ingest.trim_end_matches('/'));
    assert!(said.err.contains(&where_to), "{said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_where_another_service_answers_is_named_with_its_variable() {
    let suite = Suite::start().await;
    let ingest = suite.addresses.ingest().to_string();
    let ingest = ingest.trim_end_matches('/');
    let mistaken = [("TALLY_API_KEY", &*suite.stage.key), ("TALLY_ROLLUP_URL", ingest)];
    let said = command(&["overview"], &suite.addresses, suite.path(), &mistaken, "");
    assert_eq!(said.code, Some(1), "{said:?}");
    let word = format!("{ingest} answers, but is not rollup: is TALLY_ROLLUP_URL right?");
    assert!(said.err.contains(&word), "{said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_no_list_of_events_is_met_with_what_one_looks_like() {
    let suite = Suite::start().await;
    let path = suite.path().join("a file");
    let file = path.to_str().unwrap();
    let pretty = "{\n  \"agentId\": \"a\"\n}\n";
    for (text, hint) in [
        ("agent,task_type\na,email_classification\n", "tally track --help"),
        (pretty, "jq -c . FILE"),
        ("[\n]\n", "jq -c '.[]' FILE"),
    ] {
        std::fs::write(&path, text).unwrap();
        let said = suite.tally(&["track", "--file", file], "");
        assert_eq!(said.code, Some(1), "{said:?}");
        assert!(said.err.contains("one JSON object a line") && said.err.contains(hint), "{said:?}");
    }
    std::fs::write(&path, "\n").unwrap();
    let said = suite.tally(&["track", "--file", file], "");
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.err.contains("warning: ") && said.err.contains("holds no event"), "{said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_says_what_its_sender_should_know() {
    let suite = Suite::start().await;
    let listed = suite.tally(&["events", "list", "--agent", "nobody"], "");
    assert_eq!((listed.code, &*listed.out), (Some(0), "no events match\n"));
    let limits =
        ["--accept-unknown-task-types", "true", "--quota-soft", "2", "--quota-hard", "1000"];
    let changed = suite.tally(&[&["workspace", "update"], &limits[..]].concat(), "");
    assert_eq!(changed.code, Some(0), "{changed:?}");
    let track = ["track", "--agent", "a", "--task-type", "banana", "--outcome", "success"];
    // Heeded within two seconds.
    let said = eventually("receipt of a task type nobody knows", async || {
        let said = suite.tally(&track, "");
        (said.code == Some(0)).then_some(said)
    })
    .await;
    let word = r#"recorded without a value: "banana" is no task type"#;
    assert!(said.out.contains(word), "{said:?}");
    let warned = eventually("warning of the soft quota", async || {
        let said = suite.tally(&track, "");
        said.err.contains("warning").then_some(said)
    })
    .await;
    assert_eq!(warned.err, "warning: the workspace is past its soft quota of this month\n");
    let overview = eventually("overview of what was tracked", async || {
        let said = suite.tally(&["overview"], "");
        said.out.contains("Unvalued").then_some(said.out)
    })
    .await;
    assert!(overview.contains("agent cost known for 0 of "), "{overview}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operator_makes_an_admin_key_when_none_is_left() {
    let suite = Suite::start().await;
    // The one the stage has, and the one the workspace was made with.
    let key = &suite.stage.key;
    let listed = suite.tally(&["key", "list", "--json"], "");
    assert_eq!(listed.out.lines().count(), 2, "{listed:?}");
    let first = listed.out.lines().find(|line| line.contains("first admin key")).unwrap();
    let (_, first) = first.split_once(r#""keyId":""#).unwrap();
    let revoked = suite.tally(&["key", "revoke", &first[..16]], "");
    assert_eq!(revoked.code, Some(0), "{revoked:?}");

    let last = suite.tally(&["key", "revoke", key], "");
    assert_eq!(last.code, Some(1), "{last:?}");
    assert!(last.err.contains("LAST_ADMIN_KEY"), "{last:?}");

    let workspace = suite.stage.workspace.as_str();
    let create = ["key", "create", "--scope", "admin", "--workspace", workspace];
    let made = command(&create, &suite.addresses, suite.path(), &[], "");
    assert_eq!(made.code, Some(0), "with the token beside the databases, and no key: {made:?}");
    let revoked = suite.tally(&["key", "revoke", key], "");
    assert_eq!(revoked.code, Some(0), "by the whole key, now that there is another: {revoked:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_rotated_and_a_workspace_limited_from_the_command_line() {
    let suite = Suite::start().await;
    let changed = suite.tally(&["workspace", "update", "--quota-hard", "1000000"], "");
    assert_eq!(changed.code, Some(0), "{changed:?}");
    assert!(changed.out.contains("1,000,000") && changed.out.contains("as the install says"));
    let refused = suite.tally(&["workspace", "update", "--time-zone=+01:00"], "");
    assert!(refused.code == Some(1) && refused.err.contains("NOT_A_TIME_ZONE"), "{refused:?}");

    let rotated = suite.tally(&["key", "rotate", &suite.stage.key, "--overlap", "7d"], "");
    assert_eq!(rotated.code, Some(0), "{rotated:?}");
    let key = [("TALLY_API_KEY", rotated.out.lines().next().unwrap())];
    let listed = command(&["key", "list"], &suite.addresses, suite.path(), &key, "");
    assert_eq!(listed.code, Some(0), "the new key opens what the old one did: {listed:?}");
    assert!(listed.out.contains("Last used") && listed.out.contains("until "), "{listed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn reports_of_a_workspace_are_in_its_zone_until_the_catalog_names_another() {
    let suite = Suite::start().await;
    let create = ["workspace", "create", "acme", "--time-zone", "Europe/Amsterdam", "--json"];
    let made = suite.tally(&create, "");
    assert_eq!(made.code, Some(0), "{made:?}");
    let (_, key) = made.out.split_once(r#""apiKey":""#).unwrap();
    let key = [("TALLY_API_KEY", key.split('"').next().unwrap())];
    let said = |arguments: &[&str]| {
        let said = command(arguments, &suite.addresses, suite.path(), &key, "");
        assert_eq!(said.code, Some(0), "{said:?}");
        said.out
    };
    let zone = async |zone: &str| {
        let basis = format!(r#""timeZone":"{zone}""#);
        eventually(&format!("report in {zone}"), async || {
            said(&["overview", "--json"]).contains(&basis).then_some(())
        })
        .await;
    };
    zone("Europe/Amsterdam").await;
    said(&["workspace", "update", "--time-zone", "Asia/Tokyo"]);
    zone("Asia/Tokyo").await;
    let set = ["catalog", "set", "reporting", "--time-zone", "UTC", "--reason", "All in one"];
    said(&set);
    zone("UTC").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_with_another_token_is_told_so_and_ingest_says_once_that_the_catalog_is_gone() {
    let directory = tempfile::tempdir().unwrap();
    let addresses = Addresses::free();
    let serve = |which, token| {
        let token = [("TALLY_SERVICE_TOKEN", token)];
        Program::serve_with(which, &addresses, directory.path(), &token)
    };
    let ingest = serve("ingest", "the token");
    let rollup = serve("rollup", "another token");
    let told = "the service token of the caller is not the one ingest has";
    eventually("word of the token", async || rollup.said().contains(told).then_some(())).await;
    assert!(rollup.said().contains("TALLY_SERVICE_TOKEN"), "{}", rollup.said());

    let gone = "the catalog is not followed";
    eventually("word of the catalog", async || ingest.said().contains(gone).then_some(())).await;
    let _catalog = serve("baseline-catalog", "the token");
    let back = "the catalog is followed again";
    eventually("word of its return", async || ingest.said().contains(back).then_some(())).await;

    // Both have been trying all the while.
    assert_eq!(rollup.said().matches(told).count(), 1, "{}", rollup.said());
    for (program, word) in [(&ingest, "MetadataMap"), (&rollup, "MetadataMap")] {
        assert!(!program.said().contains(word), "a line is a sentence: {}", program.said());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_leaves_one_key_behind_however_often_it_runs() {
    let directory = tempfile::tempdir().unwrap();
    let addresses = Addresses::free();
    let demo = ["demo", "--once", "--receiver", "127.0.0.1:0"];
    let unread = command_unread(&demo, &addresses, directory.path());
    assert_eq!((unread.code, unread.err.contains("panicked")), (Some(0), false), "{unread:?}");
    let said = command(&demo, &addresses, directory.path(), &[], "");
    assert_eq!(said.code, Some(0), "{said:?}");
    let mut program = [Program::serve("all", &addresses, directory.path())];
    Program::all_serving(&mut program, &addresses).await;
    let stage = Stage::set_beside(&addresses, directory.path()).await;
    let ingest = stage.service_channel(&addresses.ingest());
    let mut access = AccessServiceClient::new(ingest);
    let request = CreateWorkspaceRequest {
        name: "demo".to_owned(),
        request_id: "tally-demo".to_owned(),
        ..Default::default()
    };
    let workspace = access.create_workspace(request).await.unwrap().into_inner().workspace.unwrap();
    let workspace_id = workspace.workspace_id;
    let request = ListApiKeysRequest { workspace_id, ..Default::default() };
    let keys = access.list_api_keys(request).await.unwrap().into_inner().api_keys;
    let of_the_demo = || keys.iter().filter(|key| key.name == "tally demo");
    assert_eq!(of_the_demo().count(), 2);
    assert_eq!(of_the_demo().filter(|key| key.revoke_time.is_none()).count(), 1);
}

#[test]
fn settings_that_cannot_work_end_every_command_with_all_their_names() {
    let directory = tempfile::tempdir().unwrap();
    let addresses = Addresses::free();
    let wrong = [
        ("TALLY_DATABASE_URL", "mysql://db"),
        ("TALLY_REDIS_URL", "http://cache"),
        ("TALLY_LOG", "ingest=loud"),
        ("TALLY_INGEST_LISTEN", "abc"),
    ];
    let said = command(&["config"], &addresses, directory.path(), &wrong, "");
    assert_eq!(said.code, Some(64), "{said:?}");
    for (name, _) in wrong {
        assert_eq!(said.err.matches(&format!("{name}: ")).count(), 1, "{name} in {}", said.err);
    }
}
