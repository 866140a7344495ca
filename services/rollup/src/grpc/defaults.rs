//! What a workspace's reports assume where a question does not say: kept by the catalog, asked for by name;
//! the zone, where nobody told the catalog, is the one ingest keeps with the workspace.
//!
//! The catalog is no condition of a report. What it said last goes on holding while it is away; a workspace
//! it was never asked about has the defaults of the contract until it answers.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chassis::{Channel, Outage};
use kernel::{Clock, Timestamp, WorkspaceId};
use tokio_util::task::TaskTracker;
use tonic::Status;
use wire::catalog::v1 as catalog;
use wire::catalog::v1::catalog_service_client::CatalogServiceClient;
use wire::ingest::v1::access_service_client::AccessServiceClient;
use wire::ingest::v1::{SavingsPolicy, UpdateWorkspaceRequest};
use wire::rollup::v1 as api;

use super::asking::asked;

/// A change is in the reports after this long at most, twice that under little load.
const FRESH: Duration = Duration::from_secs(10);
/// What the first report of a workspace waits for the catalog.
const PATIENCE: Duration = Duration::from_millis(250);
/// Workspaces remembered; past that they are all asked about anew.
const WORKSPACES_MAX: usize = 10_000;

/// What a question means where it is silent. Zero and empty are the defaults of the contract.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Assumed {
    time_zone: String,
    policy: SavingsPolicy,
    fte_hours_per_month: i32,
    fiscal_start_month: i32,
}

/// The assumptions of all workspaces. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Defaults(Arc<Inner>);

struct Inner {
    catalog: CatalogServiceClient<Channel>,
    access: AccessServiceClient<Channel>,
    clock: Arc<dyn Clock>,
    tasks: TaskTracker,
    known: Mutex<HashMap<WorkspaceId, Known>>,
    outage: Mutex<Outage>,
}

#[derive(Clone)]
struct Known {
    assumed: Assumed,
    /// When the catalog was asked last, whether or not it answered.
    asked: Timestamp,
}

impl Assumed {
    /// The question with what it leaves open.
    pub(super) fn query(&self, sent: Option<api::ReportQuery>) -> Option<api::ReportQuery> {
        let mut query = sent.unwrap_or_default();
        if query.time_zone.is_empty() {
            query.time_zone.clone_from(&self.time_zone);
        }
        if query.policy == 0 {
            query.policy = self.policy.into();
        }
        if query.fte_hours_per_month == 0 {
            query.fte_hours_per_month = self.fte_hours_per_month;
        }
        Some(query)
    }

    pub(super) fn fiscal_start_month(&self, sent: i32) -> i32 {
        if sent == 0 { self.fiscal_start_month } else { sent }
    }
}

impl Defaults {
    pub(crate) fn new(
        catalog: Channel,
        ingest: Channel,
        clock: Arc<dyn Clock>,
        tasks: TaskTracker,
    ) -> Self {
        let catalog = CatalogServiceClient::new(catalog);
        let access = AccessServiceClient::new(ingest);
        let (known, outage) = (Mutex::default(), Mutex::default());
        Self(Arc::new(Inner { catalog, access, clock, tasks, known, outage }))
    }

    pub(super) async fn of(&self, workspace: WorkspaceId) -> Assumed {
        let now = self.0.clock.now();
        let known = self.known().get(&workspace).cloned();
        let due = known.as_ref().is_none_or(|known| known.asked.plus(FRESH) <= now);
        if !due {
            return known.map(|known| known.assumed).unwrap_or_default();
        }
        let assumed = known.as_ref().map(|known| known.assumed.clone());
        self.keep(workspace, Known { assumed: assumed.clone().unwrap_or_default(), asked: now });
        // In a task of its own: nobody's hanging up leaves it half asked.
        let this = self.clone();
        let asking = self.0.tasks.spawn(async move { this.ask(workspace, now).await });
        match assumed {
            // What held a moment ago will do for this report.
            Some(assumed) => assumed,
            None => asking.await.unwrap_or_default(),
        }
    }

    async fn ask(&self, workspace: WorkspaceId, now: Timestamp) -> Assumed {
        match self.read(workspace).await {
            Ok(assumed) => {
                self.0.outage.lock().unwrap_or_else(PoisonError::into_inner).is_over();
                self.keep(workspace, Known { assumed: assumed.clone(), asked: now });
                assumed
            }
            Err(status) => {
                let error = fault::chain(&status);
                let mut outage = self.0.outage.lock().unwrap_or_else(PoisonError::into_inner);
                if outage.is_news(&error) {
                    tracing::warn!(
                        error,
                        "nobody says what reports assume: what was said last holds"
                    );
                }
                self.known().get(&workspace).map(|known| known.assumed.clone()).unwrap_or_default()
            }
        }
    }

    async fn read(&self, workspace: WorkspaceId) -> Result<Assumed, Status> {
        use catalog::SavingsPolicyKind as Kind;
        let mut catalog = self.0.catalog.clone();
        let mut other = catalog.clone();
        let defaults = asked(workspace, catalog::GetReportingDefaultsRequest::default(), PATIENCE);
        let policy = asked(workspace, catalog::GetSavingsPolicyRequest::default(), PATIENCE);
        let (defaults, policy) = tokio::try_join!(
            catalog.get_reporting_defaults(defaults),
            other.get_savings_policy(policy),
        )?;
        let defaults = defaults.into_inner().reporting_defaults.unwrap_or_default();
        let policy = policy.into_inner().savings_policy.unwrap_or_default();
        // What came with the product nobody has chosen.
        let chosen = defaults.version.as_ref().is_none_or(|version| version.number > 0);
        let time_zone = if chosen { defaults.time_zone } else { self.own_zone(workspace).await? };
        Ok(Assumed {
            time_zone,
            policy: match policy.kind() {
                Kind::Unspecified => SavingsPolicy::Unspecified,
                Kind::Gross => SavingsPolicy::Gross,
                Kind::Credited => SavingsPolicy::Credited,
                Kind::Strict => SavingsPolicy::Strict,
            },
            fte_hours_per_month: defaults.hours_per_fte_month,
            fiscal_start_month: defaults.fiscal_year_start_month,
        })
    }

    /// The zone the workspace was given. An update that changes nothing is how ingest is asked.
    async fn own_zone(&self, workspace: WorkspaceId) -> Result<String, Status> {
        let workspace_id = workspace.to_string();
        let request = asked(
            workspace,
            UpdateWorkspaceRequest { workspace_id, ..Default::default() },
            PATIENCE,
        );
        let standing = self.0.access.clone().update_workspace(request).await?.into_inner();
        Ok(standing.workspace.unwrap_or_default().time_zone)
    }

    fn keep(&self, workspace: WorkspaceId, known: Known) {
        let mut all = self.known();
        if all.len() >= WORKSPACES_MAX {
            all.clear();
        }
        all.insert(workspace, known);
    }

    fn known(&self) -> std::sync::MutexGuard<'_, HashMap<WorkspaceId, Known>> {
        self.0.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_question_says_holds_and_the_workspace_says_the_rest() {
        let assumed = Assumed {
            time_zone: "Europe/Amsterdam".to_owned(),
            policy: SavingsPolicy::Strict,
            fte_hours_per_month: 160,
            fiscal_start_month: 4,
        };
        let silent = assumed.query(None).unwrap_or_default();
        assert_eq!(
            (silent.time_zone.as_str(), silent.fte_hours_per_month),
            ("Europe/Amsterdam", 160)
        );
        assert_eq!(silent.policy(), SavingsPolicy::Strict);
        let said = api::ReportQuery {
            time_zone: "UTC".to_owned(),
            policy: SavingsPolicy::Gross.into(),
            fte_hours_per_month: 176,
            ..Default::default()
        };
        assert_eq!(assumed.query(Some(said.clone())), Some(said));
        assert_eq!((assumed.fiscal_start_month(0), assumed.fiscal_start_month(7)), (4, 7));
    }
}
