//! How a price names the models it is for.

use std::collections::HashMap;
use std::sync::Arc;

use regex::bytes::{Regex, RegexBuilder};

/// More than an alternation of some hundred letters needs, compiled byte by byte. Whoever writes the patterns
/// names the models too, a hundred of one for each event of the other: with 256 KiB each, an event took a
/// second. The catalog compiles with the same limits: what it takes works here.
const PATTERN_BYTES_MAX: usize = 8 * 1024;
/// What matching may keep of each.
const MATCHING_BYTES_MAX: usize = 16 * 1024;

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum ModelName {
    Exact(String),
    Pattern(Arc<Pattern>),
}

/// A regular expression for whole names.
#[derive(Debug)]
pub(crate) struct Pattern {
    written: String,
    regex: Regex,
}

/// Patterns, each compiled once, however many versions, prices and workspaces name it.
#[derive(Debug, Default)]
pub(crate) struct Patterns(HashMap<String, Option<Arc<Pattern>>>);

impl Patterns {
    /// None when it is no regular expression, or one that grows too large.
    pub(crate) fn name(&mut self, written: &str) -> Option<ModelName> {
        if !self.0.contains_key(written) {
            self.0.insert(written.to_owned(), Pattern::compile(written).map(Arc::new));
        }
        self.0.get(written)?.clone().map(ModelName::Pattern)
    }
}

impl Pattern {
    fn compile(written: &str) -> Option<Self> {
        let build = |text: &str| {
            RegexBuilder::new(text)
                .unicode(false)
                .size_limit(PATTERN_BYTES_MAX)
                .dfa_size_limit(MATCHING_BYTES_MAX)
                .build()
                .ok()
        };
        // By itself first: `a)|(b` is a pattern only inside the brackets that make it match whole names.
        build(written)?;
        let regex = build(&format!(r"\A(?:{written})\z"))?;
        Some(Self { written: written.to_owned(), regex })
    }

    pub(crate) fn is(&self, model: &str) -> bool {
        self.regex.is_match(model.as_bytes())
    }
}

/// The same models are meant, whatever the pattern was compiled to.
impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.written == other.written
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_compiled_once_whoever_names_it() {
        let mut patterns = Patterns::default();
        let [one, other] = [(); 2].map(|()| match patterns.name("gpt-.*") {
            Some(ModelName::Pattern(pattern)) => pattern,
            other => panic!("{other:?}"),
        });
        assert!(Arc::ptr_eq(&one, &other) && one.is("gpt-4o") && !one.is("my-gpt-4o"));
    }

    #[test]
    fn what_people_write_is_no_pattern_that_is_too_large() {
        let mut patterns = Patterns::default();
        for (written, model) in [
            (r"gpt-4o(-mini)?(-\d{4}-\d{2}-\d{2})?", "gpt-4o-mini-2024-07-18"),
            (r"claude-(opus|sonnet|haiku)-\d+(-\d+)?(-\d{8})?", "claude-sonnet-4-5-20250929"),
            (r"(?i)(us|eu|apac)\.anthropic\..*", "eu.Anthropic.Claude"),
            (
                r"[\w.:/-]*llama-?[23](\.\d)?[\w.:/-]*",
                "meta-llama/Llama-3.1-70B".to_lowercase().as_str(),
            ),
        ] {
            let Some(ModelName::Pattern(pattern)) = patterns.name(written) else {
                panic!("{written}");
            };
            assert!(pattern.is(model), "{written} {model}");
        }
    }

    #[test]
    fn a_pattern_that_is_none_or_grows_without_bound_is_passed_over() {
        let mut patterns = Patterns::default();
        for written in ["(", "a{1000}{1000}{1000}", "(?=x)", "a)|(b", "(?:[ab]?){1150}"] {
            assert!(patterns.name(written).is_none(), "{written}");
        }
    }
}
