//! What a tracked tool_call tells the guard: how the call ended.

use kernel::WorkspaceId;
use wire::ingest::v1::event::Body;
use wire::ingest::v1::{CallStatus, LedgerRecord};

use super::args;
use crate::domain::guard::LastResult;
use crate::guard::{Guard, ToolResult};

/// Notes the results among new entries, each with its place in the ledger.
pub(in crate::grpc) fn note<'r>(
    guard: &Guard,
    workspace: WorkspaceId,
    entries: impl Iterator<Item = (i64, &'r LedgerRecord)>,
) {
    for result in entries.filter_map(|(seq, record)| result(workspace, seq, record)) {
        guard.note(result);
    }
}

/// None where the guard could not be asked about such a call, or the event says nothing of its end.
fn result(workspace: WorkspaceId, seq: i64, record: &LedgerRecord) -> Option<ToolResult> {
    let event = record.event.as_ref()?;
    let Some(Body::ToolCall(call)) = &event.body else { return None };
    let ticket = event.ticket.as_ref().filter(|ticket| !ticket.ticket_id.is_empty())?;
    let result = match call.status() {
        CallStatus::Ok | CallStatus::Error => LastResult::Final,
        CallStatus::RetryableError => LastResult::Retryable,
        // A denied call was not made: what the one before it gave still holds.
        CallStatus::Denied | CallStatus::Unspecified => return None,
    };
    Some(ToolResult {
        workspace,
        ticket_id: ticket.ticket_id.clone(),
        stage: call.stage.clone(),
        tool: call.tool.clone(),
        args: args::of_event(&call.args_hash)?,
        intent: ticket.intent.clone(),
        result,
        seq,
    })
}
