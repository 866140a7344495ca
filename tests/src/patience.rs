//! Waiting for what must come about, and not a moment longer than that.

use std::time::Duration;

use http::Uri;
use tokio::time::Instant;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::address::channel;

/// Far more than a loaded machine needs: whoever runs into it has found a defect.
pub const PATIENCE: Duration = Duration::from_secs(30);

const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// Looks until `look` finds something.
///
/// # Panics
/// When it has not within [`PATIENCE`]; `what` completes "in 30 seconds there was no …".
pub async fn eventually<T, F>(what: &str, mut look: F) -> T
where
    F: AsyncFnMut() -> Option<T>,
{
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < end, "in {} seconds there was no {what}", PATIENCE.as_secs());
        #[expect(clippy::disallowed_methods, reason = "between two looks")]
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

/// Waits until the server at this address says SERVING, and looks in between whether
/// there is still a point in waiting.
pub(crate) async fn serving(uri: &Uri, mut look: impl FnMut()) {
    let mut health = HealthClient::new(channel(uri, None));
    eventually(&format!("healthy server at {uri}"), async || {
        look();
        let answer = health.check(HealthCheckRequest::default()).await.ok()?;
        (answer.into_inner().status() == ServingStatus::Serving).then_some(())
    })
    .await;
}
