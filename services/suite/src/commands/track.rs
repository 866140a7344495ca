//! `tally track`.

use std::process::ExitCode;
use std::slice;

use wire::common::v1 as common;
use wire::ingest::v1::event::Body;
use wire::ingest::v1::ingest_service_client::IngestServiceClient;
use wire::ingest::v1::{Event, Receipt, TaskCompleted, Ticket, TrackRequest};

use super::track_file::{self, Manner};
use crate::cli::{OfTicket, OutcomeArg, Track};
use crate::client::{Channel, Client, Peer};
use crate::failure::Failure;
use crate::print;
use crate::warnings::Warnings;

pub(crate) async fn run(args: Track) -> Result<ExitCode, Failure> {
    let settings = super::settings()?;
    let client = Client::with_key(&settings)?;
    let mut ingest = IngestServiceClient::new(client.to(Peer::Ingest));
    match &args.file {
        Some(path) => {
            let manner = Manner { skip_bad: args.skip_bad, json: args.json };
            track_file::run(&mut ingest, path, manner).await
        }
        None => track_one(&mut ingest, args).await,
    }
}

async fn track_one(
    ingest: &mut IngestServiceClient<Channel>,
    args: Track,
) -> Result<ExitCode, Failure> {
    let (json, validate_only) = (args.json, args.dry_run);
    let task_type = args.task_type.clone().unwrap_or_default();
    let request =
        TrackRequest { event: Some(event(args)), catalog_at_least: String::new(), validate_only };
    let answer = ingest.track(request).await.map_err(Failure::call("the event was not tracked"))?;
    let receipt = answer.into_inner().receipt.unwrap_or_default();
    if json {
        println!("{}", serde_json::to_string(&receipt)?);
    } else {
        println!("{}", sentence(&receipt, &task_type));
        Warnings::of(&receipt).tell();
    }
    Ok(ExitCode::SUCCESS)
}

fn event(args: Track) -> Event {
    let outcome = match args.outcome {
        None => common::Outcome::Unspecified,
        Some(OutcomeArg::Success) => common::Outcome::Success,
        Some(OutcomeArg::NeedsReview) => common::Outcome::NeedsReview,
        Some(OutcomeArg::Failure) => common::Outcome::Failure,
        Some(OutcomeArg::Pending) => common::Outcome::Pending,
    };
    Event {
        idempotency_key: args.key.unwrap_or_default(),
        occurred_time: args.at.map(|at| at.parts().into()),
        agent_id: args.agent.unwrap_or_default(),
        ticket: ticket(args.ticket).map(Box::new),
        metadata: args.metadata.into_iter().collect(),
        body: Some(Body::TaskCompleted(Box::new(TaskCompleted {
            task_type: args.task_type.unwrap_or_default(),
            outcome: outcome.into(),
            duration_ms: args.duration.map(|d| i64::try_from(d.as_millis()).unwrap_or(i64::MAX)),
            agent_cost: args.cost,
            model: args.model.unwrap_or_default(),
            ..Default::default()
        }))),
    }
}

/// `None` where nothing of it was said.
fn ticket(said: OfTicket) -> Option<Ticket> {
    let ticket = Ticket {
        ticket_id: said.ticket.unwrap_or_default(),
        project: said.project.unwrap_or_default(),
        intent: said.intent.unwrap_or_default(),
        queue: said.queue.unwrap_or_default(),
        channel: said.channel.unwrap_or_default(),
        language: said.language.unwrap_or_default(),
        ..Default::default()
    };
    (ticket != Ticket::default()).then_some(ticket)
}

fn sentence(receipt: &Receipt, task_type: &str) -> String {
    let mut text = match receipt.event_id.as_str() {
        "" => "valid; nothing was written".to_owned(),
        id if receipt.duplicate => format!("{id} was tracked before"),
        id => format!("{id} tracked at {}", receipt.position),
    };
    match &receipt.valuation {
        Some(valuation) => {
            text.push_str(&format!("; saved {}", print::minutes(valuation.credited_ms)));
        }
        None => {
            let recorded = if receipt.event_id.is_empty() { "" } else { "recorded " };
            text.push_str(&format!("; {recorded}without a value: {task_type:?} is no task type"));
        }
    }
    for (name, money) in [("worth", &receipt.cost_saved), ("net", &receipt.net_saved)] {
        if let Some(money) = money {
            text.push_str(&format!(", {name} {}", print::money(slice::from_ref(money))));
        }
    }
    if let (Some(saved), Some(cost), None) =
        (&receipt.cost_saved, &receipt.agent_cost, &receipt.net_saved)
    {
        let (cost, into) = (print::money(slice::from_ref(cost)), &saved.currency_code);
        text.push_str(&format!("; not netted with its cost of {cost}: no exchange rate to {into}"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::ingest::v1::Valuation;

    #[test]
    fn a_task_type_nobody_knows_is_named() {
        let receipt =
            Receipt { event_id: "ev_1".into(), position: "at_1".into(), ..Default::default() };
        let told = sentence(&receipt, "banana");
        assert_eq!(
            told,
            "ev_1 tracked at at_1; recorded without a value: \"banana\" is no task type"
        );
        let valuation = Some(Valuation { credited_ms: 90_000, ..Default::default() }.into());
        let told = sentence(&Receipt { valuation, ..receipt }, "email_classification");
        assert_eq!(told, "ev_1 tracked at at_1; saved 1.50 min");
    }

    #[test]
    fn a_cost_that_cannot_be_subtracted_is_named() {
        let money = |currency: &str, micros| {
            Some(common::Money { currency_code: currency.to_owned(), micros })
        };
        let receipt = Receipt {
            valuation: Some(Valuation { credited_ms: 60_000, ..Default::default() }.into()),
            cost_saved: money("EUR", 1_500_000),
            agent_cost: money("USD", 100_000),
            ..Default::default()
        };
        let told = sentence(&receipt, "");
        let why = "not netted with its cost of USD 0.10: no exchange rate to EUR";
        assert_eq!(told, format!("valid; nothing was written; saved 1 min, worth EUR 1.50; {why}"));
        let told = sentence(&Receipt { net_saved: money("EUR", 1_400_000), ..receipt }, "");
        assert!(told.ends_with("worth EUR 1.50, net EUR 1.40"), "{told}");
    }
}
