//! Callers of the services as other people's programs are: a plain channel, a key in each call.

use http::Uri;
use secrecy::{ExposeSecret as _, SecretString};
use tonic::Request;
use tonic::metadata::AsciiMetadataValue;
use tonic::transport::{Channel, Endpoint};
use wire::ingest::v1::ingest_service_client::IngestServiceClient;
use wire::rollup::v1::rebuild_service_client::RebuildServiceClient;
use wire::rollup::v1::report_service_client::ReportServiceClient;

use crate::failure::Failure;

/// Connections of the callers: enough that no single one is what is measured.
const CHANNELS: usize = 4;

/// A service to call, with keys.
pub(crate) struct Target {
    channels: Vec<Channel>,
    keys: Vec<AsciiMetadataValue>,
}

impl Target {
    /// Callers of the service at `address`, holding `keys` in turn.
    pub(crate) fn new(address: &Uri, keys: &[SecretString]) -> Result<Self, Failure> {
        let channel = || {
            Endpoint::from(address.clone())
                .initial_connection_window_size(16 * 1024 * 1024)
                .initial_stream_window_size(1024 * 1024)
                .connect_lazy()
        };
        let keys = keys.iter().map(bearer).collect::<Result<_, _>>()?;
        Ok(Self { channels: (0..CHANNELS).map(|_| channel()).collect(), keys })
    }

    /// A caller's own client of ingest.
    pub(crate) fn client(&self, caller: usize) -> IngestServiceClient<Channel> {
        IngestServiceClient::new(self.channel(caller))
    }

    /// A caller's own client of rollup.
    pub(crate) fn reports(&self, caller: usize) -> ReportServiceClient<Channel> {
        ReportServiceClient::new(self.channel(caller))
    }

    /// The same, for rebuilds.
    pub(crate) fn rebuilds(&self, caller: usize) -> RebuildServiceClient<Channel> {
        RebuildServiceClient::new(self.channel(caller))
    }

    /// A request with the key whose turn it is at `caller`.
    pub(crate) fn request<T>(&self, caller: usize, message: T) -> Request<T> {
        let mut request = Request::new(message);
        let key = self.keys[caller % self.keys.len()].clone();
        request.metadata_mut().insert("authorization", key);
        request
    }

    fn channel(&self, caller: usize) -> Channel {
        self.channels[caller % self.channels.len()].clone()
    }
}

fn bearer(key: &SecretString) -> Result<AsciiMetadataValue, Failure> {
    let mut value: AsciiMetadataValue = format!("Bearer {}", key.expose_secret())
        .parse()
        .map_err(|_| Failure::Other("the API key holds characters a call cannot carry".into()))?;
    value.set_sensitive(true);
    Ok(value)
}
