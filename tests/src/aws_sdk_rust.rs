//! From a secret to SQL with the AWS SDK for Rust as it is, and its typed errors.

use anyhow::{Context, Result, ensure};
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_rds::auth_token::{AuthTokenGenerator, Config as TokenConfig};
use aws_sdk_rds::types::{AuthScheme, EngineFamily, IamAuthMode, TargetState, UserAuthConfig};
use serde_json::json;
use tokio_postgres::config::SslMode;
use tollgate_testkit::{Postgres, PostgresVersion, Tollgate};

use crate::support::{APP_PASSWORD, eventually};

const TRUST_RDS: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow",
    "Principal":{"Service":"rds.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;
const PROXY: &str = "app-proxy";

/// A Tollgate, a database that it knows, and the SDK pointed at it.
struct Walk {
    _postgres: Postgres,
    tollgate: Tollgate,
    sdk: SdkConfig,
}

impl Walk {
    async fn start() -> Result<Self> {
        let postgres = Postgres::start(PostgresVersion::newest()?)?;
        postgres.user_create("app", APP_PASSWORD)?;
        let tollgate = Tollgate::start()?;
        let database = json!({
            "name": "db-1", "engine": "postgres", "host": "127.0.0.1", "port": postgres.port(),
        });
        let api = tollgate.api()?;
        api.post("/v1/databases", &database).await?.expect(201)?;
        let key = tollgate.root_key()?;
        let root = Credentials::from_keys(key.access_key_id, key.secret_access_key, None);
        let sdk = aws_config::defaults(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .endpoint_url(tollgate.url())
            .credentials_provider(root)
            .load()
            .await;
        Ok(Self {
            _postgres: postgres,
            tollgate,
            sdk,
        })
    }

    /// A secret, and a role that may read it.
    async fn secret_and_role(&self) -> Result<(String, String)> {
        let secrets = aws_sdk_secretsmanager::Client::new(&self.sdk);
        let text = json!({"username": "app", "password": APP_PASSWORD}).to_string();
        let made = secrets.create_secret().name("db/app").secret_string(text);
        let secret = made.send().await?.arn.context("no ARN")?;
        let iam = aws_sdk_iam::Client::new(&self.sdk);
        let role = iam.create_role().role_name("rds-proxy-role");
        let role = role.assume_role_policy_document(TRUST_RDS).send().await?;
        let role = role.role.context("no role")?.arn;
        let reads = json!({"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": secret,
        }]});
        iam.put_role_policy()
            .role_name("rds-proxy-role")
            .policy_name("secret-reader")
            .policy_document(reads.to_string())
            .send()
            .await?;
        Ok((secret, role))
    }

    /// A proxy whose target is available; its id.
    async fn proxy(&self, secret: &str, role: &str) -> Result<String> {
        let rds = aws_sdk_rds::Client::new(&self.sdk);
        let login = UserAuthConfig::builder()
            .auth_scheme(AuthScheme::Secrets)
            .secret_arn(secret)
            .iam_auth(IamAuthMode::Required);
        let made = rds
            .create_db_proxy()
            .db_proxy_name(PROXY)
            .engine_family(EngineFamily::Postgresql)
            .auth(login.build())
            .role_arn(role)
            .vpc_subnet_ids("subnet-1")
            .require_tls(true)
            .send()
            .await?;
        let arn = made.db_proxy.and_then(|proxy| proxy.db_proxy_arn);
        let id = arn.as_deref().and_then(|arn| arn.rsplit(':').next());
        let targets = rds.register_db_proxy_targets().db_proxy_name(PROXY);
        targets.db_instance_identifiers("db-1").send().await?;
        eventually(async || {
            let shown = rds.describe_db_proxy_targets().db_proxy_name(PROXY);
            let shown = shown.send().await?;
            let health = shown.targets().first().and_then(|it| it.target_health());
            let state = health.and_then(|health| health.state());
            ensure!(state == Some(&TargetState::Available), "{shown:?}");
            Ok(())
        })
        .await?;
        Ok(id.context("no ARN")?.to_owned())
    }

    /// The credentials of a role that may connect to the proxy.
    async fn function(&self, proxy_id: &str) -> Result<Credentials> {
        let iam = aws_sdk_iam::Client::new(&self.sdk);
        let sts = aws_sdk_sts::Client::new(&self.sdk);
        let account = sts.get_caller_identity().send().await?.account;
        let account = account.context("no account")?;
        let trust = json!({"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Principal": {"AWS": account}, "Action": "sts:AssumeRole",
        }]});
        let role = iam.create_role().role_name("lambda-role");
        let role = role.assume_role_policy_document(trust.to_string()).send();
        let role = role.await?.role.context("no role")?.arn;
        let connects = json!({"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Action": "rds-db:connect",
            "Resource": format!("arn:aws:rds-db:us-east-1:{account}:dbuser:{proxy_id}/app"),
        }]});
        let policy = iam.create_policy().policy_name("rds-connect");
        let policy = policy.policy_document(connects.to_string()).send().await?;
        let policy = policy.policy.and_then(|policy| policy.arn);
        iam.attach_role_policy()
            .role_name("lambda-role")
            .policy_arn(policy.context("no policy")?)
            .send()
            .await?;
        let session = sts.assume_role().role_arn(role).role_session_name("fn1");
        let session = session.send().await?.credentials;
        let session = session.context("no credentials")?;
        Ok(Credentials::from_keys(
            session.access_key_id,
            session.secret_access_key,
            Some(session.session_token),
        ))
    }

    async fn query(&self, function: Credentials) -> Result<i32> {
        let proxy = self.tollgate.api()?.get("/v1/proxies/app-proxy").await?;
        let port = proxy.expect(200)?["endpoints"][0]["port"].as_u64();
        let port = u16::try_from(port.context("no port")?)?;
        let of_function = self.sdk.to_builder();
        let of_function = of_function
            .credentials_provider(SharedCredentialsProvider::new(function))
            .build();
        let token = TokenConfig::builder()
            .hostname("127.0.0.1")
            .port(u64::from(port))
            .username("app");
        let token = token.build().map_err(anyhow::Error::from_boxed)?;
        let generator = AuthTokenGenerator::new(token);
        let token = generator.auth_token(&of_function).await;
        let token = token.map_err(anyhow::Error::from_boxed)?;
        let mut config = tokio_postgres::Config::new();
        config
            .host("127.0.0.1")
            .port(port)
            .user("app")
            .dbname("postgres")
            .password(token.as_str())
            .ssl_mode(SslMode::Require);
        let (client, connection) = config.connect(self.tollgate.client_tls()?).await?;
        tokio::spawn(connection);
        Ok(client.query_one("SELECT 42", &[]).await?.get(0))
    }
}

#[tokio::test]
async fn from_a_secret_to_sql_with_the_sdk_for_rust() -> Result<()> {
    let walk = Walk::start().await?;
    let (secret, role) = walk.secret_and_role().await?;
    let proxy_id = walk.proxy(&secret, &role).await?;
    let function = walk.function(&proxy_id).await?;
    ensure!(walk.query(function).await? == 42);

    let rds = aws_sdk_rds::Client::new(&walk.sdk);
    let shown = rds.describe_db_proxies().into_paginator().items().send();
    let shown = shown.collect::<Result<Vec<_>, _>>().await?;
    ensure!(
        shown.len() == 1 && shown[0].db_proxy_name() == Some(PROXY),
        "{shown:?}"
    );
    let again = rds
        .create_db_proxy()
        .db_proxy_name(PROXY)
        .engine_family(EngineFamily::Postgresql)
        .auth(UserAuthConfig::builder().secret_arn(&secret).build())
        .role_arn(&role)
        .vpc_subnet_ids("subnet-1");
    let again = again.send().await.unwrap_err().into_service_error();
    ensure!(again.is_db_proxy_already_exists_fault(), "{again:?}");
    rds.delete_db_proxy().db_proxy_name(PROXY).send().await?;
    eventually(async || {
        let shown = rds.describe_db_proxies().db_proxy_name(PROXY).send().await;
        let error = shown.err().context("still there")?.into_service_error();
        ensure!(error.is_db_proxy_not_found_fault(), "{error:?}");
        Ok(())
    })
    .await
}
