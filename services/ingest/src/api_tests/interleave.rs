//! Any interleaving of twins, retries, conflicts, judgements and retractions, from several callers at two
//! replicas, held against a model: each key once, seq dense, every answer true, and a tail that misses
//! nothing. More cases: `PROPTEST_CASES=2000 cargo nextest run -p ingest interleav`.

use std::collections::{BTreeMap, BTreeSet};

use kernel::EventId;
use proptest::prelude::*;
use proptest::test_runner::{Config as Cases, TestRunner};
use wire::ingest::v1::{
    LedgerRecord, OutcomeRevised, RetractRequest, Retracted, ReviseOutcomeRequest,
};

use super::*;

/// In CI. proptest's own default, which is what it says where nobody asked for a number, takes minutes.
const CASES: u32 = 20;
const CASES_UNASKED: u32 = 256;

/// Keys, few enough to meet: no key, or one of these.
const KEYS: u8 = 5;

/// What one call does. Numbers are taken modulo what there is.
#[derive(Debug, Clone)]
enum Act {
    Track {
        key: u8,
        outcome: u8,
    },
    Batch(Vec<(u8, u8)>),
    Revise {
        key: u8,
        target: usize,
        outcome: u8,
        tracked: bool,
    },
    Retract {
        key: u8,
        target: usize,
        tracked: bool,
    },
    /// The last call once more.
    Again,
}

/// A caller's calls, one after another, each to one of the replicas.
type Script = Vec<(bool, Act)>;

fn act() -> impl Strategy<Value = Act> {
    let (key, outcome, target) = (0..=KEYS, 1..=3u8, any::<prop::sample::Index>());
    let target = target.prop_map(|index| index.index(1 << 20)).boxed();
    prop_oneof![
        3 => (key.clone(), outcome.clone()).prop_map(|(key, outcome)| Act::Track { key, outcome }),
        2 => prop::collection::vec((key.clone(), outcome.clone()), 1..8).prop_map(Act::Batch),
        3 => (key.clone(), target.clone(), outcome, any::<bool>()).prop_map(
            |(key, target, outcome, tracked)| Act::Revise { key, target, outcome, tracked }
        ),
        2 => (key, target, any::<bool>())
            .prop_map(|(key, target, tracked)| Act::Retract { key, target, tracked }),
        1 => Just(Act::Again),
    ]
}

fn scripts() -> impl Strategy<Value = Vec<Script>> {
    prop::collection::vec(prop::collection::vec((any::<bool>(), act()), 1..10), 2..5)
}

/// An event as the ledger must hold it, and what was answered for it.
#[derive(Debug)]
struct Told {
    event: Event,
    answer: Answer,
}

#[derive(Debug)]
enum Answer {
    New(Receipt),
    Duplicate(Receipt),
    Conflict,
    NotCorrectable,
}

impl Answer {
    fn kind(&self) -> usize {
        match self {
            Self::New(_) => 0,
            Self::Duplicate(_) => 1,
            Self::Conflict => 2,
            Self::NotCorrectable => 3,
        }
    }
}

fn key(number: u8) -> String {
    if number == 0 { String::new() } else { format!("key-{number}") }
}

fn answer_of(result: Tracked) -> Answer {
    match result {
        Tracked::Receipt(receipt) if receipt.duplicate => Answer::Duplicate(receipt),
        Tracked::Receipt(receipt) => Answer::New(receipt),
        Tracked::Refusal(refusal) => refused(&refusal.reason),
    }
}

fn answer<T>(
    answer: Result<tonic::Response<T>, tonic::Status>,
    of: fn(T) -> Option<Receipt>,
) -> Answer {
    match answer {
        Ok(receipt) => answer_of(Tracked::Receipt(of(receipt.into_inner()).unwrap())),
        Err(status) => refused(reason_of(&status).unwrap().name()),
    }
}

fn refused(reason: &str) -> Answer {
    match reason {
        "IDEMPOTENCY_CONFLICT" => Answer::Conflict,
        "NOT_CORRECTABLE" => Answer::NotCorrectable,
        other => panic!("refused with {other}"),
    }
}

struct Caller {
    replicas: [IngestServiceClient<chassis::Channel>; 2],
    /// What this caller knows to stand.
    known: Vec<String>,
    told: Vec<Told>,
    last: Option<Act>,
}

impl Caller {
    async fn play(mut self, script: Script) -> Vec<Told> {
        for (replica, act) in script {
            self.act(usize::from(replica), act).await;
        }
        self.told
    }

    async fn act(&mut self, replica: usize, act: Act) {
        let act = match act {
            Act::Again => match self.last.clone() {
                Some(last) => last,
                None => return,
            },
            act => act,
        };
        self.last = Some(act.clone());
        let mut ingest = self.replicas[replica].clone();
        match act {
            Act::Again => {}
            Act::Track { key: k, outcome } => {
                self.track(replica, step(&key(k), outcome.into())).await
            }
            Act::Batch(items) => {
                let events: Vec<Event> =
                    items.iter().map(|(k, outcome)| step(&key(*k), (*outcome).into())).collect();
                let request = TrackBatchRequest { events: events.clone(), ..Default::default() };
                let results = ingest.track_batch(request).await.unwrap().into_inner().results;
                for (event, result) in events.into_iter().zip(results) {
                    self.tell(event, answer_of(result.result.unwrap()));
                }
            }
            Act::Revise { key: k, target, outcome, tracked } => {
                let Some(event_id) = self.target(target) else { return };
                let body =
                    OutcomeRevised { event_id, outcome: outcome.into(), ..Default::default() };
                let OutcomeRevised { event_id, outcome, .. } = body.clone();
                let event = Event { body: Some(Body::OutcomeRevised(body)), ..step(&key(k), 1) };
                if tracked {
                    return self.track(replica, event).await;
                }
                let request_id = key(k);
                let request =
                    ReviseOutcomeRequest { event_id, outcome, request_id, ..Default::default() };
                let revised = answer(ingest.revise_outcome(request).await, |a| a.receipt);
                self.tell(event, revised);
            }
            Act::Retract { key: k, target, tracked } => {
                let Some(event_id) = self.target(target) else { return };
                let body = Retracted { event_id, reason: "twice".into() };
                let Retracted { event_id, reason } = body.clone();
                let event = Event { body: Some(Body::Retracted(body)), ..step(&key(k), 1) };
                if tracked {
                    return self.track(replica, event).await;
                }
                let request = RetractRequest { event_id, reason, request_id: key(k) };
                let retracted = answer(ingest.retract(request).await, |a| a.receipt);
                self.tell(event, retracted);
            }
        }
    }

    async fn track(&mut self, replica: usize, event: Event) {
        let request = TrackRequest { event: Some(event.clone()), ..Default::default() };
        let tracked = self.replicas[replica].track(request).await;
        self.tell(event, answer(tracked, |a| a.receipt));
    }

    fn target(&self, index: usize) -> Option<String> {
        (!self.known.is_empty()).then(|| self.known[index % self.known.len()].clone())
    }

    fn tell(&mut self, event: Event, answer: Answer) {
        if let Answer::New(receipt) | Answer::Duplicate(receipt) = &answer {
            self.known.push(receipt.event_id.clone());
        }
        self.told.push(Told { event, answer });
    }
}

/// The ledger as a consumer got it, against everything the callers were told.
fn check(entries: &[LedgerEntry], begin: i64, told: &[Told]) {
    let seqs: Vec<i64> = entries.iter().map(|entry| entry.seq).collect();
    assert_eq!(
        seqs,
        (begin + 1..=begin + entries.len() as i64).collect::<Vec<_>>(),
        "dense, in order"
    );
    let stands: BTreeMap<i64, LedgerRecord> = entries
        .iter()
        .map(|entry| (entry.seq, LedgerRecord::decode(entry.record.as_ref()).unwrap()))
        .collect();
    let mut keys = BTreeMap::new();
    for (seq, record) in &stands {
        let event = record.event.as_ref().unwrap();
        if !event.idempotency_key.is_empty() {
            assert_eq!(keys.insert(&event.idempotency_key, *seq), None, "each key once");
        }
        check_correction(*seq, record, &stands);
    }
    let mut new = BTreeSet::new();
    for Told { event, answer } in told {
        match answer {
            Answer::New(receipt) | Answer::Duplicate(receipt) => {
                let seq = seq_of(&receipt.event_id);
                let record = &stands[&seq];
                assert_eq!(as_sent(record), *event, "what stands is what was sent");
                assert_eq!(receipt.valuation, record.valuation);
                if !receipt.duplicate {
                    assert!(new.insert(seq), "an entry is new once");
                }
            }
            Answer::Conflict => {
                let standing = &stands[&keys[&event.idempotency_key]];
                assert_ne!(as_sent(standing), *event, "a conflict has another body");
            }
            Answer::NotCorrectable => {
                let target = target_of(event).unwrap();
                let target = stands[&target].event.as_ref().unwrap().body.as_ref().unwrap();
                match event.body.as_ref().unwrap() {
                    Body::OutcomeRevised(_) => assert!(!matches!(target, Body::TaskCompleted(_))),
                    _ => assert!(matches!(target, Body::Retracted(_))),
                }
            }
        }
    }
    assert_eq!(new.into_iter().collect::<Vec<_>>(), seqs, "nothing stands that nobody was told of");
}

fn check_correction(seq: i64, record: &LedgerRecord, stands: &BTreeMap<i64, LedgerRecord>) {
    let event = record.event.as_ref().unwrap();
    let Some(target) = target_of(event) else {
        assert_eq!(record.corrects, None);
        return;
    };
    assert!(target < seq, "nothing corrects what comes after it");
    let standing = LedgerRecord { corrects: None, ..stands[&target].clone() };
    assert_eq!(record.corrects.as_deref(), Some(&standing));
    match event.body.as_ref().unwrap() {
        Body::OutcomeRevised(revision) => {
            let valuation = record.valuation.as_ref().unwrap();
            assert_eq!(valuation.outcome, revision.outcome);
            // Without editing and by the default policy: all, half, or nothing of 4 minutes.
            let credited = [0, 240_000, 120_000, 0][usize::try_from(revision.outcome).unwrap()];
            assert_eq!(valuation.credited_ms, credited);
        }
        _ => assert_eq!(record.valuation, None),
    }
}

fn target_of(event: &Event) -> Option<i64> {
    match event.body.as_ref().unwrap() {
        Body::OutcomeRevised(body) => Some(seq_of(&body.event_id)),
        Body::Retracted(body) => Some(seq_of(&body.event_id)),
        _ => None,
    }
}

fn seq_of(event_id: &str) -> i64 {
    event_id.parse::<EventId>().unwrap().0.seq
}

fn as_sent(record: &LedgerRecord) -> Event {
    Event { occurred_time: None, ..record.event.clone().unwrap() }
}

/// The same two replicas play all the cases; each case has a workspace of its own.
fn interleavings(runtime: &tokio::runtime::Runtime, db: TestDb) {
    let h = runtime.block_on(Harness::on(db));
    let replica = runtime.block_on(h.replica());
    let asked = Cases::default();
    let cases = if asked.cases == CASES_UNASKED { CASES } else { asked.cases };
    let mut runner = TestRunner::new(Cases { cases, failure_persistence: None, ..asked });
    let heard = [const { std::cell::Cell::new(0) }; 4];
    let outcome = runner.run(&scripts(), |scripts| {
        runtime.block_on(async {
            let (workspace, key) = create_workspace(&h.server).await;
            let replicas = [&h.server, &replica]
                .map(|server| IngestServiceClient::new(server.channel_with_key(Some(&key))));
            let begin = h.head(workspace).await;
            let callers = scripts.into_iter().map(|script| {
                let caller = Caller {
                    replicas: replicas.clone(),
                    known: Vec::new(),
                    told: Vec::new(),
                    last: None,
                };
                tokio::spawn(caller.play(script))
            });
            let mut told = Vec::new();
            for caller in callers.collect::<Vec<_>>() {
                told.extend(caller.await.unwrap());
            }
            let end = h.head(workspace).await;
            let entries = h.tail_of(workspace, begin, (end - begin) as usize).await;
            check(&entries, begin, &told);
            for Told { answer, .. } in &told {
                let heard = &heard[answer.kind()];
                heard.set(heard.get() + 1);
            }
        });
        Ok(())
    });
    outcome.unwrap();
    let heard = heard.map(|count| count.get());
    assert!(
        cases < CASES || heard.iter().all(|count| *count > 0),
        "it proves too little: {heard:?}"
    );
    assert!(runtime.block_on(replica.stop()));
}

impl Harness {
    /// The last seq of a workspace's partition.
    async fn head(&self, workspace: WorkspaceId) -> i64 {
        let mut ledger = LedgerServiceClient::new(self.server.service_channel());
        let heads = ledger.get_heads(wire::ingest::v1::GetHeadsRequest {}).await.unwrap();
        let partition = i32::from(workspace.partition().get());
        let heads = heads.into_inner().heads;
        heads.iter().find(|head| head.partition == partition).unwrap().seq
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

#[test]
fn any_interleaving_leaves_each_key_once_on_sqlite() {
    let runtime = runtime();
    let db = runtime.block_on(testkit::sqlite::<Migrator>("ingest"));
    interleavings(&runtime, db);
}

#[test]
fn any_interleaving_leaves_each_key_once_on_postgres() {
    let runtime = runtime();
    let db = runtime.block_on(testkit::postgres::<Migrator>("ingest"));
    interleavings(&runtime, db);
}
