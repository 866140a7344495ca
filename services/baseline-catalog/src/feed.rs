//! One reader's way through the change log: what is there, then what comes, in order, none left
//! out.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use kernel::{Partition, Position};
use tokio::sync::watch;

use crate::app::{App, Error};
use crate::domain::Change;

/// How long a commit of another replica may stay unseen: a quarter of the second the catalog
/// promises.
const POLL: Duration = Duration::from_millis(250);
/// Changes handed over at once: an intent at all its limits weighs 22 KB, and a client takes in 4 MiB.
const CHANGES_MAX: u64 = 100;

/// A reader of the log.
pub(crate) struct Feed {
    app: Arc<App>,
    commits: watch::Receiver<()>,
    /// The last seq handed over, for each partition.
    cursors: BTreeMap<Partition, i64>,
    /// Where the log ended when the reader came; `None` once that has been reached and said.
    snapshot: Option<Vec<Position>>,
}

/// What a reader is handed.
#[derive(Debug)]
pub(crate) enum Step {
    /// The next changes of one partition.
    Changes(Vec<Change>),
    /// Everything that was there at the start has been handed over; said once. Where the reader
    /// stands.
    SnapshotComplete(Vec<Position>),
}

impl Feed {
    /// Goes on behind `cursors`; a partition that is not named begins at its first change.
    pub(crate) async fn open(
        app: Arc<App>,
        cursors: impl IntoIterator<Item = Position>,
    ) -> Result<Self, Error> {
        let commits = app.commits();
        let cursors: BTreeMap<_, _> = cursors.into_iter().map(|p| (p.partition, p.seq)).collect();
        let heads = app.store().heads().await?;
        for (partition, seq) in &cursors {
            let head =
                heads.iter().find(|head| head.partition == *partition).map_or(0, |head| head.seq);
            // The log was restored from an older copy: what the reader holds may not be what comes
            // next.
            if *seq > head {
                return Err(Error::AheadOfLog(*partition));
            }
        }
        Ok(Self { app, commits, cursors, snapshot: Some(heads) })
    }

    /// Waits for the next step. Dropping the future loses nothing.
    pub(crate) async fn next(&mut self) -> Result<Step, Error> {
        loop {
            // Marked as seen before reading: a commit while we read wakes us again.
            self.commits.mark_unchanged();
            let heads = self.app.store().heads().await?;
            if let Some(behind) = heads.iter().find(|head| self.cursor(head.partition) < head.seq) {
                let after = Position { seq: self.cursor(behind.partition), ..*behind };
                let changes = self.app.store().changes_after(after, CHANGES_MAX).await?;
                if let Some(last) = changes.last() {
                    self.cursors.insert(behind.partition, last.position.seq);
                    return Ok(Step::Changes(changes));
                }
            }
            if let Some(snapshot) = self.snapshot.take() {
                return Ok(Step::SnapshotComplete(self.standing(&snapshot)));
            }
            self.rest().await;
        }
    }

    fn cursor(&self, partition: Partition) -> i64 {
        self.cursors.get(&partition).copied().unwrap_or(0)
    }

    fn standing(&self, partitions: &[Position]) -> Vec<Position> {
        partitions
            .iter()
            .map(|head| Position { seq: self.cursor(head.partition), ..*head })
            .collect()
    }

    async fn rest(&mut self) {
        let clock = self.app.clock();
        let poll = clock.now().plus(POLL);
        tokio::select! {
            // The app holds the sender for as long as we hold the app.
            _ = self.commits.changed() => {}
            () = clock.sleep_until(poll) => {}
        }
    }
}
