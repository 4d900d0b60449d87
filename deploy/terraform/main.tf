# A proxy on Tollgate with the AWS provider as it is: secret, role, security group, proxy, pool, target, reader.
#
# Before:  register the database once (nothing in AWS's API carries a host):
#            curl -u "$KEY" -H 'content-type: application/json' http://127.0.0.1:7400/v1/databases \
#              -d '{"name":"db-1","engine":"postgres","host":"10.0.0.5"}'
#          and name credentials:
#            export AWS_SHARED_CREDENTIALS_FILE=tollgate-data/credentials AWS_PROFILE=tollgate
# Then:    terraform init && terraform apply -var password=…

terraform {
  required_version = ">= 1.5"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.40"
    }
  }
}

# The switch: everything below is what it would be on AWS.
provider "aws" {
  region                  = var.region
  skip_metadata_api_check = true
  endpoints {
    ec2            = var.tollgate
    iam            = var.tollgate
    rds            = var.tollgate
    secretsmanager = var.tollgate
    sts            = var.tollgate
  }
}

data "aws_vpc" "default" {
  default = true
}

data "aws_subnets" "default" {
  filter {
    name   = "vpc-id"
    values = [data.aws_vpc.default.id]
  }
}

resource "aws_secretsmanager_secret" "app" {
  name                    = "${var.name}/${var.user}"
  recovery_window_in_days = 0
}

resource "aws_secretsmanager_secret_version" "app" {
  secret_id     = aws_secretsmanager_secret.app.id
  secret_string = jsonencode({ username = var.user, password = var.password })
}

resource "aws_iam_role" "proxy" {
  name = coalesce(var.role_name, "${var.name}-proxy")
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "rds.amazonaws.com" }
    }]
  })
}

resource "aws_iam_role_policy" "proxy_reads_secret" {
  name = "read-secret"
  role = aws_iam_role.proxy.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = "secretsmanager:GetSecretValue"
      Resource = aws_secretsmanager_secret.app.arn
    }]
  })
}

resource "aws_security_group" "proxy" {
  name        = "${var.name}-proxy"
  description = "Who may connect to the proxy"
  vpc_id      = data.aws_vpc.default.id

  # The engine's own port stands for the port of the endpoint.
  ingress {
    description = "functions"
    protocol    = "tcp"
    from_port   = var.engine_family == "MYSQL" ? 3306 : 5432
    to_port     = var.engine_family == "MYSQL" ? 3306 : 5432
    cidr_blocks = var.clients
  }
}

resource "aws_db_proxy" "app" {
  name                   = coalesce(var.proxy_name, var.name)
  engine_family          = var.engine_family
  role_arn               = aws_iam_role.proxy.arn
  vpc_subnet_ids         = data.aws_subnets.default.ids
  vpc_security_group_ids = concat([aws_security_group.proxy.id], var.further_security_group_ids)
  require_tls            = var.require_tls
  idle_client_timeout    = var.idle_client_timeout
  debug_logging          = var.debug_logging

  auth {
    auth_scheme = "SECRETS"
    iam_auth    = var.iam_auth
    description = var.auth_description
    secret_arn  = aws_secretsmanager_secret.app.arn
  }

  tags       = var.tags
  depends_on = [aws_iam_role_policy.proxy_reads_secret, aws_secretsmanager_secret_version.app]
}

resource "aws_db_proxy_default_target_group" "app" {
  db_proxy_name = aws_db_proxy.app.name

  connection_pool_config {
    connection_borrow_timeout    = var.connection_borrow_timeout
    init_query                   = var.init_query
    max_connections_percent      = var.max_connections_percent
    max_idle_connections_percent = var.max_idle_connections_percent
  }
}

resource "aws_db_proxy_target" "app" {
  db_proxy_name          = aws_db_proxy.app.name
  target_group_name      = aws_db_proxy_default_target_group.app.name
  db_instance_identifier = var.database
}

resource "aws_db_proxy_endpoint" "reader" {
  db_proxy_name          = aws_db_proxy.app.name
  db_proxy_endpoint_name = "${var.name}-reader"
  vpc_subnet_ids         = data.aws_subnets.default.ids
  vpc_security_group_ids = concat([aws_security_group.proxy.id], var.further_security_group_ids)
  target_role            = "READ_ONLY"
}

# What the function's role needs.
resource "aws_iam_policy" "connect" {
  name = "${var.name}-connect"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = "rds-db:connect"
      Resource = "${local.connect_arn}:dbuser:${local.proxy_id}/${var.user}"
    }]
  })
}

locals {
  # arn:aws:rds:REGION:ACCOUNT:db-proxy:prx-…
  arn_parts   = split(":", aws_db_proxy.app.arn)
  proxy_id    = local.arn_parts[6]
  connect_arn = "arn:aws:rds-db:${local.arn_parts[3]}:${local.arn_parts[4]}"
}
