//! What a caller is told when a call fails: RFC 9457 problems with a closed list of codes.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, HeaderName};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde::Serialize;
use tollgate_iam::request::RequestRejection;
use tollgate_types::FieldProblem;
use utoipa::ToSchema;

/// The closed list of codes. A code is stable: scripts branch on it, never on the sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Code {
    ValidationFailed,
    MalformedJson,
    EngineMismatch,
    InvalidPageToken,
    InvalidHeader,
    MissingCredentials,
    InvalidCredentials,
    InsecureTransport,
    Signature(RequestRejection),
    AccessDenied,
    NotFound,
    RouteNotFound,
    MethodNotAllowed,
    AlreadyExists,
    InUse,
    BeingDeleted,
    LimitExceeded,
    PortsExhausted,
    IdempotencyInFlight,
    IdempotencyKeyReused,
    EtagMismatch,
    PreconditionRequired,
    BodyTooLarge,
    UnsupportedMediaType,
    Timeout,
    StoreUnavailable,
    Internal,
}

impl Code {
    /// The HTTP status.
    pub(crate) fn status(self) -> StatusCode {
        use StatusCode as S;
        match self {
            Self::ValidationFailed
            | Self::MalformedJson
            | Self::InvalidPageToken
            | Self::InvalidHeader => S::BAD_REQUEST,
            Self::EngineMismatch
            | Self::AlreadyExists
            | Self::InUse
            | Self::BeingDeleted
            | Self::LimitExceeded
            | Self::PortsExhausted
            | Self::IdempotencyInFlight => S::CONFLICT,
            Self::MissingCredentials
            | Self::InvalidCredentials
            | Self::InsecureTransport
            | Self::Signature(_) => S::UNAUTHORIZED,
            Self::AccessDenied => S::FORBIDDEN,
            Self::NotFound | Self::RouteNotFound => S::NOT_FOUND,
            Self::MethodNotAllowed => S::METHOD_NOT_ALLOWED,
            Self::IdempotencyKeyReused => S::UNPROCESSABLE_ENTITY,
            Self::EtagMismatch => S::PRECONDITION_FAILED,
            Self::PreconditionRequired => S::PRECONDITION_REQUIRED,
            Self::BodyTooLarge => S::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType => S::UNSUPPORTED_MEDIA_TYPE,
            Self::Timeout | Self::StoreUnavailable => S::SERVICE_UNAVAILABLE,
            Self::Internal => S::INTERNAL_SERVER_ERROR,
        }
    }

    /// The name scripts compare.
    pub(crate) fn name(self) -> &'static str {
        self.words().0
    }

    /// Code and title, in one table.
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::ValidationFailed => ("VALIDATION_FAILED", "Invalid fields"),
            Self::MalformedJson => ("MALFORMED_JSON", "Body is not valid JSON"),
            Self::EngineMismatch => ("ENGINE_MISMATCH", "Engine does not fit the proxy"),
            Self::InvalidPageToken => ("INVALID_PAGE_TOKEN", "Page token is not valid here"),
            Self::InvalidHeader => ("INVALID_HEADER", "Header is not valid"),
            Self::MissingCredentials => ("MISSING_CREDENTIALS", "Call is not signed"),
            Self::InvalidCredentials => ("INVALID_CREDENTIALS", "Credentials are not valid"),
            Self::InsecureTransport => ("INSECURE_TRANSPORT", "Basic authentication needs TLS"),
            Self::Signature(reason) => (reason.code(), "Signature is not valid"),
            Self::AccessDenied => ("ACCESS_DENIED", "Access denied"),
            Self::NotFound => ("NOT_FOUND", "No such resource"),
            Self::RouteNotFound => ("ROUTE_NOT_FOUND", "No such path"),
            Self::MethodNotAllowed => ("METHOD_NOT_ALLOWED", "Method is not allowed here"),
            Self::AlreadyExists => ("ALREADY_EXISTS", "Name is taken"),
            Self::InUse => ("IN_USE", "Resource is in use"),
            Self::BeingDeleted => ("BEING_DELETED", "Resource is being deleted"),
            Self::LimitExceeded => ("LIMIT_EXCEEDED", "Limit reached"),
            Self::PortsExhausted => ("PORTS_EXHAUSTED", "No endpoint port is free"),
            Self::IdempotencyInFlight => {
                ("IDEMPOTENCY_IN_FLIGHT", "The first call is still running")
            }
            Self::IdempotencyKeyReused => (
                "IDEMPOTENCY_KEY_REUSED",
                "Idempotency key was used for another call",
            ),
            Self::EtagMismatch => ("ETAG_MISMATCH", "Resource has changed"),
            Self::PreconditionRequired => ("PRECONDITION_REQUIRED", "If-Match is required"),
            Self::BodyTooLarge => ("BODY_TOO_LARGE", "Body is too large"),
            Self::UnsupportedMediaType => ("UNSUPPORTED_MEDIA_TYPE", "Body must be JSON"),
            Self::Timeout => ("TIMEOUT", "Call took too long"),
            Self::StoreUnavailable => ("STORE_UNAVAILABLE", "Metadata store is away"),
            Self::Internal => ("INTERNAL", "Internal error"),
        }
    }

    /// Whether the same call may succeed later without a change.
    fn is_retryable(self) -> bool {
        matches!(
            self,
            Self::IdempotencyInFlight | Self::Timeout | Self::StoreUnavailable
        )
    }
}

/// A failed call, before it is known which call it was.
#[derive(Debug, Clone)]
pub(crate) struct Problem {
    pub(crate) code: Code,
    detail: String,
    errors: Vec<FieldProblem>,
    current_etag: Option<String>,
    headers: HeaderMap,
}

impl Problem {
    pub(crate) fn new(code: Code, detail: impl Into<String>) -> Self {
        let mut headers = HeaderMap::new();
        if code.is_retryable() {
            headers.insert(http::header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        if code.status() == StatusCode::UNAUTHORIZED {
            let schemes = "AWS4-HMAC-SHA256 service=\"tollgate\", Basic realm=\"tollgate\"";
            headers.insert(
                http::header::WWW_AUTHENTICATE,
                HeaderValue::from_static(schemes),
            );
        }
        Self {
            code,
            detail: detail.into(),
            errors: Vec::new(),
            current_etag: None,
            headers,
        }
    }

    /// Wrong fields, all of them.
    pub(crate) fn fields(errors: Vec<FieldProblem>) -> Self {
        Self::fields_as(Code::ValidationFailed, errors)
    }

    /// Wrong fields under a more telling code.
    pub(crate) fn fields_as(code: Code, errors: Vec<FieldProblem>) -> Self {
        let detail = match errors.as_slice() {
            [one] => one.message.clone(),
            many => format!("{} fields are invalid", many.len()),
        };
        Self {
            errors,
            ..Self::new(code, detail)
        }
    }

    /// One wrong field.
    pub(crate) fn field(code: Code, pointer: &str, rule: &str, message: &str) -> Self {
        Self::fields_as(code, vec![FieldProblem::new(pointer, rule, message)])
    }

    pub(crate) fn not_found(kind: &str, name: &str) -> Self {
        Self::new(Code::NotFound, format!("there is no {kind} `{name}`"))
    }

    /// Our own fault. The cause goes to the log here, and nowhere else; the caller sees no internals.
    pub(crate) fn internal(cause: &dyn std::fmt::Display) -> Self {
        tracing::error!(error = %cause, "call failed");
        Self::new(
            Code::Internal,
            "an internal error; the log has it under the request id",
        )
    }

    /// The caller's copy is stale; tells the present etag.
    pub(crate) fn stale(current_etag: String) -> Self {
        let detail = "the resource has changed since the given ETag; read it again";
        Self {
            current_etag: Some(current_etag),
            ..Self::new(Code::EtagMismatch, detail)
        }
    }

    #[must_use]
    pub(crate) fn with_header(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(name, value);
        }
        self
    }

    /// Everything that is wrong as one sentence, for answers that have no room for fields.
    pub(crate) fn sentence(&self) -> String {
        if self.errors.len() > 1 {
            let messages: Vec<&str> = self.errors.iter().map(|e| e.message.as_str()).collect();
            return messages.join("; ");
        }
        self.detail.clone()
    }

    /// The finished document for one call.
    pub(crate) fn render(self, instance: &str, request_id: &str) -> Response {
        let (status, (code, title)) = (self.code.status(), self.code.words());
        let document = ProblemDocument {
            kind: format!(
                "urn:tollgate:problem:{}",
                code.to_ascii_lowercase().replace('_', "-")
            ),
            title: title.to_owned(),
            status: status.as_u16(),
            code: code.to_owned(),
            detail: self.detail,
            instance: instance.to_owned(),
            request_id: request_id.to_owned(),
            retryable: self.code.is_retryable(),
            current_etag: self.current_etag,
            errors: self.errors.into_iter().map(WrongField::from).collect(),
        };
        let body = serde_json::to_vec(&document).unwrap_or_default();
        let mut response = (status, Body::from(body)).into_response();
        *response.headers_mut() = self.headers;
        let json = HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(CONTENT_TYPE, json);
        response
    }
}

impl IntoResponse for Problem {
    /// A bare status that carries the problem as an extension: the outermost layer knows the call's path and
    /// request id and renders the document.
    fn into_response(self) -> Response {
        let mut response = self.code.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// An RFC 9457 problem.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Problem)]
pub(crate) struct ProblemDocument {
    /// A URN that stands for the code.
    #[serde(rename = "type")]
    kind: String,
    /// A short sentence for the code.
    title: String,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// The stable code that scripts compare.
    code: String,
    /// What happened this time.
    detail: String,
    /// The path that was called.
    instance: String,
    /// The value of `X-Request-Id`.
    request_id: String,
    /// Whether the same call may succeed later without a change.
    retryable: bool,
    /// The present etag, with `ETAG_MISMATCH`.
    #[serde(skip_serializing_if = "Option::is_none")]
    current_etag: Option<String>,
    /// Every wrong field.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    errors: Vec<WrongField>,
}

/// One wrong field of a request.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = FieldProblem)]
pub(crate) struct WrongField {
    /// RFC 6901 pointer into the request body (`?name` for a query parameter).
    pointer: String,
    /// The violated rule in formal words.
    rule: String,
    /// The sentence for people.
    message: String,
}

impl From<FieldProblem> for WrongField {
    fn from(problem: FieldProblem) -> Self {
        let FieldProblem {
            pointer,
            rule,
            message,
        } = problem;
        Self {
            pointer,
            rule,
            message,
        }
    }
}
