//! "Did you mean …?"

/// Suggestions shown at most; a longer list helps nobody.
const SUGGESTIONS_MAX: usize = 3;
/// Below this similarity (0 to 1) a name is another name, not a slip of the pen.
const SIMILARITY_MIN: f64 = 0.6;

/// The names most like `sent`, best first and each once; none where none is near.
pub fn nearest<'a>(sent: &str, names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut scored: Vec<(f64, &str)> = names
        .map(|name| (strsim::normalized_damerau_levenshtein(sent, name), name))
        .filter(|(score, _)| *score >= SIMILARITY_MIN)
        .collect();
    scored.sort_by(|(a, a_name), (b, b_name)| b.total_cmp(a).then(a_name.cmp(b_name)));
    scored.dedup_by_key(|(_, name)| *name);
    scored.into_iter().take(SUGGESTIONS_MAX).map(|(_, name)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_pen_finds_the_name_and_another_word_finds_nothing() {
        let names = ["email_classification", "ticket_routing"];
        assert_eq!(nearest("email_clasification", names.into_iter()), ["email_classification"]);
        assert_eq!(nearest("ticket_ruoting", names.into_iter()), ["ticket_routing"]);
        assert!(nearest("lunch", names.into_iter()).is_empty());
    }
}
