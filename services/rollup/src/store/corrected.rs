//! Corrected steps: what is known of them is read, a batch's corrections are learnt, the rest is kept.

use std::collections::BTreeMap;

use db::bulk::Rows;
use kernel::{Outcome, WorkspaceId};
use sea_orm::{ConnectionTrait, DatabaseTransaction};

use super::generations::Lane;
use super::original;
use super::write::{partitions, pinned};
use crate::domain::{Corrected, Correction, Folder, Judged, Judgement};

const FIND_STEPS: &str = "SELECT found.workspace, found.seq, found.original, found.retracted \
     FROM {rows} CROSS JOIN corrected_step AS found \
     WHERE found.partition = rows.partition AND found.workspace = rows.workspace \
     AND found.generation = rows.generation AND found.seq = rows.seq";

const FIND_JUDGEMENTS: &str = "SELECT found.workspace, found.step_seq, found.seq, found.outcome, \
     found.human_edit_ms, found.retracted FROM {rows} CROSS JOIN judgement AS found \
     WHERE found.partition = rows.partition AND found.workspace = rows.workspace \
     AND found.generation = rows.generation AND found.step_seq = rows.seq";

const KEEP_STEPS: &str = "INSERT INTO corrected_step ({columns}) SELECT {columns} FROM {rows} \
     WHERE true ON CONFLICT (partition, workspace, generation, seq) \
     DO UPDATE SET original = excluded.original, retracted = excluded.retracted";

const KEEP_JUDGEMENTS: &str = "INSERT INTO judgement ({columns}) SELECT {columns} FROM {rows} \
     WHERE true ON CONFLICT (partition, workspace, generation, step_seq, seq) \
     DO UPDATE SET outcome = excluded.outcome, human_edit_ms = excluded.human_edit_ms, \
     retracted = excluded.retracted";

type Known = BTreeMap<(WorkspaceId, i64), Corrected>;

/// Learns corrections and folds what they do to the cells.
pub(super) async fn learn(
    txn: &DatabaseTransaction,
    lane: &Lane,
    corrections: &[&Correction],
    folder: &mut Folder,
) -> Result<(), db::Error> {
    let mut known = Known::new();
    for correction in corrections {
        known.insert((correction.workspace, correction.step), Corrected::default());
    }
    find(txn, lane, &mut known).await?;
    let before = known.clone();
    for &correction in corrections {
        let corrected = known.entry((correction.workspace, correction.step)).or_default();
        if let Some(effect) = corrected.learn(correction.clone()) {
            folder.correct(&effect);
        }
    }
    keep(txn, lane, &before, &known).await
}

async fn find(txn: &DatabaseTransaction, lane: &Lane, known: &mut Known) -> Result<(), db::Error> {
    let backend = txn.get_database_backend();
    let keys = || {
        Rows::new()
            .int("partition", partitions(known.keys().map(|(workspace, _)| *workspace)))
            .int("workspace", known.keys().map(|(workspace, _)| workspace.get()).collect())
            .int("generation", known.keys().map(|key| lane.generation(key.0)).collect())
            .int("seq", known.keys().map(|(_, seq)| *seq).collect())
    };
    let find = |sql| {
        let (rows, sql) = pinned(keys(), known.keys().map(|(workspace, _)| *workspace), sql);
        rows.statement(backend, &sql)
    };
    let (steps, judgements) = (find(FIND_STEPS), find(FIND_JUDGEMENTS));
    for row in txn.query_all_raw(steps).await? {
        let seq: i64 = row.try_get("", "seq")?;
        let corrupt = |column| db::Error::corrupt("corrected_step", column, seq);
        let workspace =
            WorkspaceId::new(row.try_get("", "workspace")?).ok_or_else(|| corrupt("workspace"))?;
        let corrected = known.entry((workspace, seq)).or_default();
        let text: Option<String> = row.try_get("", "original")?;
        let read = text.map(|text| original::read(workspace, &text));
        corrected.original =
            read.map(|read| read.ok_or_else(|| corrupt("original"))).transpose()?;
        corrected.retracted = row.try_get::<i16>("", "retracted")? != 0;
    }
    for row in txn.query_all_raw(judgements).await? {
        let seq: i64 = row.try_get("", "seq")?;
        let corrupt = |column| db::Error::corrupt("judgement", column, seq);
        let workspace =
            WorkspaceId::new(row.try_get("", "workspace")?).ok_or_else(|| corrupt("workspace"))?;
        let outcome: Option<String> = row.try_get("", "outcome")?;
        let human_edit_ms = row.try_get("", "human_edit_ms")?;
        let judgement = outcome
            .map(|word| {
                let outcome = Outcome::parse(&word).ok_or_else(|| corrupt("outcome"))?;
                Ok::<_, db::Error>(Judgement { outcome, human_edit_ms })
            })
            .transpose()?;
        let retracted = row.try_get::<i16>("", "retracted")? != 0;
        let corrected = known.entry((workspace, row.try_get("", "step_seq")?)).or_default();
        corrected.judgements.insert(seq, Judged { judgement, retracted });
    }
    Ok(())
}

/// Writes what a batch has changed, and nothing else.
async fn keep(
    txn: &DatabaseTransaction,
    lane: &Lane,
    before: &Known,
    after: &Known,
) -> Result<(), db::Error> {
    let backend = txn.get_database_backend();
    let fresh = Corrected::default();
    let was = |key| before.get(key).unwrap_or(&fresh);
    let steps: Vec<_> = after
        .iter()
        .filter(|(key, now)| {
            let was = was(key);
            was.original.is_some() != now.original.is_some() || was.retracted != now.retracted
        })
        .collect();
    if !steps.is_empty() {
        let rows = Rows::new()
            .int("partition", partitions(steps.iter().map(|((workspace, _), _)| *workspace)))
            .int("workspace", steps.iter().map(|((workspace, _), _)| workspace.get()).collect())
            .int("generation", steps.iter().map(|(key, _)| lane.generation(key.0)).collect())
            .int("seq", steps.iter().map(|((_, seq), _)| *seq).collect())
            .opt_text(
                "original",
                steps.iter().map(|(_, now)| now.original.as_ref().map(original::write)).collect(),
            )
            .int("retracted", steps.iter().map(|(_, now)| now.retracted.into()).collect());
        txn.execute_raw(rows.statement(backend, KEEP_STEPS)).await?;
    }
    let judgements: Vec<_> = after
        .iter()
        .flat_map(|(key, now)| now.judgements.iter().map(move |judged| (key, judged)))
        .filter(|(key, (seq, now))| was(key).judgements.get(seq) != Some(now))
        .collect();
    if judgements.is_empty() {
        return Ok(());
    }
    let said = |of: fn(&Judgement) -> Option<i64>| {
        judgements.iter().map(|(_, (_, now))| now.judgement.as_ref().and_then(of)).collect()
    };
    let outcomes = judgements
        .iter()
        .map(|(_, (_, now))| now.judgement.map(|judgement| judgement.outcome.as_str().to_owned()));
    let rows = Rows::new()
        .int("partition", partitions(judgements.iter().map(|(key, _)| key.0)))
        .int("workspace", judgements.iter().map(|(key, _)| key.0.get()).collect())
        .int("generation", judgements.iter().map(|(key, _)| lane.generation(key.0)).collect())
        .int("step_seq", judgements.iter().map(|(key, _)| key.1).collect())
        .int("seq", judgements.iter().map(|(_, (seq, _))| **seq).collect())
        .opt_text("outcome", outcomes.collect())
        .opt_int("human_edit_ms", said(|judgement| judgement.human_edit_ms))
        .int("retracted", judgements.iter().map(|(_, (_, now))| now.retracted.into()).collect());
    txn.execute_raw(rows.statement(backend, KEEP_JUDGEMENTS)).await?;
    Ok(())
}
