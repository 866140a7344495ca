//! The hash by which a call of a tool is known again: SHA-256 of its arguments in canonical JSON (RFC 8785).
//!
//! A caller that computes it itself must come to the same bytes in any language, so nothing else is hashed
//! in. JSON that RFC 8785 does not cover is taken as serde_json reads it: of a repeated key the last value
//! counts, and a number is the nearest double, so integers past 2^53 that differ in their last digits are
//! one.

use sha2::{Digest as _, Sha256};

use crate::guard::ArgsHash;

/// What no arguments are.
const NONE: &str = "{}";

/// The hash of arguments as JSON text; empty text is no arguments.
///
/// # Errors
/// When it is no JSON, or nests deeper than 128.
pub(crate) fn hash(json: &str) -> Result<ArgsHash, serde_json::Error> {
    let json = if json.is_empty() { NONE } else { json };
    let value: serde_json::Value = serde_json::from_str(json)?;
    let canonical = serde_json_canonicalizer::to_vec(&value)?;
    Ok(Sha256::digest(canonical).into())
}

/// The hash an event carries: 32 bytes, or the same as 64 hex digits. None for any other.
pub(super) fn of_event(sent: &[u8]) -> Option<ArgsHash> {
    if let Ok(bytes) = ArgsHash::try_from(sent) {
        return Some(bytes);
    }
    if sent.len() != 2 * size_of::<ArgsHash>() {
        return None;
    }
    let mut bytes = ArgsHash::default();
    for (byte, digits) in bytes.iter_mut().zip(sent.chunks_exact(2)) {
        let [high, low] = [digits[0], digits[1]].map(|digit| char::from(digit).to_digit(16));
        *byte = u8::try_from(high? * 16 + low?).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use kernel::hex;
    use proptest::prelude::*;

    #[test]
    fn it_is_the_plain_sha_256_of_the_canonical_text() {
        // printf '{}' | sha256sum
        let none = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
        assert_eq!(hex(&hash("").unwrap()), none);
        assert_eq!(hex(&hash(" { } ").unwrap()), none);
        let canonical = r#"{"a":[1,2.5,"\u000f\n"],"b":"é"}"#;
        let written = "{\"b\" : \"\\u00e9\", \"a\": [1.0, 25e-1, \"\\u000F\\u000a\"]}";
        assert_eq!(hash(written).unwrap(), hash(canonical).unwrap());
        assert_eq!(hash(canonical).unwrap(), ArgsHash::from(Sha256::digest(canonical)));
    }

    #[test]
    fn keys_are_in_the_order_of_their_utf_16_units() {
        // RFC 8785, 3.2.3: a surrogate pair sorts before U+FB33, which is the larger unit.
        let canonical = "{\"1\":1,\"\u{f6}\":2,\"\u{20ac}\":3,\"\u{1f600}\":4,\"\u{fb33}\":5}";
        let written = "{\"\u{fb33}\":5,\"\u{1f600}\":4,\"\u{20ac}\":3,\"\u{f6}\":2,\"1\":1}";
        assert_eq!(hash(written).unwrap(), ArgsHash::from(Sha256::digest(canonical)));
    }

    #[test]
    fn other_arguments_have_another_hash() {
        let all = ["{}", "[]", "null", r#"{"a":1}"#, r#"{"a":"1"}"#, r#"{"a":[1]}"#, r#"{"A":1}"#];
        let hashes: std::collections::BTreeSet<_> = all.map(|json| hash(json).unwrap()).into();
        assert_eq!(hashes.len(), all.len());
    }

    #[test]
    fn what_is_no_json_has_none() {
        let deep = "[".repeat(1_000);
        for json in ["{", "nul", "{'a':1}", "1 2", "\"\\ud800\"", "1e999", deep.as_str()] {
            assert!(hash(json).is_err(), "{json}");
        }
    }

    proptest! {
        #[test]
        fn an_event_may_carry_it_as_bytes_or_as_digits(json in "[a-z]{0,9}") {
            let hash = hash(&format!("\"{json}\"")).unwrap();
            prop_assert_eq!(of_event(&hash), Some(hash));
            prop_assert_eq!(of_event(hex(&hash).as_bytes()), Some(hash));
            prop_assert_eq!(of_event(hex(&hash).to_uppercase().as_bytes()), Some(hash));
            prop_assert_eq!(of_event(&hash[1..]), None);
        }

        #[test]
        fn no_bytes_break_it(sent in prop::collection::vec(any::<u8>(), 0..70)) {
            let known = of_event(&sent).is_some();
            prop_assert!(!known || sent.len() == 32 || sent.len() == 64);
        }
    }
}
