//! Numbers as lengths: a bar a line, or a line of small columns.

/// What bars are drawn with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ink {
    /// Eighths of a character.
    Blocks,
    /// What every printer has.
    Plain,
}

const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
const COLUMNS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const PLAIN_COLUMNS: [char; 8] = ['_', '.', ':', '-', '=', '+', '*', '#'];

impl Ink {
    /// A bar of `value` where `most` is `width` long. Something is never drawn as nothing, and less than
    /// nothing is not drawn: its number stands beside it.
    pub(crate) fn bar(self, value: i64, most: i64, width: usize) -> String {
        if value <= 0 || most <= 0 {
            return String::new();
        }
        let eighths = scaled(value, most, width * 8);
        match self {
            Self::Blocks => format!("{}{}", "█".repeat(eighths / 8), EIGHTHS[eighths % 8]),
            Self::Plain => "#".repeat(eighths.div_ceil(8)),
        }
    }

    /// One small column a value, all on one scale. Nothing is a blank.
    pub(crate) fn line(self, values: &[i64], most: i64) -> String {
        let columns = match self {
            Self::Blocks => COLUMNS,
            Self::Plain => PLAIN_COLUMNS,
        };
        let column = |value: &i64| {
            if *value <= 0 || most <= 0 {
                return ' ';
            }
            columns[scaled(*value, most, columns.len()) - 1]
        };
        values.iter().map(column).collect()
    }
}

/// `value` × `steps` ÷ `most`, rounded up, of numbers above zero.
fn scaled(value: i64, most: i64, steps: usize) -> usize {
    let (value, most) = (i128::from(value), i128::from(most));
    usize::try_from((value * steps as i128 + most - 1) / most).unwrap_or(steps).min(steps)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_is_as_long_as_there_is_room_and_the_least_can_be_seen() {
        assert_eq!(Ink::Blocks.bar(100, 100, 4), "████");
        assert_eq!(Ink::Blocks.bar(50, 100, 4), "██");
        assert_eq!(Ink::Blocks.bar(1, 1_000_000, 4), "▏");
        assert_eq!(Ink::Plain.bar(1, 1_000_000, 4), "#");
        assert_eq!(Ink::Plain.bar(100, 100, 4), "####");
        for ink in [Ink::Blocks, Ink::Plain] {
            assert_eq!((ink.bar(0, 100, 4), ink.bar(-5, 100, 4)), (String::new(), String::new()));
            assert_eq!(ink.bar(i64::MAX, i64::MAX, 24).chars().count(), 24);
        }
    }

    #[test]
    fn a_line_has_a_column_for_each_value() {
        assert_eq!(Ink::Blocks.line(&[0, 1, 4, 8], 8), " ▁▄█");
        assert_eq!(Ink::Plain.line(&[0, 1, 8, -3], 8), " _# ");
        assert_eq!(Ink::Plain.line(&[], 0), "");
    }
}
