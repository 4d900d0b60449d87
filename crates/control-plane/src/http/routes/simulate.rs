//! `/v1/iam:simulate`

use http::Method;

use crate::api::Api;
use crate::http::answer::Answer;
use crate::http::call::Call;
use crate::http::table::{Kind, On, Operation};
use crate::http::views::access::{Simulate, Simulation};
use crate::problem::{Code, Problem};
use crate::service::simulate::Question;

pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::new(
            Method::POST,
            "/v1/iam:simulate",
            "simulatePolicies",
            simulate,
        )
        .allowed("tollgate:SimulatePolicies", On::Any(Kind::Simulation))
        .about(
            "iam",
            "Ask what a principal's policies would decide, and why",
        )
        .takes::<Simulate>()
        .gives::<Simulation>(200, "The decision with every statement explained."),
    ]
}

async fn simulate(api: Api, call: Call) -> Result<Answer, Problem> {
    let question = Question::try_from(call.decode::<Simulate>()?)?;
    let Some(principal) = api.principal(&question.principal).await? else {
        let message = format!("there is no principal `{}`", question.principal);
        return Err(Problem::field(
            Code::ValidationFailed,
            "/principal",
            "ARN of a principal",
            &message,
        ));
    };
    Answer::ok(&question.answer(&principal, call.now())?)
}
