//! Pages of a list: tokens are opaque, and belong to the request they continue.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use fault::{ErrorReason, Violations};
use sha2::{Digest, Sha256};

const SIZE_DEFAULT: usize = 100;
const SIZE_MAX: usize = 1_000;
/// Enough of the filter's hash to catch a token that is used with another filter by mistake.
const FILTER_BYTES: usize = 8;

/// Which page is wanted.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Page {
    size: usize,
    filter: [u8; FILTER_BYTES],
    /// Where the page before ended, in the list's own words.
    after: Option<Vec<u8>>,
}

impl Page {
    /// `filter` is everything in the request but size and token.
    pub(super) fn parse(v: &mut Violations, size: i32, token: &str, filter: &[u8]) -> Option<Self> {
        let wanted = usize::try_from(size);
        if wanted.is_err() {
            let limit = format!("is 1 to {SIZE_MAX}, or 0 for {SIZE_DEFAULT}; {size} was sent");
            v.add("page_size", ErrorReason::OutOfRange, limit);
        }
        let size = match wanted.ok()? {
            0 => SIZE_DEFAULT,
            size => size.min(SIZE_MAX),
        };
        let digest = Sha256::digest(filter);
        let filter = digest[..FILTER_BYTES].try_into().expect("a digest is longer");
        if token.is_empty() {
            return Some(Self { size, filter, after: None });
        }
        let decoded = URL_SAFE_NO_PAD.decode(token).ok();
        let after = decoded
            .as_deref()
            .and_then(|bytes| bytes.split_at_checked(FILTER_BYTES))
            .filter(|(of, _)| *of == filter)
            .map(|(_, after)| after.to_vec());
        if after.is_none() {
            refuse(v);
        }
        Some(Self { size, filter, after: Some(after?) })
    }

    pub(super) fn after(&self) -> Option<&[u8]> {
        self.after.as_deref()
    }

    /// One more than the page holds: the one beyond says that there is a next page.
    pub(super) fn limit(&self) -> u64 {
        self.size as u64 + 1
    }

    /// This page of what was found within [`Self::limit`], and the token of the next.
    pub(super) fn cut<T>(
        &self,
        mut found: Vec<T>,
        end: impl Fn(&T) -> Vec<u8>,
    ) -> (Vec<T>, String) {
        let more = found.len() > self.size;
        found.truncate(self.size);
        let next = found.last().filter(|_| more).map_or_else(String::new, |last| {
            URL_SAFE_NO_PAD.encode([self.filter.as_slice(), &end(last)].concat())
        });
        (found, next)
    }
}

/// The token is not one this list gave out.
pub(super) fn refuse(v: &mut Violations) {
    let what = "is not the next_page_token of this very request; begin again with the first page";
    v.add("page_token", ErrorReason::BadPageToken, what);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_brings_back_where_its_page_ended() {
        let page = Page::parse(&mut Violations::new(), 2, "", b"all").unwrap();
        assert_eq!(page.limit(), 3);
        let (items, token) = page.cut(vec![1u8, 2, 3], |last| vec![*last]);
        assert_eq!(items, [1, 2]);
        let next = Page::parse(&mut Violations::new(), 2, &token, b"all").unwrap();
        assert_eq!(next.after(), Some([2].as_slice()));
        assert_eq!(next.cut(vec![3u8], |last| vec![*last]), (vec![3], String::new()));
    }

    #[test]
    fn a_token_of_another_request_a_damaged_one_and_a_negative_size_are_refused() {
        let page = Page::parse(&mut Violations::new(), 1, "", b"all").unwrap();
        let (_, token) = page.cut(vec![1u8, 2], |last| vec![*last]);
        for (size, token, filter) in
            [(1, token.as_str(), "some"), (1, "!", "all"), (1, "AA", "all"), (-1, "", "all")]
        {
            let mut v = Violations::new();
            assert_eq!(Page::parse(&mut v, size, token, filter.as_bytes()), None);
            assert_eq!(v.len(), 1);
        }
    }
}
