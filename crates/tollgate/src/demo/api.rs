//! The demo's REST client: the same calls an operator makes with curl.

use anyhow::{Context, Result, bail};
use serde_json::Value;
use tollgate_control_plane::RootCredentials;

/// Calls with HTTP Basic from loopback.
pub(super) struct Api {
    client: reqwest::Client,
    url: String,
    user: String,
    password: tollgate_types::SecretString,
}

impl Api {
    /// A client of the API at `url`.
    pub(super) fn new(url: &str, root: &RootCredentials) -> Result<Self> {
        Ok(Self {
            client: reqwest::Client::builder()
                .no_proxy()
                .build()
                .context("cannot make an HTTP client")?,
            url: url.to_owned(),
            user: root.access_key_id.clone(),
            password: root.secret.clone(),
        })
    }

    /// GET.
    pub(super) async fn get(&self, path: &str) -> Result<Value> {
        self.send(path, self.client.get(format!("{}{path}", self.url)))
            .await
    }

    /// POST.
    pub(super) async fn post(&self, path: &str, body: &Value) -> Result<Value> {
        self.send(
            path,
            self.client.post(format!("{}{path}", self.url)).json(body),
        )
        .await
    }

    async fn send(&self, path: &str, request: reqwest::RequestBuilder) -> Result<Value> {
        let response = request
            .basic_auth(&self.user, Some(self.password.expose()))
            .send()
            .await
            .with_context(|| format!("no answer to {path}"))?;
        let status = response.status();
        let body: Value = response
            .json()
            .await
            .with_context(|| format!("no JSON from {path}"))?;
        if !status.is_success() {
            bail!("{path} answered {status}: {body}");
        }
        Ok(body)
    }
}
