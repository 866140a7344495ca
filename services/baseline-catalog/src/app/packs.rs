//! Taking over a pack, wholly or not at all, and writing one.

use std::collections::BTreeSet;
use std::sync::Arc;

use kernel::{Position, Timestamp, WorkspaceId};

use super::write::{DECISIONS_MAX, Look, RestsOn, Written};
use super::{App, Error, Write};
use crate::domain::{Catalog, Difference, Import, PACK_BYTES_MAX, Pack, Plan, Reason, built_ins};

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
        let pack = aside(move || Pack::read(&document)).await.map_err(Error::PackRefused)?;
        let import = Import { workspace, effective, now: self.now(), reason };
        for _ in 0..DECISIONS_MAX {
            let seen = match self.look(workspace, &write).await? {
                Look::Answered(written) => return self.imported(pack, import, written).await,
                Look::At(seen) => seen,
            };
            let Plan { differences, changes } =
                plan(pack.clone(), Arc::clone(&seen.catalog), import.clone()).await?;
            let put = self.put(workspace, &seen, changes, &write, RestsOn::TheCatalog).await?;
            match put {
                // A twin was faster: what it answered is the answer.
                Some(written) if written.repeats.is_some() => {
                    return self.imported(pack, import, written).await;
                }
                Some(Written { position, .. }) => return Ok(Imported { differences, position }),
                None => {}
            }
        }
        Err(Error::Contended)
    }

    /// As it was when the same request was written: the first answer is given again.
    async fn imported(
        &self,
        pack: Pack,
        import: Import,
        written: Written,
    ) -> Result<Imported, Error> {
        let first = written.values.first().map(|(_, version)| version.recorded);
        let (Some(now), Some(position)) = (first, written.repeats) else {
            return Err(Error::Contended);
        };
        let changes = self.store().changes(import.workspace, 0).await?;
        let before = changes.into_iter().filter(|change| change.position.seq < position.seq);
        let catalog = Arc::new(Catalog::of(before));
        let differences = plan(pack, catalog, Import { now, ..import }).await?.differences;
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
        let document = aside(move || {
            let mut values = catalog.own(at);
            if built_ins_too {
                let own: BTreeSet<_> = values.iter().map(|v| (v.kind(), v.subject())).collect();
                let missing = built_ins().all().into_iter();
                values.extend(missing.filter(|v| !own.contains(&(v.kind(), v.subject()))));
                values.sort_by_key(|value| (value.kind(), value.subject()));
            }
            Pack::write("export", &format!("The catalog of {workspace}"), &values)
        })
        .await;
        match document.len() {
            ..=PACK_BYTES_MAX => Ok(document),
            bytes => Err(Error::PackTooLarge { bytes }),
        }
    }
}

async fn plan(pack: Pack, catalog: Arc<Catalog>, import: Import) -> Result<Plan, Error> {
    aside(move || Plan::of(pack, &catalog, &import)).await.map_err(Error::PackRefused)
}

/// Runs what keeps a processor busy for as long as thousands of calls take, beside those calls.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        // It is not cancelled while we wait for it: it panicked, and so do we.
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
