//! What events can be told apart by.

use kernel::{Currency, Outcome};

/// A question one can split or filter by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Dimension {
    TaskType,
    Agent,
    Outcome,
    Project,
    Intent,
    Queue,
    Channel,
    Language,
    Technical,
    Model,
    BaselineVersion,
    RateVersion,
}

/// What an hour of human effort cost when the step was recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Rate {
    pub(crate) micros_per_hour: i64,
    pub(crate) currency: Currency,
}

/// Everything the steps of one cell have in common. Empty text is "not given".
///
/// Rate and cost currency belong to it, so that every measure of a cell is one integer that adds up.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Dimensions {
    pub(crate) task_type: String,
    pub(crate) agent: String,
    pub(crate) outcome: Outcome,
    pub(crate) project: String,
    pub(crate) intent: String,
    pub(crate) queue: String,
    pub(crate) channel: String,
    pub(crate) language: String,
    pub(crate) technical: Option<bool>,
    pub(crate) model: String,
    pub(crate) baseline_version: String,
    pub(crate) rate_version: String,
    /// `None`: the catalog did not know the task type.
    pub(crate) rate: Option<Rate>,
    /// `None`: what the step cost is unknown.
    pub(crate) cost_currency: Option<Currency>,
}

impl Dimensions {
    /// None given. An outcome there must be, and a success is the most common.
    pub(crate) fn nothing() -> Self {
        Self {
            task_type: String::new(),
            agent: String::new(),
            outcome: Outcome::Success,
            project: String::new(),
            intent: String::new(),
            queue: String::new(),
            channel: String::new(),
            language: String::new(),
            technical: None,
            model: String::new(),
            baseline_version: String::new(),
            rate_version: String::new(),
            rate: None,
            cost_currency: None,
        }
    }

    /// The value as filters and reports write it.
    pub(crate) fn value(&self, dimension: Dimension) -> &str {
        match dimension {
            Dimension::TaskType => &self.task_type,
            Dimension::Agent => &self.agent,
            Dimension::Outcome => self.outcome.as_str(),
            Dimension::Project => &self.project,
            Dimension::Intent => &self.intent,
            Dimension::Queue => &self.queue,
            Dimension::Channel => &self.channel,
            Dimension::Language => &self.language,
            Dimension::Technical => match self.technical {
                None => "",
                Some(true) => "true",
                Some(false) => "false",
            },
            Dimension::Model => &self.model,
            Dimension::BaselineVersion => &self.baseline_version,
            Dimension::RateVersion => &self.rate_version,
        }
    }
}
