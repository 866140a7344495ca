//! Lines of RFC 4180, of which no text is a formula to a spreadsheet.

/// What a spreadsheet takes for the beginning of a formula, or skips before looking for one. The wide
/// forms are the same to some of them.
const BEGINS_A_FORMULA: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];

/// One line, cell by cell.
#[derive(Default)]
pub(super) struct Line {
    text: String,
    begun: bool,
}

impl Line {
    /// Words of others: quoted where they must be, and an apostrophe before what would be computed.
    pub(super) fn text(&mut self, words: &str) -> &mut Self {
        let apostrophe = if words.starts_with(BEGINS_A_FORMULA) { "'" } else { "" };
        self.separate();
        if words.contains([',', '"', '\r', '\n']) {
            let words = words.replace('"', "\"\"");
            self.text.push_str(&format!("\"{apostrophe}{words}\""));
        } else {
            self.text.push_str(apostrophe);
            self.text.push_str(words);
        }
        self
    }

    /// A number of ours: it stays one, below zero too.
    pub(super) fn number(&mut self, number: impl std::fmt::Display) -> &mut Self {
        self.separate();
        self.text.push_str(&number.to_string());
        self
    }

    /// A decimal from millionths, exact, with two decimals or as many as it needs.
    pub(super) fn decimal(&mut self, micros: i64) -> &mut Self {
        let sign = if micros < 0 { "-" } else { "" };
        let (whole, rest) = (micros.unsigned_abs() / 1_000_000, micros.unsigned_abs() % 1_000_000);
        let mut rest = format!("{rest:06}");
        while rest.len() > 2 && rest.ends_with('0') {
            rest.pop();
        }
        self.number(format_args!("{sign}{whole}.{rest}"))
    }

    /// Nothing is known, which is not zero.
    pub(super) fn nothing(&mut self) -> &mut Self {
        self.separate();
        self
    }

    pub(super) fn end_in(&self, text: &mut String) {
        text.push_str(&self.text);
        text.push_str("\r\n");
    }

    pub(super) fn end(self) -> String {
        self.text + "\r\n"
    }

    fn separate(&mut self) {
        if self.begun {
            self.text.push(',');
        }
        self.begun = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(words: &str) -> String {
        let mut line = Line::default();
        line.text(words);
        line.end()
    }

    #[test]
    fn text_is_quoted_where_it_must_be() {
        assert_eq!(of("plain"), "plain\r\n");
        assert_eq!(of("a,b"), "\"a,b\"\r\n");
        assert_eq!(of("say \"no\""), "\"say \"\"no\"\"\"\r\n");
        assert_eq!(of("two\nlines"), "\"two\nlines\"\r\n");
        assert_eq!(of(""), "\r\n");
    }

    #[test]
    fn what_a_spreadsheet_would_compute_becomes_text() {
        for formula in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1"] {
            let cell = of(formula);
            assert!(cell.trim_start_matches('"').starts_with('\''), "{cell:?}");
        }
        assert_eq!(of("=cmd|' /C calc'!A0"), "'=cmd|' /C calc'!A0\r\n");
        assert_eq!(of("a=1"), "a=1\r\n");
    }

    #[test]
    fn numbers_stay_numbers_and_lose_nothing() {
        let mut line = Line::default();
        line.number(-5).decimal(-1).decimal(119_000_000_000).decimal(i64::MIN).nothing();
        assert_eq!(line.end(), "-5,-0.000001,119000.00,-9223372036854.775808,\r\n");
    }

    proptest! {
        #[test]
        fn a_reader_gets_back_what_was_written(cells in prop::collection::vec(".{0,12}", 1..6)) {
            let mut line = Line::default();
            for cell in &cells {
                line.text(cell);
            }
            let line = line.end();
            let read = read(line.strip_suffix("\r\n").expect("ends"));
            let bare = |cell: &String| {
                let neutral = cell.starts_with(BEGINS_A_FORMULA);
                if neutral { format!("'{cell}") } else { cell.clone() }
            };
            prop_assert_eq!(read, cells.iter().map(bare).collect::<Vec<_>>());
        }
    }

    /// As RFC 4180 has it read.
    fn read(line: &str) -> Vec<String> {
        let (mut cells, mut quoted) = (vec![String::new()], false);
        let mut chars = line.chars().peekable();
        while let Some(c) = chars.next() {
            let cell = cells.last_mut().expect("one at least");
            match c {
                '"' if quoted && chars.peek() == Some(&'"') => {
                    cell.push('"');
                    chars.next();
                }
                '"' => quoted = !quoted,
                ',' if !quoted => cells.push(String::new()),
                c => cell.push(c),
            }
        }
        cells
    }
}
