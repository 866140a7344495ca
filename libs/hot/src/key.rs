//! Names of cached values.

use std::fmt;
use std::fmt::Write;

use kernel::WorkspaceId;

/// `tally:{workspace}:kind:part:…`. The braces make Redis Cluster keep a workspace on one node.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Key(String);

impl Key {
    /// A value of `kind` of a workspace, told apart by `parts`. No part can pretend to be two, or
    /// another workspace's.
    pub fn new(
        workspace: WorkspaceId,
        kind: &str,
        parts: impl IntoIterator<Item = impl fmt::Display>,
    ) -> Self {
        let mut key = format!("tally:{{{workspace}}}");
        let mut push = |part: &dyn fmt::Display| {
            key.push(':');
            write!(Escaped(&mut key), "{part}").expect("writing to a String cannot fail");
        };
        push(&kind);
        for part in parts {
            push(&part);
        }
        Self(key)
    }

    /// The name of the turn to make this value, on the node that holds it.
    pub(crate) fn turn(&self) -> Self {
        // No part of a key contains a colon of its own, and none is empty behind the last one.
        Self(format!("{}::turn", self.0))
    }

    /// As Redis has it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Percent-encodes what separates parts.
struct Escaped<'k>(&'k mut String);

impl Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for c in text.chars() {
            match c {
                ':' => self.0.push_str("%3a"),
                '%' => self.0.push_str("%25"),
                c => self.0.push(c),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_key_names_its_workspace_as_the_hash_tag() {
        let workspace = WorkspaceId::new(42).unwrap();
        let key = Key::new(workspace, "overview", ["2026-02", "a:b"]);
        assert_eq!(key.as_str(), format!("tally:{{{workspace}}}:overview:2026-02:a%3ab"));
    }

    proptest! {
        #[test]
        fn different_parts_give_different_keys(
            one in prop::collection::vec("[a:%3]{0,4}", 0..4),
            other in prop::collection::vec("[a:%3]{0,4}", 0..4),
        ) {
            let workspace = WorkspaceId::new(1).unwrap();
            let same = Key::new(workspace, "k", &one) == Key::new(workspace, "k", &other);
            prop_assert_eq!(same, one == other);
        }
    }
}
