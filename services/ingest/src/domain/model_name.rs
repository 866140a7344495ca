//! How a price names the models it is for.

/// More than the longest alternation of model names somebody wrote by hand needs, compiled.
const PATTERN_BYTES_MAX: usize = 256 * 1024;

#[derive(Debug, Clone)]
pub(crate) enum ModelName {
    Exact(String),
    /// Matches whole names.
    Pattern {
        written: String,
        regex: regex::Regex,
    },
}

impl ModelName {
    /// A pattern for whole names. None when it is no regular expression, or one that grows too large.
    pub(crate) fn pattern(written: &str) -> Option<Self> {
        let compile =
            |text: &str| regex::RegexBuilder::new(text).size_limit(PATTERN_BYTES_MAX).build().ok();
        // By itself first: `a)|(b` is a pattern only inside the brackets that make it match whole names.
        compile(written)?;
        let regex = compile(&format!(r"\A(?:{written})\z"))?;
        Some(Self::Pattern { written: written.to_owned(), regex })
    }

    pub(crate) fn is(&self, model: &str) -> bool {
        match self {
            Self::Exact(name) => name == model,
            Self::Pattern { regex, .. } => regex.is_match(model),
        }
    }
}

/// The same models are meant, whatever the pattern was compiled to.
impl PartialEq for ModelName {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Exact(one), Self::Exact(other)) => one == other,
            (Self::Pattern { written: one, .. }, Self::Pattern { written: other, .. }) => {
                one == other
            }
            (Self::Exact(_), Self::Pattern { .. }) | (Self::Pattern { .. }, Self::Exact(_)) => {
                false
            }
        }
    }
}
