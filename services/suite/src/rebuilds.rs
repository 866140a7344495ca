//! A rebuild followed to its end.

use std::time::Duration;

use kernel::Clock;
use wire::rollup::v1::{Rebuild, RebuildState};

use crate::failure::Failure;

/// How long nobody needs to answer: it goes on meanwhile, and replicas that are killed have successors.
const PATIENCE: Duration = Duration::from_secs(60);

/// Looks after `rebuild` by `look`, once a `beat`, until it has ended.
pub(crate) async fn ended(
    mut rebuild: Rebuild,
    clock: &dyn Clock,
    beat: Duration,
    mut look: impl AsyncFnMut(&str) -> Result<Rebuild, Failure>,
) -> Result<Rebuild, Failure> {
    let mut heard = clock.now();
    while rebuild.state() == RebuildState::Running {
        clock.sleep_until(clock.now().plus(beat)).await;
        match look(&rebuild.rebuild_id).await {
            Ok(found) => (rebuild, heard) = (found, clock.now()),
            Err(failure) if failure.may_pass() && clock.now().since(heard) < PATIENCE => {}
            Err(failure) => return Err(failure),
        }
    }
    Ok(rebuild)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use testkit::FakeClock;
    use tonic::Status;

    fn rebuild(state: RebuildState) -> Rebuild {
        Rebuild { state: state.into(), ..Default::default() }
    }

    fn failed(status: Status) -> Failure {
        Failure::call("not found")(status)
    }

    async fn followed(answers: Vec<Result<Rebuild, Failure>>) -> Result<Rebuild, Failure> {
        let clock = FakeClock::default();
        let mut answers = answers.into_iter();
        let look = async |_: &str| {
            clock.advance(Duration::from_secs(25));
            answers.next().unwrap()
        };
        ended(rebuild(RebuildState::Running), &clock, Duration::ZERO, look).await
    }

    #[tokio::test]
    async fn somebody_who_is_away_for_a_moment_is_waited_for() {
        let away = || Err(failed(Status::unavailable("restarting")));
        let running = || Ok(rebuild(RebuildState::Running));
        let over = || Ok(rebuild(RebuildState::Succeeded));
        let found = followed(vec![away(), away(), running(), away(), away(), over()]).await;
        assert_eq!(found.unwrap().state(), RebuildState::Succeeded);
        assert!(followed(vec![running(), away(), away(), away(), over()]).await.is_err());
        let gone = Err(failed(Status::not_found("no such rebuild")));
        assert!(followed(vec![gone, over()]).await.is_err());
    }
}
