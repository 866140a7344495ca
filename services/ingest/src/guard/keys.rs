//! Where the cache keeps what the guard counts.

use hot::Key;
use kernel::hex;

use super::{ArgsHash, Stage};

const KIND: &str = "guard";

/// Attempts on a stage, whatever the model: a fallback to another one is an attempt, too.
pub(super) fn attempts(at: Stage<'_>) -> Key {
    Key::new(at.workspace, KIND, ["attempts", at.ticket_id, at.stage])
}

/// Calls of a tool with the same arguments.
pub(super) fn identical(at: Stage<'_>, tool: &str, args: ArgsHash) -> Key {
    of_call("calls", at, tool, args)
}

/// How the last of these calls ended.
pub(super) fn result(at: Stage<'_>, tool: &str, args: ArgsHash) -> Key {
    of_call("result", at, tool, args)
}

fn of_call(what: &str, at: Stage<'_>, tool: &str, args: ArgsHash) -> Key {
    Key::new(at.workspace, KIND, [what, at.ticket_id, at.stage, tool, &hex(&args)])
}
