//! `/v1/iam/{users,groups,roles}/{name}/policies`: who has which policy

use http::Method;
use tollgate_store::AttachTo;

use crate::api::Api;
use crate::http::answer::Answer;
use crate::http::call::Call;
use crate::http::table::{Kind, On, Operation};
use crate::http::views::AttachedPolicyList;
use crate::http::{etag, page, write};
use crate::problem::Problem;
use crate::service::{identities, name};

/// What differs between the three kinds of principals.
struct Names {
    to: AttachTo,
    kind: Kind,
    all: &'static str,
    one: &'static str,
    list: (&'static str, &'static str),
    attach: (&'static str, &'static str),
    detach: (&'static str, &'static str),
}

const PRINCIPALS: [Names; 3] = [
    Names {
        to: AttachTo::User,
        kind: Kind::User,
        all: "/v1/iam/users/{name}/policies",
        one: "/v1/iam/users/{name}/policies/{policy}",
        list: (
            "listAttachedUserPolicies",
            "tollgate:ListAttachedUserPolicies",
        ),
        attach: ("attachUserPolicy", "tollgate:AttachUserPolicy"),
        detach: ("detachUserPolicy", "tollgate:DetachUserPolicy"),
    },
    Names {
        to: AttachTo::Group,
        kind: Kind::Group,
        all: "/v1/iam/groups/{name}/policies",
        one: "/v1/iam/groups/{name}/policies/{policy}",
        list: (
            "listAttachedGroupPolicies",
            "tollgate:ListAttachedGroupPolicies",
        ),
        attach: ("attachGroupPolicy", "tollgate:AttachGroupPolicy"),
        detach: ("detachGroupPolicy", "tollgate:DetachGroupPolicy"),
    },
    Names {
        to: AttachTo::Role,
        kind: Kind::Role,
        all: "/v1/iam/roles/{name}/policies",
        one: "/v1/iam/roles/{name}/policies/{policy}",
        list: (
            "listAttachedRolePolicies",
            "tollgate:ListAttachedRolePolicies",
        ),
        attach: ("attachRolePolicy", "tollgate:AttachRolePolicy"),
        detach: ("detachRolePolicy", "tollgate:DetachRolePolicy"),
    },
];

pub(super) fn operations() -> Vec<Operation> {
    PRINCIPALS.iter().flat_map(of).collect()
}

fn of(names: &Names) -> [Operation; 3] {
    let (to, one) = (names.to, On::One(names.kind));
    [
        Operation::new(Method::GET, names.all, names.list.0, move |api, call| {
            list(api, call, to)
        })
        .allowed(names.list.1, one)
        .about("iam", "List attached policies")
        .paged()
        .gives::<AttachedPolicyList>(200, "A page of policies in the order of their names."),
        Operation::new(Method::PUT, names.one, names.attach.0, move |api, call| {
            attach(api, call, to)
        })
        .allowed(names.attach.1, one)
        .about("iam", "Attach a policy")
        .if_match_optional()
        .gives_nothing(),
        Operation::new(
            Method::DELETE,
            names.one,
            names.detach.0,
            move |api, call| detach(api, call, to),
        )
        .allowed(names.detach.1, one)
        .about("iam", "Detach a policy")
        .if_match_optional()
        .gives_nothing(),
    ]
}

async fn list(api: Api, call: Call, to: AttachTo) -> Result<Answer, Problem> {
    let ask = page::ask(&api, &call)?;
    let listed = api
        .store
        .attachment_list(to, principal(&api, &call, to), &ask)
        .await?;
    let next_page_token = page::next(&api, &call, listed.next.as_deref())?;
    let view = |row| identities::attached_view(row, &api.settings.arn);
    let items = listed.items.iter().map(view).collect();
    Answer::ok(&AttachedPolicyList {
        items,
        next_page_token,
    })
}

async fn attach(api: Api, call: Call, to: AttachTo) -> Result<Answer, Problem> {
    let writing = write::change(&api, &call).await?;
    check_etag(&api, &call, &writing, to).await?;
    let policy = name::iam(&api.settings.arn, "policy", call.param("policy"));
    writing
        .attachment_put(to, principal(&api, &call, to), policy)
        .await?;
    write::finish(&api, writing, Answer::nothing()).await
}

async fn detach(api: Api, call: Call, to: AttachTo) -> Result<Answer, Problem> {
    let writing = write::change(&api, &call).await?;
    check_etag(&api, &call, &writing, to).await?;
    let policy = name::iam(&api.settings.arn, "policy", call.param("policy"));
    writing
        .attachment_remove(to, principal(&api, &call, to), policy)
        .await?;
    write::finish(&api, writing, Answer::nothing()).await
}

/// `If-Match` speaks about the principal.
async fn check_etag(
    api: &Api,
    call: &Call,
    writing: &tollgate_store::Write,
    to: AttachTo,
) -> Result<(), Problem> {
    let given = principal(api, call, to);
    let (id, generation) = match to {
        AttachTo::User => writing
            .user_get(given)
            .await
            .map(|row| (row.id, row.generation)),
        AttachTo::Group => writing
            .group_get(given)
            .await
            .map(|row| (row.id, row.generation)),
        AttachTo::Role => writing
            .role_get(given)
            .await
            .map(|row| (row.id, row.generation)),
    }?;
    etag::check(call, &id, generation)
}

fn principal<'c>(api: &Api, call: &'c Call, to: AttachTo) -> &'c str {
    let kind = match to {
        AttachTo::User => "user",
        AttachTo::Group => "group",
        AttachTo::Role => "role",
    };
    name::iam(&api.settings.arn, kind, call.param("name"))
}
