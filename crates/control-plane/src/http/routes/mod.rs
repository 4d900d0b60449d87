//! The handlers, one file per resource: decode, one step, encode.

mod access_keys;
mod attachments;
mod audit;
mod databases;
mod endpoints;
mod groups;
mod health;
mod pins;
mod policies;
mod pool;
mod proxies;
mod roles;
mod secrets;
mod sessions;
mod simulate;
mod tags;
mod targets;
mod users;

use super::table::Operation;

/// Every operation of the API, in the order of the document.
pub(super) fn operations() -> Vec<Operation> {
    [
        proxies::operations(),
        pins::operations(),
        pool::operations(),
        targets::operations(),
        endpoints::operations(),
        databases::operations(),
        secrets::operations(),
        users::operations(),
        groups::operations(),
        roles::operations(),
        policies::operations(),
        attachments::operations(),
        access_keys::operations(),
        simulate::operations(),
        sessions::operations(),
        tags::operations(),
        audit::operations(),
        health::operations(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
