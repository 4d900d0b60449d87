//! `/v1/proxies/{name}/pins`

use http::Method;
use tollgate_types::CurrentPin;

use crate::api::Api;
use crate::http::answer::Answer;
use crate::http::call::Call;
use crate::http::page;
use crate::http::table::{Kind, On, Operation};
use crate::http::views::pins::{HeldPin, PinList, PinSum};
use crate::problem::Problem;
use crate::service::name;

pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::new(Method::GET, "/v1/proxies/{name}/pins", "listPins", list)
            .allowed("tollgate:ListPins", On::One(Kind::Proxy))
            .about(
                "proxies",
                "Which statements pin clients to server connections, and for how long",
            )
            .query("reason", "Only pins and sums of this reason.")
            .query("user", "Only pins of sessions of this database user; sums are not filtered by it.")
            .query("database", "Only pins of sessions of this database; sums are not filtered by it.")
            .paged()
            .gives::<PinList>(
                200,
                "A page of pins in force in the order of their sessions' ids, and the sums since the data plane started.",
            ),
    ]
}

async fn list(api: Api, call: Call) -> Result<Answer, Problem> {
    let ask = page::ask(&api, &call)?;
    let proxy = name::proxy(&api.settings.arn, call.param("name"));
    let row = api.store.proxy_get(proxy).await?;
    let report = api.ports.sessions.pins(&row.id).await;
    let mut items: Vec<HeldPin> = report
        .current
        .into_iter()
        .filter(|pin| is_asked_for(pin, &call))
        .map(HeldPin::from)
        .collect();
    items.sort_by_key(HeldPin::sort_key);
    let after = ask.after.unwrap_or_default();
    items.retain(|pin| pin.sort_key() > after);
    let size = usize::try_from(ask.limit).unwrap_or(usize::MAX);
    let more = items.len() > size;
    items.truncate(size);
    let last = items.last().filter(|_| more).map(HeldPin::sort_key);
    let next_page_token = page::next(&api, &call, last.as_deref())?;
    let totals = report
        .totals
        .into_iter()
        .filter(|total| is(call.query("reason"), &total.reason))
        .map(PinSum::from)
        .collect();
    Answer::ok(&PinList {
        items,
        totals,
        next_page_token,
    })
}

fn is_asked_for(pin: &CurrentPin, call: &Call) -> bool {
    is(call.query("reason"), &pin.reason)
        && is(call.query("user"), &pin.user)
        && is(call.query("database"), &pin.database)
}

fn is(wanted: Option<&str>, value: &str) -> bool {
    wanted.is_none_or(|wanted| wanted == value)
}
