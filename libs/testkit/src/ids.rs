//! Ids that are the same in every run.

use std::sync::Mutex;

use kernel::IdSource;
use rand::rngs::StdRng;
use rand::{RngCore, SeedableRng};

/// Draws from a seed: the same seed gives the same ids, in order.
#[derive(Debug)]
pub struct SeededIds {
    source: Mutex<StdRng>,
}

impl SeededIds {
    /// From `seed`.
    pub fn new(seed: u64) -> Self {
        Self { source: Mutex::new(StdRng::seed_from_u64(seed)) }
    }
}

impl IdSource for SeededIds {
    fn fill(&self, bytes: &mut [u8]) {
        self.source.lock().expect("no holder of this lock panics").fill_bytes(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_decides_every_id() {
        let draw = |seed| {
            let ids = SeededIds::new(seed);
            [ids.next_i64(), ids.next_i64(), ids.next_i64()]
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
        assert!(draw(7).iter().all(|id| *id > 0));
    }
}
