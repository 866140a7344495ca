//! The services as a caller sees them: over a channel, with a key.

use chassis::{Channel, Transport, connect_with_key};
use http::Uri;
use secrecy::SecretString;

use crate::failure::Failure;
use crate::settings::Settings;

const NAME: &str = "cli";

/// Channels with one credential.
pub(crate) struct Client {
    pub(crate) credential: SecretString,
    pub(crate) transport: Transport,
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
        Ok(Self { credential, transport: settings.process.transport.clone() })
    }

    pub(crate) fn to(&self, uri: &Uri) -> Channel {
        connect_with_key(uri, NAME, Some(&self.credential), &self.transport)
    }
}
