//! Pages of a list: always in the order of a unique key, so that inserts neither repeat nor hide a row.

use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select,
};

use crate::StoreError;

/// Which part of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// How many rows at most; 0 is taken as 1.
    pub limit: u32,
    /// The key after which to go on: the `next` of the page before.
    pub after: Option<String>,
}

impl Page {
    /// The first `limit` rows.
    pub fn first(limit: u32) -> Self {
        Self { limit, after: None }
    }

    /// The same number of rows after `key`.
    #[must_use]
    pub fn after(mut self, key: impl Into<String>) -> Self {
        self.after = Some(key.into());
        self
    }

    pub(crate) fn size(&self) -> usize {
        usize::try_from(self.limit.max(1)).unwrap_or(usize::MAX)
    }

    /// One more than asked for tells whether there is a next page.
    pub(crate) fn fetch_limit(&self) -> u64 {
        u64::from(self.limit.max(1)).saturating_add(1)
    }
}

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed<T> {
    /// The rows, in the order of their key.
    pub items: Vec<T>,
    /// What to pass as [`Page::after`] for the rest; `None` at the end.
    pub next: Option<String>,
}

impl<T> Listed<T> {
    /// Cuts rows fetched with [`Page::fetch_limit`] down to the page; `key` tells a row's sorting key.
    pub(crate) fn cut(mut rows: Vec<T>, page: &Page, key: impl Fn(&T) -> String) -> Self {
        let more = rows.len() > page.size();
        rows.truncate(page.size());
        let next = if more { rows.last().map(key) } else { None };
        Self { items: rows, next }
    }

    /// The same page with every row turned into something else.
    pub(crate) fn try_map<U>(
        self,
        turn: impl FnMut(T) -> Result<U, StoreError>,
    ) -> Result<Listed<U>, StoreError> {
        let items = self.items.into_iter().map(turn).collect::<Result<_, _>>()?;
        Ok(Listed {
            items,
            next: self.next,
        })
    }
}

/// Fetches one page of `select` in the order of the unique text column `key`.
pub(crate) async fn fetch<E, C>(
    connection: &C,
    select: Select<E>,
    key: E::Column,
    page: &Page,
) -> Result<Vec<E::Model>, StoreError>
where
    E: EntityTrait,
    C: ConnectionTrait,
{
    let mut select = select.order_by_asc(key).limit(page.fetch_limit());
    if let Some(after) = &page.after {
        select = select.filter(key.gt(after.clone()));
    }
    Ok(select.all(connection).await?)
}

/// Only rows whose `column`, a path, begins with `path`. Paths are ASCII, so the first text that is not
/// below is known; `LIKE` would read `%` and `_`, which paths may hold.
pub(crate) fn below<E: EntityTrait>(select: Select<E>, column: E::Column, path: &str) -> Select<E> {
    if path == "/" {
        return select;
    }
    select
        .filter(column.gte(path))
        .filter(column.lt(format!("{path}\u{80}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_page_has_no_next() {
        let page = Page::first(2);
        let key = |row: &u32| row.to_string();
        assert_eq!(
            Listed::cut(vec![1, 2, 3], &page, key).next,
            Some("2".to_owned())
        );
        assert_eq!(Listed::cut(vec![1, 2], &page, key).next, None);
        assert_eq!(Listed::cut(vec![], &page, key).items, Vec::<u32>::new());
    }
}
