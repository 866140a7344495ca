//! What the demo needs before the first event: a workspace, a key, a rate, a subscriber. All of it is
//! found again when the demo runs again.

use std::time::Duration;

use chassis::{Channel, Context, ServiceConfig, connect, connect_with_key};
use kernel::Timestamp;
use secrecy::SecretString;
use wire::catalog::v1::SetHourlyRateRequest;
use wire::catalog::v1::catalog_service_client::CatalogServiceClient;
use wire::common::v1::Scope;
use wire::ingest::v1::access_service_client::AccessServiceClient;
use wire::ingest::v1::{
    ApiKey, CreateApiKeyRequest, CreateWorkspaceRequest, ListApiKeysRequest, RevokeApiKeyRequest,
};
use wire::webhook::v1::endpoint_service_client::EndpointServiceClient;
use wire::webhook::v1::{CreateEndpointRequest, Filter, Operator, Predicate};

use super::{Month, Receiver};
use crate::failure::Failure;
use webhook_dispatch::domain::Secret;

/// EUR 85 an hour, as in the seed document.
const RATE_MICROS_PER_HOUR: i64 = 85_000_000;
/// By which a run finds the keys of earlier ones.
const KEY_NAME: &str = "tally demo";
/// The key lives a day: long enough to look around.
const KEY_TTL_SECONDS: i64 = 86_400;
/// The rate holds from well before the month.
const RATE_LEAD: Duration = Duration::from_secs(86_400);

/// Everything in place.
pub(crate) struct Stage {
    pub(crate) workspace: String,
    pub(crate) api_key: SecretString,
    pub(crate) month: Month,
    /// Version of the catalog in which the rate holds.
    pub(crate) catalog_version: String,
}

pub(crate) async fn prepare(
    peers: &ServiceConfig,
    ctx: &Context,
    receiver: &Receiver,
) -> Result<Stage, Failure> {
    let mut access = AccessServiceClient::new(connect(&peers.ingest_url, "demo", ctx));
    let workspace = access
        .create_workspace(CreateWorkspaceRequest {
            name: "demo".to_owned(),
            time_zone: "UTC".to_owned(),
            currency_code: "EUR".to_owned(),
            request_id: "tally-demo".to_owned(),
        })
        .await
        .map_err(Failure::call("the demo's workspace was not created"))?
        .into_inner()
        .workspace
        .unwrap_or_default();
    let created = workspace.create_time.unwrap_or_default();
    let month = Month::before(Timestamp::from_parts(created.seconds, created.nanos));

    revoke_earlier_keys(&mut access, &workspace.workspace_id).await?;
    let key = access
        .create_api_key(CreateApiKeyRequest {
            workspace_id: workspace.workspace_id.clone(),
            name: KEY_NAME.to_owned(),
            // Backfill: the month stays where it is when the demo runs again much later.
            scopes: vec![Scope::Admin.into(), Scope::Backfill.into()],
            ttl: Some(wire::Duration { seconds: KEY_TTL_SECONDS, nanos: 0 }),
        })
        .await
        .map_err(Failure::call("the demo's key was not created"))?
        .into_inner();
    let api_key = SecretString::from(key.secret);
    let with_key = |uri| connect_with_key(uri, "demo", Some(&api_key), &ctx.transport);

    let mut catalog = CatalogServiceClient::new(with_key(&peers.catalog_url));
    let since = month.window.start().minus(RATE_LEAD);
    let rate = catalog
        .set_hourly_rate(SetHourlyRateRequest {
            request_id: "tally-demo-rate".to_owned(),
            rate_micros_per_hour: RATE_MICROS_PER_HOUR,
            currency_code: "EUR".to_owned(),
            effective_time: Some(since.parts().into()),
            reason: "the rate of the seed month".to_owned(),
            ..Default::default()
        })
        .await
        .map_err(Failure::call("the demo's rate was not set"))?
        .into_inner();

    let mut endpoints = EndpointServiceClient::new(with_key(&peers.webhook_url));
    let endpoint = endpoints
        .create_endpoint(subscriber(receiver))
        .await
        .map_err(Failure::call("the demo's subscriber was not registered"))?
        .into_inner();
    let secret = Secret::parse(&endpoint.secret).map_err(|_| {
        Failure::Other("webhook-dispatch answered with a secret that is none".to_owned())
    })?;
    receiver.know(secret);
    Ok(Stage {
        workspace: workspace.workspace_id,
        api_key,
        month,
        catalog_version: rate.catalog_version,
    })
}

/// The keys of earlier runs: they are shown once and kept nowhere, so that a run cannot use them again,
/// and a pile of admin keys is no example to give.
async fn revoke_earlier_keys(
    access: &mut AccessServiceClient<Channel>,
    workspace_id: &str,
) -> Result<(), Failure> {
    let mut page_token = String::new();
    loop {
        let request = ListApiKeysRequest {
            workspace_id: workspace_id.to_owned(),
            page_token,
            ..Default::default()
        };
        let page = access
            .list_api_keys(request)
            .await
            .map_err(Failure::call("the demo's earlier keys were not listed"))?
            .into_inner();
        let earlier = |key: &ApiKey| key.name == KEY_NAME && key.revoke_time.is_none();
        for key in page.api_keys.into_iter().filter(earlier) {
            let workspace_id = workspace_id.to_owned();
            access
                .revoke_api_key(RevokeApiKeyRequest { workspace_id, key_id: key.key_id })
                .await
                .map_err(Failure::call("an earlier key of the demo was not revoked"))?;
        }
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return Ok(());
        }
    }
}

/// Subscribed to failures only.
fn subscriber(receiver: &Receiver) -> CreateEndpointRequest {
    let url = receiver.url();
    let failures = Predicate {
        path: "outcome".to_owned(),
        operator: Operator::Equal.into(),
        values: vec!["failure".to_owned()],
    };
    CreateEndpointRequest {
        // Another address is another subscriber.
        request_id: format!(
            "tally-demo-{}",
            url.rsplit(':').next().unwrap_or_default().replace("/hook", "")
        ),
        url,
        description: "the demo's own subscriber".to_owned(),
        filter: Some(Filter { predicates: vec![failures] }),
        include_traceparent: true,
        ..Default::default()
    }
}
