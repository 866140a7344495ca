//! The change log in words: every value is an immutable, dated version with an actor and a reason.

use std::time::Duration;

use kernel::{Malformed, Position, Timestamp, WorkspaceId};

use super::fields::Fields;
use super::node::Node;
use super::words::worded;
use super::{BaselineValue, FxRate, Intent, ModelPrice, Policy, RateValue, Reporting, TaskType};

/// Who said so, since when, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Version {
    /// Names it for ever: the text of the change's position, or the pack of a built-in.
    pub(crate) id: String,
    /// 1 for the first version of its subject, growing by one; 0 for a built-in.
    pub(crate) number: i64,
    pub(crate) effective: Timestamp,
    pub(crate) recorded: Timestamp,
    pub(crate) actor: String,
    pub(crate) reason: String,
}

/// A value and the version it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Recorded<T> {
    pub(crate) value: T,
    pub(crate) version: Version,
}

/// Whatever a change can set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    TaskType(TaskType),
    Baseline(BaselineValue),
    HourlyRate(RateValue),
    Policy(Policy),
    Reporting(Reporting),
    Intent(Intent),
    ModelPrice(ModelPrice),
    FxRate(FxRate),
}

worded! {
    /// The kinds of value, as the log files them.
    Kind: "a kind of value" {
        TaskType = "task_type",
        Baseline = "baseline",
        HourlyRate = "hourly_rate",
        Policy = "savings_policy",
        Reporting = "reporting_defaults",
        Intent = "intent",
        ModelPrice = "model_price",
        FxRate = "fx_rate",
    }
}

impl Value {
    pub(crate) const fn kind(&self) -> Kind {
        match self {
            Self::TaskType(_) => Kind::TaskType,
            Self::Baseline(_) => Kind::Baseline,
            Self::HourlyRate(_) => Kind::HourlyRate,
            Self::Policy(_) => Kind::Policy,
            Self::Reporting(_) => Kind::Reporting,
            Self::Intent(_) => Kind::Intent,
            Self::ModelPrice(_) => Kind::ModelPrice,
            Self::FxRate(_) => Kind::FxRate,
        }
    }

    /// What it is a version of, within its kind. Rows hold it: it never changes.
    pub(crate) fn subject(&self) -> String {
        match self {
            Self::TaskType(task_type) => task_type.key.as_str().to_owned(),
            Self::Baseline(baseline) => baseline.key.to_string(),
            Self::HourlyRate(rate) => rate.target.to_string(),
            Self::Policy(_) | Self::Reporting(_) => "workspace".to_owned(),
            Self::Intent(intent) => intent.key.as_str().to_owned(),
            Self::ModelPrice(price) => {
                // Neither name has control characters: this one keeps them apart.
                let key = &price.key;
                format!("{}\n{}\n{}", key.matching.as_str(), key.provider, key.model)
            }
            Self::FxRate(rate) => rate.pair.to_string(),
        }
    }

    /// What people call its subject: `baseline/email_classification/nl`.
    pub(crate) fn shown(&self) -> String {
        let subject = match self {
            Self::Baseline(baseline) => {
                baseline.key.to_string().trim_end_matches('|').replace('|', "/")
            }
            Self::ModelPrice(price) => {
                let key = &price.key;
                [key.provider.as_str(), key.model.as_str()]
                    .join("/")
                    .trim_start_matches('/')
                    .to_owned()
            }
            _ => self.subject(),
        };
        format!("{}/{subject}", self.kind().as_str())
    }

    /// As a pack, or a caller, wrote it.
    pub(crate) fn read(kind: Kind, f: &mut Fields<'_, '_>) -> Option<Self> {
        match kind {
            Kind::TaskType => TaskType::read(f).map(Self::TaskType),
            Kind::Baseline => BaselineValue::read(f).map(Self::Baseline),
            Kind::HourlyRate => RateValue::read(f).map(Self::HourlyRate),
            Kind::Policy => Policy::read(f).map(Self::Policy),
            Kind::Reporting => Reporting::read(f).map(Self::Reporting),
            Kind::Intent => Intent::read(f).map(Self::Intent),
            Kind::ModelPrice => ModelPrice::read(f).map(Self::ModelPrice),
            Kind::FxRate => FxRate::read(f).map(Self::FxRate),
        }
    }

    /// What [`Self::read`] reads, its fields in a fixed order.
    pub(crate) fn write(&self) -> Node {
        match self {
            Self::TaskType(value) => value.write(),
            Self::Baseline(value) => value.write(),
            Self::HourlyRate(value) => value.write(),
            Self::Policy(value) => value.write(),
            Self::Reporting(value) => value.write(),
            Self::Intent(value) => value.write(),
            Self::ModelPrice(value) => value.write(),
            Self::FxRate(value) => value.write(),
        }
    }
}

/// How far back a change may take effect: a fiscal year, and a day for its zone.
const BACK_MAX: Duration = Duration::from_secs(366 * DAY);
/// How far ahead: ten years of planned rates.
const AHEAD_MAX: Duration = Duration::from_secs(3_660 * DAY);
const DAY: u64 = 24 * 60 * 60;

/// Whether a change may take effect at `at`.
pub(crate) fn in_reach(at: Timestamp, now: Timestamp) -> bool {
    (now.minus(BACK_MAX)..=now.plus(AHEAD_MAX)).contains(&at)
}

/// A change that somebody wants recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NewChange {
    pub(crate) workspace: WorkspaceId,
    /// `None`: from the moment it is recorded.
    pub(crate) effective: Option<Timestamp>,
    pub(crate) actor: String,
    pub(crate) reason: Reason,
    pub(crate) value: Value,
}

/// An entry of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) position: Position,
    pub(crate) workspace: WorkspaceId,
    pub(crate) version: Version,
    pub(crate) value: Value,
}

/// Why a change was made: never empty, so that a history can be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reason(String);

impl Reason {
    const LEN_MAX: usize = 1_024;

    pub(crate) fn new(text: &str) -> Result<Self, Malformed> {
        let text = text.trim();
        // One line of text: PostgreSQL keeps no U+0000, and a history is read line by line.
        let fits = !text.is_empty() && text.len() <= Self::LEN_MAX;
        if fits && !text.chars().any(char::is_control) {
            Ok(Self(text.to_owned()))
        } else {
            let expected = "a reason of 1 to 1,024 bytes without control characters, for whoever reads the history";
            Err(Malformed::new(expected, text))
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}
