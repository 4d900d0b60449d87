//! `/v1/databases`

use http::Method;
use tollgate_store::{DatabaseRow, Expect, Kind as StoreKind};

use crate::api::Api;
use crate::http::answer::Answer;
use crate::http::call::Call;
use crate::http::table::{Kind, On, Operation};
use crate::http::views::DatabaseList;
use crate::http::views::database::{CreateDatabase, Database, PatchDatabase};
use crate::http::{etag, page, patch, path, write};
use crate::problem::Problem;
use crate::service::databases::{self, DatabaseSpec};
use crate::service::name;

const ONE: &str = "/v1/databases/{name}";
const ALL: &str = "/v1/databases";

pub(super) fn operations() -> Vec<Operation> {
    let (one, any) = (On::One(Kind::Database), On::Any(Kind::Database));
    vec![
        Operation::new(Method::POST, ALL, "createDatabase", create)
            .allowed("tollgate:CreateDatabase", any)
            .about("databases", "Register a database server")
            .takes::<CreateDatabase>()
            .gives::<Database>(201, "The registered database."),
        Operation::new(Method::GET, ALL, "listDatabases", list)
            .allowed("tollgate:ListDatabases", any)
            .about("databases", "List databases")
            .paged()
            .gives::<DatabaseList>(200, "A page of databases in the order of their names."),
        Operation::new(Method::GET, ONE, "getDatabase", get)
            .allowed("tollgate:GetDatabase", one)
            .about("databases", "Read a database")
            .gives::<Database>(200, "The database."),
        Operation::new(Method::PATCH, ONE, "updateDatabase", change)
            .allowed("tollgate:UpdateDatabase", one)
            .about("databases", "Change a database; its proxies follow live")
            .takes::<PatchDatabase>()
            .gives::<Database>(200, "The changed database."),
        Operation::new(Method::DELETE, ONE, "deleteDatabase", delete)
            .allowed("tollgate:DeleteDatabase", one)
            .about("databases", "Forget a database that is no proxy's target")
            .gives_nothing(),
    ]
}

async fn create(api: Api, call: Call) -> Result<Answer, Problem> {
    let spec = DatabaseSpec::try_from(call.decode::<CreateDatabase>()?)?;
    let writing = match write::create(&api, &call).await? {
        write::Start::Fresh(writing) => writing,
        write::Start::Replay(answer) => return Ok(answer),
    };
    let row = writing
        .database_create(databases::new(&api.ports.random, spec))
        .await?;
    let location = path::of(StoreKind::Database, &row.name).unwrap_or_default();
    let tag = etag::etag(&row.id, row.generation);
    let view = databases::view(row, &api.settings.arn);
    let answer = Answer::created(location, &view)?.etag(tag);
    write::finish_create(&api, &call, writing, answer).await
}

async fn list(api: Api, call: Call) -> Result<Answer, Problem> {
    let listed = api.store.database_list(&page::ask(&api, &call)?).await?;
    let next_page_token = page::next(&api, &call, listed.next.as_deref())?;
    let view = |row| databases::view(row, &api.settings.arn);
    Answer::ok(&DatabaseList {
        items: listed.items.into_iter().map(view).collect(),
        next_page_token,
    })
}

async fn get(api: Api, call: Call) -> Result<Answer, Problem> {
    let row = api
        .store
        .database_get(name::database(&api.settings.arn, call.param("name")))
        .await?;
    show(&api, row)
}

async fn change(api: Api, call: Call) -> Result<Answer, Problem> {
    let patch = call.json()?;
    let writing = write::change(&api, &call).await?;
    let row = writing
        .database_get(name::database(&api.settings.arn, call.param("name")))
        .await?;
    etag::check(&call, &row.id, row.generation)?;
    let fixed = ["name", "engine"];
    let merged = patch::merge(&databases::writable(&row), patch, &fixed)?;
    let spec = DatabaseSpec::try_from(merged.decode::<CreateDatabase>()?)?;
    let row = writing
        .database_update(&row.id, Expect::Anything, databases::update(spec))
        .await?;
    let answer = show(&api, row)?;
    write::finish(&api, writing, answer).await
}

async fn delete(api: Api, call: Call) -> Result<Answer, Problem> {
    let writing = write::change(&api, &call).await?;
    let row = writing
        .database_get(name::database(&api.settings.arn, call.param("name")))
        .await?;
    etag::check(&call, &row.id, row.generation)?;
    writing.database_delete(&row.id, Expect::Anything).await?;
    write::finish(&api, writing, Answer::nothing()).await
}

fn show(api: &Api, row: DatabaseRow) -> Result<Answer, Problem> {
    let tag = etag::etag(&row.id, row.generation);
    Ok(Answer::ok(&databases::view(row, &api.settings.arn))?.etag(tag))
}
