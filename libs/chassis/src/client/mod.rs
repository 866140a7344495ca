//! Channels to the other services: lazy, traced, with a deadline and a credential on every call.

mod channel;
mod connector;
mod fault_of;
mod payload;

use http::{HeaderValue, Uri};
use secrecy::SecretString;
use tonic::transport::Endpoint;

pub use channel::Channel;
pub use fault_of::fault_of;

use crate::config::expose;
use crate::server::{CONNECTION_WINDOW, KEEPALIVE_INTERVAL, KEEPALIVE_TIMEOUT, STREAM_WINDOW};
use crate::{Context, StartError, Transport};
use connector::{CONNECT_TIMEOUT, Connector};

/// A channel to another service of the suite, showing it the service credential.
///
/// Nothing is connected yet: the first call does. `from` names the caller in the user agent. A channel
/// that cannot work, for want of a certificate for instance, fails its calls and says why.
#[must_use]
pub fn connect(uri: &Uri, from: &'static str, ctx: &Context) -> Channel {
    open(uri, from, Some(&ctx.service_token), &ctx.transport)
        .unwrap_or_else(|error| Channel::broken(uri, &error))
}

/// The same with an API key, as the command line and the demo use it; without any credential for
/// PUBLIC calls and health checks.
#[must_use]
pub fn connect_with_key(
    uri: &Uri,
    from: &'static str,
    api_key: Option<&SecretString>,
    transport: &Transport,
) -> Channel {
    open(uri, from, api_key, transport).unwrap_or_else(|error| Channel::broken(uri, &error))
}

fn open(
    uri: &Uri,
    from: &'static str,
    credential: Option<&SecretString>,
    transport: &Transport,
) -> Result<Channel, StartError> {
    let refuse = |error: tonic::transport::Error| {
        StartError::new(format!("cannot connect to {uri}")).because(error)
    };
    let mut endpoint = Endpoint::from(uri.clone())
        .user_agent(format!("tally-{from}/{}", env!("CARGO_PKG_VERSION")))
        .map_err(refuse)?
        .connect_timeout(CONNECT_TIMEOUT)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .initial_stream_window_size(STREAM_WINDOW)
        .http2_keep_alive_interval(KEEPALIVE_INTERVAL)
        .keep_alive_timeout(KEEPALIVE_TIMEOUT)
        .keep_alive_while_idle(true);
    if uri.scheme_str() == Some("https") {
        endpoint = endpoint.tls_config(transport.tls.client()?).map_err(refuse)?;
    }
    let authorization = credential.map(bearer).transpose()?;
    let inner = endpoint.connect_with_connector_lazy(Connector::new());
    Ok(Channel::new(inner, uri, authorization, transport.call_timeout))
}

fn bearer(credential: &SecretString) -> Result<HeaderValue, StartError> {
    let mut value =
        HeaderValue::try_from(format!("Bearer {}", expose(credential))).map_err(|_| {
            StartError::new("the credential holds characters that metadata cannot carry")
        })?;
    // Kept out of HPACK's tables and of debug output.
    value.set_sensitive(true);
    Ok(value)
}
