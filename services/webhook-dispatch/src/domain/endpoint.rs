//! A subscriber: where it is, what it takes, how its requests are signed.

use std::str::FromStr;

use kernel::{Timestamp, WorkspaceId};

use super::address::Target;
use super::facts::Facts;
use super::filter::Filter;
use super::ids::EndpointId;
use super::signer::Secret;

const DESCRIPTION_BYTES_MAX: usize = 255;

/// A kind of message an endpoint can ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EventType {
    /// Every entry of the ledger.
    Tracked,
}

impl EventType {
    /// The name messages carry.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tracked => "event.tracked",
        }
    }
}

impl FromStr for EventType {
    type Err = UnfitText;

    fn from_str(text: &str) -> Result<Self, UnfitText> {
        match text {
            // The name other products use for the same thing; METRICS requirement 13.
            "event.tracked" | "event.created" => Ok(Self::Tracked),
            _ => Err(UnfitText::UnknownEventType(text.chars().take(64).collect())),
        }
    }
}

/// What the owner says the endpoint is for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Description(String);

impl Description {
    /// At most 255 bytes without control characters; may be empty.
    pub fn new(text: &str) -> Result<Self, UnfitText> {
        if text.len() > DESCRIPTION_BYTES_MAX {
            return Err(UnfitText::TooLong(text.len()));
        }
        if text.chars().any(char::is_control) {
            return Err(UnfitText::Control);
        }
        Ok(Self(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A text an endpoint cannot have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnfitText {
    #[error("at most {DESCRIPTION_BYTES_MAX} bytes, {0} sent")]
    TooLong(usize),
    #[error("control characters are not taken")]
    Control,
    #[error("{0:?} is not an event type; the known one is event.tracked")]
    UnknownEventType(String),
}

/// Whether an endpoint receives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndpointState {
    Enabled,
    /// Switched off by us: it answered 410 Gone.
    Disabled,
    /// Gone for ever.
    Deleted,
}

/// A subscriber of one workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    pub id: EndpointId,
    pub workspace: WorkspaceId,
    pub target: Target,
    pub description: Description,
    /// Never empty.
    pub event_types: Vec<EventType>,
    pub filter: Filter,
    pub include_traceparent: bool,
    pub secret: Secret,
    /// Where the workspace's ledger stood when the endpoint was created: it receives what comes after.
    pub after_seq: i64,
    pub state: EndpointState,
    pub created: Timestamp,
    pub updated: Timestamp,
}

impl Endpoint {
    /// Whether the entry at `seq` goes to this endpoint.
    pub fn takes(&self, seq: i64, event_type: EventType, facts: &Facts<'_>) -> bool {
        self.state == EndpointState::Enabled
            && seq > self.after_seq
            && self.event_types.contains(&event_type)
            && self.filter.matches(facts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn created_is_another_name_for_tracked() {
        assert_eq!("event.created".parse(), Ok(EventType::Tracked));
        assert_eq!(EventType::Tracked.as_str().parse(), Ok(EventType::Tracked));
        assert!("event.deleted".parse::<EventType>().is_err());
    }

    #[test]
    fn a_description_is_short_and_plain() {
        assert!(Description::new("ops Slack").is_ok());
        assert!(Description::new(&"x".repeat(256)).is_err());
        assert!(Description::new("a\nb").is_err());
    }
}
