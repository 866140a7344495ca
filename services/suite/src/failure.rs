//! How a command fails: what went wrong and what to do, in the words of whoever knows.

use std::error::Error;
use std::fmt;
use std::process::ExitCode;

use chassis::StartError;
use chassis::config::ConfigErrors;
use tonic_types::StatusExt as _;

use crate::channel::Place;

/// Exit code of a configuration error (`EX_USAGE` of sysexits).
const USAGE: u8 = 64;

/// Why a command did not do what it was asked.
#[derive(Debug)]
pub(crate) enum Failure {
    Config(ConfigErrors),
    Start(StartError),
    /// A service refused or could not be reached; the text says which.
    Call {
        what: &'static str,
        status: tonic::Status,
    },
    /// Anything else, in one sentence.
    Other(String),
}

impl Failure {
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Config(_) => ExitCode::from(USAGE),
            Self::Start(_) | Self::Call { .. } | Self::Other(_) => ExitCode::FAILURE,
        }
    }

    /// Whether the same call may succeed a moment later.
    pub(crate) fn may_pass(&self) -> bool {
        use tonic::Code::{DeadlineExceeded, Unavailable};
        matches!(self, Self::Call { status, .. } if [DeadlineExceeded, Unavailable].contains(&status.code()))
    }

    /// For `map_err` behind a call.
    pub(crate) fn call(what: &'static str) -> impl Fn(tonic::Status) -> Self {
        move |status| Self::Call { what, status }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(errors) => writeln!(f, "error: the settings are wrong\n{errors}"),
            Self::Start(error) => {
                writeln!(f, "error: {error}")?;
                causes(f, error)
            }
            Self::Call { what, status } => call(f, what, status),
            Self::Other(text) => writeln!(f, "error: {text}"),
        }
    }
}

fn causes(f: &mut fmt::Formatter<'_>, error: &dyn Error) -> fmt::Result {
    let mut cause = error.source();
    while let Some(inner) = cause {
        writeln!(f, "  because {inner}")?;
        cause = inner.source();
    }
    Ok(())
}

fn call(f: &mut fmt::Formatter<'_>, what: &str, status: &tonic::Status) -> fmt::Result {
    let details = status.get_error_details();
    let reason = details.error_info().map_or("", |info| info.reason.as_str());
    let reason = if reason.is_empty() { format!("{:?}", status.code()) } else { reason.to_owned() };
    writeln!(f, "error: {what}: {reason}")?;
    let violations =
        details.bad_request().map(|bad| bad.field_violations.as_slice()).unwrap_or_default();
    match violations {
        [] => writeln!(f, "  {}", status.message())?,
        all => {
            for violation in all {
                writeln!(f, "  {} {}", violation.field, violation.description)?;
            }
        }
    }
    match status.code() {
        // A service of ours says why; this is somebody or nobody else.
        tonic::Code::Unavailable if details.error_info().is_none() => {
            if let Some(Place { url, variable, .. }) = Place::of(status) {
                writeln!(f, "  nothing answers at {url} ({variable})")?;
            }
            writeln!(
                f,
                "  is it running? `tally serve all` starts everything on this machine; where the services are"
            )?;
            writeln!(
                f,
                "  elsewhere, TALLY_INGEST_URL, TALLY_ROLLUP_URL and so on say where (`tally config`)"
            )
        }
        tonic::Code::Unknown if details.error_info().is_none() => match Place::of(status) {
            Some(Place { service, url, variable }) => {
                writeln!(f, "  {url} answers, but not as {service} does: is {variable} right?")
            }
            None => Ok(()),
        },
        tonic::Code::Unimplemented if details.error_info().is_none() => match Place::of(status) {
            Some(Place { service, url, variable }) => {
                writeln!(f, "  {url} answers, but is not {service}: is {variable} right?")
            }
            None => Ok(()),
        },
        tonic::Code::PermissionDenied if reason == "INSUFFICIENT_SCOPE" => {
            writeln!(f, "  a key with the admin scope makes another: `tally key create --scope …`")
        }
        // What it says of the service token is all there is to say.
        tonic::Code::Unauthenticated if status.message().contains("TALLY_SERVICE_TOKEN") => Ok(()),
        tonic::Code::Unauthenticated => {
            writeln!(f, "  the key is read from TALLY_API_KEY; `tally key create` makes one")
        }
        _ => Ok(()),
    }
}

impl From<ConfigErrors> for Failure {
    fn from(errors: ConfigErrors) -> Self {
        Self::Config(errors)
    }
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Self {
        Self::Start(error)
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        Self::Other(format!("the answer cannot be written as JSON: {error}"))
    }
}
