"""Every operation of Secrets Manager that is served, through boto3, up to a proxy that logs in by what was put there."""

import json
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))

from aws_shapes import all_called, client, refused, until  # noqa: E402

secrets, rds, iam = client("secretsmanager"), client("rds"), client("iam")
USER, PASSWORD = os.environ["DATABASE_USER"], os.environ["DATABASE_PASSWORD"]
FIRST, SECOND = "first-token-first-token-first-token", "second-token-second-token-second-to"
TAGS = [{"Key": "team", "Value": "shop"}]

# --- made, read, found ------------------------------------------------------------------------------
made = secrets.create_secret(
    Name="prod/orders", Description="of the shop", ClientRequestToken=FIRST, SecretString="not yet", Tags=TAGS
)
arn = made["ARN"]
assert made["VersionId"] == FIRST and arn.rsplit("-", 1)[0].endswith(":secret:prod/orders"), made
again = secrets.create_secret(Name="prod/orders", ClientRequestToken=FIRST, SecretString="not yet")
assert (again["ARN"], again["VersionId"]) == (arn, FIRST)
error = refused("ResourceExistsException", 400, secrets.create_secret, Name="prod/orders", SecretString="not yet")
assert isinstance(error, secrets.exceptions.ResourceExistsException)
refused("InvalidParameterException", 400, secrets.create_secret, Name="not a name", SecretString="x")
refused("ResourceNotFoundException", 400, secrets.get_secret_value, SecretId="missing")
for name in ("prod/orders", arn, arn.rsplit("-", 1)[0]):
    assert secrets.get_secret_value(SecretId=name)["SecretString"] == "not yet"
secrets.create_secret(Name="bytes", SecretBinary=bytes(range(256)))
assert secrets.get_secret_value(SecretId="bytes")["SecretBinary"] == bytes(range(256))
described = secrets.describe_secret(SecretId="prod/orders")
assert described["Tags"] == TAGS and described["VersionIdsToStages"] == {FIRST: ["AWSCURRENT"]}, described
pages = secrets.get_paginator("list_secrets").paginate(PaginationConfig={"PageSize": 1})
assert sorted(found["Name"] for page in pages for found in page["SecretList"]) == ["bytes", "prod/orders"]
found = secrets.list_secrets(Filters=[{"Key": "tag-key", "Values": ["team"]}])["SecretList"]
assert [entry["Name"] for entry in found] == ["prod/orders"]
batch = secrets.batch_get_secret_value(SecretIdList=["prod/orders", "missing"])
assert batch["SecretValues"][0]["SecretString"] == "not yet", batch
assert batch["Errors"][0]["ErrorCode"] == "ResourceNotFoundException", batch

# --- versions and labels ----------------------------------------------------------------------------
login = json.dumps({"username": USER, "password": PASSWORD, "engine": "postgres"})
put = secrets.put_secret_value(
    SecretId=arn, ClientRequestToken=SECOND, SecretString=login, VersionStages=["AWSPENDING"]
)
assert put["VersionStages"] == ["AWSPENDING"]
move = {"SecretId": arn, "VersionStage": "AWSCURRENT", "MoveToVersionId": SECOND}
refused("InvalidParameterException", 400, secrets.update_secret_version_stage, **move)
secrets.update_secret_version_stage(**move, RemoveFromVersionId=FIRST)
secrets.update_secret_version_stage(SecretId=arn, VersionStage="AWSPENDING", RemoveFromVersionId=SECOND)
assert secrets.get_secret_value(SecretId=arn, VersionStage="AWSPREVIOUS")["VersionId"] == FIRST
versions = secrets.list_secret_version_ids(SecretId=arn, IncludeDeprecated=True)["Versions"]
assert {found["VersionId"]: found["VersionStages"] for found in versions} == {
    FIRST: ["AWSPREVIOUS"],
    SECOND: ["AWSCURRENT"],
}
updated = secrets.update_secret(SecretId=arn, Description="of the new shop", KmsKeyId="alias/shop")
assert "VersionId" not in updated
secrets.tag_resource(SecretId=arn, Tags=[{"Key": "stage", "Value": "test"}])
secrets.untag_resource(SecretId=arn, TagKeys=["team"])
described = secrets.describe_secret(SecretId=arn)
assert (described["Tags"], described["KmsKeyId"]) == ([{"Key": "stage", "Value": "test"}], "alias/shop")
assert len(secrets.get_random_password(PasswordLength=20)["RandomPassword"]) == 20

# --- a proxy that logs in by it ---------------------------------------------------------------------
statement = {"Effect": "Allow", "Principal": {"Service": "rds.amazonaws.com"}, "Action": "sts:AssumeRole"}
trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
role = iam.create_role(RoleName="proxy-role", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
rds.create_db_proxy(
    DBProxyName="orders", EngineFamily="POSTGRESQL", RoleArn=role, VpcSubnetIds=["subnet-a", "subnet-b"],
    Auth=[{"AuthScheme": "SECRETS", "SecretArn": arn, "IAMAuth": "REQUIRED"}],
)
rds.register_db_proxy_targets(DBProxyName="orders", DBInstanceIdentifiers=[os.environ["DATABASE"]])


def health():
    return rds.describe_db_proxy_targets(DBProxyName="orders")["Targets"][0]["TargetHealth"]


# The role has no policy: that of the secret lets it in.
until("the role may not read the secret", lambda: health().get("Reason") == "AUTH_FAILURE")
allow = {"Effect": "Allow", "Principal": {"AWS": role}, "Action": "secretsmanager:GetSecretValue", "Resource": "*"}
policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
assert secrets.validate_resource_policy(SecretId=arn, ResourcePolicy=policy)["PolicyValidationPassed"]
refused("MalformedPolicyDocumentException", 400, secrets.put_resource_policy, SecretId=arn, ResourcePolicy="{}")
secrets.put_resource_policy(SecretId=arn, ResourcePolicy=policy, BlockPublicPolicy=True)
assert secrets.get_resource_policy(SecretId=arn)["ResourcePolicy"] == policy
until("the target is available", lambda: health()["State"] == "AVAILABLE")
secrets.put_secret_value(SecretId=arn, SecretString="no login")
until("the secret is no login", lambda: "username" in health().get("Description", ""))
secrets.put_secret_value(SecretId=arn, SecretString=login)
until("the target is available again", lambda: health()["State"] == "AVAILABLE")
secrets.delete_resource_policy(SecretId=arn)

# --- the end ----------------------------------------------------------------------------------------
refused("InvalidRequestException", 400, secrets.rotate_secret, SecretId=arn)
in_use = refused("InvalidRequestException", 400, secrets.delete_secret, SecretId=arn)
assert "orders" in str(in_use), in_use
rds.delete_db_proxy(DBProxyName="orders")
refused("InvalidParameterException", 400, secrets.delete_secret, SecretId=arn, RecoveryWindowInDays=6)
secrets.delete_secret(SecretId=arn, RecoveryWindowInDays=7)
refused("InvalidRequestException", 400, secrets.get_secret_value, SecretId=arn)
assert secrets.describe_secret(SecretId=arn)["DeletedDate"]
secrets.restore_secret(SecretId=arn)
assert secrets.get_secret_value(SecretId=arn)["SecretString"] == login
secrets.delete_secret(SecretId=arn, ForceDeleteWithoutRecovery=True)
refused("ResourceNotFoundException", 400, secrets.describe_secret, SecretId=arn)
all_called(
    "secretsmanager",
    [
        "CreateSecret",
        "UpdateSecret",
        "PutSecretValue",
        "GetSecretValue",
        "BatchGetSecretValue",
        "DescribeSecret",
        "ListSecrets",
        "ListSecretVersionIds",
        "UpdateSecretVersionStage",
        "TagResource",
        "UntagResource",
        "GetResourcePolicy",
        "PutResourcePolicy",
        "DeleteResourcePolicy",
        "ValidateResourcePolicy",
        "DeleteSecret",
        "RestoreSecret",
        "GetRandomPassword",
        "RotateSecret",
    ],
)
print("ok secretsmanager")
