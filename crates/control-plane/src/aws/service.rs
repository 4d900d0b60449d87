//! The services of the AWS-compatible face: their protocols, names and tables.

use super::fault::{Fault, Refusal};
use super::table::Operation;
use super::{ec2, iam, rds, secretsmanager, sts};

/// How a service's calls and answers look on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// Form in, XML with result element out.
    Query,
    /// Form in, XML without result element out.
    Ec2,
    /// JSON in and out, the operation in `X-Amz-Target`.
    Json,
}

/// Where a service's calls may be signed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Regions {
    /// The installation's region only.
    Own,
    /// Any: global services are signed for `us-east-1` or for the client's region, depending on the client.
    Any,
}

/// One service.
pub(crate) struct Service {
    /// Its name in credential scopes and actions.
    pub(crate) scope: &'static str,
    pub(crate) protocol: Protocol,
    /// The version that its clients send.
    pub(crate) version: &'static str,
    /// XML namespace of its answers, or the prefix of `X-Amz-Target`.
    pub(crate) namespace: &'static str,
    pub(crate) regions: Regions,
    /// Its table of operations.
    pub(crate) operations: fn() -> Vec<Operation>,
    /// Puts a refusal into its words.
    pub(crate) fault: fn(Refusal) -> Fault,
}

/// All of them.
pub(crate) static SERVICES: [Service; 5] = [
    Service {
        scope: "rds",
        protocol: Protocol::Query,
        version: "2014-10-31",
        namespace: "http://rds.amazonaws.com/doc/2014-10-31/",
        regions: Regions::Own,
        operations: rds::operations,
        fault: rds::fault,
    },
    Service {
        scope: "iam",
        protocol: Protocol::Query,
        version: "2010-05-08",
        namespace: "https://iam.amazonaws.com/doc/2010-05-08/",
        regions: Regions::Any,
        operations: iam::operations,
        fault: iam::fault,
    },
    Service {
        scope: "secretsmanager",
        protocol: Protocol::Json,
        version: "2017-10-17",
        namespace: "secretsmanager",
        regions: Regions::Own,
        operations: secretsmanager::operations,
        fault: secretsmanager::fault,
    },
    Service {
        scope: "sts",
        protocol: Protocol::Query,
        version: "2011-06-15",
        namespace: "https://sts.amazonaws.com/doc/2011-06-15/",
        regions: Regions::Any,
        operations: sts::operations,
        fault: sts::fault,
    },
    Service {
        scope: "ec2",
        protocol: Protocol::Ec2,
        version: "2016-11-15",
        namespace: "http://ec2.amazonaws.com/doc/2016-11-15/",
        regions: Regions::Own,
        operations: ec2::operations,
        fault: ec2::fault,
    },
];
