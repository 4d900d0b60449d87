//! The tables of the AWS-compatible face: one entry per operation, with what it is authorized on.
//!
//! There is no other way to add an operation, so none can lack its authorization.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use super::call::{Answer, Call};
use super::fault::Refusal;
use crate::http::table::{Kind, On};

/// What a handler returns in the end.
type Outcome = Pin<Box<dyn Future<Output = Result<Answer, Refusal>> + Send>>;

type Handler = Arc<dyn Fn(Arc<Call>) -> Outcome + Send + Sync>;

/// What the action `SERVICE:OPERATION` must be allowed on before the handler runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Authorized {
    /// No resource in particular: lists, and creation, whose resource has no ARN yet.
    Any(Kind),
    /// The resource that this member of the request names.
    One(Kind, &'static str),
    /// Any caller may, whatever the policies say: `sts:GetCallerIdentity`.
    Everybody,
    /// Nobody needs to have signed; the handler proves who calls: `sts:AssumeRoleWithWebIdentity`.
    Unsigned,
    /// The handler asks with [`Call::allow`], because the resource is not named by one member.
    ByHandler,
}

/// One entry.
#[derive(Clone)]
pub(crate) struct Operation {
    pub(crate) name: &'static str,
    pub(crate) authorized: Authorized,
    handler: Handler,
}

impl Operation {
    /// A new entry.
    pub(crate) fn new<F, R>(name: &'static str, authorized: Authorized, handler: F) -> Self
    where
        F: Fn(Arc<Call>) -> R + Send + Sync + 'static,
        R: Future<Output = Result<Answer, Refusal>> + Send + 'static,
    {
        Self {
            name,
            authorized,
            handler: Arc::new(move |call| Box::pin(handler(call))),
        }
    }

    pub(crate) async fn handle(&self, call: Arc<Call>) -> Result<Answer, Refusal> {
        (self.handler)(call).await
    }
}

impl Authorized {
    /// What the evaluator is asked about, and the name of the resource.
    pub(crate) fn on(self, call: &Call) -> Option<(On, &str)> {
        match self {
            Self::Any(kind) => Some((On::Any(kind), "")),
            Self::One(kind, member) => {
                Some((On::One(kind), call.input.text(member).unwrap_or_default()))
            }
            Self::Everybody | Self::Unsigned | Self::ByHandler => None,
        }
    }
}
