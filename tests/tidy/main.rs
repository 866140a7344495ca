//! The rules of the house, checked: a rule without a check is a wish.
//!
//! What cannot keep a rule yet stands in `ratchet.txt` with its reason; that list may only shrink.
#![expect(clippy::unwrap_used, reason = "tests")]

mod arrows;
mod code;
mod documents;
mod files;
mod manifests;
mod migrations;
mod names;
mod ratchet;
mod tree;
