//! Whatever the order of the events and wherever batches are cut, the cells are the same.
#![expect(clippy::unwrap_used, reason = "tests")]

use kernel::{Outcome, WorkspaceId};
use proptest::prelude::*;

use crate::domain::samples::{Cells, START, step};
use crate::domain::{Level, Measures, Step, fold};

fn any_step() -> impl Strategy<Value = Step> {
    let outcome = prop::sample::select(Outcome::ALL.to_vec());
    let text = prop::sample::select(vec!["a", "A", "é", ""]);
    (outcome, text, 1i64..600, 0i64..400_000_000_000, 0..20u32, any::<bool>()).prop_map(
        |(outcome, agent, minutes, offset, ticket, measured)| {
            let mut step = step("ticket_routing", minutes, outcome, START + offset);
            step.dimensions.agent = agent.to_owned();
            step.ticket = (ticket > 0).then(|| format!("T-{ticket}"));
            if let Some(effort) = &mut step.effort {
                effort.human_edit_ms = measured.then_some(minutes * 1_000);
            }
            step
        },
    )
}

fn cells_of(steps: &[Step], batch: usize) -> Cells {
    let mut cells = Cells::default();
    for part in steps.chunks(batch) {
        cells.apply(fold(part.to_vec()));
    }
    cells
}

proptest! {
    #[test]
    fn any_permutation_and_any_split_gives_the_same_cells(
        steps in prop::collection::vec(any_step(), 1..60),
        shuffled in any::<prop::sample::Index>(),
        batch in 1usize..60,
    ) {
        let mut other = steps.clone();
        let by = shuffled.index(other.len());
        other.rotate_left(by);
        other.reverse();
        prop_assert_eq!(cells_of(&steps, steps.len()), cells_of(&other, batch));
    }

    #[test]
    fn the_days_and_the_quarters_add_up_to_the_same(
        steps in prop::collection::vec(any_step(), 1..60),
    ) {
        let cells = cells_of(&steps, 7);
        let sum = |wanted| {
            let mut sum = Measures::default();
            for ((level, ..), (measures, _)) in &cells.cells {
                if *level == wanted {
                    sum += *measures;
                }
            }
            sum
        };
        prop_assert_eq!(sum(Level::Day), sum(Level::Quarter));
        prop_assert_eq!(sum(Level::Day).events, steps.len() as i64);
    }
}

#[test]
fn two_workspaces_never_share_a_cell() {
    let mine = step("ticket_routing", 2, Outcome::Success, START);
    let mut theirs = mine.clone();
    theirs.workspace = WorkspaceId::new(8).unwrap();
    let deltas = fold(vec![mine, theirs]);
    assert_eq!(deltas.dimensions.len(), 2);
    assert_eq!(deltas.cells.len(), 2 * Level::ALL.len());
}
