//! Pages of lists: sizes, and sealed tokens that fit only the list they were made for.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tollgate_secrets::SealedBlob;
use tollgate_store::Page;

use super::call::Call;
use crate::api::Api;
use crate::problem::{Code, Problem};
use crate::vault::Place;

const SIZE_DEFAULT: u32 = 50;
const SIZE_MAX: u32 = 1_000;

/// Reads `pageSize` and `pageToken`.
pub(crate) fn ask(api: &Api, call: &Call) -> Result<Page, Problem> {
    let limit = match call.query("pageSize") {
        None => SIZE_DEFAULT,
        Some(text) => text
            .parse()
            .ok()
            .filter(|size| (1..=SIZE_MAX).contains(size))
            .ok_or_else(|| {
                let message = "pageSize must be between 1 and 1000";
                Problem::field(
                    Code::ValidationFailed,
                    "?pageSize",
                    "1 <= pageSize <= 1000",
                    message,
                )
            })?,
    };
    let after = match call.query("pageToken") {
        None => None,
        Some(token) => Some(open(api, &place(call), token).ok_or_else(|| {
            let detail =
                "pageToken must be the nextPageToken of the same list with the same filter";
            Problem::new(Code::InvalidPageToken, detail)
        })?),
    };
    Ok(Page { limit, after })
}

/// The token of the page after the item with this sort key, if there is one.
pub(crate) fn next(api: &Api, call: &Call, after: Option<&str>) -> Result<Option<String>, Problem> {
    seal(api, &place(call), after)
}

/// As [`next`], for a list that is given by its place.
pub(crate) fn seal(
    api: &Api,
    place: &Place,
    after: Option<&str>,
) -> Result<Option<String>, Problem> {
    let Some(after) = after else { return Ok(None) };
    let sealed = api.vault.seal(place, after.as_bytes())?;
    Ok(Some(URL_SAFE_NO_PAD.encode(sealed.as_bytes())))
}

/// The sort key in a token; `None` if the token was not made for this place.
pub(crate) fn open(api: &Api, place: &Place, token: &str) -> Option<String> {
    let sealed = SealedBlob::from_bytes(URL_SAFE_NO_PAD.decode(token).ok()?);
    let opened = api.vault.try_open(place, &sealed).ok()?;
    String::from_utf8(opened.to_vec()).ok()
}

/// A token is bound to the list and its filter, but not to the page size.
fn place(call: &Call) -> Place {
    let filter: String = call
        .operation
        .queries
        .iter()
        .filter(|query| !query.name.starts_with("page"))
        .filter_map(|query| Some(format!("{}={}\n", query.name, call.query(query.name)?)))
        .collect();
    [
        "page-token".to_owned(),
        call.received.uri.path().to_owned(),
        filter,
    ]
}
