//! Every RPC of the contract is there, guarded, and honest about what it cannot do yet.

use std::collections::BTreeSet;

use tests::{Stage, Suite};
use tonic::Code;
use wire::METHODS;
use wire::common::v1::Scope;

use crate::every_rpc::call;

/// One RPC a line, sorted. It may only shrink.
const GOLDEN: &str = include_str!("../golden/unimplemented-rpcs.txt");

#[tokio::test(flavor = "multi_thread")]
async fn exactly_the_rpcs_of_the_list_are_unimplemented_and_none_breaks() {
    let suite = Suite::on_sqlite().await;
    let stage = Stage::set(&suite.addresses).await;
    let mut unimplemented = BTreeSet::new();
    let mut broken = Vec::new();
    for method in METHODS {
        let uri = stage.addresses.serving(method.path);
        let channel = match method.scope() {
            Scope::Service => stage.service_channel(&uri),
            _ => stage.channel(&uri),
        };
        match call(channel, method).await {
            Code::Unimplemented => {
                unimplemented.insert(&method.path[1..]);
            }
            // It says so of the key in the message, which is none.
            Code::Unauthenticated if method.path.ends_with("/Authenticate") => {}
            code @ (Code::Unknown
            | Code::Internal
            | Code::DataLoss
            | Code::Unauthenticated
            | Code::PermissionDenied
            | Code::Unavailable
            | Code::DeadlineExceeded) => broken.push((method.path, code)),
            _ => {}
        }
    }
    assert_eq!(broken, [], "an empty message breaks nothing");
    let listed: Vec<&str> = GOLDEN.lines().filter(|line| !line.starts_with('#')).collect();
    let found: Vec<&str> = unimplemented.into_iter().collect();
    assert_eq!(found, listed, "tests/golden/unimplemented-rpcs.txt is the list, sorted");
    suite.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_calls_without_a_credential_that_covers_the_rpc() {
    use Scope::{Admin, Backfill, Public, Report, Review, Service, Track};
    let suite = Suite::on_sqlite().await;
    let stage = Stage::set(&suite.addresses).await;
    let wrong = "tally_live_0000000000000000_wrong";
    let mut lacking = Vec::new();
    for scope in [Track, Report, Review, Admin, Service] {
        let others = match scope {
            // ADMIN covers every scope of a key, and no key covers SERVICE.
            Service => vec![Admin, Backfill],
            _ => [Track, Report, Review, Backfill].into_iter().filter(|s| *s != scope).collect(),
        };
        lacking.push((scope, stage.new_key(&others).await));
    }
    for method in METHODS {
        let uri = stage.addresses.serving(method.path);
        let calling = |credential| call(stage.channel_with(&uri, credential), method);
        let (nobody, stranger) = (calling(None).await, calling(Some(wrong)).await);
        if method.scope() == Public {
            assert_ne!(nobody, Code::Unauthenticated, "{}", method.path);
            continue;
        }
        assert_eq!(nobody, Code::Unauthenticated, "{} without a credential", method.path);
        assert_eq!(stranger, Code::Unauthenticated, "{} with a key of nobody", method.path);
        let (_, key) = lacking.iter().find(|(scope, _)| *scope == method.scope()).unwrap();
        let refused = calling(Some(key)).await;
        assert_eq!(refused, Code::PermissionDenied, "{} without its scope", method.path);
    }
    suite.stop().await;
}
