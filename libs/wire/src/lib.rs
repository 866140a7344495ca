//! The contract: `proto/` compiled once into messages, clients, servers, JSON and descriptors.
//!
//! Written by hand are only the look-up of who may call what, in a table made from the descriptors, the
//! [`codec`]'s look before it decodes, and [`Timestamp`], for its JSON. JSON is the protobuf JSON mapping,
//! the same everywhere.

pub mod codec;
mod timestamp;

pub use pbjson_types::Duration;

pub use crate::timestamp::Timestamp;

use crate::common::v1::Scope;

/// Encoded `google.protobuf.FileDescriptorSet` of the whole contract, for reflection.
pub const DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptor_set.bin"));

/// Every RPC of the contract with the scope it declares, in the order of the descriptors.
pub const METHODS: &[Method] = include!(concat!(env!("OUT_DIR"), "/methods.rs"));

/// One RPC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Method {
    /// Path of the HTTP/2 request: `/tally.ingest.v1.IngestService/Track`.
    pub path: &'static str,
    scope: i32,
    /// Whether the answer is a stream.
    pub server_streaming: bool,
    /// Whether the request is a stream.
    pub client_streaming: bool,
}

impl Method {
    /// The method behind a request path, if the contract has it.
    pub fn find(path: &str) -> Option<&'static Method> {
        METHODS.iter().find(|method| method.path == path)
    }

    /// The scope its caller must hold; the build refuses an RPC that states none.
    pub fn scope(&self) -> Scope {
        Scope::try_from(self.scope).unwrap_or(Scope::Service)
    }
}

/// One module an area, as the packages are named.
macro_rules! area {
    ($($area:ident),*) => { $(
        #[allow(
            missing_docs,
            clippy::all,
            clippy::clone_on_ref_ptr,
            unreachable_pub,
            clippy::allow_attributes,
            reason = "generated; the comments are in proto/"
        )]
        pub mod $area {
            pub mod v1 {
                include!(concat!(env!("OUT_DIR"), "/tally.", stringify!($area), ".v1.rs"));
                include!(concat!(env!("OUT_DIR"), "/tally.", stringify!($area), ".v1.serde.rs"));
            }
        }
    )* };
}

area!(common, ingest, catalog, rollup, audit, webhook);

impl common::v1::ErrorReason {
    /// The reason as google.rpc.ErrorInfo carries it: without the enum's prefix.
    pub fn name(self) -> &'static str {
        let name = self.as_str_name();
        name.strip_prefix("ERROR_REASON_").unwrap_or(name)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn every_rpc_states_its_scope() {
        let track = Method::find("/tally.ingest.v1.IngestService/Track").unwrap();
        assert_eq!(track.scope(), Scope::Track);
        assert!(METHODS.iter().all(|m| m.scope() != Scope::Unspecified));
    }

    #[test]
    fn a_report_says_zero_and_an_event_leaves_out_what_was_not_said() {
        let text = serde_json::to_string(&rollup::v1::Measures::default()).unwrap();
        assert!(text.contains(r#""events":"0""#) && text.contains(r#""costSaved":[]"#), "{text}");
        assert_eq!(serde_json::to_string(&ingest::v1::Event::default()).unwrap(), "{}");
    }

    #[test]
    fn json_is_the_protobuf_mapping() {
        let event: ingest::v1::Event = serde_json::from_str(
            r#"{"agentId":"a","occurredTime":"2026-01-31T09:00:00.5Z","taskCompleted":
                {"taskType":"email_classification","outcome":"OUTCOME_SUCCESS","durationMs":"1500"},"newer":1}"#,
        )
        .unwrap();
        let text = serde_json::to_string(&event).unwrap();
        assert!(text.contains(r#""occurredTime":"2026-01-31T09:00:00.500Z""#), "{text}");
        assert!(text.contains(r#""durationMs":"1500""#), "{text}");
    }
}
