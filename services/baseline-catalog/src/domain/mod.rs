//! What the catalog knows, pure: no async, no I/O, no wire, no clock. In reading order.

mod currency;
mod key;
mod span;
mod words;
mod wrong;

mod fields;
mod node;

mod baseline;
mod fx_rate;
mod intent;
mod model_price;
mod policy;
mod rate;
mod reporting;
mod task_type;

mod change;

mod book;
mod builtin;
mod catalog;
mod filed;
mod names;
mod pack;
mod plan;

pub(crate) use baseline::{BaselineValue, CITATION_LEN_MAX, Effort, Source};
pub(crate) use book::{Displaced, When};
pub(crate) use builtin::built_ins;
pub(crate) use catalog::{Catalog, Dimensions};
pub(crate) use change::{Change, Kind, NewChange, Reason, Recorded, Value, Version, in_reach};
pub(crate) use currency::currency;
pub(crate) use fields::{Fields, Reading};
pub(crate) use fx_rate::{FxRate, Pair};
pub(crate) use intent::{Intent, Risk, Tier};
pub(crate) use key::{BaselineKey, IntentKey, Name, Tag, TaskKey};
pub(crate) use model_price::{Matching, ModelPrice, PriceKey, TokenKind, TokenPrice};
pub(crate) use node::{Entries, Form, Node};
pub(crate) use pack::{BYTES_MAX as PACK_BYTES_MAX, Pack, shown};
pub(crate) use plan::{Action, Difference, Import, Plan, refuse_redefinition};
pub(crate) use policy::{Policy, PolicyKind};
pub(crate) use rate::{Rate, RateTarget, RateValue};
pub(crate) use reporting::Reporting;
pub(crate) use task_type::{Alias, Category, TaskType, TypeEdit};
pub(crate) use words::Life;
pub(crate) use wrong::{Problem, Why, Wrong, Wrongs};
