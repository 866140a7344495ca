//! Spans of time as people write them: `4m`, `1m30s`, `250ms`.

/// From the longest unit on: milliseconds of each.
const UNITS: [(&str, i64); 5] =
    [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// Milliseconds of a span; `None` where it is none. Units come in falling order, each once.
pub(super) fn parse(text: &str) -> Option<i64> {
    let mut rest = text;
    let (mut total, mut next) = (0i64, 0);
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let amount: i64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let letters = rest.bytes().take_while(u8::is_ascii_alphabetic).count();
        let place = UNITS.iter().position(|(unit, _)| *unit == &rest[..letters])?;
        if place < next {
            return None;
        }
        next = place + 1;
        rest = &rest[letters..];
        total = total.checked_add(amount.checked_mul(UNITS[place].1)?)?;
    }
    (!text.is_empty()).then_some(total)
}

/// The shortest way to write it.
pub(super) fn write(ms: i64) -> String {
    let mut rest = ms.max(0);
    let mut text = String::new();
    for (unit, of) in UNITS {
        let amount = rest / of;
        rest %= of;
        if amount > 0 {
            text.push_str(&format!("{amount}{unit}"));
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn spans_are_written_as_people_write_them() {
        for (text, ms) in [("4m", 240_000), ("1m30s", 90_000), ("250ms", 250), ("24h", 86_400_000)]
        {
            assert_eq!(parse(text), Some(ms), "{text}");
        }
        for bad in ["", "4", "m", "4 m", "30s1m", "1m1m", "-4m", "4min", "99999999999999999999h"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(ms in 0i64..1_000_000_000_000) {
            prop_assert_eq!(parse(&write(ms)), Some(ms));
        }
    }
}
