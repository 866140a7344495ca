//! GuardService: in the contract, the work of a later release.

use tonic::{Request, Response, Status};
use wire::ingest::v1::guard_service_server::GuardService;
use wire::ingest::v1::{CheckCallRequest, CheckCallResponse};

use super::not_implemented;

pub(crate) struct GuardApi;

#[tonic::async_trait]
impl GuardService for GuardApi {
    async fn check_call(
        &self,
        _: Request<CheckCallRequest>,
    ) -> Result<Response<CheckCallResponse>, Status> {
        Err(not_implemented("CheckCall"))
    }
}
