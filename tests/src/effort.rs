//! How long a story goes on: as long as CI has time for, or as long as whoever runs it says.

/// How often something is killed: `TALLY_TEST_KILLS`, or `otherwise`.
pub fn kills(otherwise: usize) -> usize {
    said("TALLY_TEST_KILLS").unwrap_or(otherwise)
}

/// How many inputs are made up: `TALLY_TEST_FUZZ_INPUTS`, or `otherwise`.
pub fn fuzz_inputs(otherwise: usize) -> usize {
    said("TALLY_TEST_FUZZ_INPUTS").unwrap_or(otherwise)
}

/// How often something is done to the shared cache: `TALLY_TEST_FAULTS`, or `otherwise`.
pub fn faults(otherwise: usize) -> usize {
    said("TALLY_TEST_FAULTS").unwrap_or(otherwise)
}

/// How many operations two suites are compared over: `TALLY_TEST_OPERATIONS`, or `otherwise`.
pub fn operations(otherwise: usize) -> usize {
    said("TALLY_TEST_OPERATIONS").unwrap_or(otherwise)
}

#[expect(clippy::disallowed_methods, reason = "how long to go on is the runner's to say")]
fn said(name: &str) -> Option<usize> {
    let said = std::env::var(name).ok()?;
    Some(said.parse().unwrap_or_else(|_| panic!("{name} is a number; it was {said:?}")))
}
