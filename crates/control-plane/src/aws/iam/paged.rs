//! Pages as IAM has them: `MaxItems`, `Marker`, `IsTruncated`.

use serde::Deserialize;
use tollgate_store::{Listed, Page};

use crate::aws::call::Call;
use crate::aws::fault::Refusal;
use crate::aws::paging::Bounds;

/// Source: IAM API, `maxItemsType`.
const BOUNDS: Bounds = Bounds {
    min: 1,
    max: 1_000,
    default: 100,
};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Asked {
    marker: Option<String>,
    max_items: Option<u32>,
}

/// The page that a request asks for; `filter` is what the list is limited to.
pub(super) fn ask(call: &Call, filter: &str) -> Result<Page, Refusal> {
    let asked: Asked = call.decode()?;
    call.page(asked.marker.as_deref(), asked.max_items, BOUNDS, filter)
}

/// One page of a list that is at hand as a whole, in the order of its keys.
pub(super) fn cut<T>(items: Vec<T>, page: &Page, key: impl Fn(&T) -> String) -> Listed<T> {
    let size = usize::try_from(page.limit).unwrap_or(usize::MAX);
    let is_left = |item: &T| page.after.as_ref().is_none_or(|after| key(item) > *after);
    let mut items: Vec<T> = items.into_iter().filter(is_left).collect();
    let more = items.len() > size;
    items.truncate(size);
    let next = if more { items.last().map(key) } else { None };
    Listed { items, next }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_a_whole_list_follow_each_other() {
        let all = || vec!["a", "b", "c"];
        let key = |item: &&str| (*item).to_owned();
        let first = cut(all(), &Page::first(2), key);
        assert_eq!(
            (first.items, first.next.as_deref()),
            (vec!["a", "b"], Some("b"))
        );
        let second = cut(all(), &Page::first(2).after("b"), key);
        assert_eq!((second.items, second.next), (vec!["c"], None));
    }
}
