//! Room in the queue: who waits for it, who does not, and that the first leave some to the others.

use futures_util::FutureExt as _;
use kernel::{Timestamp, WorkspaceId};
use tokio::task::JoinSet;

use super::room::WAITING_KIB_MAX;
use super::*;
use crate::domain::Fingerprint;

/// What a stream takes in at most before it records.
const PORTION: usize = 256 * 1024;
/// So many fit the share of those who wait: each counts a KiB more than it has.
const FIT: usize = WAITING_KIB_MAX / 2 / 257;
const CALLERS: usize = 40;

pub(super) fn entries(bytes: usize) -> Vec<NewEntry> {
    vec![NewEntry {
        workspace: WorkspaceId::new(1).unwrap(),
        partition: WorkspaceId::new(1).unwrap().partition(),
        kind: 10,
        occurred: Timestamp::EPOCH,
        key_hash: None,
        body_hash: Fingerprint::of(b""),
        trace: None,
        record: vec![0; bytes],
    }]
}

/// A committer whose queue nobody works off.
pub(super) fn idle(calls: usize) -> (Committer, mpsc::UnboundedReceiver<Job>) {
    let (sender, jobs) = mpsc::unbounded_channel();
    (Committer { jobs: sender, waiting: Waiting::new(calls) }, jobs)
}

/// Callers who wait for room, and the word that ends the wait.
fn patient(committer: &Committer, callers: usize) -> (JoinSet<bool>, CancellationToken) {
    let (mut waiting, stop) = (JoinSet::new(), CancellationToken::new());
    for _ in 0..callers {
        let (committer, stop) = (committer.clone(), stop.clone());
        waiting.spawn(async move {
            let answer = committer.append(entries(PORTION), WhenFull::Wait { stop: &stop }).await;
            matches!(answer, Err(Refused::Stopping))
        });
    }
    (waiting, stop)
}

async fn queued(jobs: &mpsc::UnboundedReceiver<Job>, count: usize) {
    let queued = async {
        while jobs.len() < count {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(10), queued).await.unwrap();
}

#[tokio::test]
async fn those_who_wait_leave_room_to_those_who_do_not() {
    let (committer, jobs) = idle(1_000);
    let (mut waiting, stop) = patient(&committer, CALLERS);
    queued(&jobs, FIT).await;
    let small = committer.append(entries(100), WhenFull::Refuse).now_or_never();
    assert!(small.is_none(), "it waits for its commit");
    assert_eq!(jobs.len(), FIT + 1);
    let large = committer.append(entries(9 * 1024 * 1024), WhenFull::Refuse).now_or_never();
    assert!(matches!(large, Some(Err(Refused::Overloaded))), "memory stays bounded");

    stop.cancel();
    for _ in FIT..CALLERS {
        assert!(waiting.join_next().await.unwrap().unwrap(), "the wait ends with the service");
    }
    assert_eq!(waiting.len(), FIT, "what has its room stays");
}

#[tokio::test]
async fn room_that_is_given_back_goes_to_who_waits_first() {
    let (committer, mut jobs) = idle(1);
    let (mut waiting, _stop) = patient(&committer, 3);
    queued(&jobs, 1).await;
    for _ in 0..3 {
        let refused = committer.append(entries(1), WhenFull::Refuse).now_or_never();
        assert!(matches!(refused, Some(Err(Refused::Overloaded))));
        let Job { reply, .. } = jobs.recv().await.unwrap();
        let _ = reply.send(Ok(Committed { answers: Vec::new(), commit: None }));
        assert!(!waiting.join_next().await.unwrap().unwrap(), "it was committed");
        if !waiting.is_empty() {
            queued(&jobs, 1).await;
        }
    }
}

#[tokio::test]
async fn more_than_there_is_room_for_is_taken_by_itself_and_not_waited_for_in_vain() {
    let (committer, jobs) = idle(1);
    let stop = CancellationToken::new();
    let all = entries((WAITING_KIB_MAX + 1) * 1024);
    let append = committer.append(all, WhenFull::Wait { stop: &stop }).now_or_never();
    assert!(append.is_none());
    assert_eq!(jobs.len(), 1);
}
