//! Lists that are derived whole, a page at a time.
//!
//! A page ends at a place in the order of its list, not at an item: the next one goes on behind it,
//! whatever was set, replaced or withdrawn meanwhile.

use chassis::page::{Page, Sizes};
use kernel::WorkspaceId;

use crate::domain::{FxRate, PriceKey, RateTarget, RateValue, Recorded, Version};

/// As the contract says for every list of the catalog.
pub(super) const SIZES: Sizes = Sizes { default: 100, max: 1_000 };

/// Whose list, and which page of it.
pub(super) struct Asked {
    pub(super) workspace: WorkspaceId,
    pub(super) page: Page,
}

/// A list's request, and what all of them ask.
macro_rules! asked {
    ($message:ident, $request:expr) => {{
        let workspace = $crate::grpc::workspace(&$request)?;
        let request: pb::$message = $request.into_inner();
        let filter = pb::$message { page_size: 0, page_token: String::new(), ..request.clone() };
        let (size, token) = (request.page_size, &request.page_token);
        let page = $crate::grpc::parse::page(size, token, stringify!($message), &filter)?;
        (request, $crate::grpc::page::Asked { workspace, page })
    }};
}

pub(super) use asked;

/// The page that was asked for, in the order of the places, and the token of the next.
pub(super) fn cut<T>(
    page: &Page,
    items: Vec<T>,
    place: impl Fn(&T) -> Vec<u8>,
) -> (Vec<T>, String) {
    let placed = items.into_iter().map(|item| (place(&item), item));
    let wanted =
        placed.filter(|(place, _)| page.after().is_none_or(|after| place.as_slice() > after));
    let mut wanted: Vec<_> = wanted.collect();
    wanted.sort_by(|(one, _), (other, _)| one.cmp(other));
    let (wanted, next) = page.cut(wanted, |(place, _)| place.clone());
    (wanted.into_iter().map(|(_, item)| item).collect(), next)
}

/// The newest recorded first, what came with the product last.
pub(super) fn newest_first(version: &Version) -> Vec<u8> {
    let is_built_in = u8::from(version.number == 0);
    // Ids of one workspace are positions of one partition: their text sorts as their seq.
    [is_built_in].into_iter().chain(version.id.bytes().map(|byte| !byte)).collect()
}

/// The newest effective first, of two of one moment the newest recorded.
pub(super) fn newest_effective(rate: &Recorded<FxRate>) -> Vec<u8> {
    // Below zero before above it, then turned round.
    let micros = rate.version.effective.micros() ^ i64::MIN;
    [(!micros).to_be_bytes().to_vec(), newest_first(&rate.version)].concat()
}

/// The workspace's default, then by team, then by agent; what came with the product last.
pub(super) fn of_rate(rate: &Recorded<RateValue>) -> Vec<u8> {
    let (kind, name) = match &rate.value.target {
        _ if rate.version.number == 0 => (3, ""),
        RateTarget::Workspace => (0, ""),
        RateTarget::Team(name) => (1, name.as_str()),
        RateTarget::Agent(name) => (2, name.as_str()),
    };
    [&[kind], name.as_bytes()].concat()
}

/// By provider and model.
pub(super) fn of_price(key: &PriceKey) -> Vec<u8> {
    // Names have no control characters: this one keeps them apart.
    [key.provider.as_bytes(), key.model.as_bytes(), key.matching.as_str().as_bytes()].join(&0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use fault::Violations;
    use kernel::{Currency, Timestamp};

    use crate::domain::Pair;

    fn page(size: i32, token: &str) -> Page {
        Page::parse(&mut Violations::new(), SIZES, size, token, b"all").unwrap()
    }

    fn place(item: &u8) -> Vec<u8> {
        vec![*item]
    }

    #[test]
    fn pages_join_into_the_list_whatever_their_size() {
        for (size, count) in [(1, 10), (3, 4), (5, 2), (10, 1), (11, 1), (0, 1)] {
            let (mut token, mut pages) = (String::new(), Vec::new());
            loop {
                let (items, next) = cut(&page(size, &token), (0..10).rev().collect(), place);
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
    fn a_token_goes_on_behind_an_item_that_is_gone() {
        let (_, token) = cut(&page(3, ""), (0..10).collect(), place);
        let (items, _) = cut(&page(3, &token), vec![0, 1, 5, 6, 7, 8], place);
        assert_eq!(items, [5, 6, 7]);
    }

    #[test]
    fn what_is_newer_has_the_earlier_place() {
        let rate = |effective: i64, id: &str, number| {
            let version = Version {
                id: id.to_owned(),
                number,
                effective: Timestamp::from_micros(effective),
                recorded: Timestamp::EPOCH,
                actor: String::new(),
                reason: String::new(),
            };
            let pair = Pair { base: Currency::new("USD").unwrap(), quote: Currency::EUR };
            Recorded { value: FxRate { pair, nanos: 1, source: String::new() }, version }
        };
        let newest =
            [rate(5, "at_1", 1), rate(0, "at_3", 2), rate(0, "at_2", 1), rate(-5, "at_9", 1)];
        assert!(newest.iter().map(newest_effective).is_sorted());
        let last = [rate(0, "at_9", 1), rate(0, "at_1", 1), rate(0, "builtin@1", 0)];
        assert!(last.iter().map(|rate| newest_first(&rate.version)).is_sorted());
    }
}
