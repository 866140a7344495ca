//! What a request path means: its name for telemetry, its scope, whether its answer streams.

use std::collections::HashMap;
use std::sync::LazyLock;

use wire::common::v1::Scope;

use crate::attr;

/// One RPC, or "not in the contract".
#[derive(Clone, Copy, Debug)]
pub(crate) struct Method {
    name: &'static str,
    pub(crate) access: Access,
    /// The caller may send many messages.
    pub(crate) request_streams: bool,
    /// The answer may stay open: it counts against the streams, not the calls.
    pub(crate) answer_streams: bool,
}

/// Who may call it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Health and reflection: no credential, and no limit, so that a busy server is not taken for dead.
    Plumbing,
    Scope(Scope),
    /// Not in the contract: UNIMPLEMENTED, for those who showed a credential.
    Unknown,
}

static METHODS: LazyLock<HashMap<&'static str, Method>> = LazyLock::new(|| {
    let contract = wire::METHODS.iter().map(|method| {
        let known = Method {
            name: &method.path[1..],
            access: Access::Scope(method.scope()),
            request_streams: method.client_streaming,
            answer_streams: method.server_streaming,
        };
        (method.path, known)
    });
    let plumbing = [
        ("/grpc.health.v1.Health/Check", false, false),
        ("/grpc.health.v1.Health/Watch", false, true),
        ("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", true, true),
        ("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", true, true),
    ]
    .map(|(path, request_streams, answer_streams)| {
        let known =
            Method { name: &path[1..], access: Access::Plumbing, request_streams, answer_streams };
        (path, known)
    });
    contract.chain(plumbing).collect()
});

impl Method {
    pub(crate) fn of(path: &str) -> Self {
        METHODS.get(path).copied().unwrap_or(Self {
            name: attr::RPC_METHOD_OTHER,
            access: Access::Unknown,
            request_streams: false,
            answer_streams: false,
        })
    }

    /// Either side may send many messages: no default deadline.
    pub(crate) fn streams(self) -> bool {
        self.request_streams || self.answer_streams
    }

    /// `tally.ingest.v1.IngestService/Track`, or `_OTHER`.
    pub(crate) fn name(self) -> &'static str {
        self.name
    }

    pub(crate) fn span_name(self) -> &'static str {
        match self.access {
            Access::Unknown => attr::GRPC,
            Access::Plumbing | Access::Scope(_) => self.name,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rpc_of_the_contract_is_known_by_its_scope() {
        for method in wire::METHODS {
            let known = Method::of(method.path);
            assert_eq!(known.access, Access::Scope(method.scope()), "{}", method.path);
            assert_eq!(format!("/{}", known.name()), method.path);
        }
    }

    #[test]
    fn a_strangers_path_names_no_span() {
        let other = Method::of("/evil/Path");
        assert_eq!((other.name(), other.span_name()), ("_OTHER", "grpc"));
    }
}
