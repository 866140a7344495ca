//! Checking calls: rules from the copy of the catalog, counts from the cache.
//!
//! The cache may be emptied at any moment and be gone: then more is allowed, never less.

mod keys;
mod metrics;
mod results;

use std::sync::Arc;

use hot::Hot;
use kernel::{Clock, WorkspaceId};
use tokio_util::task::TaskTracker;

use crate::catalog_copy::CatalogCopy;
use crate::domain::guard::{
    Counted, Decision, Intent, LastResult, Rule, Step, Tier, before_model, before_tool,
};
use crate::domain::pricing::Model;

pub(crate) use results::ToolResult;

/// SHA-256 of a tool's arguments in canonical form.
pub(crate) type ArgsHash = [u8; 32];

/// A call about to be made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) at: Stage<'a>,
    /// Empty: not known.
    pub(crate) intent: &'a str,
    pub(crate) call: Call<'a>,
}

/// Where calls are counted together.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stage<'a> {
    pub(crate) workspace: WorkspaceId,
    pub(crate) ticket_id: &'a str,
    pub(crate) stage: &'a str,
}

/// What is about to be called.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Call<'a> {
    Model { provider: &'a str, model: &'a str, attempt: u32 },
    Tool { tool: &'a str, args: ArgsHash },
}

/// A verdict, and what the catalog said when it was given.
#[derive(Debug, Clone)]
pub(crate) struct Checked {
    pub(crate) decision: Decision,
    pub(crate) tier: Option<Tier>,
    pub(crate) allowed_tiers: Vec<Tier>,
}

/// The use cases of GuardService.
pub(crate) struct Guard {
    hot: Arc<dyn Hot>,
    catalog: Arc<CatalogCopy>,
    clock: Arc<dyn Clock>,
    results: results::Notebook,
    metrics: metrics::Metrics,
}

impl Guard {
    pub(crate) fn new(
        hot: Arc<dyn Hot>,
        catalog: Arc<CatalogCopy>,
        clock: Arc<dyn Clock>,
        tasks: &TaskTracker,
    ) -> Self {
        let results = results::Notebook::open(
            Arc::clone(&hot),
            Arc::clone(&catalog),
            Arc::clone(&clock),
            tasks,
        );
        Self { hot, catalog, clock, results, metrics: metrics::Metrics::new() }
    }

    /// Says whether a call may be made; one that may counts as made.
    pub(crate) async fn check(&self, asked: &Asked<'_>) -> Checked {
        let (now, at) = (self.clock.now(), asked.at);
        let intent = self.catalog.read(|c| c.intent(at.workspace, asked.intent, now));
        let (decision, tier) = match asked.call {
            Call::Model { provider, model, attempt } => {
                let model = Model { provider, name: model };
                let tier = self.catalog.read(|c| c.tier(at.workspace, model, now));
                let step = before_model(&intent, tier, attempt);
                let key = keys::attempts(at);
                (self.finish(step, Rule::RetryBudget, &key, &intent).await, tier)
            }
            Call::Tool { tool, args } => {
                let last = if intent.limits().polls(tool) {
                    None
                } else {
                    self.last_result(at, tool, args).await
                };
                let step = before_tool(&intent, tool, last);
                let key = keys::identical(at, tool, args);
                (self.finish(step, Rule::IdenticalToolCall, &key, &intent).await, None)
            }
        };
        self.metrics.count(&decision);
        Checked { decision, tier, allowed_tiers: intent.allowed_tiers().to_vec() }
    }

    async fn finish(&self, step: Step, rule: Rule, key: &hot::Key, intent: &Intent) -> Decision {
        let (limit, so_far) = match step {
            Step::Done(decision) => return decision,
            Step::Count { limit, so_far } => (limit, so_far),
        };
        let counted = self.hot.count(key, limit, intent.limits().memory).await;
        so_far.counted(
            rule,
            counted.map(|count| Counted {
                granted: count.granted,
                before: count.before,
                refused: count.refused,
            }),
        )
    }

    async fn last_result(&self, at: Stage<'_>, tool: &str, args: ArgsHash) -> Option<LastResult> {
        results::decode(&self.hot.get(&keys::result(at, tool, args)).await?.value)
    }

    /// Remembers how a tool's call ended, some time after now: nobody waits for it, and it may be lost.
    pub(crate) fn note(&self, result: ToolResult) {
        self.results.note(result);
    }

    /// A denial was answered and could not be recorded.
    pub(crate) fn unrecorded(&self) {
        self.metrics.unrecorded();
    }
}
