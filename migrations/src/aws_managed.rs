//! The AWS-managed policies: the names that people attach, with what they mean for the services served here.
//!
//! They also cover the REST API's own actions (`tollgate:…`), since both faces show the same resources.

/// What their names in the table begin with; no operator's policy can be called so.
pub(crate) const PREFIX: &str = "arn:aws:iam::aws:policy/";

/// One of them.
pub(crate) struct AwsManaged {
    pub(crate) id: &'static str,
    pub(crate) name: &'static str,
    pub(crate) description: &'static str,
    pub(crate) document: &'static str,
}

/// All of them. What a policy says may change only in a later migration.
pub(crate) const POLICIES: [AwsManaged; 10] = [
    AwsManaged {
        id: "ANPAAWSMANAGED0000001",
        name: "AdministratorAccess",
        description: "Everything.",
        document: r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#,
    },
    AwsManaged {
        id: "ANPAAWSMANAGED0000002",
        name: "PowerUserAccess",
        description: "Everything but users, groups, roles, policies and access keys.",
        document: r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","NotAction":["iam:*","tollgate:*User*","tollgate:*Role*","tollgate:*Polic*","tollgate:*AccessKey*","tollgate:CreateGroup","tollgate:DeleteGroup","tollgate:GetGroup","tollgate:ListGroups","tollgate:ListGroupMembers"],"Resource":"*"},{"Effect":"Allow","Action":["iam:ListRoles","tollgate:ListRoles"],"Resource":"*"}]}"#,
    },
    AwsManaged {
        id: "ANPAAWSMANAGED0000003",
        name: "ReadOnlyAccess",
        description: "Reads of everything but the values of secrets.",
        document: r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["ec2:Describe*","iam:Get*","iam:List*","iam:Simulate*","rds:Describe*","rds:List*","secretsmanager:DescribeSecret","secretsmanager:GetResourcePolicy","secretsmanager:List*","sts:GetAccessKeyInfo","sts:GetCallerIdentity","tollgate:Get*","tollgate:List*","tollgate:SimulatePolicies"],"Resource":"*"}]}"#,
    },
    AwsManaged {
        id: "ANPAAWSMANAGED0000004",
        name: "IAMFullAccess",
        description: "Everything about users, groups, roles, policies and access keys.",
        document: r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["iam:*","tollgate:*User*","tollgate:*Role*","tollgate:*Polic*","tollgate:*AccessKey*","tollgate:CreateGroup","tollgate:DeleteGroup","tollgate:GetGroup","tollgate:ListGroups","tollgate:ListGroupMembers"],"Resource":"*"}]}"#,
    },
    AwsManaged {
        id: "ANPAAWSMANAGED0000005",
        name: "IAMReadOnlyAccess",
        description: "Reads of users, groups, roles, policies and access keys.",
        document: r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["iam:Get*","iam:List*","iam:Simulate*","tollgate:GetUser","tollgate:GetGroup","tollgate:GetRole","tollgate:GetPolicy","tollgate:GetPolicyVersion","tollgate:GetAccessKey","tollgate:ListUsers","tollgate:ListUserTags","tollgate:ListGroups","tollgate:ListGroupMembers","tollgate:ListRoles","tollgate:ListRoleTags","tollgate:ListPolicies","tollgate:ListPolicyVersions","tollgate:ListAccessKeys","tollgate:ListAttached*","tollgate:SimulatePolicies"],"Resource":"*"}]}"#,
    },
    AwsManaged {
        id: "ANPAAWSMANAGED0000006",
        name: "AmazonRDSFullAccess",
        description: "Everything about proxies and registered databases.",
        document: r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["rds:*","ec2:DescribeSecurityGroups","ec2:DescribeSubnets","ec2:DescribeVpcs","tollgate:*Prox*","tollgate:*Database*","tollgate:*Endpoint*","tollgate:*Target*","tollgate:ListPins","tollgate:ListSessions"],"Resource":"*"}]}"#,
    },
    AwsManaged {
        id: "ANPAAWSMANAGED0000007",
        name: "AmazonRDSReadOnlyAccess",
        description: "Reads of proxies and registered databases.",
        document: r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["rds:Describe*","rds:List*","ec2:DescribeSecurityGroups","ec2:DescribeSubnets","ec2:DescribeVpcs","tollgate:GetProxy","tollgate:GetDatabase","tollgate:GetEndpoint","tollgate:GetTarget","tollgate:GetTargetGroup","tollgate:ListProx*","tollgate:ListDatabase*","tollgate:ListEndpoints","tollgate:ListTargets","tollgate:ListPins","tollgate:ListSessions"],"Resource":"*"}]}"#,
    },
    AwsManaged {
        id: "ANPAAWSMANAGED0000008",
        name: "SecretsManagerReadWrite",
        description: "Everything about secrets, their values included.",
        document: r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["secretsmanager:*","ec2:DescribeSecurityGroups","ec2:DescribeSubnets","ec2:DescribeVpcs","rds:DescribeDBClusters","rds:DescribeDBInstances","tollgate:*Secret*"],"Resource":"*"}]}"#,
    },
    AwsManaged {
        id: "ANPAAWSMANAGED0000009",
        name: "AmazonEC2FullAccess",
        description: "Everything about networks and security groups.",
        document: r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ec2:*","Resource":"*"}]}"#,
    },
    AwsManaged {
        id: "ANPAAWSMANAGED0000010",
        name: "AmazonEC2ReadOnlyAccess",
        description: "Reads of networks and security groups.",
        document: r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["ec2:Describe*","ec2:Get*"],"Resource":"*"}]}"#,
    },
];
