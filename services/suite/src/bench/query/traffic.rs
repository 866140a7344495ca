//! Many callers at once, as dashboards are: mostly the front page, now and then what is behind it.

use std::sync::Arc;

use wire::rollup::v1::{Dimension, GetSavingsRequest};

use super::mix::Draw;
use super::{WORKSPACES, questions};
use crate::bench::{Load, Sample, Target};
use crate::failure::Failure;

/// Of so many questions one is for the savings by task type, the others are for the overview.
const SAVINGS_ONE_IN: u64 = 5;

/// Asks about all workspaces alike.
pub(crate) async fn traffic(reports: &Arc<Target>, load: Load) -> Result<Sample, Failure> {
    let reports = Arc::clone(reports);
    load.drive(move |caller, nth| {
        let reports = Arc::clone(&reports);
        async move {
            let mut draw = Draw::of((caller as u64) << 40 | nth);
            let workspace = usize::try_from(draw.below(WORKSPACES as u64)).unwrap_or(0);
            let mut client = reports.reports(caller);
            if draw.below(SAVINGS_ONE_IN) == 0 {
                let dimensions = vec![Dimension::TaskType.into()];
                let question = GetSavingsRequest { dimensions, ..Default::default() };
                let answer = client.get_savings(reports.request(workspace, question)).await;
                answer.map_err(Failure::call("the savings were not given"))?;
            } else {
                let question = reports.request(workspace, questions::same());
                let answer = client.get_overview(question).await;
                answer.map_err(Failure::call("an overview was not given"))?;
            }
            Ok(())
        }
    })
    .await
}
