//! `kill -9` in the middle of a load: nothing acknowledged is lost, nothing counts twice.

use std::collections::BTreeSet;

use tests::{Acks, Addresses, Month, Program, Report, Stage, kills, send, written};

/// Kills of a run, unless TALLY_TEST_KILLS says how many.
const KILLS: usize = 5;
/// Of the events of a round in hundredths, how many are acknowledged when the kill comes.
const KILLED_AFTER: [usize; 5] = [3, 20, 42, 66, 92];

#[tokio::test(flavor = "multi_thread")]
async fn a_suite_killed_during_its_load_loses_nothing_and_counts_nothing_twice() {
    let directory = tempfile::tempdir().unwrap();
    let addresses = Addresses::free();
    let serve = async || {
        let mut program = [Program::serve("all", &addresses, directory.path())];
        Program::all_serving(&mut program, &addresses).await;
        let [program] = program;
        program
    };
    let mut program = serve().await;
    let stage = Stage::set_beside(&addresses, directory.path()).await;

    let month = Month::steps();
    let each = month.len() / kills(KILLS);
    // Small, so that a kill finds some acknowledged, some in flight and some not sent.
    let batch = (each / 36).max(1);
    let rounds = month.chunks(each);
    let (acks, mut so_far, mut cut_short) = (Acks::new(), Vec::new(), 0);
    for (events, killed_after) in rounds.zip(KILLED_AFTER.into_iter().cycle()) {
        let before = acks.count();
        let load = tokio::spawn({
            let (stage, events, acks) = (stage.clone(), events.to_vec(), acks.clone());
            async move { send(&stage, events, batch, &acks).await }
        });
        acks.reach(before + each * killed_after / 100).await;
        program.kill();
        // Of many short rounds, one may be through before the kill arrives.
        cut_short += usize::from(load.await.unwrap().is_err());
        let acknowledged = acks.count();

        program = serve().await;
        so_far.extend_from_slice(events);
        // Acks panic when a key that was acknowledged before the kill now stands elsewhere.
        let sent = send(&stage, so_far.clone(), 100, &acks).await.unwrap();
        assert!(sent.duplicates >= acknowledged, "{acknowledged} were on disk, and {sent:?}");
        assert_eq!(sent.new + sent.duplicates, so_far.len());

        let written = written(&stage).await;
        let keys: BTreeSet<&str> = so_far.iter().map(|e| e.idempotency_key.as_str()).collect();
        assert_eq!(written.keys().map(String::as_str).collect::<BTreeSet<_>>(), keys);
        assert!(written.values().all(|seqs| seqs.len() == 1), "each key once");
        let tickets = i64::try_from(so_far.len() / 3).unwrap();
        let report = Report::read(&stage, &sent.position).await;
        assert_eq!(report, Report::expected(tickets, 0), "{}", program.said());
    }
    assert_eq!(so_far.len(), 18_000);
    assert!(cut_short * 2 > kills(KILLS), "the kills came too late: {cut_short} cut a load short");
}
