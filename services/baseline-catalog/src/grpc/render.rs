//! Domain values become messages; errors become faults. Nothing here can fail.

use fault::{ErrorReason, Fault, Violations};
use kernel::{Partition, Position, Timestamp};
use wire::catalog::v1 as pb;
use wire::common::v1 as common;

use super::{render_values, wrongs};
use crate::app::{Error, Resolved, Written};
use crate::domain::{
    BaselineKey, BaselineValue, Catalog, Change, Displaced, Effort, PACK_BYTES_MAX, Problem,
    RateTarget, RateValue, Recorded, Source, Tag, Value, Version, built_ins,
};

pub(super) fn version(version: &Version) -> pb::Version {
    pb::Version {
        version_id: version.id.clone(),
        number: version.number,
        effective_time: Some(timestamp(version.effective)),
        recorded_time: Some(timestamp(version.recorded)),
        actor: version.actor.clone(),
        reason: version.reason.clone(),
    }
}

pub(super) fn baseline(recorded: &Recorded<BaselineValue>) -> pb::Baseline {
    let Recorded { value, version: of } = recorded;
    let source = match Catalog::source(recorded) {
        Source::Override => pb::BaselineSource::Override,
        Source::BuiltIn => pb::BaselineSource::BuiltIn,
        Source::Custom => pb::BaselineSource::Custom,
    };
    let original = match Catalog::source(recorded) {
        Source::Override => {
            let built_in = built_ins().baseline(&BaselineKey::general(value.key.task_type.clone()));
            built_in.and_then(|built_in| built_in.value.effort).map(Effort::ms)
        }
        Source::BuiltIn | Source::Custom => None,
    };
    pb::Baseline {
        key: Some(key(&value.key)),
        baseline_ms: value.effort.map_or(0, Effort::ms),
        source: source.into(),
        citation: value.citation.clone(),
        original_baseline_ms: original,
        withdrawn: value.effort.is_none(),
        version: Some(version(of)),
    }
}

pub(super) fn hourly_rate(recorded: &Recorded<RateValue>) -> pb::HourlyRate {
    let Recorded { value, version: of } = recorded;
    let (agent_id, team_id) = match &value.target {
        RateTarget::Workspace => ("", ""),
        RateTarget::Team(name) => ("", name.as_str()),
        RateTarget::Agent(name) => (name.as_str(), ""),
    };
    pb::HourlyRate {
        agent_id: agent_id.to_owned(),
        team_id: team_id.to_owned(),
        rate_micros_per_hour: value.rate.map_or(0, |rate| rate.micros_per_hour()),
        currency_code: value.rate.map_or_else(String::new, |rate| rate.currency().to_string()),
        withdrawn: value.rate.is_none(),
        version: Some(version(of)),
    }
}

pub(super) fn resolved(asked: pb::BaselineKey, resolved: &Resolved) -> pb::ResolvedBaseline {
    use pb::resolved_baseline::Result;
    let result = match resolved {
        Resolved::Baseline(found) => Result::Baseline(baseline(found)),
        Resolved::Missing(key) => {
            Result::Missing(pb::MissingBaseline { task_type: key.as_str().to_owned() })
        }
        Resolved::Unknown { nearest } => {
            Result::Unknown(pb::UnknownTaskType { nearest_task_types: nearest.clone() })
        }
    };
    pb::ResolvedBaseline { key: Some(asked), result: Some(result) }
}

/// Everything that comes with the product, as changes that hold for every workspace.
pub(super) fn shipped() -> Vec<pb::Change> {
    use pb::change::Body;
    let built_ins = built_ins();
    let types = built_ins.task_types().map(|r| Body::TaskType(render_values::task_type(r)));
    let baselines = built_ins.baselines().map(|r| Body::Baseline(baseline(r)));
    let rest = [
        Body::HourlyRate(hourly_rate(built_ins.rate())),
        Body::SavingsPolicy(render_values::policy(built_ins.policy())),
        Body::ReportingDefaults(render_values::reporting(built_ins.reporting())),
    ];
    let change = |body| pb::Change {
        position: None,
        workspace_id: String::new(),
        effective_time: Some(timestamp(Timestamp::EPOCH)),
        recorded_time: Some(timestamp(Timestamp::EPOCH)),
        body: Some(body),
    };
    types.chain(baselines).chain(rest).map(change).collect()
}

pub(super) fn change(change: &Change) -> pb::Change {
    use pb::change::Body;
    let version = change.version.clone();
    let body = match change.value.clone() {
        Value::TaskType(value) => {
            Body::TaskType(render_values::task_type(&Recorded { value, version }))
        }
        Value::Baseline(value) => Body::Baseline(baseline(&Recorded { value, version })),
        Value::HourlyRate(value) => Body::HourlyRate(hourly_rate(&Recorded { value, version })),
        Value::Policy(value) => {
            Body::SavingsPolicy(render_values::policy(&Recorded { value, version }))
        }
        Value::Reporting(value) => {
            Body::ReportingDefaults(render_values::reporting(&Recorded { value, version }))
        }
        Value::Intent(value) => Body::Intent(render_values::intent(&Recorded { value, version })),
        Value::ModelPrice(value) => {
            Body::ModelPrice(render_values::model_price(&Recorded { value, version }))
        }
        Value::FxRate(value) => Body::FxRate(render_values::fx_rate(&Recorded { value, version })),
    };
    pb::Change {
        position: Some(position(change.position)),
        workspace_id: change.workspace.to_string(),
        effective_time: Some(timestamp(change.version.effective)),
        recorded_time: Some(timestamp(change.version.recorded)),
        body: Some(body),
    }
}

pub(super) fn position(position: Position) -> common::Position {
    common::Position { partition: position.partition.get().into(), seq: position.seq }
}

/// The token that ingest takes as catalog_at_least; empty for a preview.
pub(super) fn catalog_version(written: &Written) -> String {
    written.position.map_or_else(String::new, |position| position.to_string())
}

pub(super) fn displaced(written: &Written) -> Vec<pb::DisplacedVersion> {
    let render = |displaced: &Displaced| pb::DisplacedVersion {
        version_id: displaced.version_id.clone(),
        start_time: Some(timestamp(displaced.start)),
        end_time: displaced.end.map(timestamp),
    };
    written.displaced.iter().map(render).collect()
}

pub(super) fn timestamp(at: Timestamp) -> wire::Timestamp {
    at.parts().into()
}

fn key(key: &BaselineKey) -> pb::BaselineKey {
    let text = |tag: &Option<Tag>| tag.as_ref().map_or_else(String::new, |t| t.as_str().to_owned());
    pb::BaselineKey {
        task_type: key.task_type.as_str().to_owned(),
        language: text(&key.language),
        channel: text(&key.channel),
    }
}

pub(super) fn fault(error: Error) -> Fault {
    match error {
        Error::UnknownTaskType { name, nearest } => {
            let hint = match nearest.first() {
                Some(near) => format!("did you mean {near}?"),
                None => "ListTaskTypes (`tally catalog list`) names them all".to_owned(),
            };
            Fault::not_found(
                ErrorReason::UnknownTaskType,
                format!("no task type is called {name}: {hint}"),
            )
            .with("nearest", nearest.join(","))
        }
        Error::TaskTypeExists(key) => {
            let what = format!("the task type {key} exists; UpdateTaskType changes it");
            Fault::exists(ErrorReason::TaskTypeExists, what).with("task_type", key)
        }
        Error::BuiltIn(key) => {
            let what = format!(
                "{key} comes with the product: its aliases can change, and its baseline be overridden, nothing else"
            );
            Fault::precondition(ErrorReason::TaskTypeBuiltIn, what).with("task_type", key)
        }
        Error::Refused { field, problem: Problem { why, what } } => {
            let mut v = Violations::new();
            v.add(field, wrongs::reason(why), what);
            v.into_fault()
        }
        Error::PackRefused(found) => {
            let mut v = Violations::new();
            wrongs::tell_lines(&mut v, found);
            v.into_fault()
        }
        Error::PackTooLarge { bytes } => {
            let what = format!(
                "the catalog is a pack of {bytes} bytes, and ImportPack takes {PACK_BYTES_MAX}: read it a page at a \
                 time, by ListTaskTypes, GetBaselineHistory, ListHourlyRates, ListIntents, ListModelPrices and \
                 ListFxRates"
            );
            Fault::exhausted(ErrorReason::TooLarge, what)
        }
        Error::Contended => Fault::aborted(
            ErrorReason::VersionLost,
            "other changes of this workspace kept coming first; call again",
        ),
        Error::RequestReused => Fault::exists(
            ErrorReason::RequestIdReused,
            "this request_id was used for another request; nothing was written",
        ),
        Error::VersionLost { current } => {
            // Where the workspace set nothing, the built-in one is what stands.
            let id = current.as_ref().map_or(built_ins().id(), |version| version.id.as_str());
            Fault::aborted(
                ErrorReason::VersionLost,
                "another change of this value came first; read it, then decide again",
            )
            .with("current_version", id)
        }
        Error::AheadOfLog(partition) => ahead(partition),
        Error::Store(error) => store_fault(error),
    }
}

fn ahead(partition: Partition) -> Fault {
    let what = format!(
        "the cursor of partition {partition} is past the end of the log: the catalog was restored \
         from an older copy; begin again without cursors"
    );
    Fault::precondition(ErrorReason::OutOfRange, what).with("partition", partition)
}

fn store_fault(error: db::Error) -> Fault {
    match error {
        error @ (db::Error::Unavailable(_) | db::Error::Unknown(_)) => {
            Fault::storage_unavailable().because(error)
        }
        // Two writers of one subject in one partition cannot meet while the head row is locked.
        error @ (db::Error::Conflict(_) | db::Error::Corrupt { .. } | db::Error::Other(_)) => {
            Fault::internal("the catalog could not be read or changed").because(error)
        }
    }
}
