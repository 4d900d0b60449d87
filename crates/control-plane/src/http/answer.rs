//! A good answer on its way out: status, body, and the headers that belong to a resource.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, ETAG, HeaderName, LOCATION};
use http::{HeaderValue, StatusCode};
use serde::Serialize;

use crate::problem::Problem;

/// Tells how a `waitFor` ended.
pub(crate) const WAIT_RESULT: HeaderName = HeaderName::from_static("wait-result");
/// Says that the answer is the stored one of an earlier call.
pub(crate) const IDEMPOTENT_REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// What a handler answers.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Vec<u8>,
    pub(crate) etag: Option<String>,
    pub(crate) location: Option<String>,
    pub(crate) extra: Vec<(HeaderName, &'static str)>,
}

impl Answer {
    /// 200 with a body.
    pub(crate) fn ok(body: &impl Serialize) -> Result<Self, Problem> {
        Self::with(StatusCode::OK, body)
    }

    /// Any status with a body.
    pub(crate) fn with(status: StatusCode, body: &impl Serialize) -> Result<Self, Problem> {
        let body = serde_json::to_vec(body).map_err(|error| Problem::internal(&error))?;
        Ok(Self {
            status,
            body,
            etag: None,
            location: None,
            extra: Vec::new(),
        })
    }

    /// 201 with a body and the path of the new resource.
    pub(crate) fn created(location: String, body: &impl Serialize) -> Result<Self, Problem> {
        let mut answer = Self::with(StatusCode::CREATED, body)?;
        answer.location = Some(location);
        Ok(answer)
    }

    /// 204.
    pub(crate) fn nothing() -> Self {
        Self {
            status: StatusCode::NO_CONTENT,
            body: Vec::new(),
            etag: None,
            location: None,
            extra: Vec::new(),
        }
    }

    pub(crate) fn etag(mut self, etag: String) -> Self {
        self.etag = Some(etag);
        self
    }

    pub(crate) fn header(mut self, name: HeaderName, value: &'static str) -> Self {
        self.extra.push((name, value));
        self
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let is_empty = self.body.is_empty();
        let mut response = (self.status, Body::from(self.body)).into_response();
        let headers = response.headers_mut();
        headers.remove(CONTENT_TYPE);
        if !is_empty {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        let texts = [(ETAG, self.etag), (LOCATION, self.location)];
        for (name, value) in texts {
            if let Some(value) = value.and_then(|value| HeaderValue::from_str(&value).ok()) {
                headers.insert(name, value);
            }
        }
        for (name, value) in self.extra {
            headers.insert(name, HeaderValue::from_static(value));
        }
        response
    }
}
