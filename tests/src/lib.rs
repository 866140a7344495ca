//! The whole suite, as a test starts it: in one process, or as processes that can be killed.
//!
//! The services are reached over real channels with real credentials, as any caller reaches them.
//! Nothing here looks into a service; what a story needs to know, it asks over gRPC.

mod address;
mod arrivals;
mod effort;
mod flow;
mod ledger;
mod load;
mod month;
mod patience;
mod program;
mod proxy;
mod report;
mod settings;
mod stage;
mod suite;

pub use address::Addresses;
pub use arrivals::{Arrival, Sink};
pub use effort::{faults, fuzz_inputs, kills, operations};
pub use flow::{Effect, Flow};
pub use ledger::{Written, entries, written};
pub use load::{Acks, Sent, send, track};
pub use month::{Month, TRIAGE_AGENT};
pub use patience::{PATIENCE, eventually};
pub use program::{Program, Said, command, command_unread};
pub use proxy::Proxy;
pub use report::{Line, Report};
pub use settings::{SERVICE_TOKEN, Storage};
pub use stage::Stage;
pub use suite::Suite;
