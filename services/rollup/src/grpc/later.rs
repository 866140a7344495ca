//! RPCs that are in the contract and not yet in this build. They refuse, and do nothing else.

use fault::Fault;
use tonic::{Request, Response, Status, async_trait};
use wire::rollup::v1 as api;
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
