//! The loop of a consumer: hold leases, follow the stream, apply batches, start again after any trouble.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chassis::{Outage, attr, trace};
use db::Db;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use kernel::{Clock, IdSource, Partition};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tonic::Streaming;
use wire::common::v1 as common;
use wire::ingest::v1::ledger_service_client::LedgerServiceClient;
use wire::ingest::v1::{TailRequest, TailResponse};

use crate::ahead::Ahead;
use crate::lease::{Lease, Leases};
use crate::{Batch, Checkpoint, Error, Progress};

/// What a context does with the ledger.
#[async_trait]
pub trait Consumer: Send + Sync + 'static {
    /// Its name in logs, metrics and traces, such as "rollup".
    fn name(&self) -> &'static str;

    /// Writes the effects of `batch` and moves the cursor with [`Checkpoint::advance`], both in one
    /// transaction.
    ///
    /// # Errors
    /// Any error means that nothing was written: the same entries come again.
    async fn apply(&self, batch: Batch, checkpoint: Checkpoint) -> Result<(), Error>;

    /// How many of the first entries of `batch` to apply in one transaction, at least one; the rest
    /// follows in the next. All of them, unless an entry can have so many effects that a batch of them
    /// would hold the writer for too long.
    ///
    /// # Errors
    /// As those of [`Consumer::apply`].
    async fn portion(&self, batch: &Batch) -> Result<usize, Error> {
        Ok(batch.entries.len())
    }

    /// How many entries to put together, at most about, when the ledger has sent them already: a consumer
    /// that is behind then pays for fewer transactions. Nothing waits for more to come. A message of the
    /// stream at a time, unless a consumer says otherwise.
    fn appetite(&self) -> usize {
        0
    }

    /// How many partitions to apply at the same time, at most, of those that were put together (see
    /// [`Consumer::appetite`]): each in its own order, in a transaction of its own or one they share. One
    /// after the other, unless a consumer says otherwise.
    fn abreast(&self) -> usize {
        1
    }
}

/// How a consumer shares and waits.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// How long a lease outlives its holder. A successor takes over after at most this and a third.
    pub lease: Duration,
    /// First and longest wait after an error.
    pub backoff: (Duration, Duration),
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            lease: Duration::from_secs(2),
            backoff: (Duration::from_millis(50), Duration::from_secs(2)),
        }
    }
}

type Held = BTreeMap<Partition, Lease>;

/// Consumes until `context.stop` is cancelled; runs on `context.tasks`. Answers how far it has come.
pub fn run(
    consumer: Arc<dyn Consumer>,
    db: Db,
    ledger: LedgerServiceClient<chassis::Channel>,
    settings: Settings,
    context: &chassis::Context,
) -> Progress {
    let progress = Progress::new();
    let holder = IdSource::next_i64(&*context.ids);
    let leases = Arc::new(Leases::new(db, holder, settings.lease));
    let (publish, held) = watch::channel(Held::new());
    let renewal = Renewal {
        leases,
        publish,
        every: settings.lease / 3,
        progress: progress.clone(),
        clock: Arc::clone(&context.clock),
        stop: context.stop.clone(),
        name: consumer.name(),
    };
    let follower = Follower {
        consumer,
        ledger,
        holder,
        held,
        progress: progress.clone(),
        backoff: settings.backoff,
        clock: Arc::clone(&context.clock),
        stop: context.stop.clone(),
        unreachable: Outage::default(),
        failing: Outage::default(),
    };
    context.tasks.spawn(renewal.run());
    context.tasks.spawn(follower.run());
    progress
}

/// Keeps the leases alive beside the work, so that a long batch does not lose them.
struct Renewal {
    leases: Arc<Leases>,
    publish: watch::Sender<Held>,
    every: Duration,
    progress: Progress,
    clock: Arc<dyn Clock>,
    stop: CancellationToken,
    name: &'static str,
}

impl Renewal {
    async fn run(self) {
        let mut outage = Outage::default();
        while !self.stop.is_cancelled() {
            match self.leases.step().await {
                Ok(held) => {
                    if outage.is_over() {
                        tracing::info!(consumer = self.name, "leases are renewed again");
                    }
                    self.progress.raise(held.applied);
                    self.publish.send_if_modified(|current| {
                        let epochs = |held: &Held| {
                            held.iter().map(|(p, lease)| (*p, lease.epoch)).collect::<Vec<_>>()
                        };
                        let changed = epochs(current) != epochs(&held.mine);
                        *current = held.mine;
                        changed
                    });
                }
                Err(error) => {
                    let error = fault::chain(&error);
                    if outage.is_news(&error) {
                        tracing::warn!(consumer = self.name, error, "leases not renewed");
                    }
                }
            }
            let next = self.clock.now().plus(self.every);
            tokio::select! {
                () = self.clock.sleep_until(next) => {}
                () = self.stop.cancelled() => {}
            }
        }
        // Given back after the last batch: the follower drops its receiver then.
        self.publish.closed().await;
        if let Err(error) = self.leases.release().await {
            let error = fault::chain(&error);
            tracing::warn!(consumer = self.name, error, "leases not released");
        }
    }
}

struct Follower {
    consumer: Arc<dyn Consumer>,
    ledger: LedgerServiceClient<chassis::Channel>,
    holder: i64,
    held: watch::Receiver<Held>,
    progress: Progress,
    backoff: (Duration, Duration),
    clock: Arc<dyn Clock>,
    stop: CancellationToken,
    /// The ledger does not let us follow it.
    unreachable: Outage,
    /// What it sends is not applied.
    failing: Outage,
}

impl Follower {
    async fn run(mut self) {
        let mut wait = self.backoff.0;
        while !self.stop.is_cancelled() {
            let leases = self.held.borrow_and_update().clone();
            let mut applied = 0;
            let followed = self.follow(leases, &mut applied).await;
            if applied > 0 {
                wait = self.backoff.0;
            }
            let Err(error) = followed else { continue };
            if self.stop.is_cancelled() {
                return;
            }
            self.report(&error);
            let next = self.clock.now().plus(wait);
            tokio::select! {
                () = self.clock.sleep_until(next) => {}
                () = self.stop.cancelled() => {}
            }
            wait = (wait * 2).min(self.backoff.1);
        }
    }

    /// Says each cause once an outage, since it comes again with every attempt; what only an operator can
    /// mend is said until one does.
    fn report(&mut self, error: &Error) {
        let consumer = self.consumer.name();
        let cause = fault::chain(error);
        let outage = match error {
            Error::Ledger(_) => &mut self.unreachable,
            Error::Fenced(_) | Error::Store(_) | Error::Corrupt { .. } | Error::Consumer(_) => {
                &mut self.failing
            }
        };
        if !outage.is_news(&cause) && !matches!(error, Error::Corrupt { .. }) {
            tracing::debug!(consumer, error = cause, "tailing was interrupted again");
            return;
        }
        match error {
            // The partition stands still until it is mended.
            Error::Corrupt { .. } => {
                tracing::error!(consumer, error = cause, "an entry cannot be read, starting again");
            }
            // Losing a lease and a ledger that restarts are ordinary.
            Error::Fenced(_) | Error::Store(_) | Error::Ledger(_) | Error::Consumer(_) => {
                tracing::warn!(consumer, error = cause, "tailing was interrupted, starting again");
            }
        }
    }

    /// Follows one stream until the leases change, the stream ends or the service stops. Counts the
    /// batches in `applied`, whatever ends it.
    async fn follow(&mut self, mut leases: Held, applied: &mut u64) -> Result<(), Error> {
        if leases.is_empty() {
            self.pause().await;
            return Ok(());
        }
        // What this process applied itself is newer than what the last lease step read.
        for (partition, lease) in &mut leases {
            lease.seq = lease.seq.max(self.progress.applied(*partition));
        }
        let stream = self.open(&leases).await?;
        self.reached();
        let mut stream = Ahead::read(stream, self.consumer.appetite() > 0);
        loop {
            let message = tokio::select! {
                biased;
                () = self.stop.cancelled() => return Ok(()),
                _ = self.held.changed() => return Ok(()),
                message = stream.next() => message?,
            };
            let Some(message) = message else { return Ok(()) };
            let mut messages = vec![message];
            // What was gathered counts, whatever ended it.
            let gathered = self.gather(&mut stream, &mut messages);
            let (moved, outcome) = self.apply_abreast(&leases, messages).await;
            for (partition, seq) in moved {
                self.applied();
                *applied += 1;
                leases.entry(partition).and_modify(|lease| lease.seq = seq);
            }
            outcome?;
            if self.is_wanted_elsewhere() {
                return Ok(());
            }
            gathered?;
        }
    }

    /// Takes messages that are there already, each partition's into one.
    fn gather(&self, stream: &mut Ahead, messages: &mut Vec<TailResponse>) -> Result<(), Error> {
        let mut entries: usize = messages.iter().map(|message| message.entries.len()).sum();
        while entries < self.consumer.appetite() {
            let Some(mut more) = stream.next_here()? else { return Ok(()) };
            entries += more.entries.len();
            match messages.iter_mut().find(|known| known.partition == more.partition) {
                Some(known) => known.entries.append(&mut more.entries),
                None => messages.push(more),
            }
        }
        Ok(())
    }

    async fn pause(&mut self) {
        tokio::select! {
            _ = self.held.changed() => {}
            () = self.stop.cancelled() => {}
        }
    }

    async fn open(&mut self, leases: &Held) -> Result<Streaming<TailResponse>, Error> {
        let cursors = leases.iter().map(|(partition, lease)| common::Position {
            partition: i32::from(partition.get()),
            seq: lease.seq,
        });
        let request =
            TailRequest { consumer: self.consumer.name().to_owned(), cursors: cursors.collect() };
        tokio::select! {
            stream = self.ledger.tail(request) => Ok(stream?.into_inner()),
            () = self.stop.cancelled() => Err(tonic::Status::cancelled("stopping").into()),
        }
    }

    fn reached(&mut self) {
        if self.unreachable.is_over() {
            tracing::info!(consumer = self.consumer.name(), "the ledger is followed again");
        }
    }

    fn applied(&mut self) {
        if self.failing.is_over() {
            tracing::info!(consumer = self.consumer.name(), "batches are applied again");
        }
    }

    /// Applies messages of different partitions side by side; answers where those are now that were applied.
    /// Behind an error none is begun, and those that were are waited for: their effects count.
    async fn apply_abreast(
        &self,
        leases: &Held,
        messages: Vec<TailResponse>,
    ) -> (Vec<(Partition, i64)>, Result<(), Error>) {
        let abreast = self.consumer.abreast().max(1);
        let mut waiting = messages.into_iter();
        let mut applying = FuturesUnordered::new();
        let (mut moved, mut outcome) = (Vec::new(), Ok(()));
        loop {
            while outcome.is_ok() && applying.len() < abreast && !self.is_wanted_elsewhere() {
                let Some(message) = waiting.next() else { break };
                applying.push(self.apply(leases, message));
            }
            match applying.next().await {
                Some(Ok(mark)) => moved.push(mark),
                Some(Err(error)) => outcome = outcome.and(Err(error)),
                None => return (moved, outcome),
            }
        }
    }

    /// Answers how far it came.
    async fn apply(&self, leases: &Held, message: TailResponse) -> Result<(Partition, i64), Error> {
        let batch = Batch::decode(message, |p| leases.get(&p).map_or(-1, |lease| lease.seq))?;
        let partition = batch.partition;
        let mut lease = *leases.get(&partition).ok_or(Error::Fenced(partition))?;
        let mut left = Some(batch);
        while let Some(mut portion) = left {
            left = portion.cut(self.consumer.portion(&portion).await?);
            self.apply_portion(&mut lease, portion).await?;
            if self.is_wanted_elsewhere() {
                break;
            }
        }
        Ok((partition, lease.seq))
    }

    /// Whether the stream ends before its next message: the rest of a batch then comes again.
    fn is_wanted_elsewhere(&self) -> bool {
        self.stop.is_cancelled() || self.held.has_changed().unwrap_or(true)
    }

    async fn apply_portion(&self, lease: &mut Lease, batch: Batch) -> Result<(), Error> {
        let (partition, to) = (batch.partition, batch.last());
        let checkpoint =
            Checkpoint { partition, holder: self.holder, epoch: lease.epoch, from: lease.seq, to };
        // RELIABILITY A4: a batch is a root of its own, linked to the calls its events came from.
        let receive = trace::span(attr::SPAN_RECEIVE)
            .kind(trace::Kind::Client)
            .root()
            .links(batch.entries.iter().filter_map(|entry| entry.trace))
            .attr(attr::MESSAGING_SYSTEM, attr::TALLYSTICK)
            .attr(attr::MESSAGING_CONSUMER_GROUP_NAME, self.consumer.name())
            .attr(attr::MESSAGING_DESTINATION_PARTITION_ID, partition.to_string())
            .attr(attr::MESSAGING_BATCH_MESSAGE_COUNT, batch.entries.len() as i64)
            .start();
        let process = receive
            .child(attr::SPAN_PROCESS)
            .kind(trace::Kind::Consumer)
            .links(batch.entries.iter().filter_map(|entry| entry.trace))
            .attr(attr::MESSAGING_CONSUMER_GROUP_NAME, self.consumer.name())
            .start();
        let outcome = process.scope(self.consumer.apply(batch, checkpoint)).await;
        if let Err(error) = &outcome {
            process.fail(error.kind());
            receive.fail(error.kind());
        }
        outcome?;
        lease.seq = to;
        self.progress.raise([(partition, to)]);
        Ok(())
    }
}
