//! A report as a file, in pieces: lines are made as they are read, so that a slow reader holds the
//! report and no file beside it.

mod columns;
mod csv;
mod json;
mod table;

use futures_util::stream;
use tonic::Status;
use tonic::codegen::BoxStream;
use wire::rollup::v1 as api;

use super::desk::Report;

/// As the contract says.
const PIECE_BYTES_MAX: usize = 64 * 1024;

/// What the file looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Csv,
    Json,
}

type Parts = Box<dyn Iterator<Item = String> + Send>;

pub(super) fn stream(report: Report, format: Format) -> BoxStream<api::ExportResponse> {
    let parts = match format {
        Format::Csv => table::lines(report),
        Format::Json => json::parts(report),
    };
    Box::pin(stream::iter(Pieces { parts, ready: Vec::new() }))
}

struct Pieces {
    parts: Parts,
    ready: Vec<u8>,
}

impl Iterator for Pieces {
    type Item = Result<api::ExportResponse, Status>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.ready.len() < PIECE_BYTES_MAX {
            let Some(part) = self.parts.next() else { break };
            self.ready.extend_from_slice(part.as_bytes());
        }
        if self.ready.is_empty() {
            return None;
        }
        let rest = self.ready.split_off(self.ready.len().min(PIECE_BYTES_MAX));
        let chunk = std::mem::replace(&mut self.ready, rest);
        Some(Ok(api::ExportResponse { chunk }))
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_cut_into_pieces_and_nothing_is_lost() {
        let parts = ["é".repeat(70_000), String::new(), "b".repeat(3), "c".repeat(65_536)];
        let whole = parts.concat();
        let pieces = Pieces { parts: Box::new(parts.into_iter()), ready: Vec::new() };
        let pieces: Vec<_> = pieces.map(|piece| piece.unwrap().chunk).collect();
        assert!(pieces.iter().all(|piece| (1..=PIECE_BYTES_MAX).contains(&piece.len())));
        assert_eq!(pieces.concat(), whole.as_bytes());
    }
}
