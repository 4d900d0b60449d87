//! `/v1/iam/users`

use http::Method;
use tollgate_store::{Expect, Kind as StoreKind, UserRow};

use crate::api::Api;
use crate::http::answer::Answer;
use crate::http::call::Call;
use crate::http::table::{Kind, On, Operation};
use crate::http::views::UserList;
use crate::http::views::access::PutPermissionsBoundary;
use crate::http::views::identity::{CreateUser, User};
use crate::http::{etag, page, path, write};
use crate::problem::Problem;
use crate::service::check::Check;
use crate::service::identity_spec::UserSpec;
use crate::service::{identities, name};

const ONE: &str = "/v1/iam/users/{name}";
const ALL: &str = "/v1/iam/users";
const BOUNDARY: &str = "/v1/iam/users/{name}/permissions-boundary";

pub(super) fn operations() -> Vec<Operation> {
    let (one, any) = (On::One(Kind::User), On::Any(Kind::User));
    vec![
        Operation::new(Method::POST, ALL, "createUser", create)
            .allowed("tollgate:CreateUser", any)
            .about("iam", "Create a user")
            .takes::<CreateUser>()
            .gives::<User>(201, "The user."),
        Operation::new(Method::GET, ALL, "listUsers", list)
            .allowed("tollgate:ListUsers", any)
            .about("iam", "List users")
            .paged()
            .gives::<UserList>(200, "A page of users in the order of their names."),
        Operation::new(Method::GET, ONE, "getUser", get)
            .allowed("tollgate:GetUser", one)
            .about("iam", "Read a user")
            .gives::<User>(200, "The user."),
        Operation::new(Method::DELETE, ONE, "deleteUser", delete)
            .allowed("tollgate:DeleteUser", one)
            .about(
                "iam",
                "Delete a user without access keys, groups and attached policies",
            )
            .gives_nothing(),
        Operation::new(
            Method::PUT,
            BOUNDARY,
            "putUserPermissionsBoundary",
            put_boundary,
        )
        .allowed("tollgate:PutUserPermissionsBoundary", one)
        .about("iam", "Bound a user's permissions by a policy")
        .if_match_optional()
        .takes::<PutPermissionsBoundary>()
        .gives::<User>(200, "The user with its boundary."),
        Operation::new(
            Method::DELETE,
            BOUNDARY,
            "deleteUserPermissionsBoundary",
            delete_boundary,
        )
        .allowed("tollgate:DeleteUserPermissionsBoundary", one)
        .about("iam", "Take a user's permissions boundary away")
        .if_match_optional()
        .gives_nothing(),
    ]
}

async fn create(api: Api, call: Call) -> Result<Answer, Problem> {
    let spec = UserSpec::try_from(call.decode::<CreateUser>()?)?;
    let writing = match write::create(&api, &call).await? {
        write::Start::Fresh(writing) => writing,
        write::Start::Replay(answer) => return Ok(answer),
    };
    let row = writing
        .user_create(identities::new_user(&api.ports.random, spec))
        .await?;
    let location = path::of(StoreKind::User, &row.name).unwrap_or_default();
    let tag = etag::etag(&row.id, row.generation);
    let view = identities::user_view(row, &api.settings.arn);
    let answer = Answer::created(location, &view)?.etag(tag);
    write::finish_create(&api, &call, writing, answer).await
}

async fn list(api: Api, call: Call) -> Result<Answer, Problem> {
    let listed = api.store.user_list(&page::ask(&api, &call)?).await?;
    let next_page_token = page::next(&api, &call, listed.next.as_deref())?;
    let view = |row| identities::user_view(row, &api.settings.arn);
    Answer::ok(&UserList {
        items: listed.items.into_iter().map(view).collect(),
        next_page_token,
    })
}

async fn get(api: Api, call: Call) -> Result<Answer, Problem> {
    show(&api, api.store.user_get(given(&api, &call)).await?)
}

async fn delete(api: Api, call: Call) -> Result<Answer, Problem> {
    let writing = write::change(&api, &call).await?;
    let row = writing.user_get(given(&api, &call)).await?;
    etag::check(&call, &row.id, row.generation)?;
    writing.user_delete(&row.id, Expect::Anything).await?;
    write::finish(&api, writing, Answer::nothing()).await
}

async fn put_boundary(api: Api, call: Call) -> Result<Answer, Problem> {
    let policy = boundary_policy(&call)?;
    let policy = name::iam(&api.settings.arn, "policy", &policy);
    let writing = write::change(&api, &call).await?;
    let row = writing.user_get(given(&api, &call)).await?;
    etag::check(&call, &row.id, row.generation)?;
    let row = writing
        .user_boundary_set(&row.id, Expect::Anything, Some(policy))
        .await?;
    let answer = show(&api, row)?;
    write::finish(&api, writing, answer).await
}

async fn delete_boundary(api: Api, call: Call) -> Result<Answer, Problem> {
    let writing = write::change(&api, &call).await?;
    let row = writing.user_get(given(&api, &call)).await?;
    etag::check(&call, &row.id, row.generation)?;
    writing
        .user_boundary_set(&row.id, Expect::Anything, None)
        .await?;
    write::finish(&api, writing, Answer::nothing()).await
}

/// The policy that a boundary request names.
pub(super) fn boundary_policy(call: &Call) -> Result<String, Problem> {
    let decoded = call.decode::<PutPermissionsBoundary>()?;
    let mut check = Check::new(decoded.problems);
    let policy = check.required("/policy", decoded.value.policy);
    check.done(policy)
}

fn given<'c>(api: &Api, call: &'c Call) -> &'c str {
    name::iam(&api.settings.arn, "user", call.param("name"))
}

fn show(api: &Api, row: UserRow) -> Result<Answer, Problem> {
    let tag = etag::etag(&row.id, row.generation);
    Ok(Answer::ok(&identities::user_view(row, &api.settings.arn))?.etag(tag))
}
