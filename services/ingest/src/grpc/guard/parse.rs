//! A question to the guard, checked whole.

use fault::{ErrorReason, Fault, Violations};
use kernel::WorkspaceId;
use wire::ingest::v1::check_call_request::Call as Sent;
use wire::ingest::v1::{CheckCallRequest, GuardedToolCall, ModelCall};

use super::args;
use crate::domain::limits::Breach;
use crate::grpc::bodies::Check;
use crate::guard::{Asked, Call, Stage};

const ARGUMENTS_BYTES_MAX: usize = 32 * 1024;

/// Checks everything and says everything that is wrong.
pub(super) fn asked(
    workspace: WorkspaceId,
    request: &CheckCallRequest,
) -> Result<Asked<'_>, Fault> {
    let mut violations = Violations::new();
    let mut c = Check { violations: &mut violations, path: "" };
    c.required("ticket_id", &request.ticket_id);
    c.required("stage", &request.stage);
    c.identifier("intent", &request.intent);
    c.identifier("agent_id", &request.agent_id);
    let call = match &request.call {
        Some(Sent::Model(sent)) => model(sent, &mut violations),
        Some(Sent::Tool(sent)) => tool(sent, &mut violations),
        None => {
            let what = "is required: say what is about to be called, a model or a tool";
            violations.add("call", ErrorReason::Required, what);
            None
        }
    };
    match call {
        Some(call) if violations.is_empty() => {
            let at = Stage { workspace, ticket_id: &request.ticket_id, stage: &request.stage };
            Ok(Asked { at, intent: &request.intent, call })
        }
        _ => Err(violations.into_fault()),
    }
}

fn model<'r>(sent: &'r ModelCall, violations: &mut Violations) -> Option<Call<'r>> {
    let mut c = Check { violations, path: "model" };
    c.required("model", &sent.model);
    c.identifier("provider", &sent.provider);
    let Ok(attempt) = u32::try_from(sent.attempt) else {
        let what = format!("is 1 or more; {} was sent", sent.attempt);
        c.breach("attempt", &Breach::OutOfRange(what));
        return None;
    };
    Some(Call::Model { provider: &sent.provider, model: &sent.model, attempt: attempt.max(1) })
}

fn tool<'r>(sent: &'r GuardedToolCall, violations: &mut Violations) -> Option<Call<'r>> {
    let mut c = Check { violations, path: "tool" };
    c.required("tool", &sent.tool);
    let (limit, bytes) = (ARGUMENTS_BYTES_MAX, sent.arguments_json.len());
    if bytes > limit {
        c.breach("arguments_json", &Breach::TooLarge { limit, sent: bytes, unit: "bytes" });
        return None;
    }
    match args::hash(&sent.arguments_json) {
        Ok(args) => Some(Call::Tool { tool: &sent.tool, args }),
        Err(error) => {
            let what = format!("is no JSON text: {error}");
            violations.add("tool.arguments_json", ErrorReason::InvalidField, what);
            None
        }
    }
}
