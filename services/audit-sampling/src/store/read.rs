//! Reading samples and counts, always of one workspace.

use kernel::{Timestamp, Window, WorkspaceId};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::entity::{sample, stratum_count};
use super::{Error, Store, row};
use crate::domain::{Counted, Period, Sample, State};

/// Which samples are wanted; `None` and empty leave nothing out.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Filter {
    pub(crate) state: Option<State>,
    pub(crate) agent_id: String,
    pub(crate) task_type: String,
    pub(crate) plan_id: String,
    pub(crate) window: Option<Window>,
}

/// The last sample of the page before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct After {
    pub(crate) seq: i64,
    pub(crate) plan_id: String,
}

/// What was drawn from how many, by week and stratum.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) period: Period,
    pub(crate) strata: Vec<(String, Counted)>,
}

impl Store {
    /// The next samples, the latest recorded first, at most `limit`.
    pub(crate) async fn samples(
        &self,
        workspace: WorkspaceId,
        filter: &Filter,
        after: Option<&After>,
        limit: u64,
    ) -> Result<Vec<Sample>, Error> {
        use sample::Column;
        let mut wanted = Condition::all()
            .add(Column::Partition.eq(workspace.partition().get()))
            .add(Column::Workspace.eq(workspace.get()))
            .add_option(filter.state.map(|state| Column::State.eq(row::state(state))));
        let texts = [
            (Column::AgentId, &filter.agent_id),
            (Column::TaskType, &filter.task_type),
            (Column::PlanId, &filter.plan_id),
        ];
        for (column, text) in texts {
            wanted = wanted.add_option((!text.is_empty()).then(|| column.eq(text.as_str())));
        }
        if let Some(window) = filter.window {
            wanted = wanted
                .add(Column::OccurredTime.gte(window.start().micros()))
                .add(Column::OccurredTime.lt(window.end().micros()));
        }
        if let Some(After { seq, plan_id }) = after {
            let same_event =
                Condition::all().add(Column::Seq.eq(*seq)).add(Column::PlanId.gt(plan_id.as_str()));
            wanted = wanted.add(Condition::any().add(Column::Seq.lt(*seq)).add(same_event));
        }
        let rows = sample::Entity::find()
            .filter(wanted)
            .order_by_desc(Column::Seq)
            .order_by_asc(Column::PlanId)
            .limit(limit)
            .all(self.db.reader())
            .await?;
        rows.into_iter().map(row::sample).collect()
    }

    /// Every week of a plan in which there was anything to draw from, the latest first.
    pub(crate) async fn counts(
        &self,
        workspace: WorkspaceId,
        plan_id: &str,
    ) -> Result<Vec<Counts>, Error> {
        use stratum_count::Column;
        let rows = stratum_count::Entity::find()
            .filter(Column::Partition.eq(workspace.partition().get()))
            .filter(Column::Workspace.eq(workspace.get()))
            .filter(Column::PlanId.eq(plan_id))
            .order_by_desc(Column::PeriodTime)
            .all(self.db.reader())
            .await?;
        let mut weeks: Vec<Counts> = Vec::new();
        for row in rows {
            let period = Period::of(Timestamp::from_micros(row.period_time));
            let counted = (row.stratum, Counted { considered: row.considered, drawn: row.drawn });
            match weeks.last_mut() {
                Some(week) if week.period == period => week.strata.push(counted),
                _ => weeks.push(Counts { period, strata: vec![counted] }),
            }
        }
        // Here and not in SQL: the two databases order text differently.
        weeks.iter_mut().for_each(|week| week.strata.sort_by(|a, b| a.0.cmp(&b.0)));
        Ok(weeks)
    }
}
