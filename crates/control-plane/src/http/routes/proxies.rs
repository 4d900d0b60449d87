//! `/v1/proxies`, with waiting, sessions and the policy that lets somebody connect.

use std::collections::BTreeSet;

use http::{Method, StatusCode};
use serde_json::Value;
use tollgate_store::{Expect, Kind as StoreKind, ProxyRow};

use crate::api::Api;
use crate::http::answer::{Answer, WAIT_RESULT};
use crate::http::call::Call;
use crate::http::table::{Kind, On, Operation};
use crate::http::views::access::ConnectPolicy;
use crate::http::views::proxy::{CreateProxy, PatchProxy, Proxy};
use crate::http::views::session::Session;
use crate::http::views::{ProxyList, SessionList};
use crate::http::{etag, page, patch, path, write};
use crate::problem::{Code, Problem};
use crate::service::proxy_spec::{AUTH_RULES_MAX, ProxySpec};
use crate::service::wait::Wait;
use crate::service::{name, proxies, proxy_view, simulate, waiting};

const ONE: &str = "/v1/proxies/{name}";
const ALL: &str = "/v1/proxies";

pub(super) fn operations() -> Vec<Operation> {
    let (one, any) = (On::One(Kind::Proxy), On::Any(Kind::Proxy));
    let mut found = vec![
        Operation::new(Method::POST, ALL, "createProxy", create)
            .allowed("tollgate:CreateProxy", any)
            .about("proxies", "Create a proxy with its default endpoint and target group")
            .needs_also("`tollgate:UseSecret` on every secret that `auth` names")
            .takes::<CreateProxy>()
            .gives::<Proxy>(201, "The proxy; its status is creating until the data plane listens."),
        Operation::new(Method::GET, ALL, "listProxies", list)
            .allowed("tollgate:ListProxies", any)
            .about("proxies", "List proxies")
            .paged()
            .gives::<ProxyList>(200, "A page of proxies in the order of their names."),
        Operation::new(Method::GET, ONE, "getProxy", get)
            .allowed("tollgate:GetProxy", one)
            .about("proxies", "Read a proxy, or wait for it")
            .query("waitFor", "Answer when the proxy is `available`, `modified` (available with the newest settings), `deleted`, or when a condition is true: `programmed`, `listening`, `secretsResolved`, `targetsAvailable`. The header `Wait-Result` says `satisfied`, `terminal` or `timeout`.")
            .query("timeout", "How long to wait at most: `30s`, `500ms` or `30`; at most 60 s, 30 s when absent.")
            .gives::<Proxy>(200, "The proxy as it is now."),
        Operation::new(Method::PATCH, ONE, "updateProxy", change)
            .allowed("tollgate:UpdateProxy", one)
            .about("proxies", "Change a proxy, live")
            .needs_also("`tollgate:UseSecret` on every secret that `auth` names")
            .takes::<PatchProxy>()
            .gives::<Proxy>(200, "The proxy; its status is modifying until the data plane has applied the change."),
        Operation::new(Method::DELETE, ONE, "deleteProxy", delete)
            .allowed("tollgate:DeleteProxy", one)
            .about("proxies", "Drain and delete a proxy")
            .gives::<Proxy>(202, "The proxy; its status is deleting until its last session is gone."),
    ];
    found.extend(views());
    found
}

fn views() -> [Operation; 2] {
    let one = On::One(Kind::Proxy);
    [
        Operation::new(
            Method::GET,
            "/v1/proxies/{name}/sessions",
            "listSessions",
            sessions,
        )
        .allowed("tollgate:ListSessions", one)
        .about("proxies", "Who is connected, in what state, pinned and why")
        .paged()
        .gives::<SessionList>(
            200,
            "A page of client connections in the order of their ids.",
        ),
        Operation::new(
            Method::GET,
            "/v1/proxies/{name}/iam-policy",
            "getConnectPolicy",
            policy,
        )
        .allowed("tollgate:GetConnectPolicy", one)
        .about(
            "proxies",
            "A policy document that lets its holder connect as one database user",
        )
        .query("user", "The database user; `*` for every user when absent.")
        .gives::<ConnectPolicy>(200, "The document, ready to be created and attached."),
    ]
}

/// A proxy logs in with the secrets that its auth rules name, and a registered target sees those logins. So
/// naming a secret takes a permission on the secret itself, or whoever may make proxies could use them all.
async fn authorize_secrets(api: &Api, call: &Call, body: &Value) -> Result<(), Problem> {
    let rules = body.get("auth").and_then(Value::as_array);
    let named: BTreeSet<&str> = rules
        .into_iter()
        .flatten()
        // More rules than that are refused as a whole.
        .take(AUTH_RULES_MAX)
        .filter_map(|rule| rule.get("secret")?.as_str())
        .collect();
    for secret in named {
        let on = (On::One(Kind::Secret), secret);
        crate::authz::authorize_for(api, call, "tollgate:UseSecret", on).await?;
    }
    Ok(())
}

async fn create(api: Api, call: Call) -> Result<Answer, Problem> {
    authorize_secrets(&api, &call, &call.json()?).await?;
    let spec = ProxySpec::parse(call.decode::<CreateProxy>()?, &api.settings.arn)?;
    let writing = match write::create(&api, &call).await? {
        write::Start::Fresh(writing) => writing,
        write::Start::Replay(answer) => return Ok(answer),
    };
    let row = writing.proxy_create(proxies::new(&api, spec)).await?;
    let endpoints = writing
        .endpoint_list(row.id.as_str(), &tollgate_store::Page::first(1))
        .await?;
    let location = path::of(StoreKind::Proxy, &row.name).unwrap_or_default();
    let tag = etag::etag(row.id.as_str(), row.generation);
    let view = proxy_view::assemble(&api, row, endpoints.items);
    let answer = Answer::created(location, &view)?.etag(tag);
    write::finish_create(&api, &call, writing, answer).await
}

async fn list(api: Api, call: Call) -> Result<Answer, Problem> {
    let listed = api.store.proxy_list(&page::ask(&api, &call)?).await?;
    let next_page_token = page::next(&api, &call, listed.next.as_deref())?;
    let items = proxy_view::views(&api, listed.items).await?;
    Answer::ok(&ProxyList {
        items,
        next_page_token,
    })
}

async fn get(api: Api, call: Call) -> Result<Answer, Problem> {
    let wait = Wait::parse(call.query("waitFor"), call.query("timeout"))?;
    let row = find(&api, &call).await?;
    let Some(wait) = wait else {
        return show(&api, row, StatusCode::OK).await;
    };
    let (row, verdict) = waiting::until(&api.store, row, &wait).await?;
    Ok(show(&api, row, StatusCode::OK)
        .await?
        .header(WAIT_RESULT, verdict.header()))
}

async fn change(api: Api, call: Call) -> Result<Answer, Problem> {
    let patch = call.json()?;
    authorize_secrets(&api, &call, &patch).await?;
    let writing = write::change(&api, &call).await?;
    let row = writing
        .proxy_get(name::proxy(&api.settings.arn, call.param("name")))
        .await?;
    etag::check(&call, row.id.as_str(), row.generation)?;
    let merged = patch::merge(&proxies::writable(&row), patch, &["name", "engineFamily"])?;
    let spec = ProxySpec::parse(merged.decode::<CreateProxy>()?, &api.settings.arn)?;
    let update = proxies::update(&row, spec);
    let row = writing
        .proxy_update(row.id.as_str(), Expect::Anything, update)
        .await?;
    writing.commit().await?;
    api.wake.notify_one();
    show(&api, row, StatusCode::OK).await
}

async fn delete(api: Api, call: Call) -> Result<Answer, Problem> {
    let writing = write::change(&api, &call).await?;
    let row = writing
        .proxy_get(name::proxy(&api.settings.arn, call.param("name")))
        .await?;
    etag::check(&call, row.id.as_str(), row.generation)?;
    let deadline = call
        .now()
        .saturating_add(i64::from(api.settings.drain_timeout_s));
    let row = writing
        .proxy_delete_request(row.id.as_str(), Expect::Anything, deadline)
        .await?;
    writing.commit().await?;
    api.wake.notify_one();
    show(&api, row, StatusCode::ACCEPTED).await
}

async fn sessions(api: Api, call: Call) -> Result<Answer, Problem> {
    let ask = page::ask(&api, &call)?;
    let row = find(&api, &call).await?;
    let mut all: Vec<Session> = api
        .ports
        .sessions
        .sessions(&row.id)
        .await
        .into_iter()
        .map(Session::from)
        .collect();
    all.sort_by(|one, other| one.id.cmp(&other.id));
    all.retain(|session| ask.after.as_ref().is_none_or(|after| session.id > *after));
    let size = usize::try_from(ask.limit).unwrap_or(usize::MAX);
    let more = all.len() > size;
    all.truncate(size);
    let last = all
        .last()
        .filter(|_| more)
        .map(|session| session.id.clone());
    let next_page_token = page::next(&api, &call, last.as_deref())?;
    Answer::ok(&SessionList {
        items: all,
        next_page_token,
    })
}

async fn policy(api: Api, call: Call) -> Result<Answer, Problem> {
    let user = call.query("user").unwrap_or("*");
    if user.is_empty() || user.len() > 63 || user.contains(['\0', '/']) {
        let message = "user must be 1 to 63 bytes long, without slash and zero byte";
        return Err(Problem::field(
            Code::ValidationFailed,
            "?user",
            "1 <= length <= 63",
            message,
        ));
    }
    let row = find(&api, &call).await?;
    let connect_arn = api.settings.arn.connect(&row.id, user);
    let document = simulate::connect_document(&connect_arn);
    Answer::ok(&ConnectPolicy {
        connect_arn,
        document,
    })
}

async fn find(api: &Api, call: &Call) -> Result<ProxyRow, Problem> {
    Ok(api
        .store
        .proxy_get(name::proxy(&api.settings.arn, call.param("name")))
        .await?)
}

async fn show(api: &Api, row: ProxyRow, status: StatusCode) -> Result<Answer, Problem> {
    let tag = etag::etag(row.id.as_str(), row.generation);
    Ok(Answer::with(status, &proxy_view::view(api, row).await?)?.etag(tag))
}
