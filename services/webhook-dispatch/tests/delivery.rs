//! From the ledger to a subscriber's socket, with a clock that stands still.
#![expect(clippy::unwrap_used, reason = "tests")]

mod support;

use std::sync::Arc;
use std::time::Duration;

use kernel::{Clock as _, TraceContext};
use support::{Harness, Reply, Sink, database, predicate, step, workspace};
use webhook_dispatch::Parts;
use webhook_dispatch::domain::Stage;
use webhook_dispatch::store::{Registered, SqlStore, Store as _};
use wire::common::v1::{Outcome, Scope};
use wire::webhook::v1::endpoint_service_client::EndpointServiceClient;
use wire::webhook::v1::{
    AttemptOutcome, CreateEndpointRequest, DeleteEndpointRequest, DeliveryState, EndpointState,
    Filter, GetEndpointRequest, Operator,
};

#[tokio::test]
async fn a_failure_reaches_its_subscriber_signed() {
    let db = database().await;
    let (app, sink) = (Harness::start(&db).await, Sink::start().await);
    let filter = Filter { predicates: vec![predicate("outcome", Operator::Equal, &["failure"])] };
    let created = app
        .create(CreateEndpointRequest {
            url: sink.url(),
            filter: Some(filter),
            ..Default::default()
        })
        .await;
    let endpoint = created.endpoint.unwrap();

    app.ledger.append(workspace(), step("support-triage", Outcome::Success), None);
    let failed = app.fail("support-triage");
    app.consumed(failed).await;

    let arrivals = sink.arrivals();
    assert_eq!(arrivals.len(), 1, "the success was filtered out");
    let arrival = &arrivals[0];
    assert_eq!(arrival.verify(&created.secret, app.clock.now()), Ok(()));
    assert_eq!(arrival.header("content-type"), "application/json");
    assert!(arrival.header("user-agent").starts_with("Tallystick/"));
    assert_eq!(arrival.header("traceparent"), "");
    let message = arrival.json();
    assert_eq!(message["type"], "event.tracked");
    assert_eq!(message["timestamp"], "2026-02-02T08:59:59.5Z");
    assert_eq!(message["data"]["eventId"], kernel::EventId(failed).to_string());
    assert_eq!(message["data"]["record"]["event"]["taskCompleted"]["outcome"], "OUTCOME_FAILURE");

    let deliveries = app.deliveries(&endpoint.endpoint_id).await;
    assert_eq!(deliveries.len(), 1);
    assert_eq!(deliveries[0].delivery_id, arrival.header("webhook-id"));
    assert_eq!(deliveries[0].state(), DeliveryState::Succeeded);
    let attempts = app.attempts(&deliveries[0].delivery_id).await;
    assert_eq!(attempts.len(), 1);
    assert_eq!((attempts[0].outcome(), attempts[0].http_status), (AttemptOutcome::Delivered, 200));
}

#[tokio::test]
async fn a_webhook_that_fails_twice_is_retried_after_the_second_delay() {
    let db = database().await;
    let (app, sink) = (Harness::start(&db).await, Sink::start().await);
    let created = app.subscribe(&sink.url()).await;
    sink.next(Reply::Status(500));
    sink.next(Reply::Status(503));

    app.consumed(app.fail("a")).await;
    assert_eq!(app.work().await, 0, "the first delay has not passed");
    app.clock.advance(Duration::from_millis(5_500));
    assert_eq!(app.work().await, 1);
    app.clock.advance(Duration::from_secs(200));
    assert_eq!(app.work().await, 0, "nor the second");
    app.clock.advance(Duration::from_secs(130));
    assert_eq!(app.work().await, 1);

    let arrivals = sink.arrivals();
    assert_eq!(arrivals.len(), 3);
    let ids: Vec<&str> = arrivals.iter().map(|a| a.header("webhook-id")).collect();
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    assert_ne!(arrivals[0].header("webhook-timestamp"), arrivals[2].header("webhook-timestamp"));
    assert_eq!(arrivals[0].body, arrivals[2].body);
    assert_eq!(arrivals[2].verify(&created.secret, app.clock.now()), Ok(()));
    let attempts = app.attempts(ids[0]).await;
    let statuses: Vec<i32> = attempts.iter().map(|a| a.http_status).collect();
    assert_eq!(statuses, [500, 503, 200]);
    let delivery = &app.deliveries(&created.endpoint.unwrap().endpoint_id).await[0];
    assert_eq!((delivery.state(), delivery.attempt_count), (DeliveryState::Succeeded, 3));
    app.clock.advance(Duration::from_secs(200_000));
    assert_eq!(app.work().await, 0, "what has arrived is over");
}

#[tokio::test]
async fn an_endpoint_that_hangs_costs_the_others_one_moment_once() {
    let db = database().await;
    let app = Harness::start(&db).await;
    let (healthy, hanging) = (Sink::start().await, Sink::start().await);
    hanging.always(Reply::Hang);
    app.subscribe(&healthy.url()).await;
    let stuck = app.subscribe(&hanging.url()).await.endpoint.unwrap();

    app.consumed_impatiently(app.fail("a")).await;
    healthy.arrived(1).await;
    // From now on nobody waits for it: the clock stands still.
    for n in 2..=4 {
        app.consumed(app.fail("a")).await;
        healthy.arrived(n).await;
    }
    // It is silent: two places are left to find out whether it is back, the rest waits in the store.
    hanging.arrived(2).await;
    app.clock.advance(Duration::from_secs(15));
    app.worker.idle().await;
    let deliveries = app.deliveries(&stuck.endpoint_id).await;
    let made: Vec<i32> = deliveries.iter().map(|d| d.attempt_count).collect();
    assert_eq!(made, [0, 0, 1, 1], "newest first");
    for delivery in &deliveries {
        assert_eq!(delivery.state(), DeliveryState::Pending);
        for attempt in app.attempts(&delivery.delivery_id).await {
            assert_eq!(attempt.outcome(), AttemptOutcome::TimedOut);
            assert_eq!(attempt.error, "no answer within 15 seconds");
        }
    }
    app.clock.advance(Duration::from_secs(6));
    hanging.always(Reply::Status(204));
    assert_eq!(app.work().await, 2);
    assert_eq!(app.work().await, 2, "it is back");
    let deliveries = app.deliveries(&stuck.endpoint_id).await;
    assert!(deliveries.iter().all(|d| d.state() == DeliveryState::Succeeded));
}

#[tokio::test]
async fn an_attempt_lost_in_a_crash_is_made_again_under_its_id() {
    let db = database().await;
    let sink = Sink::start().await;
    let first = Harness::start(&db).await;
    let (clock, ledger) = (Arc::clone(&first.clock), first.ledger.clone());
    sink.next(Reply::Hang);
    let endpoint = first.subscribe(&sink.url()).await.endpoint.unwrap();
    first.consumed_impatiently(first.fail("a")).await;
    first.stop().await;

    let second = Harness::start_at(&db, clock, ledger).await;
    assert_eq!(second.deliveries(&endpoint.endpoint_id).await[0].state(), DeliveryState::Pending);
    second.clock.advance(Duration::from_secs(31));
    assert_eq!(second.work().await, 1);
    let arrivals = sink.arrivals();
    assert_eq!(arrivals.len(), 2);
    assert_eq!(arrivals[0].header("webhook-id"), arrivals[1].header("webhook-id"));
    assert_eq!(second.deliveries(&endpoint.endpoint_id).await[0].state(), DeliveryState::Succeeded);
}

#[tokio::test]
async fn gone_switches_the_endpoint_off() {
    let db = database().await;
    let (app, sink) = (Harness::start(&db).await, Sink::start().await);
    let endpoint_id = app.subscribe(&sink.url()).await.endpoint.unwrap().endpoint_id;
    sink.next(Reply::Status(500));
    app.consumed(app.fail("a")).await;
    sink.next(Reply::Status(410));
    app.consumed(app.fail("a")).await;
    app.consumed(app.fail("a")).await;

    assert_eq!(sink.arrivals().len(), 2, "the third was for nobody");
    let request = GetEndpointRequest { endpoint_id: endpoint_id.clone() };
    let endpoint = app.admin().get_endpoint(request).await.unwrap().into_inner().endpoint.unwrap();
    assert_eq!(endpoint.state(), EndpointState::Disabled);
    let states: Vec<_> = app.deliveries(&endpoint_id).await.iter().map(|d| d.state()).collect();
    assert_eq!(states, [DeliveryState::Dead, DeliveryState::Dead], "the pending one died with it");
    app.clock.advance(Duration::from_secs(6));
    assert_eq!(app.work().await, 0);
}

#[tokio::test]
async fn a_redirect_is_a_failure_and_is_not_followed() {
    let db = database().await;
    let (app, sink) = (Harness::start(&db).await, Sink::start().await);
    let endpoint = app.subscribe(&sink.url()).await.endpoint.unwrap();
    let elsewhere = vec![("location", "/elsewhere".to_owned())];
    sink.next(Reply::With(302, elsewhere, String::new()));
    app.consumed(app.fail("a")).await;
    assert_eq!(sink.arrivals().iter().map(|a| a.path.as_str()).collect::<Vec<_>>(), ["/hook"]);
    let delivery = &app.deliveries(&endpoint.endpoint_id).await[0];
    let attempt = &app.attempts(&delivery.delivery_id).await[0];
    assert_eq!((attempt.outcome(), attempt.http_status), (AttemptOutcome::Refused, 302));
}

#[tokio::test]
async fn retry_after_is_honoured() {
    let db = database().await;
    let (app, sink) = (Harness::start(&db).await, Sink::start().await);
    let endpoint = app.subscribe(&sink.url()).await.endpoint.unwrap();
    sink.next(Reply::With(429, vec![("retry-after", "120".to_owned())], "slow down".into()));
    app.consumed(app.fail("a")).await;
    let delivery = &app.deliveries(&endpoint.endpoint_id).await[0];
    let due = delivery.next_attempt_time.as_ref().unwrap();
    assert_eq!(due.seconds, app.clock.now().parts().0 + 120);
    assert_eq!(app.attempts(&delivery.delivery_id).await[0].response_body, "slow down");
}

#[tokio::test]
async fn only_the_beginning_of_an_answer_is_kept() {
    let db = database().await;
    let (app, sink) = (Harness::start(&db).await, Sink::start().await);
    let endpoint = app.subscribe(&sink.url()).await.endpoint.unwrap();
    sink.next(Reply::With(200, Vec::new(), "x\0".repeat(1_000_000)));
    app.consumed(app.fail("a")).await;
    let delivery = &app.deliveries(&endpoint.endpoint_id).await[0];
    assert_eq!(delivery.state(), DeliveryState::Succeeded);
    let kept = &app.attempts(&delivery.delivery_id).await[0].response_body;
    assert_eq!(kept.chars().count(), 4_096);
    assert!(!kept.contains('\0'));
}

#[tokio::test]
async fn a_name_is_judged_by_what_it_resolves_to_at_every_connection() {
    let db = database().await;
    let (app, sink) = (Harness::start(&db).await, Sink::start().await);
    app.names.set("hook.test", &["127.0.0.1"]);
    let url = format!("http://hook.test:{}/hook", sink.addr.port());
    let endpoint = app.subscribe(&url).await.endpoint.unwrap();
    sink.always(Reply::With(200, vec![("connection", "close".to_owned())], String::new()));
    app.consumed(app.fail("a")).await;
    assert_eq!(sink.arrivals().len(), 1);

    for rebound in
        [&["10.0.0.1"][..], &["127.0.0.1", "169.254.169.254"], &["1.1.1.1"], &["::ffff:127.0.0.1"]]
    {
        app.names.set("hook.test", rebound);
        app.consumed(app.fail("a")).await;
        let delivery = &app.deliveries(&endpoint.endpoint_id).await[0];
        let attempt = &app.attempts(&delivery.delivery_id).await[0];
        assert_eq!(attempt.outcome(), AttemptOutcome::ForbiddenAddress, "{rebound:?}");
        assert!(!attempt.error.contains(rebound[0]), "{}", attempt.error);
    }
    assert_eq!(sink.arrivals().len(), 1);
}

#[tokio::test]
async fn only_an_endpoint_that_asked_gets_the_trace() {
    let db = database().await;
    let (app, sink) = (Harness::start(&db).await, Sink::start().await);
    let include_traceparent = true;
    app.create(CreateEndpointRequest {
        url: sink.url(),
        include_traceparent,
        ..Default::default()
    })
    .await;
    let trace = TraceContext { trace_id: [0x4b; 16], span_id: [0xf0; 8], flags: 1 };
    app.consumed(app.fail_in(trace)).await;
    let arrival = &sink.arrivals()[0];
    assert_eq!(arrival.header("traceparent"), trace.traceparent());
    assert_eq!((arrival.header("tracestate"), arrival.header("baggage")), ("", ""));
}

#[tokio::test]
async fn an_endpoint_made_by_another_replica_misses_nothing() {
    let db = database().await;
    let (app, first) = (Harness::start(&db).await, Sink::start().await);
    let created = app.subscribe(&first.url()).await.endpoint.unwrap();
    app.consumed(app.fail("a")).await;

    // The copy in memory is fresh, for the clock stands still; only the store knows better.
    let second = Sink::start().await;
    let other = SqlStore::new(db.another().await);
    let id = created.endpoint_id.parse().unwrap();
    let mut endpoint = other.find(workspace(), id).await.unwrap().unwrap();
    endpoint.id = webhook_dispatch::domain::EndpointId::new(7).unwrap();
    endpoint.target = webhook_dispatch::domain::Target::parse(&second.url()).unwrap();
    assert_eq!(other.register(endpoint, None).await.unwrap(), Registered::New);

    app.consumed(app.fail("a")).await;
    assert_eq!(
        (first.arrivals().len(), second.arrivals().len()),
        (2, 1),
        "and the first got it once"
    );
}

#[tokio::test]
async fn what_was_tracked_before_is_not_delivered_and_after_a_delete_nothing_is() {
    let db = database().await;
    let (app, sink) = (Harness::start(&db).await, Sink::start().await);
    app.fail("early");
    let endpoint_id = app.subscribe(&sink.url()).await.endpoint.unwrap().endpoint_id;
    app.consumed(app.fail("late")).await;
    assert_eq!(sink.arrivals().len(), 1);
    assert_eq!(sink.arrivals()[0].json()["data"]["record"]["event"]["agentId"], "late");
    let request = DeleteEndpointRequest { endpoint_id, ..Default::default() };
    app.admin().delete_endpoint(request).await.unwrap();
    app.consumed(app.fail("later")).await;
    assert_eq!(sink.arrivals().len(), 1);
}

#[tokio::test]
async fn the_worker_wakes_by_itself_when_something_is_due() {
    let db = database().await;
    let (app, sink) = (Harness::start(&db).await, Sink::start().await);
    app.subscribe(&sink.url()).await;
    sink.next(Reply::Status(500));
    app.consumed(app.fail("a")).await;
    let working = tokio::spawn(app.worker.run(app.due));
    // Asleep: the lease renewal and the worker.
    app.clock.sleepers(2).await;
    app.clock.advance(Duration::from_secs(6));
    sink.arrived(2).await;
    app.ctx.stop.cancel();
    working.await.unwrap();
}

/// On the real clock, with lanes so narrow that the store has to help out.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_arrives_whole_and_once() {
    let db = database().await;
    let ctx = testkit::context(Arc::new(chassis::SystemClock));
    let (ledger, names) = (support::Ledger::default(), support::Names::default());
    let narrow = [("TALLY_WEBHOOK_ENDPOINT_CONCURRENCY", "2"), ("TALLY_WEBHOOK_PATIENCE", "1ms")];
    let parts = support::assemble(&db, &ctx, (&ledger, &names), &narrow).await;
    let Parts { service, worker, due, progress } = parts;
    let server = testkit::serve(service, &ctx).await;
    let mut client = EndpointServiceClient::new(server.channel_for(workspace(), &[Scope::Admin]));
    let sink = Sink::start().await;
    let mut endpoints = Vec::new();
    for _ in 0..3 {
        let request = CreateEndpointRequest { url: sink.url(), ..Default::default() };
        endpoints
            .push(client.create_endpoint(request).await.unwrap().into_inner().endpoint.unwrap());
    }
    let working = tokio::spawn(worker.run(due));
    let mut last = None;
    for _ in 0..300 {
        last = Some(ledger.append(workspace(), step("a", Outcome::Failure), None));
    }
    let arrivals = sink.arrived(900).await;
    assert!(progress.reaches(last.unwrap(), Duration::from_secs(20)).await);
    let mut ids: Vec<&str> = arrivals.iter().map(|a| a.header("webhook-id")).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 900);

    // A drain notes what has been answered.
    assert!(server.stop().await);
    working.await.unwrap();
    ctx.tasks.close();
    ctx.tasks.wait().await;
    assert_eq!(sink.arrivals().len(), 900, "nothing was sent twice");
    let store = SqlStore::new(db.another().await);
    for endpoint in endpoints {
        let id = endpoint.endpoint_id.parse().unwrap();
        let found =
            store.deliveries(workspace(), id, &[Stage::Succeeded], None, 500).await.unwrap();
        assert_eq!(found.len(), 300);
    }
}
