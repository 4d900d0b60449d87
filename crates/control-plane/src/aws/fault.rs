//! Refusals in AWS's words: a code, a status and a sentence, in the form of each protocol.

use std::borrow::Cow;

use http::StatusCode;
use serde::Serialize;
use tollgate_store::StoreError;

use crate::problem::Problem;

/// What a caller is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) status: StatusCode,
    pub(crate) code: Cow<'static, str>,
    pub(crate) message: String,
}

impl Fault {
    /// A refusal that is the caller's fault, with status 400.
    pub(crate) fn sender(code: &'static str, message: impl Into<String>) -> Self {
        Self::with(StatusCode::BAD_REQUEST, code, message)
    }

    /// A refusal with any status.
    pub(crate) fn with(
        status: StatusCode,
        code: impl Into<Cow<'static, str>>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            status,
            code: code.into(),
            message: message.into(),
        }
    }
}

/// Why a call was not served, before the service puts it into its words.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// The service's words already.
    Fault(Fault),
    /// A member is absent, by its name in the request.
    Missing(String),
    /// A member cannot be what it is.
    Invalid(String),
    /// The store refuses; which code that is depends on the service.
    Store(StoreError),
    /// What REST would answer.
    Problem(Problem),
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

/// `<ErrorResponse>` of the Query protocol.
#[derive(Serialize)]
#[serde(rename = "ErrorResponse", rename_all = "PascalCase")]
struct QueryError<'a> {
    #[serde(rename = "@xmlns")]
    namespace: &'a str,
    error: ErrorBody<'a>,
    request_id: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ErrorBody<'a> {
    r#type: &'static str,
    code: &'a str,
    message: &'a str,
}

/// `<Response>` of EC2's protocol.
#[derive(Serialize)]
#[serde(rename = "Response")]
struct Ec2Error<'a> {
    #[serde(rename = "Errors")]
    errors: Ec2Errors<'a>,
    #[serde(rename = "RequestID")]
    request_id: &'a str,
}

#[derive(Serialize)]
struct Ec2Errors<'a> {
    #[serde(rename = "Error")]
    error: Ec2ErrorBody<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Ec2ErrorBody<'a> {
    code: &'a str,
    message: &'a str,
}

impl Fault {
    /// The document of the Query protocol.
    pub(crate) fn to_query_xml(&self, namespace: &str, request_id: &str) -> String {
        let r#type = if self.status.is_server_error() {
            "Receiver"
        } else {
            "Sender"
        };
        let error = ErrorBody {
            r#type,
            code: &self.code,
            message: &self.message,
        };
        document(&QueryError {
            namespace,
            error,
            request_id,
        })
    }

    /// The document of EC2.
    pub(crate) fn to_ec2_xml(&self, request_id: &str) -> String {
        let error = Ec2ErrorBody {
            code: &self.code,
            message: &self.message,
        };
        document(&Ec2Error {
            errors: Ec2Errors { error },
            request_id,
        })
    }

    /// The document of JSON services.
    pub(crate) fn to_json(&self) -> String {
        serde_json::json!({"__type": self.code, "Message": self.message, "message": self.message})
            .to_string()
    }
}

/// Serialising texts into a fixed frame cannot fail; an empty document would be seen by every test.
fn document(value: &impl Serialize) -> String {
    quick_xml::se::to_string(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_protocol_has_its_document() {
        let fault = Fault::sender("InvalidAction", "no <such> action");
        assert_eq!(
            fault.to_query_xml("http://x/", "r-1"),
            "<ErrorResponse xmlns=\"http://x/\"><Error><Type>Sender</Type><Code>InvalidAction</Code>\
             <Message>no &lt;such&gt; action</Message></Error><RequestId>r-1</RequestId></ErrorResponse>"
        );
        assert_eq!(
            fault.to_ec2_xml("r-1"),
            "<Response><Errors><Error><Code>InvalidAction</Code><Message>no &lt;such&gt; action</Message>\
             </Error></Errors><RequestID>r-1</RequestID></Response>"
        );
        assert!(fault.to_json().contains("\"__type\":\"InvalidAction\""));
    }
}
