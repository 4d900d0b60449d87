//! The API in process: a real store in a temporary folder, and a data plane that the test plays.

mod audit;
mod authentication;
mod authorization;
mod aws;
mod concurrency;
mod conventions;
mod documents;
mod external_secrets;
mod identities;
mod openapi;
mod outage;
mod proxies;
mod reconciler;
mod resources;
mod secrets_stay_secret;
mod waiting;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, SignableBody, SignableRequest, SigningSettings, sign,
};
use aws_sigv4::sign::v4;
use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, Method, Request};
use http_body_util::BodyExt;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tollgate_secrets::{ExternalState, MasterKey, Sealer};
use tollgate_store::{MetadataUrl, Store, StoreSettings};
use tollgate_types::{
    Arn, EndpointState, Observation, ObservedEndpoint, ObservedProxy, PinReport, ProxyId,
    ProxyPhase, SessionInfo, Snapshot,
};
use tower::ServiceExt;

use crate::{
    ControlPlane, DecisionSink, DecisionWriter, Eventually, ExternalSecrets, PeerRule, Ports,
    Publisher, RootCredentials, SessionsView, Settings, control_plane, decision_sink,
};

pub(super) const PASSWORD: &str = "Sup3r-s3cret-pw";
/// How long a test waits for something that must happen; nothing is asserted about the time it takes.
pub(super) const PATIENCE: Duration = Duration::from_mins(1);
const ROOT_ID: &str = "AKIAROOTROOTROOTROOT";
const ROOT_SECRET: &str = "root-secret-root-secret-root-secret-root";
const LOOPBACK: ([u8; 4], u16) = ([127, 0, 0, 1], 50_000);

/// An access key.
#[derive(Debug, Clone)]
pub(super) struct Key {
    pub(super) id: String,
    pub(super) secret: String,
    /// Of temporary credentials.
    pub(super) session_token: Option<String>,
}

impl Key {
    pub(super) fn root() -> Self {
        Self {
            id: ROOT_ID.to_owned(),
            secret: ROOT_SECRET.to_owned(),
            session_token: None,
        }
    }
}

/// Takes snapshots for the test to look at.
struct Published(watch::Sender<Option<Arc<Snapshot>>>);

impl Publisher for Published {
    fn publish(&self, snapshot: Arc<Snapshot>) {
        self.0.send_replace(Some(snapshot));
    }
}

/// The sessions and pins that the test says are there.
#[derive(Default)]
struct Sessions {
    connected: Mutex<Vec<SessionInfo>>,
    pins: Mutex<PinReport>,
}

impl SessionsView for Sessions {
    fn sessions<'a>(&'a self, _proxy: &'a ProxyId) -> Eventually<'a, Vec<SessionInfo>> {
        let rows = self.connected.lock().clone();
        Box::pin(async move { rows })
    }

    fn pins<'a>(&'a self, _proxy: &'a ProxyId) -> Eventually<'a, PinReport> {
        let report = self.pins.lock().clone();
        Box::pin(async move { report })
    }
}

/// What the test says is in AWS, and what is wanted from there.
#[derive(Default)]
struct Elsewhere {
    states: Mutex<BTreeMap<String, ExternalState>>,
    watched: Mutex<BTreeSet<String>>,
    hurried: Mutex<BTreeSet<String>>,
}

impl ExternalSecrets for Elsewhere {
    fn watch(&self, arns: &BTreeSet<String>) {
        self.watched.lock().clone_from(arns);
    }

    fn state(&self, arn: &str) -> ExternalState {
        let states = self.states.lock();
        states.get(arn).cloned().unwrap_or(ExternalState::Pending)
    }

    fn hurry(&self, arn: &str) {
        self.hurried.lock().insert(arn.to_owned());
    }
}

/// A control plane with everything around it.
pub(super) struct World {
    pub(super) plane: ControlPlane,
    pub(super) store: Store,
    router: Router,
    snapshots: watch::Receiver<Option<Arc<Snapshot>>>,
    reports: watch::Sender<Observation>,
    sessions: Arc<Sessions>,
    elsewhere: Arc<Elsewhere>,
    pub(super) decisions: DecisionSink,
    writer: Mutex<Option<DecisionWriter>>,
    /// Milliseconds since the epoch that the control plane believes in.
    pub(super) now_ms: Arc<AtomicI64>,
    /// Every answer's body.
    pub(super) seen: Mutex<Vec<String>>,
    pub(super) cancel: CancellationToken,
    pub(super) folder: TempDir,
}

impl Drop for World {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

impl World {
    /// A control plane over an empty store; nothing reconciles yet.
    pub(super) async fn new() -> Self {
        Self::with(PeerRule::LoopbackOnly).await
    }

    pub(super) async fn with(plaintext_basic: PeerRule) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = MetadataUrl::Sqlite(folder.path().join("metadata.db"));
        // The machine may be busy, and a call that takes long is not what these tests are about.
        let store = StoreSettings {
            acquire_timeout: PATIENCE,
            call_timeout: PATIENCE,
            ..StoreSettings::new(url)
        };
        let world = Self::over(store, folder, plaintext_basic);
        while world.store.revision_current().await.is_err() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        world
    }

    pub(super) fn over(store: StoreSettings, folder: TempDir, plaintext_basic: PeerRule) -> Self {
        let store = Store::open(store);
        let (publisher, snapshots) = watch::channel(None);
        let (reports, observations) = watch::channel(Observation::default());
        let sessions = Arc::new(Sessions::default());
        let elsewhere = Arc::new(Elsewhere::default());
        let started = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap();
        let now_ms = Arc::new(AtomicI64::new(i64::try_from(started.as_millis()).unwrap()));
        let clock = Arc::clone(&now_ms);
        let (decisions, writer) = decision_sink(store.clone());
        let ports = Ports {
            publisher: Arc::new(Published(publisher)),
            observations,
            sessions: Arc::clone(&sessions) as Arc<dyn SessionsView>,
            external_secrets: Arc::clone(&elsewhere) as Arc<dyn ExternalSecrets>,
            decisions: decisions.clone(),
            clock: Arc::new(move || clock.load(Ordering::Relaxed)),
            random: Arc::new(|bytes| aws_lc_rs::rand::fill(bytes).unwrap()),
        };
        let sealer = Arc::new(Sealer::new(MasterKey::generate(&[7; 32])));
        let plane = control_plane(settings(plaintext_basic), store.clone(), sealer, ports);
        Self {
            router: plane.router(),
            plane,
            store,
            snapshots,
            reports,
            sessions,
            elsewhere,
            decisions,
            writer: Mutex::new(Some(writer)),
            now_ms,
            seen: Mutex::new(Vec::new()),
            cancel: CancellationToken::new(),
            folder,
        }
    }

    /// A control plane whose reconciler runs.
    pub(super) async fn running() -> Self {
        let world = Self::new().await;
        world.reconcile();
        world
    }

    pub(super) fn reconcile(&self) {
        let (plane, cancel) = (self.plane.clone(), self.cancel.clone());
        tokio::spawn(async move { plane.run(cancel).await });
    }

    /// A data plane that applies every snapshot at once and lets deleted proxies drain.
    pub(super) fn obey(&self) {
        let mut snapshots = self.snapshots.clone();
        let (reports, cancel) = (self.reports.clone(), self.cancel.clone());
        tokio::spawn(async move {
            loop {
                let newest = snapshots.borrow_and_update().clone();
                if let Some(snapshot) = newest {
                    reports.send_replace(applied(&snapshot));
                }
                tokio::select! {
                    () = cancel.cancelled() => return,
                    changed = snapshots.changed() => if changed.is_err() { return },
                }
            }
        });
    }

    /// Reports something else than plain success.
    pub(super) fn report(&self, change: impl FnOnce(&mut Observation)) {
        let newest = self.snapshots.borrow().clone();
        let mut observation = newest
            .map(|snapshot| applied(&snapshot))
            .unwrap_or_default();
        change(&mut observation);
        self.reports.send_if_modified(|last| {
            let is_news = observation.is_news_after(last);
            *last = observation;
            is_news
        });
    }

    /// The first snapshot that fits, from now on.
    pub(super) async fn snapshot_where(&self, fits: impl Fn(&Snapshot) -> bool) -> Arc<Snapshot> {
        let mut snapshots = self.snapshots.clone();
        let found = snapshots.wait_for(|newest| newest.as_ref().is_some_and(|s| fits(s)));
        let found = tokio::time::timeout(PATIENCE, found).await;
        found
            .expect("no such snapshot in all the time there was")
            .unwrap()
            .clone()
            .unwrap()
    }

    /// Has decisions written, from now until the end.
    pub(super) fn write_decisions(&self) -> JoinHandle<()> {
        let now = Arc::clone(&self.now_ms);
        let clock: crate::Clock = Arc::new(move || now.load(Ordering::Relaxed));
        let writer = self.writer.lock().take().unwrap();
        tokio::spawn(writer.run(clock, self.cancel.clone()))
    }

    /// From now on nobody writes decisions.
    pub(super) fn drop_writer(&self) {
        *self.writer.lock() = None;
    }

    pub(super) fn connect_sessions(&self, sessions: Vec<SessionInfo>) {
        *self.sessions.connected.lock() = sessions;
    }

    pub(super) fn hold_pins(&self, report: PinReport) {
        *self.sessions.pins.lock() = report;
    }

    // --- calls -----------------------------------------------------------------------------------

    pub(super) fn call(&self, method: Method, path: &str) -> Call<'_> {
        Call {
            world: self,
            method,
            path: path.to_owned(),
            key: Some(Key::root()),
            signing: Signing::Basic,
            service: "tollgate",
            headers: HeaderMap::new(),
            body: Vec::new(),
            peer: LOOPBACK.into(),
        }
    }

    pub(super) async fn get(&self, path: &str) -> Reply {
        self.call(Method::GET, path).send().await
    }

    pub(super) async fn post(&self, path: &str, body: &Value) -> Reply {
        self.call(Method::POST, path).json(body).send().await
    }

    pub(super) async fn put(&self, path: &str, body: &Value) -> Reply {
        self.call(Method::PUT, path).json(body).send().await
    }

    pub(super) async fn patch(&self, path: &str, body: &Value) -> Reply {
        self.call(Method::PATCH, path)
            .header("if-match", "*")
            .json(body)
            .send()
            .await
    }

    pub(super) async fn delete(&self, path: &str) -> Reply {
        self.call(Method::DELETE, path)
            .header("if-match", "*")
            .send()
            .await
    }

    /// Repeats a GET until the answer fits.
    pub(super) async fn until(&self, path: &str, fits: impl Fn(&Reply) -> bool) -> Reply {
        let started = tokio::time::Instant::now();
        loop {
            let reply = self.get(path).await;
            if fits(&reply) {
                return reply;
            }
            assert!(started.elapsed() < PATIENCE, "{path}: {}", reply.text);
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    // --- things that most tests need ---------------------------------------------------------------

    pub(super) async fn database(&self, name: &str) {
        let body = json!({"name": name, "engine": "postgres", "host": "10.0.0.5"});
        self.post("/v1/databases", &body).await.expect(201);
    }

    pub(super) async fn secret(&self, name: &str) {
        let body = json!({"name": name, "username": "app", "password": PASSWORD});
        self.post("/v1/secrets", &body).await.expect(201);
    }

    pub(super) async fn proxy(&self, name: &str) -> Value {
        let body = json!({
            "name": name, "engineFamily": "POSTGRESQL",
            "auth": [{"secret": "orders-app", "iamAuth": "REQUIRED"}],
        });
        self.post("/v1/proxies", &body).await.expect(201).json
    }

    /// A user with these actions allowed on everything.
    pub(super) async fn user(&self, name: &str, actions: &[&str]) -> Key {
        self.post("/v1/iam/users", &json!({"name": name}))
            .await
            .expect(201);
        if !actions.is_empty() {
            let statement = json!([{"Effect": "Allow", "Action": actions, "Resource": "*"}]);
            self.policy(&format!("{name}-policy"), &statement).await;
            let path = format!("/v1/iam/users/{name}/policies/{name}-policy");
            self.call(Method::PUT, &path).send().await.expect(204);
        }
        self.key(name).await
    }

    pub(super) async fn policy(&self, name: &str, statement: &Value) {
        let document = json!({"Version": "2012-10-17", "Statement": statement});
        let body = json!({"name": name, "document": document});
        self.post("/v1/iam/policies", &body).await.expect(201);
    }

    pub(super) async fn key(&self, user: &str) -> Key {
        let path = format!("/v1/iam/users/{user}/access-keys");
        let made = self.call(Method::POST, &path).send().await.expect(201).json;
        let text = |name: &str| made[name].as_str().unwrap().to_owned();
        Key {
            id: text("accessKeyId"),
            secret: text("secretAccessKey"),
            session_token: None,
        }
    }
}

fn settings(plaintext_basic: PeerRule) -> Settings {
    Settings {
        arn: Arn {
            region: "us-east-1".to_owned(),
            account_id: "000000000000".to_owned(),
        },
        endpoint_host: "127.0.0.1".to_owned(),
        endpoint_ports: 7_500..=7_503,
        root: RootCredentials {
            access_key_id: ROOT_ID.to_owned(),
            secret: ROOT_SECRET.into(),
        },
        plaintext_basic,
        drain_timeout_s: 30,
        oidc_reach: crate::OidcReach::Anywhere,
        signing_key_days_ahead: 7,
    }
}

/// The report of a data plane that has applied everything.
pub(super) fn applied(snapshot: &Snapshot) -> Observation {
    let proxies = snapshot.proxies.iter().map(|proxy| ObservedProxy {
        id: proxy.id.clone(),
        generation: proxy.generation,
        endpoints: proxy
            .endpoints
            .iter()
            .map(|endpoint| ObservedEndpoint {
                name: endpoint.name.clone(),
                state: EndpointState::Listening,
            })
            .collect(),
        drained: matches!(proxy.phase, ProxyPhase::Draining { .. }),
    });
    Observation {
        revision: snapshot.revision,
        proxies: proxies.collect(),
        targets: Vec::new(),
    }
}

/// How a call is authenticated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signing {
    Basic,
    /// `SigV4` without `x-amz-content-sha256`, as curl does it.
    SigV4,
    /// `SigV4` with it, as SDKs do it.
    SigV4WithHash,
}

/// A call in the making.
pub(super) struct Call<'w> {
    world: &'w World,
    method: Method,
    path: String,
    key: Option<Key>,
    signing: Signing,
    service: &'static str,
    headers: HeaderMap,
    body: Vec<u8>,
    peer: SocketAddr,
}

impl Call<'_> {
    /// Signs for another service than our own.
    pub(super) fn for_service(mut self, service: &'static str) -> Self {
        self.service = service;
        self.signed(Signing::SigV4)
    }

    pub(super) fn json(mut self, body: &Value) -> Self {
        self.body = body.to_string().into_bytes();
        self.header("content-type", "application/json")
    }

    pub(super) fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    pub(super) fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.insert(name, value.parse().unwrap());
        self
    }

    pub(super) fn key(mut self, key: &Key) -> Self {
        self.key = Some(key.clone());
        self
    }

    pub(super) fn anonymous(mut self) -> Self {
        self.key = None;
        self
    }

    pub(super) fn signed(mut self, signing: Signing) -> Self {
        self.signing = signing;
        self
    }

    pub(super) fn from(mut self, peer: &str) -> Self {
        self.peer = peer.parse().unwrap();
        self
    }

    pub(super) async fn send(self) -> Reply {
        let mut builder = Request::builder().method(&self.method).uri(&self.path);
        *builder.headers_mut().unwrap() = self.headers;
        builder = builder.header("host", "localhost:7400");
        let mut request = builder.body(self.body.clone()).unwrap();
        match (&self.key, self.signing) {
            (None, _) => {}
            (Some(key), Signing::Basic) => {
                let pair = STANDARD.encode(format!("{}:{}", key.id, key.secret));
                let value = format!("Basic {pair}").parse().unwrap();
                request.headers_mut().insert("authorization", value);
            }
            (Some(key), signing) => sign_v4(&mut request, key, signing, self.service),
        }
        request.extensions_mut().insert(ConnectInfo(self.peer));
        self.world.deliver(request.map(Body::from)).await
    }
}

impl World {
    pub(super) async fn deliver(&self, request: Request<Body>) -> Reply {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        assert!(parts.headers.contains_key("x-request-id"), "{text}");
        self.seen.lock().push(format!("{:?} {text}", parts.headers));
        Reply {
            status: parts.status.as_u16(),
            headers: parts.headers,
            json: serde_json::from_str(&text).unwrap_or(Value::Null),
            text,
        }
    }
}

/// Signs with the AWS SDK's own signer.
pub(super) fn sign_v4(request: &mut Request<Vec<u8>>, key: &Key, signing: Signing, service: &str) {
    let identity = Credentials::new(
        &key.id,
        &key.secret,
        key.session_token.clone(),
        None,
        "test",
    )
    .into();
    let mut settings = SigningSettings::default();
    if signing == Signing::SigV4WithHash {
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    }
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region("us-east-1")
        .name(service)
        .time(SystemTime::now())
        .settings(settings)
        .build()
        .unwrap()
        .into();
    let headers: Vec<(String, String)> = request
        .headers()
        .iter()
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
        .collect();
    let uri = format!("http://localhost:7400{}", request.uri());
    let signable = SignableRequest::new(
        request.method().as_str(),
        uri,
        headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str())),
        SignableBody::Bytes(request.body()),
    )
    .unwrap();
    let (instructions, _) = sign(signable, &params).unwrap().into_parts();
    for (name, value) in instructions.headers() {
        let name: http::HeaderName = name.parse().unwrap();
        request.headers_mut().insert(name, value.parse().unwrap());
    }
}

/// An answer.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) json: Value,
    pub(super) text: String,
}

impl Reply {
    #[track_caller]
    pub(super) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text);
        self
    }

    /// A problem with this status and code.
    #[track_caller]
    pub(super) fn refused(self, status: u16, code: &str) -> Self {
        assert_eq!(
            (self.status, self.json["code"].as_str()),
            (status, Some(code)),
            "{}",
            self.text
        );
        assert_eq!(
            self.header("content-type"),
            Some("application/problem+json")
        );
        assert_eq!(self.json["status"], status);
        assert_eq!(self.json["requestId"].as_str(), self.header("x-request-id"));
        for member in ["type", "title", "detail", "instance", "retryable"] {
            assert!(!self.json[member].is_null(), "{member}: {}", self.text);
        }
        self
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub(super) fn etag(&self) -> String {
        self.header("etag").expect("an etag").to_owned()
    }

    pub(super) fn pointers(&self) -> Vec<&str> {
        let errors = self.json["errors"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default();
        errors
            .iter()
            .filter_map(|error| error["pointer"].as_str())
            .collect()
    }

    pub(super) fn items(&self) -> &[Value] {
        self.json["items"].as_array().expect("a list")
    }
}
