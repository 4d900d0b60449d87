//! The HTTP side: from a request on the wire to one service call, and back.
//!
//! Every request takes the same way: envelope (request id, deadline, panics, problem documents) → route table
//! → authenticate → authorize → handler → answer.

pub(crate) mod answer;
pub(crate) mod authenticate;
pub(crate) mod call;
pub(crate) mod decode;
mod envelope;
pub(crate) mod etag;
pub(crate) mod openapi_document;
pub(crate) mod page;
pub(crate) mod patch;
pub(crate) mod path;
mod routes;
pub(crate) mod table;
pub(crate) mod views;
pub(crate) mod write;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{ConnectInfo, RawPathParams, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, MethodRouter, on};
use bytes::Bytes;
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tower_http::catch_panic::CatchPanicLayer;
use utoipa_axum::router::OpenApiRouter;

use self::answer::Answer;
use self::call::{Call, Received};
use self::table::{Access, Operation};
use crate::api::Api;
use crate::identity::Principal;
use crate::problem::{Code, Problem};

/// Largest body read, in bytes.
const BODY_LENGTH_MAX: usize = 1024 * 1024;

/// The whole route table.
pub(crate) fn operations() -> Vec<Operation> {
    routes::operations()
}

/// The router and its document, from the same table.
fn assemble() -> (Router<Api>, utoipa::openapi::OpenApi) {
    operations()
        .into_iter()
        .fold(
            OpenApiRouter::with_openapi(openapi_document::skeleton()),
            |router, operation| {
                let (schemas, paths) = openapi_document::describe(&operation);
                router.routes((schemas, paths, method_router(Arc::new(operation))))
            },
        )
        .split_for_parts()
}

/// The API document.
pub fn openapi() -> utoipa::openapi::OpenApi {
    assemble().1
}

/// The whole API as a service.
pub(crate) fn router(api: Api) -> Router {
    let (router, _) = assemble();
    router
        .merge(crate::aws::router())
        .fallback(no_such_route)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(CatchPanicLayer::custom(after_panic))
        .layer(axum::middleware::from_fn_with_state(
            api.clone(),
            envelope::wrap,
        ))
        .with_state(api)
}

fn method_router(operation: Arc<Operation>) -> MethodRouter<Api> {
    // The table only holds methods that axum knows; GET is the harmless answer to the impossible.
    let filter = MethodFilter::try_from(operation.method.clone()).unwrap_or(MethodFilter::GET);
    on(
        filter,
        move |State(api): State<Api>, params: RawParams, request: Request| {
            let operation = Arc::clone(&operation);
            async move {
                let answered = match named(params) {
                    Ok(params) => serve(api, operation, params, request).await,
                    Err(problem) => Err(problem),
                };
                match answered {
                    Ok(answer) => answer.into_response(),
                    Err(problem) => problem.into_response(),
                }
            }
        },
    )
}

type RawParams = Result<RawPathParams, RawPathParamsRejection>;

/// The path's parameters; a path that is not UTF-8 names nothing that could exist.
fn named(params: RawParams) -> Result<HashMap<String, String>, Problem> {
    let params = params.map_err(|_| {
        let detail = "the path is not UTF-8 after percent-decoding; no resource has such a name";
        Problem::new(Code::RouteNotFound, detail)
    })?;
    Ok(params
        .iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect())
}

async fn serve(
    api: Api,
    operation: Arc<Operation>,
    params: HashMap<String, String>,
    request: Request,
) -> Result<Answer, Problem> {
    let received = receive(request).await?;
    let now_ms = (api.ports.clock)();
    let caller = match operation.access {
        Access::Open => Arc::new(Principal::nobody()),
        Access::Action(..) => authenticate::caller(&api, &received, now_ms).await?,
    };
    let call = Call::new(Arc::clone(&operation), caller, received, params, now_ms);
    if let Access::Action(action, on) = operation.access {
        crate::authz::authorize(&api, &call, action, on).await?;
    }
    let call = call.checked()?;
    if operation.request.is_some() && !call.received.body.is_empty() {
        check_media_type(&call.received.headers)?;
    }
    operation.handle(api, call).await
}

pub(crate) async fn receive(request: Request) -> Result<Received, Problem> {
    let (parts, body) = request.into_parts();
    let peer = parts
        .extensions
        .get::<ConnectInfo<SocketAddr>>()
        .map(|info| info.0);
    let body = read_body(body).await?;
    let (method, uri, headers) = (parts.method, parts.uri, parts.headers);
    Ok(Received {
        method,
        uri,
        headers,
        body,
        peer,
    })
}

async fn read_body(body: Body) -> Result<Bytes, Problem> {
    match Limited::new(body, BODY_LENGTH_MAX).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(Problem::new(
            Code::BodyTooLarge,
            "the body must not be larger than 1 MiB",
        )),
        Err(_) => Err(Problem::new(
            Code::MalformedJson,
            "the body could not be read to its end",
        )),
    }
}

/// Absent, `application/json`, or any `application/…+json` (merge-patch among them).
fn check_media_type(headers: &HeaderMap) -> Result<(), Problem> {
    let Some(value) = headers.get(CONTENT_TYPE) else {
        return Ok(());
    };
    let text = value.to_str().unwrap_or_default().to_ascii_lowercase();
    let essence = text.split(';').next().unwrap_or_default().trim();
    let is_json = essence == "application/json"
        || (essence.starts_with("application/") && essence.ends_with("+json"));
    if is_json {
        return Ok(());
    }
    let detail = format!("send Content-Type: application/json instead of `{essence}`");
    Err(Problem::new(Code::UnsupportedMediaType, detail))
}

async fn no_such_route() -> Problem {
    Problem::new(
        Code::RouteNotFound,
        "the API has no such path; see /openapi.json",
    )
}

async fn method_not_allowed() -> Problem {
    Problem::new(
        Code::MethodNotAllowed,
        "the path exists, but not with this method; see Allow",
    )
}

pub(crate) fn after_panic(_cause: Box<dyn std::any::Any + Send>) -> Response {
    // What a panic says may hold data of the request; the panic hook has logged where it happened.
    Problem::internal(&"a handler panicked").into_response()
}
