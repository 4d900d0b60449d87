//! `/v1/proxies/{name}/targets`

use http::Method;

use crate::api::Api;
use crate::http::answer::Answer;
use crate::http::call::Call;
use crate::http::table::{Kind, On, Operation};
use crate::http::views::TargetList;
use crate::http::views::target::{RegisterTarget, Target};
use crate::http::{page, path, write};
use crate::problem::Problem;
use crate::service::check::Check;
use crate::service::{name, proxies, proxy_view};

const ONE: &str = "/v1/proxies/{name}/targets/{target}";
const ALL: &str = "/v1/proxies/{name}/targets";

pub(super) fn operations() -> Vec<Operation> {
    let proxy = On::One(Kind::Proxy);
    vec![
        Operation::new(Method::POST, ALL, "registerTarget", register)
            .allowed("tollgate:RegisterTarget", proxy)
            .about("proxies", "Register a database as a target")
            .takes::<RegisterTarget>()
            .gives::<Target>(
                201,
                "The target; its health is REGISTERING until it was probed.",
            ),
        Operation::new(Method::GET, ALL, "listTargets", list)
            .allowed("tollgate:ListTargets", proxy)
            .about("proxies", "List targets with their health")
            .paged()
            .gives::<TargetList>(200, "A page of targets in the order of their ids."),
        Operation::new(Method::GET, ONE, "getTarget", get)
            .allowed("tollgate:GetTarget", proxy)
            .about("proxies", "Read a target with its health")
            .gives::<Target>(200, "The target."),
        Operation::new(Method::DELETE, ONE, "deregisterTarget", deregister)
            .allowed("tollgate:DeregisterTarget", proxy)
            .about("proxies", "Take a target out of a proxy")
            .if_match_optional()
            .gives_nothing(),
    ]
}

async fn register(api: Api, call: Call) -> Result<Answer, Problem> {
    let decoded = call.decode::<RegisterTarget>()?;
    let mut check = Check::new(decoded.problems);
    let database = check.required("/database", decoded.value.database);
    let database = check.done(database)?;
    let writing = match write::create(&api, &call).await? {
        write::Start::Fresh(writing) => writing,
        write::Start::Replay(answer) => return Ok(answer),
    };
    let arn = &api.settings.arn;
    let proxy = writing
        .proxy_get(name::proxy(arn, call.param("name")))
        .await?;
    let new = proxies::new_target(&api, &writing, &proxy, name::database(arn, &database)).await?;
    let row = writing.target_register(proxy.id.as_str(), new).await?;
    let location = format!(
        "/v1/proxies/{}/targets/{}",
        path::segment(&proxy.name),
        row.id
    );
    let answer = Answer::created(location, &proxy_view::target_view(row))?;
    write::finish_create(&api, &call, writing, answer).await
}

async fn list(api: Api, call: Call) -> Result<Answer, Problem> {
    let proxy = name::proxy(&api.settings.arn, call.param("name"));
    let listed = api
        .store
        .target_list(proxy, &page::ask(&api, &call)?)
        .await?;
    let next_page_token = page::next(&api, &call, listed.next.as_deref())?;
    let items = listed
        .items
        .into_iter()
        .map(proxy_view::target_view)
        .collect();
    Answer::ok(&TargetList {
        items,
        next_page_token,
    })
}

async fn get(api: Api, call: Call) -> Result<Answer, Problem> {
    let arn = &api.settings.arn;
    let proxy = name::proxy(arn, call.param("name"));
    let row = api
        .store
        .target_get(proxy, name::database(arn, call.param("target")))
        .await?;
    Answer::ok(&proxy_view::target_view(row))
}

async fn deregister(api: Api, call: Call) -> Result<Answer, Problem> {
    let arn = &api.settings.arn;
    let writing = write::change(&api, &call).await?;
    let proxy = name::proxy(arn, call.param("name"));
    writing
        .target_deregister(proxy, name::database(arn, call.param("target")))
        .await?;
    write::finish(&api, writing, Answer::nothing()).await
}
