"""From nothing to a login token with boto3 as it is: the stages of walk.sh.

Wanted in the environment: ENDPOINT, FAMILY, DATABASE, PASSWORD, and credentials.
"""

import json
import os
import sys
import time

import boto3

USER, PROXY, REGION = "app_user", "app-proxy", "us-east-1"


def client(service, **keys):
    return boto3.client(
        service, endpoint_url=os.environ["ENDPOINT"], region_name=REGION, **keys
    )


secrets, iam, ec2, rds, sts = map(client, ["secretsmanager", "iam", "ec2", "rds", "sts"])
FAMILY, DATABASE = os.environ["FAMILY"], os.environ["DATABASE"]


def document(principal=None, action="sts:AssumeRole", resource=None):
    statement = {"Effect": "Allow", "Action": action}
    statement |= {"Principal": principal} if principal else {"Resource": resource}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def until(wanted, ask):
    for _ in range(60):
        said = ask()
        if said == wanted:
            return
        time.sleep(1)
    sys.exit(f"still {said!r} instead of {wanted!r}")


def proxy():
    return rds.describe_db_proxies(DBProxyName=PROXY)["DBProxies"][0]


def target():
    return rds.describe_db_proxy_targets(DBProxyName=PROXY)["Targets"][0]


def account():
    return sts.get_caller_identity()["Account"]


def make():
    login = json.dumps({"username": USER, "password": os.environ["PASSWORD"]})
    secret = secrets.create_secret(Name=f"db/{USER}", SecretString=login)["ARN"]
    trust = document({"Service": "rds.amazonaws.com"})
    role = iam.create_role(RoleName="rds-proxy-role", AssumeRolePolicyDocument=trust)
    iam.put_role_policy(
        RoleName="rds-proxy-role",
        PolicyName="secret-reader",
        PolicyDocument=document(action="secretsmanager:GetSecretValue", resource=secret),
    )
    vpc = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])
    vpc = vpc["Vpcs"][0]["VpcId"]
    subnets = ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [vpc]}])
    group = ec2.create_security_group(
        GroupName="proxy-sg", Description="proxy", VpcId=vpc
    )["GroupId"]
    port = 3306 if FAMILY == "MYSQL" else 5432
    allowed = {
        "IpProtocol": "tcp",
        "FromPort": port,
        "ToPort": port,
        "IpRanges": [{"CidrIp": "127.0.0.0/8"}],
    }
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[allowed])
    made = rds.create_db_proxy(
        DBProxyName=PROXY,
        EngineFamily=FAMILY,
        Auth=[{"AuthScheme": "SECRETS", "SecretArn": secret, "IAMAuth": "REQUIRED"}],
        RoleArn=role["Role"]["Arn"],
        VpcSubnetIds=[subnet["SubnetId"] for subnet in subnets["Subnets"]],
        VpcSecurityGroupIds=[group],
        RequireTLS=True,
        Tags=[{"Key": "env", "Value": "test"}],
    )["DBProxy"]
    until("available", lambda: proxy()["Status"])
    prx = made["DBProxyArn"].rsplit(":", 1)[1]
    connects = f"arn:aws:rds-db:{REGION}:{account()}:dbuser:{prx}/{USER}"
    policy = iam.create_policy(
        PolicyName="rds-connect",
        PolicyDocument=document(action="rds-db:connect", resource=connects),
    )
    trust = document({"AWS": account()})
    iam.create_role(RoleName="lambda-role", AssumeRolePolicyDocument=trust)
    iam.attach_role_policy(RoleName="lambda-role", PolicyArn=policy["Policy"]["Arn"])
    pool = {
        "MaxConnectionsPercent": 90,
        "MaxIdleConnectionsPercent": 50,
        "ConnectionBorrowTimeout": 30,
    }
    if FAMILY == "MYSQL":
        pool["SessionPinningFilters"] = ["EXCLUDE_VARIABLE_SETS"]
    rds.modify_db_proxy_target_group(
        DBProxyName=PROXY, TargetGroupName="default", ConnectionPoolConfig=pool
    )
    rds.register_db_proxy_targets(DBProxyName=PROXY, DBInstanceIdentifiers=[DATABASE])
    until("AVAILABLE", lambda: target()["TargetHealth"]["State"])
    print(proxy()["Endpoint"])


def token(port):
    role = f"arn:aws:iam::{account()}:role/lambda-role"
    session = sts.assume_role(RoleArn=role, RoleSessionName="fn1")["Credentials"]
    function = client(
        "rds",
        aws_access_key_id=session["AccessKeyId"],
        aws_secret_access_key=session["SecretAccessKey"],
        aws_session_token=session["SessionToken"],
    )
    host = proxy()["Endpoint"]
    print(function.generate_db_auth_token(host, int(port), USER))


def clean():
    rds.deregister_db_proxy_targets(DBProxyName=PROXY, DBInstanceIdentifiers=[DATABASE])
    group = proxy()["VpcSecurityGroupIds"][0]
    rds.delete_db_proxy(DBProxyName=PROXY)

    def gone():
        try:
            proxy()
        except rds.exceptions.DBProxyNotFoundFault:
            return True
        return False

    until(True, gone)
    ec2.delete_security_group(GroupId=group)
    iam.delete_role_policy(RoleName="rds-proxy-role", PolicyName="secret-reader")
    iam.delete_role(RoleName="rds-proxy-role")
    policy = f"arn:aws:iam::{account()}:policy/rds-connect"
    iam.detach_role_policy(RoleName="lambda-role", PolicyArn=policy)
    iam.delete_policy(PolicyArn=policy)
    iam.delete_role(RoleName="lambda-role")
    secrets.delete_secret(SecretId=f"db/{USER}", ForceDeleteWithoutRecovery=True)


{"make": make, "token": token, "clean": clean}[sys.argv[1]](*sys.argv[2:])
