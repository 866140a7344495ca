//! Randomness as an argument.

/// Where a service draws ids and secrets. The system's source lives in `chassis`, a seeded one in `testkit`.
pub trait IdSource: Send + Sync {
    /// Fills `bytes` with unpredictable bytes.
    fn fill(&self, bytes: &mut [u8]);

    /// A number in 1..=i64::MAX.
    fn next_i64(&self) -> i64 {
        let mut bytes = [0; 8];
        self.fill(&mut bytes);
        (i64::from_le_bytes(bytes) & i64::MAX).max(1)
    }
}
