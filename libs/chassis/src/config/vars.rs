//! Where variables come from: the process, or a map in tests.

use std::collections::BTreeMap;

/// A source of environment variables.
pub trait Vars {
    /// The value of `name`; empty counts as unset, as the OpenTelemetry variables have it.
    fn get(&self, name: &str) -> Option<String>;

    /// Every name there is, to find those nobody reads.
    fn names(&self) -> Vec<String>;
}

/// The environment of this process.
#[derive(Clone, Copy, Debug, Default)]
pub struct ProcessEnv;

#[expect(
    clippy::disallowed_methods,
    reason = "what stands between everybody else and the environment"
)]
impl Vars for ProcessEnv {
    fn get(&self, name: &str) -> Option<String> {
        // What is not Unicode is passed on damaged, so that it fails to parse under its own name.
        std::env::var_os(name)
            .map(|value| value.to_string_lossy().into_owned())
            .filter(|value| !value.is_empty())
    }

    fn names(&self) -> Vec<String> {
        std::env::vars_os().map(|(name, _)| name.to_string_lossy().into_owned()).collect()
    }
}

impl<K, V> Vars for BTreeMap<K, V>
where
    K: AsRef<str> + Ord + std::borrow::Borrow<str>,
    V: AsRef<str>,
{
    fn get(&self, name: &str) -> Option<String> {
        BTreeMap::get(self, name)
            .map(|value| value.as_ref().to_owned())
            .filter(|value| !value.is_empty())
    }

    fn names(&self) -> Vec<String> {
        self.keys().map(|name| name.as_ref().to_owned()).collect()
    }
}
