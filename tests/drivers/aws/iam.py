"""Every operation of IAM that is served, through boto3, up to a token's worth of rights and back to nothing."""

import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))

from aws_shapes import CALLED, client, refused  # noqa: E402

iam = client("iam")
TAGS = [{"Key": "team", "Value": "shop"}]
READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"
DOCUMENT = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "rds-db:connect", "Resource": "*"}],
}
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "rds.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
# Text with line ends and signs that form encoding could spoil.
PRETTY = json.dumps(DOCUMENT | {"Id": "a+b c/d%20&é"}, indent=2, ensure_ascii=False)

# --- users and groups -------------------------------------------------------------------------------
made = iam.create_user(UserName="fn", Path="/apps/", Tags=TAGS)["User"]
assert made["Arn"].endswith(":user/apps/fn") and made["Tags"] == TAGS, made
refused("EntityAlreadyExists", 409, iam.create_user, UserName="FN")
refused("ValidationError", 400, iam.create_user, UserName="not a name")
error = refused("NoSuchEntity", 404, iam.get_user, UserName="nobody")
assert isinstance(error, iam.exceptions.NoSuchEntityException)
assert iam.get_user(UserName="fn")["User"]["UserId"] == made["UserId"]
assert iam.get_user()["User"]["Arn"].endswith(":root")
iam.create_user(UserName="other")
pages = iam.get_paginator("list_users").paginate(PaginationConfig={"PageSize": 1})
assert [user["UserName"] for page in pages for user in page["Users"]] == ["fn", "other"]
iam.update_user(UserName="other", NewUserName="another", NewPath="/x/")
assert [user["UserName"] for user in iam.list_users(PathPrefix="/x/")["Users"]] == ["another"]
iam.tag_user(UserName="fn", Tags=[{"Key": "stage", "Value": "test"}])
iam.untag_user(UserName="fn", TagKeys=["team"])
assert iam.list_user_tags(UserName="fn")["Tags"] == [{"Key": "stage", "Value": "test"}]
iam.create_group(GroupName="team", Path="/apps/")
iam.update_group(GroupName="team", NewGroupName="crew")
iam.add_user_to_group(GroupName="crew", UserName="fn")
assert [user["UserName"] for user in iam.get_group(GroupName="crew")["Users"]] == ["fn"]
assert [group["GroupName"] for group in iam.list_groups_for_user(UserName="fn")["Groups"]] == ["crew"]
assert len(iam.list_groups()["Groups"]) == 1

# --- access keys ------------------------------------------------------------------------------------
key = iam.create_access_key(UserName="fn")["AccessKey"]
iam.create_access_key(UserName="fn")
refused("LimitExceeded", 409, iam.create_access_key, UserName="fn")
assert iam.get_access_key_last_used(AccessKeyId=key["AccessKeyId"])["UserName"] == "fn"
iam.update_access_key(UserName="fn", AccessKeyId=key["AccessKeyId"], Status="Inactive")
listed = iam.list_access_keys(UserName="fn")["AccessKeyMetadata"]
assert sorted(found["Status"] for found in listed) == ["Active", "Inactive"]
refused("DeleteConflict", 409, iam.delete_user, UserName="fn")

# --- managed policies -------------------------------------------------------------------------------
refused("MalformedPolicyDocument", 400, iam.create_policy, PolicyName="connect", PolicyDocument="{}")
policy = iam.create_policy(
    PolicyName="connect", Path="/apps/", PolicyDocument=PRETTY, Description="lets connect", Tags=TAGS
)["Policy"]
arn = policy["Arn"]
version = iam.get_policy_version(PolicyArn=arn, VersionId="v1")["PolicyVersion"]
assert version["Document"] == json.loads(PRETTY), version
second = iam.create_policy_version(PolicyArn=arn, PolicyDocument=json.dumps(DOCUMENT), SetAsDefault=True)
assert second["PolicyVersion"]["VersionId"] == "v2"
assert iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"] == "v2"
iam.set_default_policy_version(PolicyArn=arn, VersionId="v1")
refused("DeleteConflict", 409, iam.delete_policy_version, PolicyArn=arn, VersionId="v1")
assert [found["VersionId"] for found in iam.list_policy_versions(PolicyArn=arn)["Versions"]] == ["v2", "v1"]
refused("DeleteConflict", 409, iam.delete_policy, PolicyArn=arn)
iam.delete_policy_version(PolicyArn=arn, VersionId="v2")
iam.tag_policy(PolicyArn=arn, Tags=[{"Key": "stage", "Value": "test"}])
iam.untag_policy(PolicyArn=arn, TagKeys=["team"])
assert iam.list_policy_tags(PolicyArn=arn)["Tags"] == [{"Key": "stage", "Value": "test"}]
assert {"AdministratorAccess", "ReadOnlyAccess"} <= {
    found["PolicyName"] for found in iam.list_policies(Scope="AWS")["Policies"]
}
assert [found["Arn"] for found in iam.list_policies(Scope="Local")["Policies"]] == [arn]
refused("AccessDenied", 403, iam.delete_policy, PolicyArn=READ_ONLY)

# --- roles ------------------------------------------------------------------------------------------
role = iam.create_role(
    RoleName="proxy",
    Path="/service/",
    AssumeRolePolicyDocument=json.dumps(TRUST),
    Description="for the proxy",
    MaxSessionDuration=7200,
    PermissionsBoundary=READ_ONLY,
    Tags=TAGS,
)["Role"]
assert role["AssumeRolePolicyDocument"] == TRUST, role
assert role["PermissionsBoundary"]["PermissionsBoundaryArn"] == READ_ONLY, role
iam.update_role(RoleName="proxy", MaxSessionDuration=3600)
assert iam.update_role_description(RoleName="proxy", Description="new")["Role"]["Description"] == "new"
iam.update_assume_role_policy(RoleName="proxy", PolicyDocument=json.dumps(TRUST, indent=1))
found = iam.get_role(RoleName="proxy")["Role"]
assert (found["MaxSessionDuration"], found["Tags"]) == (3600, TAGS), found
iam.delete_role_permissions_boundary(RoleName="proxy")
iam.put_role_permissions_boundary(RoleName="proxy", PermissionsBoundary=arn)
iam.delete_role_permissions_boundary(RoleName="proxy")
iam.put_user_permissions_boundary(UserName="another", PermissionsBoundary=arn)
iam.delete_user_permissions_boundary(UserName="another")
assert [found["RoleName"] for found in iam.list_roles()["Roles"]] == ["proxy"]
iam.tag_role(RoleName="proxy", Tags=[{"Key": "stage", "Value": "test"}])
iam.untag_role(RoleName="proxy", TagKeys=["team"])
assert iam.list_role_tags(RoleName="proxy")["Tags"] == [{"Key": "stage", "Value": "test"}]
assert iam.list_instance_profiles_for_role(RoleName="proxy")["InstanceProfiles"] == []

# --- what principals have ---------------------------------------------------------------------------
OWNERS = [("user", "fn"), ("group", "crew"), ("role", "proxy")]
for kind, name in OWNERS:
    owner = {f"{kind.capitalize()}Name": name}
    call = lambda operation, **members: getattr(iam, operation)(**owner, **members)  # noqa: B023, E731
    call(f"attach_{kind}_policy", PolicyArn=arn)
    attached = call(f"list_attached_{kind}_policies")["AttachedPolicies"]
    assert attached == [{"PolicyName": "connect", "PolicyArn": arn}], attached
    call(f"put_{kind}_policy", PolicyName="inline", PolicyDocument=PRETTY)
    assert call(f"get_{kind}_policy", PolicyName="inline")["PolicyDocument"] == json.loads(PRETTY)
    assert call(f"list_{kind}_policies")["PolicyNames"] == ["inline"]
entities = iam.list_entities_for_policy(PolicyArn=arn)
assert [found["UserName"] for found in entities["PolicyUsers"]] == ["fn"]
assert [found["GroupName"] for found in entities["PolicyGroups"]] == ["crew"]
assert [found["RoleName"] for found in entities["PolicyRoles"]] == ["proxy"]
for operation, members in [
    (iam.simulate_principal_policy, {"PolicySourceArn": made["Arn"]}),
    (iam.simulate_custom_policy, {"PolicyInputList": [json.dumps(DOCUMENT)]}),
]:
    results = operation(ActionNames=["rds-db:connect", "rds:DeleteDBProxy"], **members)["EvaluationResults"]
    assert [found["EvalDecision"] for found in results] == ["allowed", "implicitDeny"], results

# --- identity providers -----------------------------------------------------------------------------
provider = iam.create_open_id_connect_provider(
    Url="https://idp.example/a", ClientIDList=["app"], ThumbprintList=["a" * 40], Tags=TAGS
)["OpenIDConnectProviderArn"]
named = {"OpenIDConnectProviderArn": provider}
iam.add_client_id_to_open_id_connect_provider(**named, ClientID="job")
iam.remove_client_id_from_open_id_connect_provider(**named, ClientID="app")
iam.update_open_id_connect_provider_thumbprint(**named, ThumbprintList=["b" * 40])
found = iam.get_open_id_connect_provider(**named)
assert (found["Url"], found["ClientIDList"], found["ThumbprintList"]) == ("idp.example/a", ["job"], ["b" * 40])
iam.tag_open_id_connect_provider(**named, Tags=[{"Key": "stage", "Value": "test"}])
iam.untag_open_id_connect_provider(**named, TagKeys=["team"])
assert iam.list_open_id_connect_provider_tags(**named)["Tags"] == [{"Key": "stage", "Value": "test"}]
assert iam.list_open_id_connect_providers()["OpenIDConnectProviderList"] == [{"Arn": provider}]
iam.delete_open_id_connect_provider(**named)

# --- what there is not, and the end -----------------------------------------------------------------
for listing in ["mfa_devices", "ssh_public_keys", "signing_certificates", "service_specific_credentials"]:
    getattr(iam, f"list_{listing}")(UserName="fn")
refused("NoSuchEntity", 404, iam.get_login_profile, UserName="fn")
refused("NoSuchEntity", 404, iam.delete_login_profile, UserName="fn")
refused("DeleteConflict", 409, iam.delete_role, RoleName="proxy")
for kind, name in OWNERS:
    owner = {f"{kind.capitalize()}Name": name}
    getattr(iam, f"detach_{kind}_policy")(**owner, PolicyArn=arn)
    getattr(iam, f"delete_{kind}_policy")(**owner, PolicyName="inline")
iam.remove_user_from_group(GroupName="crew", UserName="fn")
for found in iam.list_access_keys(UserName="fn")["AccessKeyMetadata"]:
    iam.delete_access_key(UserName="fn", AccessKeyId=found["AccessKeyId"])
iam.delete_policy(PolicyArn=arn)
iam.delete_role(RoleName="proxy")
iam.delete_group(GroupName="crew")
for name in ["fn", "another"]:
    iam.delete_user(UserName=name)
assert iam.list_users()["Users"] == []

# Whoever serves one more calls it here, too: otherwise its answer was not checked.
assert len(CALLED["iam"]) == 88, len(CALLED["iam"])
print("ok iam")
