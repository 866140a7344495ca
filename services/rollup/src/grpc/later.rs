//! RPCs that are in the contract and not yet in this build. They refuse, and do nothing else.

use fault::Fault;
use tonic::{Request, Response, Status, async_trait};
use wire::rollup::v1 as api;
use wire::rollup::v1::share_service_server::ShareService;
use wire::rollup::v1::ticket_service_server::TicketService;

/// The whole behaviour of an RPC to come.
pub(super) fn later<T>(rpc: &str) -> Result<Response<T>, Status> {
    Err(Fault::unimplemented(rpc).into())
}

/// Services of which nothing is there yet.
pub(super) struct Later;

#[async_trait]
impl TicketService for Later {
    async fn get_ticket(
        &self,
        _: Request<api::GetTicketRequest>,
    ) -> Result<Response<api::GetTicketResponse>, Status> {
        later("GetTicket")
    }

    async fn list_tickets(
        &self,
        _: Request<api::ListTicketsRequest>,
    ) -> Result<Response<api::ListTicketsResponse>, Status> {
        later("ListTickets")
    }
}

#[async_trait]
impl ShareService for Later {
    async fn create_share_link(
        &self,
        _: Request<api::CreateShareLinkRequest>,
    ) -> Result<Response<api::CreateShareLinkResponse>, Status> {
        later("CreateShareLink")
    }

    async fn list_share_links(
        &self,
        _: Request<api::ListShareLinksRequest>,
    ) -> Result<Response<api::ListShareLinksResponse>, Status> {
        later("ListShareLinks")
    }

    async fn revoke_share_link(
        &self,
        _: Request<api::RevokeShareLinkRequest>,
    ) -> Result<Response<api::RevokeShareLinkResponse>, Status> {
        later("RevokeShareLink")
    }

    async fn open_share_link(
        &self,
        _: Request<api::OpenShareLinkRequest>,
    ) -> Result<Response<api::OpenShareLinkResponse>, Status> {
        later("OpenShareLink")
    }
}
