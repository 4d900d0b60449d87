//! Pages of lists with AWS's markers: opaque, sealed, and good for their own list only.

use tollgate_store::Page;

use super::call::Call;
use super::fault::Refusal;
use crate::http::page;
use crate::problem::Problem;

/// Bounds of a page, as each service documents them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) min: u32,
    pub(crate) max: u32,
    pub(crate) default: u32,
}

impl Call {
    /// The page that a request asks for. `filter` is what the list is limited to; a marker of another filter
    /// is refused.
    pub(crate) fn page(
        &self,
        marker: Option<&str>,
        size: Option<u32>,
        bounds: Bounds,
        filter: &str,
    ) -> Result<Page, Refusal> {
        let limit = size.unwrap_or(bounds.default);
        if !(bounds.min..=bounds.max).contains(&limit) {
            let Bounds { min, max, .. } = bounds;
            return Err(Refusal::Invalid(format!(
                "the page size must be between {min} and {max}"
            )));
        }
        let after = match marker {
            None | Some("") => None,
            Some(marker) => {
                let opened = page::open(&self.api, &self.place(filter), marker);
                Some(opened.ok_or_else(|| {
                    Refusal::Invalid("Marker is not one that this list has returned".to_owned())
                })?)
            }
        };
        Ok(Page { limit, after })
    }

    /// The marker of the page after the item with this sort key, if there is one.
    pub(crate) fn marker(
        &self,
        after: Option<&str>,
        filter: &str,
    ) -> Result<Option<String>, Problem> {
        page::seal(&self.api, &self.place(filter), after)
    }

    fn place(&self, filter: &str) -> [String; 3] {
        let list = format!("{}:{}", self.service.scope, self.operation);
        ["page-token".to_owned(), list, filter.to_owned()]
    }
}
