//! Page tokens: where the next page begins, bound to the request they belong to.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use fault::{ErrorReason, Violations};
use sha2::{Digest as _, Sha256};

const SEAL: usize = 6;
const SIZE_DEFAULT: usize = 50;
const SIZE_MAX: usize = 500;

/// Rows of a page: 0 is the default, more than the maximum is the maximum.
pub(super) fn size(v: &mut Violations, sent: i32) -> Option<usize> {
    match usize::try_from(sent) {
        Ok(0) => Some(SIZE_DEFAULT),
        Ok(size) => Some(size.min(SIZE_MAX)),
        Err(_) => {
            let text = format!("at least 0 (0 means {SIZE_DEFAULT}), {sent} sent");
            v.add("page_size", ErrorReason::OutOfRange, text);
            None
        }
    }
}

/// A token for the page behind `place`, good only for requests with the same `scope`.
pub(super) fn token(scope: &str, place: &[i64]) -> String {
    let mut bytes = seal(scope).to_vec();
    bytes.extend(place.iter().flat_map(|number| number.to_be_bytes()));
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The place a token stands for; `Some(None)` is the first page.
pub(super) fn place<const N: usize>(
    v: &mut Violations,
    scope: &str,
    token: &str,
) -> Option<Option<[i64; N]>> {
    if token.is_empty() {
        return Some(None);
    }
    let place = read(scope, token);
    if place.is_none() {
        let text = "not a next_page_token of a request with the same other fields";
        v.add("page_token", ErrorReason::BadPageToken, text);
    }
    place.map(Some)
}

fn read<const N: usize>(scope: &str, token: &str) -> Option<[i64; N]> {
    let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
    let numbers = bytes.strip_prefix(&seal(scope)[..])?;
    let (chunks, rest) = numbers.as_chunks::<8>();
    let place: [[u8; 8]; N] = chunks.try_into().ok()?;
    rest.is_empty().then(|| place.map(i64::from_be_bytes))
}

fn seal(scope: &str) -> [u8; SEAL] {
    let digest = Sha256::digest(scope);
    std::array::from_fn(|at| digest[at])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_good_for_its_own_request_only() {
        let token = token("deliveries ep_1", &[7, -1]);
        let mut v = Violations::new();
        assert_eq!(place(&mut v, "deliveries ep_1", &token), Some(Some([7, -1])));
        assert!(v.is_empty());
        assert_eq!(place::<2>(&mut v, "deliveries ep_2", &token), None);
        assert_eq!(place::<1>(&mut v, "deliveries ep_1", &token), None);
        assert_eq!(place::<2>(&mut v, "deliveries ep_1", "nonsense"), None);
        assert_eq!(v.len(), 3);
        assert_eq!(place::<2>(&mut v, "deliveries ep_1", ""), Some(None));
    }

    #[test]
    fn sizes_have_a_default_and_a_limit() {
        let mut v = Violations::new();
        assert_eq!([0, 7, 1_000].map(|sent| size(&mut v, sent)), [Some(50), Some(7), Some(500)]);
        assert_eq!(size(&mut v, -1), None);
    }
}
