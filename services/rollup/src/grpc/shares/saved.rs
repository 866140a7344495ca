//! A saved report as it is kept: the question in the words of the contract, and the answer of a frozen
//! one. Both outlive releases, as messages do.

use fault::{ErrorReason, Fault, Violations};
use prost::Message as _;
use wire::rollup::v1 as api;

use crate::grpc::desk::{Asked, Report};

/// What a frozen answer may weigh: what every client accepts as one message.
const ANSWER_BYTES_MAX: usize = 3 * 1024 * 1024;

/// The question without its freshness token: it was waited for when the link was made.
pub(super) fn question(asked: Asked) -> Vec<u8> {
    use api::create_share_link_request::Report;
    let forget = |query: &mut Option<api::ReportQuery>| {
        if let Some(query) = query {
            query.at_least.clear();
        }
    };
    let report = match asked {
        Asked::Overview(mut request) => {
            forget(&mut request.query);
            Report::Overview(request)
        }
        Asked::Savings(mut request) => {
            forget(&mut request.query);
            Report::Savings(request)
        }
        Asked::TimeSeries(mut request) => {
            forget(&mut request.query);
            Report::TimeSeries(request)
        }
    };
    let kept = api::CreateShareLinkRequest { report: Some(report), ..Default::default() };
    kept.encode_to_vec()
}

pub(super) fn asked(kept: &[u8]) -> Option<Asked> {
    of(api::CreateShareLinkRequest::decode(kept).ok()?.report?)
}

pub(super) fn of(report: api::create_share_link_request::Report) -> Option<Asked> {
    use api::create_share_link_request::Report;
    Some(match report {
        Report::Overview(request) => Asked::Overview(request),
        Report::Savings(request) => Asked::Savings(request),
        Report::TimeSeries(request) => Asked::TimeSeries(request),
    })
}

/// # Errors
/// When it is too large to be kept and sent again.
pub(super) fn answer(report: &Report) -> Result<Vec<u8>, Fault> {
    let bytes = match report {
        Report::Overview(overview) => overview.encode_to_vec(),
        Report::Savings(savings) => savings.encode_to_vec(),
        Report::TimeSeries(series) => series.encode_to_vec(),
    };
    if bytes.len() > ANSWER_BYTES_MAX {
        let mut wrong = Violations::new();
        let size = format!(
            "the answer has {} bytes; at most {ANSWER_BYTES_MAX} are frozen: ask for less, or share it live",
            bytes.len()
        );
        wrong.add("report", ErrorReason::TooLarge, size);
        return Err(wrong.into_fault());
    }
    Ok(bytes)
}

/// The answer of a frozen link, which is of the kind that was asked for.
pub(super) fn report(question: &Asked, kept: &[u8]) -> Option<Report> {
    Some(match question {
        Asked::Overview(_) => Report::Overview(Box::new(api::Overview::decode(kept).ok()?)),
        Asked::Savings(_) => Report::Savings(Box::new(api::SavingsReport::decode(kept).ok()?)),
        Asked::TimeSeries(_) => Report::TimeSeries(Box::new(api::TimeSeries::decode(kept).ok()?)),
    })
}
