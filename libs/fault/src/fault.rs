//! The fault itself: a code, a reason, a sentence for the caller and a cause for the log.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use wire::common::v1::ErrorReason;

use crate::{Code, Violation, Violations};

type Cause = Box<dyn Error + Send + Sync>;

/// Metadata of the ErrorInfo: short lower-case keys, values for a program to read.
pub type Metadata = Vec<(&'static str, String)>;

/// A refused or broken call. Boxed inside, so that `Result<T, Fault>` stays one word wide.
pub struct Fault(Box<Parts>);

pub(crate) struct Parts {
    pub(crate) code: Code,
    pub(crate) reason: ErrorReason,
    pub(crate) public: String,
    pub(crate) metadata: Metadata,
    pub(crate) violations: Vec<Violation>,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) cause: Option<Cause>,
}

/// What a message or a detail may weigh: refusals repeat what was sent, and a status that outgrows the
/// header list of its reader arrives as another error altogether.
pub(crate) const PUBLIC_BYTES_MAX: usize = 1_024;

/// `text`, cut at a character.
pub(crate) fn shortened(mut text: String, limit: usize) -> String {
    if text.len() > limit {
        let end = (0..=limit).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(end);
        text.push('…');
    }
    text
}

impl Fault {
    /// `public` is sent to the caller: say what is wrong and what to do, and nothing about our insides.
    #[must_use]
    pub fn new(code: Code, reason: ErrorReason, public: impl Into<String>) -> Self {
        Self(Box::new(Parts {
            code,
            reason,
            public: shortened(public.into(), PUBLIC_BYTES_MAX),
            metadata: Metadata::new(),
            violations: Vec::new(),
            retry_after: None,
            cause: None,
        }))
    }

    /// The request is wrong in every way `violations` lists. The reason is the first violation's own.
    #[must_use]
    pub fn invalid(violations: Violations) -> Self {
        let violations = violations.into_vec();
        let (reason, public) = match violations.as_slice() {
            // A caller that built no violation has a defect; the answer must still be a refusal.
            [] => (ErrorReason::InvalidField, "the request is not valid".to_owned()),
            [only] => (only.reason, format!("{}: {}", only.field, only.description)),
            [first, rest @ ..] => (
                first.reason,
                format!(
                    "{}: {} (and {} more; see the details)",
                    first.field,
                    first.description,
                    rest.len()
                ),
            ),
        };
        let mut fault = Self::new(Code::InvalidArgument, reason, public);
        fault.0.violations = violations;
        fault
    }

    /// No credential, or not a valid one.
    #[must_use]
    pub fn unauthenticated(reason: ErrorReason, public: impl Into<String>) -> Self {
        Self::new(Code::Unauthenticated, reason, public)
    }

    /// A valid credential that may not do this.
    #[must_use]
    pub fn denied(reason: ErrorReason, public: impl Into<String>) -> Self {
        Self::new(Code::PermissionDenied, reason, public)
    }

    /// What the request names does not exist in this workspace.
    #[must_use]
    pub fn not_found(reason: ErrorReason, public: impl Into<String>) -> Self {
        Self::new(Code::NotFound, reason, public)
    }

    /// It exists, with another content.
    #[must_use]
    pub fn exists(reason: ErrorReason, public: impl Into<String>) -> Self {
        Self::new(Code::AlreadyExists, reason, public)
    }

    /// The state forbids it.
    #[must_use]
    pub fn precondition(reason: ErrorReason, public: impl Into<String>) -> Self {
        Self::new(Code::FailedPrecondition, reason, public)
    }

    /// Lost a race.
    #[must_use]
    pub fn aborted(reason: ErrorReason, public: impl Into<String>) -> Self {
        Self::new(Code::Aborted, reason, public)
    }

    /// One of our limits. Say when to come back with [`Fault::retry_after`].
    #[must_use]
    pub fn exhausted(reason: ErrorReason, public: impl Into<String>) -> Self {
        Self::new(Code::ResourceExhausted, reason, public)
    }

    /// Call again.
    #[must_use]
    pub fn unavailable(reason: ErrorReason, public: impl Into<String>) -> Self {
        Self::new(Code::Unavailable, reason, public)
    }

    /// The caller's deadline passed first.
    #[must_use]
    pub fn deadline(reason: ErrorReason, public: impl Into<String>) -> Self {
        Self::new(Code::DeadlineExceeded, reason, public)
    }

    /// `what` is in the contract and not in this build: an RPC, or a part of one.
    #[must_use]
    pub fn unimplemented(what: impl fmt::Display) -> Self {
        let public = format!("{what} is in the contract and not yet in this build");
        Self::new(Code::Unimplemented, ErrorReason::NotImplemented, public)
    }

    /// A defect of ours: `public` says what could not be done, [`Fault::because`] says why to the log.
    #[must_use]
    pub fn internal(public: impl Into<String>) -> Self {
        Self::new(Code::Internal, ErrorReason::Internal, public)
    }

    /// The database cannot be reached, or the outcome of a commit is unknown. Stores map their
    /// "retry" and "unknown" errors here, so that every service says it in the same words.
    #[must_use]
    pub fn storage_unavailable() -> Self {
        Self::unavailable(
            ErrorReason::StorageUnavailable,
            "the database did not answer; call again with the same idempotency key",
        )
        .retry_after(Duration::from_millis(250))
    }

    /// Adds a pair to the ErrorInfo. The caller sees it.
    #[must_use]
    pub fn with(mut self, key: &'static str, value: impl fmt::Display) -> Self {
        self.0.metadata.push((key, shortened(value.to_string(), PUBLIC_BYTES_MAX)));
        self
    }

    /// What went wrong inside. Logged once, never sent.
    #[must_use]
    pub fn because(mut self, cause: impl Into<Cause>) -> Self {
        self.0.cause = Some(cause.into());
        self
    }

    /// When calling again may help; sent as google.rpc.RetryInfo.
    #[must_use]
    pub fn retry_after(mut self, delay: Duration) -> Self {
        self.0.retry_after = Some(delay);
        self
    }

    /// The code the caller will see.
    #[must_use]
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// The reason the caller will see.
    #[must_use]
    pub fn reason(&self) -> ErrorReason {
        self.0.reason
    }

    /// The sentence the caller will see.
    #[must_use]
    pub fn public(&self) -> &str {
        &self.0.public
    }

    /// The ErrorInfo metadata the caller will see.
    #[must_use]
    pub fn metadata(&self) -> &Metadata {
        &self.0.metadata
    }

    /// Every wrong field, for answers that carry refusals per item.
    #[must_use]
    pub fn violations(&self) -> &[Violation] {
        &self.0.violations
    }

    pub(crate) fn into_parts(self) -> Parts {
        *self.0
    }
}

/// For `dbg!` and `unwrap` in tests; log lines are written where a fault becomes a status.
impl fmt::Debug for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fault")
            .field("code", &self.0.code)
            .field("reason", &self.0.reason)
            .field("public", &self.0.public)
            .field("metadata", &self.0.metadata)
            .field("violations", &self.0.violations)
            .field("cause", &self.0.cause)
            .finish_non_exhaustive()
    }
}

impl From<Violations> for Fault {
    fn from(violations: Violations) -> Self {
        Self::invalid(violations)
    }
}
