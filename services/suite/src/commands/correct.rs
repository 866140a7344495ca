//! `tally revise` and `tally retract`: corrections, which are entries of their own.

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use kernel::EventId;
use wire::common::v1 as common;
use wire::ingest::v1::ingest_service_client::IngestServiceClient;
use wire::ingest::v1::{Receipt, RetractRequest, ReviseOutcomeRequest};

use crate::cli::{OutcomeArg, span};
use crate::client::{Channel, Client, Peer};
use crate::failure::Failure;
use crate::print;
use crate::warnings::Warnings;

#[derive(Args)]
#[command(after_help = "\
Examples:
  tally revise ev_0a00000000001 --outcome failure --reason \"the customer came back\"
  tally revise ev_0a00000000001 --outcome needs-review --human-edit 3m
The ids are those of receipts and of `tally events list`. The key is read from TALLY_API_KEY.")]
pub(crate) struct Revise {
    /// The step judged: a task_completed.
    event_id: EventId,
    /// The outcome that holds from now on.
    #[arg(long)]
    outcome: OutcomeArg,
    /// How long a human edited, such as 90s or 3m. Default: as the step itself said.
    #[arg(long, value_parser = span, allow_hyphen_values = true)]
    human_edit: Option<Duration>,
    /// Why.
    #[arg(long, default_value = "", hide_default_value = true)]
    reason: String,
    /// Idempotency key: the same judgement under the same key counts once.
    #[arg(long, default_value = "", hide_default_value = true)]
    key: String,
    /// Print the receipt as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
#[command(after_help = "\
Examples:
  tally retract ev_0a00000000001 --reason \"tracked by the test pipeline\"
Nothing is deleted: the entry stands, and reports leave out what it said. Taking back a judgement makes \
the one before it hold again. The key is read from TALLY_API_KEY.")]
pub(crate) struct Retract {
    /// The event taken back; any but a retraction.
    event_id: EventId,
    /// Why.
    #[arg(long)]
    reason: String,
    /// Idempotency key: the same retraction under the same key is recorded once.
    #[arg(long, default_value = "", hide_default_value = true)]
    key: String,
    /// Print the receipt as JSON.
    #[arg(long)]
    json: bool,
}

pub(crate) async fn revise(args: Revise) -> Result<ExitCode, Failure> {
    let outcome = match args.outcome {
        OutcomeArg::Success => common::Outcome::Success,
        OutcomeArg::NeedsReview => common::Outcome::NeedsReview,
        OutcomeArg::Failure => common::Outcome::Failure,
        OutcomeArg::Pending => common::Outcome::Pending,
    };
    let human_edit = args.human_edit.map(|d| i64::try_from(d.as_millis()).unwrap_or(i64::MAX));
    let request = ReviseOutcomeRequest {
        event_id: args.event_id.to_string(),
        outcome: outcome.into(),
        human_edit_ms: human_edit,
        reason: args.reason,
        request_id: args.key,
    };
    let answer = ingest()?.revise_outcome(request).await;
    let answer = answer.map_err(Failure::call("the outcome was not revised"))?.into_inner();
    tell(&answer.receipt.unwrap_or_default(), args.json)
}

pub(crate) async fn retract(args: Retract) -> Result<ExitCode, Failure> {
    let request = RetractRequest {
        event_id: args.event_id.to_string(),
        reason: args.reason,
        request_id: args.key,
    };
    let answer = ingest()?.retract(request).await;
    let answer = answer.map_err(Failure::call("the event was not retracted"))?.into_inner();
    tell(&answer.receipt.unwrap_or_default(), args.json)
}

fn ingest() -> Result<IngestServiceClient<Channel>, Failure> {
    let settings = super::settings()?;
    let client = Client::with_key(&settings)?;
    Ok(IngestServiceClient::new(client.to(Peer::Ingest)))
}

fn tell(receipt: &Receipt, json: bool) -> Result<ExitCode, Failure> {
    if json {
        println!("{}", serde_json::to_string(receipt)?);
    } else {
        println!("{}", sentence(receipt));
        Warnings::of(receipt).tell();
    }
    Ok(ExitCode::SUCCESS)
}

fn sentence(receipt: &Receipt) -> String {
    let id = &receipt.event_id;
    let mut text = if receipt.duplicate {
        format!("{id} was recorded before")
    } else {
        format!("{id} recorded at {}", receipt.position)
    };
    if let Some(valuation) = &receipt.valuation {
        // Of a step that was taken back nothing counts: that only the reports know.
        let saves = print::minutes(valuation.credited_ms);
        text.push_str(&format!("; unless it was retracted, the step saves {saves} now"));
    }
    for (name, money) in [("worth", &receipt.cost_saved), ("net", &receipt.net_saved)] {
        if let Some(money) = money {
            text.push_str(&format!(", {name} {}", print::money(std::slice::from_ref(money))));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::ingest::v1::Valuation;

    #[test]
    fn a_judgement_tells_what_the_step_is_worth_now() {
        let credited_ms = 360_000;
        let receipt = Receipt {
            event_id: "ev_1".into(),
            position: "at_1".into(),
            valuation: Some(Box::new(Valuation { credited_ms, ..Default::default() })),
            cost_saved: Some(common::Money { currency_code: "EUR".into(), micros: 4_500_000 }),
            ..Default::default()
        };
        let told = sentence(&receipt);
        let saves = "unless it was retracted, the step saves 6 min now, worth EUR 4.50";
        assert_eq!(told, format!("ev_1 recorded at at_1; {saves}"));
        let again = Receipt { duplicate: true, event_id: "ev_1".into(), ..Default::default() };
        assert_eq!(sentence(&again), "ev_1 was recorded before");
    }
}
