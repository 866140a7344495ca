//! Dimension sets by name, from memory where this replica has met them.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use db::bulk::Rows;
use kernel::{Currency, Outcome, WorkspaceId};
use sea_orm::{ConnectionTrait, QueryResult};

use super::SqlStore;
use crate::digest::Digest;
use crate::domain::{Dimensions, Rate};

const TABLE: &str = "dimension_set";

const READ_SETS: &str = "SELECT dims.digest, \
     dims.task_type, dims.agent, dims.outcome, dims.project, dims.intent, dims.queue, dims.channel, \
     dims.language, dims.technical, dims.model, dims.baseline_version, dims.rate_version, \
     dims.rate_micros_per_hour, dims.rate_currency, dims.cost_currency \
     FROM {rows} CROSS JOIN dimension_set AS dims \
     WHERE dims.partition = {0} AND dims.workspace = {1} AND dims.digest = rows.digest";

/// Sets by name.
pub(super) type Sets = HashMap<Digest, Arc<Dimensions>>;

/// The sets of these names; a name without one is damage.
pub(super) async fn named(
    store: &SqlStore,
    workspace: WorkspaceId,
    names: HashSet<Digest>,
) -> Result<Sets, db::Error> {
    let mut sets = Sets::with_capacity(names.len());
    let mut missing = Vec::new();
    for name in names {
        match store.known.get(workspace, &name).await {
            Some(set) => drop(sets.insert(name, set)),
            None => missing.push(name),
        }
    }
    if missing.is_empty() {
        return Ok(sets);
    }
    let db = store.db.reader();
    let statement = Rows::new()
        .bytes("digest", missing.iter().map(|name| name.to_vec()).collect())
        .bind(workspace.partition().get())
        .bind(workspace.get())
        .statement(db.get_database_backend(), READ_SETS);
    for row in db.query_all_raw(statement).await? {
        let stored: Vec<u8> = row.try_get("", "digest")?;
        let name = Digest::try_from(&*stored)
            .map_err(|_| db::Error::corrupt(TABLE, "digest", hex(&stored)))?;
        let set = Arc::new(dimensions(&row, &name)?);
        // Written with its first cell, in one transaction: what is read is committed.
        store.known.learn(workspace, name, Arc::clone(&set)).await;
        sets.insert(name, set);
    }
    match missing.iter().find(|name| !sets.contains_key(*name)) {
        Some(lost) => Err(db::Error::corrupt(TABLE, "digest", hex(lost))),
        None => Ok(sets),
    }
}

fn dimensions(row: &QueryResult, digest: &[u8]) -> Result<Dimensions, db::Error> {
    let corrupt = |column| db::Error::corrupt(TABLE, column, hex(digest));
    let currency = |column| -> Result<Option<Currency>, db::Error> {
        let code: Option<String> = row.try_get("", column)?;
        code.map(|code| Currency::new(&code).map_err(|_| corrupt(column))).transpose()
    };
    let rate_currency = currency("rate_currency")?;
    let rate = match (row.try_get("", "rate_micros_per_hour")?, rate_currency) {
        (Some(micros_per_hour), Some(currency)) => Some(Rate { micros_per_hour, currency }),
        (None, None) => None,
        (Some(_), None) | (None, Some(_)) => return Err(corrupt("rate_currency")),
    };
    let outcome: String = row.try_get("", "outcome")?;
    let technical: Option<i16> = row.try_get("", "technical")?;
    Ok(Dimensions {
        task_type: row.try_get("", "task_type")?,
        agent: row.try_get("", "agent")?,
        outcome: Outcome::parse(&outcome).ok_or_else(|| corrupt("outcome"))?,
        project: row.try_get("", "project")?,
        intent: row.try_get("", "intent")?,
        queue: row.try_get("", "queue")?,
        channel: row.try_get("", "channel")?,
        language: row.try_get("", "language")?,
        technical: technical.map(|flag| flag != 0),
        model: row.try_get("", "model")?,
        baseline_version: row.try_get("", "baseline_version")?,
        rate_version: row.try_get("", "rate_version")?,
        rate,
        cost_currency: currency("cost_currency")?,
    })
}

fn hex(digest: &[u8]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
