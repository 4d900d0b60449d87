#!/usr/bin/env bash
# From nothing to a login token with the unmodified aws command line, as users of RDS Proxy walk it.
#
#   walk.sh make           a secret, roles, a security group, a proxy in front of database $DATABASE; ends when its
#                          target is available, and prints the proxy's host
#   walk.sh token PORT     assumes the function's role and prints a token for app_user
#   walk.sh clean          takes everything away again
#
# Wanted in the environment: AWS_PROGRAM, ENDPOINT, FAMILY, DATABASE, PASSWORD, and credentials.
set -euo pipefail

aws() { command "$AWS_PROGRAM" --endpoint-url "$ENDPOINT" --region us-east-1 "$@"; }

user=app_user
proxy=app-proxy
case $FAMILY in
    MYSQL) engine_port=3306 ;;
    *) engine_port=5432 ;;
esac

# until_is WANTED COMMAND...: repeats the command until it prints WANTED, for a minute at most.
until_is() {
    local wanted=$1 said= attempt
    shift
    for attempt in $(seq 60); do
        said=$("$@")
        [ "$said" = "$wanted" ] && return 0
        sleep 1
    done
    echo "still '$said' instead of '$wanted': $*" >&2
    return 1
}

make() {
    local secret role vpc subnets group arn account prx policy
    secret=$(aws secretsmanager create-secret --name "db/$user" \
        --secret-string "{\"username\":\"$user\",\"password\":\"$PASSWORD\"}" --query ARN --output text)
    role=$(aws iam create-role --role-name rds-proxy-role --query Role.Arn --output text \
        --assume-role-policy-document '{"Version":"2012-10-17","Statement":[{"Effect":"Allow",
            "Principal":{"Service":"rds.amazonaws.com"},"Action":"sts:AssumeRole"}]}')
    aws iam put-role-policy --role-name rds-proxy-role --policy-name secret-reader \
        --policy-document "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",
            \"Action\":\"secretsmanager:GetSecretValue\",\"Resource\":\"$secret\"}]}"
    vpc=$(aws ec2 describe-vpcs --filters Name=is-default,Values=true --query 'Vpcs[0].VpcId' --output text)
    subnets=$(aws ec2 describe-subnets --filters "Name=vpc-id,Values=$vpc" --query 'Subnets[].SubnetId' --output text)
    group=$(aws ec2 create-security-group --group-name proxy-sg --description proxy --vpc-id "$vpc" \
        --query GroupId --output text)
    aws ec2 authorize-security-group-ingress --group-id "$group" --protocol tcp --port "$engine_port" \
        --cidr 127.0.0.0/8 >/dev/null
    # shellcheck disable=SC2086 # subnets are several words
    aws rds create-db-proxy --db-proxy-name "$proxy" --engine-family "$FAMILY" --require-tls \
        --auth "[{\"AuthScheme\":\"SECRETS\",\"SecretArn\":\"$secret\",\"IAMAuth\":\"REQUIRED\"}]" \
        --role-arn "$role" --vpc-subnet-ids $subnets --vpc-security-group-ids "$group" \
        --tags Key=env,Value=test >/dev/null
    until_is available aws rds describe-db-proxies --db-proxy-name "$proxy" \
        --query 'DBProxies[0].Status' --output text
    arn=$(aws rds describe-db-proxies --db-proxy-name "$proxy" --query 'DBProxies[0].DBProxyArn' --output text)
    prx=${arn##*:}
    account=$(cut -d: -f5 <<<"$arn")
    policy=$(aws iam create-policy --policy-name rds-connect --query Policy.Arn --output text \
        --policy-document "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"rds-db:connect\",
            \"Resource\":\"arn:aws:rds-db:us-east-1:$account:dbuser:$prx/$user\"}]}")
    aws iam create-role --role-name lambda-role --query Role.Arn --output text \
        --assume-role-policy-document "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",
            \"Principal\":{\"AWS\":\"$account\"},\"Action\":\"sts:AssumeRole\"}]}" >/dev/null
    aws iam attach-role-policy --role-name lambda-role --policy-arn "$policy"
    local pool=MaxConnectionsPercent=90,MaxIdleConnectionsPercent=50,ConnectionBorrowTimeout=30
    [ "$FAMILY" = MYSQL ] && pool+=,SessionPinningFilters=EXCLUDE_VARIABLE_SETS
    aws rds modify-db-proxy-target-group --db-proxy-name "$proxy" --target-group-name default \
        --connection-pool-config "$pool" >/dev/null
    aws rds register-db-proxy-targets --db-proxy-name "$proxy" --target-group-name default \
        --db-instance-identifiers "$DATABASE" >/dev/null
    until_is AVAILABLE aws rds describe-db-proxy-targets --db-proxy-name "$proxy" \
        --query 'Targets[0].TargetHealth.State' --output text
    aws rds describe-db-proxies --db-proxy-name "$proxy" --query 'DBProxies[0].Endpoint' --output text
}

token() {
    local host account key secret session
    host=$(aws rds describe-db-proxies --db-proxy-name "$proxy" --query 'DBProxies[0].Endpoint' --output text)
    account=$(aws sts get-caller-identity --query Account --output text)
    read -r key secret session < <(aws sts assume-role --role-arn "arn:aws:iam::$account:role/lambda-role" \
        --role-session-name fn1 --query 'Credentials.[AccessKeyId,SecretAccessKey,SessionToken]' --output text)
    AWS_ACCESS_KEY_ID=$key AWS_SECRET_ACCESS_KEY=$secret AWS_SESSION_TOKEN=$session \
        aws rds generate-db-auth-token --hostname "$host" --port "$1" --username "$user"
}

clean() {
    local account group
    account=$(aws sts get-caller-identity --query Account --output text)
    aws rds deregister-db-proxy-targets --db-proxy-name "$proxy" --db-instance-identifiers "$DATABASE"
    aws rds delete-db-proxy --db-proxy-name "$proxy" >/dev/null
    local attempt
    for attempt in $(seq 60); do
        aws rds describe-db-proxies --db-proxy-name "$proxy" >/dev/null 2>&1 || break
        sleep 1
    done
    group=$(aws ec2 describe-security-groups --filters Name=group-name,Values=proxy-sg \
        --query 'SecurityGroups[0].GroupId' --output text)
    aws ec2 delete-security-group --group-id "$group" >/dev/null
    aws iam delete-role-policy --role-name rds-proxy-role --policy-name secret-reader
    aws iam delete-role --role-name rds-proxy-role
    aws iam detach-role-policy --role-name lambda-role --policy-arn "arn:aws:iam::$account:policy/rds-connect"
    aws iam delete-policy --policy-arn "arn:aws:iam::$account:policy/rds-connect"
    aws iam delete-role --role-name lambda-role
    aws secretsmanager delete-secret --secret-id "db/$user" --force-delete-without-recovery >/dev/null
}

"$@"
