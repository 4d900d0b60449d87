"""Prints an IAM token made by boto3, from the credential chain in the environment."""

import os

import boto3

client = boto3.client("rds", region_name="us-east-1")
print(
    client.generate_db_auth_token(
        DBHostname=os.environ["PGHOST"], Port=int(os.environ["PGPORT"]), DBUsername=os.environ["PGUSER"]
    ),
    end="",
)
