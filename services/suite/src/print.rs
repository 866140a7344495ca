//! Reports for people.

use std::fmt::Display;
use std::io::Write as _;

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use kernel::{Currency, Money, Timestamp};
use wire::common::v1 as common;
use wire::rollup::v1::{
    DimensionValue, DurationQuantiles, Filter, Measures, Overview, ReportBasis, SavingsReport,
};

const NET: &str = "Net saved";

/// Prints a line in a process that goes on when nobody reads it, as `println!` would not: a server whose
/// output is a pipe that was closed.
pub(crate) fn tell(line: impl Display) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

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

/// `1 event`, `2 events`.
fn events(number: i64) -> String {
    format!("{} event{}", count(number), if number == 1 { "" } else { "s" })
}

/// Of a report: `1,400 h`, `0.07 h`.
pub(crate) fn hours(ms: i64) -> String {
    in_units(ms, 3_600_000, "h")
}

/// Of a step: `4 min`, `2.83 min`.
pub(crate) fn minutes(ms: i64) -> String {
    in_units(ms, 60_000, "min")
}

fn seconds(ms: i64) -> String {
    in_units(ms, 1_000, "s")
}

/// To the hundredth, with as many digits as say something.
fn in_units(ms: i64, unit_ms: i128, unit: &str) -> String {
    let hundredths = (i128::from(ms) * 100 + i128::from(ms.signum()) * unit_ms / 2) / unit_ms;
    let (whole, rest) = (hundredths / 100, (hundredths % 100).abs());
    let sign = if hundredths < 0 && whole == 0 { "-" } else { "" };
    let whole = count(i64::try_from(whole).unwrap_or(i64::MAX));
    if rest == 0 {
        format!("{sign}{whole} {unit}")
    } else {
        format!("{sign}{whole}.{rest:02} {unit}")
    }
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

/// A table no wider than the terminal it is printed on.
pub(crate) fn table(preset: &str) -> Table {
    let mut table = Table::new();
    table.load_preset(preset).set_content_arrangement(ContentArrangement::Dynamic);
    table
}

fn window(overview: &Overview) -> Option<String> {
    overview.basis.as_ref()?.window.as_ref()?;
    Some(span_of(overview.basis.as_ref()))
}

/// The window a report is about.
pub(crate) fn span_of(basis: Option<&ReportBasis>) -> String {
    let window = basis.and_then(|basis| basis.window).unwrap_or_default();
    let edge = |at: &Option<wire::Timestamp>| at.as_ref().map(moment).unwrap_or_default();
    format!("{} to {}", edge(&window.start_time), edge(&window.end_time))
}

/// What to say instead of a report when there is nothing to report on; `None` when there is.
pub(crate) fn no_events(
    whole: Option<&Measures>,
    basis: Option<&ReportBasis>,
    filters: &[Filter],
) -> Option<String> {
    if whole.is_some_and(|measures| measures.events > 0) {
        return None;
    }
    let window = span_of(basis);
    let choose = "Choose another with --from 2026-01-01T00:00:00Z (until now) or --from … --to …";
    let filters: Vec<String> = filters.iter().map(filter).collect();
    Some(match filters.as_slice() {
        [] => format!("no events in this window: {window}\n{choose}"),
        given => format!("no events match {} in this window: {window}", given.join(" ")),
    })
}

/// As it is written on the command line.
fn filter(filter: &Filter) -> String {
    let name = filter.dimension().as_str_name().trim_start_matches("DIMENSION_").to_lowercase();
    format!("{name}={}", filter.values.join(","))
}

/// The headline figures.
pub(crate) fn overview(overview: &Overview) -> String {
    let mut text = window(overview).map(|window| format!("{window}\n")).unwrap_or_default();
    let measures = overview.measures.clone().unwrap_or_default();
    let mut table = table(presets::NOTHING);
    let quality = overview.basis.as_ref().and_then(|basis| basis.data_quality).unwrap_or_default();
    let took = measures.agent_duration.as_ref().map(|took| ("Agent took", duration(took)));
    let unvalued = Some(measures.unvalued_events).filter(|events| *events > 0);
    let unconverted = quality.unconverted_amounts.filter(|amounts| *amounts > 0);
    let rows = [
        ("Events", count(measures.events)),
        ("Tickets", count(measures.tickets)),
        ("Time saved", hours(measures.time_saved_ms)),
        ("Cost saved", money(&measures.cost_saved)),
        ("Agent cost", money(&measures.agent_cost)),
        (NET, money(&measures.net_saved)),
        ("FTE", format!("{:.2}", measures.fte)),
        ("Outcomes", outcomes(&measures)),
        ("Uncosted", events(measures.uncosted_events)),
    ];
    let seldom = [
        took,
        unvalued.map(|unvalued| ("Unvalued", events(unvalued))),
        unconverted.map(|unconverted| ("Unconverted", events(unconverted))),
    ];
    for (name, value) in rows.into_iter().chain(seldom.into_iter().flatten()) {
        match few_costs(&measures).filter(|_| name == NET) {
            Some(note) => table.add_row([name.to_owned(), value, note]),
            None => table.add_row([name.to_owned(), value]),
        };
    }
    right(&mut table, &[1]);
    text.push_str(&table.trim_fmt());
    text
}

/// Where most costs are not known, what is left after them says little.
fn few_costs(measures: &Measures) -> Option<String> {
    let Measures { events, uncosted_events: uncosted, .. } = *measures;
    let known = count(events.saturating_sub(uncosted));
    (uncosted > events / 2)
        .then(|| format!("(agent cost known for {known} of {} events)", count(events)))
}

fn duration(took: &DurationQuantiles) -> String {
    let [p50, p90] = [took.p50_ms, took.p90_ms].map(seconds);
    format!("{p50} median, {p90} at 90 % (of {})", events(took.n))
}

fn outcomes(measures: &Measures) -> String {
    let named = measures.outcomes.iter().filter(|outcome| outcome.count > 0).map(|outcome| {
        let name = outcome.outcome().as_str_name().trim_start_matches("OUTCOME_").to_lowercase();
        let share = outcome.share.map(percent).unwrap_or_default();
        format!("{} {}{share}", count(outcome.count), name.replace('_', " "))
    });
    named.collect::<Vec<_>>().join(", ")
}

/// Something is never shown as nothing.
fn percent(share: f64) -> String {
    match format!("{:.0}", share * 100.0).as_str() {
        "0" if share > 0.0 => " (< 1 %)".to_owned(),
        percent => format!(" ({percent} %)"),
    }
}

/// The breakdown: one row a key, the total last.
pub(crate) fn savings(report: &SavingsReport, by: &str) -> String {
    breakdown(report, by).to_string()
}

fn breakdown(report: &SavingsReport, by: &str) -> Table {
    let mut table = table(presets::UTF8_HORIZONTAL_ONLY);
    table.set_header([by, "Events", "Tickets", "Time saved", "Cost saved", "Agent cost", NET]);
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
        row(name_of(&line.key), &line.measures.clone().unwrap_or_default());
    }
    if let Some(rest) = report.rest.as_ref().filter(|_| report.rest_rows > 0) {
        row(format!("{} more", report.rest_rows), rest);
    }
    if let Some(total) = &report.total {
        row("Total".to_owned(), total);
    }
    right(&mut table, &[1, 2, 3, 4, 5, 6]);
    table
}

/// Of a segment: `email_classification, (none)`.
pub(crate) fn name_of(key: &[DimensionValue]) -> String {
    let part = |part: &DimensionValue| match part.value.as_str() {
        "" => "(none)".to_owned(),
        value => value.to_owned(),
    };
    key.iter().map(part).collect::<Vec<_>>().join(", ")
}

pub(crate) fn right(table: &mut Table, columns: &[usize]) {
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
    fn a_share_that_is_not_nothing_is_not_shown_as_nothing() {
        let shown: Vec<String> = [0.0, 0.0001, 0.0049, 0.0051, 0.5, 1.0].map(percent).into();
        assert_eq!(shown, [" (0 %)", " (< 1 %)", " (< 1 %)", " (1 %)", " (50 %)", " (100 %)"]);
    }

    #[test]
    fn a_table_is_not_wider_than_what_it_is_printed_on() {
        let total = Measures {
            events: 18_000_000,
            cost_saved: vec![common::Money { currency_code: "EUR".into(), micros: i64::MAX / 2 }],
            ..Default::default()
        };
        let report = SavingsReport { total: Some(total), ..Default::default() };
        let mut table = breakdown(&report, "A long name of a dimension");
        table.set_width(60);
        assert!(table.to_string().lines().all(|line| line.chars().count() <= 60), "{table}");
    }

    #[test]
    fn a_window_without_events_says_so_and_how_to_choose_another() {
        let said = no_events(None, None, &[]).unwrap_or_default();
        assert!(said.starts_with("no events in this window") && said.contains("--from"), "{said}");
        let measures = Measures { events: 1, ..Default::default() };
        assert!(no_events(Some(&measures), None, &[]).is_none());
    }

    #[test]
    fn a_filter_that_nothing_passes_is_named() {
        let agent = Filter { dimension: 2, values: vec!["nobody".to_owned(), "none".to_owned()] };
        let said = no_events(Some(&Measures::default()), None, &[agent]).unwrap_or_default();
        assert!(said.starts_with("no events match agent=nobody,none in this window"), "{said}");
    }

    #[test]
    fn what_is_not_valued_and_what_nobody_knows_the_cost_of_is_said() {
        let shown = |uncosted_events, unvalued_events| {
            let measures =
                Measures { events: 1_315, uncosted_events, unvalued_events, ..Default::default() };
            overview(&Overview { measures: Some(measures), ..Default::default() })
        };
        let few = shown(1_313, 4);
        let net = few.lines().find(|line| line.contains(NET)).unwrap_or_default();
        assert!(net.ends_with("(agent cost known for 2 of 1,315 events)"), "{few}");
        assert!(few.lines().any(|line| line.contains("Unvalued") && line.ends_with("4 events")));
        let most = shown(657, 0);
        assert!(!most.contains("known for") && !most.contains("Unvalued"), "{most}");
    }

    #[test]
    fn what_a_segment_has_no_value_for_is_said() {
        let key = ["", "claude"]
            .map(|value| DimensionValue { value: value.to_owned(), ..Default::default() });
        assert_eq!(name_of(&key), "(none), claude");
    }

    #[test]
    fn how_long_agents_took_is_said_where_somebody_measured_it() {
        let took = DurationQuantiles { p50_ms: 2_992, p90_ms: 10_000, n: 1 };
        let measures = Measures { agent_duration: Some(took), ..Default::default() };
        let shown = overview(&Overview { measures: Some(measures), ..Default::default() });
        assert!(shown.contains("2.99 s median, 10 s at 90 % (of 1 event)"), "{shown}");
        assert!(!overview(&Overview::default()).contains("median"));
    }

    #[test]
    fn numbers_read_as_people_write_them() {
        assert_eq!(count(18_000), "18,000");
        assert_eq!(count(-1_234_567), "-1,234,567");
        assert_eq!(hours(1_400 * 3_600_000), "1,400 h");
        assert_eq!(hours(240_000), "0.07 h");
        assert_eq!(hours(-240_000), "-0.07 h");
        assert_eq!(minutes(170_000), "2.83 min");
    }
}
