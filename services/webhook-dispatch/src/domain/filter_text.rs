//! The one-line form of a filter, as people type it and as the store keeps it:
//! `outcome=failure,needs_review agent_id="a b" duration_ms>=2000 ticket_id? task_type^=email_`.
//!
//! Predicates stand apart by white space; a path or value with white space, quotes, commas or operator
//! characters goes in double quotes, with `\"` and `\\` inside.

use std::fmt;
use std::iter::Peekable;
use std::str::{Chars, FromStr};

use super::filter::{Filter, Operator, Predicate, Refused};

/// A line that is no filter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadFilter {
    #[error("after {path:?} comes =, !=, >=, ^= or ?, as in outcome=failure")]
    NoOperator { path: String },
    #[error("a quoted text does not end")]
    OpenQuote,
    #[error("after ? comes a space or the end")]
    AfterExists,
    #[error(transparent)]
    Refused(#[from] Refused),
}

impl FromStr for Filter {
    type Err = BadFilter;

    fn from_str(line: &str) -> Result<Self, BadFilter> {
        let mut rest = line.chars().peekable();
        let mut predicates = Vec::new();
        loop {
            while rest.next_if(|c| c.is_whitespace()).is_some() {}
            if rest.peek().is_none() {
                return Ok(Filter::new(predicates)?);
            }
            predicates.push(predicate(&mut rest)?);
        }
    }
}

fn predicate(rest: &mut Peekable<Chars<'_>>) -> Result<Predicate, BadFilter> {
    let path = token(rest, ends_path)?;
    let operator = match rest.next() {
        Some('=') => Operator::Equal,
        Some('?') if rest.peek().is_none_or(|c| c.is_whitespace()) => Operator::Exists,
        Some('?') => return Err(BadFilter::AfterExists),
        Some('!') if rest.next_if_eq(&'=').is_some() => Operator::NotEqual,
        Some('>') if rest.next_if_eq(&'=').is_some() => Operator::AtLeast,
        Some('^') if rest.next_if_eq(&'=').is_some() => Operator::Prefix,
        _ => return Err(BadFilter::NoOperator { path }),
    };
    if operator == Operator::Exists {
        let none: [&str; 0] = [];
        return Ok(Predicate::new(&path, operator, &none)?);
    }
    let mut values = vec![token(rest, ends_value)?];
    while rest.next_if_eq(&',').is_some() {
        values.push(token(rest, ends_value)?);
    }
    let operator = match operator {
        Operator::Equal if values.len() > 1 => Operator::In,
        other => other,
    };
    Ok(Predicate::new(&path, operator, &values)?)
}

fn ends_path(c: char) -> bool {
    c.is_whitespace() || matches!(c, '=' | '!' | '>' | '^' | '?' | '"')
}

fn ends_value(c: char) -> bool {
    c.is_whitespace() || matches!(c, ',' | '"')
}

/// A quoted text, or everything up to a character that ends it.
fn token(rest: &mut Peekable<Chars<'_>>, ends: fn(char) -> bool) -> Result<String, BadFilter> {
    let mut text = String::new();
    if rest.next_if_eq(&'"').is_none() {
        while let Some(c) = rest.next_if(|c| !ends(*c)) {
            text.push(c);
        }
        return Ok(text);
    }
    loop {
        match rest.next().ok_or(BadFilter::OpenQuote)? {
            '"' => return Ok(text),
            '\\' => text.push(rest.next().ok_or(BadFilter::OpenQuote)?),
            c => text.push(c),
        }
    }
}

/// The line that reads back as the same filter.
impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, predicate) in self.predicates().iter().enumerate() {
            if i > 0 {
                f.write_str(" ")?;
            }
            let (operator, values) = predicate.parts();
            write(f, &predicate.path(), ends_path)?;
            f.write_str(operator.symbol())?;
            for (i, value) in values.iter().enumerate() {
                if i > 0 {
                    f.write_str(",")?;
                }
                write(f, value, ends_value)?;
            }
        }
        Ok(())
    }
}

fn write(f: &mut fmt::Formatter<'_>, text: &str, ends: fn(char) -> bool) -> fmt::Result {
    if !text.is_empty() && !text.chars().any(|c| ends(c) || c == '\\') {
        return f.write_str(text);
    }
    write!(f, "\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn people_s_lines_are_read() {
        let filter: Filter =
            r#" outcome=failure,needs_review  agent_id="a \"b\"" ticket_id? metadata.a/b!=x=y "#
                .parse()
                .unwrap();
        assert_eq!(
            filter.to_string(),
            r#"outcome=failure,needs_review agent_id="a \"b\"" ticket_id? metadata.a/b!=x=y"#
        );
        assert_eq!("".parse(), Ok(Filter::default()));
    }

    #[test]
    fn broken_lines_say_what_is_missing() {
        for (line, part) in [
            ("outcome", "comes ="),
            ("outcome failure", "comes ="),
            ("duration_ms>5", "comes ="),
            ("agent_id=\"a", "does not end"),
            ("ticket_id?x", "after ?"),
        ] {
            let error = line.parse::<Filter>().unwrap_err().to_string();
            assert!(error.contains(part), "{line}: {error}");
        }
    }

    fn predicates() -> impl Strategy<Value = Predicate> {
        let path = prop_oneof![
            Just("agent_id".to_owned()),
            Just("task_type".to_owned()),
            "metadata\\.[^\\p{Cc}]{1,10}",
        ];
        let text = "\\PC{0,8}";
        prop_oneof![
            (path.clone(), text).prop_map(|(p, v)| Predicate::new(&p, Operator::Equal, &[v])),
            (path.clone(), text).prop_map(|(p, v)| Predicate::new(&p, Operator::NotEqual, &[v])),
            (path.clone(), text).prop_map(|(p, v)| Predicate::new(&p, Operator::Prefix, &[v])),
            (path.clone(), proptest::collection::vec(text, 1..5))
                .prop_map(|(p, v)| Predicate::new(&p, Operator::In, &v)),
            path.prop_map(|p| Predicate::new::<&str>(&p, Operator::Exists, &[])),
            any::<i64>().prop_map(|n| Predicate::new(
                "duration_ms",
                Operator::AtLeast,
                &[n.to_string()]
            )),
            (0i64..4_000_000_000_000_000).prop_map(|us| {
                let at = kernel::Timestamp::from_micros(us).to_string();
                Predicate::new("occurred_time", Operator::AtLeast, &[at])
            }),
        ]
        .prop_map(|predicate| predicate.unwrap())
    }

    proptest! {
        #[test]
        fn a_filter_reads_back_from_its_line(list in proptest::collection::vec(predicates(), 0..6)) {
            let filter = Filter::new(list).unwrap();
            let line = filter.to_string();
            prop_assert_eq!(line.parse::<Filter>(), Ok(filter), "{}", line);
        }

        #[test]
        fn any_line_is_a_filter_or_refused(line in "\\PC{0,60}") {
            if let Ok(filter) = line.parse::<Filter>() {
                prop_assert_eq!(filter.to_string().parse::<Filter>(), Ok(filter));
            }
        }
    }
}
