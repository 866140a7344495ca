//! How many batches are served at once. One more is refused before it is read: a batch that is only refused
//! when its events meet a full queue has cost nearly what recording it would have.

use std::collections::HashMap;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use chassis::auth::Principal;
use fault::{ErrorReason, Fault};
use kernel::{Clock, WorkspaceId};
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::Service;
use tonic::codegen::http::{Request, Response};
use tonic::server::NamedService;

use super::read_within::ReadWithin;

/// A message that has not arrived by then gives its place to another: a MiB over the slowest of lines.
const READ: Duration = Duration::from_secs(10);

/// Lets so many calls of TrackBatch through to the service inside, at most half of them one workspace's, and
/// all other calls. Of none but a stream is a message waited for longer than [`READ`].
#[derive(Clone)]
pub(crate) struct BatchPlaces<S> {
    inner: S,
    places: Places,
    clock: Arc<dyn Clock>,
}

impl<S> BatchPlaces<S> {
    pub(crate) fn new(inner: S, places: usize, clock: Arc<dyn Clock>) -> Self {
        Self { inner, places: Places::new(places), clock }
    }
}

impl<S: NamedService> NamedService for BatchPlaces<S> {
    const NAME: &'static str = S::NAME;
}

type Answer = Result<Response<Body>, Infallible>;

impl<S> Service<Request<Body>> for BatchPlaces<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Answer> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        if request.uri().path().ends_with("/TrackStream") {
            return Box::pin(self.inner.call(request));
        }
        let (clock, late) = (Arc::clone(&self.clock), self.clock.now().plus(READ));
        let late = async move { clock.sleep_until(late).await };
        let request = request.map(|body| Body::new(ReadWithin::new(body, late)));
        if !request.uri().path().ends_with("/TrackBatch") {
            return Box::pin(self.inner.call(request));
        }
        let holder = request.extensions().get::<Principal>();
        let workspace = holder.and_then(|holder| holder.workspace().ok());
        let Some(place) = self.places.take(workspace) else {
            return Box::pin(async { Ok(Status::from(no_place()).into_http()) });
        };
        let answer = self.inner.call(request);
        Box::pin(async move {
            let answer = answer.await;
            drop(place);
            answer
        })
    }
}

fn no_place() -> Fault {
    let what = "as many batches are being recorded as ingest takes at once; call again in a moment";
    Fault::exhausted(ErrorReason::Overloaded, what).retry_after(Duration::from_millis(100))
}

#[derive(Clone)]
struct Places {
    all: usize,
    of_one: usize,
    taken: Arc<Mutex<HashMap<Option<WorkspaceId>, usize>>>,
}

/// Given back when dropped.
struct Place {
    places: Places,
    workspace: Option<WorkspaceId>,
}

impl Places {
    fn new(all: usize) -> Self {
        let all = all.max(1);
        Self { all, of_one: all.div_ceil(2), taken: Arc::default() }
    }

    fn take(&self, workspace: Option<WorkspaceId>) -> Option<Place> {
        let mut taken = self.taken();
        let all: usize = taken.values().sum();
        let own = taken.entry(workspace).or_default();
        if all >= self.all || *own >= self.of_one {
            return None;
        }
        *own += 1;
        Some(Place { places: self.clone(), workspace })
    }

    fn taken(&self) -> MutexGuard<'_, HashMap<Option<WorkspaceId>, usize>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken();
        if let Some(own) = taken.get_mut(&self.workspace) {
            *own -= 1;
        }
        taken.retain(|_, own| *own > 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workspace_has_half_of_the_places_and_all_of_them_are_given_back() {
        let places = Places::new(4);
        let one = WorkspaceId::new(1);
        let other = WorkspaceId::new(2);
        let held = [places.take(one), places.take(one)];
        assert!(held.iter().all(Option::is_some));
        assert!(places.take(one).is_none(), "two of four are its own");
        let others = [places.take(other), places.take(other)];
        assert!(others.iter().all(Option::is_some));
        assert!(places.take(WorkspaceId::new(3)).is_none(), "there are four");
        drop(held);
        assert!(places.take(WorkspaceId::new(3)).is_some());
        drop(others);
        assert!(places.taken().is_empty(), "nothing is kept of who is gone");
        assert!(Places::new(1).take(one).is_some());
    }
}
