//! Certificates: TLS by giving files, mutual TLS by giving the authority of the clients.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tonic::transport::{Certificate, ClientTlsConfig, Identity, ServerTlsConfig};

use crate::StartError;
use crate::config::Reader;

/// A peer that opens a TLS connection and says nothing is dropped after this.
const HANDSHAKE: Duration = Duration::from_secs(5);

/// Paths of PEM files.
#[derive(Clone, Debug, Default)]
pub struct TlsFiles {
    /// Our certificate and its key: servers speak TLS, clients show them where asked.
    pub identity: Option<(PathBuf, PathBuf)>,
    /// Authority of the clients: with it, servers accept nobody else.
    pub client_ca: Option<PathBuf>,
    /// Authority of the servers we connect to.
    pub ca: Option<PathBuf>,
}

impl TlsFiles {
    /// Reads `TALLY_TLS_*`.
    pub fn read(r: &mut Reader<'_>) -> Self {
        let cert = r
            .global_optional("TLS_CERT", "PEM file of our certificate; servers speak TLS with it.");
        let key = r.global_optional("TLS_KEY", "PEM file of the key of TALLY_TLS_CERT.");
        let client_ca: Option<PathBuf> = r.global_optional(
            "TLS_CLIENT_CA",
            "PEM file of the authority clients must come from (mutual TLS).",
        );
        let ca =
            r.global_optional("TLS_CA", "PEM file of the authority of the servers we connect to.");
        let identity = match (cert, key) {
            (Some(cert), Some(key)) => Some((cert, key)),
            (None, None) => None,
            (Some(_), None) => {
                r.refuse("TALLY_TLS_KEY: is missing beside TALLY_TLS_CERT");
                None
            }
            (None, Some(_)) => {
                r.refuse("TALLY_TLS_CERT: is missing beside TALLY_TLS_KEY");
                None
            }
        };
        if client_ca.is_some() && identity.is_none() {
            r.refuse("TALLY_TLS_CLIENT_CA: needs TALLY_TLS_CERT and TALLY_TLS_KEY");
        }
        Self { identity, client_ca, ca }
    }

    /// The server's side; `None` without a certificate.
    pub(crate) fn server(&self) -> Result<Option<ServerTlsConfig>, StartError> {
        let Some(identity) = self.identity()? else { return Ok(None) };
        use_ring();
        let mut config = ServerTlsConfig::new().identity(identity).timeout(HANDSHAKE);
        if let Some(path) = &self.client_ca {
            let authority = Certificate::from_pem(read("TALLY_TLS_CLIENT_CA", path)?);
            config = config.client_ca_root(authority).client_auth_optional(false);
        }
        Ok(Some(config))
    }

    /// The client's side, for `https://` addresses.
    pub(crate) fn client(&self) -> Result<ClientTlsConfig, StartError> {
        use_ring();
        let mut config = ClientTlsConfig::new().timeout(HANDSHAKE);
        if let Some(path) = &self.ca {
            config = config.ca_certificate(Certificate::from_pem(read("TALLY_TLS_CA", path)?));
        }
        if let Some(identity) = self.identity()? {
            config = config.identity(identity);
        }
        Ok(config)
    }

    fn identity(&self) -> Result<Option<Identity>, StartError> {
        let Some((cert, key)) = &self.identity else { return Ok(None) };
        Ok(Some(Identity::from_pem(read("TALLY_TLS_CERT", cert)?, read("TALLY_TLS_KEY", key)?)))
    }
}

fn read(variable: &str, path: &Path) -> Result<Vec<u8>, StartError> {
    std::fs::read(path).map_err(|error| {
        StartError::new(format!("could not read {}, named by {variable}", path.display()))
            .because(error)
    })
}

/// rustls picks no provider by itself once two are linked in; whoever comes second finds ours.
pub(crate) fn use_ring() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}
