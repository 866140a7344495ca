//! A committer whose queue is full: calls are refused at once, streams wait.
//!
//! That something waits shows in nothing coming for a while: too short a while lets a defect pass now and
//! then, and never fails a build that has none.

use futures_util::future::select_all;
use sea_orm::ConnectionTrait as _;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio_stream::wrappers::ReceiverStream;
use wire::ingest::v1::{TrackStreamRequest, TrackStreamResponse};

use super::*;

/// More than a queue of one and a commit in flight can hold between them.
const STREAMS: usize = 8;
const A_WHILE: Duration = Duration::from_millis(300);
/// Far longer than any of this takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// A ledger that commits nothing until it is let go.
struct Held {
    release: oneshot::Sender<()>,
    done: JoinHandle<()>,
}

impl Held {
    async fn with(limit: (&str, &str)) -> (Harness, Held) {
        let db = testkit::postgres::<Migrator>("ingest").await;
        let h = Harness::with(db, &[limit]).await;
        let (holds, held) = oneshot::channel();
        let (release, released) = oneshot::channel::<()>();
        let db = h.db.db.clone();
        let done = tokio::spawn(async move {
            let hold = db.write(|txn| {
                Box::pin(async move {
                    txn.execute_unprepared("SELECT head FROM log_head FOR UPDATE").await?;
                    holds.send(()).unwrap();
                    let _ = released.await;
                    Ok::<_, db::Error>(())
                })
            });
            hold.await.unwrap();
        });
        held.await.unwrap();
        (h, Self { release, done })
    }

    async fn let_go(self) {
        self.release.send(()).unwrap();
        self.done.await.unwrap();
    }
}

type Results = tonic::Streaming<TrackStreamResponse>;
type Requests = mpsc::Sender<TrackStreamRequest>;

async fn open(server: &Server, key: &str) -> (Requests, Results) {
    let mut ingest = IngestServiceClient::new(server.channel_with_key(Some(key)));
    let (requests, stream) = mpsc::channel(1);
    let results = ingest.track_stream(ReceiverStream::new(stream)).await.unwrap().into_inner();
    (requests, results)
}

/// Streams with one event each.
async fn streams(h: &Harness) -> Vec<(Requests, Results)> {
    let mut streams = Vec::new();
    for n in 0..STREAMS {
        let (requests, results) = open(&h.server, &h.key).await;
        let event = Some(success(&format!("stream-{n}")));
        requests.send(TrackStreamRequest { event }).await.unwrap();
        streams.push((requests, results));
    }
    streams
}

/// What a call is told that finds no room. Those that still find some go away unanswered.
async fn refusal(h: &Harness) -> tonic::Status {
    let refused = async {
        loop {
            let request = TrackRequest { event: Some(success("")), ..Default::default() };
            if let Ok(answer) = tokio::time::timeout(A_WHILE, h.ingest().track(request)).await {
                return answer.expect_err("nothing can be committed");
            }
        }
    };
    tokio::time::timeout(PATIENCE, refused).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_queue_refuses_calls_at_once_and_holds_streams_until_there_is_room() {
    let (h, held) = Held::with(("TALLY_INGEST_QUEUE", "1")).await;
    let mut streams = streams(&h).await;
    let messages = streams.iter_mut().map(|(_, results)| Box::pin(results.message()));
    let said = tokio::time::timeout(A_WHILE, select_all(messages)).await.map(|(said, ..)| said);
    assert!(said.is_err(), "{said:?} of a stream that should wait");
    let status = refusal(&h).await;
    assert_eq!(
        (status.code(), reason_of(&status)),
        (Code::ResourceExhausted, Some(ErrorReason::Overloaded))
    );
    assert!(status.get_details_retry_info().unwrap().retry_delay.is_some());
    let batch = TrackBatchRequest { events: vec![success("")], ..Default::default() };
    let status = h.ingest().track_batch(batch).await.unwrap_err();
    assert_eq!(reason_of(&status), Some(ErrorReason::Overloaded), "as a batch is");

    held.let_go().await;
    for (requests, mut results) in streams {
        drop(requests);
        let answer = tokio::time::timeout(PATIENCE, results.message()).await.unwrap();
        let answer = answer.unwrap().unwrap().result.unwrap().result.unwrap();
        assert!(matches!(answer, Tracked::Receipt(_)), "{answer:?}");
        assert!(results.message().await.unwrap().is_none(), "OK at the end");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_sends_into_a_stream_that_waits_is_held_back() {
    const EVENTS: usize = 1_500;
    let (h, held) = Held::with(("TALLY_INGEST_QUEUE", "1")).await;
    let (requests, mut results) = open(&h.server, &h.key).await;
    let mut sending = tokio::spawn(async move {
        for n in 0..EVENTS {
            let mut event = success(&format!("k{n}"));
            event.metadata = (0..7).map(|n| (format!("m{n}"), "x".repeat(1_000))).collect();
            requests.send(TrackStreamRequest { event: Some(event) }).await.unwrap();
        }
    });
    let held_back = tokio::time::timeout(A_WHILE * 5, &mut sending).await;
    assert!(held_back.is_err(), "10 MB were taken in though nothing could be committed");
    held.let_go().await;
    for n in 0..EVENTS {
        let answer = results.message().await.unwrap().unwrap().result.unwrap().result.unwrap();
        assert!(matches!(answer, Tracked::Receipt(_)), "event {n}: {answer:?}");
    }
    sending.await.unwrap();
    assert!(results.message().await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drain_ends_the_wait_of_streams_and_nothing_of_theirs_is_written() {
    let (h, held) = Held::with(("TALLY_INGEST_QUEUE", "1")).await;
    let streams = streams(&h).await;
    refusal(&h).await;
    let Harness { server, clock, db, workspace, key } = h;
    let drained = tokio::spawn(server.stop());
    let mut ended = 0;
    let mut open = Vec::new();
    for (_requests, mut results) in streams {
        match tokio::time::timeout(A_WHILE, results.message()).await {
            Ok(answer) => {
                let status = answer.unwrap_err();
                assert_eq!(
                    (status.code(), reason_of(&status)),
                    (Code::Unavailable, Some(ErrorReason::ShuttingDown))
                );
                ended += 1;
            }
            // In the queue, or in the commit that is held.
            Err(_) => open.push(results),
        }
    }
    assert!(ended > 0, "streams wait on though ingest stops");
    held.let_go().await;
    for mut results in open {
        let answer = results.message().await.unwrap().unwrap().result.unwrap().result.unwrap();
        assert!(matches!(answer, Tracked::Receipt(_)), "{answer:?}");
    }
    assert!(drained.await.unwrap());
    let server = serve(&db, &clock, &[]).await;
    let later = Harness { server, clock, db, workspace, key };
    let resent: Vec<Event> = (0..STREAMS).map(|n| success(&format!("stream-{n}"))).collect();
    let request = TrackBatchRequest { events: resent, ..Default::default() };
    let answers = later.ingest().track_batch(request).await.unwrap().into_inner().results;
    let new = answers.iter().filter(|answer| match answer.result.as_ref().unwrap() {
        Tracked::Receipt(receipt) => !receipt.duplicate,
        Tracked::Refusal(refusal) => panic!("{refusal:?}"),
    });
    assert_eq!(new.count(), ended, "those without a result, and no other");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_batch_too_many_is_refused_before_it_is_read_and_single_events_are_not() {
    let (h, held) = Held::with(("TALLY_INGEST_BATCHES", "1")).await;
    let batch = |event| TrackBatchRequest { events: vec![event], ..Default::default() };
    let send = |key: &'static str| {
        let mut ingest = h.ingest();
        Box::pin(async move { ingest.track_batch(batch(success(key))).await })
    };
    // One has the place and waits; the other is refused.
    let answers = futures_util::future::select(send("a"), send("b"));
    let (refused, served) = tokio::time::timeout(PATIENCE, answers).await.unwrap().factor_first();
    let status = refused.unwrap_err();
    assert_eq!(reason_of(&status), Some(ErrorReason::Overloaded));
    assert!(status.get_details_retry_info().unwrap().retry_delay.is_some());
    // Once it has been read, this one is told what is wrong with it.
    let wrong = || batch(Event::default());
    let status = h.ingest().track_batch(wrong()).await.unwrap_err();
    assert_eq!(reason_of(&status), Some(ErrorReason::Overloaded));
    let track = TrackRequest { event: Some(success("c")), ..Default::default() };
    let mut single = h.ingest();
    let single = tokio::spawn(async move { single.track(track).await });

    held.let_go().await;
    assert!(tokio::time::timeout(PATIENCE, served).await.unwrap().is_ok());
    assert!(tokio::time::timeout(PATIENCE, single).await.unwrap().unwrap().is_ok());
    assert!(h.ingest().track_batch(wrong()).await.is_ok(), "there is room again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_that_does_not_arrive_gives_its_place_up() {
    let (h, held) = Held::with(("TALLY_INGEST_BATCHES", "1")).await;
    held.let_go().await;
    let path = "/tally.ingest.v1.IngestService/TrackBatch";
    let silent = || tokio::spawn(testkit::raw::silent(h.server.uri(), h.key.clone(), path));
    let whole = || TrackBatchRequest { events: vec![success("a")], ..Default::default() };
    let mut slow = silent();
    let refused = async {
        while h.ingest().track_batch(whole()).await.is_ok() {
            if slow.is_finished() {
                // A whole one had the place when this one asked for it.
                slow = silent();
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, refused).await.unwrap();
    h.clock.advance(Duration::from_secs(11));
    let slow = tokio::time::timeout(PATIENCE, slow).await.unwrap().unwrap();
    assert_eq!(slow.unwrap_err().code(), Code::DeadlineExceeded);
    assert!(h.ingest().track_batch(whole()).await.is_ok());
}
