//! Events from a file of JSON lines: every line is an event as a whole, or is refused with its number.

use std::io::{BufRead, Read as _};

use serde_json::Value;
use wire::ingest::v1::Event;

use crate::fields::{Fields, has_key};

const EVENT: &str = "tally.ingest.v1.Event";
/// An event has at most 32 KiB; what is longer than this is no file of lines.
const LINE_BYTES_MAX: u64 = 1024 * 1024;
/// Events of one call.
const BATCH: usize = 500;
/// Bytes of one call, under the 1 MiB a call may have.
const BATCH_BYTES: usize = 768 * 1024;

/// The lines of a source, counted from 1, blank ones too.
pub(crate) struct EventLines<R> {
    source: R,
    fields: Fields,
    number: u64,
}

/// A line that is not blank.
pub(crate) struct Line {
    pub(crate) number: u64,
    bytes: usize,
    /// The event, or why it is none.
    pub(crate) event: Result<Keyed, String>,
}

/// An event, and whether it may be sent again without counting twice.
pub(crate) struct Keyed {
    pub(crate) event: Event,
    pub(crate) has_key: bool,
}

/// What goes into one call.
#[derive(Default)]
pub(crate) struct Batch {
    pub(crate) events: Vec<(u64, Keyed)>,
    /// Lines among them that are no events.
    pub(crate) bad: Vec<(u64, String)>,
}

impl<R: BufRead> EventLines<R> {
    pub(crate) fn of(source: R) -> Self {
        Self { source, fields: Fields::of_the_contract(), number: 0 }
    }

    /// The next call's worth; `None` at the end.
    pub(crate) fn batch(&mut self) -> std::io::Result<Option<Batch>> {
        let mut batch = Batch::default();
        let mut bytes = 0;
        while batch.events.len() + batch.bad.len() < BATCH && bytes < BATCH_BYTES {
            let Some(line) = self.next()? else { break };
            bytes += line.bytes;
            match line.event {
                Ok(event) => batch.events.push((line.number, event)),
                Err(why) => batch.bad.push((line.number, why)),
            }
        }
        Ok((!batch.events.is_empty() || !batch.bad.is_empty()).then_some(batch))
    }

    /// The next line that is not blank.
    pub(crate) fn next(&mut self) -> std::io::Result<Option<Line>> {
        loop {
            let mut line = Vec::new();
            let read = self.source.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut line)?;
            if read == 0 {
                return Ok(None);
            }
            self.number += 1;
            if read as u64 == LINE_BYTES_MAX {
                let what = format!("line {} is longer than 1 MiB", self.number);
                return Err(std::io::Error::other(what));
            }
            let text = line.trim_ascii();
            if !text.is_empty() {
                let (number, bytes) = (self.number, text.len());
                return Ok(Some(Line { number, bytes, event: self.event(text) }));
            }
        }
    }

    fn event(&self, line: &[u8]) -> Result<Keyed, String> {
        let value: Value = serde_json::from_slice(line)
            .map_err(|error| format!("column {}: is no JSON: {}", error.column(), plain(&error)))?;
        let Value::Object(object) = &value else {
            return Err("is no event: an event is a JSON object".to_owned());
        };
        let unknown = self.fields.unknown(EVENT, &value);
        if !unknown.is_empty() {
            return Err(unknown.join("; "));
        }
        let event = serde_json::from_slice(line)
            .map_err(|error| format!("column {}: {}", error.column(), plain(&error)))?;
        Ok(Keyed { event, has_key: has_key(object) })
    }
}

/// The parser counts lines too, and every line is its first.
fn plain(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    text.strip_suffix(&place).unwrap_or(&text).to_owned()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    const GOOD: &str = r#"{"agentId":"a","idempotencyKey":"k","taskCompleted":{"taskType":"t"}}"#;

    fn bad(text: &str) -> Vec<(u64, String)> {
        EventLines::of(text.as_bytes()).batch().unwrap().unwrap().bad
    }

    #[test]
    fn the_line_that_help_shows_is_an_event() {
        use clap::CommandFactory as _;
        let cli = crate::cli::Cli::command();
        let track = cli.find_subcommand("track").unwrap();
        let help = track.get_after_help().unwrap().to_string();
        let line = help.lines().find(|line| line.starts_with('{')).unwrap();
        let batch = EventLines::of(line.as_bytes()).batch().unwrap().unwrap();
        assert_eq!((batch.events.len(), &*batch.bad), (1, &[][..]));
        assert!(batch.events[0].1.has_key);
    }

    #[test]
    fn blank_lines_are_passed_over_and_counted() {
        let text = format!("{GOOD}\r\n\n   \n{GOOD}\n{{\"agentId\":\n");
        let batch = EventLines::of(text.as_bytes()).batch().unwrap().unwrap();
        let numbers: Vec<u64> = batch.events.iter().map(|(number, _)| *number).collect();
        assert_eq!(numbers, [1, 4]);
        assert_eq!(batch.bad[0].0, 5);
        assert!(EventLines::of("\n\n".as_bytes()).batch().unwrap().is_none());
    }

    #[test]
    fn a_bad_line_is_named_by_its_place_in_the_file_and_no_other() {
        let text =
            format!("{GOOD}\n{}\n{}\nnull\n\u{0}\n", r#"{"taskTyp":"t"}"#, r#"{"agentId": 5}"#);
        let bad = bad(&text);
        let numbers: Vec<u64> = bad.iter().map(|(number, _)| *number).collect();
        assert_eq!(numbers, [2, 3, 4, 5]);
        assert!(bad[0].1.contains("taskTyp is no field"), "{}", bad[0].1);
        assert!(bad[1].1.contains("column 13"), "{}", bad[1].1);
        assert!(bad.iter().all(|(_, why)| !why.contains("line")), "{bad:?}");
    }

    #[test]
    fn bytes_that_are_no_text_are_a_bad_line_and_not_the_end() {
        let mut text = b"{\"agentId\":\"\xff\"}\n".to_vec();
        text.extend_from_slice(GOOD.as_bytes());
        let batch = EventLines::of(text.as_slice()).batch().unwrap().unwrap();
        assert_eq!((batch.events.len(), batch.bad.len()), (1, 1));
    }

    #[test]
    fn an_event_without_a_key_is_known_to_count_twice_when_sent_twice() {
        let text = format!("{GOOD}\n{}\n", r#"{"agentId":"a"}"#);
        let batch = EventLines::of(text.as_bytes()).batch().unwrap().unwrap();
        let keyed: Vec<bool> = batch.events.iter().map(|(_, event)| event.has_key).collect();
        assert_eq!(keyed, [true, false]);
    }

    #[test]
    fn a_batch_holds_what_a_call_may() {
        let text = format!("{GOOD}\n").repeat(BATCH + 1);
        let mut lines = EventLines::of(text.as_bytes());
        assert_eq!(lines.batch().unwrap().unwrap().events.len(), BATCH);
        assert_eq!(lines.batch().unwrap().unwrap().events.len(), 1);
        assert!(lines.batch().unwrap().is_none());
    }
}
