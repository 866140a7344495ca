//! WatchOverview: the overview, again whenever it has changed.

use std::sync::Arc;
use std::time::Duration;

use chassis::auth::{Authenticator, Principal};
use fault::{Code, ErrorReason, Fault, Violations};
use kernel::{Position, Timestamp, WorkspaceId};
use tokio::sync::watch;
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::WatchStream;
use tonic::codegen::BoxStream;
use tonic::{Request, Status};
use wire::rollup::v1 as api;

use super::desk::Desk;

const INTERVAL_MS: std::ops::RangeInclusive<i32> = 100..=60_000;
const INTERVAL_MS_DEFAULT: i32 = 100;
/// How often a key is looked at again while its stream is open.
const RECHECK: Duration = Duration::from_secs(1);
/// Where rolling windows move on.
const QUARTER_HOUR: Duration = Duration::from_secs(15 * 60);
/// After an error that passes.
const RETRY: Duration = Duration::from_secs(1);

type Sent = Result<api::WatchOverviewResponse, Status>;

/// What streams of this service have in common.
pub(super) struct Watches {
    context: chassis::Context,
    authenticator: Arc<dyn Authenticator>,
}

impl Watches {
    pub(super) fn new(context: chassis::Context, authenticator: Arc<dyn Authenticator>) -> Self {
        Self { context, authenticator }
    }

    /// Begins a stream that ends with its reader, with the key it was opened with, or with the service.
    /// What is wrong with the request is said before it begins.
    pub(super) async fn open(
        &self,
        desk: Desk,
        request: Request<api::WatchOverviewRequest>,
    ) -> Result<BoxStream<api::WatchOverviewResponse>, Fault> {
        let principal = Principal::from(&request)?;
        let workspace = principal.workspace()?;
        let credential = (!principal.is_service()).then(|| credential(&request)).flatten();
        let request = request.into_inner();
        let interval = interval(request.interval_ms)?;
        let asked = api::GetOverviewRequest { query: request.query, compare_previous: false };
        let first = desk.overview(workspace, asked.clone()).await?;
        // A reader that is slow finds the newest, and nothing in between.
        let (newest, stream) = watch::channel(Some(answer(&first)));
        let watching = Watching { desk, workspace, asked, interval, shown: first };
        let key = Key { credential, authenticator: Arc::clone(&self.authenticator) };
        let (stop, clock) = (self.context.stop.clone(), Arc::clone(&self.context.clock));
        self.context.tasks.spawn(async move {
            let fault = tokio::select! {
                fault = watching.run(&newest) => fault,
                fault = key.ends(&*clock) => fault,
                () = newest.closed() => return,
                // A stream that did not end would hold up the whole shutdown.
                () = stop.cancelled() => Fault::unavailable(
                    ErrorReason::ShuttingDown,
                    "the reports are shutting down; watch again elsewhere",
                ),
            };
            newest.send_replace(Some(Err(fault.into())));
        });
        // After an error nothing follows: the sender is gone by then.
        let stream = WatchStream::new(stream).filter_map(|sent| sent);
        Ok(Box::pin(stream))
    }
}

struct Watching {
    desk: Desk,
    workspace: WorkspaceId,
    asked: api::GetOverviewRequest,
    interval: Duration,
    shown: api::Overview,
}

impl Watching {
    /// Looks again when the ledger has moved or the window has, until that cannot go on.
    async fn run(mut self, newest: &watch::Sender<Option<Sent>>) -> Fault {
        if let Some(query) = &mut self.asked.query {
            // It was waited for once.
            query.at_least.clear();
        }
        loop {
            let clock = Arc::clone(&self.desk.clock);
            let since = clock.now();
            let seq = self.seq();
            tokio::join!(clock.sleep_until(since.plus(self.interval)), self.news(seq, since));
            match self.desk.overview(self.workspace, self.asked.clone()).await {
                Ok(overview) => {
                    if numbers(&overview) != numbers(&self.shown) {
                        newest.send_replace(Some(answer(&overview)));
                    }
                    self.shown = overview;
                }
                // The next look may work; who watches has the last one that did.
                Err(fault)
                    if matches!(fault.code(), Code::Unavailable | Code::DeadlineExceeded) =>
                {
                    clock.sleep_until(clock.now().plus(RETRY)).await;
                }
                Err(fault) => return fault,
            }
        }
    }

    /// What the answer shown reflects.
    fn seq(&self) -> i64 {
        let basis = self.shown.basis.as_ref();
        let as_of = basis.and_then(|basis| basis.as_of.parse::<Position>().ok());
        as_of.map_or(0, |as_of| as_of.seq)
    }

    /// Resolves when more than `seq` is applied, and when a quarter hour is over.
    async fn news(&self, seq: i64, since: Timestamp) {
        let next = Position { partition: self.workspace.partition(), seq: seq + 1 };
        tokio::select! {
            _ = self.desk.app.progress().reaches(next, QUARTER_HOUR) => {}
            () = self.desk.clock.sleep_until(next_quarter(since)) => {}
        }
    }
}

/// What makes an answer another one: the position alone moves with every workspace of the partition.
fn numbers(
    overview: &api::Overview,
) -> (Option<&api::Measures>, Option<&wire::common::v1::Window>) {
    let window = overview.basis.as_ref().and_then(|basis| basis.window.as_ref());
    (overview.measures.as_ref(), window)
}

fn answer(overview: &api::Overview) -> Sent {
    Ok(api::WatchOverviewResponse { overview: Some(overview.clone()) })
}

fn next_quarter(at: Timestamp) -> Timestamp {
    let quarter = i64::try_from(QUARTER_HOUR.as_micros()).unwrap_or(i64::MAX);
    Timestamp::from_micros((at.micros().div_euclid(quarter) + 1) * quarter)
}

fn interval(sent: i32) -> Result<Duration, Fault> {
    let ms = if sent == 0 { INTERVAL_MS_DEFAULT } else { sent };
    if !INTERVAL_MS.contains(&ms) {
        let mut wrong = Violations::new();
        let hint = format!("{sent} is not within 100 to 60,000");
        wrong.add("interval_ms", ErrorReason::OutOfRange, hint);
        return Err(wrong.into_fault());
    }
    Ok(Duration::from_millis(u64::from(ms.unsigned_abs())))
}

/// The key a stream was opened with, for as long as the stream is open.
struct Key {
    credential: Option<String>,
    authenticator: Arc<dyn Authenticator>,
}

impl Key {
    /// Resolves when it opens nothing any more. An outage of whoever knows ends nothing.
    async fn ends(&self, clock: &dyn kernel::Clock) -> Fault {
        let Some(credential) = &self.credential else { return std::future::pending().await };
        loop {
            clock.sleep_until(clock.now().plus(RECHECK)).await;
            match self.authenticator.authenticate(credential).await {
                Err(fault) if fault.code() == Code::Unauthenticated => return fault,
                Ok(_) | Err(_) => {}
            }
        }
    }
}

fn credential<T>(request: &Request<T>) -> Option<String> {
    let header = request.metadata().get("authorization")?.to_str().ok()?;
    header.split_once(' ').map(|(_, credential)| credential.trim().to_owned())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_moment_on_an_edge_waits_for_the_next_edge() {
        for (at, next) in [("09:00:00Z", "09:15:00Z"), ("09:14:59.9Z", "09:15:00Z")] {
            let moment = |time: &str| format!("2026-01-31T{time}").parse::<Timestamp>().unwrap();
            assert_eq!(next_quarter(moment(at)), moment(next));
        }
    }

    #[test]
    fn an_interval_has_its_limits() {
        assert_eq!(interval(0).unwrap(), Duration::from_millis(100));
        assert_eq!(interval(60_000).unwrap(), Duration::from_secs(60));
        for wrong in [-1, 99, 60_001] {
            assert_eq!(interval(wrong).unwrap_err().code(), Code::InvalidArgument);
        }
    }
}
