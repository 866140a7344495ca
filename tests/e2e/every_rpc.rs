//! Calling any RPC of the contract with an empty message, whatever its types are.

use std::time::Duration;

use chassis::Channel;
use tonic::client::Grpc;
use tonic::codec::Streaming;
use tonic::{Code, Request, Status};
use tonic_prost::ProstCodec;
use wire::Method;

/// An answer that streams may have nothing to say yet; that it did not refuse is answer enough.
const LISTEN: Duration = Duration::from_secs(1);

/// The code with which it answers. `()` encodes as the empty message and decodes from every other.
pub(crate) async fn call(channel: Channel, method: &Method) -> Code {
    let mut grpc = Grpc::new(channel);
    grpc.ready().await.unwrap();
    let path = http::uri::PathAndQuery::from_static(method.path);
    let request = Request::new(tokio_stream::once(()));
    let opened = grpc.streaming(request, path, ProstCodec::<(), ()>::default()).await;
    match opened {
        Ok(answer) => {
            first(answer.into_inner()).await.map_or_else(|status| status.code(), |()| Code::Ok)
        }
        Err(status) => status.code(),
    }
}

async fn first(mut answer: Streaming<()>) -> Result<(), Status> {
    let message = tokio::time::timeout(LISTEN, answer.message()).await;
    message.map_or(Ok(()), |message| message.map(|_| ()))
}
