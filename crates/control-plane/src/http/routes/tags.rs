//! `…/tags` of databases, secrets, proxies, users and roles

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
use crate::service::name;

/// What differs between the kinds of resources.
struct Names {
    on: TagKind,
    kind: Kind,
    path: &'static str,
    list: (&'static str, &'static str),
    put: (&'static str, &'static str),
    delete: (&'static str, &'static str),
}

const RESOURCES: [Names; 5] = [
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
    let given = given(&api, &call, on);
    let tags = match on {
        TagKind::Database => api.store.database_get(given).await.map(|row| row.tags),
        TagKind::Secret => api.store.secret_get(given).await.map(|row| row.tags),
        TagKind::Proxy => api.store.proxy_get(given).await.map(|row| row.tags),
        TagKind::User => api.store.user_get(given).await.map(|row| row.tags),
        TagKind::Role => api.store.role_get(given).await.map(|row| row.tags),
    }?;
    Answer::ok(&Tags { tags })
}

async fn put(api: Api, call: Call, on: TagKind) -> Result<Answer, Problem> {
    let decoded = call.decode::<PutTags>()?;
    let mut check = Check::new(decoded.problems);
    let tags = check.required("/tags", decoded.value.tags);
    check.tags(&tags);
    let tags = check.done(tags)?;
    let writing = write::change(&api, &call).await?;
    let (id, _) = find(&api, &call, &writing, on).await?;
    let tags = writing.tag_set(on, &id, &tags).await?;
    write::finish(&api, writing, Answer::ok(&Tags { tags })?).await
}

async fn delete(api: Api, call: Call, on: TagKind) -> Result<Answer, Problem> {
    let writing = write::change(&api, &call).await?;
    let (id, present) = find(&api, &call, &writing, on).await?;
    let keys: Vec<String> = match call.query("keys") {
        Some(keys) => keys.split(',').map(str::to_owned).collect(),
        None => present.into_keys().collect(),
    };
    writing.tag_remove(on, &id, &keys).await?;
    write::finish(&api, writing, Answer::nothing()).await
}

/// The resource's id and present tags, its etag checked.
async fn find(
    api: &Api,
    call: &Call,
    writing: &Write,
    on: TagKind,
) -> Result<(String, tollgate_store::Tags), Problem> {
    let given = given(api, call, on);
    let (id, generation, tags) = match on {
        TagKind::Database => writing
            .database_get(given)
            .await
            .map(|row| (row.id, row.generation, row.tags)),
        TagKind::Secret => writing
            .secret_get(given)
            .await
            .map(|row| (row.id, row.generation, row.tags)),
        TagKind::Proxy => writing
            .proxy_get(given)
            .await
            .map(|row| (row.id.to_string(), row.generation, row.tags)),
        TagKind::User => writing
            .user_get(given)
            .await
            .map(|row| (row.id, row.generation, row.tags)),
        TagKind::Role => writing
            .role_get(given)
            .await
            .map(|row| (row.id, row.generation, row.tags)),
    }?;
    etag::check(call, &id, generation)?;
    Ok((id, tags))
}

fn given<'c>(api: &Api, call: &'c Call, on: TagKind) -> &'c str {
    let (arn, text) = (&api.settings.arn, call.param("name"));
    match on {
        TagKind::Database => name::database(arn, text),
        TagKind::Secret => name::secret(arn, text),
        TagKind::Proxy => name::proxy(arn, text),
        TagKind::User => name::iam(arn, "user", text),
        TagKind::Role => name::iam(arn, "role", text),
    }
}
