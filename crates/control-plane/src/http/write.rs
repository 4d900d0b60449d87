//! Writes: one store transaction with the resource, the revision, and the answer kept for a repeat.

use http::StatusCode;
use tollgate_store::{Begun, Idempotency, StoredAnswer, Write, WriteContext};

use super::answer::{Answer, IDEMPOTENT_REPLAYED};
use super::call::Call;
use crate::api::Api;
use crate::problem::Problem;

/// How a creation begins.
pub(crate) enum Start {
    /// Nobody has made this call before.
    Fresh(Write),
    /// Somebody has; this was the answer.
    Replay(Answer),
}

/// Opens the transaction of a creation, under the caller's idempotency key if there is one.
pub(crate) async fn create(api: &Api, call: &Call) -> Result<Start, Problem> {
    let idempotency = call.idempotency_key()?.map(|key| Idempotency {
        principal: call.caller.id.clone(),
        key: key.to_owned(),
        operation: format!("{} {}", call.received.method, call.received.uri.path()),
        request_hash: call.fingerprint(),
    });
    let context = WriteContext {
        now_unix: call.now(),
        idempotency,
    };
    match api.store.begin(context).await? {
        Begun::Fresh(write) => Ok(Start::Fresh(write)),
        Begun::Replay(stored) => Ok(Start::Replay(replay(api, call, stored)?)),
    }
}

/// Opens the transaction of a change.
pub(crate) async fn change(api: &Api, call: &Call) -> Result<Write, Problem> {
    Ok(api.store.begin_at(call.now()).await?)
}

/// Makes a creation durable together with its answer, and wakes the reconciler.
pub(crate) async fn finish_create(
    api: &Api,
    call: &Call,
    write: Write,
    answer: Answer,
) -> Result<Answer, Problem> {
    // An answer may show a secret, and most show names; none of it is kept in the clear.
    let stored = StoredAnswer {
        status: answer.status.as_u16(),
        body: api.vault.seal_text(&context(call), &answer.body)?,
        etag: answer.etag.clone(),
        location: answer.location.clone(),
    };
    write.commit_answered(&stored).await?;
    api.wake.notify_one();
    Ok(answer)
}

/// Makes a change durable, and wakes the reconciler.
pub(crate) async fn finish(api: &Api, write: Write, answer: Answer) -> Result<Answer, Problem> {
    write.commit().await?;
    api.wake.notify_one();
    Ok(answer)
}

fn replay(api: &Api, call: &Call, stored: StoredAnswer) -> Result<Answer, Problem> {
    let body = api.vault.open_text(&context(call), &stored.body)?;
    let status = StatusCode::from_u16(stored.status).map_err(|error| Problem::internal(&error))?;
    Ok(Answer {
        status,
        body: body.to_vec(),
        etag: stored.etag,
        location: stored.location,
        extra: vec![(IDEMPOTENT_REPLAYED, "true")],
    })
}

/// A kept answer opens only for the same caller and the same call.
fn context(call: &Call) -> [String; 3] {
    [
        "idempotency".to_owned(),
        call.caller.id.clone(),
        call.fingerprint(),
    ]
}
