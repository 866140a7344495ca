//! How a price names the models it is for.

use std::collections::HashMap;
use std::sync::Arc;

use regex::{Regex, RegexBuilder};

/// More than the longest alternation of model names somebody wrote by hand needs, compiled.
const PATTERN_BYTES_MAX: usize = 256 * 1024;

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
        let build = |text: &str| RegexBuilder::new(text).size_limit(PATTERN_BYTES_MAX).build().ok();
        // By itself first: `a)|(b` is a pattern only inside the brackets that make it match whole names.
        build(written)?;
        let regex = build(&format!(r"\A(?:{written})\z"))?;
        Some(Self { written: written.to_owned(), regex })
    }

    pub(crate) fn is(&self, model: &str) -> bool {
        self.regex.is_match(model)
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
    fn a_pattern_that_is_none_or_grows_without_bound_is_passed_over() {
        let mut patterns = Patterns::default();
        for written in ["(", "a{1000}{1000}{1000}", "(?=x)", "a)|(b"] {
            assert!(patterns.name(written).is_none(), "{written}");
        }
    }
}
