//! `/v1/iam/roles`

use http::Method;
use tollgate_store::{Expect, Kind as StoreKind, RoleRow};

use super::users::boundary_policy;
use crate::api::Api;
use crate::http::answer::Answer;
use crate::http::call::Call;
use crate::http::table::{Kind, On, Operation};
use crate::http::views::RoleList;
use crate::http::views::access::PutPermissionsBoundary;
use crate::http::views::identity::{CreateRole, Role};
use crate::http::{etag, page, path, write};
use crate::problem::Problem;
use crate::service::identity_spec::RoleSpec;
use crate::service::{identities, name};

const ONE: &str = "/v1/iam/roles/{name}";
const ALL: &str = "/v1/iam/roles";
const BOUNDARY: &str = "/v1/iam/roles/{name}/permissions-boundary";

pub(super) fn operations() -> Vec<Operation> {
    let (one, any) = (On::One(Kind::Role), On::Any(Kind::Role));
    vec![
        Operation::new(Method::POST, ALL, "createRole", create)
            .allowed("tollgate:CreateRole", any)
            .about("iam", "Create a role")
            .takes::<CreateRole>()
            .gives::<Role>(201, "The role."),
        Operation::new(Method::GET, ALL, "listRoles", list)
            .allowed("tollgate:ListRoles", any)
            .about("iam", "List roles")
            .paged()
            .gives::<RoleList>(200, "A page of roles in the order of their names."),
        Operation::new(Method::GET, ONE, "getRole", get)
            .allowed("tollgate:GetRole", one)
            .about("iam", "Read a role")
            .gives::<Role>(200, "The role."),
        Operation::new(Method::DELETE, ONE, "deleteRole", delete)
            .allowed("tollgate:DeleteRole", one)
            .about("iam", "Delete a role without attached policies")
            .gives_nothing(),
        Operation::new(
            Method::PUT,
            BOUNDARY,
            "putRolePermissionsBoundary",
            put_boundary,
        )
        .allowed("tollgate:PutRolePermissionsBoundary", one)
        .about("iam", "Bound a role's permissions by a policy")
        .if_match_optional()
        .takes::<PutPermissionsBoundary>()
        .gives::<Role>(200, "The role with its boundary."),
        Operation::new(
            Method::DELETE,
            BOUNDARY,
            "deleteRolePermissionsBoundary",
            delete_boundary,
        )
        .allowed("tollgate:DeleteRolePermissionsBoundary", one)
        .about("iam", "Take a role's permissions boundary away")
        .if_match_optional()
        .gives_nothing(),
    ]
}

async fn create(api: Api, call: Call) -> Result<Answer, Problem> {
    let spec = RoleSpec::parse(call.decode::<CreateRole>()?, &call.received.body)?;
    let writing = match write::create(&api, &call).await? {
        write::Start::Fresh(writing) => writing,
        write::Start::Replay(answer) => return Ok(answer),
    };
    let row = writing
        .role_create(identities::new_role(&api.ports.random, spec))
        .await?;
    let location = path::of(StoreKind::Role, &row.name).unwrap_or_default();
    let tag = etag::etag(&row.id, row.generation);
    let view = identities::role_view(row, &api.settings.arn);
    let answer = Answer::created(location, &view)?.etag(tag);
    write::finish_create(&api, &call, writing, answer).await
}

async fn list(api: Api, call: Call) -> Result<Answer, Problem> {
    let listed = api.store.role_list(&page::ask(&api, &call)?).await?;
    let next_page_token = page::next(&api, &call, listed.next.as_deref())?;
    let view = |row| identities::role_view(row, &api.settings.arn);
    Answer::ok(&RoleList {
        items: listed.items.into_iter().map(view).collect(),
        next_page_token,
    })
}

async fn get(api: Api, call: Call) -> Result<Answer, Problem> {
    show(&api, api.store.role_get(given(&api, &call)).await?)
}

async fn delete(api: Api, call: Call) -> Result<Answer, Problem> {
    let writing = write::change(&api, &call).await?;
    let row = writing.role_get(given(&api, &call)).await?;
    etag::check(&call, &row.id, row.generation)?;
    writing.role_delete(&row.id, Expect::Anything).await?;
    write::finish(&api, writing, Answer::nothing()).await
}

async fn put_boundary(api: Api, call: Call) -> Result<Answer, Problem> {
    let policy = boundary_policy(&call)?;
    let policy = name::iam(&api.settings.arn, "policy", &policy);
    let writing = write::change(&api, &call).await?;
    let row = writing.role_get(given(&api, &call)).await?;
    etag::check(&call, &row.id, row.generation)?;
    let row = writing
        .role_boundary_set(&row.id, Expect::Anything, Some(policy))
        .await?;
    let answer = show(&api, row)?;
    write::finish(&api, writing, answer).await
}

async fn delete_boundary(api: Api, call: Call) -> Result<Answer, Problem> {
    let writing = write::change(&api, &call).await?;
    let row = writing.role_get(given(&api, &call)).await?;
    etag::check(&call, &row.id, row.generation)?;
    writing
        .role_boundary_set(&row.id, Expect::Anything, None)
        .await?;
    write::finish(&api, writing, Answer::nothing()).await
}

fn given<'c>(api: &Api, call: &'c Call) -> &'c str {
    name::iam(&api.settings.arn, "role", call.param("name"))
}

fn show(api: &Api, row: RoleRow) -> Result<Answer, Problem> {
    let tag = etag::etag(&row.id, row.generation);
    Ok(Answer::ok(&identities::role_view(row, &api.settings.arn))?.etag(tag))
}
