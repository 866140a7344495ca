//! What reports assume where a request does not say.

use kernel::{Currency, Malformed, zone_name};

use super::fields::{Fields, Reading};
use super::node::{Entries, Node};
use super::wrong::{Problem, Why};

/// One set of defaults.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reporting {
    pub(crate) currency: Currency,
    pub(crate) zone: Zone,
    pub(crate) hours_per_fte_month: i64,
    pub(crate) fiscal_year_start_month: i64,
}

/// An IANA zone: offsets change twice a year, and days are cut where people live.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Zone(String);

impl Zone {
    /// In the spelling of the zone's own files, whatever was sent.
    pub(crate) fn new(name: &str) -> Result<Self, Problem> {
        let unknown = |malformed: Malformed| Problem::new(Why::NotATimeZone, malformed.to_string());
        zone_name(name).map(Self).map_err(unknown)
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Reporting {
    /// METRICS 9: 22 days of 8 hours.
    const FTE_HOURS: i64 = 176;
    /// The hours of the longest month.
    const FTE_HOURS_MAX: i64 = 744;

    pub(super) fn read(f: &mut Fields<'_, '_>) -> Option<Self> {
        let currency = f.some_currency("currency_code");
        let reading = f.reading();
        let zone = f.optional("time_zone", |name| match reading {
            Reading::Sent => Zone::new(name),
            Reading::Stored => Ok(Zone(name.to_owned())),
        });
        let hours = f.number("hours_per_fte_month", Self::FTE_HOURS, 1..=Self::FTE_HOURS_MAX);
        let month = f.number("fiscal_year_start_month", 1, 1..=12);
        Some(Self {
            currency: currency?.unwrap_or(Currency::EUR),
            zone: zone?.unwrap_or_else(|| Zone("UTC".to_owned())),
            hours_per_fte_month: hours?,
            fiscal_year_start_month: month?,
        })
    }

    pub(super) fn write(&self) -> Node {
        Entries::default()
            .text("currency_code", self.currency)
            .text("time_zone", self.zone.as_str())
            .text("hours_per_fte_month", self.hours_per_fte_month)
            .text("fiscal_year_start_month", self.fiscal_year_start_month)
            .node()
    }
}
