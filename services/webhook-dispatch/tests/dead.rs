//! A hundred endpoints, nearly all of them dead, and far more events than they can be sent.
#![expect(clippy::unwrap_used, reason = "tests")]

mod support;

use std::sync::Arc;
use std::time::Duration;

use sea_orm::{FromQueryResult, Statement};
use support::{Reply, Sink, database, step, workspace};
use tokio::net::TcpSocket;
use webhook_dispatch::Parts;
use webhook_dispatch::store::{SqlStore, Store as _};
use wire::common::v1::{Outcome, Scope};
use wire::webhook::v1::CreateEndpointRequest;
use wire::webhook::v1::endpoint_service_client::EndpointServiceClient;

/// Rows a transaction may have, as the dispatcher promises.
const DELIVERIES_MAX: i64 = 1_000;
/// As long as stopping may take on a loaded machine; the grace of what is under way is one second of it.
const STOPPED: Duration = Duration::from_secs(5);

#[derive(FromQueryResult)]
struct Count {
    n: i64,
}

/// On the real clock: how long things take is the point.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dead_endpoints_hold_up_neither_a_healthy_one_nor_the_service() {
    let db = database().await;
    let ctx = testkit::context(Arc::new(chassis::SystemClock));
    let (ledger, names) = (support::Ledger::default(), support::Names::default());
    let parts = support::assemble(&db, &ctx, (&ledger, &names), &[]).await;
    let Parts { service, worker, due, progress } = parts;
    let server = testkit::serve(service, &ctx).await;
    let mut client = EndpointServiceClient::new(server.channel_for(workspace(), &[Scope::Admin]));
    let mut create = async |url: String| {
        let request = CreateEndpointRequest { url, ..Default::default() };
        client.create_endpoint(request).await.unwrap().into_inner().endpoint.unwrap().endpoint_id
    };

    // Bound and never listened on: nobody else gets the port, and it refuses connections.
    let refusing = TcpSocket::new_v4().unwrap();
    refusing.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let (hanging, healthy) = (Sink::start().await, Sink::start().await);
    hanging.always(Reply::Hang);
    for n in 0..98 {
        let refused = format!("http://{}/hook", refusing.local_addr().unwrap());
        create(if n % 12 == 0 { hanging.url() } else { refused }).await;
    }
    let alive = create(healthy.url()).await;
    let mut last = None;
    for _ in 0..3_000 {
        last = Some(ledger.append(workspace(), step("a", Outcome::Failure), None));
    }
    let last = last.unwrap();
    let working = tokio::spawn(worker.run(due));

    healthy.arrived(15).await;
    create(healthy.url()).await;
    let so_far = healthy.arrivals().len();
    healthy.arrived(so_far + 15).await;
    assert!(progress.applied(last.partition) < last.seq, "there was no backlog to speak of");

    let stopping = async {
        assert!(server.stop().await);
        working.await.unwrap();
        ctx.tasks.close();
        ctx.tasks.wait().await;
    };
    assert!(tokio::time::timeout(STOPPED, stopping).await.is_ok(), "it did not stop");

    let store = SqlStore::new(db.another().await);
    let applied = progress.applied(last.partition);
    let newest = store.deliveries(workspace(), alive.parse().unwrap(), &[], None, 1).await.unwrap();
    assert_eq!(newest[0].id.seq, applied, "cursor and deliveries move together");
    // Deliveries of one transaction were created at one moment.
    let sql = "SELECT max(moments.n) AS n \
               FROM (SELECT count(*) AS n FROM delivery GROUP BY created_time) AS moments";
    let statement = Statement::from_string(db.db.backend(), sql);
    let largest = Count::find_by_statement(statement).one(db.db.reader()).await.unwrap().unwrap().n;
    assert!((99..=DELIVERIES_MAX).contains(&largest), "{largest} in one transaction");
}
