//! One authenticated call to the AWS-compatible face, and its answer.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::fault::Refusal;
use super::form::{FormError, Node};
use super::service::{Protocol, Service};
use super::shape;
use crate::api::Api;
use crate::authz::{self, Asked};
use crate::http::call::{Received, RemovedTags};
use crate::http::table::{Kind, On};
use crate::identity::Principal;

/// EC2's operation whose tags are those that go.
const DELETE_TAGS: &str = "DeleteTags";

/// A call.
pub(crate) struct Call {
    pub(crate) api: Api,
    pub(crate) service: &'static Service,
    pub(crate) operation: &'static str,
    /// Nobody in particular for unsigned operations.
    pub(crate) caller: Arc<Principal>,
    pub(crate) received: Received,
    /// The parameters.
    pub(crate) input: Node,
    pub(crate) now_ms: i64,
    /// Goes into the answer and the log.
    pub(crate) request_id: String,
}

/// What must be allowed as well to make something with tags.
fn tagging(creating: &str) -> Option<&'static str> {
    Some(match creating {
        "iam:CreateUser" => "iam:TagUser",
        "iam:CreateRole" => "iam:TagRole",
        "iam:CreatePolicy" => "iam:TagPolicy",
        "iam:CreateOpenIDConnectProvider" => "iam:TagOpenIDConnectProvider",
        "rds:CreateDBProxy" | "rds:CreateDBProxyEndpoint" => "rds:AddTagsToResource",
        _ => return None,
    })
}

/// A good answer's body; the status is 200.
#[derive(Debug)]
pub(crate) struct Answer(pub(crate) String);

impl Call {
    /// The present second since the epoch.
    pub(crate) fn now(&self) -> i64 {
        crate::time::seconds(self.now_ms)
    }

    /// The request as its type.
    pub(crate) fn decode<T: DeserializeOwned>(&self) -> Result<T, Refusal> {
        self.input.decode().map_err(|error| match error {
            FormError::Missing { name } => Refusal::Missing(name),
            FormError::Invalid { path, message } => Refusal::Invalid(format!("{path} {message}")),
        })
    }

    /// Refuses unless the caller's policies allow a further action, such as `iam:PassRole` on a role.
    pub(crate) async fn allow(&self, action: &str, on: On, name: &str) -> Result<(), Refusal> {
        let asked = self.asked();
        authz::decide(&self.api, &asked, action, (on, name)).await?;
        if let Some(tagging) = tagging(action).filter(|_| !asked.request_tags.is_empty()) {
            authz::decide(&self.api, &asked, tagging, (on, name)).await?;
        }
        Ok(())
    }

    /// Refuses unless the caller's policies allow giving this role, named by its ARN, to a service.
    pub(crate) async fn allow_passing(
        &self,
        role: &str,
        service: &'static str,
    ) -> Result<(), Refusal> {
        let asked = Asked {
            passed_to: Some(service),
            ..self.asked()
        };
        let role = (On::One(Kind::Role), role);
        Ok(authz::decide(&self.api, &asked, "iam:PassRole", role).await?)
    }

    /// Who asks for what, for decisions.
    pub(crate) fn asked(&self) -> Asked<'_> {
        Asked {
            caller: &self.caller,
            peer: self.received.peer,
            now_unix: self.now(),
            request_tags: self.request_tags(),
            removed_tags: self.removed_tags(),
            passed_to: None,
        }
    }

    /// An answer with a result.
    pub(crate) fn answer(&self, result: &impl Serialize) -> Result<Answer, Refusal> {
        let (operation, namespace) = (self.operation, self.service.namespace);
        let text = match self.service.protocol {
            Protocol::Query => shape::query(operation, namespace, &self.request_id, Some(result))?,
            Protocol::Ec2 => shape::ec2(operation, namespace, &self.request_id, result)?,
            Protocol::Json => serde_json::to_string(result)
                .map_err(|error| crate::problem::Problem::internal(&error))?,
        };
        Ok(Answer(text))
    }

    /// The answer of an operation that has no result element.
    pub(crate) fn done(&self) -> Result<Answer, Refusal> {
        let (operation, namespace) = (self.operation, self.service.namespace);
        Ok(Answer(match self.service.protocol {
            Protocol::Query => shape::query(operation, namespace, &self.request_id, None::<&()>)?,
            Protocol::Ec2 => {
                let returned = BTreeMap::from([("return", true)]);
                shape::ec2(operation, namespace, &self.request_id, &returned)?
            }
            Protocol::Json => "{}".to_owned(),
        }))
    }

    /// `Tags` of the request, as far as they are well formed, for `aws:RequestTag/*`.
    fn request_tags(&self) -> BTreeMap<String, String> {
        let tags = match self.service.protocol {
            Protocol::Query | Protocol::Json => self.listed("Tags"),
            Protocol::Ec2 if self.operation == DELETE_TAGS => Vec::new(),
            Protocol::Ec2 => {
                let specified = self.listed("TagSpecification").into_iter();
                let specified = specified.filter_map(|given| given.member("Tag")?.elements());
                let mut tags = self.listed("Tag");
                tags.extend(specified.flatten());
                tags
            }
        };
        tags.into_iter()
            .filter_map(|tag| {
                let value = tag.text("Value").unwrap_or_default();
                Some((tag.text("Key")?.to_owned(), value.to_owned()))
            })
            .collect()
    }

    /// The elements of a list of the request, if it is one.
    fn listed(&self, name: &str) -> Vec<&Node> {
        let list = self.input.member(name).and_then(Node::elements);
        list.unwrap_or_default()
    }

    /// `TagKeys` of the request; of EC2's the keys of `Tag`, or all that are there.
    fn removed_tags(&self) -> RemovedTags {
        if self.service.protocol == Protocol::Ec2 {
            let keys = self.listed("Tag").into_iter();
            let keys: Vec<String> = keys
                .filter_map(|tag| Some(tag.text("Key")?.to_owned()))
                .collect();
            return match (self.operation == DELETE_TAGS, keys.is_empty()) {
                (false, _) => RemovedTags::None,
                (true, true) => RemovedTags::All,
                (true, false) => RemovedTags::Named(keys),
            };
        }
        match self.input.member("TagKeys") {
            Some(keys) => RemovedTags::Named(keys.decode().unwrap_or_default()),
            None => RemovedTags::None,
        }
    }
}
