//! Rollup, started when there is something to consume and ended before there is more: with it running
//! beside the filling, nobody could say how fast it is by itself.

use std::collections::BTreeMap;
use std::sync::Arc;

use chassis::{Context, Serving, connect};
use http::Uri;
use kernel::Position;
use tokio::task::JoinSet;
use tokio_util::task::TaskTracker;
use tonic::Code;
use wire::ingest::v1::GetHeadsRequest;
use wire::ingest::v1::ledger_service_client::LedgerServiceClient;
use wire::rollup::v1::{GetOverviewRequest, ReportQuery, RollingWindow};

use crate::bench::{Stand, Target};
use crate::cli::Which;
use crate::failure::Failure;
use crate::hosting;

/// A rollup at work.
pub(crate) struct Consumer {
    /// Its callers: the nth holds the key of the nth workspace.
    pub(crate) reports: Arc<Target>,
    ctx: Context,
    server: Serving,
}

impl Consumer {
    /// Beside the services of `stand`, on the same database.
    pub(crate) async fn start(stand: &Stand) -> Result<Self, Failure> {
        // An end of its own, which comes with that of the stand at the latest.
        let (stop, tasks) = (stand.ctx.stop.child_token(), TaskTracker::new());
        let ctx = Context { stop, tasks, ..stand.ctx.clone() };
        hosting::migrate(&stand.settings, Which::Rollup).await?;
        let service = rollup::start(stand.settings.rollup.clone(), &ctx).await?;
        let server = chassis::serve(service, &ctx).await?;
        let address: Uri = format!("http://{}", server.addr)
            .parse()
            .map_err(|error| Failure::Other(format!("the bench: {error}")))?;
        let reports = Arc::new(Target::new(&address, &stand.keys)?);
        Ok(Self { reports, ctx, server })
    }

    /// Waits until the reports of every workspace reflect the ledger as it is now.
    pub(crate) async fn catch_up(&self, stand: &Stand) -> Result<(), Failure> {
        let heads = heads(&stand.ingest, &stand.ctx).await?;
        let mut waiting = JoinSet::new();
        for (nth, workspace) in stand.workspaces.iter().enumerate() {
            let partition = workspace.partition();
            let Some(&seq) = heads.get(&partition.get().into()).filter(|seq| **seq > 0) else {
                continue;
            };
            let at_least = Position { partition, seq }.to_string();
            waiting.spawn(reflects(Arc::clone(&self.reports), nth, at_least));
        }
        while let Some(answered) = waiting.join_next().await {
            answered.map_err(|e| Failure::Other(format!("a caller ended: {e}")))??;
        }
        Ok(())
    }

    /// Stops it; what it consumed stays.
    pub(crate) async fn end(self) -> Result<(), Failure> {
        self.ctx.stop.cancel();
        let clean = self.server.ended().await;
        self.ctx.tasks.close();
        let settled = tokio::time::timeout(self.ctx.transport.settle, self.ctx.tasks.wait()).await;
        match (clean, settled) {
            (true, Ok(())) => Ok(()),
            _ => Err(Failure::Other("rollup did not stop in time".into())),
        }
    }
}

/// Last seq of each partition.
async fn heads(ingest: &Uri, ctx: &Context) -> Result<BTreeMap<i32, i64>, Failure> {
    let mut ledger = LedgerServiceClient::new(connect(ingest, "bench", ctx));
    let answer = ledger.get_heads(GetHeadsRequest {}).await;
    let answer = answer.map_err(Failure::call("the ledger did not say how long it is"))?;
    Ok(answer.into_inner().heads.into_iter().map(|head| (head.partition, head.seq)).collect())
}

/// Asks until the answer reflects `at_least`. A day is asked for, which costs little to read: what counts
/// is when it is answered.
async fn reflects(reports: Arc<Target>, caller: usize, at_least: String) -> Result<(), Failure> {
    let rolling = RollingWindow::Last24Hours.into();
    let query = Some(ReportQuery { rolling, at_least, ..Default::default() });
    let question = GetOverviewRequest { query, ..Default::default() };
    loop {
        let request = reports.request(caller, question.clone());
        match reports.reports(caller).get_overview(request).await {
            Ok(_) => return Ok(()),
            // Not consumed so far within the time a call may wait: there is more to consume than that.
            Err(status) if status.code() == Code::DeadlineExceeded => {}
            Err(status) => return Err(Failure::call("an overview was not given")(status)),
        }
    }
}
