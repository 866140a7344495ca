//! RebuildService: starting a recount, and how far it is.

use std::sync::Arc;

use chassis::auth::Principal;
use fault::{ErrorReason, Fault, Violations};
use kernel::{Clock, base32};
use tonic::{Request, Response, Status, async_trait};
use wire::rollup::v1 as api;
use wire::rollup::v1::rebuild_service_server::RebuildService;

use super::render::timestamp;
use crate::domain::{Rebuild, RebuildState};
use crate::rebuild::Rebuilding;

const PREFIX: &str = "rb_";
const REQUEST_ID_BYTES_MAX: usize = 255;
const REASON_BYTES_MAX: usize = 1_024;

pub(super) struct Rebuilds {
    rebuilding: Rebuilding,
    clock: Arc<dyn Clock>,
}

impl Rebuilds {
    pub(super) fn new(rebuilding: Rebuilding, clock: Arc<dyn Clock>) -> Self {
        Self { rebuilding, clock }
    }
}

#[async_trait]
impl RebuildService for Rebuilds {
    async fn start_rebuild(
        &self,
        request: Request<api::StartRebuildRequest>,
    ) -> Result<Response<api::StartRebuildResponse>, Status> {
        let workspace = Principal::from(&request)?.workspace()?;
        let api::StartRebuildRequest { request_id, reason } = request.into_inner();
        let mut wrong = Violations::new();
        text(&mut wrong, "request_id", &request_id, REQUEST_ID_BYTES_MAX);
        text(&mut wrong, "reason", &reason, REASON_BYTES_MAX);
        wrong.finish()?;
        let now = self.clock.now();
        let rebuild = self.rebuilding.begin(workspace, request_id, reason, now).await?;
        Ok(Response::new(api::StartRebuildResponse { rebuild: Some(render(&rebuild)) }))
    }

    async fn get_rebuild(
        &self,
        request: Request<api::GetRebuildRequest>,
    ) -> Result<Response<api::GetRebuildResponse>, Status> {
        let workspace = Principal::from(&request)?.workspace()?;
        let sent = request.into_inner().rebuild_id;
        let id = sent.strip_prefix(PREFIX).and_then(base32::decode);
        let Some(id) = id.and_then(|id| i64::try_from(id).ok()) else {
            let mut wrong = Violations::new();
            let hint = format!("{sent:?} is no id of a rebuild such as rb_0000000000001");
            wrong.add("rebuild_id", ErrorReason::InvalidField, hint);
            return Err(wrong.into_fault().into());
        };
        let found = self.rebuilding.find(workspace, id).await?;
        let missing = || {
            Fault::not_found(ErrorReason::ResourceNotFound, "no such rebuild")
                .with("resource", "rebuild")
        };
        let rebuild = found.ok_or_else(missing)?;
        Ok(Response::new(api::GetRebuildResponse { rebuild: Some(render(&rebuild)) }))
    }
}

fn text(wrong: &mut Violations, field: &str, sent: &str, bytes_max: usize) {
    if sent.is_empty() {
        wrong.add(field, ErrorReason::Required, "is required");
    } else if sent.len() > bytes_max {
        let long = format!("{} bytes; at most {bytes_max}", sent.len());
        wrong.add(field, ErrorReason::TooLarge, long);
    } else if sent.chars().any(char::is_control) {
        wrong.add(field, ErrorReason::InvalidField, "holds a control character");
    }
}

fn render(rebuild: &Rebuild) -> api::Rebuild {
    let state = match rebuild.state {
        RebuildState::Running => api::RebuildState::Running,
        RebuildState::Succeeded => api::RebuildState::Succeeded,
        RebuildState::Failed => api::RebuildState::Failed,
    };
    api::Rebuild {
        rebuild_id: format!("{PREFIX}{}", base32::encode(rebuild.id.unsigned_abs())),
        state: state.into(),
        reason: rebuild.reason.clone(),
        entries_done: rebuild.done,
        entries_total: rebuild.until,
        start_time: Some(timestamp(rebuild.start)),
        end_time: rebuild.end.map(timestamp),
        digest_before: rebuild.digest_before.clone(),
        digest_after: rebuild.digest_after.clone(),
    }
}
