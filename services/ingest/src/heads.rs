//! The last committed seq of every partition, as far as this process knows: what tails wait on.

use kernel::{PARTITIONS, Partition, Position};
use tokio::sync::watch;

/// One seq a partition. They only ever grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Marks([i64; PARTITIONS as usize]);

impl Default for Marks {
    fn default() -> Self {
        Self([0; PARTITIONS as usize])
    }
}

impl Marks {
    /// Where a partition stands.
    pub(crate) fn of(&self, partition: Partition) -> i64 {
        self.0[index(partition)]
    }

    /// Takes in positions; says whether any was news.
    pub(crate) fn raise(&mut self, positions: impl IntoIterator<Item = Position>) -> bool {
        let mut raised = false;
        for position in positions {
            let mark = &mut self.0[index(position.partition)];
            raised |= position.seq > *mark;
            *mark = position.seq.max(*mark);
        }
        raised
    }
}

/// Cheap to clone. It only ever grows.
#[derive(Clone)]
pub(crate) struct Heads(watch::Sender<Marks>);

impl Heads {
    pub(crate) fn new() -> Self {
        Self(watch::Sender::new(Marks::default()))
    }

    /// Takes in what was committed here, announced by another replica, or read from the database.
    pub(crate) fn raise(&self, positions: impl IntoIterator<Item = Position>) {
        self.0.send_if_modified(|heads| heads.raise(positions));
    }

    /// Where every partition stands.
    pub(crate) fn now(&self) -> Marks {
        *self.0.borrow()
    }

    /// Whether anybody waits for news.
    pub(crate) fn are_followed(&self) -> bool {
        self.0.receiver_count() > 0
    }

    /// Resolves when something was committed after this call to `subscribe`.
    pub(crate) fn subscribe(&self) -> watch::Receiver<Marks> {
        self.0.subscribe()
    }
}

fn index(partition: Partition) -> usize {
    usize::from(partition.get().unsigned_abs())
}
