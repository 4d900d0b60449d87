"""Every operation of EC2 that is served, through boto3, and what rules mean for a client's connections."""

import os
import pathlib
import socket
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))

from aws_shapes import all_called, client, refused, until  # noqa: E402

PORT = int(os.environ["PORT"])
ec2 = client("ec2")


def answer():
    """What the proxy says to a startup packet without TLS: its first byte, and the SQLSTATE of a refusal."""
    names = b"user\0app\0database\0app\0\0"
    try:
        with socket.create_connection(("127.0.0.1", PORT), timeout=10) as connection:
            connection.sendall(struct.pack("!ii", len(names) + 8, 196608) + names)
            said = connection.recv(4096)
    except ConnectionError:
        return b"", False
    return said[:1], b"C28000\0" in said and b"security groups" in said


def let_in():
    return answer() == (b"R", False)


def turned_away():
    return answer() == (b"E", True)


# --- the VPC ----------------------------------------------------------------------------------------
vpcs = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"]
assert len(vpcs) == 1 and vpcs[0]["IsDefault"], vpcs
vpc = vpcs[0]["VpcId"]
assert ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["false"]}])["Vpcs"] == []
refused("InvalidVpcID.NotFound", 400, ec2.describe_vpcs, VpcIds=["vpc-0"])
refused("InvalidParameterValue", 400, ec2.describe_vpcs, Filters=[{"Name": "colour", "Values": ["red"]}])
for attribute, member in [
    ("enableDnsSupport", "EnableDnsSupport"),
    ("enableDnsHostnames", "EnableDnsHostnames"),
    ("enableNetworkAddressUsageMetrics", "EnableNetworkAddressUsageMetrics"),
]:
    found = ec2.describe_vpc_attribute(VpcId=vpc, Attribute=attribute)
    assert found["VpcId"] == vpc and "Value" in found[member], found
subnets = ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["Subnets"]
assert len({subnet["AvailabilityZone"] for subnet in subnets}) == 2, subnets
refused("InvalidSubnetID.NotFound", 400, ec2.describe_subnets, SubnetIds=["subnet-0"])
zones = ec2.describe_availability_zones()["AvailabilityZones"]
assert [zone["ZoneName"] for zone in zones] == ["us-east-1a", "us-east-1b"], zones
assert [region["RegionName"] for region in ec2.describe_regions()["Regions"]] == ["us-east-1"]
attributes = ec2.describe_account_attributes(AttributeNames=["default-vpc"])["AccountAttributes"]
assert attributes[0]["AttributeValues"] == [{"AttributeValue": vpc}], attributes
assert ec2.describe_network_interfaces()["NetworkInterfaces"] == []

# --- the default group ------------------------------------------------------------------------------
groups = ec2.describe_security_groups(Filters=[{"Name": "group-name", "Values": ["default"]}])["SecurityGroups"]
assert len(groups) == 1, groups
default = groups[0]["GroupId"]
refused("CannotDelete", 400, ec2.delete_security_group, GroupId=default)
until("everybody is let in", let_in)
EVERYBODY = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
revoked = ec2.revoke_security_group_ingress(GroupId=default, IpPermissions=[EVERYBODY])
assert revoked["Return"], revoked
until("nobody is let in", turned_away)
refused(
    "InvalidPermission.NotFound", 400, ec2.revoke_security_group_ingress, GroupId=default, IpPermissions=[EVERYBODY]
)
LOOPBACK = {
    "IpProtocol": "tcp",
    "FromPort": 5432,
    "ToPort": 5432,
    "IpRanges": [{"CidrIp": "127.0.0.0/8", "Description": "this host"}],
}
made = ec2.authorize_security_group_ingress(GroupId=default, IpPermissions=[LOOPBACK])["SecurityGroupRules"]
assert [(rule["CidrIpv4"], rule["IsEgress"]) for rule in made] == [("127.0.0.0/8", False)], made
until("this host is let in", let_in)
refused(
    "InvalidPermission.Duplicate", 400, ec2.authorize_security_group_ingress, GroupId=default, IpPermissions=[LOOPBACK]
)
rule = made[0]["SecurityGroupRuleId"]
MYSQL = {"IpProtocol": "tcp", "FromPort": 3306, "ToPort": 3306, "CidrIpv4": "127.0.0.0/8"}
ec2.modify_security_group_rules(
    GroupId=default, SecurityGroupRules=[{"SecurityGroupRuleId": rule, "SecurityGroupRule": MYSQL}]
)
until("port 3306 is not PostgreSQL's", turned_away)

# --- a group of one's own ---------------------------------------------------------------------------
least = {"GroupName": "web", "Description": "clients of orders", "VpcId": vpc}
refused("MissingParameter", 400, ec2.authorize_security_group_ingress, IpPermissions=[LOOPBACK])
refused("InvalidVpcID.NotFound", 400, ec2.create_security_group, **least | {"VpcId": "vpc-0"})
tags = [{"Key": "team", "Value": "sales"}]
web = ec2.create_security_group(**least, TagSpecifications=[{"ResourceType": "security-group", "Tags": tags}])
assert web["Tags"] == tags, web
web = web["GroupId"]
refused("InvalidGroup.Duplicate", 400, ec2.create_security_group, **least)
shown = ec2.describe_security_groups(GroupIds=[web])["SecurityGroups"][0]
assert shown["IpPermissions"] == [] and shown["IpPermissionsEgress"][0]["IpProtocol"] == "-1", shown
ec2.revoke_security_group_egress(GroupId=web, IpPermissions=shown["IpPermissionsEgress"])
ec2.authorize_security_group_egress(GroupId=web, IpPermissions=[LOOPBACK])
ec2.update_security_group_rule_descriptions_egress(
    GroupId=web, IpPermissions=[LOOPBACK | {"IpRanges": [{"CidrIp": "127.0.0.0/8", "Description": "other"}]}]
)
FROM_GROUP = {"IpProtocol": "tcp", "FromPort": 0, "ToPort": 65535, "UserIdGroupPairs": [{"GroupId": web}]}
made = ec2.authorize_security_group_ingress(
    GroupId=web,
    IpPermissions=[FROM_GROUP, LOOPBACK | {"IpRanges": [], "Ipv6Ranges": [{"CidrIpv6": "fd00::/8"}]}],
    TagSpecifications=[{"ResourceType": "security-group-rule", "Tags": tags}],
)["SecurityGroupRules"]
assert [rule["Tags"] for rule in made] == [tags, tags], made
ec2.update_security_group_rule_descriptions_ingress(
    GroupId=web,
    SecurityGroupRuleDescriptions=[{"SecurityGroupRuleId": made[1]["SecurityGroupRuleId"], "Description": "home"}],
)
rules = ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [web]}])["SecurityGroupRules"]
assert sorted(rule.get("Description", "") for rule in rules) == ["", "home", "other"], rules
ec2.create_tags(Resources=[web], Tags=[{"Key": "stage", "Value": "test"}])
ec2.delete_tags(Resources=[web], Tags=[{"Key": "team"}])
found = ec2.describe_tags(Filters=[{"Name": "resource-id", "Values": [web]}])["Tags"]
assert [(tag["Key"], tag["Value"]) for tag in found] == [("stage", "test")], found
ec2.authorize_security_group_ingress(
    GroupId=default, IpPermissions=[{"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": web}]}]
)
refused("DependencyViolation", 400, ec2.delete_security_group, GroupId=web)
ec2.revoke_security_group_ingress(
    GroupId=default, IpPermissions=[{"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": web}]}]
)
refused("DryRunOperation", 412, ec2.delete_security_group, GroupId=web, DryRun=True)
ec2.delete_security_group(GroupId=web)
refused("InvalidGroup.NotFound", 400, ec2.describe_security_groups, GroupIds=[web])
all_called(
    "ec2",
    [
        "DescribeVpcs",
        "DescribeVpcAttribute",
        "DescribeSubnets",
        "DescribeAvailabilityZones",
        "DescribeRegions",
        "DescribeAccountAttributes",
        "DescribeNetworkInterfaces",
        "DescribeSecurityGroups",
        "CreateSecurityGroup",
        "DeleteSecurityGroup",
        "DescribeSecurityGroupRules",
        "AuthorizeSecurityGroupIngress",
        "AuthorizeSecurityGroupEgress",
        "RevokeSecurityGroupIngress",
        "RevokeSecurityGroupEgress",
        "ModifySecurityGroupRules",
        "UpdateSecurityGroupRuleDescriptionsIngress",
        "UpdateSecurityGroupRuleDescriptionsEgress",
        "CreateTags",
        "DeleteTags",
        "DescribeTags",
    ],
)
print("ok ec2")
