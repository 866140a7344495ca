//! Drawing: which steps become samples, and out of how many.

use std::collections::BTreeMap;

use kernel::WorkspaceId;

use super::{Period, Plan, Salt, Sample, Secret, State, Step};

/// What a batch adds to the samples and to what they were drawn from.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Drawn {
    pub(crate) samples: Vec<Sample>,
    pub(crate) counts: BTreeMap<StratumKey, Counted>,
}

/// The population a sample stands for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct StratumKey {
    pub(crate) workspace: WorkspaceId,
    pub(crate) period: Period,
    pub(crate) stratum: String,
}

/// How many steps there were, and how many were drawn.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counted {
    pub(crate) considered: i64,
    pub(crate) drawn: i64,
}

/// Draws from `steps`. Nothing but the secret, the plan and each event's own id decides: the same
/// steps give the same samples however they are batched, repeated or shared among replicas.
pub(crate) fn draw(secret: &Secret, plan: &Plan, steps: impl IntoIterator<Item = Step>) -> Drawn {
    let mut drawn = Drawn::default();
    let mut salts: BTreeMap<(WorkspaceId, Period), Salt> = BTreeMap::new();
    for step in steps {
        let (workspace, period, stratum) =
            (step.workspace, Period::of(step.recorded), step.stratum());
        let salt = salts
            .entry((workspace, period))
            .or_insert_with(|| secret.salt(workspace, plan.id, period));
        let counted = drawn
            .counts
            .entry(StratumKey { workspace, period, stratum: stratum.clone() })
            .or_default();
        counted.considered += 1;
        if salt.draws(step.event, plan.rate) {
            counted.drawn += 1;
            drawn.samples.push(Sample {
                step,
                plan_id: plan.id.to_owned(),
                plan_version: plan.version,
                period,
                stratum,
                probability: plan.rate,
                state: State::AwaitingExchange,
            });
        }
    }
    drawn
}

#[cfg(test)]
mod tests {
    use kernel::{EventId, Outcome, Partition, Position, Timestamp};
    use proptest::prelude::*;

    use super::*;
    use crate::domain::{DEFAULT_PLAN, Probability};

    fn step(seq: i64, language: &str) -> Step {
        Step {
            event: EventId(Position { partition: Partition::new(13).unwrap(), seq }),
            workspace: WorkspaceId::new(1).unwrap(),
            recorded: Timestamp::from_micros(1_770_022_800_000_000 + seq),
            occurred: Timestamp::from_micros(1_770_022_800_000_000 - seq),
            agent_id: "support-triage".to_owned(),
            task_type: "email_classification".to_owned(),
            outcome: Outcome::Success,
            ticket_id: String::new(),
            intent: String::new(),
            channel: String::new(),
            language: language.to_owned(),
        }
    }

    fn drawn(millionths: u32, steps: impl IntoIterator<Item = Step>) -> Drawn {
        let plan = Plan { rate: Probability::new(millionths).unwrap(), ..DEFAULT_PLAN };
        draw(&Secret::new([9; 32]), &plan, steps)
    }

    #[test]
    fn five_per_cent_of_a_month_is_near_five_per_cent() {
        let drawn = drawn(50_000, (1..=18_000).map(|seq| step(seq, "en")));
        // 900 expected; five standard deviations of a binomial are 146.
        let count = drawn.samples.len();
        assert!((754..=1_046).contains(&count), "{count}");
        let counted = drawn.counts.values().next().unwrap();
        assert_eq!((counted.considered, counted.drawn), (18_000, count as i64));
    }

    #[test]
    fn strata_are_counted_apart() {
        let steps =
            ["en", "NL", "nl", ""].into_iter().zip(1..).map(|(language, seq)| step(seq, language));
        let drawn = drawn(1_000_000, steps);
        let counted: Vec<(&str, i64)> =
            drawn.counts.iter().map(|(key, c)| (key.stratum.as_str(), c.considered)).collect();
        assert_eq!(counted, [("language=en", 1), ("language=nl", 2), ("language=unknown", 1)]);
        assert_eq!(drawn.samples[0].id().to_string(), "sm_0t00000000001");
    }

    proptest! {
        #[test]
        fn batches_do_not_matter(cut in 0usize..200, millionths in 1u32..=1_000_000) {
            let steps: Vec<Step> = (1..=200).map(|seq| step(seq, "en")).collect();
            let whole = drawn(millionths, steps.clone());
            let (left, right) = steps.split_at(cut);
            let mut parts = drawn(millionths, left.to_vec()).samples;
            parts.extend(drawn(millionths, right.to_vec()).samples);
            prop_assert_eq!(whole.samples, parts);
        }

        #[test]
        fn a_higher_rate_draws_what_a_lower_one_draws_and_more(
            low in 1u32..=1_000_000,
            high in 1u32..=1_000_000,
        ) {
            let (low, high) = (low.min(high), low.max(high));
            let events = |millionths| -> Vec<EventId> {
                let drawn = drawn(millionths, (1..=200).map(|seq| step(seq, "en")));
                drawn.samples.iter().map(|sample| sample.step.event).collect()
            };
            let more = events(high);
            prop_assert!(events(low).iter().all(|event| more.contains(event)));
        }
    }
}
