//! `tally track`.

use std::io::{BufRead, BufReader, IsTerminal as _, Read, Write as _};
use std::path::Path;
use std::process::ExitCode;

use chassis::Channel;
use indicatif::{ProgressBar, ProgressStyle};
use kernel::{Currency, Money};
use wire::common::v1 as common;
use wire::ingest::v1::event::Body;
use wire::ingest::v1::ingest_service_client::IngestServiceClient;
use wire::ingest::v1::track_result::Result as Outcome;
use wire::ingest::v1::{Event, Receipt, TaskCompleted, Ticket, TrackBatchRequest, TrackRequest};

use crate::cli::{OutcomeArg, Track};
use crate::client::Client;
use crate::failure::Failure;

/// Events of one call.
const BATCH: usize = 500;
/// Bytes of one call, under the 1 MiB a call may have.
const BATCH_BYTES: usize = 768 * 1024;

pub(crate) async fn run(args: Track) -> Result<ExitCode, Failure> {
    let settings = super::settings()?;
    let client = Client::with_key(&settings)?;
    let mut ingest = IngestServiceClient::new(client.to(&settings.peers.ingest_url));
    match &args.file {
        Some(path) => track_file(&mut ingest, path, args.json).await,
        None => track_one(&mut ingest, args).await,
    }
}

async fn track_one(
    ingest: &mut IngestServiceClient<Channel>,
    args: Track,
) -> Result<ExitCode, Failure> {
    let (json, validate_only) = (args.json, args.dry_run);
    let request =
        TrackRequest { event: Some(event(args)), catalog_at_least: String::new(), validate_only };
    let answer = ingest.track(request).await.map_err(Failure::call("the event was not tracked"))?;
    let receipt = answer.into_inner().receipt.unwrap_or_default();
    if json {
        println!("{}", serde_json::to_string(&receipt)?);
    } else {
        println!("{}", sentence(&receipt));
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
        ticket: args.ticket.map(|ticket_id| Ticket { ticket_id, ..Default::default() }),
        metadata: args.metadata.into_iter().collect(),
        body: Some(Body::TaskCompleted(TaskCompleted {
            task_type: args.task_type.unwrap_or_default(),
            outcome: outcome.into(),
            duration_ms: args.duration.map(|d| i64::try_from(d.as_millis()).unwrap_or(i64::MAX)),
            agent_cost: args.cost,
            ..Default::default()
        })),
    }
}

fn sentence(receipt: &Receipt) -> String {
    let mut text = match receipt.event_id.as_str() {
        "" => "valid; nothing was written".to_owned(),
        id if receipt.duplicate => format!("{id} was tracked before"),
        id => format!("{id} tracked at {}", receipt.position),
    };
    if let Some(valuation) = &receipt.valuation {
        let minutes = valuation.credited_ms as f64 / 60_000.0;
        text.push_str(&format!("; saved {minutes} min"));
    }
    for (name, money) in [("worth", &receipt.cost_saved), ("net", &receipt.net_saved)] {
        let money = money.as_ref().and_then(|money| {
            Some(Money {
                micros: money.micros,
                currency: Currency::new(&money.currency_code).ok()?,
            })
        });
        if let Some(money) = money {
            text.push_str(&format!(", {name} {money}"));
        }
    }
    text
}

/// Tracks a file, a batch at a time. Refused lines are named; the others count.
async fn track_file(
    ingest: &mut IngestServiceClient<Channel>,
    path: &Path,
    json: bool,
) -> Result<ExitCode, Failure> {
    let stdin = path == Path::new("-");
    let source: Box<dyn Read> = if stdin {
        Box::new(std::io::stdin())
    } else {
        let open = std::fs::File::open(path);
        Box::new(open.map_err(|e| Failure::Other(format!("{}: {e}", path.display())))?)
    };
    let bar = progress();
    let mut lines = BufReader::new(source).lines().zip(1u64..);
    let (mut tracked, mut refused) = (0u64, 0u64);
    loop {
        let mut batch = Vec::new();
        let mut bytes = 0;
        while batch.len() < BATCH && bytes < BATCH_BYTES {
            let Some((line, number)) = lines.next() else { break };
            let line =
                line.map_err(|e| Failure::Other(format!("line {number} cannot be read: {e}")))?;
            if line.trim().is_empty() {
                continue;
            }
            bytes += line.len();
            match serde_json::from_str::<Event>(&line) {
                Ok(event) => batch.push((number, event)),
                Err(error) => {
                    refused += 1;
                    eprintln!("line {number}: is not an event: {error}");
                }
            }
        }
        if batch.is_empty() {
            break;
        }
        let (numbers, events): (Vec<u64>, Vec<Event>) = batch.into_iter().unzip();
        let request = TrackBatchRequest { events, catalog_at_least: String::new() };
        let answer = ingest
            .track_batch(request)
            .await
            .map_err(Failure::call("the batch was not tracked"))?;
        for (number, result) in numbers.into_iter().zip(answer.into_inner().results) {
            match result.result {
                Some(Outcome::Receipt(receipt)) => {
                    tracked += 1;
                    if json {
                        let line = serde_json::to_string(&receipt)?;
                        // A reader that went away is no reason to stop tracking.
                        let _ = writeln!(std::io::stdout(), "{line}");
                    }
                }
                Some(Outcome::Refusal(refusal)) => {
                    refused += 1;
                    eprintln!("line {number}: {}: {}", refusal.reason, refusal.message);
                }
                None => refused += 1,
            }
        }
        bar.set_position(tracked);
    }
    bar.finish_and_clear();
    eprintln!("{tracked} tracked, {refused} refused");
    Ok(if refused == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn progress() -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{spinner} {pos} events, {per_sec}");
    ProgressBar::new_spinner()
        .with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()))
}
