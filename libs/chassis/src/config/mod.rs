//! Configuration is environment variables: read once, all errors together, each with its name.
//!
//! Reading records every variable with its help, default and effective value, so `tally config` and the
//! README tables are made from the same lines that configure the service.

mod book;
mod reader;
mod redact;
mod service;
mod value;
mod vars;

pub use book::{Book, ConfigErrors, Variable};
pub use reader::Reader;
pub(crate) use reader::expose;
pub use redact::url as redacted;
pub use service::{ServiceConfig, prefix_of};
pub use value::{ByteSize, FromVar};
pub use vars::{ProcessEnv, Vars};
