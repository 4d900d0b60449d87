//! `/v1/proxies/{name}/endpoints`

use http::Method;
use serde_json::json;
use tollgate_store::{EndpointRow, EndpointUpdate, Expect, ProxyRow};

use crate::api::Api;
use crate::http::answer::Answer;
use crate::http::call::Call;
use crate::http::table::{Kind, On, Operation};
use crate::http::views::EndpointList;
use crate::http::views::proxy::{CreateEndpoint, Endpoint, PatchEndpoint};
use crate::http::{etag, page, patch, path, write};
use crate::problem::Problem;
use crate::service::endpoint_spec::{EndpointSpec, patched_aliases};
use crate::service::{name, proxies, proxy_view};

const ONE: &str = "/v1/proxies/{name}/endpoints/{endpoint}";
const ALL: &str = "/v1/proxies/{name}/endpoints";

pub(super) fn operations() -> Vec<Operation> {
    let proxy = On::One(Kind::Proxy);
    vec![
        Operation::new(Method::POST, ALL, "createEndpoint", create)
            .allowed("tollgate:CreateEndpoint", proxy)
            .about("proxies", "Add an endpoint; it gets a free port")
            .takes::<CreateEndpoint>()
            .gives::<Endpoint>(
                201,
                "The endpoint; its status is creating until it listens.",
            ),
        Operation::new(Method::GET, ALL, "listEndpoints", list)
            .allowed("tollgate:ListEndpoints", proxy)
            .about("proxies", "List endpoints")
            .paged()
            .gives::<EndpointList>(200, "A page of endpoints."),
        Operation::new(Method::GET, ONE, "getEndpoint", get)
            .allowed("tollgate:GetEndpoint", proxy)
            .about("proxies", "Read an endpoint")
            .gives::<Endpoint>(200, "The endpoint."),
        Operation::new(Method::PATCH, ONE, "updateEndpoint", change)
            .allowed("tollgate:UpdateEndpoint", proxy)
            .about("proxies", "Change an endpoint's aliases")
            .takes::<PatchEndpoint>()
            .gives::<Endpoint>(200, "The changed endpoint."),
        Operation::new(Method::DELETE, ONE, "deleteEndpoint", delete)
            .allowed("tollgate:DeleteEndpoint", proxy)
            .about("proxies", "Remove an endpoint other than the default one")
            .if_match_optional()
            .gives_nothing(),
    ]
}

async fn create(api: Api, call: Call) -> Result<Answer, Problem> {
    let spec = EndpointSpec::try_from(call.decode::<CreateEndpoint>()?)?;
    let writing = match write::create(&api, &call).await? {
        write::Start::Fresh(writing) => writing,
        write::Start::Replay(answer) => return Ok(answer),
    };
    let proxy = writing
        .proxy_get(name::proxy(&api.settings.arn, call.param("name")))
        .await?;
    let new = proxies::new_endpoint(&api, spec);
    let row = writing.endpoint_create(proxy.id.as_str(), new).await?;
    let location = format!(
        "/v1/proxies/{}/endpoints/{}",
        path::segment(&proxy.name),
        path::segment(&row.name)
    );
    let tag = etag::etag(&row.id, row.generation);
    let view = proxy_view::endpoint_view(&api, &proxy, row);
    let answer = Answer::created(location, &view)?.etag(tag);
    write::finish_create(&api, &call, writing, answer).await
}

async fn list(api: Api, call: Call) -> Result<Answer, Problem> {
    let proxy = api
        .store
        .proxy_get(name::proxy(&api.settings.arn, call.param("name")))
        .await?;
    let listed = api
        .store
        .endpoint_list(proxy.id.as_str(), &page::ask(&api, &call)?)
        .await?;
    let next_page_token = page::next(&api, &call, listed.next.as_deref())?;
    let view = |row| proxy_view::endpoint_view(&api, &proxy, row);
    Answer::ok(&EndpointList {
        items: listed.items.into_iter().map(view).collect(),
        next_page_token,
    })
}

async fn get(api: Api, call: Call) -> Result<Answer, Problem> {
    let proxy = api
        .store
        .proxy_get(name::proxy(&api.settings.arn, call.param("name")))
        .await?;
    let row = api
        .store
        .endpoint_get(proxy.id.as_str(), call.param("endpoint"))
        .await?;
    show(&api, &proxy, row)
}

async fn change(api: Api, call: Call) -> Result<Answer, Problem> {
    let patch = call.json()?;
    let writing = write::change(&api, &call).await?;
    let proxy = writing
        .proxy_get(name::proxy(&api.settings.arn, call.param("name")))
        .await?;
    let row = writing
        .endpoint_get(proxy.id.as_str(), call.param("endpoint"))
        .await?;
    etag::check(&call, &row.id, row.generation)?;
    let merged = patch::merge(&json!({"aliases": row.aliases}), patch, &[])?;
    let aliases = patched_aliases(merged.decode::<PatchEndpoint>()?)?;
    let update = EndpointUpdate {
        name: row.name.clone(),
        aliases,
        security_group_ids: row.network.security_group_ids,
    };
    let row = writing
        .endpoint_update(proxy.id.as_str(), &row.name, Expect::Anything, update)
        .await?;
    write::finish(&api, writing, show(&api, &proxy, row)?).await
}

async fn delete(api: Api, call: Call) -> Result<Answer, Problem> {
    let writing = write::change(&api, &call).await?;
    let proxy = name::proxy(&api.settings.arn, call.param("name"));
    let row = writing.endpoint_get(proxy, call.param("endpoint")).await?;
    etag::check(&call, &row.id, row.generation)?;
    writing
        .endpoint_delete(proxy, &row.name, Expect::Anything)
        .await?;
    write::finish(&api, writing, Answer::nothing()).await
}

fn show(api: &Api, proxy: &ProxyRow, row: EndpointRow) -> Result<Answer, Problem> {
    let tag = etag::etag(&row.id, row.generation);
    Ok(Answer::ok(&proxy_view::endpoint_view(api, proxy, row))?.etag(tag))
}
