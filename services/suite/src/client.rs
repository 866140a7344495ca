//! The services as a caller sees them: over a channel, with a key.

use chassis::{ServiceConfig, Transport, connect_with_key};
use secrecy::SecretString;

pub(crate) use crate::channel::{Channel, Peer};
use crate::failure::Failure;
use crate::hosting;
use crate::settings::Settings;

const NAME: &str = "cli";

/// Channels with one credential, or none.
pub(crate) struct Client {
    credential: Option<SecretString>,
    transport: Transport,
    peers: ServiceConfig,
}

impl Client {
    /// With the key of TALLY_API_KEY.
    pub(crate) fn with_key(settings: &Settings) -> Result<Self, Failure> {
        let credential = settings.api_key.clone().ok_or_else(|| {
            Failure::Other(
                "no API key: set TALLY_API_KEY (`tally serve all` prints one at its first start)"
                    .into(),
            )
        })?;
        Ok(Self { credential: Some(credential), ..Self::without_key(settings) })
    }

    /// As anybody.
    pub(crate) fn without_key(settings: &Settings) -> Self {
        let (transport, peers) = (settings.process.transport.clone(), settings.peers.clone());
        Self { credential: None, transport, peers }
    }

    pub(crate) fn to(&self, peer: Peer) -> Channel {
        let uri = peer.uri(&self.peers);
        let channel = connect_with_key(uri, NAME, self.credential.as_ref(), &self.transport);
        Channel::new(channel, peer, &self.peers)
    }
}

/// A channel of the operator, with the service token.
pub(crate) fn as_operator(settings: &mut Settings, peer: Peer) -> Result<Channel, Failure> {
    let ctx = hosting::context(settings)?;
    let channel = chassis::connect(peer.uri(&settings.peers), NAME, &ctx);
    Ok(Channel::new(channel, peer, &settings.peers))
}
