//! What surrounds every call: request id, deadline, span, and the rendering of problems.

use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::HeaderName;
use http::{HeaderMap, HeaderValue};
use tracing::Instrument;

use crate::api::Api;
use crate::problem::{Code, Problem};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Longest request id taken over from a caller, in bytes.
const REQUEST_ID_LENGTH_MAX: usize = 128;

/// Longest time for one call: the longest `waitFor` plus 15 seconds for the store.
const DEADLINE: Duration = Duration::from_secs(75);

/// The outermost layer.
pub(super) async fn wrap(State(api): State<Api>, request: Request, next: Next) -> Response {
    let id = given_id(request.headers()).unwrap_or_else(|| fresh_id(&api));
    let path = request.uri().path().to_owned();
    let span = tracing::info_span!(
        "api", request.id = %id, http.method = %request.method(), http.path = %path
    );
    let answer = tokio::time::timeout(DEADLINE, next.run(request))
        .instrument(span.clone())
        .await;
    let mut response = answer.unwrap_or_else(|_| {
        Problem::new(Code::Timeout, "the call was given up after 75 seconds").into_response()
    });
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        let allow = response.headers_mut().remove(http::header::ALLOW);
        response = problem.render(&path, &id);
        if let Some(allow) = allow {
            response.headers_mut().insert(http::header::ALLOW, allow);
        }
    }
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    span.in_scope(|| tracing::debug!(http.status = response.status().as_u16(), "call answered"));
    response
}

/// The caller's own id, if it is harmless in a log line.
fn given_id(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(REQUEST_ID)?.to_str().ok()?;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let fits = (1..=REQUEST_ID_LENGTH_MAX).contains(&text.len()) && text.chars().all(is_plain);
    fits.then(|| text.to_owned())
}

fn fresh_id(api: &Api) -> String {
    let mut bytes = [0; 8];
    (api.ports.random)(&mut bytes);
    format!("req-{}", hex::encode(bytes))
}
