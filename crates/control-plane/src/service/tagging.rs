//! Tags of any kind of resource, which may be named by name, id or ARN.

use tollgate_store::{Kind, Store, StoreError, TagKind, Tags, Write};
use tollgate_types::Arn;

use super::name;

/// A resource that can carry tags.
pub(crate) struct Tagged {
    /// What its tags hang on.
    pub(crate) id: String,
    pub(crate) generation: u64,
    /// The present tags.
    pub(crate) tags: Tags,
}

/// What the store looks for when a caller names a resource like this.
pub(crate) fn named(arn: &Arn, on: TagKind, text: &str) -> String {
    match on {
        TagKind::Database => name::database(arn, text).to_owned(),
        TagKind::Secret => name::secret(arn, text).to_owned(),
        TagKind::Proxy => name::proxy(arn, text).to_owned(),
        TagKind::Endpoint => name::endpoint(arn, text).to_owned(),
        TagKind::TargetGroup => name::target_group(arn, text),
        TagKind::User => name::iam(arn, "user", text).to_owned(),
        TagKind::Role => name::iam(arn, "role", text).to_owned(),
        TagKind::Policy => name::iam(arn, "policy", text).to_owned(),
        TagKind::OidcProvider => name::oidc_provider(arn, text).to_owned(),
        TagKind::SecurityGroup | TagKind::SecurityGroupRule => text.to_owned(),
    }
}

/// The tags of a resource that exists.
pub(crate) async fn list(store: &Store, on: TagKind, given: &str) -> Result<Tags, StoreError> {
    match on {
        TagKind::Database => store.database_get(given).await.map(|row| row.tags),
        TagKind::Secret => store.secret_get(given).await.map(|row| row.tags),
        TagKind::Proxy => store.proxy_get(given).await.map(|row| row.tags),
        TagKind::User => store.user_get(given).await.map(|row| row.tags),
        TagKind::Role => store.role_get(given).await.map(|row| row.tags),
        TagKind::Policy => store.policy_get(given).await.map(|row| row.tags),
        TagKind::OidcProvider => store.oidc_provider_get(given).await.map(|row| row.tags),
        TagKind::SecurityGroup => store.security_group_get(given).await.map(|row| row.tags),
        TagKind::SecurityGroupRule => {
            let row = store.security_group_rule_get(given).await;
            row.map(|row| row.tags)
        }
        TagKind::Endpoint => {
            store
                .tag_list(on, &store.endpoint_by_id(given).await?.id)
                .await
        }
        TagKind::TargetGroup => {
            let group = store.target_group_get(given).await;
            let group = group.map_err(|error| of_group(error, given))?;
            store.tag_list(on, &group.proxy_id).await
        }
    }
}

/// The resource inside a write.
pub(crate) async fn find(writing: &Write, on: TagKind, given: &str) -> Result<Tagged, StoreError> {
    let (id, generation, tags) = match on {
        TagKind::Database => {
            let row = writing.database_get(given).await?;
            (row.id, row.generation, row.tags)
        }
        TagKind::Secret => {
            let row = writing.secret_get(given).await?;
            (row.id, row.generation, row.tags)
        }
        TagKind::Proxy => {
            let row = writing.proxy_get(given).await?;
            (row.id.to_string(), row.generation, row.tags)
        }
        TagKind::User => {
            let row = writing.user_get(given).await?;
            (row.id, row.generation, row.tags)
        }
        TagKind::Role => {
            let row = writing.role_get(given).await?;
            (row.id, row.generation, row.tags)
        }
        TagKind::Policy => {
            let row = writing.policy_get(given).await?;
            (row.id, row.generation, row.tags)
        }
        TagKind::OidcProvider => {
            let row = writing.oidc_provider_get(given).await?;
            (row.url, row.generation, row.tags)
        }
        // They have no generations: EC2 has no conditional changes.
        TagKind::SecurityGroup => {
            let row = writing.security_group_get(given).await?;
            (row.id, 0, row.tags)
        }
        TagKind::SecurityGroupRule => {
            let row = writing.security_group_rule_get(given).await?;
            (row.id, 0, row.tags)
        }
        TagKind::Endpoint => {
            let row = writing.endpoint_by_id(given).await?;
            let tags = writing.tag_list(on, &row.id).await?;
            (row.id, row.generation, tags)
        }
        TagKind::TargetGroup => {
            let row = writing.target_group_get(given).await;
            let row = row.map_err(|error| of_group(error, given))?;
            let tags = writing.tag_list(on, &row.proxy_id).await?;
            (row.proxy_id, row.generation, tags)
        }
    };
    Ok(Tagged {
        id,
        generation,
        tags,
    })
}

/// A group is named by its proxy here; what the caller named is missing is the group.
fn of_group(error: StoreError, given: &str) -> StoreError {
    if let StoreError::NotFound { .. } = error {
        return StoreError::NotFound {
            kind: Kind::TargetGroup,
            name: given.to_owned(),
        };
    }
    error
}
