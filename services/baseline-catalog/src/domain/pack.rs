//! Packs: a catalog, or a part of one, as one YAML document.

mod yaml;

use kernel::{Malformed, Timestamp};

use super::fields::{Fields, Reading};
use super::node::{Entries, Node};
use super::wrong::{Problem, Why, Wrongs};
use super::{Kind, Reason, Value};

/// A document of more is no longer read by anybody before it is imported.
pub(crate) const BYTES_MAX: usize = 512 * 1024;

const ENTRIES_MAX: usize = 5_000;
const NAME_LEN_MAX: usize = 64;
const ABOUT_LEN_MAX: usize = 4_096;

/// In the order a document lists them: what others refer to comes first.
const SECTIONS: [(&str, Kind); 8] = [
    ("task_types", Kind::TaskType),
    ("baselines", Kind::Baseline),
    ("hourly_rates", Kind::HourlyRate),
    ("savings_policies", Kind::Policy),
    ("reporting_defaults", Kind::Reporting),
    ("intents", Kind::Intent),
    ("model_prices", Kind::ModelPrice),
    ("fx_rates", Kind::FxRate),
];

/// What a document says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pack {
    pub(crate) name: String,
    pub(crate) version: i64,
    /// In the order of the document.
    pub(crate) entries: Vec<Entry>,
}

/// One value of a pack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) line: u32,
    /// Path in the document, such as `intents[2]`.
    pub(crate) path: String,
    pub(crate) value: Value,
    pub(crate) effective: Option<Timestamp>,
    pub(crate) reason: Option<Reason>,
}

impl Pack {
    /// Everything that is wrong is found, with its line, before any is refused.
    pub(crate) fn read(document: &str) -> Result<Self, Wrongs> {
        let mut wrongs = Wrongs::default();
        if document.len() > BYTES_MAX {
            let what = format!("is at most {BYTES_MAX} bytes; {} were sent", document.len());
            wrongs.add(0, "", Problem::new(Why::TooLarge, what));
            return Err(wrongs);
        }
        let root = match yaml::read(document) {
            Ok(root) => root,
            Err((line, what)) => {
                wrongs.add(line, "", Problem::new(Why::Invalid, what));
                return Err(wrongs);
            }
        };
        let pack = Self::of(&root, &mut wrongs);
        match pack {
            Some(pack) if wrongs.is_empty() => Ok(pack),
            _ => Err(wrongs),
        }
    }

    fn of(root: &Node, wrongs: &mut Wrongs) -> Option<Self> {
        let mut f = Fields::of(Reading::Sent, root, String::new(), wrongs)?;
        let name = f.line("pack", NAME_LEN_MAX);
        let version = f.number("version", 1, 1..=i64::from(i32::MAX));
        f.prose("description", ABOUT_LEN_MAX);
        let mut entries = Vec::new();
        for (section, kind) in SECTIONS {
            let read = f.each(section, ENTRIES_MAX, |f| Entry::read(kind, f));
            entries.extend(read.into_iter().flatten());
        }
        entries.sort_by_key(|entry: &Entry| entry.line);
        f.finish();
        refuse_repeated(&entries, wrongs);
        Some(Self { name: name?, version: version?, entries })
    }

    /// A document of these values, the same for the same values: two of them can be compared.
    pub(crate) fn write(name: &str, description: &str, values: &[Value]) -> String {
        let mut root = Entries::default().text("pack", name).text("description", description);
        for (section, kind) in SECTIONS {
            let of_kind = values.iter().filter(|value| value.kind() == kind);
            root = root.list(section, of_kind.map(Value::write).collect());
        }
        yaml::write(&root.node())
    }
}

impl Entry {
    fn read(kind: Kind, f: &mut Fields<'_, '_>) -> Option<Self> {
        let value = Value::read(kind, f);
        let effective = f.optional("effective_time", |text| {
            let expected = "a moment such as 2026-01-01T00:00:00Z";
            text.parse::<Timestamp>().map_err(|_| Malformed::new(expected, text))
        });
        let reason = f.optional("reason", Reason::new);
        let (line, path) = (f.first_line(), f.path().to_owned());
        Some(Self { line, path, value: value?, effective: effective?, reason: reason? })
    }
}

/// A value as a document puts it.
pub(crate) fn shown(value: &Value) -> String {
    yaml::write(&value.write())
}

/// Of two entries for one thing and one moment, nobody could say which was meant.
fn refuse_repeated(entries: &[Entry], wrongs: &mut Wrongs) {
    let mut seen = std::collections::BTreeMap::new();
    for entry in entries {
        let place = (entry.value.kind(), entry.value.subject(), entry.effective);
        if let Some(first) = seen.insert(place, entry.line) {
            let what = format!("{} stands in line {first} already", entry.value.shown());
            wrongs.add(entry.line, entry.path.as_str(), Problem::new(Why::Invalid, what));
        }
    }
}

#[cfg(test)]
mod tests;
