//! The route table: one entry per operation, from which routing, authorization and the API document are made.
//!
//! There is no other way to add a route, so no route can lack its action, its document or its checks.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use http::Method;
use utoipa::ToSchema;
use utoipa::openapi::{RefOr, Schema};

use super::answer::Answer;
use super::call::Call;
use crate::api::Api;
use crate::problem::Problem;

/// What a handler returns in the end.
pub(crate) type Outcome = Pin<Box<dyn Future<Output = Result<Answer, Problem>> + Send>>;

type Handler = Arc<dyn Fn(Api, Call) -> Outcome + Send + Sync>;

/// What an action is allowed or denied on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Database,
    Secret,
    Proxy,
    /// An endpoint, named over all proxies.
    Endpoint,
    /// A proxy's target group, named by the proxy.
    TargetGroup,
    User,
    Group,
    Role,
    Policy,
    OidcProvider,
    SecurityGroup,
    SecurityGroupRule,
    Decision,
    /// `iam:simulate` speaks about any principal.
    Simulation,
}

/// Which resource of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum On {
    /// The one that the path parameter `name` names.
    One(Kind),
    /// None in particular: lists, and creation, whose resource has no ARN yet.
    Any(Kind),
    /// One that is about to be made or moved: the ARN that it will have, whatever has its name now.
    New,
}

/// Who may call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Everybody, unauthenticated: health and the API document.
    Open,
    /// Whoever a policy allows this action on this resource.
    Action(&'static str, On),
}

/// Whether the caller must prove to know the present state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IfMatch {
    /// Nothing to match: reads and creations.
    Unused,
    /// Checked when given; the operation is idempotent, so it may be absent.
    Optional,
    /// 428 when absent.
    Required,
}

/// What follows the operation in the query string.
#[derive(Debug, Clone, Copy)]
pub(crate) struct QueryParameter {
    pub(crate) name: &'static str,
    pub(crate) description: &'static str,
}

/// A schema of the document and everything it refers to.
#[derive(Clone)]
pub(crate) struct Shape {
    pub(crate) name: String,
    collect: fn(&mut Vec<(String, RefOr<Schema>)>),
}

impl Shape {
    pub(crate) fn of<T: ToSchema>() -> Self {
        Self {
            name: T::name().into_owned(),
            collect: |into| {
                into.push((T::name().into_owned(), T::schema()));
                T::schemas(into);
            },
        }
    }

    pub(crate) fn collect(&self, into: &mut Vec<(String, RefOr<Schema>)>) {
        (self.collect)(into);
    }
}

/// A good answer: status, what it means, and its body.
#[derive(Clone)]
pub(crate) struct Good {
    pub(crate) status: u16,
    pub(crate) description: &'static str,
    pub(crate) shape: Option<Shape>,
}

/// One entry.
#[derive(Clone)]
pub(crate) struct Operation {
    pub(crate) method: Method,
    pub(crate) path: &'static str,
    pub(crate) id: &'static str,
    pub(crate) tag: &'static str,
    pub(crate) summary: &'static str,
    pub(crate) access: Access,
    /// What else the caller must be allowed, in words; the handler asks for it.
    pub(crate) also: Option<&'static str>,
    pub(crate) if_match: IfMatch,
    pub(crate) queries: Vec<QueryParameter>,
    pub(crate) request: Option<Shape>,
    pub(crate) good: Vec<Good>,
    handler: Handler,
}

/// The query parameters of every list.
const PAGE: [QueryParameter; 2] = [
    QueryParameter {
        name: "pageSize",
        description: "Items per page, 1 to 1000; 50 when absent.",
    },
    QueryParameter {
        name: "pageToken",
        description: "`nextPageToken` of the previous page.",
    },
];

impl Operation {
    /// A new entry; `id` is the operation id of the document.
    pub(crate) fn new<F, R>(
        method: Method,
        path: &'static str,
        id: &'static str,
        handler: F,
    ) -> Self
    where
        F: Fn(Api, Call) -> R + Send + Sync + 'static,
        R: Future<Output = Result<Answer, Problem>> + Send + 'static,
    {
        let if_match = if method == Method::GET || method == Method::POST {
            IfMatch::Unused
        } else {
            IfMatch::Required
        };
        Self {
            method,
            path,
            id,
            tag: "",
            summary: "",
            access: Access::Open,
            also: None,
            if_match,
            queries: Vec::new(),
            request: None,
            good: Vec::new(),
            handler: Arc::new(move |api, call| Box::pin(handler(api, call))),
        }
    }

    pub(crate) fn allowed(mut self, action: &'static str, on: On) -> Self {
        self.access = Access::Action(action, on);
        self
    }

    /// Documents a further permission that the handler asks for.
    pub(crate) fn needs_also(mut self, what: &'static str) -> Self {
        self.also = Some(what);
        self
    }

    pub(crate) fn about(mut self, tag: &'static str, summary: &'static str) -> Self {
        self.tag = tag;
        self.summary = summary;
        self
    }

    pub(crate) fn takes<T: ToSchema>(mut self) -> Self {
        self.request = Some(Shape::of::<T>());
        self
    }

    pub(crate) fn gives<T: ToSchema>(mut self, status: u16, description: &'static str) -> Self {
        self.good.push(Good {
            status,
            description,
            shape: Some(Shape::of::<T>()),
        });
        self
    }

    pub(crate) fn gives_nothing(mut self) -> Self {
        self.good.push(Good {
            status: 204,
            description: "Done.",
            shape: None,
        });
        self
    }

    pub(crate) fn paged(self) -> Self {
        PAGE.into_iter().fold(self, |operation, query| {
            operation.query(query.name, query.description)
        })
    }

    pub(crate) fn query(mut self, name: &'static str, description: &'static str) -> Self {
        self.queries.push(QueryParameter { name, description });
        self
    }

    /// The operation is an idempotent change of a sub-resource: `If-Match` may be absent.
    pub(crate) fn if_match_optional(mut self) -> Self {
        self.if_match = IfMatch::Optional;
        self
    }

    /// Whether `Idempotency-Key` is honoured.
    pub(crate) fn takes_idempotency_key(&self) -> bool {
        self.method == Method::POST && self.good.iter().any(|good| good.status == 201)
    }

    pub(crate) fn handle(&self, api: Api, call: Call) -> Outcome {
        (self.handler)(api, call)
    }
}
