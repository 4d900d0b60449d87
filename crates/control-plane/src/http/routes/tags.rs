//! `…/tags` of databases, secrets, proxies, users, roles and policies

use http::Method;
use tollgate_store::{TagKind, Write};

use crate::api::Api;
use crate::http::answer::Answer;
use crate::http::call::Call;
use crate::http::table::{Kind, On, Operation};
use crate::http::views::tags::{PutTags, Tags};
use crate::http::{etag, write};
use crate::problem::Problem;
use crate::service::check::Check;
use crate::service::{identities, tagging};

/// What differs between the kinds of resources.
struct Names {
    on: TagKind,
    kind: Kind,
    path: &'static str,
    list: (&'static str, &'static str),
    put: (&'static str, &'static str),
    delete: (&'static str, &'static str),
}

const RESOURCES: [Names; 6] = [
    Names {
        on: TagKind::Database,
        kind: Kind::Database,
        path: "/v1/databases/{name}/tags",
        list: ("listDatabaseTags", "tollgate:ListDatabaseTags"),
        put: ("putDatabaseTags", "tollgate:TagDatabase"),
        delete: ("deleteDatabaseTags", "tollgate:UntagDatabase"),
    },
    Names {
        on: TagKind::Secret,
        kind: Kind::Secret,
        path: "/v1/secrets/{name}/tags",
        list: ("listSecretTags", "tollgate:ListSecretTags"),
        put: ("putSecretTags", "tollgate:TagSecret"),
        delete: ("deleteSecretTags", "tollgate:UntagSecret"),
    },
    Names {
        on: TagKind::Proxy,
        kind: Kind::Proxy,
        path: "/v1/proxies/{name}/tags",
        list: ("listProxyTags", "tollgate:ListProxyTags"),
        put: ("putProxyTags", "tollgate:TagProxy"),
        delete: ("deleteProxyTags", "tollgate:UntagProxy"),
    },
    Names {
        on: TagKind::User,
        kind: Kind::User,
        path: "/v1/iam/users/{name}/tags",
        list: ("listUserTags", "tollgate:ListUserTags"),
        put: ("putUserTags", "tollgate:TagUser"),
        delete: ("deleteUserTags", "tollgate:UntagUser"),
    },
    Names {
        on: TagKind::Role,
        kind: Kind::Role,
        path: "/v1/iam/roles/{name}/tags",
        list: ("listRoleTags", "tollgate:ListRoleTags"),
        put: ("putRoleTags", "tollgate:TagRole"),
        delete: ("deleteRoleTags", "tollgate:UntagRole"),
    },
    Names {
        on: TagKind::Policy,
        kind: Kind::Policy,
        path: "/v1/iam/policies/{name}/tags",
        list: ("listPolicyTags", "tollgate:ListPolicyTags"),
        put: ("putPolicyTags", "tollgate:TagPolicy"),
        delete: ("deletePolicyTags", "tollgate:UntagPolicy"),
    },
];

pub(super) fn operations() -> Vec<Operation> {
    RESOURCES.iter().flat_map(of).collect()
}

fn of(names: &Names) -> [Operation; 3] {
    let (on, one) = (names.on, On::One(names.kind));
    [
        Operation::new(Method::GET, names.path, names.list.0, move |api, call| {
            list(api, call, on)
        })
        .allowed(names.list.1, one)
        .about("tags", "List tags")
        .gives::<Tags>(200, "Every tag."),
        Operation::new(Method::PUT, names.path, names.put.0, move |api, call| {
            put(api, call, on)
        })
        .allowed(names.put.1, one)
        .about("tags", "Set tags; those that are not named stay")
        .if_match_optional()
        .takes::<PutTags>()
        .gives::<Tags>(200, "Every tag, after the change."),
        Operation::new(
            Method::DELETE,
            names.path,
            names.delete.0,
            move |api, call| delete(api, call, on),
        )
        .allowed(names.delete.1, one)
        .about("tags", "Remove tags")
        .if_match_optional()
        .query(
            "keys",
            "Keys to remove, separated by commas; every tag when absent.",
        )
        .gives_nothing(),
    ]
}

async fn list(api: Api, call: Call, on: TagKind) -> Result<Answer, Problem> {
    let given = tagging::named(&api.settings.arn, on, call.param("name"));
    let tags = tagging::list(&api.store, on, &given).await?;
    Answer::ok(&Tags { tags })
}

async fn put(api: Api, call: Call, on: TagKind) -> Result<Answer, Problem> {
    let decoded = call.decode::<PutTags>()?;
    let mut check = Check::new(decoded.problems);
    let tags = check.required("/tags", decoded.value.tags);
    check.tags(&tags);
    let tags = check.done(tags)?;
    let writing = write::change(&api, &call).await?;
    let found = find(&api, &call, &writing, on).await?;
    let tags = writing.tag_set(on, &found.id, &tags).await?;
    write::finish(&api, writing, Answer::ok(&Tags { tags })?).await
}

async fn delete(api: Api, call: Call, on: TagKind) -> Result<Answer, Problem> {
    let writing = write::change(&api, &call).await?;
    let found = find(&api, &call, &writing, on).await?;
    let keys: Vec<String> = match call.query("keys") {
        Some(keys) => keys.split(',').map(str::to_owned).collect(),
        None => found.tags.into_keys().collect(),
    };
    writing.tag_remove(on, &found.id, &keys).await?;
    write::finish(&api, writing, Answer::nothing()).await
}

/// The resource, its etag checked.
async fn find(
    api: &Api,
    call: &Call,
    writing: &Write,
    on: TagKind,
) -> Result<tagging::Tagged, Problem> {
    let given = tagging::named(&api.settings.arn, on, call.param("name"));
    if on == TagKind::Policy {
        identities::changeable(&writing.policy_get(&given).await?)?;
    }
    let found = tagging::find(writing, on, &given).await?;
    etag::check(call, &found.id, found.generation)?;
    Ok(found)
}
