//! What a workspace has used of its month: what was counted in the ledger, and what went in here since.

use std::collections::VecDeque;

use kernel::Timestamp;

use super::allowance::Allowance;
use super::month::Month;

/// The month of one workspace, as this replica knows it.
#[derive(Debug)]
pub(crate) struct Account {
    month: Month,
    /// Entries of the month in the ledger up to `counted_to`, by everybody.
    counted: u64,
    counted_to: i64,
    /// Entries from here that may lie behind: the last seq of a commit, and how many.
    own: VecDeque<(i64, u64)>,
    /// On their way in.
    in_flight: u64,
}

/// What an account says to more events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Fine,
    /// Taken, and worth a word.
    PastSoft,
    Exceeded(Exceeded),
}

/// A hard quota that is used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Exceeded {
    pub(crate) quota: u64,
    pub(crate) used: u64,
    pub(crate) resets: Timestamp,
}

impl Account {
    pub(crate) fn new(month: Month) -> Self {
        Self { month, counted: 0, counted_to: 0, own: VecDeque::new(), in_flight: 0 }
    }

    pub(crate) fn month(&self) -> Month {
        self.month
    }

    /// Takes in what was counted of `month` up to seq `to`.
    pub(crate) fn counted(&mut self, month: Month, events: u64, to: i64) {
        if month != self.month {
            self.own.clear();
            self.month = month;
        }
        (self.counted, self.counted_to) = (events, to);
        self.own.retain(|(seq, _)| *seq > to);
    }

    pub(crate) fn used(&self) -> u64 {
        self.counted + self.own.iter().map(|(_, events)| events).sum::<u64>() + self.in_flight
    }

    /// Lets `events` in, unless they would exceed the hard quota. They stay in flight until
    /// [`Account::land`].
    pub(crate) fn let_in(&mut self, events: u64, allowance: Allowance) -> Verdict {
        let used = self.used();
        let Allowance { quota_soft, quota_hard, .. } = allowance;
        if quota_hard > 0 && used + events > quota_hard {
            let resets = self.month.end();
            return Verdict::Exceeded(Exceeded { quota: quota_hard, used, resets });
        }
        self.in_flight += events;
        if quota_soft > 0 && used + events > quota_soft { Verdict::PastSoft } else { Verdict::Fine }
    }

    /// Of `events` in flight, `new` became entries, the last at `seq`.
    pub(crate) fn land(&mut self, events: u64, new: u64, seq: i64) {
        self.in_flight = self.in_flight.saturating_sub(events);
        if new == 0 || seq <= self.counted_to {
            return;
        }
        match self.own.back_mut() {
            // Few and coarse: thousands of commits may come between two counts.
            Some((last, held)) if seq - *last < 64 && seq > *last => {
                (*last, *held) = (seq, *held + new)
            }
            _ => self.own.push_back((seq, new)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn june() -> Month {
        Month::of("2026-06-15T12:00:00Z".parse().unwrap())
    }

    fn quotas(soft: u64, hard: u64) -> Allowance {
        Allowance { quota_soft: soft, quota_hard: hard, ..Allowance::default() }
    }

    #[test]
    fn a_quota_warns_and_then_refuses_and_a_new_month_is_a_new_quota() {
        let mut account = Account::new(june());
        let quotas = quotas(2, 3);
        assert_eq!(account.let_in(2, quotas), Verdict::Fine);
        account.land(2, 2, 2);
        assert_eq!(account.let_in(1, quotas), Verdict::PastSoft);
        account.land(1, 1, 3);
        let resets = "2026-07-01T00:00:00Z".parse().unwrap();
        let exceeded = Exceeded { quota: 3, used: 3, resets };
        assert_eq!(account.let_in(1, quotas), Verdict::Exceeded(exceeded));
        account.counted(Month::of(resets), 0, 3);
        assert_eq!(account.let_in(1, quotas), Verdict::Fine);
    }

    #[test]
    fn duplicates_and_calls_that_went_away_use_up_nothing() {
        let mut account = Account::new(june());
        for _ in 0..10 {
            assert_eq!(account.let_in(1, quotas(0, 1)), Verdict::Fine);
            account.land(1, 0, 0);
        }
        assert_eq!(account.used(), 0);
    }

    #[test]
    fn the_first_quota_of_no_words_is_none() {
        let mut account = Account::new(june());
        assert_eq!(account.let_in(u64::from(u32::MAX), quotas(0, 0)), Verdict::Fine);
    }

    proptest! {
        /// Whatever is counted in between: an entry of this replica counts once, or for a moment twice
        /// where it shares a run with one that is not counted yet, and never not at all.
        #[test]
        fn an_entry_is_never_forgotten(
            commits in prop::collection::vec((1..20_u64, 0..80_i64, any::<bool>()), 1..60),
        ) {
            let mut account = Account::new(june());
            let (mut seq, mut mine) = (0, 0);
            for (events, others, count) in commits {
                seq += others + events as i64;
                account.let_in(events, quotas(0, 0));
                account.land(events, events, seq);
                mine += events;
                prop_assert!(account.used() >= mine);
                if count {
                    account.counted(june(), seq as u64, seq);
                    prop_assert_eq!(account.used(), seq as u64);
                    mine = seq as u64;
                }
            }
        }
    }
}
