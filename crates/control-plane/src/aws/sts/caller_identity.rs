//! `GetCallerIdentity`: who the caller is to this installation.

use std::sync::Arc;

use serde::Serialize;

use crate::aws::call::{Answer, Call};
use crate::aws::fault::Refusal;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct CallerIdentity<'c> {
    user_id: &'c str,
    account: &'c str,
    arn: &'c str,
}

/// Answers whoever has signed, whatever the policies say, as AWS does.
pub(super) async fn get(call: Arc<Call>) -> Result<Answer, Refusal> {
    call.answer(&CallerIdentity {
        user_id: &call.caller.id,
        account: &call.api.settings.arn.account_id,
        arn: &call.caller.arn,
    })
}
