//! What the catalog is asked, in its words.

use std::collections::BTreeMap;
use std::time::Duration;

use chassis::Channel;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use kernel::{Currency, Effort, Timestamp, WorkspaceId};
use tonic::{Code, Status};
use wire::catalog::v1 as catalog;
use wire::catalog::v1::catalog_service_client::CatalogServiceClient;
use wire::catalog::v1::resolved_baseline::Result as Found;

use crate::domain::{Baseline, HourlyRate, Rate, Rules, Work};
use crate::grpc::asking::asked;
use crate::ledger::OTHER;

/// What one call waits for.
const PATIENCE: Duration = Duration::from_secs(2);
/// Keys a call takes, and versions a page has.
const PAGE: usize = 1_000;
/// Histories read at a time.
const HISTORIES: usize = 8;
/// In place of a language or channel that the catalog would refuse. It has no baseline for it, as it has
/// none for what was sent; and it is given, so that an alias does not fill in its own.
const STRANGE: &str = "x-unknown";

pub(super) struct Lookup(CatalogServiceClient<Channel>);

/// The version of a baseline that a step was valued by.
type Named = (Work, String);

impl Lookup {
    pub(super) fn new(channel: Channel) -> Self {
        Self(CatalogServiceClient::new(channel))
    }

    pub(super) async fn rules(
        &self,
        workspace: WorkspaceId,
        now: Timestamp,
    ) -> Result<Rules, Status> {
        let request = catalog::GetSavingsPolicyRequest { at_time: Some(now.parts().into()) };
        let answer = self.0.clone().get_savings_policy(asked(workspace, request, PATIENCE)).await?;
        let policy = answer.into_inner().savings_policy.unwrap_or_default();
        let percent = policy.unmeasured_review_credit_percent;
        Ok(Rules {
            subtract_agent_duration: policy.subtract_agent_duration.unwrap_or(true),
            review_percent: percent.map_or(Effort::REVIEW_PERCENT, |percent| percent.into()),
            version: policy.version.unwrap_or_default().version_id,
        })
    }

    /// The workspace's, and those that agents have of their own.
    pub(super) async fn rates(
        &self,
        workspace: WorkspaceId,
        now: Timestamp,
    ) -> Result<(HourlyRate, BTreeMap<String, HourlyRate>), Status> {
        let (mut everyone, mut agents) = (None, BTreeMap::new());
        let mut page_token = String::new();
        loop {
            let request = catalog::ListHourlyRatesRequest {
                page_size: PAGE as i32,
                page_token,
                at_time: Some(now.parts().into()),
                ..Default::default()
            };
            let answer =
                self.0.clone().list_hourly_rates(asked(workspace, request, PATIENCE)).await?;
            let answer = answer.into_inner();
            // No step is stamped with the rate of a team.
            for sent in answer.hourly_rates.into_iter().filter(|sent| sent.team_id.is_empty()) {
                let currency = Currency::new(&sent.currency_code);
                let currency = currency.map_err(|_| Status::internal("a rate has no currency"))?;
                let rate = Rate { micros_per_hour: sent.rate_micros_per_hour, currency };
                let version = sent.version.unwrap_or_default().version_id;
                let rate = HourlyRate { rate, version };
                if sent.agent_id.is_empty() {
                    // The built-in stands last.
                    everyone.get_or_insert(rate);
                } else {
                    agents.insert(sent.agent_id, rate);
                }
            }
            page_token = answer.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }
        let everyone = everyone.ok_or_else(|| Status::internal("the workspace has no rate"))?;
        Ok((everyone, agents))
    }

    /// The baselines in force.
    pub(super) async fn baselines(
        &self,
        workspace: WorkspaceId,
        now: Timestamp,
        works: Vec<Work>,
    ) -> Result<BTreeMap<Work, Option<Baseline>>, Status> {
        let (known, strange): (Vec<_>, Vec<_>) =
            works.into_iter().map(|work| (key(&work), work)).partition(|(key, _)| key.is_some());
        let mut found: BTreeMap<_, _> = strange.into_iter().map(|(_, work)| (work, None)).collect();
        for part in known.chunks(PAGE) {
            let keys = part.iter().filter_map(|(key, _)| key.clone()).collect();
            let at_time = Some(now.parts().into());
            let request = catalog::ResolveBaselinesRequest { keys, at_time, as_of_time: None };
            let answer =
                self.0.clone().resolve_baselines(asked(workspace, request, PATIENCE)).await?;
            let results = answer.into_inner().results;
            for ((_, work), result) in part.iter().zip(results) {
                let baseline = match result.result {
                    Some(Found::Baseline(baseline)) => Some(Baseline {
                        ms: baseline.baseline_ms,
                        version: baseline.version.unwrap_or_default().version_id,
                    }),
                    Some(Found::Missing(_) | Found::Unknown(_)) | None => None,
                };
                found.insert(work.clone(), baseline);
            }
        }
        Ok(found)
    }

    /// What earlier versions said. `None` for one that is in no history.
    pub(super) async fn earlier(
        &self,
        workspace: WorkspaceId,
        named: Vec<Named>,
    ) -> Result<BTreeMap<Named, Option<i64>>, Status> {
        let mut by_type: BTreeMap<String, Vec<Named>> = BTreeMap::new();
        for (work, version) in named {
            by_type.entry(work.task_type.clone()).or_default().push((work, version));
        }
        let histories = by_type.into_iter().map(|(task_type, named)| async move {
            let history = self.history(workspace, task_type).await?;
            Ok::<_, Status>(named.into_iter().map(move |named| {
                let ms = said(&history, &named);
                (named, ms)
            }))
        });
        let found: Vec<_> = stream::iter(histories).buffered(HISTORIES).try_collect().await?;
        Ok(found.into_iter().flatten().collect())
    }

    /// Every version of every baseline of a task type, the newest first.
    async fn history(
        &self,
        workspace: WorkspaceId,
        task_type: String,
    ) -> Result<Vec<catalog::Baseline>, Status> {
        let nowhere = Work { task_type, language: String::new(), channel: String::new() };
        let Some(key) = key(&nowhere) else { return Ok(Vec::new()) };
        let (mut history, mut page_token) = (Vec::new(), String::new());
        loop {
            let request = catalog::GetBaselineHistoryRequest {
                page_size: PAGE as i32,
                page_token,
                key: Some(key.clone()),
                include_dimensions: true,
            };
            let answer =
                self.0.clone().get_baseline_history(asked(workspace, request, PATIENCE)).await;
            let answer = match answer {
                Err(status) if status.code() == Code::NotFound => return Ok(history),
                answer => answer?.into_inner(),
            };
            history.extend(answer.baselines);
            page_token = answer.next_page_token;
            if page_token.is_empty() {
                return Ok(history);
            }
        }
    }
}

/// What a version said; where a pack set several under one name, the one for this language and channel.
fn said(history: &[catalog::Baseline], (work, version): &Named) -> Option<i64> {
    let fits = |baseline: &catalog::Baseline| {
        let of = baseline.key.clone().unwrap_or_default();
        let language = of.language == work.language.to_lowercase();
        let channel = of.channel == work.channel.to_lowercase();
        // Language counts before channel.
        2 * i32::from(language) + i32::from(channel)
    };
    let named = history.iter().filter(|baseline| {
        baseline.version.as_ref().is_some_and(|of| of.version_id == *version) && !baseline.withdrawn
    });
    named.max_by_key(|baseline| fits(baseline)).map(|baseline| baseline.baseline_ms)
}

/// As the catalog takes it; `None` for what it would refuse as no task type at all. A step was valued by
/// what ingest holds against the same baselines, and ingest refuses no language and no channel.
fn key(work: &Work) -> Option<catalog::BaselineKey> {
    let task_type = work.task_type.as_str();
    let snake =
        task_type.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    if !snake || !task_type.starts_with(|c: char| c.is_ascii_lowercase()) || task_type.len() > 64 {
        return None;
    }
    Some(catalog::BaselineKey {
        task_type: task_type.to_owned(),
        language: language(&work.language).to_owned(),
        channel: channel(&work.channel).to_owned(),
    })
}

fn language(sent: &str) -> &str {
    let is_language = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
    let fits = |tag: &str| tag.len() <= 35 && tag.bytes().all(is_language);
    // As ingest does: `nl` of `nl-België`.
    let broader = sent.split('-').next().unwrap_or_default();
    match sent {
        // Nobody knows any more what was sent.
        OTHER => "",
        sent if fits(sent) => sent,
        _ if fits(broader) && !broader.is_empty() => broader,
        _ => STRANGE,
    }
}

fn channel(sent: &str) -> &str {
    match sent {
        OTHER => "",
        sent if sent.len() <= 64 && !sent.chars().any(char::is_control) => sent,
        _ => STRANGE,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn work(task_type: &str, language: &str, channel: &str) -> Work {
        Work {
            task_type: task_type.to_owned(),
            language: language.to_owned(),
            channel: channel.to_owned(),
        }
    }

    #[test]
    fn one_key_that_the_catalog_would_refuse_does_not_spoil_the_others() {
        for strange in ["", "7up", "Drafts", "a b", &"a".repeat(65)] {
            assert_eq!(key(&work(strange, "nl", "email")), None, "{strange:?}");
        }
        let language_and_channel = |of: Work| {
            let key = key(&of).unwrap();
            (key.language, key.channel)
        };
        let of =
            |language: &str, channel: &str| language_and_channel(work("drafts", language, channel));
        assert_eq!(of("nl-BE", "Email"), ("nl-BE".to_owned(), "Email".to_owned()));
        assert_eq!(of(OTHER, OTHER), (String::new(), String::new()));
        assert_eq!(of("", ""), (String::new(), String::new()));
    }

    /// An alias fills in its own language and channel where none is given.
    #[test]
    fn what_the_catalog_would_refuse_is_looked_up_where_ingest_looked_and_stays_given() {
        let language = |sent: &str| key(&work("drafts", sent, "")).unwrap().language;
        for sent in ["nl-België", "nl-!", &format!("nl-{}", "x".repeat(33))] {
            assert_eq!(language(sent), "nl", "{sent}");
        }
        for sent in ["nl_BE", "België", "-é", &"n".repeat(36)] {
            assert_eq!(language(sent), STRANGE, "{sent}");
        }
        let channel = |sent: &str| key(&work("drafts", "", sent)).unwrap().channel;
        assert_eq!(channel(&"c".repeat(64)), "c".repeat(64));
        assert_eq!(channel(&"c".repeat(65)), STRANGE);
        assert_eq!(language(STRANGE), STRANGE, "it is itself a language");
    }

    #[test]
    fn a_version_of_several_baselines_said_what_it_said_for_the_language() {
        let baseline = |language: &str, version: &str, baseline_ms| catalog::Baseline {
            key: Some(catalog::BaselineKey { language: language.to_owned(), ..Default::default() }),
            baseline_ms,
            version: Some(catalog::Version {
                version_id: version.to_owned(),
                ..Default::default()
            }),
            ..Default::default()
        };
        let history = [baseline("", "7", 1), baseline("nl", "7", 2), baseline("nl", "6", 3)];
        let of = |language: &str, version: &str| {
            said(&history, &(work("drafts", language, ""), version.to_owned()))
        };
        assert_eq!(
            [of("NL", "7"), of("", "7"), of("", "6"), of("nl", "5")],
            [Some(2), Some(1), Some(3), None]
        );
    }
}
