//! `tally catalog` as an administrator uses it: look, preview, set, see who did it, take over a pack.

use std::path::Path;

use tests::{Addresses, Program, Said, Stage, command};

const STARTER: &str = include_str!("../../deploy/packs/support-starter.yaml");

struct Admin {
    _program: [Program; 1],
    addresses: Addresses,
    directory: tempfile::TempDir,
    stage: Stage,
}

impl Admin {
    async fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let addresses = Addresses::free();
        let mut program = [Program::serve("all", &addresses, directory.path())];
        Program::all_serving(&mut program, &addresses).await;
        let stage = Stage::set_beside(&addresses, directory.path()).await;
        Self { _program: program, addresses, directory, stage }
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    /// `tally catalog` with these arguments.
    fn catalog(&self, arguments: &[&str], stdin: &str) -> Said {
        let arguments = [&["catalog"], arguments].concat();
        let key = [("TALLY_API_KEY", self.stage.key.as_str())];
        command(&arguments, &self.addresses, self.path(), &key, stdin)
    }

    /// What it printed, having worked.
    fn said(&self, arguments: &[&str]) -> String {
        let said = self.catalog(arguments, "");
        assert_eq!(said.code, Some(0), "{said:?}");
        said.out
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_looks_previews_sets_and_reads_the_history() {
    let admin = Admin::start().await;
    let listed = admin.said(&["list"]);
    assert!(listed.contains("email_classification") && listed.contains("4 min"), "{listed}");
    let rates = admin.said(&["list", "rates"]);
    assert!(rates.contains("EUR 85.00") && rates.contains("the rate of the seed month"), "{rates}");

    let set = ["set", "baseline", "email_classification", "5m", "--reason", "Measured in May"];
    let dry = admin.said(&[&set[..], &["--dry-run"]].concat());
    assert_eq!(dry, "would be set; nothing was written\n");
    let told = admin.said(&set);
    assert!(told.starts_with("set: catalog version "), "{told}");
    let resolved = admin.said(&["resolve", "email_classification_nl", "nonsense", "--json"]);
    let lines: Vec<&str> = resolved.lines().collect();
    assert!(lines[0].contains(r#""baselineMs":"300000""#), "{resolved}");
    assert!(lines[1].contains("unknown"), "{resolved}");
    let history = admin.said(&["history", "email_classification"]);
    let (own, built_in) = (history.find("Measured in May"), history.find("built in"));
    assert!(own.is_some() && own < built_in, "{history}");

    // As one types it, and as exports write it.
    let rate = ["set", "rate", "EUR", "85", "--reason", "Payroll 2026"];
    assert!(admin.said(&rate).starts_with("set: catalog version "));
    admin.said(&["set", "baseline", "ticket_routing", "4m30s", "--reason", "Measured"]);
    assert!(admin.said(&["list"]).contains("4 min 30 s"));
    let before = admin.said(&["list", "--at", "2026-01-02T00:00:00Z"]);
    assert!(before.contains("2 min") && !before.contains("4 min 30 s"), "{before}");

    let stale = admin.catalog(&[&set[..], &["--expect", "builtin@1"]].concat(), "");
    assert_eq!(stale.code, Some(1), "{stale:?}");
    assert!(stale.err.contains("VERSION_LOST"), "{stale:?}");
    let offset = ["set", "reporting", "--time-zone", "+01:00", "--reason", "Head office"];
    let offset = admin.catalog(&offset, "");
    assert!(offset.err.contains("NOT_A_TIME_ZONE"), "{offset:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_intent_and_a_price_are_set_without_a_pack() {
    let admin = Admin::start().await;
    let intent = [
        "set",
        "intent",
        "refund",
        "--risk",
        "high",
        "--tier",
        "standard",
        "--tier",
        "large",
        "--identifier",
        "order_number",
        "--retries",
        "0",
        "--memory",
        "1h30m",
        "--reason",
        "Reviewed",
    ];
    assert!(admin.said(&intent).starts_with("set: catalog version "));
    let listed = admin.said(&["list", "intents", "--json"]);
    for said in [
        r#""risk":"RISK_LEVEL_HIGH""#,
        r#""requiredIdentifiers":["order_number"]"#,
        r#""retriesMax":0"#,
        r#""memoryDuration":"5400s""#,
    ] {
        assert!(listed.contains(said), "{said} in {listed}");
    }
    let price = [
        "set",
        "price",
        "gpt-4o(-mini)?",
        "--regex",
        "--provider",
        "openai",
        "--tier",
        "small",
        "--currency",
        "USD",
        "--token",
        "input=0.15",
        "--token",
        "input/batch@1000=0.075",
        "--reason",
        "Price list",
    ];
    admin.said(&price);
    let listed = admin.said(&["list", "prices"]);
    assert!(listed.contains("input USD 0.15") && listed.contains("USD 0.075"), "{listed}");
    let withdraw = [
        "set",
        "price",
        "gpt-4o(-mini)?",
        "--regex",
        "--provider",
        "openai",
        "--withdraw",
        "--reason",
        "No longer sold",
    ];
    admin.said(&withdraw);
    assert!(admin.said(&["list", "prices"]).starts_with("no prices"));
    let bad = ["set", "price", "m", "--tier", "small", "--currency", "USD", "--token", "lunch=1"];
    let bad = admin.catalog(&[&bad[..], &["--reason", "x"]].concat(), "");
    assert!(bad.err.contains("input=2.50"), "{bad:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pack_is_compared_taken_over_and_given_back() {
    let admin = Admin::start().await;
    let file = admin.path().join("pack.yaml");
    std::fs::write(&file, STARTER).unwrap();
    let file = file.to_str().unwrap();
    let diff = admin.said(&["diff", file]);
    assert!(
        diff.contains("  + intent: refund") && diff.ends_with("7 new, 0 changed, 0 the same\n"),
        "{diff}"
    );
    assert!(admin.said(&["list", "intents"]).starts_with("no intents"));
    let taken = admin.said(&["import", file, "--reason", "Reviewed"]);
    assert!(taken.contains("taken over: catalog version "), "{taken}");
    assert!(admin.said(&["list", "intents"]).contains("account_access"));

    let exported = admin.said(&["export"]);
    let again = admin.catalog(&["diff", "-"], &exported);
    assert!(again.out.contains("0 new, 0 changed, 8 the same"), "{again:?}");
    let bad = admin
        .catalog(&["import", "-", "--reason", "x"], "pack: a\nbaselines:\n  - task_type: 7up\n");
    assert_eq!(bad.code, Some(1), "{bad:?}");
    assert!(bad.err.contains("document_yaml:3 baselines[0].task_type"), "{bad:?}");
}
