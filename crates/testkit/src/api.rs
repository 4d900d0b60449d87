//! The REST API as an operator uses it: JSON in, JSON out, HTTP Basic with an access key.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use reqwest::{Client, Method, StatusCode, header::HeaderMap};
use serde_json::Value;

/// A caller of one Tollgate's REST API.
#[derive(Debug, Clone)]
pub struct Api {
    base: String,
    access_key_id: String,
    secret_access_key: String,
    client: Client,
}

/// An answer of the API.
#[derive(Debug, Clone)]
pub struct Reply {
    /// HTTP status.
    pub status: StatusCode,
    /// Headers.
    pub headers: HeaderMap,
    /// The body as text.
    pub text: String,
    /// The body as JSON, `null` when it is none.
    pub json: Value,
}

impl Reply {
    /// The JSON body if the status is `status`; otherwise an error that shows the answer.
    pub fn expect(self, status: u16) -> Result<Value> {
        ensure!(
            self.status.as_u16() == status,
            "expected HTTP {status}, got {}: {}",
            self.status,
            self.text
        );
        Ok(self.json)
    }

    /// A response header as text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

impl Api {
    /// A caller with these credentials; `base` is `http://host:port`.
    pub fn new(base: &str, access_key_id: &str, secret_access_key: &str) -> Result<Self> {
        let client = Client::builder()
            .timeout(Duration::from_secs(90))
            .no_proxy()
            // The program under test is killed and restarted: a kept connection would be a dead one.
            .pool_max_idle_per_host(0)
            .build()
            .context("building an HTTP client")?;
        Ok(Self {
            base: base.to_owned(),
            access_key_id: access_key_id.to_owned(),
            secret_access_key: secret_access_key.to_owned(),
            client,
        })
    }

    /// The same API with other credentials.
    #[must_use]
    pub fn as_key(&self, access_key_id: &str, secret_access_key: &str) -> Self {
        Self {
            access_key_id: access_key_id.to_owned(),
            secret_access_key: secret_access_key.to_owned(),
            ..self.clone()
        }
    }

    /// `GET path`.
    pub async fn get(&self, path: &str) -> Result<Reply> {
        self.call(Method::GET, path, None).await
    }

    /// `POST path` with a JSON body.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Reply> {
        self.call(Method::POST, path, Some(body)).await
    }

    /// `PUT path` with a JSON body, whatever the current version is (`If-Match: *`).
    pub async fn put(&self, path: &str, body: &Value) -> Result<Reply> {
        self.call(Method::PUT, path, Some(body)).await
    }

    /// `PATCH path` with a merge patch, whatever the current version is.
    pub async fn patch(&self, path: &str, body: &Value) -> Result<Reply> {
        self.call(Method::PATCH, path, Some(body)).await
    }

    /// `DELETE path`, whatever the current version is.
    pub async fn delete(&self, path: &str) -> Result<Reply> {
        self.call(Method::DELETE, path, None).await
    }

    /// Asks again until `holds` is true of the body of `GET path`, and returns that body.
    pub async fn until(
        &self,
        path: &str,
        limit: Duration,
        holds: impl Fn(&Value) -> bool,
    ) -> Result<Value> {
        let deadline = Instant::now() + limit;
        loop {
            let reply = self.get(path).await?;
            if reply.status.is_success() && holds(&reply.json) {
                return Ok(reply.json);
            }
            if Instant::now() >= deadline {
                bail!(
                    "{path} did not get there in {limit:?}: {} {}",
                    reply.status,
                    reply.text
                );
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// A call without credentials.
    pub async fn anonymous(&self, path: &str) -> Result<Reply> {
        let request = self.client.get(format!("{}{path}", self.base));
        read(request).await
    }

    async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Reply> {
        let mut request = self
            .client
            .request(method.clone(), format!("{}{path}", self.base))
            .basic_auth(&self.access_key_id, Some(&self.secret_access_key));
        if method != Method::GET && method != Method::POST {
            request = request.header("If-Match", "*");
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        read(request)
            .await
            .with_context(|| format!("{method} {path}"))
    }
}

async fn read(request: reqwest::RequestBuilder) -> Result<Reply> {
    let response = request.send().await.context("calling the API")?;
    let (status, headers) = (response.status(), response.headers().clone());
    let text = response.text().await.context("reading the API's answer")?;
    let json = serde_json::from_str(&text).unwrap_or(Value::Null);
    Ok(Reply {
        status,
        headers,
        text,
        json,
    })
}
