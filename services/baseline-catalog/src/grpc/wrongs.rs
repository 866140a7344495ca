//! What the domain found wrong, as violations of the request.

use fault::{ErrorReason, Violations};

use crate::domain::{Why, Wrong, Wrongs};

/// Fields that messages count in millionths or billionths, and packs write as decimals.
const RENAMED: [(&str, &str); 2] = [
    ("per_million_tokens", "price_micros_per_million_tokens"),
    ("fx_rate.rate", "fx_rate.rate_nanos"),
];

/// Of a message: by field.
pub(super) fn tell(v: &mut Violations, wrongs: Wrongs) {
    for Wrong { mut field, problem, .. } in wrongs.into_vec() {
        for (written, sent) in RENAMED {
            if let Some(before) = field.strip_suffix(written) {
                field = format!("{before}{sent}");
                break;
            }
        }
        v.add(field, reason(problem.why), problem.what);
    }
}

/// Of a document: by line, and by field within it.
pub(super) fn tell_lines(v: &mut Violations, wrongs: Wrongs) {
    let mut wrongs = wrongs.into_vec();
    wrongs.sort_by_key(|wrong| wrong.line);
    for Wrong { line, field, problem } in wrongs {
        let path = match (line, field.as_str()) {
            (0, _) => "document_yaml".to_owned(),
            (line, "") => format!("document_yaml:{line}"),
            (line, field) => format!("document_yaml:{line} {field}"),
        };
        let reason = match problem.why {
            Why::Invalid | Why::Required => ErrorReason::PackInvalid,
            why => reason(why),
        };
        v.add(path, reason, problem.what);
    }
}

pub(super) const fn reason(why: Why) -> ErrorReason {
    match why {
        Why::Invalid => ErrorReason::InvalidField,
        Why::Required => ErrorReason::Required,
        Why::OutOfRange => ErrorReason::OutOfRange,
        Why::TooLarge => ErrorReason::TooLarge,
        Why::UnknownCurrency => ErrorReason::UnknownCurrency,
        Why::NotATimeZone => ErrorReason::NotATimeZone,
        Why::NameTaken => ErrorReason::TaskTypeExists,
        Why::AliasCycle => ErrorReason::AliasCycle,
        Why::BuiltIn => ErrorReason::TaskTypeBuiltIn,
        Why::UnknownTaskType => ErrorReason::UnknownTaskType,
    }
}
