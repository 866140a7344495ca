//! Pages of a list: tokens are opaque, and belong to the request they continue.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use fault::{ErrorReason, Violations};
use sha2::{Digest as _, Sha256};

/// Enough of the filter's hash to catch a token that is used with another filter by mistake.
const FILTER_BYTES: usize = 8;

/// How many items a page of a list holds, as its contract says.
#[derive(Debug, Clone, Copy)]
pub struct Sizes {
    /// Where none is asked for.
    pub default: usize,
    /// At most, whatever is asked for.
    pub max: usize,
}

/// Which page is wanted.
#[derive(Debug, PartialEq, Eq)]
pub struct Page {
    size: usize,
    filter: [u8; FILTER_BYTES],
    /// Where the page before ended, in the list's own words.
    after: Option<Vec<u8>>,
}

impl Page {
    /// From `page_size` and `page_token`; `filter` is everything else that the list depends on.
    pub fn parse(
        v: &mut Violations,
        sizes: Sizes,
        size: i32,
        token: &str,
        filter: &[u8],
    ) -> Option<Self> {
        let Sizes { default, max } = sizes;
        let wanted = usize::try_from(size);
        if wanted.is_err() {
            let limit = format!("is 1 to {max}, or 0 for {default}; {size} was sent");
            v.add("page_size", ErrorReason::OutOfRange, limit);
        }
        let filter = seal(filter);
        let after = match token {
            "" => Some(None),
            token => open(token, filter).map(Some),
        };
        if after.is_none() {
            refuse(v);
        }
        let size = match wanted.ok()? {
            0 => default,
            size => size.min(max),
        };
        Some(Self { size, filter, after: after? })
    }

    /// Where the page before ended; `None` on the first page.
    #[must_use]
    pub fn after(&self) -> Option<&[u8]> {
        self.after.as_deref()
    }

    /// The same for a list whose places are `N` numbers, written with [`place`]. `None` when the
    /// token holds something else: [`refuse`] it.
    #[must_use]
    pub fn after_place<const N: usize>(&self) -> Option<Option<[i64; N]>> {
        let Some(after) = self.after() else { return Some(None) };
        let (chunks, rest) = after.as_chunks::<8>();
        let numbers: [[u8; 8]; N] = chunks.try_into().ok()?;
        rest.is_empty().then(|| Some(numbers.map(i64::from_be_bytes)))
    }

    /// One more than the page holds: the one beyond says that there is a next page.
    #[must_use]
    pub fn limit(&self) -> u64 {
        self.size as u64 + 1
    }

    /// How many items the page holds at most.
    #[must_use]
    pub fn size(&self) -> usize {
        self.size
    }

    /// The token of a page that begins behind `end`: for lists that look only so far in one call, whose
    /// pages may be short, or empty, and not the last.
    #[must_use]
    pub fn token(&self, end: &[u8]) -> String {
        URL_SAFE_NO_PAD.encode([self.filter.as_slice(), end].concat())
    }

    /// This page of what was found within [`Self::limit`], and the token of the next: empty on the
    /// last. `end` says where a page ends that ends with this item.
    pub fn cut<T>(&self, mut found: Vec<T>, end: impl Fn(&T) -> Vec<u8>) -> (Vec<T>, String) {
        let more = found.len() > self.size;
        found.truncate(self.size);
        let last = found.last().filter(|_| more);
        let next = last.map_or_else(String::new, |last| self.token(&end(last)));
        (found, next)
    }
}

/// Where a page ended, for lists that are ordered by numbers.
#[must_use]
pub fn place<const N: usize>(numbers: [i64; N]) -> Vec<u8> {
    numbers.map(i64::to_be_bytes).concat()
}

/// The token is not one this list gave out.
pub fn refuse(v: &mut Violations) {
    let what = "is not the next_page_token of this very request; begin again with the first page";
    v.add("page_token", ErrorReason::BadPageToken, what);
}

fn seal(filter: &[u8]) -> [u8; FILTER_BYTES] {
    let digest = Sha256::digest(filter);
    std::array::from_fn(|at| digest[at])
}

fn open(token: &str, filter: [u8; FILTER_BYTES]) -> Option<Vec<u8>> {
    let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
    bytes.strip_prefix(&filter).map(<[u8]>::to_vec)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZES: Sizes = Sizes { default: 50, max: 500 };

    fn page(size: i32, token: &str, filter: &str) -> (Option<Page>, usize) {
        let mut v = Violations::new();
        (Page::parse(&mut v, SIZES, size, token, filter.as_bytes()), v.len())
    }

    #[test]
    fn a_token_brings_back_where_its_page_ended() {
        let first = page(2, "", "all").0.expect("right");
        assert_eq!((first.limit(), first.after_place::<2>()), (3, Some(None)));
        let (items, token) = first.cut(vec![7, 8, 9], |last| place([*last, -1]));
        assert_eq!(items, [7, 8]);
        let next = page(2, &token, "all").0.expect("its own token");
        assert_eq!(next.after_place(), Some(Some([8, -1])));
        assert_eq!(next.after_place::<1>(), None, "not a place of that list");
        assert_eq!(next.cut(vec![9], |last| place([*last, -1])), (vec![9], String::new()));
    }

    #[test]
    fn sizes_have_a_default_and_a_limit() {
        let limits = [0, 7, 1_000].map(|size| page(size, "", "all").0.map(|page| page.limit()));
        assert_eq!(limits, [Some(51), Some(8), Some(501)]);
    }

    #[test]
    fn a_token_of_another_request_a_damaged_one_and_a_negative_size_are_refused_together() {
        let (_, token) = page(1, "", "all").0.expect("right").cut(vec![1, 2], |_| Vec::new());
        for (size, token, filter, wrong) in [
            (1, token.as_str(), "some", 1),
            (1, "!", "all", 1),
            (1, "AA", "all", 1),
            (-1, "", "all", 1),
            (-1, "!", "all", 2),
        ] {
            assert_eq!(page(size, token, filter), (None, wrong), "{size} {token} {filter}");
        }
    }
}
