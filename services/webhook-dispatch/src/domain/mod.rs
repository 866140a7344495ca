//! What a webhook is, without a socket, a clock or a database: read the files in this order.

mod address;
mod delivery;
mod endpoint;
mod facts;
mod field;
mod filter;
mod filter_text;
mod ids;
mod retry;
mod signer;

pub use ids::{DeliveryId, EndpointId};

pub use facts::{Facts, KINDS, Ticket};
pub use field::{Field, Value, ValueKind};
pub use filter::{FILTER_PREDICATES_MAX, Filter, Operator, Predicate, Refused, VALUES_MAX};
pub use filter_text::BadFilter;

pub use address::{AddressPolicy, Forbidden, Reach, Target, UnfitUrl};
pub use endpoint::{Description, Endpoint, EndpointState, EventType, UnfitText};
pub use signer::{BadSignature, Secret, UnfitSecret, sign, verify};

pub use delivery::{Answer, Delivery, Stage, Verdict, WrongState};
pub use retry::RetryPlan;
