//! Keys and workspaces through their whole lives, at two replicas (T22).
#![expect(clippy::disallowed_methods, reason = "what replicas remember is forgotten by real time")]

use std::time::Instant;

use chassis::auth::{Authenticator as _, Remote};
use wire::ingest::v1::{
    ApiKey, ListApiKeysRequest, RotateApiKeyRequest, RotateApiKeyResponse, UpdateWorkspaceRequest,
    Workspace,
};

use super::*;

/// What the contract promises, and what a loaded machine may add to noticing it.
const EVERYWHERE: Duration = Duration::from_secs(2);

type Access = AccessServiceClient<chassis::Channel>;

impl Harness {
    fn access(&self) -> Access {
        AccessServiceClient::new(self.server.channel_with_key(Some(&self.key)))
    }

    async fn new_key(&self, ttl: Option<Duration>) -> (String, ApiKey) {
        let request = CreateApiKeyRequest {
            name: "pipeline".into(),
            scopes: vec![Scope::Track.into()],
            ttl: ttl.map(|ttl| wire::Duration { seconds: ttl.as_secs() as i64, nanos: 0 }),
            ..Default::default()
        };
        let made = self.access().create_api_key(request).await.unwrap().into_inner();
        (made.secret, made.api_key.unwrap())
    }

    async fn keys(&self) -> Vec<ApiKey> {
        let listed = self.access().list_api_keys(ListApiKeysRequest::default()).await;
        listed.unwrap().into_inner().api_keys
    }
}

/// What a replica says to a Track with `key`.
async fn says(server: &Server, key: &str) -> Result<(), ErrorReason> {
    let request = TrackRequest { event: Some(success("")), ..Default::default() };
    let channel = server.channel_with_key(Some(key));
    match IngestServiceClient::new(channel).track(request).await {
        Ok(_) => Ok(()),
        Err(status) => {
            assert_eq!(status.code(), Code::Unauthenticated);
            Err(reason_of(&status).unwrap())
        }
    }
}

fn rotate(key: &ApiKey, overlap: i64, request_id: &str) -> RotateApiKeyRequest {
    RotateApiKeyRequest {
        key_id: key.key_id.clone(),
        overlap: Some(wire::Duration { seconds: overlap, nanos: 0 }),
        request_id: request_id.into(),
        ..Default::default()
    }
}

async fn rotated(access: &mut Access, request: RotateApiKeyRequest) -> RotateApiKeyResponse {
    access.rotate_api_key(request).await.unwrap().into_inner()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rotated_key_works_on_for_the_overlap_and_the_new_one_until_the_old_ones_end() {
    let h = Harness::on(testkit::sqlite::<Migrator>("ingest").await).await;
    let day = Duration::from_secs(86_400);
    let (old, record) = h.new_key(Some(day * 3)).await;
    let mut default = rotate(&record, 0, "");
    default.overlap = None;
    let made = rotated(&mut h.access(), default).await;
    let new = made.api_key.unwrap();
    assert_ne!(new.key_id, record.key_id);
    assert_eq!(
        (&new.name, &new.scopes, &new.expire_time),
        (&record.name, &record.scopes, &record.expire_time)
    );
    assert_eq!(
        (says(&h.server, &old).await, says(&h.server, &made.secret).await),
        (Ok(()), Ok(()))
    );
    h.clock.advance(day - Duration::from_micros(1));
    assert_eq!(says(&h.server, &old).await, Ok(()));
    h.clock.advance(Duration::from_micros(1));
    assert_eq!(says(&h.server, &old).await, Err(ErrorReason::ExpiredCredentials));
    assert_eq!(says(&h.server, &made.secret).await, Ok(()));

    // With less to live than the overlap, it lives no longer for it.
    h.clock.advance(day * 2 - Duration::from_secs(60));
    let last = rotated(&mut h.access(), rotate(&new, 3_600, "")).await;
    assert_eq!(last.old_api_key.unwrap().expire_time, record.expire_time);
    h.clock.advance(Duration::from_secs(60));
    for key in [&made.secret, &last.secret] {
        assert_eq!(says(&h.server, key).await, Err(ErrorReason::ExpiredCredentials));
    }
    let status = h.access().rotate_api_key(rotate(&new, 0, "")).await.unwrap_err();
    assert_eq!(
        (status.code(), reason_of(&status)),
        (Code::FailedPrecondition, Some(ErrorReason::ExpiredCredentials))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rotation_asked_for_again_answers_the_same_key_without_its_secret() {
    let h = Harness::on(testkit::sqlite::<Migrator>("ingest").await).await;
    let (old, record) = h.new_key(None).await;
    let first = rotated(&mut h.access(), rotate(&record, 0, "r-1")).await;
    assert_eq!(says(&h.server, &old).await, Err(ErrorReason::ExpiredCredentials), "no overlap");
    let again = rotated(&mut h.access(), rotate(&record, 0, "r-1")).await;
    assert_eq!((again.secret.as_str(), &again.api_key), ("", &first.api_key));
    assert_eq!(h.keys().await.len(), 3, "the admin's, the old and the new");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_rotated_is_refused_with_everything_that_is_wrong() {
    let h = Harness::on(testkit::sqlite::<Migrator>("ingest").await).await;
    let (_, record) = h.new_key(None).await;
    let revoke = RevokeApiKeyRequest { key_id: record.key_id.clone(), ..Default::default() };
    h.access().revoke_api_key(revoke).await.unwrap();
    let nobody = ApiKey { key_id: "0123456789abcdef".into(), ..Default::default() };
    for (request, code, reason) in [
        (rotate(&record, 0, ""), Code::FailedPrecondition, ErrorReason::RevokedCredentials),
        (rotate(&nobody, 0, ""), Code::NotFound, ErrorReason::ResourceNotFound),
        (rotate(&record, 30 * 86_400 + 1, ""), Code::InvalidArgument, ErrorReason::OutOfRange),
        (rotate(&record, -1, ""), Code::InvalidArgument, ErrorReason::OutOfRange),
    ] {
        let status = h.access().rotate_api_key(request).await.unwrap_err();
        assert_eq!((status.code(), reason_of(&status)), (code, Some(reason)));
    }
    let wrong = rotate(&ApiKey::default(), -1, "\u{7}");
    let status = h.access().rotate_api_key(wrong).await.unwrap_err();
    let fields = status.get_details_bad_request().unwrap().field_violations;
    let fields: Vec<&str> = fields.iter().map(|violation| violation.field.as_str()).collect();
    assert_eq!(fields, ["key_id", "request_id", "overlap"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_was_cut_mistyped_or_made_up_says_which() {
    let h = Harness::on(testkit::sqlite::<Migrator>("ingest").await).await;
    let (key, record) = h.new_key(None).await;
    let (stranger, _) = h.new_key(None).await;
    let flipped = |place: usize| {
        let mut bytes = key.clone().into_bytes();
        bytes[place] ^= 1;
        String::from_utf8(bytes).unwrap()
    };
    for place in [0, 12, 20, 40, key.len() - 1] {
        let malformed = Err(ErrorReason::MalformedCredentials);
        assert_eq!(says(&h.server, &flipped(place)).await, malformed, "{place}");
        assert_eq!(says(&h.server, &key[..place.max(1)]).await, malformed, "{place}");
    }
    // Whole, and of nobody: the id of one and the secret of another, and a wrong id.
    let id = stranger.split('_').nth(2).unwrap();
    for id in [id, "0123456789abcdef"] {
        let rest = key.split('_').nth(3).unwrap();
        let body = format!("tally_live_{id}_{rest}");
        let whole = format!("{body}_{:08x}", crc32fast::hash(body.as_bytes()));
        assert_eq!(says(&h.server, &whole).await, Err(ErrorReason::UnknownCredentials), "{id}");
    }
    assert_eq!(says(&h.server, &key).await, Ok(()));
    let revoke = RevokeApiKeyRequest { key_id: record.key_id, ..Default::default() };
    h.access().revoke_api_key(revoke).await.unwrap();
    assert_eq!(says(&h.server, &key).await, Err(ErrorReason::RevokedCredentials));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revocation_is_seen_everywhere_within_two_seconds() {
    let h = Harness::on(testkit::postgres::<Migrator>("ingest").await).await;
    let other = serve(&h.db, &h.clock, &[]).await;
    let remote = Remote::new(other.service_channel());
    let (key, record) = h.new_key(None).await;
    // Everybody has just seen the key and remembers it for as long as they ever do.
    for server in [&h.server, &other] {
        assert_eq!(says(server, &key).await, Ok(()));
    }
    remote.authenticate(&key).await.unwrap();
    let revoke = RevokeApiKeyRequest { key_id: record.key_id, ..Default::default() };
    h.access().revoke_api_key(revoke).await.unwrap();
    let since = Instant::now();
    let revoked = Err(ErrorReason::RevokedCredentials);
    assert_eq!(says(&h.server, &key).await, revoked, "at once where it was said");
    while says(&other, &key).await.is_ok() {
        assert!(since.elapsed() < EVERYWHERE, "the other replica still lets it in");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    while remote.authenticate(&key).await.is_ok() {
        assert!(since.elapsed() < EVERYWHERE, "another service still lets it in");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(says(&other, &key).await, revoked);
    println!("seen everywhere after {:?}", since.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_of_keys_says_when_each_was_last_used_to_the_minute() {
    let h = Harness::on(testkit::postgres::<Migrator>("ingest").await).await;
    let (key, record) = h.new_key(None).await;
    let used = async || {
        let keys = h.keys().await;
        keys.into_iter().find(|key| key.key_id == record.key_id).unwrap().last_use_time
    };
    assert_eq!(used().await, None);
    // A key that opens nothing is not used.
    let mut wrong = key.clone();
    wrong.pop();
    says(&h.server, &wrong).await.unwrap_err();
    let noted = async |expected: Timestamp| {
        let noted = async {
            while used().await != Some(expected.parts().into()) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), noted).await.unwrap();
    };
    let first = kernel::Clock::now(&*h.clock);
    says(&h.server, &key).await.unwrap();
    noted(first).await;
    h.clock.advance(Duration::from_secs(59));
    // Another replica has not seen the key yet, and knows from the database that it was noted.
    let other = serve(&h.db, &h.clock, &[]).await;
    says(&other, &key).await.unwrap();
    h.clock.advance(Duration::from_secs(1));
    let third = serve(&h.db, &h.clock, &[]).await;
    says(&third, &key).await.unwrap();
    noted(first.plus(Duration::from_secs(60))).await;
}

async fn update(h: &Harness, request: UpdateWorkspaceRequest) -> Workspace {
    h.access().update_workspace(request).await.unwrap().into_inner().workspace.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_of_a_workspace_holds_at_every_replica_within_a_second() {
    let h = Harness::on(testkit::postgres::<Migrator>("ingest").await).await;
    let other = serve(&h.db, &h.clock, &[]).await;
    let unknown = |server: &Server| {
        let mut event = success("");
        if let Some(Body::TaskCompleted(body)) = &mut event.body {
            body.task_type = "of_our_own".into();
        }
        let mut ingest = IngestServiceClient::new(server.channel_with_key(Some(&h.key)));
        let request = TrackRequest { event: Some(event), ..Default::default() };
        async move { ingest.track(request).await.map(|_| ()).map_err(|status| status.code()) }
    };
    for server in [&h.server, &other] {
        assert_eq!(unknown(server).await, Err(Code::InvalidArgument));
    }
    let request = UpdateWorkspaceRequest {
        name: Some("acme".into()),
        time_zone: Some("europe/amsterdam".into()),
        accept_unknown_task_types: Some(true),
        rate_limit_per_second: Some(1_000),
        ..Default::default()
    };
    let now = update(&h, request).await;
    assert_eq!((now.time_zone.as_str(), now.rate_limit_per_second), ("Europe/Amsterdam", 1_000));
    let same = update(&h, UpdateWorkspaceRequest::default()).await;
    assert_eq!(same, now, "nothing said, nothing changed");
    h.clock.advance(Duration::from_secs(1));
    for server in [&h.server, &other] {
        assert_eq!(unknown(server).await, Ok(()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_that_makes_no_sense_is_refused_with_every_field() {
    let h = Harness::on(testkit::sqlite::<Migrator>("ingest").await).await;
    for zone in ["+01:00", "UTC+1", "", "Europe/Amsterdamm", "localtime", "Factory"] {
        let request = UpdateWorkspaceRequest { time_zone: Some(zone.into()), ..Default::default() };
        let status = h.access().update_workspace(request).await.unwrap_err();
        assert_eq!(
            (status.code(), reason_of(&status)),
            (Code::InvalidArgument, Some(ErrorReason::NotATimeZone)),
            "{zone}"
        );
    }
    let request = UpdateWorkspaceRequest {
        name: Some(String::new()),
        time_zone: Some("+01:00".into()),
        rate_limit_per_second: Some(-1),
        rate_burst: Some(10_000_001),
        monthly_quota_soft: Some(-1),
        monthly_quota_hard: Some(i64::MAX),
        dimension_values_max: Some(1_000_001),
        ..Default::default()
    };
    let status = h.access().update_workspace(request).await.unwrap_err();
    assert_eq!(status.get_details_bad_request().unwrap().field_violations.len(), 7);
    let elsewhere =
        UpdateWorkspaceRequest { workspace_id: "ws_0000000000001".into(), ..Default::default() };
    let status = h.access().update_workspace(elsewhere.clone()).await.unwrap_err();
    assert_ne!(status.code(), Code::Ok, "a key changes its own workspace only");
    let mut operator = AccessServiceClient::new(h.server.service_channel());
    let status = operator.update_workspace(elsewhere).await.unwrap_err();
    assert_eq!(status.code(), Code::NotFound);
}
