//! Lists that are derived whole, a page at a time.

use chassis::page::{self, Page, Sizes};
use fault::{Fault, Violations};

/// As the contract says for every list of the catalog.
pub(super) const SIZES: Sizes = Sizes { default: 100, max: 1_000 };

/// The page of `items` that was asked for, and the token of the next. A token whose item is gone is
/// refused.
pub(super) fn cut<T>(
    page: &Page,
    mut items: Vec<T>,
    key: impl Fn(&T) -> String,
) -> Result<(Vec<T>, String), Fault> {
    if let Some(after) = page.after() {
        let Some(last) = items.iter().position(|item| key(item).as_bytes() == after) else {
            let mut v = Violations::new();
            page::refuse(&mut v);
            return Err(v.into_fault());
        };
        items.drain(..=last);
    }
    Ok(page.cut(items, |item| key(item).into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(size: i32, token: &str) -> Page {
        Page::parse(&mut Violations::new(), SIZES, size, token, b"all").unwrap()
    }

    #[test]
    fn pages_join_into_the_list_whatever_their_size() {
        for (size, count) in [(1, 10), (3, 4), (5, 2), (10, 1), (11, 1), (0, 1)] {
            let (mut token, mut pages) = (String::new(), Vec::new());
            loop {
                let asked = page(size, &token);
                let (items, next) = cut(&asked, (0..10).collect(), u32::to_string).unwrap();
                pages.push(items);
                if next.is_empty() {
                    break;
                }
                token = next;
            }
            assert_eq!(pages.concat(), (0..10).collect::<Vec<_>>(), "{size}");
            assert_eq!(pages.len(), count, "{size}");
        }
    }

    #[test]
    fn a_token_whose_item_is_gone_is_refused() {
        let (_, token) = cut(&page(3, ""), (0..10).collect(), u32::to_string).unwrap();
        let refused = cut(&page(3, &token), (5..10).collect(), u32::to_string).unwrap_err();
        assert_eq!(refused.reason(), fault::ErrorReason::BadPageToken);
    }
}
