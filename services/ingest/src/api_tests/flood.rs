//! T05: each key sent 1 to 50 times, concurrently, out of order, across restarts. No duplicate is ever
//! visible, every answer names the first place, and another body under a key is refused.

use std::collections::{BTreeMap, HashMap};

use kernel::{EventId, IdSource as _};
use testkit::SeededIds;
use wire::ingest::v1::LedgerRecord;

use super::*;

/// On each of the two databases; together the 200,000 of RELIABILITY T05.
const SENDS: usize = 100_000;
/// Of one call: what a busy sender does, and what a debug build gets through in time.
const BATCH: usize = 500;
const CALLERS: usize = 4;
/// The ledger is served anew after each of these many batches.
const LIVES: usize = 3;
/// One send in so many carries another body under its key.
const ALTERED: u64 = 100;

/// A key and whether its body is another.
type Send = (u32, bool);

fn below(ids: &SeededIds, limit: u64) -> u64 {
    ids.next_i64().unsigned_abs() % limit
}

/// Every key's sends, shuffled. The first of a key's is of the right body only once it stands, so altered
/// ones are added in the second half of the flood.
fn sends(ids: &SeededIds) -> (u32, Vec<Send>) {
    let (mut keys, mut sends) = (0, Vec::with_capacity(SENDS));
    while sends.len() < SENDS {
        let times = 1 + below(ids, 50);
        sends.extend((0..times).map(|_| (keys, false)));
        keys += 1;
    }
    for at in (1..sends.len()).rev() {
        sends.swap(at, below(ids, at as u64 + 1) as usize);
    }
    (keys, sends)
}

fn event((key, altered): Send) -> Event {
    let outcome = if altered { Outcome::Failure } else { Outcome::Success };
    step(&format!("key-{key}"), outcome.into())
}

/// Sends until everything has its answer; a call that a restart cut is made again.
async fn send(
    ingest: IngestServiceClient<chassis::Channel>,
    mut batches: Vec<Vec<Send>>,
) -> (Vec<(Send, Tracked)>, Vec<Vec<Send>>) {
    let mut answers = Vec::new();
    while let Some(batch) = batches.pop() {
        let events = batch.iter().copied().map(event).collect();
        let request = TrackBatchRequest { events, ..Default::default() };
        match ingest.clone().track_batch(request).await {
            Ok(answer) => {
                let results = answer.into_inner().results.into_iter();
                let results = results.map(|result| result.result.unwrap());
                answers.extend(batch.into_iter().zip(results));
            }
            Err(_) => {
                batches.push(batch);
                return (answers, batches);
            }
        }
    }
    (answers, batches)
}

/// What is known of the keys so far: where each stands.
#[derive(Default)]
struct Known(HashMap<u32, i64>);

impl Known {
    fn learn(&mut self, (key, altered): Send, answer: &Tracked) {
        match answer {
            Tracked::Receipt(receipt) => {
                assert!(!altered, "another body got in");
                let seq = receipt.event_id.parse::<EventId>().unwrap().0.seq;
                assert_eq!(*self.0.entry(key).or_insert(seq), seq, "a key has one place");
            }
            Tracked::Refusal(refusal) => {
                assert!(altered, "{refusal:?}");
                assert_eq!(refusal.code, Code::AlreadyExists as i32);
                assert_eq!(refusal.reason, "IDEMPOTENCY_CONFLICT");
            }
        }
    }
}

async fn a_flood_of_duplicates(db: TestDb) {
    let ids = SeededIds::new(5);
    let h = Harness::on(db).await;
    let (keys, sends) = sends(&ids);
    let mut known = Known::default();
    let mut parts: Vec<Vec<Send>> =
        sends.chunks(sends.len().div_ceil(LIVES)).map(<[_]>::to_vec).collect();
    let mut left: Vec<Vec<Send>> = Vec::new();
    for life in 0..LIVES {
        let server = h.replica().await;
        let ingest = IngestServiceClient::new(server.channel_with_key(Some(&h.key)));
        let mut part = parts.remove(0);
        for (key, altered) in &mut part {
            // Only of keys that stand: which body is first is nobody's to say otherwise.
            *altered = below(&ids, ALTERED) == 0 && known.0.contains_key(key);
        }
        left.extend(part.chunks(BATCH).map(<[_]>::to_vec));
        // The last life answers all; the others end in the middle of it.
        let ends = life + 1 == LIVES;
        let shares: Vec<Vec<Vec<Send>>> = {
            let mut shares = vec![Vec::new(); CALLERS];
            for (n, batch) in left.drain(..).enumerate() {
                shares[n % CALLERS].push(batch);
            }
            shares
        };
        let calls: Vec<_> =
            shares.into_iter().map(|share| tokio::spawn(send(ingest.clone(), share))).collect();
        if !ends {
            // Somewhere in the flood: when so much of it stands.
            h.tail(0, keys as usize * (life + 1) / (LIVES + 1)).await;
            assert!(server.stop().await);
        }
        for call in calls {
            let (answers, unanswered) = call.await.unwrap();
            left.extend(unanswered);
            for (sent, answer) in &answers {
                known.learn(*sent, answer);
            }
        }
        // At no instant does a key stand twice: not after any of its lives either.
        let entries = h.tail(0, known.0.len()).await;
        let mut places = BTreeMap::new();
        for entry in &entries {
            let event = LedgerRecord::decode(entry.record.as_ref()).unwrap().event.unwrap();
            assert_eq!(
                places.insert(event.idempotency_key, entry.seq),
                None,
                "a duplicate is visible"
            );
        }
        for (key, seq) in &known.0 {
            assert_eq!(places[&format!("key-{key}")], *seq);
        }
    }
    assert!(left.is_empty());
    assert_eq!(known.0.len(), keys as usize);
    let seqs = h.entries(keys as usize).await;
    assert_eq!(seqs, (1..=i64::from(keys)).collect::<Vec<_>>(), "duplicates leave no hole");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_duplicates_writes_each_event_once_on_sqlite() {
    a_flood_of_duplicates(testkit::sqlite::<Migrator>("ingest").await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_duplicates_writes_each_event_once_on_postgres() {
    a_flood_of_duplicates(testkit::postgres::<Migrator>("ingest").await).await;
}
