//! How far this database reflects the ledger: read-your-writes for reports.

use std::time::Duration;

use kernel::{PARTITIONS, Partition, Position};
use tokio::sync::watch;

/// Seq applied, for each partition. Cheap to clone and to read; it never goes back.
#[derive(Debug, Clone)]
pub struct Progress(watch::Sender<[i64; PARTITIONS as usize]>);

impl Progress {
    pub(crate) fn new() -> Self {
        Self(watch::Sender::new([0; PARTITIONS as usize]))
    }

    /// Last seq of `partition` whose effects can be read.
    pub fn applied(&self, partition: Partition) -> i64 {
        self.0.borrow()[index(partition)]
    }

    /// Waits until `position` is reflected, at most `patience`; says whether it is.
    pub async fn reaches(&self, position: Position, patience: Duration) -> bool {
        let mut seen = self.0.subscribe();
        let reached = seen.wait_for(|applied| applied[index(position.partition)] >= position.seq);
        // Closed is impossible while `self` holds a sender.
        tokio::time::timeout(patience, reached).await.is_ok_and(|reached| reached.is_ok())
    }

    pub(crate) fn raise(&self, marks: impl IntoIterator<Item = (Partition, i64)>) {
        self.0.send_if_modified(|applied| {
            let mut raised = false;
            for (partition, seq) in marks {
                let mark = &mut applied[index(partition)];
                raised |= seq > *mark;
                *mark = seq.max(*mark);
            }
            raised
        });
    }
}

fn index(partition: Partition) -> usize {
    usize::from(partition.get().unsigned_abs())
}
