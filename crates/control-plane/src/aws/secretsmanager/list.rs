//! `ListSecrets`: filters, order and pages.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;
use tollgate_store::{Page, SecretRow};

use super::describe::Described;
use crate::aws::call::{Answer, Call};
use crate::aws::fault::{Fault, Refusal};
use crate::aws::paging::Bounds;

/// Source: `ListSecrets`, `MaxResults`.
const PAGE: Bounds = Bounds {
    min: 1,
    max: 100,
    default: 100,
};
/// Rows that are read from the store at a time.
const READ_AT_ONCE: u32 = 1_000;

/// A list that is asked for.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Asked {
    #[serde(default)]
    pub(super) filters: Vec<Filter>,
    pub(super) include_planned_deletion: Option<bool>,
    pub(super) sort_order: Option<Order>,
    pub(super) max_results: Option<u32>,
    pub(super) next_token: Option<String>,
}

/// By date of creation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Order {
    Asc,
    Desc,
}

/// One condition; every filter must hold, by any of its values.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Filter {
    key: Attribute,
    #[serde(default)]
    values: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Attribute {
    Description,
    Name,
    TagKey,
    TagValue,
    PrimaryRegion,
    OwningService,
    All,
}

/// A page of rows.
pub(super) struct Found {
    pub(super) rows: Vec<SecretRow>,
    pub(super) next_token: Option<String>,
}

#[skip_serializing_none]
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    secret_list: Vec<Described>,
    next_token: Option<String>,
}

/// `ListSecrets`
pub(super) async fn list(call: Arc<Call>) -> Result<Answer, Refusal> {
    let asked: Asked = call.decode()?;
    let found = find(&call, &asked, PAGE).await?;
    let entry = |row| Described::entry(&call, row);
    call.answer(&Listed {
        secret_list: found.rows.into_iter().map(entry).collect(),
        next_token: found.next_token,
    })
}

/// The page of this list. All names are read and most are dropped: secrets are few, filters many.
pub(super) async fn find(call: &Call, asked: &Asked, bounds: Bounds) -> Result<Found, Refusal> {
    let shape = format!(
        "{:?} {:?} {:?}",
        asked.filters, asked.include_planned_deletion, asked.sort_order
    );
    let page = page(
        call,
        (asked.next_token.as_deref(), asked.max_results),
        bounds,
        &shape,
    )?;
    let mut rows: Vec<(String, SecretRow)> = all(call)
        .await?
        .into_iter()
        .filter(|row| row.deletion.is_none() || asked.include_planned_deletion == Some(true))
        .filter(|row| asked.filters.iter().all(|filter| filter.holds(call, row)))
        .map(|row| (format!("{:020} {}", row.created_at, row.name), row))
        .collect();
    rows.sort_by(|(a, _), (b, _)| a.cmp(b));
    let order = asked.sort_order.unwrap_or(Order::Asc);
    if order == Order::Desc {
        rows.reverse();
    }
    if let Some(after) = &page.after {
        rows.retain(|(key, _)| match order {
            Order::Asc => key > after,
            Order::Desc => key < after,
        });
    }
    let size = usize::try_from(page.limit).unwrap_or(usize::MAX);
    let is_cut = rows.len() > size;
    rows.truncate(size);
    let last = rows.last().filter(|_| is_cut).map(|(key, _)| key.as_str());
    Ok(Found {
        next_token: call.marker(last, &shape)?,
        rows: rows.into_iter().map(|(_, row)| row).collect(),
    })
}

/// As [`Call::page`], with Secrets Manager's code for a token of another list.
pub(super) fn page(
    call: &Call,
    (token, size): (Option<&str>, Option<u32>),
    bounds: Bounds,
    shape: &str,
) -> Result<Page, Refusal> {
    call.page(None, size, bounds, shape)?;
    call.page(token, size, bounds, shape).map_err(|_| {
        let message = "NextToken is not one that this list has returned.";
        Fault::sender("InvalidNextTokenException", message).into()
    })
}

async fn all(call: &Call) -> Result<Vec<SecretRow>, Refusal> {
    let (mut rows, mut page) = (Vec::new(), Page::first(READ_AT_ONCE));
    loop {
        let listed = call.api.store.secret_list(&page).await?;
        rows.extend(listed.items);
        match listed.next {
            Some(next) => page = page.after(next),
            None => return Ok(rows),
        }
    }
}

impl Filter {
    fn holds(&self, call: &Call, row: &SecretRow) -> bool {
        self.values
            .iter()
            .any(|value| match value.strip_prefix('!') {
                Some(value) => !self.key.fits(call, row, value),
                None => self.key.fits(call, row, value),
            })
    }
}

impl Attribute {
    /// Source: `ListSecrets`, `Filters`: what begins with the value, description and `all` in any case.
    fn fits(self, call: &Call, row: &SecretRow, value: &str) -> bool {
        let begins = |text: &str| text.to_lowercase().starts_with(&value.to_lowercase());
        match self {
            Self::Name => row.name.starts_with(value),
            Self::Description => {
                row.description.split_whitespace().any(begins) || begins(&row.description)
            }
            Self::TagKey => row.tags.keys().any(|key| key.starts_with(value)),
            Self::TagValue => row.tags.values().any(|text| text.starts_with(value)),
            Self::PrimaryRegion => call.api.settings.arn.region.starts_with(value),
            Self::OwningService => false,
            Self::All => {
                let words = row.description.split_whitespace();
                let tags = row
                    .tags
                    .iter()
                    .flat_map(|(key, text)| [key.as_str(), text.as_str()]);
                let is_word = |c: char| !c.is_alphanumeric();
                words.chain(tags).chain(row.name.split(is_word)).any(begins) || begins(&row.name)
            }
        }
    }
}
