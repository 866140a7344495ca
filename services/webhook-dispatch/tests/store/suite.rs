//! What every store must do. One function, one promise.
#![expect(unreachable_pub, reason = "the macro names the cases from modules of its own")]

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use db::Db;
use kernel::{Partition, Timestamp, TraceContext, WorkspaceId};
use sea_orm::DatabaseTransaction;
use webhook_dispatch::domain::{
    Answer, Delivery, DeliveryId, Description, Endpoint, EndpointId, EndpointState, EventType,
    Secret, Stage, Target, Verdict,
};
use webhook_dispatch::store::{
    Cursor, Due, ENDPOINTS_MAX, Error, NewDelivery, RecordError, Recording, Registered, Request,
    Settlement, SqlStore, Store,
};

const NOW: Timestamp = Timestamp::from_micros(1_770_022_800_123_457);
const TRACE: TraceContext = TraceContext { trace_id: [7; 16], span_id: [9; 8], flags: 1 };

/// A cursor that moves, or that is fenced.
struct Moves(bool);

#[async_trait]
impl Cursor for Moves {
    async fn advance(&self, _: &DatabaseTransaction) -> Result<(), tail::Error> {
        if self.0 { Ok(()) } else { Err(tail::Error::Fenced(partition())) }
    }
}

fn workspace(number: i64) -> WorkspaceId {
    WorkspaceId::new(number).unwrap()
}

fn partition() -> Partition {
    workspace(1).partition()
}

fn id(number: i64) -> EndpointId {
    EndpointId::new(number).unwrap()
}

fn endpoint(number: i64) -> Endpoint {
    Endpoint {
        id: id(number),
        workspace: workspace(1),
        target: Target::parse("https://example.com/hook?x=1").unwrap(),
        description: Description::new("ops").unwrap(),
        event_types: vec![EventType::Tracked],
        filter: "outcome=failure".parse().unwrap(),
        include_traceparent: true,
        secret: Secret::from_bytes(vec![0, 255, 7]).unwrap(),
        after_seq: 41,
        state: EndpointState::Enabled,
        created: later(number),
        updated: later(number),
    }
}

fn later(seconds: i64) -> Timestamp {
    NOW.plus(Duration::from_secs(seconds.unsigned_abs()))
}

fn request(key: u8, fingerprint: u8) -> Option<Request> {
    Some(Request { key: [key; 16], fingerprint: [fingerprint; 32] })
}

fn answer(verdict: Verdict) -> Answer {
    Answer {
        verdict,
        status: Some(200),
        body: "Ça va — \u{fffd}".into(),
        error: String::new(),
        retry_after: None,
        started: NOW,
        took: Duration::from_micros(1_234_567),
        trace: Some(TRACE),
    }
}

fn delivery(number: i64, seq: i64, state: Delivery, answer: Option<Answer>) -> NewDelivery {
    NewDelivery {
        id: DeliveryId { endpoint: id(number), seq },
        workspace: workspace(1),
        event_type: EventType::Tracked,
        state,
        created: NOW,
        body: Bytes::from_static(b"{\"a\":\"\0\"}"),
        event_trace: Some(TRACE),
        answer,
    }
}

fn pending(number: i64, seq: i64) -> NewDelivery {
    delivery(number, seq, Delivery::new(later(seq)), None)
}

async fn with_endpoints(db: Db, numbers: &[i64]) -> SqlStore {
    let store = SqlStore::new(db);
    for number in numbers {
        assert_eq!(store.register(endpoint(*number), None).await.unwrap(), Registered::New);
    }
    store
}

async fn record(store: &SqlStore, deliveries: Vec<NewDelivery>) -> Result<(), RecordError> {
    let roster = store.roster(partition()).await.unwrap().version;
    store.record(partition(), Recording { roster, deliveries }, Box::new(Moves(true))).await
}

/// Due so many seconds later, of these endpoints at most so many each.
async fn due(store: &SqlStore, seconds: i64, of: &[(i64, u64)]) -> Vec<Due> {
    let of: Vec<_> = of.iter().map(|(number, most)| (id(*number), *most)).collect();
    store.due(partition(), later(seconds), &of).await.unwrap()
}

async fn seqs(store: &SqlStore, below: Option<i64>, limit: u64) -> Vec<i64> {
    let page = store.deliveries(workspace(1), id(1), &[], below, limit).await.unwrap();
    page.iter().map(|record| record.id.seq).collect()
}

pub async fn registers_once_for_a_request(db: Db) {
    let store = SqlStore::new(db);
    assert_eq!(store.register(endpoint(1), request(1, 1)).await.unwrap(), Registered::New);
    let again = store.register(endpoint(2), request(1, 1)).await.unwrap();
    assert_eq!(again, Registered::Replayed(Box::new(endpoint(1))), "the secret included");
    assert_eq!(store.register(endpoint(3), request(1, 2)).await.unwrap(), Registered::Reused);
    assert_eq!(store.register(endpoint(4), request(2, 1)).await.unwrap(), Registered::New);
    assert_eq!(store.page(workspace(1), None, 10).await.unwrap().len(), 2);
}

pub async fn registers_once_for_racing_twins(db: Db) {
    let stores: Vec<SqlStore> = (0..6).map(|_| SqlStore::new(db.clone())).collect();
    let twins = stores.iter().zip(1..).map(|(s, n)| s.register(endpoint(n), request(1, 1)));
    let mut new = 0;
    for registered in futures_util::future::join_all(twins).await {
        match registered.unwrap() {
            Registered::New => new += 1,
            Registered::Replayed(_) => {}
            other => panic!("it is the same request: {other:?}"),
        }
    }
    assert_eq!(new, 1);
    assert_eq!(stores[0].page(workspace(1), None, 10).await.unwrap().len(), 1);
}

pub async fn registers_no_more_than_a_workspace_may_have(db: Db) {
    let most = i64::try_from(ENDPOINTS_MAX).unwrap();
    let store = with_endpoints(db, &(1..=most).collect::<Vec<_>>()).await;
    assert_eq!(store.register(endpoint(most + 1), None).await.unwrap(), Registered::Full);
    store.delete(workspace(1), id(1), NOW).await.unwrap();
    assert_eq!(store.register(endpoint(most + 1), None).await.unwrap(), Registered::New);
}

pub async fn keeps_case_accents_and_microseconds(db: Db) {
    let store = SqlStore::new(db);
    let mut one = endpoint(1);
    one.description = Description::new("Équipe Étoile 🪵 'quoted'").unwrap();
    one.filter = r#"agent_id=Étoile,étoile metadata.Key="a b""#.parse().unwrap();
    store.register(one.clone(), None).await.unwrap();
    assert_eq!(store.find(workspace(1), id(1)).await.unwrap(), Some(one));

    let state = Delivery::Succeeded { attempts: 1, at: NOW };
    record(&store, vec![delivery(1, 1, state, Some(answer(Verdict::Delivered)))]).await.unwrap();
    let found = &store.deliveries(workspace(1), id(1), &[], None, 10).await.unwrap()[0];
    assert_eq!((found.state, found.created), (state, NOW));
    let attempt = &store.attempts(workspace(1), found.id, 0, 10).await.unwrap().unwrap()[0];
    let kept = Answer { trace: None, ..answer(Verdict::Delivered) };
    assert_eq!((attempt.number, &attempt.answer), (1, &kept));
}

pub async fn hides_other_workspaces(db: Db) {
    let store = with_endpoints(db, &[1]).await;
    record(&store, vec![pending(1, 1)]).await.unwrap();
    // Its neighbour in the same partition, and any other.
    let neighbour = (2..10_000).map(workspace).find(|w| w.partition() == partition()).unwrap();
    for other in [neighbour, workspace(2)] {
        assert_eq!(store.find(other, id(1)).await.unwrap(), None);
        assert_eq!(store.delete(other, id(1), NOW).await.unwrap(), None);
        assert_eq!(store.page(other, None, 10).await.unwrap(), []);
        assert_eq!(store.deliveries(other, id(1), &[], None, 10).await.unwrap(), []);
        let delivery = DeliveryId { endpoint: id(1), seq: 1 };
        assert_eq!(store.attempts(other, delivery, 0, 10).await.unwrap(), None);
    }
    assert!(store.find(workspace(1), id(1)).await.unwrap().is_some());
}

pub async fn pages_of_endpoints_stay_stable_under_insert(db: Db) {
    let store = with_endpoints(db, &[9, 3, 5]).await;
    let mut twin = endpoint(4);
    twin.created = later(3);
    store.register(twin, None).await.unwrap();
    let first = store.page(workspace(1), None, 2).await.unwrap();
    assert_eq!(
        first.iter().map(|e| e.id).collect::<Vec<_>>(),
        [id(3), id(4)],
        "oldest, then by id"
    );
    store.register(endpoint(1), None).await.unwrap();
    let after = Some((first[1].created, first[1].id));
    let rest = store.page(workspace(1), after, 10).await.unwrap();
    assert_eq!(rest.iter().map(|e| e.id).collect::<Vec<_>>(), [id(5), id(9)]);
}

pub async fn pages_of_deliveries_stay_stable_under_insert(db: Db) {
    let store = with_endpoints(db, &[1]).await;
    record(&store, (1..=5).map(|seq| pending(1, seq)).collect()).await.unwrap();
    assert_eq!(seqs(&store, None, 2).await, [5, 4]);
    record(&store, vec![pending(1, 6)]).await.unwrap();
    assert_eq!(seqs(&store, Some(4), 10).await, [3, 2, 1]);
}

pub async fn lists_deliveries_by_stage(db: Db) {
    let store = with_endpoints(db, &[1]).await;
    let dead = delivery(1, 2, Delivery::Dead { attempts: 3, at: NOW }, None);
    let done = Delivery::Succeeded { attempts: 1, at: NOW };
    let done = delivery(1, 3, done, Some(answer(Verdict::Delivered)));
    record(&store, vec![pending(1, 1), dead, done]).await.unwrap();
    let of = async |stages: &[Stage]| {
        let page = store.deliveries(workspace(1), id(1), stages, None, 10).await.unwrap();
        page.iter().map(|record| record.id.seq).collect::<Vec<_>>()
    };
    assert_eq!(of(&[Stage::Dead]).await, [2]);
    assert_eq!(of(&[Stage::Pending, Stage::Succeeded]).await, [3, 1]);
}

pub async fn counts_every_change_of_endpoints(db: Db) {
    let store = SqlStore::new(db);
    let version = async || store.roster(partition()).await.unwrap().version;
    assert_eq!(version().await, 0);
    store.register(endpoint(1), None).await.unwrap();
    store.register(endpoint(2), None).await.unwrap();
    let after_two = version().await;
    assert_eq!(after_two, 2);
    store.delete(workspace(1), id(1), NOW).await.unwrap();
    assert!(version().await > after_two);
    let listed = store.roster(partition()).await.unwrap().endpoints;
    assert_eq!(listed, [endpoint(2)]);
}

pub async fn deletes_an_endpoint_with_what_it_waits_for(db: Db) {
    let store = with_endpoints(db, &[1, 2]).await;
    record(&store, vec![pending(1, 1), pending(2, 1)]).await.unwrap();
    let deleted = store.delete(workspace(1), id(1), later(60)).await.unwrap().unwrap();
    assert_eq!((deleted.state, deleted.updated), (EndpointState::Deleted, later(60)));
    let again = store.delete(workspace(1), id(1), later(90)).await.unwrap().unwrap();
    assert_eq!(again, deleted);
    let found = &store.deliveries(workspace(1), id(1), &[], None, 10).await.unwrap()[0];
    assert_eq!(found.state, Delivery::Dead { attempts: 0, at: later(60) });
    let waiting = store.waiting(partition(), later(3_600)).await.unwrap();
    assert_eq!(waiting, [(id(2), later(1))]);
}

pub async fn records_nothing_when_fenced(db: Db) {
    let store = with_endpoints(db, &[1]).await;
    let recording = Recording { roster: 1, deliveries: vec![pending(1, 1)] };
    let refused = store.record(partition(), recording, Box::new(Moves(false))).await;
    assert!(matches!(refused, Err(RecordError::Tail(tail::Error::Fenced(_)))));
    assert_eq!(seqs(&store, None, 10).await, [0; 0]);
}

pub async fn records_nothing_when_the_roster_has_changed(db: Db) {
    let store = with_endpoints(db, &[1]).await;
    let planned = store.roster(partition()).await.unwrap().version;
    store.register(endpoint(2), None).await.unwrap();
    let recording = Recording { roster: planned, deliveries: vec![pending(1, 1)] };
    let refused = store.record(partition(), recording, Box::new(Moves(true))).await;
    assert!(matches!(refused, Err(RecordError::Stale)));
    assert_eq!(seqs(&store, None, 10).await, [0; 0]);
}

pub async fn records_a_repeated_batch_once(db: Db) {
    let store = with_endpoints(db, &[1]).await;
    let done = Delivery::Succeeded { attempts: 1, at: NOW };
    let batch = || vec![delivery(1, 1, done, Some(answer(Verdict::Delivered))), pending(1, 2)];
    record(&store, batch()).await.unwrap();
    record(&store, batch()).await.unwrap();
    assert_eq!(seqs(&store, None, 10).await, [2, 1]);
    let first = DeliveryId { endpoint: id(1), seq: 1 };
    assert_eq!(store.attempts(workspace(1), first, 0, 10).await.unwrap().unwrap().len(), 1);
}

pub async fn claims_each_delivery_once(db: Db) {
    let store = with_endpoints(db.clone(), &[1]).await;
    record(&store, (1..=20).map(|seq| pending(1, seq)).collect()).await.unwrap();
    let agenda = store.agenda(later(3_600)).await.unwrap();
    assert_eq!(agenda, [(partition(), later(1))]);
    let due = due(&store, 20, &[(1, 100)]).await;
    assert_eq!(due.len(), 20);
    assert_eq!((due[0].body.as_ref(), due[0].event_trace), (&b"{\"a\":\"\0\"}"[..], Some(TRACE)));
    let wanted: Vec<_> = due.iter().map(|due| (due.id, due.due)).collect();
    let replicas: Vec<SqlStore> = (0..4).map(|_| SqlStore::new(db.clone())).collect();
    let claims = replicas.iter().map(|r| r.claim(partition(), &wanted, later(100)));
    let mut claimed = Vec::new();
    for taken in futures_util::future::join_all(claims).await {
        claimed.extend(taken.unwrap());
    }
    claimed.sort_unstable();
    assert_eq!(claimed, wanted.iter().map(|(id, _)| *id).collect::<Vec<_>>());
    assert_eq!(self::due(&store, 99, &[(1, 100)]).await, []);
    assert_eq!(self::due(&store, 100, &[(1, 100)]).await.len(), 20, "a claim runs out");
}

pub async fn settles_only_what_is_still_claimed(db: Db) {
    let store = with_endpoints(db, &[1]).await;
    record(&store, vec![pending(1, 1)]).await.unwrap();
    let one = DeliveryId { endpoint: id(1), seq: 1 };
    let until = later(100);
    assert_eq!(store.claim(partition(), &[(one, later(1))], until).await.unwrap(), [one]);
    let settle = async |claimed, verdict, state| {
        let settlement = Settlement { id: one, claimed, state, answer: Some(answer(verdict)) };
        store.settle(partition(), vec![settlement]).await.unwrap();
        store.deliveries(workspace(1), id(1), &[], None, 1).await.unwrap()[0].state
    };
    let retry = Delivery::Pending { attempts: 1, due: later(200) };
    assert_eq!(
        settle(later(50), Verdict::Refused, retry).await,
        Delivery::new(until),
        "claimed by another"
    );
    assert_eq!(settle(until, Verdict::Refused, retry).await, retry);
    let due = &due(&store, 200, &[(1, 1)]).await[0];
    assert_eq!((due.attempts, due.attempt_trace), (1, Some(TRACE)));
    let done = Delivery::Succeeded { attempts: 2, at: later(201) };
    assert_eq!(settle(later(200), Verdict::Delivered, done).await, done);
    let attempts = store.attempts(workspace(1), one, 0, 10).await.unwrap().unwrap();
    let made: Vec<_> = attempts.iter().map(|a| (a.number, a.answer.verdict)).collect();
    assert_eq!(made, [(1, Verdict::Refused), (2, Verdict::Delivered)]);
    let rest = store.attempts(workspace(1), one, 1, 10).await.unwrap().unwrap();
    assert_eq!(rest.len(), 1, "a page goes on behind its number");
}

pub async fn switches_off_an_endpoint_that_is_gone(db: Db) {
    let store = with_endpoints(db, &[1, 2]).await;
    record(&store, vec![pending(1, 1), pending(2, 1)]).await.unwrap();
    let dead = Delivery::Dead { attempts: 1, at: NOW };
    record(&store, vec![delivery(1, 2, dead, Some(answer(Verdict::Gone)))]).await.unwrap();
    let off = store.find(workspace(1), id(1)).await.unwrap().unwrap();
    assert_eq!(off.state, EndpointState::Disabled);
    assert_eq!(store.roster(partition()).await.unwrap().endpoints, [endpoint(2)]);
    let stages = &store.deliveries(workspace(1), id(1), &[Stage::Dead], None, 10).await.unwrap();
    assert_eq!(stages.len(), 2, "the one that waited died with it");
}

pub async fn looks_for_the_oldest_of_each_endpoint_asked_for(db: Db) {
    // More endpoints than one statement looks up.
    let all: Vec<i64> = (1..=40).collect();
    let store = with_endpoints(db, &all).await;
    for number in &all {
        let rows = [3, 1, 2, 5].map(|second| pending(*number, number * 10 + second));
        record(&store, rows.into()).await.unwrap();
    }
    let seqs = async |seconds, of: &[(i64, u64)]| {
        due(&store, seconds, of).await.iter().map(|due| due.id.seq).collect::<Vec<_>>()
    };
    assert_eq!(seqs(1_000, &[(2, 10), (1, 2)]).await, [11, 12, 21, 22, 23, 25]);
    assert_eq!(seqs(12, &[(2, 10), (1, 10)]).await, [11, 12], "the others are not due yet");
    let each: Vec<(i64, u64)> = all.iter().map(|number| (*number, 1)).collect();
    let firsts: Vec<i64> = all.iter().map(|number| number * 10 + 1).collect();
    assert_eq!(seqs(1_000, &each).await, firsts, "longest overdue first");
    assert_eq!(seqs(1_000, &[]).await, [0; 0]);
}

pub async fn names_the_endpoints_that_wait(db: Db) {
    let store = with_endpoints(db, &[1, 2, 3, 4]).await;
    let done = Delivery::Succeeded { attempts: 1, at: NOW };
    let rows = vec![pending(1, 7), pending(1, 9), pending(2, 3), pending(3, 50)];
    record(&store, rows).await.unwrap();
    record(&store, vec![delivery(4, 1, done, Some(answer(Verdict::Delivered)))]).await.unwrap();
    let waiting = async |seconds| store.waiting(partition(), later(seconds)).await.unwrap();
    assert_eq!(waiting(2).await, []);
    assert_eq!(waiting(10).await, [(id(2), later(3)), (id(1), later(7))], "longest overdue first");
    let first = DeliveryId { endpoint: id(2), seq: 3 };
    store.claim(partition(), &[(first, later(3))], later(60)).await.unwrap();
    assert_eq!(waiting(10).await, [(id(1), later(7))], "what is claimed is seen to");
    assert_eq!(store.agenda(later(10)).await.unwrap(), [(partition(), later(7))]);
    let other = Partition::all().find(|other| *other != partition()).unwrap();
    assert_eq!(store.waiting(other, later(100)).await.unwrap(), []);
    assert_eq!(store.agenda(later(6)).await.unwrap(), []);
}

pub async fn answers_unavailable_after_close(db: Db) {
    let store = with_endpoints(db.clone(), &[1]).await;
    db.close().await;
    assert!(matches!(store.find(workspace(1), id(1)).await, Err(Error::Unavailable(_))));
    assert!(matches!(store.register(endpoint(2), None).await, Err(Error::Unavailable(_))));
}
