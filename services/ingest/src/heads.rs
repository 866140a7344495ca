//! The last committed seq of every partition, as far as this process knows: what tails wait on.

use kernel::{PARTITIONS, Partition, Position};
use tokio::sync::watch;

/// Cheap to clone. It only ever grows.
#[derive(Clone)]
pub(crate) struct Heads(watch::Sender<[i64; PARTITIONS as usize]>);

impl Heads {
    pub(crate) fn new() -> Self {
        Self(watch::Sender::new([0; PARTITIONS as usize]))
    }

    /// Takes in what was committed here, announced by another replica, or read from the database.
    pub(crate) fn raise(&self, positions: impl IntoIterator<Item = Position>) {
        self.0.send_if_modified(|heads| {
            let mut raised = false;
            for position in positions {
                let head = &mut heads[index(position.partition)];
                raised |= position.seq > *head;
                *head = position.seq.max(*head);
            }
            raised
        });
    }

    /// Resolves when something was committed after this call to `subscribe`.
    pub(crate) fn subscribe(&self) -> watch::Receiver<[i64; PARTITIONS as usize]> {
        self.0.subscribe()
    }
}

pub(crate) fn index(partition: Partition) -> usize {
    usize::from(partition.get().unsigned_abs())
}
