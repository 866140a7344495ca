//! What surrounds every call, on both sides of the wire.
//!
//! On the server one layer, [`EdgeLayer`], reads from top to bottom: span, limits, credential, handler. On
//! the client [`crate::Channel`] does its part with the same [`Call`].

mod body;
mod call;
mod edge;
mod limit;
mod method;
mod panic;
mod unread;

pub(crate) use body::CallBody;
pub(crate) use call::{Call, Side, code_name};
pub(crate) use edge::EdgeLayer;
pub(crate) use limit::Limits;
pub(crate) use method::{Access, Method};
pub use unread::unread;
