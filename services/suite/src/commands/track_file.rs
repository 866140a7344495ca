//! `tally track --file`.

use std::fs::File;
use std::io::{BufReader, ErrorKind, IsTerminal as _, Read, Write as _};
use std::path::Path;
use std::process::ExitCode;

use indicatif::{ProgressBar, ProgressStyle};
use tokio::sync::mpsc;
use wire::ingest::v1::ingest_service_client::IngestServiceClient;
use wire::ingest::v1::track_result::Result as Outcome;
use wire::ingest::v1::{Event, TrackBatchRequest};

use crate::client::Channel;
use crate::event_lines::{Batch, EventLines};
use crate::failure::Failure;
use crate::warnings::Warnings;

/// Bad lines named one by one; the others are counted.
const NAMED: u64 = 20;
/// As shells have it.
const INTERRUPTED: u8 = 130;

/// How to go about a file.
#[derive(Clone, Copy)]
pub(crate) struct Manner {
    /// Send the good lines when some are bad.
    pub(crate) skip_bad: bool,
    /// Print receipts.
    pub(crate) json: bool,
}

/// Tracks the events of `path`, a batch at a time; `-` is stdin.
///
/// A file is looked through before its first event is sent. Stdin cannot be: there a bad line keeps its
/// own batch back, and ends the run.
pub(crate) async fn run(
    ingest: &mut IngestServiceClient<Channel>,
    path: &Path,
    manner: Manner,
) -> Result<ExitCode, Failure> {
    let cannot = |error: std::io::Error| Failure::Other(format!("{}: {error}", path.display()));
    let mut bad = Bad::default();
    let (source, lines): (Box<dyn Read + Send>, _) = if path == Path::new("-") {
        (Box::new(std::io::stdin()), None)
    } else {
        let file = File::open(path).map_err(cannot)?;
        let kind = file.metadata().map_err(cannot)?;
        if kind.is_dir() {
            return Err(cannot(ErrorKind::IsADirectory.into()));
        }
        let regular = kind.is_file();
        let lines = if regular {
            let good = look_through(&file, &mut bad).map_err(cannot)?;
            if bad.count > 0 && !manner.skip_bad {
                let hint = if good == 0 { hint(path).map_err(cannot)? } else { "" };
                return Err(bad.refusal("nothing was sent", hint));
            }
            // The reader below opens it again, from the beginning.
            Some(good)
        } else {
            None
        };
        (Box::new(if regular { File::open(path).map_err(cannot)? } else { file }), lines)
    };
    let mut sending = Sending::new(progress(lines), bad, lines.is_some() && manner.skip_bad);
    let outcome = sending.all(ingest, batches(source), manner).await;
    sending.bar.finish_and_clear();
    eprintln!("{}", sending.summary());
    sending.warnings.tell();
    if matches!(outcome, Ok(End::Done)) && sending.sent() + sending.bad.count == 0 {
        eprintln!("warning: {} holds no event", path.display());
    }
    match outcome {
        Ok(End::Done) if sending.refused + sending.bad.count == 0 => Ok(ExitCode::SUCCESS),
        Ok(End::Done) => Ok(ExitCode::FAILURE),
        Ok(End::Interrupted) => {
            eprintln!("interrupted; {}", sending.again());
            Ok(ExitCode::from(INTERRUPTED))
        }
        Err(failure) => {
            eprintln!("{}", sending.again());
            Err(failure)
        }
    }
}

/// Names the bad lines, and counts the others.
fn look_through(file: &File, bad: &mut Bad) -> std::io::Result<u64> {
    let mut lines = EventLines::of(BufReader::new(file));
    let mut good = 0;
    while let Some(line) = lines.next()? {
        match line.event {
            Ok(_) => good += 1,
            Err(why) => bad.note(line.number, &why),
        }
    }
    Ok(good)
}

/// What may be meant by a file that has no event in any line, by how it begins.
fn hint(path: &Path) -> std::io::Result<&'static str> {
    let mut bytes = BufReader::new(File::open(path)?).bytes();
    let first = bytes.find(|byte| !matches!(byte, Ok(byte) if byte.is_ascii_whitespace()));
    Ok(match first.transpose()? {
        Some(b'[') => {
            ". A file holds one JSON object a line: of a list, `jq -c '.[]' FILE` makes it so"
        }
        Some(b'{') => ". A file holds one JSON object a line: `jq -c . FILE` makes it so",
        _ => ". A file holds one JSON object a line: `tally track --help` shows one",
    })
}

/// Reads ahead by one batch, in a thread of its own: a terminal or a pipe that says nothing must not
/// keep an interrupt from being heard.
fn batches(source: Box<dyn Read + Send>) -> mpsc::Receiver<std::io::Result<Batch>> {
    let (batches, taken) = mpsc::channel(1);
    std::thread::spawn(move || {
        let mut lines = EventLines::of(BufReader::new(source));
        while let Some(batch) = lines.batch().transpose() {
            let last = batch.is_err();
            if batches.blocking_send(batch).is_err() || last {
                break;
            }
        }
    });
    taken
}

/// Lines that are no events.
#[derive(Default)]
struct Bad {
    count: u64,
}

impl Bad {
    fn note(&mut self, number: u64, why: &str) {
        self.count += 1;
        if self.count <= NAMED {
            eprintln!("line {number}: {why}");
        }
    }

    fn refusal(&self, what: &str, hint: &str) -> Failure {
        let more = match self.count.saturating_sub(NAMED) {
            0 => String::new(),
            more => format!("{more} more bad lines; "),
        };
        let (lines, are) = if self.count == 1 { ("line is", "") } else { ("lines are", "s") };
        Failure::Other(format!(
            "{more}{} {lines} no event{are}: {what}. Mend them, or send the others with --skip-bad{hint}",
            self.count
        ))
    }
}

enum End {
    Done,
    Interrupted,
}

/// What became of the lines so far.
struct Sending {
    bar: ProgressBar,
    bad: Bad,
    /// They were named when the file was looked through.
    known_bad: bool,
    new: u64,
    duplicates: u64,
    refused: u64,
    /// Acknowledged events that would count again.
    keyless: u64,
    /// Of receipts that nobody reads.
    warnings: Warnings,
}

impl Sending {
    fn new(bar: ProgressBar, bad: Bad, known_bad: bool) -> Self {
        let warnings = Warnings::default();
        Self { bar, bad, known_bad, new: 0, duplicates: 0, refused: 0, keyless: 0, warnings }
    }

    async fn all(
        &mut self,
        ingest: &mut IngestServiceClient<Channel>,
        mut batches: mpsc::Receiver<std::io::Result<Batch>>,
        manner: Manner,
    ) -> Result<End, Failure> {
        let interrupted = tokio::signal::ctrl_c();
        tokio::pin!(interrupted);
        loop {
            let batch = tokio::select! {
                batch = batches.recv() => batch,
                _ = &mut interrupted => return Ok(End::Interrupted),
            };
            let Some(batch) = batch else { return Ok(End::Done) };
            let batch = batch.map_err(|error| Failure::Other(error.to_string()))?;
            if !self.known_bad {
                self.bar.suspend(|| {
                    batch.bad.iter().for_each(|(number, why)| self.bad.note(*number, why));
                });
            }
            if !batch.bad.is_empty() && !manner.skip_bad {
                return Err(self
                    .bad
                    .refusal("neither they nor the lines behind them were sent", ""));
            }
            if batch.events.is_empty() {
                continue;
            }
            tokio::select! {
                sent = self.send(ingest, batch, manner.json) => sent?,
                // The call may have been taken in: only its answer was not heard.
                _ = &mut interrupted => return Ok(End::Interrupted),
            }
        }
    }

    async fn send(
        &mut self,
        ingest: &mut IngestServiceClient<Channel>,
        batch: Batch,
        json: bool,
    ) -> Result<(), Failure> {
        let (places, events): (Vec<(u64, bool)>, Vec<Event>) = batch
            .events
            .into_iter()
            .map(|(number, keyed)| ((number, keyed.has_key), keyed.event))
            .unzip();
        let request = TrackBatchRequest { events, catalog_at_least: String::new() };
        let answer = ingest
            .track_batch(request)
            .await
            .map_err(Failure::call("the batch was not tracked"))?;
        for ((number, has_key), result) in places.into_iter().zip(answer.into_inner().results) {
            match result.result {
                Some(Outcome::Receipt(receipt)) => {
                    self.new += u64::from(!receipt.duplicate);
                    self.duplicates += u64::from(receipt.duplicate);
                    self.keyless += u64::from(!has_key);
                    if json {
                        let line = serde_json::to_string(&receipt)?;
                        // A reader that went away is no reason to stop tracking.
                        let _ = writeln!(std::io::stdout(), "{line}");
                    } else {
                        self.warnings.take(&receipt);
                    }
                }
                Some(Outcome::Refusal(refusal)) => {
                    self.refused += 1;
                    self.bar.suspend(|| {
                        eprintln!("line {number}: {}: {}", refusal.reason, refusal.message);
                    });
                }
                None => self.refused += 1,
            }
        }
        self.bar.set_position(self.sent());
        Ok(())
    }

    /// Answered, one way or the other.
    fn sent(&self) -> u64 {
        self.acknowledged() + self.refused
    }

    fn acknowledged(&self) -> u64 {
        self.new + self.duplicates
    }

    fn summary(&self) -> String {
        let mut text = format!(
            "{} sent: {} new, {} duplicates, {} refused",
            self.sent(),
            self.new,
            self.duplicates,
            self.refused
        );
        if self.bad.count > 0 {
            text.push_str(&format!("; {} bad, not sent", self.bad.count));
        }
        text
    }

    /// Whether to run the same file again.
    fn again(&self) -> String {
        let acknowledged = self.acknowledged();
        let mut text = format!(
            "{acknowledged} lines were acknowledged. Running the same file again is safe: an event with an \
             idempotencyKey counts once"
        );
        if self.keyless > 0 {
            text = format!(
                "{acknowledged} lines were acknowledged, {} of them without an idempotencyKey: those would count \
                 twice if the same file were run again",
                self.keyless
            );
        }
        text
    }
}

/// On stderr, for people only; as long as the file where that is known.
fn progress(lines: Option<u64>) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let (bar, template) = match lines {
        Some(lines) => (ProgressBar::new(lines), "{wide_bar} {pos}/{len} events  {per_sec}"),
        None => (ProgressBar::new_spinner(), "{spinner} {pos} events, {per_sec}"),
    };
    let style = ProgressStyle::with_template(template);
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nothing() -> Sending {
        Sending::new(ProgressBar::hidden(), Bad::default(), false)
    }

    #[test]
    fn the_summary_counts_every_line_once() {
        let mut sending = Sending { new: 10, duplicates: 2, refused: 1, ..nothing() };
        assert_eq!(sending.summary(), "13 sent: 10 new, 2 duplicates, 1 refused");
        sending.bad.count = 3;
        assert!(sending.summary().ends_with("; 3 bad, not sent"));
    }

    #[test]
    fn running_a_file_again_is_called_safe_only_where_it_is() {
        let mut sending = Sending { new: 10, ..nothing() };
        assert!(sending.again().starts_with("10 lines were acknowledged. Running"));
        sending.keyless = 4;
        assert!(sending.again().contains("4 of them without an idempotencyKey"));
        assert!(!sending.again().contains("safe"));
    }
}
