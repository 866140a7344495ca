//! What a workspace may use, and what the install says where the workspace says nothing.

/// Limits. 0 stands for "not said": the install's, and where that is 0 too, none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Allowance {
    /// Events a second in the long run.
    pub(crate) per_second: u32,
    /// Events at once after a pause.
    pub(crate) burst: u32,
    /// Events of a month that are taken without a word.
    pub(crate) quota_soft: u64,
    /// Events of a month that are taken at all.
    pub(crate) quota_hard: u64,
    /// Distinct values of one dimension.
    pub(crate) dimension_values: u32,
}

/// A rate that is limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rate {
    pub(crate) per_second: u32,
    pub(crate) burst: u32,
}

impl Allowance {
    /// These limits, with `install`'s where they say nothing.
    pub(crate) fn or(self, install: Self) -> Self {
        // A burst goes with its rate: the install's says nothing about the workspace's own rate.
        let rate = if self.per_second == 0 { install } else { self };
        Self {
            per_second: rate.per_second,
            burst: said(self.burst, rate.burst),
            quota_soft: said(self.quota_soft, install.quota_soft),
            quota_hard: said(self.quota_hard, install.quota_hard),
            dimension_values: said(self.dimension_values, install.dimension_values),
        }
    }

    /// `None` where nothing limits it. A burst nobody named is what a second earns.
    pub(crate) fn rate(self) -> Option<Rate> {
        let Self { per_second, burst, .. } = self;
        (per_second > 0).then(|| Rate { per_second, burst: said(burst, per_second) })
    }

    pub(crate) fn has_quota(self) -> bool {
        self.quota_soft > 0 || self.quota_hard > 0
    }
}

fn said<T: Default + PartialEq>(value: T, otherwise: T) -> T {
    if value == T::default() { otherwise } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workspace_that_says_nothing_has_the_installs_limits() {
        let install = Allowance { per_second: 100, burst: 500, ..Allowance::default() };
        let rate = |own: Allowance| own.or(install).rate();
        assert_eq!(rate(Allowance::default()), Some(Rate { per_second: 100, burst: 500 }));
        let burst = Allowance { burst: 7, ..Allowance::default() };
        assert_eq!(rate(burst), Some(Rate { per_second: 100, burst: 7 }));
        let own = Allowance { per_second: 9, ..Allowance::default() };
        assert_eq!(rate(own), Some(Rate { per_second: 9, burst: 9 }));
        assert_eq!(burst.or(Allowance::default()).rate(), None, "a burst alone limits nothing");
    }
}
