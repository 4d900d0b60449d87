//! `/v1/iam:revoke-sessions`

use http::Method;

use crate::api::Api;
use crate::http::answer::Answer;
use crate::http::call::Call;
use crate::http::table::{Kind, On, Operation};
use crate::http::views::access::{RevokeSessions, RevokedSessions};
use crate::http::write;
use crate::problem::{Code, Problem};
use crate::service::check::Check;
use crate::time::rfc3339;

pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::new(
            Method::POST,
            "/v1/iam:revoke-sessions",
            "revokeSessions",
            revoke,
        )
        .allowed("tollgate:RevokeSessions", On::Any(Kind::Simulation))
        .about(
            "iam",
            "Make the temporary credentials void that a role or user has now",
        )
        .takes::<RevokeSessions>()
        .gives::<RevokedSessions>(200, "Whose, and until when."),
    ]
}

async fn revoke(api: Api, call: Call) -> Result<Answer, Problem> {
    let request = call.decode::<RevokeSessions>()?;
    let mut check = Check::new(request.problems);
    let arn = check.required("/principal", request.value.principal);
    let arn = check.done(arn)?;
    let Some(principal) = api.principal(&arn).await? else {
        let message = format!("there is no principal `{arn}`");
        return Err(Problem::field(
            Code::ValidationFailed,
            "/principal",
            "ARN of a principal",
            &message,
        ));
    };
    let writing = write::change(&api, &call).await?;
    let row = writing.session_revoke(&principal.id).await?;
    let answer = Answer::ok(&RevokedSessions {
        principal: arn,
        revoked_at: rfc3339(row.revoked_at),
    })?;
    write::finish(&api, writing, answer).await
}
