//! The keys that decide draws: one secret an installation, one salt a workspace, plan and week.
//!
//! A salt is derived, not stored: every replica has the same one, a replay draws the same samples,
//! and publishing an old one says nothing about the next.

use std::fmt;

use hmac::{Hmac, Mac};
use kernel::{EventId, WorkspaceId};
use sha2::{Digest, Sha256};

use super::{Period, Probability};

type HmacSha256 = Hmac<Sha256>;

/// Keeps salts apart from anything else the secret may be used for one day.
const PURPOSE: &[u8] = b"tally audit-sampling salt v1\0";

/// The installation's secret, made once and kept in its database.
#[derive(Clone)]
pub(crate) struct Secret([u8; Secret::LEN]);

impl Secret {
    pub(crate) const LEN: usize = 32;

    pub(crate) const fn new(bytes: [u8; Self::LEN]) -> Self {
        Self(bytes)
    }

    /// The salt of a workspace's week under a plan.
    pub(crate) fn salt(&self, workspace: WorkspaceId, plan_id: &str, period: Period) -> Salt {
        let mut mac = keyed(&self.0);
        mac.update(PURPOSE);
        mac.update(&workspace.get().to_be_bytes());
        mac.update(&period.start().micros().to_be_bytes());
        // Last, so that its length needs no writing down.
        mac.update(plan_id.as_bytes());
        Salt::new(mac.finalize().into_bytes().into())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// What decides the draws of one week, published when the week is over.
#[derive(Clone)]
pub(crate) struct Salt {
    bytes: [u8; 32],
    /// Keyed once: a batch has many events and few salts.
    keyed: HmacSha256,
}

impl Salt {
    fn new(bytes: [u8; 32]) -> Self {
        Self { bytes, keyed: keyed(&bytes) }
    }

    pub(crate) const fn bytes(&self) -> &[u8; 32] {
        &self.bytes
    }

    /// Shown from the start: what is published later can be checked against it.
    pub(crate) fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.bytes).into()
    }

    /// Whether `event` is drawn: its number, uniform in [0, 2^64), lies below the probability's
    /// share of it. The definition is in the contract (SamplingPeriod.salt): anybody can repeat it.
    pub(crate) fn draws(&self, event: EventId, probability: Probability) -> bool {
        let mut mac = self.keyed.clone();
        mac.update(event.to_string().as_bytes());
        let digest = mac.finalize().into_bytes();
        let number = u64::from_be_bytes(digest[..8].try_into().expect("a digest has 32 bytes"));
        u128::from(number) * u128::from(Probability::ONE.millionths())
            < u128::from(probability.millionths()) << 64
    }
}

impl fmt::Debug for Salt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Salt(…)")
    }
}

fn keyed(key: &[u8; 32]) -> HmacSha256 {
    HmacSha256::new_from_slice(key).expect("HMAC takes keys of any length")
}

#[cfg(test)]
mod tests {
    use super::*;
    use kernel::{Partition, Position, Timestamp};

    fn salt(workspace: i64, plan: &str, day: i64) -> [u8; 32] {
        let period = Period::of(Timestamp::from_micros(day * 86_400_000_000));
        let workspace = WorkspaceId::new(workspace).unwrap();
        *Secret::new([7; 32]).salt(workspace, plan, period).bytes()
    }

    #[test]
    fn every_workspace_plan_and_week_has_a_salt_of_its_own() {
        let base = salt(1, "default", 100);
        assert_eq!(base, salt(1, "default", 101));
        for other in [salt(2, "default", 100), salt(1, "strict", 100), salt(1, "default", 110)] {
            assert_ne!(base, other);
        }
    }

    #[test]
    fn certainty_draws_everything() {
        let period = Period::of(Timestamp::EPOCH);
        let salt = Secret::new([1; 32]).salt(WorkspaceId::new(1).unwrap(), "default", period);
        for seq in 1..1_000 {
            let event = EventId(Position { partition: Partition::new(3).unwrap(), seq });
            assert!(salt.draws(event, Probability::ONE));
        }
    }

    /// The number comes from another implementation, Python's `int.from_bytes(hmac.new(b"\x5a" *
    /// 32, b"ev_0t00000000001", "sha256").digest()[:8]) * 10**6 >> 64`.
    #[test]
    fn a_draw_can_be_repeated_from_the_published_salt() {
        const MILLIONTHS: u32 = 450_754;
        let salt = Salt::new([0x5a; 32]);
        let event: EventId = "ev_0t00000000001".parse().unwrap();
        assert_eq!(event.0, Position { partition: Partition::new(13).unwrap(), seq: 1 });
        assert!(!salt.draws(event, Probability::new(MILLIONTHS).unwrap()));
        assert!(salt.draws(event, Probability::new(MILLIONTHS + 1).unwrap()));
    }
}
