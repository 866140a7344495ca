//! Crockford's base 32, lower case, fixed width: ids that sort as their numbers and survive dictation.

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// Characters a 64-bit number takes.
const WIDTH: usize = 13;

/// 13 characters, most significant first.
pub fn encode(value: u64) -> String {
    (0..WIDTH).rev().map(|i| char::from(ALPHABET[(value >> (5 * i)) as usize & 31])).collect()
}

/// The number, or `None` for another length, another alphabet or an overflow.
pub fn decode(text: &str) -> Option<u64> {
    if text.len() != WIDTH {
        return None;
    }
    text.bytes().try_fold(0u64, |value, byte| {
        let digit = ALPHABET.iter().position(|c| *c == byte)? as u64;
        value.checked_mul(32)?.checked_add(digit)
    })
}
