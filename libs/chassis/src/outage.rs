//! Saying once that something does not work, and once that it works again: what is tried again every
//! second must not fill a log.

use std::collections::BTreeSet;

/// More causes than this in one outage tell an operator nothing new.
const CAUSES_MAX: usize = 8;

/// What was said of an outage that lasts.
#[derive(Debug, Default)]
pub struct Outage {
    said: BTreeSet<String>,
}

impl Outage {
    /// Whether `cause` is worth a line: the outage begins with it, or it was not said since it began.
    pub fn is_news(&mut self, cause: &str) -> bool {
        self.said.len() < CAUSES_MAX && self.said.insert(cause.to_owned())
    }

    /// Ends the outage. True when there was one, so that its end is said once.
    pub fn is_over(&mut self) -> bool {
        !std::mem::take(&mut self.said).is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_cause_is_said_once_an_outage_and_so_is_its_end() {
        let mut outage = Outage::default();
        assert!(!outage.is_over(), "there was none");
        assert!(outage.is_news("refused"));
        assert!(outage.is_news("timed out"));
        assert!(!outage.is_news("refused"));
        assert!(outage.is_over());
        assert!(!outage.is_over());
        assert!(outage.is_news("refused"), "another outage");
    }

    #[test]
    fn causes_that_never_repeat_stop_being_news() {
        let mut outage = Outage::default();
        let said = (0..100).filter(|n| outage.is_news(&n.to_string())).count();
        assert_eq!(said, CAUSES_MAX);
    }
}
