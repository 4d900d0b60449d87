//! One fetch: the current version, and the one before it when the current one is new.

use std::fmt;

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_secretsmanager::operation::get_secret_value::{
    GetSecretValueError, GetSecretValueOutput,
};
use tollgate_types::SecretString;

use super::ExternalValues;

/// Longest sentence that is kept of an error, in characters.
const WORDS_MAX: usize = 300;

const CURRENT: &str = "AWSCURRENT";
const PREVIOUS: &str = "AWSPREVIOUS";

/// What came.
#[derive(Debug)]
pub(super) enum Fetched {
    /// The version that is known already.
    Unchanged,
    /// Another one.
    Changed(ExternalValues),
}

/// Why nothing came, in a sentence.
#[derive(Debug)]
pub(super) enum Trouble {
    /// AWS cannot say at the moment: what is known stays in use.
    Passing(String),
    /// AWS says that there is nothing for us: what was known must not be used any more.
    Refused(String),
}

impl fmt::Display for Trouble {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Passing(words) | Self::Refused(words) => out.write_str(words),
        }
    }
}

/// The newest values, unless the current version is the `known` one.
pub(super) async fn newest(
    client: &Client,
    arn: &str,
    known: Option<&str>,
) -> Result<Fetched, Trouble> {
    let current = get(client, arn, CURRENT).await;
    let current = current.map_err(|error| trouble(&error))?;
    let version_id = current.version_id().unwrap_or_default().to_owned();
    if known == Some(version_id.as_str()) {
        return Ok(Fetched::Unchanged);
    }
    let previous = match get(client, arn, PREVIOUS).await {
        Ok(previous) => text(&previous),
        Err(error) if code(&error) == Some("ResourceNotFoundException") => None,
        Err(error) => return Err(trouble(&error)),
    };
    let Some(current) = text(&current) else {
        let words = "its current version has no SecretString";
        return Err(Trouble::Refused(words.to_owned()));
    };
    Ok(Fetched::Changed(ExternalValues {
        version_id,
        texts: [Some(current), previous].into_iter().flatten().collect(),
        trouble: None,
    }))
}

type Failure = SdkError<GetSecretValueError>;

async fn get(client: &Client, arn: &str, stage: &str) -> Result<GetSecretValueOutput, Failure> {
    let request = client.get_secret_value().secret_id(arn);
    request.version_stage(stage).send().await
}

fn text(output: &GetSecretValueOutput) -> Option<SecretString> {
    output.secret_string().map(SecretString::from)
}

fn code(error: &Failure) -> Option<&str> {
    error.as_service_error()?.code()
}

/// What happened when there was no answer of Secrets Manager's. Nothing of a foreign answer is repeated.
fn unanswered(error: &Failure) -> String {
    if let SdkError::ConstructionFailure(_) = error {
        return "the request could not be made or signed: are there AWS credentials?".to_owned();
    }
    if let SdkError::TimeoutError(_) = error {
        return "there was no answer in time".to_owned();
    }
    if let SdkError::DispatchFailure(failure) = error {
        let cause = failure.as_connector_error();
        let cause = cause.map(|error| DisplayErrorContext(error).to_string());
        return format!("not reached: {}", cause.unwrap_or_default());
    }
    let status = error
        .raw_response()
        .map(|response| response.status().as_u16());
    let status = status.map_or_else(String::new, |status| format!(" (HTTP status {status})"));
    format!("the answer is not one of Secrets Manager{status}")
}

/// Source of the codes: Secrets Manager API, `GetSecretValue`; `InvalidRequestException` is a secret marked for
/// deletion. An expired or unknown access key says nothing about the secret.
fn trouble(error: &Failure) -> Trouble {
    let code = code(error).map(str::to_owned);
    let message = error.as_service_error().and_then(|error| error.message());
    let words = match (&code, message) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(code), None) => code.clone(),
        (None, _) => unanswered(error),
    };
    let words = words.chars().take(WORDS_MAX).collect();
    match code.as_deref() {
        Some("ResourceNotFoundException" | "InvalidRequestException" | "AccessDeniedException") => {
            Trouble::Refused(words)
        }
        Some(_) | None => Trouble::Passing(words),
    }
}
