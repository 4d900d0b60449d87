//! The AWS-compatible face: `POST /`, dispatched on the service in the credential scope.
//!
//! A handler decodes, calls the same services as REST, and encodes. Source of the wire formats: botocore's
//! service models and serializers.

mod authenticate;
mod call;
mod ec2;
mod fault;
mod form;
mod iam;
mod paging;
mod rds;
mod secretsmanager;
mod service;
mod shape;
mod sts;
mod table;
mod words;

use std::collections::HashMap;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use http::header::{CONTENT_TYPE, HeaderName};
use http::{HeaderValue, StatusCode};
use tollgate_types::PrincipalKind;
use tower_http::catch_panic::CatchPanicLayer;
use tracing::Instrument;

use self::call::{Answer, Call};
use self::fault::{Fault, Refusal};
use self::form::Node;
use self::service::{Protocol, SERVICES, Service};
use self::table::{Authorized, Operation};
use crate::api::Api;
use crate::http::call::Received;
use crate::identity::Principal;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");
const TARGET: HeaderName = HeaderName::from_static("x-amz-target");

type Tables = HashMap<(&'static str, &'static str), Operation>;

/// The route.
pub(crate) fn router() -> Router<Api> {
    let tables: Arc<Tables> = Arc::new(
        SERVICES
            .iter()
            .flat_map(|service| {
                let operations = (service.operations)();
                operations
                    .into_iter()
                    .map(|operation| ((service.scope, operation.name), operation))
            })
            .collect(),
    );
    let serve = move |State(api): State<Api>, request: Request| {
        let tables = Arc::clone(&tables);
        async move { Box::pin(serve(api, &tables, request)).await }
    };
    Router::new().route("/", post(serve).layer(CatchPanicLayer::custom(after_panic)))
}

/// A call whose service is known.
struct Addressed {
    service: &'static Service,
    operation: Option<Operation>,
    name: String,
    input: Node,
}

async fn serve(api: Api, tables: &Tables, request: Request) -> Response {
    let request_id =
        uuid::Uuid::from_bytes(crate::service::fresh::bytes(&api.ports.random)).to_string();
    let received = match crate::http::receive(request).await {
        Ok(received) => received,
        Err(problem) => {
            let fault = rds::fault(problem.into());
            return render(&SERVICES[0], &request_id, Err(fault));
        }
    };
    let addressed = match address(tables, &received) {
        Ok(addressed) => addressed,
        Err((service, fault)) => return render(service, &request_id, Err(fault)),
    };
    let service = addressed.service;
    let span = tracing::info_span!(
        "aws", request.id = %request_id, aws.service = service.scope, aws.operation = %addressed.name
    );
    let served = run(api, addressed, received, &request_id)
        .instrument(span.clone())
        .await;
    let served = served.map_err(service.fault);
    if let Err(fault) = &served {
        span.in_scope(|| tracing::debug!(aws.code = %fault.code, "call refused"));
    }
    render(service, &request_id, served)
}

async fn run(
    api: Api,
    addressed: Addressed,
    received: Received,
    request_id: &str,
) -> Result<Answer, Refusal> {
    let Addressed {
        service,
        operation,
        name,
        input,
    } = addressed;
    let now_ms = (api.ports.clock)();
    let unsigned = operation
        .as_ref()
        .is_some_and(|operation| operation.authorized == Authorized::Unsigned);
    let caller = if unsigned {
        Arc::new(Principal::nobody())
    } else {
        authenticate::caller(&api, &received, service, crate::time::seconds(now_ms)).await?
    };
    let Some(operation) = operation else {
        let message = format!("The action {name} is not valid for this web service.");
        let code = match service.protocol {
            Protocol::Query | Protocol::Ec2 => "InvalidAction",
            Protocol::Json => "UnknownOperationException",
        };
        return Err(Fault::sender(code, message).into());
    };
    refuse_own_session(&caller, service, operation.name)?;
    let call = Arc::new(Call {
        api,
        service,
        operation: operation.name,
        caller,
        received,
        input,
        now_ms,
        request_id: request_id.to_owned(),
    });
    if let Some((on, resource)) = operation.authorized.on(&call) {
        let action = format!("{}:{}", service.scope, operation.name);
        call.allow(&action, on, resource).await?;
    }
    operation.handle(call).await
}

/// Temporary credentials of a user or the root (`GetSessionToken`) have no way to IAM, or a key of fifteen minutes
/// would make one for ever; in STS they may only ask who they are and assume roles.
/// Source: STS API, `GetSessionToken`, without multi-factor authentication.
fn refuse_own_session(caller: &Principal, service: &Service, operation: &str) -> Result<(), Fault> {
    let is_own = caller.session.is_some() && caller.kind != PrincipalKind::Role;
    let is_open = match service.scope {
        "iam" => false,
        "sts" => matches!(
            operation,
            "AssumeRole" | "GetCallerIdentity" | "GetSessionToken" | "GetAccessKeyInfo"
        ),
        _ => true,
    };
    if is_own && !is_open {
        let message = format!(
            "{} is not authorized to perform {}:{operation} with credentials of GetSessionToken",
            caller.arn, service.scope
        );
        return Err(Fault::with(StatusCode::FORBIDDEN, "AccessDenied", message));
    }
    Ok(())
}

/// Which operation of which service is called. The service comes from the credential scope, because one port
/// serves them all; where nobody has signed, from the operation's name.
fn address(tables: &Tables, received: &Received) -> Result<Addressed, (&'static Service, Fault)> {
    let scope = authenticate::scope(received);
    let is_json = received.headers.contains_key(&TARGET);
    let service = match &scope {
        Some(scope) => SERVICES
            .iter()
            .find(|service| service.scope == scope.as_str()),
        None => unsigned_service(is_json),
    };
    let Some(service) = service else {
        let message = format!(
            "this endpoint serves {}; the request is signed for `{}`",
            SERVICES.each_ref().map(|service| service.scope).join(", "),
            scope.unwrap_or_default()
        );
        return Err((
            &SERVICES[0],
            Fault::with(StatusCode::FORBIDDEN, "SignatureDoesNotMatch", message),
        ));
    };
    let (name, input) = read(service, received).map_err(|fault| (service, fault))?;
    let operation = tables.get(&(service.scope, name.as_str())).cloned();
    Ok(Addressed {
        service,
        operation,
        name,
        input,
    })
}

/// The service that unsigned calls are taken for: STS, which has operations for those who have no key yet.
fn unsigned_service(is_json: bool) -> Option<&'static Service> {
    let wanted = if is_json {
        Protocol::Json
    } else {
        Protocol::Query
    };
    SERVICES
        .iter()
        .find(|service| service.scope == "sts" && wanted == Protocol::Query)
        .or_else(|| SERVICES.iter().find(|service| service.protocol == wanted))
}

/// The operation's name and its parameters.
fn read(service: &'static Service, received: &Received) -> Result<(String, Node), Fault> {
    if service.protocol == Protocol::Json {
        return read_json(service, received);
    }
    let malformed = |message: String| Fault::sender("MalformedQueryString", message);
    let input = Node::from_form(&received.body).map_err(malformed)?;
    if let Some(name) = input.member_outside_xml() {
        let code = match service.scope {
            "iam" | "sts" => "ValidationError",
            _ => "InvalidParameterValue",
        };
        let message = format!("{name} contains a character that XML cannot carry");
        return Err(Fault::sender(code, message));
    }
    let Some(name) = input.text("Action") else {
        return Err(Fault::sender(
            "MissingAction",
            "Could not find operation: Action is missing",
        ));
    };
    let version = input.text("Version").unwrap_or(service.version);
    if version != service.version {
        let message = format!("Could not find operation {name} for version {version}");
        return Err(Fault::sender("InvalidAction", message));
    }
    Ok((name.to_owned(), input))
}

fn read_json(service: &'static Service, received: &Received) -> Result<(String, Node), Fault> {
    let target = received
        .headers
        .get(&TARGET)
        .and_then(|value| value.to_str().ok());
    let name = target
        .and_then(|target| target.strip_prefix(service.namespace))
        .and_then(|rest| rest.strip_prefix('.'))
        .ok_or_else(|| {
            Fault::sender(
                "UnknownOperationException",
                "X-Amz-Target names no operation",
            )
        })?;
    let malformed = |_| Fault::sender("SerializationException", "the body is not valid JSON");
    let body = match received.body.as_ref() {
        b"" => serde_json::Value::Object(serde_json::Map::new()),
        body => serde_json::from_slice(body).map_err(malformed)?,
    };
    let input = Node::from_json(body).filter(|input| matches!(input, Node::Group(_)));
    let input = input
        .ok_or_else(|| Fault::sender("SerializationException", "the body must be a JSON object"))?;
    Ok((name.to_owned(), input))
}

fn render(service: &Service, request_id: &str, served: Result<Answer, Fault>) -> Response {
    let (status, body) = match served {
        Ok(Answer(body)) => (StatusCode::OK, body),
        Err(fault) => {
            let body = match service.protocol {
                Protocol::Query => fault.to_query_xml(service.namespace, request_id),
                Protocol::Ec2 => fault.to_ec2_xml(request_id),
                Protocol::Json => fault.to_json(),
            };
            (fault.status, body)
        }
    };
    let (kind, body) = match service.protocol {
        Protocol::Query | Protocol::Ec2 => ("text/xml", shape::well_formed(body)),
        Protocol::Json => ("application/x-amz-json-1.1", body),
    };
    let mut response = (status, Body::from(body)).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    if let Ok(id) = HeaderValue::from_str(request_id) {
        headers.insert(REQUEST_ID, id);
    }
    response
}

/// Clients of AWS take nothing but their own documents.
fn after_panic(_cause: Box<dyn std::any::Any + Send>) -> Response {
    let message = "an internal error; the log has it under the request id";
    let fault = Fault::with(
        StatusCode::INTERNAL_SERVER_ERROR,
        "InternalFailure",
        message,
    );
    render(&SERVICES[0], "", Err(fault))
}

/// Names of a service's operations, for tests that call every one.
#[cfg(test)]
pub(crate) fn operations_of(scope: &str) -> Vec<&'static str> {
    let service = SERVICES.iter().find(|service| service.scope == scope);
    let operations = service.map(|service| (service.operations)());
    let operations = operations.unwrap_or_default().into_iter();
    operations.map(|operation| operation.name).collect()
}
