//! Calls whose message is whatever bytes a test makes up.

use bytes::{Buf as _, BufMut as _, Bytes};
use chassis::Channel;
use http::uri::PathAndQuery;
use tonic::client::Grpc;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
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

/// Calls `path` and never sends its message; answers how the call ends.
pub async fn silent(channel: Channel, path: &'static str) -> Result<(), Status> {
    let mut grpc = Grpc::new(channel);
    grpc.ready().await?;
    let (path, nothing) = (PathAndQuery::from_static(path), futures_util::stream::pending());
    grpc.client_streaming(Request::new(nothing), path, Raw).await.map(|_| ())
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
