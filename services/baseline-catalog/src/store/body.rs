//! The value of a change as JSON, and back. Names are what older rows hold: they never change.

use kernel::{Currency, Partition, Position, Timestamp, WorkspaceId};
use serde::{Deserialize, Serialize};

use super::Error;
use super::entity::change::Model;
use crate::domain::{
    BaselineKey, BaselineValue, Change, Effort, Fields, Form, Kind, Name, Node, Rate, RateTarget,
    RateValue, Reading, Tag, TaskKey, Value, Version, Wrongs,
};

const TABLE: &str = "change";

#[derive(Serialize, Deserialize)]
struct Baseline {
    task_type: String,
    #[serde(default)]
    language: String,
    #[serde(default)]
    channel: String,
    /// Absent: withdrawn.
    baseline_ms: Option<i64>,
    #[serde(default)]
    citation: String,
}

#[derive(Serialize, Deserialize)]
struct HourlyRate {
    /// One of the two, or neither for the workspace's default.
    agent_id: Option<String>,
    team_id: Option<String>,
    /// Absent: withdrawn.
    rate: Option<Price>,
}

#[derive(Serialize, Deserialize)]
struct Price {
    micros_per_hour: i64,
    currency_code: String,
}

/// The column `body`.
pub(super) fn encode(value: &Value) -> String {
    let text = |tag: &Option<Tag>| tag.as_ref().map_or_else(String::new, |t| t.as_str().to_owned());
    let encoded = match value {
        Value::Baseline(value) => serde_json::to_string(&Baseline {
            task_type: value.key.task_type.as_str().to_owned(),
            language: text(&value.key.language),
            channel: text(&value.key.channel),
            baseline_ms: value.effort.map(Effort::ms),
            citation: value.citation.clone(),
        }),
        Value::HourlyRate(value) => {
            let (agent_id, team_id) = match &value.target {
                RateTarget::Workspace => (None, None),
                RateTarget::Team(name) => (None, Some(name.as_str().to_owned())),
                RateTarget::Agent(name) => (Some(name.as_str().to_owned()), None),
            };
            let rate = value.rate.map(|rate| Price {
                micros_per_hour: rate.micros_per_hour(),
                currency_code: rate.currency().to_string(),
            });
            serde_json::to_string(&HourlyRate { agent_id, team_id, rate })
        }
        // As a pack writes it: one notation to keep for ever.
        Value::TaskType(_)
        | Value::Policy(_)
        | Value::Reporting(_)
        | Value::Intent(_)
        | Value::ModelPrice(_)
        | Value::FxRate(_) => serde_json::to_string(&json(value.write())),
    };
    encoded.expect("strings and numbers are always JSON")
}

/// A row as an entry of the log; a bad row is an error that names it, never a default.
pub(super) fn decode(row: Model) -> Result<Change, Error> {
    let id = format!("{}/{}", row.partition, row.seq);
    let partition =
        Partition::new(row.partition).ok_or_else(|| Error::corrupt(TABLE, "partition", &id))?;
    let position = Position { partition, seq: row.seq };
    let workspace =
        WorkspaceId::new(row.workspace).ok_or_else(|| Error::corrupt(TABLE, "workspace", &id))?;
    let value = match Kind::parse(&row.kind) {
        Ok(Kind::Baseline) => baseline(&row.body).map(Value::Baseline),
        Ok(Kind::HourlyRate) => hourly_rate(&row.body).map(Value::HourlyRate),
        Ok(kind) => written(kind, &row.body),
        Err(_) => return Err(Error::corrupt(TABLE, "kind", &id)),
    };
    Ok(Change {
        position,
        workspace,
        version: Version {
            id: position.to_string(),
            number: row.number,
            effective: Timestamp::from_micros(row.effective_time),
            recorded: Timestamp::from_micros(row.recorded_time),
            actor: row.actor,
            reason: row.reason,
        },
        value: value.ok_or_else(|| Error::corrupt(TABLE, "body", &id))?,
    })
}

fn written(kind: Kind, body: &str) -> Option<Value> {
    let node = node(serde_json::from_str(body).ok()?)?;
    let mut wrongs = Wrongs::default();
    let mut fields = Fields::of(Reading::Stored, &node, String::new(), &mut wrongs)?;
    let value = Value::read(kind, &mut fields);
    fields.finish();
    value.filter(|_| wrongs.is_empty())
}

fn json(node: Node) -> serde_json::Value {
    match node.form {
        Form::Text(text) => text.into(),
        Form::List(items) => items.into_iter().map(json).collect(),
        Form::Map(entries) => entries.into_iter().map(|(name, node)| (name, json(node))).collect(),
    }
}

fn node(json: serde_json::Value) -> Option<Node> {
    let form = match json {
        serde_json::Value::String(text) => Form::Text(text),
        serde_json::Value::Array(items) => {
            Form::List(items.into_iter().map(node).collect::<Option<_>>()?)
        }
        serde_json::Value::Object(fields) => {
            let entries = fields.into_iter().map(|(name, json)| Some((name, node(json)?)));
            Form::Map(entries.collect::<Option<_>>()?)
        }
        _ => return None,
    };
    Some(Node { line: 0, form })
}

fn baseline(body: &str) -> Option<BaselineValue> {
    let body: Baseline = serde_json::from_str(body).ok()?;
    Some(BaselineValue {
        key: BaselineKey {
            task_type: TaskKey::new(&body.task_type).ok()?,
            language: Tag::language(&body.language).ok()?,
            channel: Tag::channel(&body.channel).ok()?,
        },
        effort: body.baseline_ms.map(Effort::from_ms).transpose().ok()?,
        citation: body.citation,
    })
}

fn hourly_rate(body: &str) -> Option<RateValue> {
    let body: HourlyRate = serde_json::from_str(body).ok()?;
    let target = match (body.agent_id, body.team_id) {
        (None, None) => RateTarget::Workspace,
        (Some(agent), None) => RateTarget::Agent(Name::new(&agent).ok()?),
        (None, Some(team)) => RateTarget::Team(Name::new(&team).ok()?),
        (Some(_), Some(_)) => return None,
    };
    let rate = match body.rate {
        Some(price) => {
            let currency = Currency::new(&price.currency_code).ok()?;
            Some(Rate::new(price.micros_per_hour, currency).ok()?)
        }
        None => None,
    };
    Some(RateValue { target, rate })
}
