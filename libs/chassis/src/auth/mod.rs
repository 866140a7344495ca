//! Who calls, and what they may do.

mod authenticator;
mod gate;
mod principal;
mod remote;

pub use authenticator::Authenticator;
pub(crate) use gate::Gate;
pub use gate::WORKSPACE_HEADER;
pub use principal::{Principal, on_behalf_of};
pub use remote::Remote;
