//! What each kind of value is a version of.

use super::book::Filed;
use super::{
    BaselineKey, BaselineValue, FxRate, Intent, IntentKey, ModelPrice, Pair, Policy, PriceKey,
    RateTarget, RateValue, Reporting, TaskKey, TaskType,
};

impl Filed for TaskType {
    type Key = TaskKey;

    fn filed_under(&self) -> TaskKey {
        self.key.clone()
    }
}

impl Filed for BaselineValue {
    type Key = BaselineKey;

    fn filed_under(&self) -> BaselineKey {
        self.key.clone()
    }
}

impl Filed for RateValue {
    type Key = RateTarget;

    fn filed_under(&self) -> RateTarget {
        self.target.clone()
    }
}

impl Filed for Intent {
    type Key = IntentKey;

    fn filed_under(&self) -> IntentKey {
        self.key.clone()
    }
}

impl Filed for ModelPrice {
    type Key = PriceKey;

    fn filed_under(&self) -> PriceKey {
        self.key.clone()
    }
}

impl Filed for FxRate {
    type Key = Pair;

    fn filed_under(&self) -> Pair {
        self.pair
    }
}

/// A workspace has one.
impl Filed for Policy {
    type Key = ();

    fn filed_under(&self) {}
}

/// A workspace has one set.
impl Filed for Reporting {
    type Key = ();

    fn filed_under(&self) {}
}
