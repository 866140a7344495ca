//! Domain values become messages; errors become faults. Nothing here can fail.

use fault::{ErrorReason, Fault};
use kernel::{Partition, Position, Timestamp};
use wire::catalog::v1 as pb;
use wire::common::v1 as common;

use crate::app::{Error, Resolved, Written};
use crate::domain::{
    BaselineKey, BaselineValue, BuiltIn, Change, Displaced, Effort, RateTarget, RateValue,
    Recorded, Source, Tag, Value, Version, default_rate, policy_version,
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

pub(super) fn task_type(built_in: &BuiltIn) -> pb::TaskType {
    let alias = |(alias, language): &(&str, &str)| pb::TaskTypeAlias {
        alias: (*alias).to_owned(),
        language: (*language).to_owned(),
        channel: String::new(),
    };
    pb::TaskType {
        task_type: built_in.key.to_owned(),
        display_name: built_in.name.to_owned(),
        description: built_in.description.to_owned(),
        category: pb::TaskCategory::Support.into(),
        origin: pb::TaskTypeOrigin::BuiltIn.into(),
        state: pb::TaskTypeState::Active.into(),
        aliases: built_in.aliases.iter().map(alias).collect(),
        version: Some(version(&BuiltIn::version())),
    }
}

pub(super) fn baseline(recorded: &Recorded<BaselineValue>) -> pb::Baseline {
    let Recorded { value, version: of } = recorded;
    let source = match recorded.source() {
        Source::Override => pb::BaselineSource::Override,
        Source::BuiltIn => pb::BaselineSource::BuiltIn,
    };
    let original = match recorded.source() {
        Source::Override => {
            BuiltIn::find(&value.key.task_type).map(|built_in| built_in.effort.ms())
        }
        Source::BuiltIn => None,
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

/// The policy of a workspace that has chosen none, and nobody can choose yet.
pub(super) fn default_policy() -> pb::SavingsPolicy {
    pb::SavingsPolicy {
        kind: pb::SavingsPolicyKind::Credited.into(),
        subtract_agent_duration: Some(true),
        unmeasured_review_credit_percent: Some(50),
        edit_ratio_threshold_percent: Some(25),
        version: Some(version(&policy_version())),
    }
}

pub(super) fn resolved(asked: pb::BaselineKey, resolved: &Resolved) -> pb::ResolvedBaseline {
    use pb::resolved_baseline::Result;
    let result = match resolved {
        Resolved::Baseline(found) => Result::Baseline(baseline(found)),
        Resolved::Unknown { nearest } => Result::Unknown(pb::UnknownTaskType {
            nearest_task_types: nearest.iter().map(|name| (*name).to_owned()).collect(),
        }),
    };
    pb::ResolvedBaseline { key: Some(asked), result: Some(result) }
}

/// Everything that comes with the product, as changes that hold for every workspace.
pub(super) fn built_ins() -> Vec<pb::Change> {
    use pb::change::Body;
    let types = crate::domain::BUILT_INS.iter();
    let types = types.flat_map(|built_in| {
        [Body::TaskType(task_type(built_in)), Body::Baseline(baseline(&built_in.baseline()))]
    });
    let rest =
        [Body::HourlyRate(hourly_rate(&default_rate())), Body::SavingsPolicy(default_policy())];
    let change = |body| pb::Change {
        position: None,
        workspace_id: String::new(),
        effective_time: Some(timestamp(Timestamp::EPOCH)),
        recorded_time: Some(timestamp(Timestamp::EPOCH)),
        body: Some(body),
    };
    types.chain(rest).map(change).collect()
}

pub(super) fn change(change: &Change) -> pb::Change {
    use pb::change::Body;
    let of = change.version.clone();
    let body = match change.value.clone() {
        Value::Baseline(value) => Body::Baseline(baseline(&Recorded { value, version: of })),
        Value::HourlyRate(value) => Body::HourlyRate(hourly_rate(&Recorded { value, version: of })),
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
                None => "ListTaskTypes names them all".to_owned(),
            };
            Fault::not_found(
                ErrorReason::UnknownTaskType,
                format!("no task type is called {name}: {hint}"),
            )
            .with("nearest", nearest.join(","))
        }
        Error::RequestReused => Fault::exists(
            ErrorReason::RequestIdReused,
            "this request_id was used for another request; nothing was written",
        ),
        Error::VersionLost { current } => {
            let id = current.as_ref().map_or("", |version| version.id.as_str());
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
