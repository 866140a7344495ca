//! Questions to other services, on behalf of a workspace.

use std::time::Duration;

use chassis::auth::on_behalf_of;
use kernel::WorkspaceId;
use tonic::Request;

/// Waits for its answer no longer than `patience`.
pub(super) fn asked<T>(workspace: WorkspaceId, message: T, patience: Duration) -> Request<T> {
    let mut request = Request::new(message);
    on_behalf_of(&mut request, workspace);
    request.set_timeout(patience);
    request
}
