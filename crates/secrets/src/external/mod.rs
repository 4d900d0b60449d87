//! Secrets that live in an AWS Secrets Manager: fetched in the background, kept in memory, and served from there.
//!
//! Nobody waits for AWS: [`AwsSecrets::state`] says what is known at that moment.

mod fetch;
mod pace;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use aws_config::{BehaviorVersion, SdkConfig};
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::config::timeout::TimeoutConfig;
use aws_sdk_secretsmanager::config::{Builder, Region};
use parking_lot::Mutex;
use tokio::sync::{Notify, OnceCell};
use tokio_util::task::AbortOnDropHandle;
use tollgate_types::SecretString;

use fetch::{Fetched, Trouble};

/// Longest wait for one answer, and for one with its retries.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(5);
const OPERATION_TIMEOUT: Duration = Duration::from_secs(15);

/// What is known of a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExternalState {
    /// AWS has not answered yet.
    Pending,
    /// There are values.
    Known(ExternalValues),
    /// There is nothing to use, and why: a sentence without secrets.
    Unreadable(String),
}

/// The values of a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExternalValues {
    /// The version labelled `AWSCURRENT`.
    pub version_id: String,
    /// Its text, then that of `AWSPREVIOUS` if there is one.
    pub texts: Vec<SecretString>,
    /// Why the values may be out of date; nothing while AWS answers.
    pub trouble: Option<String>,
}

/// Where secrets are fetched from.
#[derive(Debug, Clone, Default)]
pub struct ExternalSettings {
    /// URL instead of AWS's own endpoint. The environment of the AWS SDKs (`AWS_ENDPOINT_URL_SECRETS_MANAGER`)
    /// counts where this is absent.
    pub endpoint: Option<String>,
    /// What was known at the end of the last run, by ARN: used until AWS has answered.
    pub remembered: BTreeMap<String, ExternalValues>,
}

/// The secrets that somebody needs, by ARN, each with a task that keeps it fresh.
pub struct AwsSecrets {
    runtime: tokio::runtime::Handle,
    source: Arc<Source>,
    remembered: Mutex<BTreeMap<String, ExternalValues>>,
    watched: Mutex<BTreeMap<String, Watched>>,
}

/// A secret that is kept fresh while this exists.
struct Watched {
    shared: Arc<Shared>,
    _task: AbortOnDropHandle<()>,
}

/// What a task and its readers share.
struct Shared {
    state: Mutex<ExternalState>,
    hurry: Notify,
}

/// Makes clients. The configuration of the SDK is read once, at the first fetch.
struct Source {
    endpoint: Option<String>,
    sdk: OnceCell<SdkConfig>,
}

impl fmt::Debug for AwsSecrets {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("AwsSecrets").finish_non_exhaustive()
    }
}

impl AwsSecrets {
    /// Nothing is asked before something is watched. Tasks run on `runtime`.
    pub fn new(runtime: tokio::runtime::Handle, settings: ExternalSettings) -> Self {
        Self {
            runtime,
            source: Arc::new(Source {
                endpoint: settings.endpoint,
                sdk: OnceCell::new(),
            }),
            remembered: Mutex::new(settings.remembered),
            watched: Mutex::default(),
        }
    }

    /// Keeps the secrets with these ARNs fresh from now on, and forgets all others.
    pub fn watch(&self, arns: &BTreeSet<String>) {
        let mut watched = self.watched.lock();
        watched.retain(|arn, _| arns.contains(arn));
        for arn in arns {
            if !watched.contains_key(arn) {
                watched.insert(arn.clone(), self.begin(arn));
            }
        }
    }

    /// What is known of the secret with this ARN.
    pub fn state(&self, arn: &str) -> ExternalState {
        let watched = self.watched.lock();
        watched
            .get(arn)
            .map_or(ExternalState::Pending, |it| it.shared.state.lock().clone())
    }

    /// Fetches this secret soon: a server has refused what is known. Asking often does no harm.
    pub fn hurry(&self, arn: &str) {
        if let Some(watched) = self.watched.lock().get(arn) {
            watched.shared.hurry.notify_one();
        }
    }

    fn begin(&self, arn: &str) -> Watched {
        let remembered = self.remembered.lock().remove(arn);
        let state = remembered.map_or(ExternalState::Pending, ExternalState::Known);
        let shared = Arc::new(Shared {
            state: Mutex::new(state),
            hurry: Notify::new(),
        });
        let keeping = keep_fresh(
            Arc::clone(&self.source),
            arn.to_owned(),
            Arc::clone(&shared),
        );
        Watched {
            shared,
            _task: AbortOnDropHandle::new(self.runtime.spawn(keeping)),
        }
    }
}

impl Source {
    /// A client for the region that the ARN names.
    async fn client(&self, arn: &str) -> Client {
        let sdk = self.sdk.get_or_init(|| async {
            let timeouts = TimeoutConfig::builder()
                .operation_attempt_timeout(ATTEMPT_TIMEOUT)
                .operation_timeout(OPERATION_TIMEOUT)
                .build();
            aws_config::defaults(BehaviorVersion::latest())
                .timeout_config(timeouts)
                .load()
                .await
        });
        let region = arn.split(':').nth(3).unwrap_or_default().to_owned();
        let mut builder = Builder::from(sdk.await).region(Region::new(region));
        if let Some(url) = &self.endpoint {
            builder = builder.endpoint_url(url);
        }
        Client::from_conf(builder.build())
    }
}

/// Fetches for ever; ends by being aborted.
async fn keep_fresh(source: Arc<Source>, arn: String, shared: Arc<Shared>) {
    let client = source.client(&arn).await;
    let mut failures = 0_u32;
    loop {
        let known = match &*shared.state.lock() {
            ExternalState::Known(values) => Some(values.version_id.clone()),
            ExternalState::Pending | ExternalState::Unreadable(_) => None,
        };
        let fetched = fetch::newest(&client, &arn, known.as_deref()).await;
        failures = if fetched.is_ok() {
            0
        } else {
            failures.saturating_add(1)
        };
        shared.take(&arn, fetched);
        let pause = pace::pause(failures, jitter());
        let least = pause.min(pace::HURRIED);
        tokio::time::sleep(least).await;
        tokio::select! {
            () = tokio::time::sleep(pause.saturating_sub(least)) => {}
            () = shared.hurry.notified() => {}
        }
    }
}

impl Shared {
    fn take(&self, arn: &str, fetched: Result<Fetched, Trouble>) {
        let mut state = self.state.lock();
        match fetched {
            Ok(Fetched::Unchanged) => {
                if let ExternalState::Known(values) = &mut *state {
                    values.trouble = None;
                }
            }
            Ok(Fetched::Changed(values)) => {
                tracing::info!(secret.arn = arn, secret.version = %values.version_id, "secret fetched from AWS");
                *state = ExternalState::Known(values);
            }
            Err(trouble) => {
                tracing::warn!(secret.arn = arn, "secret not fetched from AWS: {trouble}");
                match (&mut *state, trouble) {
                    (ExternalState::Known(values), Trouble::Passing(words)) => {
                        values.trouble = Some(words);
                    }
                    (state, Trouble::Passing(words) | Trouble::Refused(words)) => {
                        *state = ExternalState::Unreadable(words);
                    }
                }
            }
        }
    }
}

/// A random byte, so that many secrets are not asked for in step.
fn jitter() -> u8 {
    let mut byte = [0];
    // Without randomness all pauses are the shortest, which is still right.
    let _ = aws_lc_rs::rand::fill(&mut byte);
    byte[0]
}
