//! Calls whose message is whatever bytes a test makes up.

use bytes::{Buf as _, BufMut as _, Bytes};
use chassis::Channel;
use http::Uri;
use http::uri::PathAndQuery;
use tonic::client::Grpc;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::transport::Endpoint;
use tonic::{Request, Status};

/// Calls `path` (`/tally.ingest.v1.IngestService/Track`) with `message` as its bytes; answers the bytes of
/// the answer, the first of a stream's, none when it ended without one.
pub async fn call(channel: Channel, path: &'static str, message: Bytes) -> Result<Bytes, Status> {
    let mut grpc = Grpc::new(channel);
    grpc.ready().await?;
    let path = PathAndQuery::from_static(path);
    let answer = grpc.server_streaming(Request::new(message), path, Raw).await?;
    Ok(answer.into_inner().message().await?.unwrap_or_default())
}

/// Calls `path` with this key and never sends its message; answers how the call ends. On a channel of its
/// own: the suite's has a message whole before it sends it.
pub async fn silent(uri: Uri, key: String, path: &'static str) -> Result<(), Status> {
    let unsent = |error: tonic::transport::Error| Status::from_error(error.into());
    let channel = Endpoint::from(uri).connect().await.map_err(unsent)?;
    let mut grpc = Grpc::new(channel);
    grpc.ready().await.map_err(unsent)?;
    let mut request = Request::new(futures_util::stream::pending());
    let bearer = format!("Bearer {key}").parse();
    let bearer =
        bearer.map_err(|_| Status::invalid_argument("a key that metadata cannot carry"))?;
    request.metadata_mut().insert("authorization", bearer);
    let path = PathAndQuery::from_static(path);
    grpc.client_streaming(request, path, Raw).await.map(|_| ())
}

#[derive(Clone, Copy, Default)]
struct Raw;

impl Codec for Raw {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, into: &mut EncodeBuf<'_>) -> Result<(), Status> {
        into.put(item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(from.copy_to_bytes(from.remaining())))
    }
}
