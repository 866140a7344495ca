//! What must be in place before the first event: a workspace, a key, a rate, and who is subscribed.

use std::path::Path;

use chassis::Channel;
use http::Uri;
use wire::catalog::v1::SetHourlyRateRequest;
use wire::catalog::v1::catalog_service_client::CatalogServiceClient;
use wire::common::v1::Scope;
use wire::ingest::v1::access_service_client::AccessServiceClient;
use wire::ingest::v1::{CreateApiKeyRequest, CreateWorkspaceRequest};
use wire::webhook::v1::endpoint_service_client::EndpointServiceClient;
use wire::webhook::v1::{CreateEndpointRequest, Filter, Operator, Predicate};

use crate::address::channel;
use crate::settings::SERVICE_TOKEN;
use crate::{Addresses, Month, program};

/// EUR 85 an hour, as in the seed document.
const RATE_MICROS_PER_HOUR: i64 = 85_000_000;

/// A workspace, and the credentials to act on it.
#[derive(Debug, Clone)]
pub struct Stage {
    pub addresses: Addresses,
    pub workspace: String,
    /// May do everything a key may, and track events of long ago.
    pub key: String,
    /// Version of the catalog in which the rate holds.
    pub catalog_version: String,
    service_token: String,
}

impl Stage {
    /// In a suite of this process.
    pub async fn set(addresses: &Addresses) -> Self {
        Self::with(addresses, SERVICE_TOKEN.to_owned(), "tests").await
    }

    /// In a suite of other processes, by the credential they share in their directory.
    pub async fn set_beside(addresses: &Addresses, data_dir: &Path) -> Self {
        Self::with(addresses, program::service_token(data_dir), "tests").await
    }

    /// Another workspace of the same suite. Its id follows from its name, as the partition from the id.
    pub async fn another(&self, name: &str) -> Self {
        Self::with(&self.addresses, self.service_token.clone(), name).await
    }

    async fn with(addresses: &Addresses, service_token: String, name: &str) -> Self {
        let mut stage = Self {
            addresses: addresses.clone(),
            workspace: String::new(),
            key: String::new(),
            catalog_version: String::new(),
            service_token,
        };
        let request = CreateWorkspaceRequest {
            name: name.to_owned(),
            time_zone: "UTC".to_owned(),
            currency_code: "EUR".to_owned(),
            request_id: name.to_owned(),
        };
        let created = stage.access().create_workspace(request).await.expect("a workspace");
        let workspace = created.into_inner().workspace.expect("the answer holds it");
        stage.workspace = workspace.workspace_id;
        stage.key = stage.new_key(&[Scope::Admin, Scope::Backfill]).await;

        let (seconds, nanos) = Month::start().parts();
        let rate = SetHourlyRateRequest {
            rate_micros_per_hour: RATE_MICROS_PER_HOUR,
            currency_code: "EUR".to_owned(),
            effective_time: Some(wire::Timestamp { seconds, nanos }),
            reason: "the rate of the seed month".to_owned(),
            ..Default::default()
        };
        let mut catalog = CatalogServiceClient::new(stage.channel(&addresses.catalog()));
        let rate = catalog.set_hourly_rate(rate).await.expect("a rate").into_inner();
        stage.catalog_version = rate.catalog_version;
        stage
    }

    /// A key of the workspace with these scopes and no others.
    pub async fn new_key(&self, scopes: &[Scope]) -> String {
        let request = CreateApiKeyRequest {
            workspace_id: self.workspace.clone(),
            name: "tests".to_owned(),
            scopes: scopes.iter().map(|scope| (*scope).into()).collect(),
            ttl: None,
        };
        self.access().create_api_key(request).await.expect("a key").into_inner().secret
    }

    /// Subscribes `url` to failures; answers the secret its webhooks are signed with.
    pub async fn subscribe_to_failures(&self, url: String) -> String {
        let failures = Predicate {
            path: "outcome".to_owned(),
            operator: Operator::Equal.into(),
            values: vec!["failure".to_owned()],
        };
        let request = CreateEndpointRequest {
            url,
            filter: Some(Filter { predicates: vec![failures] }),
            include_traceparent: true,
            ..Default::default()
        };
        let mut endpoints = EndpointServiceClient::new(self.channel(&self.addresses.webhook()));
        endpoints.create_endpoint(request).await.expect("an endpoint").into_inner().secret
    }

    /// Calling with the key of this workspace.
    pub fn channel(&self, uri: &Uri) -> Channel {
        self.channel_with(uri, Some(&self.key))
    }

    /// Calling as another service.
    pub fn service_channel(&self, uri: &Uri) -> Channel {
        self.channel_with(uri, Some(&self.service_token))
    }

    /// Calling with another credential, or none.
    pub fn channel_with(&self, uri: &Uri, credential: Option<&str>) -> Channel {
        channel(uri, credential)
    }

    fn access(&self) -> AccessServiceClient<Channel> {
        AccessServiceClient::new(self.service_channel(&self.addresses.ingest()))
    }
}
