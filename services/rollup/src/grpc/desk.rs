//! Where every report is asked for: the cache first, the cells behind it. Calls, exports, streams and
//! shared links all come here, so that one question has one answer.

use std::sync::Arc;

use fault::Fault;
use kernel::{Clock, WorkspaceId};
use wire::rollup::v1 as api;

use super::defaults::Defaults;
use super::parse::{Ask, View};
use super::{parse, parse_series, render, render_series};
use crate::answers::{Answers, Made, Stamped, key};
use crate::app::{App, Stamp, Stated, Versions};

/// Cheap to clone.
#[derive(Clone)]
pub(super) struct Desk {
    pub(super) app: Arc<App>,
    pub(super) answers: Answers,
    pub(super) defaults: Defaults,
    pub(super) versions: Arc<dyn Versions>,
    pub(super) clock: Arc<dyn Clock>,
}

/// One report that can be saved, exported and shared.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Asked {
    Overview(api::GetOverviewRequest),
    Savings(api::GetSavingsRequest),
    TimeSeries(api::GetTimeSeriesRequest),
}

/// Its answer.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Report {
    Overview(Box<api::Overview>),
    Savings(Box<api::SavingsReport>),
    TimeSeries(Box<api::TimeSeries>),
}

impl Desk {
    pub(super) async fn report(
        &self,
        workspace: WorkspaceId,
        asked: Asked,
    ) -> Result<Report, Fault> {
        Ok(match asked {
            Asked::Overview(request) => {
                Report::Overview(Box::new(self.overview(workspace, request).await?))
            }
            Asked::Savings(request) => {
                Report::Savings(Box::new(self.savings(workspace, request).await?))
            }
            Asked::TimeSeries(request) => {
                Report::TimeSeries(Box::new(self.time_series(workspace, request).await?))
            }
        })
    }

    pub(super) async fn overview(
        &self,
        workspace: WorkspaceId,
        mut request: api::GetOverviewRequest,
    ) -> Result<api::Overview, Fault> {
        request.query = self.defaults.of(workspace).await.query(request.query);
        let (ask, compare) = parse::overview(workspace, self.clock.now(), request)?;
        let granted = chassis::deadline::remaining();
        let need = self.app.need(workspace, ask.at_least, granted).await?;
        let view = self.view(&ask).await?;
        let question = format!("{:?} {} {compare:?}{}", ask.query, ask.zone, view.asked());
        let key = key(workspace, "overview", &question);
        let make = async {
            let stated = self.app.overview(&ask.query, compare, view.versions).await?;
            let overview = Some(render::overview(&ask, &stated));
            Ok(view.made(api::GetOverviewResponse { overview }, &stated))
        };
        let (answer, as_of) = self.answers.find_or_make(&key, need, make).await?;
        self.app.answered(workspace, as_of);
        Ok(answer.overview.unwrap_or_default())
    }

    pub(super) async fn savings(
        &self,
        workspace: WorkspaceId,
        mut request: api::GetSavingsRequest,
    ) -> Result<api::SavingsReport, Fault> {
        request.query = self.defaults.of(workspace).await.query(request.query);
        let (ask, split) = parse::savings(workspace, self.clock.now(), request)?;
        let granted = chassis::deadline::remaining();
        let need = self.app.need(workspace, ask.at_least, granted).await?;
        let view = self.view(&ask).await?;
        let question = format!("{:?} {} {split:?}{}", ask.query, ask.zone, view.asked());
        let key = key(workspace, "savings", &question);
        let make = async {
            let stated = self.app.savings(&ask.query, &split, view.versions).await?;
            let report = Some(render::savings(&ask, &split, &stated));
            Ok(view.made(api::GetSavingsResponse { report }, &stated))
        };
        let (answer, as_of) = self.answers.find_or_make(&key, need, make).await?;
        self.app.answered(workspace, as_of);
        Ok(answer.report.unwrap_or_default())
    }

    pub(super) async fn time_series(
        &self,
        workspace: WorkspaceId,
        mut request: api::GetTimeSeriesRequest,
    ) -> Result<api::TimeSeries, Fault> {
        let now = self.clock.now();
        let assumed = self.defaults.of(workspace).await;
        request.fiscal_start_month = assumed.fiscal_start_month(request.fiscal_start_month);
        request.query = assumed.query(request.query);
        let (ask, cut) = parse_series::series(workspace, now, request)?;
        let granted = chassis::deadline::remaining();
        let need = self.app.need(workspace, ask.at_least, granted).await?;
        // Which buckets have ended is part of the answer, and moves with the quarter hour.
        let ended = cut.buckets.iter().filter(|bucket| bucket.window.window().end() <= now).count();
        let view = self.view(&ask).await?;
        let question = format!(
            "{:?} {} {:?} {:?} {ended}{}",
            ask.query,
            ask.zone,
            cut.by,
            cut.granularity,
            view.asked()
        );
        let key = key(workspace, "series", &question);
        let make = async {
            let windows: Vec<_> = cut.buckets.iter().map(|bucket| bucket.window).collect();
            let stated = self.app.series(&ask.query, &cut.by, &windows, view.versions).await?;
            let time_series = Some(render_series::series(&ask, &cut, now, &stated));
            Ok(view.made(api::GetTimeSeriesResponse { time_series }, &stated))
        };
        let (answer, as_of) = self.answers.find_or_make(&key, need, make).await?;
        self.app.answered(workspace, as_of);
        Ok(answer.time_series.unwrap_or_default())
    }

    async fn view(&self, ask: &Ask) -> Result<Looked<'_>, Fault> {
        Ok(match ask.view {
            View::AsRecorded => Looked { versions: None, stamp: None },
            View::AsRestated => Looked {
                versions: Some(&*self.versions),
                stamp: Some(self.versions.stamp(ask.query.workspace).await?),
            },
        })
    }
}

/// The versions a report is computed with, as they stood when it was asked for.
struct Looked<'v> {
    versions: Option<&'v dyn Versions>,
    stamp: Option<Stamp>,
}

impl Looked<'_> {
    /// What of a question they are: with others the answer is another.
    fn asked(&self) -> String {
        self.stamp.as_ref().map(|Stamp(stamp)| format!(" restated {stamp}")).unwrap_or_default()
    }

    /// An answer made with versions that had to be looked up first belongs to a question with those.
    fn made<A, T>(&self, answer: A, stated: &Stated<T>) -> Made<A> {
        let made_with = stated.restated.as_ref().map(|restated| &restated.stamp);
        Made { answer, as_of: stated.as_of, is_kept: made_with == self.stamp.as_ref() }
    }
}

impl Stamped for api::GetOverviewResponse {
    fn as_of(&self) -> &str {
        let basis = self.overview.as_ref().and_then(|overview| overview.basis.as_ref());
        basis.map_or("", |basis| &basis.as_of)
    }
}

impl Stamped for api::GetSavingsResponse {
    fn as_of(&self) -> &str {
        let basis = self.report.as_ref().and_then(|report| report.basis.as_ref());
        basis.map_or("", |basis| &basis.as_of)
    }
}

impl Stamped for api::GetTimeSeriesResponse {
    fn as_of(&self) -> &str {
        let basis = self.time_series.as_ref().and_then(|series| series.basis.as_ref());
        basis.map_or("", |basis| &basis.as_of)
    }
}
