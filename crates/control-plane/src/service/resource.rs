//! Which resource a call is about: its ARN and its tags, for authorization.

use std::collections::BTreeMap;

use tollgate_store::StoreError;
use tollgate_types::Arn;

use super::{name, secrets};
use crate::api::Api;
use crate::http::table::{Kind, On};
use crate::problem::Problem;

/// What an action is allowed on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Resource {
    pub(crate) arn: String,
    pub(crate) tags: BTreeMap<String, String>,
}

/// The resource of a call. One that does not exist has the ARN it would have, and no tags: whether it
/// exists is learned only by those who may ask.
pub(crate) async fn of(api: &Api, on: On, given: &str) -> Result<Resource, Problem> {
    let arn = &api.settings.arn;
    let kind = match on {
        On::Any(kind) => {
            return Ok(Resource {
                arn: arn_of(arn, kind, "*"),
                tags: BTreeMap::new(),
            });
        }
        On::One(kind) => kind,
    };
    let found = match kind {
        Kind::Database => {
            let row = api.store.database_get(name::database(arn, given)).await;
            row.map(|row| (row.name, row.tags))
        }
        Kind::Secret => {
            let row = api.store.secret_get(name::secret(arn, given)).await;
            return absent_or(row, arn_of(arn, kind, given), |row| Resource {
                arn: secrets::arn(arn, &row.name, &row.id),
                tags: row.tags,
            });
        }
        Kind::Proxy => {
            let row = api.store.proxy_get(name::proxy(arn, given)).await;
            row.map(|row| (row.id.to_string(), row.tags))
        }
        Kind::User => {
            let row = api.store.user_get(name::iam(arn, "user", given)).await;
            row.map(|row| (row.name, row.tags))
        }
        Kind::Role => {
            let row = api.store.role_get(name::iam(arn, "role", given)).await;
            row.map(|row| (row.name, row.tags))
        }
        Kind::Group => {
            let row = api.store.group_get(name::iam(arn, "group", given)).await;
            row.map(|row| (row.name, BTreeMap::new()))
        }
        Kind::Policy => {
            let row = api.store.policy_get(name::iam(arn, "policy", given)).await;
            row.map(|row| (row.name, BTreeMap::new()))
        }
        Kind::Decision | Kind::Simulation => Ok((given.to_owned(), BTreeMap::new())),
    };
    absent_or(found, arn_of(arn, kind, given), |(id, tags)| Resource {
        arn: arn_of(arn, kind, &id),
        tags,
    })
}

fn absent_or<T>(
    found: Result<T, StoreError>,
    absent: String,
    present: impl FnOnce(T) -> Resource,
) -> Result<Resource, Problem> {
    match found {
        Ok(row) => Ok(present(row)),
        Err(StoreError::NotFound { .. }) => Ok(Resource {
            arn: absent,
            tags: BTreeMap::new(),
        }),
        Err(error) => Err(error.into()),
    }
}

/// The ARN of the resource with this id; a text that is an ARN already stays as it is.
fn arn_of(arn: &Arn, kind: Kind, id: &str) -> String {
    if id.starts_with("arn:") {
        return id.to_owned();
    }
    match kind {
        Kind::Database => arn.rds("db", id),
        Kind::Secret => arn.secret(id, "*"),
        Kind::Proxy => arn.rds("db-proxy", id),
        Kind::User => arn.iam(&format!("user/{id}")),
        Kind::Group => arn.iam(&format!("group/{id}")),
        Kind::Role => arn.iam(&format!("role/{id}")),
        Kind::Policy => arn.iam(&format!("policy/{id}")),
        Kind::Decision => {
            format!(
                "arn:aws:tollgate:{}:{}:decision/{id}",
                arn.region, arn.account_id
            )
        }
        Kind::Simulation => arn.iam(id),
    }
}
