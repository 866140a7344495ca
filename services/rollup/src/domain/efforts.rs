//! What steps took, exactly: credit is cut at zero step by step, so that a sum of it cannot be told by
//! another baseline. These can.

use crate::domain::sums::Sums;
use crate::domain::{Durations, varint};

/// What one step said about the time it took. Milliseconds, at most a day.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Spent {
    /// By the agent, whether or not the policy subtracts it.
    pub(crate) agent_ms: Option<u32>,
    /// By whoever edited or reviewed it.
    pub(crate) human_edit_ms: Option<u32>,
    /// The baseline the event brought itself, which no catalog overrules.
    pub(crate) baseline_ms: Option<u32>,
}

/// How many steps of a cell spent what. Those that said nothing are not listed: they are the others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Efforts(Sums<Spent>);

/// Stored bytes that are no efforts.
#[derive(Debug, thiserror::Error)]
#[error("not the efforts of steps")]
pub(crate) struct BadEfforts;

impl Efforts {
    pub(crate) fn merge(&mut self, other: &Self) {
        self.0.merge(&other.0);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (Spent, i64)> + '_ {
        self.0.iter()
    }

    /// How long the agents took.
    pub(crate) fn durations(&self) -> Durations {
        self.iter().filter_map(|(spent, steps)| Some((spent.agent_ms?.into(), steps))).collect()
    }

    /// Behind what is in `bytes` already.
    pub(crate) fn put(&self, bytes: &mut Vec<u8>) {
        let mut last = 0;
        for (spent, steps) in self.iter() {
            // Listed by the agent's time first: small numbers where many are alike.
            let agent = or_none(spent.agent_ms);
            varint::put(bytes, agent - last);
            varint::put(bytes, or_none(spent.human_edit_ms));
            varint::put(bytes, or_none(spent.baseline_ms));
            varint::put_signed(bytes, steps);
            last = agent;
        }
    }

    pub(crate) fn from_bytes(mut bytes: &[u8]) -> Result<Self, BadEfforts> {
        let (mut sums, mut last) = (Vec::new(), 0u64);
        while !bytes.is_empty() {
            let (spent, agent, steps) = one(&mut bytes, last).ok_or(BadEfforts)?;
            sums.push((spent, steps));
            last = agent;
        }
        Sums::sorted(sums).map(Self).ok_or(BadEfforts)
    }
}

impl FromIterator<(Spent, i64)> for Efforts {
    /// What steps spent, and how many of each there are; a negative number takes them away.
    fn from_iter<I: IntoIterator<Item = (Spent, i64)>>(steps: I) -> Self {
        let said = steps.into_iter().filter(|(spent, _)| *spent != Spent::default());
        Self(said.collect())
    }
}

fn one(bytes: &mut &[u8], last: u64) -> Option<(Spent, u64, i64)> {
    let agent = last.checked_add(varint::take(bytes)?)?;
    let spent = Spent {
        agent_ms: known(agent)?,
        human_edit_ms: known(varint::take(bytes)?)?,
        baseline_ms: known(varint::take(bytes)?)?,
    };
    Some((spent, agent, varint::take_signed(bytes)?))
}

/// One more than the time, and zero where there is none: none sorts first here as it does in an `Option`.
fn or_none(ms: Option<u32>) -> u64 {
    ms.map_or(0, |ms| u64::from(ms) + 1)
}

/// `None` for a number that is no time.
fn known(stored: u64) -> Option<Option<u32>> {
    stored.checked_sub(1).map_or(Some(None), |ms| u32::try_from(ms).ok().map(Some))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    prop_compose! {
        fn any_spent()(
            agent_ms in prop::option::of(0u32..300),
            human_edit_ms in prop::option::of(0u32..3),
            baseline_ms in prop::option::of(1u32..86_400_000),
        ) -> Spent {
            Spent { agent_ms, human_edit_ms, baseline_ms }
        }
    }

    proptest! {
        #[test]
        fn what_is_put_is_read_back(
            steps in prop::collection::vec((any_spent(), -3i64..4), 0..40),
        ) {
            let efforts: Efforts = steps.into_iter().collect();
            let mut bytes = Vec::new();
            efforts.put(&mut bytes);
            prop_assert_eq!(Efforts::from_bytes(&bytes).unwrap(), efforts);
        }
    }

    #[test]
    fn steps_that_say_nothing_are_not_listed() {
        let efforts: Efforts = [(Spent::default(), 5)].into_iter().collect();
        assert!(efforts.is_empty());
        assert!(Efforts::from_bytes(&[1, 0, 0]).is_err());
    }
}
