//! `/v1/secrets`

use http::Method;
use tollgate_store::{Expect, Kind as StoreKind, SecretRow};

use crate::api::Api;
use crate::http::answer::Answer;
use crate::http::call::Call;
use crate::http::table::{Kind, On, Operation};
use crate::http::views::SecretList;
use crate::http::views::secret::{CreateSecret, PutSecretValue, Secret};
use crate::http::{etag, page, path, write};
use crate::problem::Problem;
use crate::service::secret_data::SecretData;
use crate::service::secret_spec::SecretSpec;
use crate::service::{name, secrets};

const ONE: &str = "/v1/secrets/{name}";
const ALL: &str = "/v1/secrets";

pub(super) fn operations() -> Vec<Operation> {
    let (one, any) = (On::One(Kind::Secret), On::Any(Kind::Secret));
    vec![
        Operation::new(Method::POST, ALL, "createSecret", create)
            .allowed("tollgate:CreateSecret", any)
            .about(
                "secrets",
                "Store a user name and password; the password is never shown again",
            )
            .takes::<CreateSecret>()
            .gives::<Secret>(201, "The secret, without its password."),
        Operation::new(Method::GET, ALL, "listSecrets", list)
            .allowed("tollgate:ListSecrets", any)
            .about("secrets", "List secrets, without their passwords")
            .paged()
            .gives::<SecretList>(200, "A page of secrets in the order of their names."),
        Operation::new(Method::GET, ONE, "getSecret", get)
            .allowed("tollgate:GetSecret", one)
            .about("secrets", "Read a secret, without its password")
            .gives::<Secret>(200, "The secret, without its password."),
        Operation::new(
            Method::PUT,
            "/v1/secrets/{name}/value",
            "putSecretValue",
            put_value,
        )
        .allowed("tollgate:PutSecretValue", one)
        .about("secrets", "Replace a secret's value; proxies follow live")
        .if_match_optional()
        .takes::<PutSecretValue>()
        .gives::<Secret>(
            200,
            "The secret with its new version, without its password.",
        ),
        Operation::new(Method::DELETE, ONE, "deleteSecret", delete)
            .allowed("tollgate:DeleteSecret", one)
            .about("secrets", "Delete a secret that no auth rule names")
            .gives_nothing(),
    ]
}

async fn create(api: Api, call: Call) -> Result<Answer, Problem> {
    let spec = SecretSpec::try_from(call.decode::<CreateSecret>()?)?;
    let writing = match write::create(&api, &call).await? {
        write::Start::Fresh(writing) => writing,
        write::Start::Replay(answer) => return Ok(answer),
    };
    let row = writing.secret_create(secrets::new(&api, spec)?).await?;
    let location = path::of(StoreKind::Secret, &row.name).unwrap_or_default();
    let tag = etag::etag(&row.id, row.generation);
    let view = secrets::view(row, &api.settings.arn);
    let answer = Answer::created(location, &view)?.etag(tag);
    write::finish_create(&api, &call, writing, answer).await
}

async fn list(api: Api, call: Call) -> Result<Answer, Problem> {
    let listed = api.store.secret_list(&page::ask(&api, &call)?).await?;
    let next_page_token = page::next(&api, &call, listed.next.as_deref())?;
    let view = |row| secrets::view(row, &api.settings.arn);
    Answer::ok(&SecretList {
        items: listed.items.into_iter().map(view).collect(),
        next_page_token,
    })
}

async fn get(api: Api, call: Call) -> Result<Answer, Problem> {
    let row = api
        .store
        .secret_get(name::secret(&api.settings.arn, call.param("name")))
        .await?;
    show(&api, row)
}

async fn put_value(api: Api, call: Call) -> Result<Answer, Problem> {
    let value = SecretData::try_from(call.decode::<PutSecretValue>()?)?;
    let writing = write::change(&api, &call).await?;
    let row = writing
        .secret_get(name::secret(&api.settings.arn, call.param("name")))
        .await?;
    etag::check(&call, &row.id, row.generation)?;
    let version = secrets::version(&api, &row.id, None, &value)?;
    let row = writing
        .secret_put_value(&row.id, Expect::Anything, version)
        .await?;
    let answer = show(&api, row)?;
    write::finish(&api, writing, answer).await
}

async fn delete(api: Api, call: Call) -> Result<Answer, Problem> {
    let writing = write::change(&api, &call).await?;
    let row = writing
        .secret_get(name::secret(&api.settings.arn, call.param("name")))
        .await?;
    etag::check(&call, &row.id, row.generation)?;
    writing.secret_delete(&row.id, Expect::Anything).await?;
    write::finish(&api, writing, Answer::nothing()).await
}

fn show(api: &Api, row: SecretRow) -> Result<Answer, Problem> {
    let tag = etag::etag(&row.id, row.generation);
    Ok(Answer::ok(&secrets::view(row, &api.settings.arn))?.etag(tag))
}
