//! Following the catalog: what comes in is kept in the database first, then used.

use std::error::Error as StdError;
use std::sync::Arc;
use std::time::Duration;

use chassis::Outage;
use kernel::{Clock, Partition, Position};
use prost::Message as _;
use tokio_util::sync::CancellationToken;
use wire::catalog::v1::catalog_service_client::CatalogServiceClient;
use wire::catalog::v1::{Change, WatchRequest};
use wire::common::v1 as common;

use crate::catalog_copy::CatalogCopy;
use crate::domain::{self, Patterns};
use crate::grpc::parse_change;
use crate::store::CatalogCopyStore;

const BACKOFF_MIN: Duration = Duration::from_millis(50);
const BACKOFF_MAX: Duration = Duration::from_secs(2);

/// Why a stream ended early.
type Trouble = Box<dyn StdError + Send + Sync>;

/// Keeps the copy up to date until the service stops.
pub(crate) struct CatalogWatch {
    pub(crate) client: CatalogServiceClient<chassis::Channel>,
    pub(crate) store: CatalogCopyStore,
    pub(crate) copy: Arc<CatalogCopy>,
    /// Compiled before the copy is locked: nobody is valued meanwhile.
    pub(crate) patterns: Patterns,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) stop: CancellationToken,
    pub(crate) outage: Outage,
}

impl CatalogWatch {
    /// Fills the copy with what was kept, so that ingest starts without the catalog.
    pub(crate) async fn load(&mut self) -> Result<(), Trouble> {
        let mut known = Vec::new();
        for (position, bytes) in self.store.load().await? {
            known.push(self.learnt(position, Change::decode(bytes.as_slice())?));
        }
        self.copy.learn(known, true);
        Ok(())
    }

    pub(crate) async fn run(mut self) {
        let mut wait = BACKOFF_MIN;
        while !self.stop.is_cancelled() {
            let stop = self.stop.clone();
            let outcome = tokio::select! {
                // First: a catalog that stops with us is no trouble.
                biased;
                () = stop.cancelled() => return,
                outcome = self.follow() => outcome,
            };
            match outcome {
                Ok(()) => wait = BACKOFF_MIN,
                Err(error) => {
                    self.report(&*error);
                    wait = (wait * 2).min(BACKOFF_MAX);
                }
            }
            let next = self.clock.now().plus(wait);
            tokio::select! {
                () = self.clock.sleep_until(next) => {}
                () = stop.cancelled() => {}
            }
        }
    }

    /// Once an outage: events go on being valued, so nothing else would tell an operator.
    fn report(&mut self, error: &(dyn StdError + 'static)) {
        let error = fault::chain(error);
        if self.outage.is_news(&error) {
            tracing::warn!(
                error,
                "the catalog is not followed, trying again: events are valued by the copy kept here, if there is one"
            );
        } else {
            tracing::debug!(error, "the catalog is still not followed");
        }
    }

    /// One stream, from the first message to its end.
    async fn follow(&mut self) -> Result<(), Trouble> {
        let cursors = self.copy.cursors().into_iter().map(to_wire).collect();
        let mut stream = match self.client.watch(WatchRequest { cursors }).await {
            Ok(stream) => stream.into_inner(),
            Err(status) => return self.refused(status).await,
        };
        // Built-ins come whole at the head of every stream and replace those of an older pack.
        let mut built_ins = Some(Vec::new());
        while let Some(message) = stream.message().await? {
            let mut news = Vec::new();
            for change in message.changes {
                match (&change.position, &mut built_ins) {
                    (None, Some(pack)) => pack.push(change),
                    (None, None) => return Err("a built-in came after the snapshot".into()),
                    (Some(_), _) => news.push(change),
                }
            }
            self.take_in(news).await?;
            if message.snapshot_complete {
                self.replace_built_ins(built_ins.take().unwrap_or_default()).await?;
                let heads = message.heads.iter().map(from_wire).collect::<Result<Vec<_>, _>>()?;
                self.copy.reach(heads);
                if self.outage.is_over() {
                    tracing::info!("the catalog is followed again");
                }
            }
        }
        Ok(())
    }

    /// A cursor behind the end of the log means that the catalog was replaced: the copy begins again.
    async fn refused(&self, status: tonic::Status) -> Result<(), Trouble> {
        if status.code() == tonic::Code::FailedPrecondition {
            tracing::warn!("the catalog is not the one this copy was made from; copying it anew");
            self.store.forget().await?;
            self.copy.restart();
        }
        Err(status.into())
    }

    async fn take_in(&mut self, changes: Vec<Change>) -> Result<(), Trouble> {
        if changes.is_empty() {
            return Ok(());
        }
        let mut kept = Vec::with_capacity(changes.len());
        let mut news = Vec::with_capacity(changes.len());
        for change in changes {
            let position =
                from_wire(change.position.as_ref().ok_or("a change without a position")?)?;
            kept.push((position, change.encode_to_vec()));
            news.push(self.learnt(Some(position), change));
        }
        self.store.keep(kept).await?;
        self.copy.learn(news, false);
        Ok(())
    }

    async fn replace_built_ins(&mut self, pack: Vec<Change>) -> Result<(), Trouble> {
        self.store.keep_built_ins(pack.iter().map(Change::encode_to_vec).collect()).await?;
        let pack = pack.into_iter().map(|change| self.learnt(None, change)).collect();
        self.copy.learn(pack, true);
        Ok(())
    }

    /// What ingest makes of a change. One it does not understand is passed over: whoever waits for the
    /// changes behind it must not wait for a newer ingest. It is kept as it came, and so is learnt when that
    /// one starts.
    fn learnt(
        &mut self,
        position: Option<Position>,
        change: Change,
    ) -> (Option<Position>, Option<domain::Change>) {
        let workspace = change.workspace_id.clone();
        let parsed = parse_change(change, &mut self.patterns).unwrap_or_else(|error| {
            let (position, error) = (position.map(tracing::field::display), fault::chain(&*error));
            tracing::warn!(position, workspace, error, "a change of the catalog is passed over");
            None
        });
        (position, parsed)
    }
}

fn to_wire(position: Position) -> common::Position {
    common::Position { partition: position.partition.get().into(), seq: position.seq }
}

fn from_wire(position: &common::Position) -> Result<Position, Trouble> {
    let partition = i16::try_from(position.partition).ok().and_then(Partition::new);
    let partition = partition.ok_or("the catalog named a partition that does not exist")?;
    Ok(Position { partition, seq: position.seq })
}
