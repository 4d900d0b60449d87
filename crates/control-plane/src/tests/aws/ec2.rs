//! EC2: the default VPC, security groups, and what their rules come to in a snapshot.

use serde_json::json;
use tollgate_types::Snapshot;

use super::super::{Key, World};
use super::element;

const DEFAULT: &str = "sg-0defa017000000000";
const VPC: &str = "vpc-0defa017000000000";

async fn good(world: &World, action: &str, members: &[(&str, &str)]) -> String {
    world.query("ec2", action, members).good().await
}

async fn refused(world: &World, action: &str, members: &[(&str, &str)], code: &str) -> String {
    world.query("ec2", action, members).refused(400, code).await
}

/// Members for one rule about TCP.
fn rule<'t>(group: &'t str, port: &'t str, cidr: &'t str) -> Vec<(&'t str, &'t str)> {
    vec![
        ("GroupId", group),
        ("IpPermissions.1.IpProtocol", "tcp"),
        ("IpPermissions.1.FromPort", port),
        ("IpPermissions.1.ToPort", port),
        ("IpPermissions.1.IpRanges.1.CidrIp", cidr),
        ("IpPermissions.1.IpRanges.1.Description", "office"),
    ]
}

/// Whether the only endpoint lets an address in.
fn admits(snapshot: &Snapshot, address: &str) -> bool {
    let endpoints = snapshot.proxies.iter().flat_map(|proxy| &proxy.endpoints);
    let mut admitted = endpoints.map(|endpoint| endpoint.admitted.admit(address.parse().unwrap()));
    admitted.next().is_some_and(|admitted| admitted)
}

#[tokio::test]
async fn there_is_one_default_vpc_with_two_subnets() {
    let world = World::new().await;
    let members = [
        ("Filter.1.Name", "is-default"),
        ("Filter.1.Value.1", "true"),
    ];
    let vpcs = good(&world, "DescribeVpcs", &members).await;
    assert!(vpcs.starts_with(
        "<DescribeVpcsResponse xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\"><requestId>"
    ));
    assert_eq!(element(&vpcs, "vpcId"), VPC);
    let members = [("Filter.1.Name", "vpc-id"), ("Filter.1.Value.1", VPC)];
    let subnets = good(&world, "DescribeSubnets", &members).await;
    assert_eq!(subnets.matches("<subnetId>").count(), 2, "{subnets}");
    assert!(subnets.contains("us-east-1a") && subnets.contains("use1-az2"));
    let members = [("Filter.1.Name", "colour"), ("Filter.1.Value.1", "red")];
    refused(&world, "DescribeSubnets", &members, "InvalidParameterValue").await;
    refused(
        &world,
        "DescribeVpcs",
        &[("VpcId.1", "vpc-1")],
        "InvalidVpcID.NotFound",
    )
    .await;
    let other = [("SubnetId.1", "subnet-1")];
    refused(
        &world,
        "DescribeSubnets",
        &other,
        "InvalidSubnetID.NotFound",
    )
    .await;
}

#[tokio::test]
async fn the_default_group_lets_everybody_in_and_stays() {
    let world = World::new().await;
    let groups = good(&world, "DescribeSecurityGroups", &[]).await;
    assert_eq!(element(&groups, "groupId"), DEFAULT);
    assert!(groups.contains("0.0.0.0/0") && groups.contains("::/0"));
    refused(
        &world,
        "DeleteSecurityGroup",
        &[("GroupId", DEFAULT)],
        "CannotDelete",
    )
    .await;
    let named = [("GroupName", "default"), ("GroupDescription", "x")];
    refused(
        &world,
        "CreateSecurityGroup",
        &named,
        "InvalidGroup.Reserved",
    )
    .await;
}

#[tokio::test]
async fn groups_and_rules_come_and_go() {
    let world = World::new().await;
    let group = world.security_group("web").await;
    let again = [("GroupName", "web"), ("GroupDescription", "x")];
    refused(
        &world,
        "CreateSecurityGroup",
        &again,
        "InvalidGroup.Duplicate",
    )
    .await;
    let wanted = rule(&group, "5432", "10.0.0.0/8");
    let made = good(&world, "AuthorizeSecurityGroupIngress", &wanted).await;
    let id = element(&made, "securityGroupRuleId");
    let duplicate = "InvalidPermission.Duplicate";
    refused(&world, "AuthorizeSecurityGroupIngress", &wanted, duplicate).await;
    let bad = rule(&group, "5432", "10.0.0.1/8");
    refused(
        &world,
        "AuthorizeSecurityGroupIngress",
        &bad,
        "InvalidParameterValue",
    )
    .await;
    let shown = good(&world, "DescribeSecurityGroups", &[("GroupId.1", &group)]).await;
    assert_eq!(element(&shown, "cidrIp"), "10.0.0.0/8");
    assert_eq!(element(&shown, "description"), "office");
    let changed = [
        ("GroupId", group.as_str()),
        ("SecurityGroupRule.1.SecurityGroupRuleId", id),
        ("SecurityGroupRule.1.SecurityGroupRule.IpProtocol", "-1"),
        ("SecurityGroupRule.1.SecurityGroupRule.CidrIpv6", "fd00::/8"),
    ];
    good(&world, "ModifySecurityGroupRules", &changed).await;
    let shown = good(
        &world,
        "DescribeSecurityGroupRules",
        &[("SecurityGroupRuleId.1", id)],
    )
    .await;
    assert_eq!(element(&shown, "cidrIpv6"), "fd00::/8");
    refused(
        &world,
        "RevokeSecurityGroupIngress",
        &wanted,
        "InvalidPermission.NotFound",
    )
    .await;
    let by_id = [("GroupId", group.as_str()), ("SecurityGroupRuleId.1", id)];
    good(&world, "RevokeSecurityGroupIngress", &by_id).await;
    // As Terraform does with every new group: all protocols come with ports 0.
    let everything = [
        ("GroupId", group.as_str()),
        ("IpPermissions.1.IpProtocol", "-1"),
        ("IpPermissions.1.FromPort", "0"),
        ("IpPermissions.1.ToPort", "0"),
        ("IpPermissions.1.IpRanges.1.CidrIp", "0.0.0.0/0"),
    ];
    good(&world, "RevokeSecurityGroupEgress", &everything).await;
    let named = [("GroupId", group.as_str())];
    good(&world, "DeleteSecurityGroup", &named).await;
    refused(
        &world,
        "DeleteSecurityGroup",
        &named,
        "InvalidGroup.NotFound",
    )
    .await;
}

#[tokio::test]
async fn rules_reach_the_snapshot_at_once() {
    let world = World::running().await;
    world.secret("orders-app").await;
    world.proxy("orders").await;
    world
        .snapshot_where(|snapshot| admits(snapshot, "192.0.2.1"))
        .await;
    let all = |cidr: &'static str, kind: &'static str| {
        [
            ("GroupId", DEFAULT),
            ("IpPermissions.1.IpProtocol", "-1"),
            (kind, cidr),
        ]
    };
    let ipv4 = all("0.0.0.0/0", "IpPermissions.1.IpRanges.1.CidrIp");
    good(&world, "RevokeSecurityGroupIngress", &ipv4).await;
    world
        .snapshot_where(|snapshot| !admits(snapshot, "192.0.2.1") && admits(snapshot, "::1"))
        .await;
    let wrong_port = rule(DEFAULT, "3306", "192.0.2.0/24");
    good(&world, "AuthorizeSecurityGroupIngress", &wrong_port).await;
    let wanted = rule(DEFAULT, "5432", "198.51.100.0/24");
    good(&world, "AuthorizeSecurityGroupIngress", &wanted).await;
    let snapshot = world
        .snapshot_where(|snapshot| admits(snapshot, "198.51.100.7"))
        .await;
    assert!(!admits(&snapshot, "192.0.2.1"), "port 3306 is MySQL's");
}

#[tokio::test]
async fn whoever_may_not_is_told_so_in_ec2s_words() {
    let world = World::new().await;
    let group = world.security_group("web").await;
    let key = world.user("fn", &["ec2:DescribeSecurityGroups"]).await;
    let named = [("GroupId", group.as_str())];
    let described = world.query("ec2", "DescribeSecurityGroups", &[]).key(&key);
    described.good().await;
    let deleted = world.query("ec2", "DeleteSecurityGroup", &named).key(&key);
    deleted.refused(403, "UnauthorizedOperation").await;
    let dry = [("GroupId", group.as_str()), ("DryRun", "true")];
    let dry = world.query("ec2", "DeleteSecurityGroup", &dry);
    dry.refused(412, "DryRunOperation").await;
    let forged = Key {
        secret: "not the secret".to_owned(),
        ..key
    };
    let forged = world.query("ec2", "DescribeVpcs", &[]).key(&forged);
    forged.refused(401, "AuthFailure").await;
}

#[tokio::test]
async fn tags_decide_who_may_delete() {
    let world = World::new().await;
    let group = world.security_group("web").await;
    let key = world.user("fn", &["ec2:DescribeTags"]).await;
    let statement = json!([{
        "Effect": "Allow", "Action": ["ec2:DeleteSecurityGroup", "ec2:CreateTags"], "Resource": "*",
        "Condition": {"StringEquals": {"aws:ResourceTag/team": "sales"}},
    }]);
    world.policy("by-tag", &statement).await;
    let path = "/v1/iam/users/fn/policies/by-tag";
    world.call(http::Method::PUT, path).send().await.expect(204);
    let named = [("GroupId", group.as_str())];
    let deleted = world.query("ec2", "DeleteSecurityGroup", &named).key(&key);
    deleted.refused(403, "UnauthorizedOperation").await;
    let tagged = [
        ("ResourceId.1", group.as_str()),
        ("Tag.1.Key", "team"),
        ("Tag.1.Value", "sales"),
    ];
    let tagging = world.query("ec2", "CreateTags", &tagged).key(&key);
    tagging.refused(403, "UnauthorizedOperation").await;
    good(&world, "CreateTags", &tagged).await;
    let filter = [
        ("Filter.1.Name", "resource-id"),
        ("Filter.1.Value.1", &group),
    ];
    let shown = good(&world, "DescribeTags", &filter).await;
    assert_eq!(element(&shown, "value"), "sales");
    let deleted = world.query("ec2", "DeleteSecurityGroup", &named).key(&key);
    deleted.good().await;
}

#[tokio::test]
async fn a_group_has_sixty_rules_at_most() {
    let world = World::new().await;
    let group = world.security_group("web").await;
    for number in 0..60 {
        let cidr = format!("10.{number}.0.0/16");
        let wanted = rule(&group, "5432", &cidr);
        good(&world, "AuthorizeSecurityGroupIngress", &wanted).await;
    }
    let code = "RulesPerSecurityGroupLimitExceeded";
    let one_more = rule(&group, "5432", "10.60.0.0/16");
    refused(&world, "AuthorizeSecurityGroupIngress", &one_more, code).await;
}
