//! The ledger as a consumer reads it: every entry from the first to the last.

use std::collections::BTreeMap;

use kernel::WorkspaceId;
use wire::common::v1::Position;
use wire::ingest::v1::ledger_service_client::LedgerServiceClient;
use wire::ingest::v1::{GetHeadsRequest, LedgerEntry, LedgerRecord, TailRequest};

use crate::{PATIENCE, Stage};

/// What stands in the ledger under one idempotency key.
pub type Written = BTreeMap<String, Vec<i64>>;

/// Reads the stage's partition to its head: seqs by idempotency key.
///
/// # Panics
/// When a seq is missing or comes twice: they grow by one.
pub async fn written(stage: &Stage) -> Written {
    let mut written = Written::new();
    for entry in entries(stage, 0, usize::MAX).await {
        let record: LedgerRecord =
            prost::Message::decode(entry.record.as_ref()).expect("ingest wrote it");
        let key = record.event.expect("an entry is an event").idempotency_key;
        written.entry(key).or_default().push(entry.seq);
    }
    written
}

/// The entries of the stage's partition behind `after`: all up to its head, or about `most`.
///
/// # Panics
/// When a seq is missing or comes twice: they grow by one.
pub async fn entries(stage: &Stage, after: i64, most: usize) -> Vec<LedgerEntry> {
    let channel = stage.service_channel(&stage.addresses.ingest());
    let mut ledger = LedgerServiceClient::new(channel);
    let workspace: WorkspaceId = stage.workspace.parse().expect("ingest gave this id");
    let partition = i32::from(workspace.partition().get());
    let heads = ledger.get_heads(GetHeadsRequest {}).await.expect("the heads").into_inner().heads;
    let head = heads.iter().find(|head| head.partition == partition).map_or(0, |head| head.seq);

    let cursors = vec![Position { partition, seq: after }];
    let request = TailRequest { consumer: "tests".to_owned(), cursors };
    let mut tail = ledger.tail(request).await.expect("the tail").into_inner();
    let (mut last, mut entries) = (after, Vec::new());
    while last < head && entries.len() < most {
        let next = tokio::time::timeout(PATIENCE, tail.message()).await;
        let batch = next.expect("the tail reaches the head").expect("no error").expect("no end");
        for entry in batch.entries {
            assert_eq!(entry.seq, last + 1, "seq grows by one");
            last = entry.seq;
            entries.push(entry);
        }
    }
    entries
}
