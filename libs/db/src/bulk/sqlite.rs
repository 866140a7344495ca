//! Rows as one JSON text, `[[column, column, …], …]`, and one BLOB.

use std::fmt::Write;

use sea_orm::Value;

use super::Column;

/// The text that `{rows}` stands for, and the values bound in it.
pub(super) fn source(columns: &[(&'static str, Column)], rows: usize) -> (String, Vec<Value>) {
    let (json, blob) = values(columns, rows);
    let mut bound = vec![Value::from(json)];
    bound.extend(blob.map(Value::from));
    (table(columns), bound)
}

/// The rows as a table.
fn table(columns: &[(&'static str, Column)]) -> String {
    format!("(SELECT {} FROM json_each(?1)) AS rows", select(columns).join(", "))
}

/// What is bound as ?1, and as ?2 where there are bytes.
fn values(columns: &[(&'static str, Column)], rows: usize) -> (String, Option<Vec<u8>>) {
    let has_bytes =
        columns.iter().any(|(_, c)| matches!(c, Column::Bytes(_) | Column::OptBytes(_)));
    // The first byte belongs to no row: of a BLOB without any byte SQLite can cut nothing but NULL.
    let mut blob = vec![0];
    let mut json = String::with_capacity(2 + rows * columns.len() * 12);
    json.push('[');
    for row in 0..rows {
        json.push_str(if row == 0 { "[" } else { ",[" });
        for (at, (_, column)) in columns.iter().enumerate() {
            if at > 0 {
                json.push(',');
            }
            cell(&mut json, &mut blob, column, row);
        }
        json.push(']');
    }
    json.push(']');

    (json, has_bytes.then_some(blob))
}

fn select(columns: &[(&'static str, Column)]) -> Vec<String> {
    let mut slot = 0;
    let mut selected = Vec::with_capacity(columns.len());
    for (name, column) in columns {
        selected.push(match column {
            Column::Bytes(_) | Column::OptBytes(_) => {
                // Two slots: where the bytes begin, counted from 1, and how many they are.
                slot += 2;
                format!("substr(?2, value ->> {}, value ->> {}) AS \"{name}\"", slot - 2, slot - 1)
            }
            Column::Int(_) | Column::OptInt(_) | Column::Text(_) | Column::OptText(_) => {
                slot += 1;
                format!("value ->> {} AS \"{name}\"", slot - 1)
            }
        });
    }
    selected
}

fn cell(json: &mut String, blob: &mut Vec<u8>, column: &Column, row: usize) {
    match column {
        Column::Int(values) => number(json, values[row]),
        Column::OptInt(values) => match values[row] {
            Some(value) => number(json, value),
            None => json.push_str("null"),
        },
        Column::Text(values) => text(json, &values[row]),
        Column::OptText(values) => match &values[row] {
            Some(value) => text(json, value),
            None => json.push_str("null"),
        },
        Column::Bytes(values) => bytes(json, blob, &values[row]),
        Column::OptBytes(values) => match &values[row] {
            Some(value) => bytes(json, blob, value),
            None => json.push_str("null,null"),
        },
    }
}

fn number(json: &mut String, value: i64) {
    write!(json, "{value}").expect("writing to a String cannot fail");
}

fn text(json: &mut String, value: &str) {
    json.push_str(&serde_json::to_string(value).expect("a str is always valid JSON"));
}

fn bytes(json: &mut String, blob: &mut Vec<u8>, value: &[u8]) {
    write!(json, "{},{}", blob.len() + 1, value.len()).expect("writing to a String cannot fail");
    blob.extend_from_slice(value);
}
