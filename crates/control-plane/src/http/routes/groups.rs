//! `/v1/iam/groups` and their members

use http::Method;
use tollgate_store::{Expect, Kind as StoreKind};

use crate::api::Api;
use crate::http::answer::Answer;
use crate::http::call::Call;
use crate::http::table::{Kind, On, Operation};
use crate::http::views::identity::{CreateGroup, Group};
use crate::http::views::{GroupList, MemberList};
use crate::http::{etag, page, path, write};
use crate::problem::Problem;
use crate::service::identity_spec::GroupSpec;
use crate::service::{identities, name};

const ONE: &str = "/v1/iam/groups/{name}";
const ALL: &str = "/v1/iam/groups";
const MEMBERS: &str = "/v1/iam/groups/{name}/members";
const MEMBER: &str = "/v1/iam/groups/{name}/members/{user}";

pub(super) fn operations() -> Vec<Operation> {
    let (one, any) = (On::One(Kind::Group), On::Any(Kind::Group));
    let mut found = vec![
        Operation::new(Method::POST, ALL, "createGroup", create)
            .allowed("tollgate:CreateGroup", any)
            .about("iam", "Create a group")
            .takes::<CreateGroup>()
            .gives::<Group>(201, "The group."),
        Operation::new(Method::GET, ALL, "listGroups", list)
            .allowed("tollgate:ListGroups", any)
            .about("iam", "List groups")
            .paged()
            .gives::<GroupList>(200, "A page of groups in the order of their names."),
        Operation::new(Method::GET, ONE, "getGroup", get)
            .allowed("tollgate:GetGroup", one)
            .about("iam", "Read a group")
            .gives::<Group>(200, "The group."),
        Operation::new(Method::DELETE, ONE, "deleteGroup", delete)
            .allowed("tollgate:DeleteGroup", one)
            .about(
                "iam",
                "Delete a group without members and attached policies",
            )
            .gives_nothing(),
    ];
    found.extend(memberships(one));
    found
}

fn memberships(one: On) -> [Operation; 3] {
    [
        Operation::new(Method::GET, MEMBERS, "listGroupMembers", members)
            .allowed("tollgate:ListGroupMembers", one)
            .about("iam", "List the members of a group")
            .paged()
            .gives::<MemberList>(200, "A page of members in the order of their names."),
        Operation::new(Method::PUT, MEMBER, "addUserToGroup", add)
            .allowed("tollgate:AddUserToGroup", one)
            .about("iam", "Put a user into a group")
            .if_match_optional()
            .gives_nothing(),
        Operation::new(Method::DELETE, MEMBER, "removeUserFromGroup", remove)
            .allowed("tollgate:RemoveUserFromGroup", one)
            .about("iam", "Take a user out of a group")
            .if_match_optional()
            .gives_nothing(),
    ]
}

async fn create(api: Api, call: Call) -> Result<Answer, Problem> {
    let spec = GroupSpec::try_from(call.decode::<CreateGroup>()?)?;
    let writing = match write::create(&api, &call).await? {
        write::Start::Fresh(writing) => writing,
        write::Start::Replay(answer) => return Ok(answer),
    };
    let row = writing
        .group_create(identities::new_group(&api.ports.random, spec))
        .await?;
    let location = path::of(StoreKind::Group, &row.name).unwrap_or_default();
    let tag = etag::etag(&row.id, row.generation);
    let view = identities::group_view(row, &api.settings.arn);
    let answer = Answer::created(location, &view)?.etag(tag);
    write::finish_create(&api, &call, writing, answer).await
}

async fn list(api: Api, call: Call) -> Result<Answer, Problem> {
    let listed = api.store.group_list(&page::ask(&api, &call)?).await?;
    let next_page_token = page::next(&api, &call, listed.next.as_deref())?;
    let view = |row| identities::group_view(row, &api.settings.arn);
    Answer::ok(&GroupList {
        items: listed.items.into_iter().map(view).collect(),
        next_page_token,
    })
}

async fn get(api: Api, call: Call) -> Result<Answer, Problem> {
    let row = api.store.group_get(given(&api, &call)).await?;
    let tag = etag::etag(&row.id, row.generation);
    Ok(Answer::ok(&identities::group_view(row, &api.settings.arn))?.etag(tag))
}

async fn delete(api: Api, call: Call) -> Result<Answer, Problem> {
    let writing = write::change(&api, &call).await?;
    let row = writing.group_get(given(&api, &call)).await?;
    etag::check(&call, &row.id, row.generation)?;
    writing.group_delete(&row.id, Expect::Anything).await?;
    write::finish(&api, writing, Answer::nothing()).await
}

async fn members(api: Api, call: Call) -> Result<Answer, Problem> {
    let listed = api
        .store
        .group_members(given(&api, &call), &page::ask(&api, &call)?)
        .await?;
    let next_page_token = page::next(&api, &call, listed.next.as_deref())?;
    let view = |user| identities::member_view(user, &api.settings.arn);
    Answer::ok(&MemberList {
        items: listed.items.into_iter().map(view).collect(),
        next_page_token,
    })
}

async fn add(api: Api, call: Call) -> Result<Answer, Problem> {
    let writing = write::change(&api, &call).await?;
    let row = writing.group_get(given(&api, &call)).await?;
    etag::check(&call, &row.id, row.generation)?;
    let user = name::iam(&api.settings.arn, "user", call.param("user"));
    writing.group_member_put(&row.id, user).await?;
    write::finish(&api, writing, Answer::nothing()).await
}

async fn remove(api: Api, call: Call) -> Result<Answer, Problem> {
    let writing = write::change(&api, &call).await?;
    let row = writing.group_get(given(&api, &call)).await?;
    etag::check(&call, &row.id, row.generation)?;
    let user = name::iam(&api.settings.arn, "user", call.param("user"));
    writing.group_member_remove(&row.id, user).await?;
    write::finish(&api, writing, Answer::nothing()).await
}

fn given<'c>(api: &Api, call: &'c Call) -> &'c str {
    name::iam(&api.settings.arn, "group", call.param("name"))
}
