//! Decimal numbers without a float in between: `0.92` is 920,000,000 billionths, exactly.

/// `text` times ten to the power of `places`; `None` where it is no such number, or would lose digits.
pub fn parse(text: &str, places: usize) -> Option<i64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(part) || text.ends_with('.') {
        return None;
    }
    let part = part.trim_end_matches('0');
    if part.len() > places {
        return None;
    }
    format!("{whole}{part:0<places$}").parse().ok()
}

/// With no more digits than say something. There is nothing below zero: it is written as zero.
pub fn write(value: i64, places: usize) -> String {
    let text = format!("{:0>width$}", value.max(0), width = places + 1);
    let (whole, part) = text.split_at(text.len() - places);
    let part = part.trim_end_matches('0');
    if part.is_empty() { whole.to_owned() } else { format!("{whole}.{part}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_decimal_keeps_every_digit_or_is_refused() {
        assert_eq!(parse("85", 6), Some(85_000_000));
        assert_eq!(parse("0.92", 9), Some(920_000_000));
        assert_eq!(parse("2.500", 6), Some(2_500_000));
        for bad in ["", ".5", "5.", "-1", "1e3", "1,000", "0.0000001", "٣", "99999999999999999999"]
        {
            assert_eq!(parse(bad, 6), None, "{bad}");
        }
        assert_eq!(write(85_000_000, 6), "85");
        assert_eq!(write(920_000_000, 9), "0.92");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(value in 0..i64::MAX, places in 1usize..10) {
            prop_assert_eq!(parse(&write(value, places), places), Some(value));
        }
    }
}
