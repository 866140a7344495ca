//! Five processes that share nothing but a directory tell the same story as one.

use tests::{Acks, Addresses, Month, Program, Report, Sink, Stage, send};

const SERVICES: [&str; 5] =
    ["ingest", "baseline-catalog", "rollup", "audit-sampling", "webhook-dispatch"];

#[tokio::test(flavor = "multi_thread")]
async fn five_processes_give_the_report_of_one() {
    let directory = tempfile::tempdir().unwrap();
    let (addresses, sink) = (Addresses::free(), Sink::start().await);
    let mut programs =
        SERVICES.map(|service| Program::serve(service, &addresses, directory.path()));
    Program::all_serving(&mut programs, &addresses).await;
    let stage = Stage::set_beside(&addresses, directory.path()).await;
    let secret = stage.subscribe_to_failures(sink.url("/hook")).await;

    let sent = send(&stage, Month::events(), 500, &Acks::new()).await.unwrap();
    assert_eq!((sent.new, sent.duplicates), (18_005, 0));
    assert_eq!(Report::read(&stage, &sent.position).await, Report::of_the_whole_month());
    let arrivals = sink.receives(5).await;
    assert_eq!(arrivals.len(), 5);
    assert!(arrivals.iter().all(|arrival| arrival.is_signed_with(&secret)));
}
