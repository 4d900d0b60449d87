//! `tollgate token`: an IAM token from the AWS credential chain, as `aws rds generate-db-auth-token`.

use anyhow::{Context, Result, bail};
use aws_config::{BehaviorVersion, Region};
use aws_credential_types::provider::ProvideCredentials;
use clap::Args;
use tollgate_iam::token::{MintRequest, mint};

/// Options of `tollgate token`.
#[derive(Debug, Args)]
pub(crate) struct TokenArgs {
    /// Host of the proxy endpoint, exactly as clients connect to it
    #[arg(long)]
    hostname: String,
    /// Port of the proxy endpoint
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    port: u16,
    /// Database user to log in as
    #[arg(long)]
    username: String,
    /// Region of the installation [default: from the AWS configuration, else us-east-1]
    #[arg(long, env = "AWS_REGION")]
    region: Option<String>,
    /// Profile of the AWS configuration
    #[arg(long)]
    profile: Option<String>,
}

/// Makes the token.
pub(crate) async fn make(args: &TokenArgs) -> Result<String> {
    let mut loader = aws_config::defaults(BehaviorVersion::latest());
    if let Some(region) = &args.region {
        loader = loader.region(Region::new(region.clone()));
    }
    if let Some(profile) = &args.profile {
        loader = loader.profile_name(profile);
    }
    let config = loader.load().await;
    let Some(provider) = config.credentials_provider() else {
        bail!("no AWS credentials are configured");
    };
    let credentials = provider.provide_credentials().await.context(
        "no AWS credentials found: set AWS_SHARED_CREDENTIALS_FILE=<data-dir>/credentials and AWS_PROFILE=tollgate, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
    )?;
    let region = config
        .region()
        .map_or("us-east-1", |region| region.as_ref());
    Ok(mint(&MintRequest {
        access_key_id: credentials.access_key_id(),
        secret_access_key: credentials.secret_access_key(),
        session_token: credentials.session_token(),
        region,
        host: &args.hostname,
        port: args.port,
        db_user: &args.username,
        now_unix: chrono::Utc::now().timestamp(),
    }))
}
