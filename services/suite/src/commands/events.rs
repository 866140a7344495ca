//! `tally events`: what stands in the ledger.

use std::io::Write as _;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use comfy_table::Table;
use kernel::{EventId, Timestamp, decimal};
use serde_json::Value;
use wire::common::v1 as common;
use wire::ingest::v1::event::Body;
use wire::ingest::v1::ingest_service_client::IngestServiceClient;
use wire::ingest::v1::{CallCost, Event, GetEventRequest, ListEventsRequest, RecordedEvent};

use crate::client::{Channel, Client, Peer};
use crate::failure::Failure;
use crate::print;

/// Events of one call.
const PAGE: usize = 500;
/// The last second a protobuf time can name: a window without an end.
const END_OF_TIME: Timestamp = Timestamp::from_micros(253_402_300_799_000_000);

#[derive(Args)]
#[command(after_help = "\
Examples:
  tally events list --ticket T-1                      what happened on a ticket, corrections included
  tally events list --agent support-triage --kind task_completed --from 2026-01-01T00:00:00Z
  tally events list --limit 100000 --json             one event a line, protobuf JSON
  tally events get ev_0a00000000001
The key is read from TALLY_API_KEY; it must have the report scope.")]
pub(crate) struct Events {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// List events in ledger order, oldest first.
    List(List),
    /// Print one event, what it was worth, and what it corrects, as JSON.
    Get {
        /// Its id: ev_ and 13 characters.
        event_id: EventId,
    },
}

#[derive(Args)]
struct List {
    /// Only events of this agent, and corrections of them.
    #[arg(long, default_value = "", hide_default_value = true)]
    agent: String,
    /// Only events of this ticket, and corrections of them.
    #[arg(long, default_value = "", hide_default_value = true)]
    ticket: String,
    /// Only this kind, such as task_completed or retracted; may be repeated.
    #[arg(long)]
    kind: Vec<String>,
    /// Only what occurred at or after this, RFC 3339.
    #[arg(long)]
    from: Option<Timestamp>,
    /// Only what occurred before this, RFC 3339.
    #[arg(long)]
    to: Option<Timestamp>,
    /// How many at most.
    #[arg(
        long,
        default_value = "100",
        value_parser = clap::value_parser!(u32).range(1..),
        allow_negative_numbers = true
    )]
    limit: u32,
    /// Print as JSON, one event a line.
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(args: Events) -> Result<ExitCode, Failure> {
    let settings = super::settings()?;
    let client = Client::with_key(&settings)?;
    let mut ingest = IngestServiceClient::new(client.to(Peer::Ingest));
    match args.action {
        Action::List(args) => list(&mut ingest, args).await?,
        Action::Get { event_id } => {
            let request = GetEventRequest { event_id: event_id.to_string() };
            let found = ingest.get_event(request).await;
            let found = found.map_err(Failure::call("the event was not given"))?.into_inner();
            println!("{}", serde_json::to_string_pretty(&found.event.unwrap_or_default())?);
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn list(ingest: &mut IngestServiceClient<Channel>, args: List) -> Result<(), Failure> {
    let mut table = Table::new();
    table
        .load_preset(comfy_table::presets::UTF8_HORIZONTAL_ONLY)
        .set_header(["Event", "Occurred", "Agent", "Ticket", "Kind", "What", "Saved"]);
    let (limit, json) = (args.limit as usize, args.json);
    let mut request = request(args);
    let mut listed = 0;
    let more = loop {
        request.page_size = i32::try_from(PAGE.min(limit - listed)).unwrap_or(1);
        let page = ingest.list_events(request.clone()).await;
        let page = page.map_err(Failure::call("the events were not listed"))?.into_inner();
        listed += page.events.len();
        for event in &page.events {
            if json {
                // A reader that went away has seen what it wanted.
                let _ = writeln!(std::io::stdout(), "{}", serde_json::to_string(event)?);
            } else {
                table.add_row(row(event)?);
            }
        }
        request.page_token = page.next_page_token;
        if request.page_token.is_empty() || listed >= limit {
            break !request.page_token.is_empty();
        }
    };
    match (json, listed) {
        (true, _) => {}
        (false, 0) => println!("no events match"),
        (false, _) => println!("{table}"),
    }
    if more {
        eprintln!("{listed} listed, and there may be more: raise --limit, or narrow with --from");
    }
    Ok(())
}

fn request(args: List) -> ListEventsRequest {
    let edge = |at: Option<Timestamp>, open| Some(at.unwrap_or(open).parts().into());
    let window = (args.from.is_some() || args.to.is_some()).then(|| common::Window {
        start_time: edge(args.from, Timestamp::EPOCH),
        end_time: edge(args.to, END_OF_TIME),
    });
    ListEventsRequest {
        window,
        kinds: args.kind,
        agent_id: args.agent,
        ticket_id: args.ticket,
        ..Default::default()
    }
}

fn row(recorded: &RecordedEvent) -> Result<[String; 7], Failure> {
    let record = recorded.record.clone().unwrap_or_default();
    let event = record.event.unwrap_or_default();
    let corrected = record.corrects.and_then(|corrects| corrects.event).unwrap_or_default();
    let ticket = event.ticket.as_ref().or(corrected.ticket.as_ref());
    let ticket = ticket.map(|ticket| ticket.ticket_id.clone());
    let saved = record.valuation.map(|valuation| print::minutes(valuation.credited_ms));
    Ok([
        recorded.event_id.clone(),
        event.occurred_time.as_ref().map(print::moment).unwrap_or_default(),
        event.agent_id.clone(),
        ticket.unwrap_or_default(),
        kind(&event)?,
        what(&event, record.call_cost.as_deref()),
        saved.unwrap_or_default(),
    ])
}

/// The name of the body: JSON has it, as the one field that is none of the event's own.
fn kind(event: &Event) -> Result<String, Failure> {
    const OWN: [&str; 5] = ["idempotencyKey", "occurredTime", "agentId", "ticket", "metadata"];
    let Value::Object(fields) = serde_json::to_value(event)? else { return Ok(String::new()) };
    let body = fields.keys().find(|field| !OWN.contains(&field.as_str()));
    let mut name = String::new();
    for letter in body.into_iter().flat_map(|body| body.chars()) {
        if letter.is_ascii_uppercase() {
            name.push('_');
        }
        name.push(letter.to_ascii_lowercase());
    }
    Ok(name)
}

fn what(event: &Event, call_cost: Option<&CallCost>) -> String {
    let outcome = |outcome: common::Outcome| {
        outcome.as_str_name().trim_start_matches("OUTCOME_").to_lowercase().replace('_', " ")
    };
    match &event.body {
        Some(Body::TaskCompleted(task)) => {
            format!("{}, {}", task.task_type, outcome(task.outcome()))
        }
        Some(Body::OutcomeRevised(body)) => {
            format!("{} is now {}", body.event_id, outcome(body.outcome()))
        }
        Some(Body::Retracted(body)) => format!("{}: {}", body.event_id, body.reason),
        Some(Body::LlmCall(call)) => match call_cost.map(|stamped| &stamped.cost) {
            // To the last digit: a call costs less than a cent, and is not free.
            Some(Some(cost)) => {
                let amount = decimal::write(cost.micros, 6);
                format!("{}, {} {amount}", call.model, cost.currency_code)
            }
            Some(None) => format!("{}, unpriced", call.model),
            None => call.model.clone(),
        },
        Some(Body::CallDenied(denied)) => {
            let call = if denied.tool.is_empty() { &denied.model } else { &denied.tool };
            format!("{}: {call}", denied.rule)
        }
        _ => String::new(),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use wire::ingest::v1::{KnowledgeGapClosed, LlmCall, OutcomeRevised};

    #[test]
    fn a_kind_is_named_as_the_filter_takes_it() {
        let body = Some(Body::KnowledgeGapClosed(KnowledgeGapClosed::default()));
        let event = Event { agent_id: "a".into(), body, ..Default::default() };
        assert_eq!(kind(&event).unwrap(), "knowledge_gap_closed");
        assert_eq!(kind(&Event::default()).unwrap(), "");
    }

    #[test]
    fn a_judgement_says_of_what_and_which() {
        let outcome = common::Outcome::NeedsReview.into();
        let body = OutcomeRevised { event_id: "ev_1".into(), outcome, ..Default::default() };
        let event = Event { body: Some(Body::OutcomeRevised(body)), ..Default::default() };
        assert_eq!(what(&event, None), "ev_1 is now needs review");
    }

    #[test]
    fn a_call_says_what_it_cost_or_that_nobody_knows() {
        let body = LlmCall { model: "gpt-4o".into(), ..Default::default() };
        let event = Event { body: Some(Body::LlmCall(body.into())), ..Default::default() };
        let cost = Some(common::Money { currency_code: "USD".into(), micros: 2_500 });
        let priced = CallCost { cost, ..Default::default() };
        assert_eq!(what(&event, Some(&priced)), "gpt-4o, USD 0.0025");
        assert_eq!(what(&event, Some(&CallCost::default())), "gpt-4o, unpriced");
    }

    #[test]
    fn a_window_may_be_open_at_either_end() {
        let list = |from, to| {
            let (agent, ticket) = (String::new(), String::new());
            request(List { agent, ticket, kind: vec![], from, to, limit: 1, json: false }).window
        };
        assert_eq!(list(None, None), None);
        let since = list(Some(Timestamp::from_micros(5)), None).unwrap();
        assert_eq!(since.start_time.unwrap().nanos, 5_000);
        assert!(since.end_time.unwrap().seconds > 200_000_000_000);
        assert_eq!(list(None, Some(END_OF_TIME)).unwrap().start_time.unwrap().seconds, 0);
    }
}
