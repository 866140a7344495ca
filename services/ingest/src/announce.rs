//! Telling other replicas of commits, beside the commits and not between them: a lane that waited for the
//! cache would commit the less.

use std::sync::Arc;

use hot::{Hot, Wake};
use kernel::{Partition, Position};
use tokio::sync::watch;

use crate::heads::Marks;

/// What was committed here and not announced yet. Several commits of a partition are one announcement.
#[derive(Clone)]
pub(crate) struct Announcer(watch::Sender<Marks>);

impl Announcer {
    /// The announcer and its loop, which ends when every announcer is dropped.
    pub(crate) fn new(hot: Arc<dyn Hot>) -> (Self, impl Future<Output = ()> + Send + 'static) {
        let committed = watch::Sender::new(Marks::default());
        let news = committed.subscribe();
        (Self(committed), run(hot, news))
    }

    /// Announces that the ledger has come so far.
    pub(crate) fn announce(&self, positions: &[Position]) {
        self.0.send_if_modified(|marks| marks.raise(positions.iter().copied()));
    }
}

async fn run(hot: Arc<dyn Hot>, mut news: watch::Receiver<Marks>) {
    let mut told = Marks::default();
    while news.changed().await.is_ok() {
        let committed = *news.borrow_and_update();
        for partition in Partition::all() {
            let seq = committed.of(partition);
            if seq > told.of(partition) {
                hot.publish(Wake { partition, seq }).await;
            }
        }
        told = committed;
    }
}
