//! Which resource a call is about: its ARN and its tags, for authorization.

use std::collections::BTreeMap;

use tollgate_store::{StoreError, TagKind};
use tollgate_types::Arn;

use super::{endpoints, identities, name, secrets, tagging};
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
        On::New => {
            return Ok(Resource {
                arn: given.to_owned(),
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
        Kind::Endpoint => return endpoint(api, given).await,
        Kind::TargetGroup => return target_group(api, given).await,
        Kind::User => {
            let row = api.store.user_get(name::iam(arn, "user", given)).await;
            row.map(|row| (identities::user_arn(arn, &row), row.tags))
        }
        Kind::Role => {
            let row = api.store.role_get(name::iam(arn, "role", given)).await;
            row.map(|row| (identities::role_arn(arn, &row), row.tags))
        }
        Kind::Group => {
            let row = api.store.group_get(name::iam(arn, "group", given)).await;
            row.map(|row| (identities::group_arn(arn, &row), BTreeMap::new()))
        }
        Kind::Policy => {
            let row = api.store.policy_get(name::iam(arn, "policy", given)).await;
            row.map(|row| (identities::policy_arn(arn, &row), row.tags))
        }
        Kind::OidcProvider => {
            let url = name::oidc_provider(arn, given);
            let row = api.store.oidc_provider_get(url).await;
            row.map(|row| (row.url, row.tags))
        }
        Kind::SecurityGroup => network(api, TagKind::SecurityGroup, given).await,
        Kind::SecurityGroupRule => network(api, TagKind::SecurityGroupRule, given).await,
        Kind::Decision | Kind::Simulation => Ok((given.to_owned(), BTreeMap::new())),
    };
    absent_or(found, arn_of(arn, kind, given), |(id, tags)| Resource {
        arn: arn_of(arn, kind, &id),
        tags,
    })
}

/// The policy that hangs on the resource itself; only secrets have one.
pub(crate) async fn policy_of(api: &Api, on: On, given: &str) -> Result<Option<String>, Problem> {
    if on != On::One(Kind::Secret) {
        return Ok(None);
    }
    let name = name::secret(&api.settings.arn, given);
    match api.store.secret_get(name).await {
        Ok(row) => Ok(row.resource_policy),
        Err(StoreError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// What is named by its id.
async fn network(
    api: &Api,
    kind: TagKind,
    given: &str,
) -> Result<(String, BTreeMap<String, String>), StoreError> {
    let tags = tagging::list(&api.store, kind, given).await?;
    Ok((given.to_owned(), tags))
}

async fn endpoint(api: &Api, given: &str) -> Result<Resource, Problem> {
    let arn = &api.settings.arn;
    let rows = endpoints::named(&api.store, name::endpoint(arn, given)).await?;
    let (id, tags) = match rows.into_iter().next() {
        Some(row) => {
            let tags = api.store.tag_list(TagKind::Endpoint, &row.id).await?;
            (row.id, tags)
        }
        None => (given.to_owned(), BTreeMap::new()),
    };
    let arn = arn_of(arn, Kind::Endpoint, &id);
    Ok(Resource { arn, tags })
}

async fn target_group(api: &Api, given: &str) -> Result<Resource, Problem> {
    let arn = &api.settings.arn;
    let proxy = name::target_group(arn, given);
    let (id, tags) = match api.store.proxy_get(name::proxy(arn, &proxy)).await {
        Ok(row) => {
            let id = row.id.to_string();
            let tags = api.store.tag_list(TagKind::TargetGroup, &id).await?;
            (id, tags)
        }
        Err(StoreError::NotFound { .. }) => (given.to_owned(), BTreeMap::new()),
        Err(error) => return Err(error.into()),
    };
    let arn = arn_of(arn, Kind::TargetGroup, &id);
    Ok(Resource { arn, tags })
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
        Kind::Endpoint => arn.rds("db-proxy-endpoint", id),
        Kind::TargetGroup => name::target_group_arn(arn, id),
        Kind::User => arn.iam(&format!("user/{id}")),
        Kind::Group => arn.iam(&format!("group/{id}")),
        Kind::Role => arn.iam(&format!("role/{id}")),
        Kind::Policy => arn.iam(&format!("policy/{id}")),
        Kind::OidcProvider => arn.iam(&format!("oidc-provider/{id}")),
        Kind::SecurityGroup => arn.ec2("security-group", id),
        Kind::SecurityGroupRule => arn.ec2("security-group-rule", id),
        Kind::Decision => {
            format!(
                "arn:aws:tollgate:{}:{}:decision/{id}",
                arn.region, arn.account_id
            )
        }
        Kind::Simulation => arn.iam(id),
    }
}
