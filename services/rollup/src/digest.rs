//! Names and seals by content: no number to draw, so replicas, rebuilds and recounts agree.

use kernel::Timestamp;
use sha2::{Digest as _, Sha256};

use crate::domain::{Content, Dimensions, Grain, Held, Level};

/// 128 bits of SHA-256, as the ledger's keys are: a billion sets have a chance of 10⁻²¹ to meet.
pub(crate) type Digest = [u8; 16];

/// SHA-256 over cells in the order of [`Ordered`] and name: equal seals, equal cells.
#[derive(Debug, Default)]
pub(crate) struct Seal(Sha256);

impl Seal {
    /// Takes in the next cell. One from which everything was taken back is as if it had never been.
    pub(crate) fn cell(
        &mut self,
        (grain, level, start): (Grain, Level, Timestamp),
        name: &[u8],
        content: &Content,
    ) {
        if content.is_empty() {
            return;
        }
        self.0.update(grain.number().to_be_bytes());
        self.0.update(level.number().to_be_bytes());
        self.0.update(start.micros().to_be_bytes());
        self.0.update(name);
        for sum in content.measures.to_array() {
            self.0.update(sum.to_be_bytes());
        }
        // Not the stored bytes: one set has several forms, depending on how it grew.
        for (ticket, events) in content.tickets.iter() {
            self.0.update(ticket.to_be_bytes());
            self.0.update(events.to_be_bytes());
        }
        self.0.update([0xff; 16]);
        for (bucket, events) in content.durations.iter() {
            self.0.update(bucket.to_be_bytes());
            self.0.update(events.to_be_bytes());
        }
        self.0.update([0xff; 16]);
        for (spent, events) in content.efforts.iter() {
            for ms in [spent.agent_ms, spent.human_edit_ms, spent.baseline_ms] {
                self.0.update(ms.map_or(-1, i64::from).to_be_bytes());
            }
            self.0.update(events.to_be_bytes());
        }
        self.0.update([0xff; 16]);
    }

    /// 64 hexadecimal digits.
    pub(crate) fn finish(self) -> String {
        self.0.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// The place of cells, in the order of the numbers that rows hold: the one in which they are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ordered {
    numbers: (i16, i16),
    start: Timestamp,
    pub(crate) within: (Grain, Level, Timestamp),
}

impl Ordered {
    pub(crate) fn of(within: (Grain, Level, Timestamp)) -> Self {
        let (grain, level, start) = within;
        Self { numbers: (grain.number(), level.number()), start, within }
    }
}

/// The seal of cells in any order.
pub(crate) fn seal(cells: &[Held]) -> String {
    let mut named: Vec<((Grain, Level, Timestamp), Digest, &Content)> = cells
        .iter()
        .map(|cell| {
            let place = (cell.grain, cell.level, cell.start);
            (place, digest(&cell.dimensions), &cell.content)
        })
        .collect();
    named.sort_unstable_by_key(|(place, name, _)| (Ordered::of(*place), *name));
    let mut seal = Seal::default();
    for (place, name, content) in named {
        seal.cell(place, &name, content);
    }
    seal.finish()
}

/// The name of a set. Its bytes are stored: changing the order or the form below orphans every cell.
pub(crate) fn digest(dimensions: &Dimensions) -> Digest {
    // Taken apart so that a new field does not build until it has its place here.
    let Dimensions {
        task_type,
        agent,
        outcome,
        project,
        intent,
        queue,
        channel,
        language,
        technical,
        model,
        baseline_version,
        rate_version,
        rate,
        cost_currency,
    } = dimensions;
    let mut hash = Sha256::new();
    // Lengths first: ("ab", "c") is not ("a", "bc").
    for text in [task_type, agent, project, intent, queue, channel, language, model] {
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text);
    }
    for text in [baseline_version, rate_version] {
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text);
    }
    hash.update([outcome.as_str().len() as u8]);
    hash.update(outcome.as_str());
    hash.update([technical.map_or(2, u8::from)]);
    hash.update([u8::from(rate.is_some())]);
    if let Some(rate) = rate {
        hash.update(rate.micros_per_hour.to_be_bytes());
        hash.update(rate.currency.as_str());
    }
    hash.update([u8::from(cost_currency.is_some())]);
    if let Some(currency) = cost_currency {
        hash.update(currency.as_str());
    }
    let mut digest = Digest::default();
    digest.copy_from_slice(&hash.finalize()[..16]);
    digest
}
