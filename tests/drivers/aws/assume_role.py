"""Assumes a role with boto3 and prints a login token made with its temporary credentials.

Arguments: the endpoint of the API, the ARN of the role, the port and the user of the login; a fifth one is a
session policy.
"""

import sys

import boto3

endpoint, role, port, user, *policy = sys.argv[1:]
sts = boto3.client("sts", region_name="us-east-1", endpoint_url=endpoint)
more = {"Policy": policy[0]} if policy else {}
answer = sts.assume_role(RoleArn=role, RoleSessionName="fn1", **more)
session = boto3.Session(
    aws_access_key_id=answer["Credentials"]["AccessKeyId"],
    aws_secret_access_key=answer["Credentials"]["SecretAccessKey"],
    aws_session_token=answer["Credentials"]["SessionToken"],
    region_name="us-east-1",
)
who = session.client("sts", endpoint_url=endpoint).get_caller_identity()
assert who["Arn"] == answer["AssumedRoleUser"]["Arn"], who
print(
    session.client("rds").generate_db_auth_token(DBHostname="127.0.0.1", Port=int(port), DBUsername=user),
    end="",
)
