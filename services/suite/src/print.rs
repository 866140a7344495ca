//! Reports for people.

use comfy_table::{CellAlignment, Table, presets};
use kernel::{Currency, Money, Timestamp};
use wire::common::v1 as common;
use wire::rollup::v1::{Measures, Overview, SavingsReport};

/// A moment, to the second.
pub(crate) fn moment(at: &wire::Timestamp) -> String {
    Timestamp::from_parts(at.seconds, 0).to_string()
}

/// `18,000`.
pub(crate) fn count(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if number < 0 { format!("-{text}") } else { text }
}

/// Hours with as many digits as say something: `1,400 h`, `0.07 h`.
pub(crate) fn hours(ms: i64) -> String {
    let hundredths = (i128::from(ms) * 100 + i128::from(ms.signum()) * 1_800_000) / 3_600_000;
    let (whole, rest) = (hundredths / 100, (hundredths % 100).abs());
    let sign = if hundredths < 0 && whole == 0 { "-" } else { "" };
    let whole = count(i64::try_from(whole).unwrap_or(i64::MAX));
    if rest == 0 { format!("{sign}{whole} h") } else { format!("{sign}{whole}.{rest:02} h") }
}

/// Amounts by currency, never added up: `EUR 119,000.00 + USD 3.00`.
pub(crate) fn money(amounts: &[common::Money]) -> String {
    let amounts = amounts.iter().filter_map(|amount| {
        let currency = Currency::new(&amount.currency_code).ok()?;
        Some(Money { micros: amount.micros, currency }.to_string())
    });
    let text = amounts.collect::<Vec<_>>().join(" + ");
    if text.is_empty() { "-".to_owned() } else { text }
}

/// The headline figures.
pub(crate) fn overview(overview: &Overview) -> String {
    let mut text = String::new();
    if let Some(window) = overview.basis.as_ref().and_then(|basis| basis.window.as_ref()) {
        let edge = |at: &Option<wire::Timestamp>| at.as_ref().map(moment).unwrap_or_default();
        text.push_str(&format!("{} to {}\n", edge(&window.start_time), edge(&window.end_time)));
    }
    let measures = overview.measures.clone().unwrap_or_default();
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    for (name, value) in [
        ("Events", count(measures.events)),
        ("Tickets", count(measures.tickets)),
        ("Time saved", hours(measures.time_saved_ms)),
        ("Cost saved", money(&measures.cost_saved)),
        ("Agent cost", money(&measures.agent_cost)),
        ("Net saved", money(&measures.net_saved)),
        ("FTE", format!("{:.2}", measures.fte)),
        ("Outcomes", outcomes(&measures)),
        ("Uncosted", format!("{} events", count(measures.uncosted_events))),
    ] {
        table.add_row([name.to_owned(), value]);
    }
    right(&mut table, &[1]);
    text.push_str(&table.to_string());
    text
}

fn outcomes(measures: &Measures) -> String {
    let named = measures.outcomes.iter().filter(|outcome| outcome.count > 0).map(|outcome| {
        let name = outcome.outcome().as_str_name().trim_start_matches("OUTCOME_").to_lowercase();
        let share =
            outcome.share.map(|share| format!(" ({:.0} %)", share * 100.0)).unwrap_or_default();
        format!("{} {}{share}", count(outcome.count), name.replace('_', " "))
    });
    named.collect::<Vec<_>>().join(", ")
}

/// The breakdown: one row a key, the total last.
pub(crate) fn savings(report: &SavingsReport, by: &str) -> String {
    let mut table = Table::new();
    table.load_preset(presets::UTF8_HORIZONTAL_ONLY);
    table.set_header([
        by,
        "Events",
        "Tickets",
        "Time saved",
        "Cost saved",
        "Agent cost",
        "Net saved",
    ]);
    let mut row = |name: String, m: &Measures| {
        table.add_row([
            name,
            count(m.events),
            count(m.tickets),
            hours(m.time_saved_ms),
            money(&m.cost_saved),
            money(&m.agent_cost),
            money(&m.net_saved),
        ]);
    };
    for line in &report.rows {
        let key: Vec<&str> = line.key.iter().map(|part| part.value.as_str()).collect();
        let name = key.join(", ");
        row(
            if name.is_empty() { "(none)".to_owned() } else { name },
            &line.measures.clone().unwrap_or_default(),
        );
    }
    if let Some(rest) = report.rest.as_ref().filter(|_| report.rest_rows > 0) {
        row(format!("{} more", report.rest_rows), rest);
    }
    if let Some(total) = &report.total {
        row("Total".to_owned(), total);
    }
    right(&mut table, &[1, 2, 3, 4, 5, 6]);
    table.to_string()
}

fn right(table: &mut Table, columns: &[usize]) {
    for column in columns {
        if let Some(column) = table.column_mut(*column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_people_write_them() {
        assert_eq!(count(18_000), "18,000");
        assert_eq!(count(-1_234_567), "-1,234,567");
        assert_eq!(hours(1_400 * 3_600_000), "1,400 h");
        assert_eq!(hours(240_000), "0.07 h");
        assert_eq!(hours(-240_000), "-0.07 h");
    }
}
