variable "tollgate" {
  description = "URL of Tollgate's API"
  type        = string
  default     = "http://127.0.0.1:7400"
}

variable "region" {
  description = "The installation's region (`tollgate serve --region`)"
  type        = string
  default     = "us-east-1"
}

variable "name" {
  description = "Name of the proxy, and first part of all other names"
  type        = string
  default     = "app"
}

variable "proxy_name" {
  description = "Another name for the proxy than `name`; can be changed later"
  type        = string
  default     = null
}

variable "require_tls" {
  description = "Refuse clients without TLS"
  type        = bool
  default     = true
}

variable "init_query" {
  description = "SQL that every new server connection runs first"
  type        = string
  default     = ""
}

variable "engine_family" {
  description = "POSTGRESQL or MYSQL"
  type        = string
  default     = "POSTGRESQL"
}

variable "database" {
  description = "Name under which the database was registered"
  type        = string
  default     = "db-1"
}

variable "user" {
  description = "Database user"
  type        = string
  default     = "app"
}

variable "password" {
  description = "The database user's password"
  type        = string
  sensitive   = true
}

variable "iam_auth" {
  description = "REQUIRED (tokens) or DISABLED (passwords)"
  type        = string
  default     = "REQUIRED"
}

variable "auth_description" {
  description = "A note about the login"
  type        = string
  default     = "the application"
}

variable "role_name" {
  description = "Another name for the proxy's role"
  type        = string
  default     = null
}

variable "further_security_group_ids" {
  description = "Groups beside the one made here, for the proxy and its reader"
  type        = list(string)
  default     = []
}

variable "clients" {
  description = "Networks from which clients connect"
  type        = list(string)
  default     = ["127.0.0.0/8"]
}

variable "idle_client_timeout" {
  description = "Seconds without a request after which a client is disconnected"
  type        = number
  default     = 1800
}

variable "debug_logging" {
  description = "Kept and shown, as in RDS"
  type        = bool
  default     = false
}

variable "connection_borrow_timeout" {
  description = "Seconds a request waits for a server connection"
  type        = number
  default     = 120
}

variable "max_connections_percent" {
  description = "Share of the server's connections that the pool may use"
  type        = number
  default     = 90
}

variable "max_idle_connections_percent" {
  description = "Share of the server's connections that may lie idle"
  type        = number
  default     = 50
}

variable "tags" {
  description = "Tags of the proxy"
  type        = map(string)
  default     = {}
}
