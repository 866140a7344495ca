//! Domain values become messages; errors become faults. Nothing here can fail.

use fault::{ErrorReason, Fault, Violations};
use kernel::{Outcome, Timestamp};
use wire::audit::v1 as pb;
use wire::common::v1 as common;

use crate::app::{Error, Week};
use crate::domain::{Counted, Plan, Sample, State};

const CLAIM_SECONDS: i64 = 30 * 60;
const RETENTION_SECONDS: i64 = 90 * 24 * 60 * 60;

pub(super) fn plan(plan: &Plan) -> pb::SamplingPlan {
    pb::SamplingPlan {
        plan_id: plan.id.to_owned(),
        display_name: plan.name.to_owned(),
        state: pb::PlanState::Active.into(),
        frame: Some(pb::SamplingFrame::default()),
        rate_millionths: i32::try_from(plan.rate.millionths()).expect("at most a million"),
        floor_per_stratum: Some(0),
        cap_per_stratum: Some(0),
        stratum_dimensions: vec![pb::StratumDimension::Language.into()],
        reviews_per_sample: 1,
        double_review_millionths: Some(0),
        claim_duration: Some(wire::Duration { seconds: CLAIM_SECONDS, nanos: 0 }),
        text_retention_duration: Some(wire::Duration { seconds: RETENTION_SECONDS, nanos: 0 }),
        rubric_version: "1".to_owned(),
        version: plan.version,
        effective_time: Some(timestamp(Timestamp::EPOCH)),
    }
}

pub(super) fn sample(sample: &Sample) -> pb::Sample {
    let step = &sample.step;
    pb::Sample {
        sample_id: sample.id().to_string(),
        event_id: step.event.to_string(),
        plan_id: sample.plan_id.clone(),
        plan_version: sample.plan_version,
        period_start_time: Some(timestamp(sample.period.start())),
        stratum: sample.stratum.clone(),
        inclusion_probability_millionths: i32::try_from(sample.probability.millionths())
            .expect("at most a million"),
        state: state(sample.state).into(),
        agent_id: step.agent_id.clone(),
        task_type: step.task_type.clone(),
        outcome: outcome(step.outcome).into(),
        ticket_id: step.ticket_id.clone(),
        intent: step.intent.clone(),
        channel: step.channel.clone(),
        language: step.language.clone(),
        occurred_time: Some(timestamp(step.occurred)),
        recorded_time: Some(timestamp(step.recorded)),
        ..Default::default()
    }
}

pub(super) fn period(week: Week, plan: &Plan) -> pb::SamplingPeriod {
    let stratum = |(stratum, counted): (String, Counted)| pb::StratumCount {
        stratum,
        considered_count: counted.considered,
        drawn_count: counted.drawn,
    };
    pb::SamplingPeriod {
        plan_id: plan.id.to_owned(),
        start_time: Some(timestamp(week.counts.period.start())),
        salt_hash: week.salt_hash.to_vec(),
        salt: week.salt.map_or_else(Vec::new, |salt| salt.to_vec()),
        strata: week.counts.strata.into_iter().map(stratum).collect(),
    }
}

fn state(state: State) -> pb::SampleState {
    match state {
        State::AwaitingExchange => pb::SampleState::AwaitingExchange,
        State::Open => pb::SampleState::Open,
        State::Claimed => pb::SampleState::Claimed,
        State::Disputed => pb::SampleState::Disputed,
        State::Settled => pb::SampleState::Settled,
        State::Withdrawn => pb::SampleState::Withdrawn,
    }
}

fn outcome(outcome: Outcome) -> common::Outcome {
    match outcome {
        Outcome::Success => common::Outcome::Success,
        Outcome::NeedsReview => common::Outcome::NeedsReview,
        Outcome::Failure => common::Outcome::Failure,
        Outcome::Pending => common::Outcome::Pending,
    }
}

fn timestamp(at: Timestamp) -> wire::Timestamp {
    at.parts().into()
}

pub(super) fn fault(error: Error) -> Fault {
    match error {
        Error::UnknownPlan(id) => Fault::not_found(
            ErrorReason::ResourceNotFound,
            format!("no sampling plan is called {id}"),
        )
        .with("resource", "plan"),
        Error::ForeignToken => {
            let mut v = Violations::new();
            let what = "is the token of an event of another workspace";
            v.add("at_least", ErrorReason::ForeignFreshnessToken, what);
            v.into_fault()
        }
        Error::NotYetConsumed => Fault::deadline(
            ErrorReason::NotYetConsumed,
            "the ledger has not been consumed as far as at_least; call again",
        ),
        Error::Store(error) => store_fault(error),
    }
}

fn store_fault(error: db::Error) -> Fault {
    match error {
        error @ (db::Error::Unavailable(_) | db::Error::Unknown(_)) => {
            Fault::storage_unavailable().because(error)
        }
        error @ (db::Error::Conflict(_) | db::Error::Corrupt { .. } | db::Error::Other(_)) => {
            Fault::internal("the samples could not be read").because(error)
        }
    }
}
