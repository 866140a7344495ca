//! Texts that people read, and enums that are written as words.

use kernel::Malformed;

use super::wrong::{Problem, Why};

/// Free text of at most `max` bytes, which may be empty. It may have lines; it has no other control
/// characters, which PostgreSQL would not keep and a terminal would obey.
pub(super) fn prose(text: &str, max: usize) -> Result<String, Problem> {
    let text = text.trim();
    if text.len() > max {
        let what = format!("is at most {max} bytes; {} were sent", text.len());
        return Err(Problem::new(Why::TooLarge, what));
    }
    match text.chars().any(|c| c.is_control() && c != '\n') {
        false => Ok(text.to_owned()),
        true => Err(Malformed::new("a text without control characters", text).into()),
    }
}

/// One line of 1 to `max` bytes.
pub(super) fn line(text: &str, max: usize) -> Result<String, Problem> {
    let text = prose(text, max)?;
    if text.is_empty() || text.contains('\n') {
        return Err(Malformed::new("one line of text", &text).into());
    }
    Ok(text)
}

/// A key as people say it: `Email classification`.
pub(super) fn in_words(key: &str) -> String {
    let mut words = key.replace('_', " ");
    if let Some(first) = words.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    words
}

/// An enum whose variants are written as words: in packs, and in rows, which never change.
macro_rules! worded {
    (
        $(#[$about:meta])*
        $name:ident: $expected:literal { $($(#[$of:meta])* $variant:ident = $word:literal,)+ }
    ) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub(crate) enum $name {
            $($(#[$of])* $variant,)+
        }

        impl $name {
            pub(crate) fn parse(text: &str) -> Result<Self, ::kernel::Malformed> {
                match text {
                    $($word => Ok(Self::$variant),)+
                    _ => Err(::kernel::Malformed::new($expected, text)),
                }
            }

            pub(crate) const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }
        }
    };
}

pub(super) use worded;

worded! {
    /// Whether something may be named from some instant on.
    Life: "active or archived" {
        Active = "active",
        Archived = "archived",
    }
}
