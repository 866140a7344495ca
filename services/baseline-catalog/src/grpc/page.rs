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
pub(crate) struct Page {
    size: usize,
    filter: [u8; FILTER_BYTES],
    /// The key of the last item of the page before.
    after: Option<String>,
}

impl Page {
    /// `filter` is everything in the request but size and token.
    pub(crate) fn parse(v: &mut Violations, size: i32, token: &str, filter: &[u8]) -> Option<Self> {
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
        let after = URL_SAFE_NO_PAD.decode(token).ok().and_then(|bytes| {
            let (of, after) = bytes.split_at_checked(FILTER_BYTES)?;
            (of == filter).then(|| String::from_utf8(after.to_vec()).ok())?
        });
        if after.is_none() {
            refuse(v);
        }
        Some(Self { size, filter, after: Some(after?) })
    }

    /// This page of `items`, and the token of the next. A token whose item is gone is refused.
    pub(crate) fn cut<T>(
        &self,
        items: Vec<T>,
        key: impl Fn(&T) -> String,
    ) -> Result<(Vec<T>, String), Violations> {
        let start = match &self.after {
            None => 0,
            Some(after) => match items.iter().position(|item| key(item) == *after) {
                Some(last) => last + 1,
                None => {
                    let mut v = Violations::new();
                    refuse(&mut v);
                    return Err(v);
                }
            },
        };
        let more = items.len() > start + self.size;
        let page: Vec<T> = items.into_iter().skip(start).take(self.size).collect();
        let next =
            page.last().filter(|_| more).map_or_else(String::new, |last| self.token(&key(last)));
        Ok((page, next))
    }

    fn token(&self, after: &str) -> String {
        URL_SAFE_NO_PAD.encode([self.filter.as_slice(), after.as_bytes()].concat())
    }
}

fn refuse(v: &mut Violations) {
    let what = "is not the next_page_token of this very request; begin again with the first page";
    v.add("page_token", ErrorReason::BadPageToken, what);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pages(size: i32) -> Vec<Vec<u32>> {
        let (mut token, mut pages) = (String::new(), Vec::new());
        loop {
            let page = Page::parse(&mut Violations::new(), size, &token, b"all").unwrap();
            let (items, next) = page.cut((0..10).collect(), u32::to_string).unwrap();
            pages.push(items);
            if next.is_empty() {
                return pages;
            }
            token = next;
        }
    }

    #[test]
    fn pages_join_into_the_list_whatever_their_size() {
        for size in [1, 3, 5, 10, 11, 0] {
            assert_eq!(pages(size).concat(), (0..10).collect::<Vec<_>>(), "{size}");
        }
        assert_eq!(pages(5).len(), 2);
    }

    #[test]
    fn a_token_of_another_request_a_damaged_one_and_a_negative_size_are_refused() {
        let first = Page::parse(&mut Violations::new(), 3, "", b"all").unwrap();
        let (_, token) = first.cut((0..10).collect(), u32::to_string).unwrap();
        for (size, token, filter) in
            [(3, token.as_str(), "some"), (3, "!", "all"), (3, "AA", "all"), (-1, "", "all")]
        {
            let mut v = Violations::new();
            assert_eq!(Page::parse(&mut v, size, token, filter.as_bytes()), None);
            assert_eq!(v.len(), 1);
        }
    }
}
