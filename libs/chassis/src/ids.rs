//! The system's randomness: the one place that draws it.

use kernel::IdSource;
use rand::RngCore as _;

/// A cryptographic generator seeded and reseeded by the operating system.
#[derive(Clone, Copy, Debug, Default)]
pub struct OsIds;

impl IdSource for OsIds {
    #[expect(clippy::disallowed_methods, reason = "the IdSource everybody else draws from")]
    fn fill(&self, bytes: &mut [u8]) {
        rand::rng().fill_bytes(bytes);
    }
}
