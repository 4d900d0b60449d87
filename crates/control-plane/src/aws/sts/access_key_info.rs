//! `GetAccessKeyInfo`: which account an access key id belongs to.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::aws::call::{Answer, Call};
use crate::aws::fault::Refusal;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetAccessKeyInfo {
    access_key_id: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct AccessKeyInfo<'a> {
    account: &'a str,
}

/// Every well-formed id belongs to this installation's one account; as with AWS, the answer does not tell
/// whether the key exists.
pub(super) async fn get(call: Arc<Call>) -> Result<Answer, Refusal> {
    let request: GetAccessKeyInfo = call.decode()?;
    let id = &request.access_key_id;
    let is_plain = id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if !(16..=128).contains(&id.len()) || !is_plain {
        let words = "AccessKeyId must be 16 to 128 letters, digits and underscores";
        return Err(Refusal::Invalid(words.to_owned()));
    }
    call.answer(&AccessKeyInfo {
        account: &call.api.settings.arn.account_id,
    })
}
