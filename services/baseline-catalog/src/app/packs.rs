//! Taking over a pack, wholly or not at all, and writing one.

use std::sync::{Mutex, PoisonError};

use kernel::{Position, Timestamp, WorkspaceId};

use super::write::RestsOn;
use super::{App, Error, Mode, Write};
use crate::domain::{Catalog, Difference, Import, Pack, Plan, Reason, built_ins};
use crate::store::Appended;

/// A pack that is to be taken over.
#[derive(Debug)]
pub(crate) struct Importing {
    pub(crate) workspace: WorkspaceId,
    pub(crate) document: String,
    pub(crate) effective: Option<Timestamp>,
    pub(crate) reason: Reason,
}

/// What a pack changed, or would.
#[derive(Debug)]
pub(crate) struct Imported {
    pub(crate) differences: Vec<Difference>,
    /// `None` where nothing was written.
    pub(crate) position: Option<Position>,
}

impl App {
    /// The differences, and whatever differs in one write.
    pub(crate) async fn import(
        &self,
        importing: Importing,
        write: Write,
    ) -> Result<Imported, Error> {
        let Importing { workspace, document, effective, reason } = importing;
        let pack = Pack::read(&document).map_err(Error::PackRefused)?;
        let mut import = Import { workspace, effective, now: self.now(), reason };
        if let Some(request) = write.request.as_ref().filter(|_| write.mode == Mode::Record) {
            match self.store().replayed(workspace, request).await? {
                Some(Appended::Replayed(changes)) => {
                    // As it was then: the first answer is given again.
                    let Some((first, last)) = changes.first().zip(changes.last()) else {
                        return Err(Error::Contended);
                    };
                    let before = self.store().changes(workspace, 0).await?;
                    let before = before
                        .into_iter()
                        .filter(|change| change.position.seq < first.position.seq);
                    import.now = first.version.recorded;
                    let plan = Plan::of(pack, &Catalog::of(before), &import);
                    let differences = plan.map_err(Error::PackRefused)?.differences;
                    return Ok(Imported { differences, position: Some(last.position) });
                }
                Some(_) => return Err(Error::RequestReused),
                None => {}
            }
        }
        // The plan of the last decision is the one that was written.
        let differences = Mutex::new(Vec::new());
        let written = self
            .decide(workspace, write, RestsOn::TheCatalog, |seen| {
                let plan = Plan::of(pack.clone(), &seen.catalog, &import);
                let Plan { differences: found, changes } = plan.map_err(Error::PackRefused)?;
                *differences.lock().unwrap_or_else(PoisonError::into_inner) = found;
                Ok(changes)
            })
            .await?;
        let differences = differences.into_inner().unwrap_or_else(PoisonError::into_inner);
        Ok(Imported { differences, position: written.position })
    }

    /// The workspace's own values that hold at `at` as a document, and on demand the built-ins that
    /// nothing overrides.
    pub(crate) async fn export(
        &self,
        workspace: WorkspaceId,
        at: Timestamp,
        built_ins_too: bool,
    ) -> Result<String, Error> {
        let catalog = self.catalog(workspace).await?;
        let mut values = catalog.own(at);
        if built_ins_too {
            let own: Vec<_> = values.iter().map(|v| (v.kind(), v.subject())).collect();
            let missing = built_ins().all().into_iter();
            values.extend(missing.filter(|value| !own.contains(&(value.kind(), value.subject()))));
            values.sort_by_key(|value| (value.kind(), value.subject()));
        }
        let about = format!("The catalog of {workspace}");
        Ok(Pack::write("export", &about, &values))
    }
}
