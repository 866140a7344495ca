//! Reading variables one by one while collecting everything that is wrong with them.

use secrecy::{ExposeSecret as _, SecretString};

use super::{Book, ConfigErrors, FromVar, Vars, redacted};

const HIDDEN: &str = "***";

/// Reads variables of one service after the other into one [`Book`].
///
/// A wrong variable is noted and reading goes on with its default, so that one run names every error;
/// [`Reader::finish`] must be called before the values are used.
pub struct Reader<'a> {
    vars: &'a dyn Vars,
    prefix: String,
    book: Book,
}

impl<'a> Reader<'a> {
    /// `prefix` is the service's own: `"INGEST"` makes `own("LANES")` read `TALLY_INGEST_LANES`.
    pub fn new(vars: &'a dyn Vars, prefix: &str) -> Self {
        Self { vars, prefix: prefix.to_owned(), book: Book::default() }
    }

    /// Goes on with another service, in the same book.
    pub fn section(&mut self, prefix: &str) -> &mut Self {
        prefix.clone_into(&mut self.prefix);
        self
    }

    /// The service being read, as in its variables: `"INGEST"`.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// `TALLY_<PREFIX>_<name>`.
    ///
    /// `default` is parsed like the variable itself.
    ///
    /// # Panics
    /// When `default` does not parse: a defect of the caller, found by the first test that reads it.
    pub fn own<T: FromVar>(&mut self, name: &str, default: &str, help: &'static str) -> T {
        let own = self.own_name(name);
        self.read(own, None, default, help)
    }

    /// Like [`Reader::own`], absent when unset.
    pub fn own_optional<T: FromVar>(&mut self, name: &str, help: &'static str) -> Option<T> {
        let own = self.own_name(name);
        self.read_optional(own, None, "", help, false)
    }

    /// `TALLY_<PREFIX>_<name>`, else `TALLY_<name>`.
    pub fn shared<T: FromVar>(&mut self, name: &str, default: &str, help: &'static str) -> T {
        let own = self.own_name(name);
        self.read(own, Some(format!("TALLY_{name}")), default, help)
    }

    /// Like [`Reader::shared`], absent when unset.
    pub fn shared_optional<T: FromVar>(&mut self, name: &str, help: &'static str) -> Option<T> {
        let own = self.own_name(name);
        self.read_optional(own, Some(format!("TALLY_{name}")), "", help, false)
    }

    /// `TALLY_<name>` for the whole process.
    pub fn global<T: FromVar>(&mut self, name: &str, default: &str, help: &'static str) -> T {
        self.read(format!("TALLY_{name}"), None, default, help)
    }

    /// Like [`Reader::global`], absent when unset.
    pub fn global_optional<T: FromVar>(&mut self, name: &str, help: &'static str) -> Option<T> {
        self.read_optional(format!("TALLY_{name}"), None, "", help, false)
    }

    /// `TALLY_<PREFIX>_<name>`, else `TALLY_<name>`: a secret, which no table and no error shows.
    pub fn secret(&mut self, name: &str, help: &'static str) -> Option<SecretString> {
        let own = self.own_name(name);
        self.read_optional(own, Some(format!("TALLY_{name}")), "", help, true)
    }

    /// `TALLY_<name>` for the whole process: a secret.
    pub fn global_secret(&mut self, name: &str, help: &'static str) -> Option<SecretString> {
        self.read_optional(format!("TALLY_{name}"), None, "", help, true)
    }

    /// A variable of a standard, under its exact name: `OTEL_TRACES_SAMPLER`.
    pub fn standard<T: FromVar>(&mut self, name: &str, default: &str, help: &'static str) -> T {
        self.read(name.to_owned(), None, default, help)
    }

    /// Like [`Reader::standard`], absent when unset.
    pub fn standard_optional<T: FromVar>(&mut self, name: &str, help: &'static str) -> Option<T> {
        self.read_optional(name.to_owned(), None, "", help, false)
    }

    /// Notes an error in how values fit together; `message` begins with a variable's name.
    pub fn refuse(&mut self, message: impl Into<String>) {
        self.book.error(message.into());
    }

    /// Notes that the value of `own(name)` or `shared(name)` cannot be used, under the variable that
    /// set it. `why` must not repeat a secret.
    pub fn refuse_own(&mut self, name: &str, why: &str) {
        let own = self.own_name(name);
        let set_by = self.book.find(&own).and_then(|variable| variable.set_by.clone());
        self.book.error(format!("{}: {why}", set_by.unwrap_or(own)));
    }

    /// The book, once everything is read and nothing is wrong. Unknown `TALLY_` names are wrong.
    pub fn finish(self) -> Result<Book, ConfigErrors> {
        self.book.check(self.vars)?;
        Ok(self.book)
    }

    /// The book as far as it is known, errors or not: for documentation.
    #[must_use]
    pub fn into_book(self) -> Book {
        self.book
    }

    fn own_name(&self, name: &str) -> String {
        format!("TALLY_{}_{name}", self.prefix)
    }

    fn read<T: FromVar>(
        &mut self,
        name: String,
        fallback: Option<String>,
        default: &str,
        help: &'static str,
    ) -> T {
        self.read_optional(name, fallback, default, help, false).unwrap_or_else(|| {
            T::from_var(default)
                .unwrap_or_else(|error| panic!("the default {default:?} of a variable {error}"))
        })
    }

    fn read_optional<T: FromVar>(
        &mut self,
        name: String,
        fallback: Option<String>,
        default: &str,
        help: &'static str,
        secret: bool,
    ) -> Option<T> {
        let found = [Some(&name), fallback.as_ref()]
            .into_iter()
            .flatten()
            .find_map(|name| self.vars.get(name).map(|value| (name.clone(), value)));
        let shown = |text: &str| if secret { HIDDEN.to_owned() } else { redacted(text) };
        self.book.record(super::Variable {
            name,
            fallback,
            help,
            default: default.to_owned(),
            effective: found.as_ref().map_or_else(|| default.to_owned(), |(_, value)| shown(value)),
            set_by: found.as_ref().map(|(name, _)| name.clone()),
            secret,
        });
        let (name, value) = found?;
        match T::from_var(&value) {
            Ok(parsed) => Some(parsed),
            Err(error) => {
                self.book.error(format!("{name}: {:?} {error}", shown(&value)));
                None
            }
        }
    }
}

/// A secret as text, for the one place that must send it.
#[must_use]
pub(crate) fn expose(secret: &SecretString) -> &str {
    secret.expose_secret()
}
