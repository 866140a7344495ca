//! A channel that knows where it leads: a call that finds nobody there, or somebody else, can say so.

use std::task::{Context, Poll};

use chassis::ServiceConfig;
use chassis::config::{prefix_of, redacted};
use http::{HeaderName, HeaderValue, Request, Response, Uri};
use tonic::body::Body;
use tonic::codegen::{BoxFuture, Service};
use tonic::metadata::MetadataMap;
use tonic::{Code, Status};

/// Put on answers here and read here: no service sends it.
const PLACE: HeaderName = HeaderName::from_static("x-tally-place");
const STATUS: &str = "grpc-status";

/// A service the command line calls.
#[derive(Clone, Copy)]
pub(crate) enum Peer {
    Ingest,
    Catalog,
    Rollup,
}

impl Peer {
    pub(crate) fn uri(self, peers: &ServiceConfig) -> &Uri {
        match self {
            Self::Ingest => &peers.ingest_url,
            Self::Catalog => &peers.catalog_url,
            Self::Rollup => &peers.rollup_url,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Ingest => ingest::NAME,
            Self::Catalog => baseline_catalog::NAME,
            Self::Rollup => rollup::NAME,
        }
    }
}

/// Cheap to clone; goes into the generated clients.
#[derive(Clone)]
pub(crate) struct Channel {
    inner: chassis::Channel,
    /// A [`Place`], in the one form that a status carries along.
    place: Option<HeaderValue>,
}

/// Where a call went.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) service: String,
    pub(crate) url: String,
    /// Which variable says so.
    pub(crate) variable: String,
}

impl Place {
    /// Where the call went that ended so; `None` where it was made over another channel.
    pub(crate) fn of(status: &Status) -> Option<Self> {
        let mut words = status.metadata().get(PLACE.as_str())?.to_str().ok()?.split(' ');
        let mut word = || words.next().map(str::to_owned);
        Some(Self { service: word()?, url: word()?, variable: word()? })
    }
}

impl Channel {
    pub(crate) fn new(inner: chassis::Channel, peer: Peer, peers: &ServiceConfig) -> Self {
        let url = redacted(&peer.uri(peers).to_string());
        let (url, name) = (url.trim_end_matches('/'), peer.name());
        let place = format!("{name} {url} TALLY_{}_URL", prefix_of(name));
        Self { inner, place: HeaderValue::try_from(place).ok() }
    }
}

impl Service<Request<Body>> for Channel {
    type Response = Response<Body>;
    type Error = Status;
    type Future = BoxFuture<Response<Body>, Status>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Status>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let answer = self.inner.call(request);
        let place = self.place.clone();
        Box::pin(async move {
            let failed = match answer.await {
                // Somebody, but no service of ours: theirs answer 200 and say in gRPC what is wrong.
                Ok(answer) if !answer.status().is_success() => {
                    Status::new(Code::Unimplemented, format!("it answers HTTP {}", answer.status()))
                }
                Ok(mut answer) => {
                    let failed = answer.headers().contains_key(STATUS);
                    if let Some(place) = place.filter(|_| failed) {
                        answer.headers_mut().insert(PLACE, place);
                    }
                    return Ok(answer);
                }
                Err(status) => status,
            };
            Err(marked(failed, place))
        })
    }
}

fn marked(mut status: Status, place: Option<HeaderValue>) -> Status {
    let mut headers = std::mem::take(status.metadata_mut()).into_headers();
    headers.extend(place.map(|place| (PLACE, place)));
    *status.metadata_mut() = MetadataMap::from_headers(headers);
    status
}
