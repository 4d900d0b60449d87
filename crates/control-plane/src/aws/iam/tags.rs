//! Tags of users, roles, policies and OIDC providers.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;
use tollgate_store::{TagKind, Tags, Write};

use super::principal::{ROLE, USER};
use super::{begin, finish, given, oidc, paged, shape};
use crate::aws::call::{Answer, Call};
use crate::aws::fault::Refusal;
use crate::aws::shape::Members;
use crate::aws::table::{Authorized, Operation};
use crate::http::table::Kind;
use crate::service::name;

/// What can be tagged, and the member that names it.
#[derive(Debug, Clone, Copy)]
enum Tagged {
    User,
    Role,
    Policy,
    OidcProvider,
}

/// What the operations are called: tag, untag, list.
const NAMES: [(Tagged, [&str; 3]); 4] = [
    (Tagged::User, ["TagUser", "UntagUser", "ListUserTags"]),
    (Tagged::Role, ["TagRole", "UntagRole", "ListRoleTags"]),
    (
        Tagged::Policy,
        ["TagPolicy", "UntagPolicy", "ListPolicyTags"],
    ),
    (
        Tagged::OidcProvider,
        [
            "TagOpenIDConnectProvider",
            "UntagOpenIDConnectProvider",
            "ListOpenIDConnectProviderTags",
        ],
    ),
];

pub(super) fn operations() -> Vec<Operation> {
    NAMES
        .into_iter()
        .flat_map(|(of, [tag_name, untag_name, list_name])| {
            let one = Authorized::One(of.kind(), of.member());
            [
                Operation::new(tag_name, one, move |call| tag(call, of)),
                Operation::new(untag_name, one, move |call| untag(call, of)),
                Operation::new(list_name, one, move |call| list(call, of)),
            ]
        })
        .collect()
}

impl Tagged {
    fn kind(self) -> Kind {
        match self {
            Self::User => Kind::User,
            Self::Role => Kind::Role,
            Self::Policy => Kind::Policy,
            Self::OidcProvider => Kind::OidcProvider,
        }
    }

    fn member(self) -> &'static str {
        match self {
            Self::User => USER.member,
            Self::Role => ROLE.member,
            Self::Policy => "PolicyArn",
            Self::OidcProvider => oidc::ARN,
        }
    }

    fn named(self, call: &Call) -> Result<&str, Refusal> {
        let given = call.input.text(self.member());
        given.ok_or_else(|| Refusal::Missing(self.member().to_owned()))
    }

    /// Where the tags hang.
    async fn find(self, call: &Call, writing: &Write) -> Result<(TagKind, String), Refusal> {
        let given = self.named(call)?;
        Ok(match self {
            Self::User => (TagKind::User, writing.user_get(given).await?.id),
            Self::Role => (TagKind::Role, writing.role_get(given).await?.id),
            Self::Policy => {
                let row = given::own_policy_in(call, writing, given).await?;
                (TagKind::Policy, row.id)
            }
            Self::OidcProvider => {
                let url = name::oidc_provider(&call.api.settings.arn, given);
                let row = writing.oidc_provider_get(url).await?;
                (TagKind::OidcProvider, row.url)
            }
        })
    }

    async fn tags(self, call: &Call) -> Result<Tags, Refusal> {
        let (store, given) = (&call.api.store, self.named(call)?);
        Ok(match self {
            Self::User => store.user_get(given).await?.tags,
            Self::Role => store.role_get(given).await?.tags,
            Self::Policy => given::policy(call, given).await?.tags,
            Self::OidcProvider => {
                let url = name::oidc_provider(&call.api.settings.arn, given);
                store.oidc_provider_get(url).await?.tags
            }
        })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Tag {
    tags: Vec<given::Tag>,
}

async fn tag(call: Arc<Call>, of: Tagged) -> Result<Answer, Refusal> {
    let request: Tag = call.decode()?;
    let tags = given::tags(request.tags)?;
    let writing = begin(&call).await?;
    let (kind, id) = of.find(&call, &writing).await?;
    // A key is the same in upper and lower case: the newest spelling stays.
    let present = of.tags(&call).await?.into_keys();
    let respelt = present.filter(|key| {
        let mut given = tags.keys();
        given.any(|new| new != key && new.eq_ignore_ascii_case(key))
    });
    let respelt: Vec<String> = respelt.collect();
    writing.tag_remove(kind, &id, &respelt).await?;
    writing.tag_set(kind, &id, &tags).await?;
    finish(&call, writing, call.done()?).await
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Untag {
    tag_keys: Vec<String>,
}

async fn untag(call: Arc<Call>, of: Tagged) -> Result<Answer, Refusal> {
    let request: Untag = call.decode()?;
    let writing = begin(&call).await?;
    let (kind, id) = of.find(&call, &writing).await?;
    writing.tag_remove(kind, &id, &request.tag_keys).await?;
    finish(&call, writing, call.done()?).await
}

#[skip_serializing_none]
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct TagList {
    tags: Members<shape::Tag>,
    is_truncated: bool,
    marker: Option<String>,
}

async fn list(call: Arc<Call>, of: Tagged) -> Result<Answer, Refusal> {
    let named = of.named(&call)?;
    let page = paged::ask(&call, named)?;
    let all: Vec<(String, String)> = of.tags(&call).await?.into_iter().collect();
    let listed = paged::cut(all, &page, |(key, _)| key.clone());
    let marker = call.marker(listed.next.as_deref(), named)?;
    call.answer(&TagList {
        tags: shape::tags(listed.items.into_iter().collect()),
        is_truncated: marker.is_some(),
        marker,
    })
}
