//! The latest position each workspace was shown: nobody is shown less afterwards.
//!
//! Kept in this process. Another replica shows what the same database holds, which is never less than it
//! held before.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use kernel::{Partition, Position, WorkspaceId};

/// Workspaces that are told apart; when there are more, those of a partition share one mark, which is
/// the highest of theirs.
const WORKSPACES_MAX: usize = 20_000;

#[derive(Default)]
pub(crate) struct Shown(Mutex<Marks>);

#[derive(Default)]
struct Marks {
    own: HashMap<WorkspaceId, i64>,
    shared: HashMap<Partition, i64>,
}

impl Shown {
    pub(crate) fn to(&self, workspace: WorkspaceId) -> i64 {
        let marks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let own = marks.own.get(&workspace).copied().unwrap_or(0);
        own.max(marks.shared.get(&workspace.partition()).copied().unwrap_or(0))
    }

    pub(crate) fn raise(&self, workspace: WorkspaceId, as_of: Position) {
        let mut marks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let marks = &mut *marks;
        if marks.own.len() >= WORKSPACES_MAX && !marks.own.contains_key(&workspace) {
            for (workspace, seq) in marks.own.drain() {
                let shared = marks.shared.entry(workspace.partition()).or_default();
                *shared = seq.max(*shared);
            }
        }
        let own = marks.own.entry(workspace).or_default();
        *own = as_of.seq.max(*own);
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_mark_never_goes_back_however_many_workspaces_there_are() {
        let shown = Shown::default();
        let first = WorkspaceId::new(1).unwrap();
        let at = |workspace: WorkspaceId, seq| Position { partition: workspace.partition(), seq };
        shown.raise(first, at(first, 90));
        shown.raise(first, at(first, 80));
        assert_eq!(shown.to(first), 90);
        let other = WorkspaceId::new(2).unwrap();
        assert_eq!(shown.to(other), 0, "another workspace has seen nothing yet");
        for number in 2..50_000 {
            let workspace = WorkspaceId::new(number).unwrap();
            shown.raise(workspace, at(workspace, 1));
        }
        assert!(shown.to(first) >= 90);
    }
}
