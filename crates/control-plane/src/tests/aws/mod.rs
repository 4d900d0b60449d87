//! The AWS-compatible face, called as the AWS SDKs call it.

mod dispatch;
mod ec2;
mod iam;
mod rds;
mod secretsmanager;
mod sessions;
mod web_identity;

use http::Method;

use super::{Call, Key, Reply, World};

/// A call in the Query protocol.
pub(super) struct QueryCall<'w> {
    call: Call<'w>,
}

impl World {
    /// A call of a Query service, signed by the root unless [`QueryCall::key`] says otherwise.
    pub(super) fn query(
        &self,
        service: &'static str,
        action: &str,
        members: &[(&str, &str)],
    ) -> QueryCall<'_> {
        let version = match service {
            "rds" => "2014-10-31",
            "iam" => "2010-05-08",
            "ec2" => "2016-11-15",
            _ => "2011-06-15",
        };
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("Action", action)
            .append_pair("Version", version);
        form.extend_pairs(members);
        let call = self
            .call(Method::POST, "/")
            .for_service(service)
            .header(
                "content-type",
                "application/x-www-form-urlencoded; charset=utf-8",
            )
            .body(form.finish());
        QueryCall { call }
    }

    /// A security group made by the root; its id.
    pub(super) async fn security_group(&self, name: &str) -> String {
        let members = [("GroupName", name), ("GroupDescription", "for a test")];
        let made = self.query("ec2", "CreateSecurityGroup", &members);
        element(&made.good().await, "groupId").to_owned()
    }

    /// A call of a JSON service.
    pub(super) fn json_call(
        &self,
        service: &'static str,
        target: &str,
        body: &serde_json::Value,
    ) -> QueryCall<'_> {
        let call = self
            .call(Method::POST, "/")
            .for_service(service)
            .header("content-type", "application/x-amz-json-1.1")
            .header("x-amz-target", target)
            .body(body.to_string());
        QueryCall { call }
    }
}

impl QueryCall<'_> {
    pub(super) fn key(self, key: &Key) -> Self {
        Self {
            call: self.call.key(key),
        }
    }

    pub(super) fn anonymous(self) -> Self {
        Self {
            call: self.call.anonymous(),
        }
    }

    pub(super) async fn send(self) -> Reply {
        self.call.send().await
    }

    /// The answer's document, which must be a good one.
    pub(super) async fn good(self) -> String {
        let reply = self.send().await.expect(200);
        assert!(reply.header("x-amzn-requestid").is_some());
        reply.text
    }

    /// The refusal must have this status and code.
    pub(super) async fn refused(self, status: u16, code: &str) -> String {
        let reply = self.send().await.expect(status);
        let is_named = reply.text.contains(&format!("<Code>{code}</Code>"))
            || reply.text.contains(&format!("\"__type\":\"{code}\""));
        assert!(is_named, "{code}: {}", reply.text);
        reply.text
    }
}

/// The text of the first element with this name.
#[track_caller]
pub(super) fn element<'d>(document: &'d str, name: &str) -> &'d str {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    document
        .split_once(&open)
        .and_then(|(_, rest)| rest.split_once(&close))
        .unwrap_or_else(|| panic!("no {name} in {document}"))
        .0
}
