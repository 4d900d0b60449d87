output "endpoint" {
  description = "Host that clients connect to"
  value       = aws_db_proxy.app.endpoint
}

output "connect_policy_arn" {
  description = "Attach this to the roles of functions"
  value       = aws_iam_policy.connect.arn
}
