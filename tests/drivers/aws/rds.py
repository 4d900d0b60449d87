"""The life of a proxy through boto3: every operation of RDS that is served, with a real PostgreSQL behind it."""

import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))

from aws_shapes import all_called, client, refused, until  # noqa: E402

ROLE, SECRET = os.environ["ROLE_ARN"], os.environ["SECRET_ARN"]
DATABASE, NO_ROLE = os.environ["DATABASE"], os.environ["OTHER_ROLE_ARN"]
SUBNETS = ["subnet-0a1b2c3d", "subnet-0e4f5a6b"]
AUTH = {"AuthScheme": "SECRETS", "SecretArn": SECRET, "IAMAuth": "REQUIRED"}

rds, ec2 = client("rds"), client("ec2")
GROUP = ec2.create_security_group(GroupName="orders", Description="clients of orders")["GroupId"]


def proxy(name="orders"):
    return rds.describe_db_proxies(DBProxyName=name)["DBProxies"][0]


def available(name="orders"):
    found = proxy(name)
    assert found["Status"] in ("creating", "modifying", "available"), found
    return found if found["Status"] == "available" else None


def health():
    return rds.describe_db_proxy_targets(DBProxyName="orders")["Targets"][0]["TargetHealth"]


# --- databases --------------------------------------------------------------------------------------
instances = rds.describe_db_instances(DBInstanceIdentifier=DATABASE)["DBInstances"]
assert [found["DBInstanceIdentifier"] for found in instances] == [DATABASE]
assert rds.describe_db_clusters()["DBClusters"] == []
refused("DBInstanceNotFound", 404, rds.describe_db_instances, DBInstanceIdentifier="missing")
refused("DBClusterNotFoundFault", 404, rds.describe_db_clusters, DBClusterIdentifier="missing")

# --- a proxy ----------------------------------------------------------------------------------------
least = {"DBProxyName": "orders", "EngineFamily": "POSTGRESQL", "RoleArn": ROLE, "VpcSubnetIds": SUBNETS}
refused("InvalidParameterValue", 400, rds.create_db_proxy, **least | {"EngineFamily": "SQLSERVER", "Auth": [AUTH]})
refused("InvalidSubnet", 400, rds.create_db_proxy, **least | {"VpcSubnetIds": ["nowhere"], "Auth": [AUTH]})
refused("InvalidParameterValue", 400, rds.create_db_proxy, **least, Auth=[])
made = rds.create_db_proxy(
    **least,
    Auth=[AUTH],
    RequireTLS=True,
    VpcSecurityGroupIds=[GROUP],
    Tags=[{"Key": "team", "Value": "sales"}],
)["DBProxy"]
assert made["Auth"] == [AUTH | {"ClientPasswordAuthType": "POSTGRES_SCRAM_SHA_256"}], made["Auth"]
assert (made["Status"], made["IdleClientTimeout"], made["VpcSubnetIds"]) == ("creating", 1800, SUBNETS)
refused("DBProxyAlreadyExistsFault", 400, rds.create_db_proxy, **least, Auth=[AUTH])
until("orders is available", available)
assert proxy()["DBProxyArn"] == made["DBProxyArn"]
error = refused("DBProxyNotFoundFault", 404, rds.describe_db_proxies, DBProxyName="missing")
assert isinstance(error, rds.exceptions.DBProxyNotFoundFault)

# --- its pool ---------------------------------------------------------------------------------------
changed = rds.modify_db_proxy_target_group(
    DBProxyName="orders",
    TargetGroupName="default",
    ConnectionPoolConfig={
        "MaxConnectionsPercent": 90,
        "MaxIdleConnectionsPercent": 40,
        "ConnectionBorrowTimeout": 10,
        "SessionPinningFilters": [],
        "InitQuery": "",
    },
)["DBProxyTargetGroup"]
groups = rds.describe_db_proxy_target_groups(DBProxyName="orders")["TargetGroups"]
assert groups == [changed] and changed["IsDefault"] and changed["Status"] == "available", groups
assert changed["ConnectionPoolConfig"]["MaxConnectionsPercent"] == 90
refused(
    "DBProxyTargetGroupNotFoundFault", 404, rds.describe_db_proxy_target_groups, DBProxyName="orders", TargetGroupName="x"
)

# --- its target -------------------------------------------------------------------------------------
here = {"DBProxyName": "orders", "TargetGroupName": "default"}
refused("DBInstanceNotFound", 404, rds.register_db_proxy_targets, **here, DBInstanceIdentifiers=["missing"])
refused("DBClusterNotFoundFault", 404, rds.register_db_proxy_targets, **here, DBClusterIdentifiers=["missing"])
registered = rds.register_db_proxy_targets(**here, DBInstanceIdentifiers=[DATABASE])["DBProxyTargets"]
assert [(target["Type"], target["RdsResourceId"]) for target in registered] == [("RDS_INSTANCE", DATABASE)]
refused("DBProxyTargetAlreadyRegisteredFault", 400, rds.register_db_proxy_targets, **here, DBInstanceIdentifiers=[DATABASE])
until("the target is available", lambda: health()["State"] == "AVAILABLE")
assert health() == {"State": "AVAILABLE"}, health()
assert rds.describe_db_proxy_targets(DBProxyName="orders")["Targets"][0]["Role"] == "READ_WRITE"

# --- a role that may not read the secret ------------------------------------------------------------
rds.modify_db_proxy(DBProxyName="orders", RoleArn=NO_ROLE)
until("the target is unavailable", lambda: health()["State"] == "UNAVAILABLE")
said = health()
assert said["Reason"] == "AUTH_FAILURE", said
for words in ("secretsmanager:GetSecretValue", NO_ROLE, SECRET):
    assert words in said["Description"], said
rds.modify_db_proxy(DBProxyName="orders", RoleArn=ROLE)
until("the target is available again", lambda: health()["State"] == "AVAILABLE")

# --- an endpoint ------------------------------------------------------------------------------------
reader = {"DBProxyName": "orders", "DBProxyEndpointName": "reader", "VpcSubnetIds": SUBNETS}
endpoint = rds.create_db_proxy_endpoint(**reader, TargetRole="READ_ONLY", Tags=[{"Key": "a", "Value": "b"}])
endpoint = endpoint["DBProxyEndpoint"]
refused("DBProxyEndpointAlreadyExistsFault", 400, rds.create_db_proxy_endpoint, **reader)


def endpoints(**members):
    pages = rds.get_paginator("describe_db_proxy_endpoints").paginate(**members, PaginationConfig={"PageSize": 20})
    return {found["DBProxyEndpointName"]: found for page in pages for found in page["DBProxyEndpoints"]}


assert set(endpoints()) == set(endpoints(DBProxyName="orders")) == {"orders", "reader"}
until("the reader listens", lambda: endpoints()["reader"]["Status"] == "available")
renamed = rds.modify_db_proxy_endpoint(
    DBProxyEndpointName="reader", NewDBProxyEndpointName="reports", VpcSecurityGroupIds=[GROUP]
)["DBProxyEndpoint"]
assert renamed["DBProxyEndpointArn"] == endpoint["DBProxyEndpointArn"]
assert renamed["Status"] == "available", "renaming leaves the listener alone"
assert rds.delete_db_proxy_endpoint(DBProxyEndpointName="reports")["DBProxyEndpoint"]["Status"] == "deleting"
refused("DBProxyEndpointNotFoundFault", 404, rds.delete_db_proxy_endpoint, DBProxyEndpointName="reports")

# --- tags -------------------------------------------------------------------------------------------
arn = made["DBProxyArn"]
rds.add_tags_to_resource(ResourceName=arn, Tags=[{"Key": "stage", "Value": "test"}])
rds.remove_tags_from_resource(ResourceName=arn, TagKeys=["team"])
assert rds.list_tags_for_resource(ResourceName=arn)["TagList"] == [{"Key": "stage", "Value": "test"}]

# --- changes and the end ----------------------------------------------------------------------------
until("orders is available", available)
sales = rds.modify_db_proxy(DBProxyName="orders", NewDBProxyName="sales", Auth=[AUTH], DebugLogging=True)["DBProxy"]
assert (sales["DBProxyArn"], sales["DebugLogging"]) == (arn, True)
until("sales is available", lambda: available("sales"))
for number in range(2):
    rds.create_db_proxy(**least | {"DBProxyName": f"more-{number}"}, Auth=[AUTH])
pages = rds.get_paginator("describe_db_proxies").paginate(PaginationConfig={"PageSize": 20})
assert [found["DBProxyName"] for page in pages for found in page["DBProxies"]] == ["more-0", "more-1", "sales"]
named = {"DBProxyName": "sales", "DBInstanceIdentifiers": [DATABASE]}
rds.deregister_db_proxy_targets(**named)
refused("DBProxyTargetNotFoundFault", 404, rds.deregister_db_proxy_targets, **named)
assert rds.delete_db_proxy(DBProxyName="sales")["DBProxy"]["Status"] == "deleting"


def gone():
    try:
        return proxy("sales")["Status"] != "deleting" and None
    except rds.exceptions.DBProxyNotFoundFault:
        return True


until("sales is gone", gone)
all_called(
    "rds",
    [
        "CreateDBProxy",
        "ModifyDBProxy",
        "DeleteDBProxy",
        "DescribeDBProxies",
        "DescribeDBProxyTargetGroups",
        "ModifyDBProxyTargetGroup",
        "RegisterDBProxyTargets",
        "DeregisterDBProxyTargets",
        "DescribeDBProxyTargets",
        "CreateDBProxyEndpoint",
        "ModifyDBProxyEndpoint",
        "DeleteDBProxyEndpoint",
        "DescribeDBProxyEndpoints",
        "AddTagsToResource",
        "RemoveTagsFromResource",
        "ListTagsForResource",
        "DescribeDBInstances",
        "DescribeDBClusters",
    ],
)
print("ok rds")
