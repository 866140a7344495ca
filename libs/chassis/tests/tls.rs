//! TLS by giving certificates; mutual TLS refuses clients of another authority.
//!
//! The certificates under `certs/` are for these tests alone and are valid for a hundred years.
#![expect(clippy::unwrap_used, reason = "tests")]

mod probe;

use std::path::{Path, PathBuf};

use chassis::tls::TlsFiles;
use chassis::{Channel, Transport};
use probe::{Probe, context};
use tonic::Code;
use wire::ingest::v1::GetHeadsRequest;
use wire::ingest::v1::ledger_service_client::LedgerServiceClient;

fn cert(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/certs").join(name)
}

fn suite() -> TlsFiles {
    TlsFiles {
        identity: Some((cert("suite.pem"), cert("suite.key"))),
        client_ca: Some(cert("ca.pem")),
        ca: Some(cert("ca.pem")),
    }
}

fn channel(server: &testkit::Server, tls: TlsFiles) -> Channel {
    let uri = format!("https://localhost:{}", server.addr.port()).parse().unwrap();
    let key = secrecy::SecretString::from(testkit::server::SERVICE_TOKEN);
    let transport = Transport { tls, ..Transport::default() };
    chassis::connect_with_key(&uri, "test", Some(&key), &transport)
}

#[tokio::test(flavor = "multi_thread")]
async fn services_of_one_authority_speak_tls_with_each_other() {
    let ctx = context(|transport| transport.tls = suite());
    let server = testkit::serve(Probe::new().service(), &ctx).await;
    let uri = format!("https://localhost:{}", server.addr.port()).parse().unwrap();
    let mut ledger = LedgerServiceClient::new(chassis::connect(&uri, "test", &ctx));
    ledger.get_heads(GetHeadsRequest {}).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_without_a_certificate_of_the_authority_gets_nowhere() {
    let ctx = context(|transport| transport.tls = suite());
    let server = testkit::serve(Probe::new().service(), &ctx).await;
    let anonymous = TlsFiles { identity: None, client_ca: None, ca: Some(cert("ca.pem")) };
    let stranger = TlsFiles {
        identity: Some((cert("stranger.pem"), cert("stranger.key"))),
        ..anonymous.clone()
    };
    for tls in [anonymous, stranger] {
        let mut ledger = LedgerServiceClient::new(channel(&server, tls));
        assert!(ledger.get_heads(GetHeadsRequest {}).await.is_err());
    }
    // Nor one that speaks plainly.
    let mut plain = LedgerServiceClient::new(server.service_channel());
    assert!(plain.get_heads(GetHeadsRequest {}).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_of_another_authority_is_not_believed() {
    let ctx = context(|transport| {
        transport.tls = TlsFiles {
            identity: Some((cert("stranger.pem"), cert("stranger.key"))),
            ..TlsFiles::default()
        };
    });
    let server = testkit::serve(Probe::new().service(), &ctx).await;
    let tls = TlsFiles { identity: None, client_ca: None, ca: Some(cert("ca.pem")) };
    let status = LedgerServiceClient::new(channel(&server, tls))
        .get_heads(GetHeadsRequest {})
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::Unavailable, "{status:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_not_there_is_named_with_its_variable() {
    let ctx = context(|transport| {
        transport.tls.identity = Some((cert("missing.pem"), cert("suite.key")));
    });
    let error = chassis::serve(Probe::new().service(), &ctx).await.err().unwrap().to_string();
    assert!(error.contains("missing.pem") && error.contains("TALLY_TLS_CERT"), "{error}");
}
