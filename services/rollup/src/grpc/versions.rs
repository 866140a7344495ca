//! Which versions hold today: the catalog's, looked up for what occurs in reports, and kept for a moment.
//!
//! What it said last goes on holding while it is away. A restated report of a workspace it was never asked
//! about cannot be made: recorded values in its place would be a lie.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use chassis::{Channel, Outage};
use fault::{ErrorReason, Fault};
use kernel::{Clock, Timestamp, WorkspaceId};
use sha2::{Digest as _, Sha256};
use tonic::Status;

use self::lookup::Lookup;
use crate::app::{Stamp, Versions};
use crate::domain::{OWN, Today, Work};

mod lookup;

/// A change is in the reports after this long.
const FRESH: Duration = Duration::from_secs(10);
/// Workspaces remembered; past that they are all asked about anew.
const WORKSPACES_MAX: usize = 10_000;
/// Baselines of a workspace that are kept fresh, now and earlier ones; past that only those at hand.
const BASELINES_MAX: usize = 10_000;

/// The versions of all workspaces.
pub(crate) struct CatalogVersions {
    lookup: Lookup,
    clock: Arc<dyn Clock>,
    known: Mutex<HashMap<WorkspaceId, Arc<Place>>>,
    outage: Mutex<Outage>,
}

/// Held while the catalog is asked: whoever comes then waits for the same answer.
type Place = tokio::sync::Mutex<Known>;

#[derive(Default)]
struct Known {
    held: Option<(Arc<Today>, Stamp)>,
    /// When the catalog was asked last, whether or not it answered.
    asked: Option<Timestamp>,
}

#[async_trait]
impl Versions for CatalogVersions {
    async fn stamp(&self, workspace: WorkspaceId) -> Result<Stamp, Fault> {
        let place = self.place(workspace);
        let mut known = place.lock().await;
        Ok(self.fresh(workspace, &mut known).await?.1)
    }

    async fn today(
        &self,
        workspace: WorkspaceId,
        works: &BTreeSet<(Work, String)>,
    ) -> Result<(Arc<Today>, Stamp), Fault> {
        let place = self.place(workspace);
        let mut known = place.lock().await;
        let (today, stamp) = self.fresh(workspace, &mut known).await?;
        let asked: BTreeSet<&Work> = works.iter().map(|(work, _)| work).collect();
        let new: Vec<Work> =
            asked.into_iter().filter(|work| !today.baselines.contains_key(work)).cloned().collect();
        let found = self.lookup.baselines(workspace, self.clock.now(), new);
        let found = found.await.map_err(|status| self.away(&status))?;
        let mut grown = Today::clone(&today);
        grown.baselines.extend(found);
        let unknown = works.iter().filter(|(work, version)| {
            let now = grown.baseline(work).map(|baseline| baseline.version.as_str());
            let is_other = !["", OWN].contains(&version.as_str()) && now != Some(version.as_str());
            is_other && !grown.earlier.contains_key(&(work.clone(), version.clone()))
        });
        let unknown: Vec<_> = unknown.cloned().collect();
        let earlier = self.lookup.earlier(workspace, unknown);
        grown.earlier.extend(earlier.await.map_err(|status| self.away(&status))?);
        if grown == *today {
            return Ok((today, stamp));
        }
        if grown.baselines.len() + grown.earlier.len() > BASELINES_MAX {
            let at_hand: BTreeSet<&Work> = works.iter().map(|(work, _)| work).collect();
            grown.baselines.retain(|work, _| at_hand.contains(work));
            grown.earlier.retain(|named, _| works.contains(named));
        }
        Ok(known.hold(grown))
    }
}

impl CatalogVersions {
    pub(crate) fn new(channel: Channel, clock: Arc<dyn Clock>) -> Self {
        let (known, outage) = (Mutex::default(), Mutex::default());
        Self { lookup: Lookup::new(channel), clock, known, outage }
    }

    fn place(&self, workspace: WorkspaceId) -> Arc<Place> {
        let mut all = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= WORKSPACES_MAX && !all.contains_key(&workspace) {
            all.clear();
        }
        Arc::clone(all.entry(workspace).or_default())
    }

    /// What holds now, of what was looked up before.
    async fn fresh(
        &self,
        workspace: WorkspaceId,
        known: &mut Known,
    ) -> Result<(Arc<Today>, Stamp), Fault> {
        let now = self.clock.now();
        let due = known.asked.is_none_or(|asked| asked.plus(FRESH) <= now);
        if let Some(held) = known.held.clone().filter(|_| !due) {
            return Ok(held);
        }
        match self.read(workspace, now, known.held.as_ref().map(|(today, _)| &**today)).await {
            Ok(today) => {
                self.outage.lock().unwrap_or_else(PoisonError::into_inner).is_over();
                known.asked = Some(now);
                Ok(known.hold(today))
            }
            Err(status) => {
                known.asked = Some(now);
                let away = self.away(&status);
                known.held.clone().ok_or(away)
            }
        }
    }

    async fn read(
        &self,
        workspace: WorkspaceId,
        now: Timestamp,
        before: Option<&Today>,
    ) -> Result<Today, Status> {
        let looked_up = before.map(|today| today.baselines.keys().cloned().collect());
        let (rules, (rate, agents), baselines) = tokio::try_join!(
            self.lookup.rules(workspace, now),
            self.lookup.rates(workspace, now),
            self.lookup.baselines(workspace, now, looked_up.unwrap_or_default()),
        )?;
        // History does not change.
        let earlier = before.map(|today| today.earlier.clone()).unwrap_or_default();
        Ok(Today { rules, rate, agents, baselines, earlier })
    }

    fn away(&self, status: &Status) -> Fault {
        let error = fault::chain(status);
        let mut outage = self.outage.lock().unwrap_or_else(PoisonError::into_inner);
        if outage.is_news(&error) {
            tracing::warn!(error, "the catalog does not say what holds today");
        }
        let message = "the catalog cannot be asked now what holds today; call again, or ask for \
                       the report as it was recorded";
        Fault::unavailable(ErrorReason::DependencyUnavailable, message).with("service", "catalog")
    }
}

impl Known {
    fn hold(&mut self, today: Today) -> (Arc<Today>, Stamp) {
        let digest = Sha256::digest(format!("{today:?}"));
        let stamp = digest[..16].iter().map(|byte| format!("{byte:02x}")).collect();
        self.held.insert((Arc::new(today), Stamp(stamp))).clone()
    }
}
