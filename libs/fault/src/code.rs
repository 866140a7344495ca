//! The closed set of codes we answer with. Never `Unknown`, never invented numbers.

/// Why a call failed, from the caller's point of view: each code tells it what to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Code {
    /// Wrong whatever the state of the server: change the request.
    InvalidArgument,
    /// No credential, or not a valid one.
    Unauthenticated,
    /// A valid credential that may not do this.
    PermissionDenied,
    /// What the request names does not exist in this workspace.
    NotFound,
    /// It exists, with another content.
    AlreadyExists,
    /// The state forbids it: calling again changes nothing until the state does.
    FailedPrecondition,
    /// Lost a race: repeat the whole story, not only this call.
    Aborted,
    /// One of our limits: slow down.
    ResourceExhausted,
    /// Call again.
    Unavailable,
    /// The caller's deadline passed first.
    DeadlineExceeded,
    /// In the contract, not in this build.
    Unimplemented,
    /// A defect of ours.
    Internal,
}

impl From<Code> for tonic::Code {
    fn from(code: Code) -> Self {
        match code {
            Code::InvalidArgument => Self::InvalidArgument,
            Code::Unauthenticated => Self::Unauthenticated,
            Code::PermissionDenied => Self::PermissionDenied,
            Code::NotFound => Self::NotFound,
            Code::AlreadyExists => Self::AlreadyExists,
            Code::FailedPrecondition => Self::FailedPrecondition,
            Code::Aborted => Self::Aborted,
            Code::ResourceExhausted => Self::ResourceExhausted,
            Code::Unavailable => Self::Unavailable,
            Code::DeadlineExceeded => Self::DeadlineExceeded,
            Code::Unimplemented => Self::Unimplemented,
            Code::Internal => Self::Internal,
        }
    }
}
