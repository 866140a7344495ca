//! How the calls of tools ended, as their events said in passing.
//!
//! Behind a queue: an event is answered without waiting for the cache, and what does not fit is forgotten.
//! A result that is not known counts as final, so forgetting one denies a retry early and allows none late.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hot::Hot;
use kernel::{Clock, WorkspaceId};
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;

use super::{ArgsHash, Stage, keys};
use crate::catalog_copy::CatalogCopy;
use crate::domain::guard::LastResult;

/// Results that wait for the cache, a few hundred bytes each.
const WAITING_MAX: usize = 4_096;

/// How a tracked call of a tool ended.
#[derive(Debug)]
pub(crate) struct ToolResult {
    pub(crate) workspace: WorkspaceId,
    pub(crate) ticket_id: String,
    pub(crate) stage: String,
    pub(crate) tool: String,
    pub(crate) args: ArgsHash,
    pub(crate) intent: String,
    pub(crate) result: LastResult,
    /// Of its entry: an older result never replaces a newer one.
    pub(crate) seq: i64,
}

/// The way to the cache.
pub(super) struct Notebook(mpsc::Sender<ToolResult>);

impl Notebook {
    /// The task behind it ends when the notebook is dropped and everything noted is kept.
    pub(super) fn open(
        hot: Arc<dyn Hot>,
        catalog: Arc<CatalogCopy>,
        clock: Arc<dyn Clock>,
        tasks: &TaskTracker,
    ) -> Self {
        let (sender, mut results) = mpsc::channel::<ToolResult>(WAITING_MAX);
        tasks.spawn(async move {
            while let Some(result) = results.recv().await {
                let at = Stage {
                    workspace: result.workspace,
                    ticket_id: &result.ticket_id,
                    stage: &result.stage,
                };
                let key = keys::result(at, &result.tool, result.args);
                let memory: Duration = catalog.read(|catalog| {
                    catalog.intent(result.workspace, &result.intent, clock.now()).limits().memory
                });
                hot.put(&key, result.seq, encode(result.result), memory).await;
            }
        });
        Self(sender)
    }

    pub(super) fn note(&self, result: ToolResult) {
        if self.0.try_send(result).is_err() {
            tracing::debug!("a tool's result was not noted: more wait than is healthy");
        }
    }
}

const FINAL: &[u8] = b"f";
const RETRYABLE: &[u8] = b"r";

fn encode(result: LastResult) -> Bytes {
    Bytes::from_static(match result {
        LastResult::Final => FINAL,
        LastResult::Retryable => RETRYABLE,
    })
}

pub(super) fn decode(bytes: &[u8]) -> Option<LastResult> {
    match bytes {
        FINAL => Some(LastResult::Final),
        RETRYABLE => Some(LastResult::Retryable),
        _ => None,
    }
}
