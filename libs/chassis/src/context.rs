//! What every service is handed: time, ids, the stop signal, and how to talk to the others.

use std::sync::Arc;
use std::time::Duration;

use kernel::{Clock, IdSource, hex};
use secrecy::SecretString;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clock::SystemClock;
use crate::config::Reader;
use crate::ids::OsIds;
use crate::tls::TlsFiles;

/// Shared by every service of a process; cheap to clone.
#[derive(Clone)]
pub struct Context {
    /// The only source of the present.
    pub clock: Arc<dyn Clock>,
    /// The only source of ids and secrets.
    pub ids: Arc<dyn IdSource>,
    /// Cancelled when the drain begins: end streams, take nothing new, finish what was begun.
    pub stop: CancellationToken,
    /// Background work, awaited after the servers have drained.
    pub tasks: TaskTracker,
    /// What the services of this suite show each other.
    pub service_token: SecretString,
    /// How this process serves and connects.
    pub transport: Arc<Transport>,
}

/// How this process serves and connects.
#[derive(Clone, Debug)]
pub struct Transport {
    /// Certificates; plain HTTP/2 when none are given.
    pub tls: TlsFiles,
    /// Whether servers answer grpc.reflection.
    pub reflection: bool,
    /// From the stop signal to the moment connections are cut.
    pub drain: Duration,
    /// From the drained servers to the moment background work is abandoned.
    pub settle: Duration,
    /// Calls a server works on at once; more are shed with RESOURCE_EXHAUSTED.
    pub calls_max: usize,
    /// Answers a server streams at once, on top of the calls it works on.
    pub streams_max: usize,
    /// The deadline of a unary call that has no other.
    pub call_timeout: Duration,
    /// How long an accepted connection may take to begin speaking HTTP/2.
    pub greeting: Duration,
}

impl Default for Transport {
    fn default() -> Self {
        Self {
            tls: TlsFiles::default(),
            reflection: true,
            drain: Duration::from_secs(10),
            settle: Duration::from_secs(5),
            calls_max: 4_096,
            streams_max: 16_384,
            call_timeout: Duration::from_secs(10),
            greeting: Duration::from_secs(10),
        }
    }
}

impl Transport {
    /// Reads the process-wide variables.
    pub fn read(r: &mut Reader<'_>) -> Self {
        let fallback = Self::default();
        Self {
            tls: TlsFiles::read(r),
            reflection: r.global(
                "REFLECTION",
                "on",
                "Whether servers describe themselves to grpcurl: on, off.",
            ),
            drain: r.global(
                "DRAIN",
                "10s",
                "How long calls in flight may take once the process is told to stop.",
            ),
            settle: fallback.settle,
            calls_max: r.global(
                "CALLS_MAX",
                "4096",
                "Calls a server works on at once; more are refused.",
            ),
            streams_max: r.global(
                "STREAMS_MAX",
                "16384",
                "Answers a server streams at once; more are refused.",
            ),
            call_timeout: r.global(
                "CALL_TIMEOUT",
                "10s",
                "Deadline of a call to another service that has no other.",
            ),
            greeting: fallback.greeting,
        }
    }
}

/// What [`Context::system`] is made from.
pub struct Settings {
    /// How this process serves and connects.
    pub transport: Transport,
    /// `None`: one is made up, good for a process that talks to itself only.
    pub service_token: Option<SecretString>,
}

impl Settings {
    /// Reads the process-wide variables.
    pub fn read(r: &mut Reader<'_>) -> Self {
        Self {
            transport: Transport::read(r),
            service_token: r.global_secret(
                "SERVICE_TOKEN",
                "What the services show each other: the same for every process of a suite. Made up when unset.",
            ),
        }
    }
}

impl Context {
    /// With the clock and ids of this machine.
    #[must_use]
    pub fn system(settings: Settings) -> Self {
        let ids: Arc<dyn IdSource> = Arc::new(OsIds);
        let token = settings.service_token.unwrap_or_else(|| made_up_token(ids.as_ref()));
        Self::new(Arc::new(SystemClock), ids, token, settings.transport)
    }

    /// From parts, for tests.
    #[must_use]
    pub fn new(
        clock: Arc<dyn Clock>,
        ids: Arc<dyn IdSource>,
        service_token: SecretString,
        transport: Transport,
    ) -> Self {
        Self {
            clock,
            ids,
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
            service_token,
            transport: Arc::new(transport),
        }
    }
}

fn made_up_token(ids: &dyn IdSource) -> SecretString {
    let mut bytes = [0; 32];
    ids.fill(&mut bytes);
    hex(&bytes).into()
}
