//! The catalog's changes, as far as ingest has a use for them.

use std::error::Error;

use kernel::{Currency, SavingsPolicy, Timestamp, WorkspaceId};
use wire::catalog::v1 as catalog;
use wire::catalog::v1::change::Body;

use super::{guard, parse_price};
use crate::domain::catalog::{Alias, BaselineKey, BaselineSource, Policy};
use crate::domain::{Change, Fact, Patterns};

/// `None` for kinds that bear neither on what an event is worth nor on what the guard allows.
pub(crate) fn parse_change(
    change: catalog::Change,
    patterns: &mut Patterns,
) -> Result<Option<Change>, Box<dyn Error + Send + Sync>> {
    let owner = match change.workspace_id.as_str() {
        "" => None,
        id => Some(id.parse::<WorkspaceId>()?),
    };
    let effective = change.effective_time.unwrap_or_default();
    let effective = Timestamp::from_parts(effective.seconds, effective.nanos);
    let Some(body) = change.body else { return Ok(None) };
    let (version, fact) = match body {
        Body::TaskType(body) => {
            let aliases = body.aliases.into_iter().map(|alias| Alias {
                name: alias.alias,
                language: alias.language,
                channel: alias.channel,
            });
            let fact = Fact::TaskType {
                aliases: aliases.collect(),
                active: body.state != catalog::TaskTypeState::Archived as i32,
                key: body.task_type,
            };
            (body.version, fact)
        }
        Body::Baseline(body) => {
            let source = match body.source() {
                catalog::BaselineSource::Override => BaselineSource::Override,
                catalog::BaselineSource::BuiltIn => BaselineSource::BuiltIn,
                catalog::BaselineSource::Custom => BaselineSource::Custom,
                catalog::BaselineSource::Unspecified => {
                    return Err("a baseline without a source".into());
                }
            };
            let key = body.key.ok_or("a baseline without a key")?;
            let key = BaselineKey {
                task_type: key.task_type,
                language: key.language,
                channel: key.channel,
            };
            let ms = (!body.withdrawn).then_some(body.baseline_ms);
            (body.version, Fact::Baseline { key, ms, source })
        }
        // Events name no team yet: a team's rate cannot apply to one.
        Body::HourlyRate(body) if !body.team_id.is_empty() => return Ok(None),
        Body::HourlyRate(body) => {
            let rate = if body.withdrawn {
                None
            } else {
                Some((body.rate_micros_per_hour, Currency::new(&body.currency_code)?))
            };
            (body.version, Fact::Rate { agent_id: body.agent_id, rate })
        }
        Body::SavingsPolicy(body) => {
            let policy = match body.kind() {
                catalog::SavingsPolicyKind::Gross => SavingsPolicy::Gross,
                catalog::SavingsPolicyKind::Credited => SavingsPolicy::Credited,
                catalog::SavingsPolicyKind::Strict => SavingsPolicy::Strict,
                catalog::SavingsPolicyKind::Unspecified => {
                    return Err("a policy without a kind".into());
                }
            };
            let default = Policy::default();
            let or = |sent: Option<i32>, default| sent.map_or(default, i64::from);
            let fact = Fact::Policy {
                policy,
                subtract_agent_duration: body.subtract_agent_duration.unwrap_or(true),
                review_percent: or(body.unmeasured_review_credit_percent, default.review_percent),
                edit_ratio_percent: or(
                    body.edit_ratio_threshold_percent,
                    default.edit_ratio_percent,
                ),
            };
            (body.version, fact)
        }
        Body::Intent(mut body) => (body.version.take(), guard::intent(body)),
        Body::ModelPrice(mut body) => {
            let version = body.version.take();
            let Some(fact) = parse_price::model_price(body, patterns) else { return Ok(None) };
            (version, fact)
        }
        Body::FxRate(body) => {
            let fact = parse_price::fx_rate(&body)?;
            (body.version, fact)
        }
        Body::ReportingDefaults(_) => return Ok(None),
    };
    let version = version.map(|version| version.version_id).unwrap_or_default();
    Ok(Some(Change { owner, effective, version, fact }))
}
