//! ShareService: reports for people without a key.

mod parse;
mod render;
mod saved;
mod suppress;

use chassis::auth::Principal;
use chassis::page;
use fault::Fault;
use kernel::Timestamp;
use tonic::{Request, Response, Status, async_trait};
use wire::rollup::v1 as api;
use wire::rollup::v1::share_service_server::ShareService;

use super::desk::{Desk, Report};
use crate::domain::{Reader, ShareId, SmallCells};
use crate::sharing::{NewShare, Sharing};

pub(super) struct Shares {
    desk: Desk,
    sharing: Sharing,
}

impl Shares {
    pub(super) fn new(desk: Desk, sharing: Sharing) -> Self {
        Self { desk, sharing }
    }
}

#[async_trait]
impl ShareService for Shares {
    async fn create_share_link(
        &self,
        request: Request<api::CreateShareLinkRequest>,
    ) -> Result<Response<api::CreateShareLinkResponse>, Status> {
        let workspace = Principal::from(&request)?.workspace()?;
        let asked = parse::create(request.into_inner(), self.sharing.now())?;
        // Computed for a live link too: a question that cannot be answered is refused before anybody
        // gets the link.
        let report = self.desk.report(workspace, asked.report.clone()).await?;
        let frozen = match asked.mode {
            parse::Mode::Live => None,
            parse::Mode::Frozen => Some(saved::answer(&shown(report, asked.cells))?),
        };
        let new = NewShare {
            workspace,
            request_id: asked.request_id,
            fingerprint: asked.fingerprint,
            title: asked.title,
            report: saved::question(asked.report),
            frozen,
            passcode: asked.passcode,
            cells: asked.cells,
            expires: asked.expires,
        };
        let made = self.sharing.create(new).await?;
        Ok(Response::new(api::CreateShareLinkResponse {
            share_link: Some(render::link(&made.share)),
            token: made.token.map(|token| token.reveal()).unwrap_or_default(),
        }))
    }

    async fn list_share_links(
        &self,
        request: Request<api::ListShareLinksRequest>,
    ) -> Result<Response<api::ListShareLinksResponse>, Status> {
        let workspace = Principal::from(&request)?.workspace()?;
        let api::ListShareLinksRequest { page_size, page_token } = request.into_inner();
        let filter = workspace.get().to_be_bytes();
        let (page, after) = parse::page(page_size, &page_token, &filter)?;
        let after =
            after.and_then(|[at, id]| Some((Timestamp::from_micros(at), ShareId::new(id)?)));
        let found = self.sharing.page(workspace, after, page.limit()).await?;
        let (found, next_page_token) =
            page.cut(found, |last| page::place([last.created.micros(), last.id.get()]));
        let share_links = found.iter().map(render::link).collect();
        Ok(Response::new(api::ListShareLinksResponse { share_links, next_page_token }))
    }

    async fn revoke_share_link(
        &self,
        request: Request<api::RevokeShareLinkRequest>,
    ) -> Result<Response<api::RevokeShareLinkResponse>, Status> {
        let workspace = Principal::from(&request)?.workspace()?;
        let id = parse::revoke(request.into_inner())?;
        let share = self.sharing.revoke(workspace, id).await?;
        let share_link = Some(render::link(&share));
        Ok(Response::new(api::RevokeShareLinkResponse { share_link }))
    }

    async fn list_share_attempts(
        &self,
        request: Request<api::ListShareAttemptsRequest>,
    ) -> Result<Response<api::ListShareAttemptsResponse>, Status> {
        let workspace = Principal::from(&request)?.workspace()?;
        let sent = request.into_inner();
        let id = parse::id(&sent.share_link_id)?;
        let (page, after) =
            parse::page(sent.page_size, &sent.page_token, sent.share_link_id.as_bytes())?;
        let after = after.map(|[at, number]| (Timestamp::from_micros(at), number));
        let found = self.sharing.attempts(workspace, id, after, page.limit()).await?;
        let (found, next_page_token) =
            page.cut(found, |last| page::place([last.at.micros(), last.number]));
        let attempts = found.into_iter().map(render::attempt).collect();
        Ok(Response::new(api::ListShareAttemptsResponse { attempts, next_page_token }))
    }

    async fn open_share_link(
        &self,
        request: Request<api::OpenShareLinkRequest>,
    ) -> Result<Response<api::OpenShareLinkResponse>, Status> {
        let reader = reader(&request);
        let sent = parse::open(request.into_inner())?;
        let share = self.sharing.admit(&sent.token, &sent.passcode, &reader).await?;
        let question = saved::asked(&share.report).ok_or_else(|| unreadable("question"))?;
        let report = match &share.frozen {
            Some(answer) => saved::report(&question, answer).ok_or_else(|| unreadable("answer"))?,
            None => shown(self.desk.report(share.workspace, question).await?, share.cells),
        };
        self.sharing.opened(&share, reader).await?;
        Ok(Response::new(render::opened(&share, report)))
    }
}

fn shown(report: Report, cells: SmallCells) -> Report {
    match cells {
        SmallCells::Shown => report,
        SmallCells::Suppressed => suppress::small_cells(report),
    }
}

fn reader<T>(request: &Request<T>) -> Reader {
    let address = request.remote_addr().map(|peer| peer.ip().to_string());
    let agent = request.metadata().get("user-agent").and_then(|agent| agent.to_str().ok());
    Reader::new(address.unwrap_or_default(), agent.unwrap_or_default())
}

fn unreadable(what: &str) -> Fault {
    Fault::internal("the saved report cannot be read").because(format!("its {what} is damaged"))
}
