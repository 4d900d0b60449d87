//! One authenticated call as handlers see it: who, which resource, which parameters, which body.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::Arc;

use aws_lc_rs::digest;
use bytes::Bytes;
use http::header::{HeaderName, IF_MATCH};
use http::{HeaderMap, Method, Uri};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::decode::{self, Decoded};
use super::table::{IfMatch, Operation};
use crate::identity::Principal;
use crate::problem::{Code, Problem};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Longest idempotency key, in bytes.
const IDEMPOTENCY_KEY_LENGTH_MAX: usize = 255;

/// A request as it came, body read, nobody authenticated.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// Absent only where no socket is involved; such a peer counts as remote.
    pub(crate) peer: Option<SocketAddr>,
}

/// What `If-Match` asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Expected {
    /// Any state will do.
    Any,
    /// One of these etags.
    OneOf(Vec<String>),
}

impl Expected {
    /// Refuses when the present etag is none of the expected.
    pub(crate) fn check(&self, current: &str) -> Result<(), Problem> {
        match self {
            Self::Any => Ok(()),
            Self::OneOf(etags) if etags.iter().any(|etag| etag == current) => Ok(()),
            Self::OneOf(_) => Err(Problem::stale(current.to_owned())),
        }
    }
}

/// Which tags a call is about to remove.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RemovedTags {
    /// It removes no tags.
    None,
    /// These.
    Named(Vec<String>),
    /// Every tag that is there.
    All,
}

/// An authenticated call.
pub(crate) struct Call {
    pub(crate) operation: Arc<Operation>,
    pub(crate) caller: Arc<Principal>,
    pub(crate) received: Received,
    /// Milliseconds since the epoch at which the call came in.
    pub(crate) now_ms: i64,
    params: HashMap<String, String>,
    query: Vec<(String, String)>,
    expected: Expected,
}

impl Call {
    /// A call whose query string and headers nobody has looked at.
    pub(crate) fn new(
        operation: Arc<Operation>,
        caller: Arc<Principal>,
        received: Received,
        params: HashMap<String, String>,
        now_ms: i64,
    ) -> Self {
        let (query, expected) = (Vec::new(), Expected::Any);
        Self {
            operation,
            caller,
            received,
            now_ms,
            params,
            query,
            expected,
        }
    }

    /// Reads query string and headers as the route table says. To be called after authorization: whoever may
    /// not call at all is not told what else is wrong.
    pub(crate) fn checked(mut self) -> Result<Self, Problem> {
        self.query = read_query(&self.received.uri, &self.operation)?;
        self.expected = read_if_match(&self.received.headers, self.operation.if_match)?;
        Ok(self)
    }

    /// The present second since the epoch.
    pub(crate) fn now(&self) -> i64 {
        crate::time::seconds(self.now_ms)
    }

    /// A path parameter; empty when the route has none of that name, which then names no resource.
    pub(crate) fn param(&self, name: &str) -> &str {
        self.params.get(name).map_or("", String::as_str)
    }

    /// A query parameter.
    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// What `If-Match` asked for; [`Expected::Any`] where it is optional and absent.
    pub(crate) fn expected(&self) -> &Expected {
        &self.expected
    }

    /// The body as a JSON object.
    pub(crate) fn json(&self) -> Result<Value, Problem> {
        decode::object(&self.received.body)
    }

    /// The body decoded, with every wrong member.
    pub(crate) fn decode<T: DeserializeOwned>(&self) -> Result<Decoded<T>, Problem> {
        decode::decode(self.json()?)
    }

    /// The `tags` of the body, as far as they are well formed, for `aws:RequestTag/*`.
    pub(crate) fn request_tags(&self) -> BTreeMap<String, String> {
        let body: Value = serde_json::from_slice(&self.received.body).unwrap_or_default();
        let Some(tags) = body.get("tags").and_then(Value::as_object) else {
            return BTreeMap::new();
        };
        tags.iter()
            .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
            .collect()
    }

    /// The tags that this call would remove, for `aws:TagKeys`; read before the query string is checked.
    pub(crate) fn removed_tags(&self) -> RemovedTags {
        if self.operation.method != Method::DELETE || self.operation.tag != "tags" {
            return RemovedTags::None;
        }
        let query = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(&self.received.uri);
        let pairs = query.map(|query| query.0).unwrap_or_default();
        match pairs.into_iter().find(|(name, _)| name == "keys") {
            Some((_, keys)) => RemovedTags::Named(keys.split(',').map(str::to_owned).collect()),
            None => RemovedTags::All,
        }
    }

    /// The idempotency key, if the caller gave one and the operation takes one.
    pub(crate) fn idempotency_key(&self) -> Result<Option<&str>, Problem> {
        if !self.operation.takes_idempotency_key() {
            return Ok(None);
        }
        let Some(value) = self.received.headers.get(IDEMPOTENCY_KEY) else {
            return Ok(None);
        };
        let text = value.to_str().unwrap_or_default();
        if text.is_empty() || text.len() > IDEMPOTENCY_KEY_LENGTH_MAX {
            let detail = "Idempotency-Key must be 1 to 255 visible ASCII characters";
            return Err(Problem::new(Code::InvalidHeader, detail));
        }
        Ok(Some(text))
    }

    /// What a repeat of this call must have in common with it: method, path and body.
    pub(crate) fn fingerprint(&self) -> String {
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(self.received.method.as_str().as_bytes());
        context.update(b"\n");
        context.update(self.received.uri.path().as_bytes());
        context.update(b"\n");
        context.update(&self.received.body);
        hex::encode(context.finish())
    }
}

fn read_query(uri: &Uri, operation: &Operation) -> Result<Vec<(String, String)>, Problem> {
    let pairs = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(uri)
        .map_err(|error| {
            Problem::field(
                Code::ValidationFailed,
                "?",
                "query string",
                &error.to_string(),
            )
        })?
        .0;
    let mut problems = Vec::new();
    for (index, (name, _)) in pairs.iter().enumerate() {
        let is_known = operation.queries.iter().any(|query| query.name == name);
        let is_repeated = pairs.iter().take(index).any(|(earlier, _)| earlier == name);
        let message = match (is_known, is_repeated) {
            (false, _) => format!("`{name}` is not a query parameter of this operation"),
            (true, true) => format!("query parameter `{name}` is given twice"),
            (true, false) => continue,
        };
        let rule = "known query parameters, once each";
        problems.push(tollgate_types::FieldProblem::new(
            &format!("?{name}"),
            rule,
            &message,
        ));
    }
    if problems.is_empty() {
        Ok(pairs)
    } else {
        Err(Problem::fields(problems))
    }
}

fn read_if_match(headers: &HeaderMap, rule: IfMatch) -> Result<Expected, Problem> {
    let given: Vec<&str> = headers
        .get_all(IF_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|text| text.split(','))
        .map(str::trim)
        .filter(|text| !text.is_empty())
        .collect();
    match rule {
        IfMatch::Unused => Ok(Expected::Any),
        IfMatch::Required if given.is_empty() => {
            let detail = "send If-Match with the resource's ETag, or with *";
            Err(Problem::new(Code::PreconditionRequired, detail))
        }
        IfMatch::Optional | IfMatch::Required => {
            if given.is_empty() || given.contains(&"*") {
                return Ok(Expected::Any);
            }
            Ok(Expected::OneOf(
                given.into_iter().map(str::to_owned).collect(),
            ))
        }
    }
}
