//! `/v1/audit/decisions`

use http::Method;
use tollgate_store::DecisionFilter;
use tollgate_types::AuthOutcome;

use crate::api::Api;
use crate::http::answer::Answer;
use crate::http::call::Call;
use crate::http::page;
use crate::http::table::{Kind, On, Operation};
use crate::http::views::DecisionList;
use crate::http::views::audit::Decision;
use crate::problem::{Code, Problem};

pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::new(Method::GET, "/v1/audit/decisions", "listDecisions", list)
            .allowed("tollgate:ListDecisions", On::Any(Kind::Decision))
            .about("audit", "List authentication decisions, the newest first")
            .query("proxy", "Only decisions of the proxy with this name.")
            .query("outcome", "Only `allow` or only `deny`.")
            .paged()
            .gives::<DecisionList>(200, "A page of decisions."),
        Operation::new(Method::GET, "/v1/audit/decisions/{id}", "getDecision", get)
            .allowed("tollgate:GetDecision", On::One(Kind::Decision))
            .about(
                "audit",
                "Find the decision by the id that the client was shown",
            )
            .gives::<Decision>(200, "The decision."),
    ]
}

async fn list(api: Api, call: Call) -> Result<Answer, Problem> {
    let filter = DecisionFilter {
        proxy_name: call.query("proxy").map(str::to_owned),
        outcome: call.query("outcome").map(outcome).transpose()?,
    };
    let page = page::ask(&api, &call)?;
    api.ports.decisions.written().await;
    let listed = api.store.decision_list(&filter, &page).await?;
    let next_page_token = page::next(&api, &call, listed.next.as_deref())?;
    let items = listed.items.into_iter().map(Decision::from).collect();
    Answer::ok(&DecisionList {
        items,
        next_page_token,
    })
}

async fn get(api: Api, call: Call) -> Result<Answer, Problem> {
    api.ports.decisions.written().await;
    Answer::ok(&Decision::from(
        api.store.decision_get(call.param("id")).await?,
    ))
}

fn outcome(text: &str) -> Result<AuthOutcome, Problem> {
    match text {
        "allow" => Ok(AuthOutcome::Allow),
        "deny" => Ok(AuthOutcome::Deny),
        _ => {
            let message = "outcome must be allow or deny";
            Err(Problem::field(
                Code::ValidationFailed,
                "?outcome",
                "allow or deny",
                message,
            ))
        }
    }
}
