//! Rows as arrays, one a column.

use sea_orm::Value;
use sea_orm::sea_query::ArrayType;

use super::Column;

/// The text that `{rows}` stands for when each column is bound as one array by the driver itself, whose
/// arrays may hold NULL.
pub(super) fn native_source(columns: &[(&'static str, Column)]) -> String {
    let kinds = columns.iter().enumerate().map(|(at, (_, column))| {
        let kind = match column {
            Column::Int(_) | Column::OptInt(_) => "bigint",
            Column::Text(_) | Column::OptText(_) => "text",
            Column::Bytes(_) | Column::OptBytes(_) => "bytea",
        };
        format!("${}::{kind}[]", at + 1)
    });
    let arrays = kinds.collect::<Vec<_>>().join(", ");
    format!("unnest({arrays}) AS rows({})", super::list(columns))
}

/// The text that `{rows}` stands for, and the values bound in it.
pub(super) fn source(columns: Vec<(&'static str, Column)>) -> (String, Vec<Value>) {
    let mut unnest = Unnest { plain: true, ..Unnest::default() };
    for (name, column) in columns {
        match column {
            Column::Int(values) => unnest.column(name, "bigint", values),
            Column::OptInt(values) => unnest.optional(name, "bigint", values),
            Column::Text(values) => unnest.column(name, "text", values),
            Column::OptText(values) => unnest.optional(name, "text", values),
            Column::Bytes(values) => unnest.column(name, "bytea", values),
            Column::OptBytes(values) => unnest.optional(name, "bytea", values),
        }
    }
    let Unnest { arrays, names, selected, values, plain } = unnest;
    let (arrays, names) = (arrays.join(", "), names.join(", "));
    let text = if plain {
        format!("unnest({arrays}) AS rows({names})")
    } else {
        let selected = selected.join(", ");
        format!("(SELECT {selected} FROM unnest({arrays}) AS raw({names})) AS rows")
    };
    (text, values)
}

#[derive(Default)]
struct Unnest {
    arrays: Vec<String>,
    names: Vec<String>,
    selected: Vec<String>,
    values: Vec<Value>,
    /// No column can be NULL, so that the arrays serve as they are.
    plain: bool,
}

impl Unnest {
    fn column<T: Into<Value>>(&mut self, name: &str, kind: &'static str, values: Vec<T>) {
        self.bind(name, kind, values);
        self.selected.push(format!("\"{name}\""));
    }

    /// The driver's arrays cannot hold NULL: a second array says which of the first are there.
    fn optional<T: Into<Value> + Default>(
        &mut self,
        name: &str,
        kind: &'static str,
        values: Vec<Option<T>>,
    ) {
        let there: Vec<bool> = values.iter().map(Option::is_some).collect();
        self.bind(name, kind, values.into_iter().map(Option::unwrap_or_default).collect());
        self.bind(&format!("{name}?"), "boolean", there);
        self.selected.push(format!("CASE WHEN \"{name}?\" THEN \"{name}\" END AS \"{name}\""));
        self.plain = false;
    }

    fn bind<T: Into<Value>>(&mut self, name: &str, kind: &'static str, values: Vec<T>) {
        let element = match kind {
            "bigint" => ArrayType::BigInt,
            "boolean" => ArrayType::Bool,
            "bytea" => ArrayType::Bytes,
            _ => ArrayType::String,
        };
        let values = values.into_iter().map(Into::into).collect();
        self.values.push(Value::Array(element, Some(Box::new(values))));
        self.arrays.push(format!("${}::{kind}[]", self.values.len()));
        self.names.push(format!("\"{name}\""));
    }
}
