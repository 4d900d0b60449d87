//! `/v1/iam/users/{name}/access-keys`

use http::Method;
use tollgate_store::{AccessKeyRow, AccessKeyState, Expect, StoreError};

use crate::api::Api;
use crate::http::answer::Answer;
use crate::http::call::Call;
use crate::http::table::{Kind, On, Operation};
use crate::http::views::AccessKeyList;
use crate::http::views::access::{AccessKey, NewAccessKey, PatchAccessKey};
use crate::http::{etag, page, path, write};
use crate::problem::Problem;
use crate::service::check::Check;
use crate::service::{access_keys, name};

const ONE: &str = "/v1/iam/users/{name}/access-keys/{accessKeyId}";
const ALL: &str = "/v1/iam/users/{name}/access-keys";

pub(super) fn operations() -> Vec<Operation> {
    let user = On::One(Kind::User);
    vec![
        Operation::new(Method::POST, ALL, "createAccessKey", create)
            .allowed("tollgate:CreateAccessKey", user)
            .about("iam", "Create an access key; its secret is shown this once")
            .gives::<NewAccessKey>(201, "The key with its secret."),
        Operation::new(Method::GET, ALL, "listAccessKeys", list)
            .allowed("tollgate:ListAccessKeys", user)
            .about("iam", "List access keys, without their secrets")
            .paged()
            .gives::<AccessKeyList>(200, "A page of keys in the order of their ids."),
        Operation::new(Method::GET, ONE, "getAccessKey", get)
            .allowed("tollgate:GetAccessKey", user)
            .about("iam", "Read an access key, without its secret")
            .gives::<AccessKey>(200, "The key."),
        Operation::new(Method::PATCH, ONE, "updateAccessKey", change)
            .allowed("tollgate:UpdateAccessKey", user)
            .about("iam", "Switch an access key on or off")
            .takes::<PatchAccessKey>()
            .gives::<AccessKey>(200, "The changed key."),
        Operation::new(Method::DELETE, ONE, "deleteAccessKey", delete)
            .allowed("tollgate:DeleteAccessKey", user)
            .about("iam", "Delete an access key")
            .if_match_optional()
            .gives_nothing(),
    ]
}

async fn create(api: Api, call: Call) -> Result<Answer, Problem> {
    let writing = match write::create(&api, &call).await? {
        write::Start::Fresh(writing) => writing,
        write::Start::Replay(answer) => return Ok(answer),
    };
    let (new, secret) = access_keys::new(&api)?;
    let row = writing.access_key_create(user(&api, &call), new).await?;
    let location = format!(
        "/v1/iam/users/{}/access-keys/{}",
        path::segment(&row.user),
        row.id
    );
    let tag = etag::etag(&row.id, row.generation);
    let answer = Answer::created(location, &access_keys::view_once(&row, &secret))?.etag(tag);
    write::finish_create(&api, &call, writing, answer).await
}

async fn list(api: Api, call: Call) -> Result<Answer, Problem> {
    let listed = api
        .store
        .access_key_list(user(&api, &call), &page::ask(&api, &call)?)
        .await?;
    let next_page_token = page::next(&api, &call, listed.next.as_deref())?;
    let items = listed.items.iter().map(access_keys::view).collect();
    Answer::ok(&AccessKeyList {
        items,
        next_page_token,
    })
}

async fn get(api: Api, call: Call) -> Result<Answer, Problem> {
    show(&find(&api, &call).await?)
}

async fn change(api: Api, call: Call) -> Result<Answer, Problem> {
    let decoded = call.decode::<PatchAccessKey>()?;
    let mut check = Check::new(decoded.problems);
    let active = check.required("/active", decoded.value.active);
    let active = check.done(active)?;
    let state = if active {
        AccessKeyState::Active
    } else {
        AccessKeyState::Inactive
    };
    let row = find(&api, &call).await?;
    etag::check(&call, &row.id, row.generation)?;
    let expect = Expect::Generation(row.generation);
    let writing = write::change(&api, &call).await?;
    let row = writing
        .access_key_update(&row.user_id, &row.id, expect, state)
        .await?;
    write::finish(&api, writing, show(&row)?).await
}

async fn delete(api: Api, call: Call) -> Result<Answer, Problem> {
    let row = find(&api, &call).await?;
    etag::check(&call, &row.id, row.generation)?;
    let writing = write::change(&api, &call).await?;
    writing
        .access_key_delete(&row.user_id, &row.id, Expect::Anything)
        .await?;
    write::finish(&api, writing, Answer::nothing()).await
}

/// The key, if it belongs to the user that the path names.
async fn find(api: &Api, call: &Call) -> Result<AccessKeyRow, Problem> {
    let owner = api.store.user_get(user(api, call)).await?;
    let id = call.param("accessKeyId");
    match api.store.access_key_get(id).await {
        Ok(row) if row.user_id == owner.id => Ok(row),
        Ok(_) | Err(StoreError::NotFound { .. }) => Err(Problem::not_found("access key", id)),
        Err(error) => Err(error.into()),
    }
}

fn user<'c>(api: &Api, call: &'c Call) -> &'c str {
    name::iam(&api.settings.arn, "user", call.param("name"))
}

fn show(row: &AccessKeyRow) -> Result<Answer, Problem> {
    Ok(Answer::ok(&access_keys::view(row))?.etag(etag::etag(&row.id, row.generation)))
}
