//! Dimension sets are named by their content: no number to draw, so replicas and rebuilds agree.

use sha2::{Digest as _, Sha256};

use crate::domain::Dimensions;

/// 128 bits of SHA-256, as the ledger's dedupe keys are: a billion sets have a chance of 10⁻²¹ to meet.
pub(super) type Digest = [u8; 16];

/// The name of a set. Its bytes are stored: changing the order or the form below orphans every cell.
pub(super) fn digest(dimensions: &Dimensions) -> Digest {
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
