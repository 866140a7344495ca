//! What ingest knows without a database, a network or a clock.

pub(crate) mod allowance;
pub(crate) mod api_key;
pub(crate) mod catalog;
mod cost;
pub(crate) mod dimensions;
mod fingerprint;
pub(crate) mod guard;
pub(crate) mod key_run;
pub(crate) mod limits;
mod model_name;
mod month;
pub(crate) mod pricing;
pub(crate) mod purse;
pub(crate) mod quota;
mod scopes;
mod search;
mod task;
mod valuation;
pub(crate) mod workspace;

pub(crate) use allowance::{Allowance, Rate};
pub(crate) use api_key::{ApiKey, BadKey, Keep, KeyId, KeyRecord, Successor};
pub(crate) use catalog::{Catalog, Change, Fact, UnknownTaskType};
pub(crate) use cost::{Call, Cost, CostSource};
pub(crate) use dimensions::Dimension;
pub(crate) use fingerprint::Fingerprint;
pub(crate) use model_name::{ModelName, Patterns};
pub(crate) use month::Month;
pub(crate) use scopes::{Scope, Scopes};
pub(crate) use search::Search;
pub(crate) use task::Task;
pub(crate) use valuation::{Terms, Valuation, value};
pub(crate) use workspace::Workspace;
