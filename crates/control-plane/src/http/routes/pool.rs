//! `/v1/proxies/{name}/target-groups/default`

use http::Method;
use tollgate_store::{Expect, TargetGroupRow};
use tollgate_types::PoolPolicy;

use crate::api::Api;
use crate::http::answer::Answer;
use crate::http::call::Call;
use crate::http::table::{Kind, On, Operation};
use crate::http::views::pool::{PatchPool, PoolSettings};
use crate::http::{etag, patch, write};
use crate::problem::Problem;
use crate::service::check::Check;
use crate::service::name;

const PATH: &str = "/v1/proxies/{name}/target-groups/default";

pub(super) fn operations() -> Vec<Operation> {
    let one = On::One(Kind::Proxy);
    vec![
        Operation::new(Method::GET, PATH, "getTargetGroup", get)
            .allowed("tollgate:GetTargetGroup", one)
            .about(
                "proxies",
                "Read the pool settings of the default target group",
            )
            .gives::<PoolSettings>(200, "The pool settings."),
        Operation::new(Method::PATCH, PATH, "updateTargetGroup", change)
            .allowed("tollgate:UpdateTargetGroup", one)
            .about(
                "proxies",
                "Change the pool settings of the default target group, live",
            )
            .takes::<PatchPool>()
            .gives::<PoolSettings>(200, "The changed pool settings."),
    ]
}

async fn get(api: Api, call: Call) -> Result<Answer, Problem> {
    let proxy = name::proxy(&api.settings.arn, call.param("name"));
    show(api.store.target_group_get(proxy).await?)
}

async fn change(api: Api, call: Call) -> Result<Answer, Problem> {
    let patch = call.json()?;
    let writing = write::change(&api, &call).await?;
    let proxy = name::proxy(&api.settings.arn, call.param("name"));
    let family = writing.proxy_get(proxy).await?.engine_family;
    let row = writing.target_group_get(proxy).await?;
    etag::check(&call, &row.proxy_id, row.generation)?;
    let merged = patch::merge(&row.pool, patch, &[])?;
    let decoded = merged.decode::<PoolPolicy>()?;
    let mut check = Check::new(decoded.problems);
    check.add_all(decoded.value.problems(family));
    let pool = check.done(decoded.value)?;
    let row = writing
        .target_group_update(&row.proxy_id, Expect::Anything, &pool)
        .await?;
    write::finish(&api, writing, show(row)?).await
}

fn show(row: TargetGroupRow) -> Result<Answer, Problem> {
    let tag = etag::etag(&row.proxy_id, row.generation);
    Ok(Answer::ok(&PoolSettings::from(row.pool))?.etag(tag))
}
