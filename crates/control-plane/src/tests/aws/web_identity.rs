//! STS: roles assumed with the token of an `OpenID` Connect provider that really serves its keys.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use axum::extract::State;
use axum::routing::get;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{Method, StatusCode};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use super::{World, element};

const KEY_ID: &str = "key-1";

/// A provider on a loopback port.
struct Issuer {
    url: String,
    signing: EncodingKey,
    is_up: Arc<AtomicBool>,
}

#[derive(Clone)]
struct Served {
    url: String,
    keys: Value,
    is_up: Arc<AtomicBool>,
}

impl Issuer {
    async fn start() -> Self {
        let pkcs8 = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)
            .and_then(|pair| pair.to_pkcs8v1())
            .unwrap();
        let pair =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref()).unwrap();
        // An uncompressed point: 4, x, y.
        let point = pair.public_key().as_ref();
        let coordinate = |from: usize| URL_SAFE_NO_PAD.encode(&point[from..from + 32]);
        let keys = json!({"keys": [{
            "kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": KEY_ID,
            "x": coordinate(1), "y": coordinate(33),
        }]});
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let is_up = Arc::new(AtomicBool::new(true));
        let served = Served {
            url: url.clone(),
            keys,
            is_up: Arc::clone(&is_up),
        };
        let router = axum::Router::new()
            .route("/.well-known/openid-configuration", get(discovery))
            .route("/keys", get(keys_of))
            .with_state(served);
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self {
            url,
            signing: EncodingKey::from_ec_der(pkcs8.as_ref()),
            is_up,
        }
    }

    fn token(&self, claims: &Value) -> String {
        self.token_by(KEY_ID, claims)
    }

    fn token_by(&self, key: &str, claims: &Value) -> String {
        let mut header = Header::new(Algorithm::ES256);
        header.kid = Some(key.to_owned());
        jsonwebtoken::encode(&header, claims, &self.signing).unwrap()
    }

    /// Host and port: how the provider is registered.
    fn bare(&self) -> &str {
        self.url.strip_prefix("http://").unwrap()
    }
}

async fn discovery(State(served): State<Served>) -> (StatusCode, axum::Json<Value>) {
    let document = json!({"issuer": served.url, "jwks_uri": format!("{}/keys", served.url)});
    (served.status(), axum::Json(document))
}

async fn keys_of(State(served): State<Served>) -> (StatusCode, axum::Json<Value>) {
    (served.status(), axum::Json(served.keys.clone()))
}

impl Served {
    fn status(&self) -> StatusCode {
        if self.is_up.load(Ordering::Relaxed) {
            StatusCode::OK
        } else {
            StatusCode::SERVICE_UNAVAILABLE
        }
    }
}

impl World {
    /// Registers the provider for the audience `tollgate`, and makes a role for the subject `job:orders`.
    async fn trusting(&self, issuer: &Issuer) {
        let bare = issuer.bare();
        let members = [
            ("Url", format!("https://{bare}")),
            ("ClientIDList.member.1", "tollgate".to_owned()),
            ("ThumbprintList.member.1", "0".repeat(40)),
        ];
        let members: Vec<(&str, &str)> = members
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        self.query("iam", "CreateOpenIDConnectProvider", &members)
            .good()
            .await;
        let trust = json!({"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Action": "sts:AssumeRoleWithWebIdentity",
            "Principal": {"Federated": format!("arn:aws:iam::000000000000:oidc-provider/{bare}")},
            "Condition": {"StringEquals": {
                (format!("{bare}:sub")): "job:orders", (format!("{bare}:repo.name")): "shop",
            }},
        }]});
        let body = json!({"name": "ci", "trustPolicy": trust});
        self.post("/v1/iam/roles", &body).await.expect(201);
        let statement = json!([{"Effect": "Allow", "Action": "rds:*", "Resource": "*"}]);
        self.policy("ci-role", &statement).await;
        let attach = self.call(Method::PUT, "/v1/iam/roles/ci/policies/ci-role");
        attach.send().await.expect(204);
    }

    /// The claims of a good token, as of now.
    fn claims(&self, issuer: &Issuer) -> Value {
        let now = self.now_ms.load(Ordering::Relaxed) / 1_000;
        json!({
            "iss": issuer.url, "aud": "tollgate", "sub": "job:orders", "repo": {"name": "shop"},
            "iat": now, "nbf": now, "exp": now + 300,
        })
    }

    fn federate<'w>(&'w self, token: &str) -> super::QueryCall<'w> {
        let members = [
            ("RoleArn", "arn:aws:iam::000000000000:role/ci"),
            ("RoleSessionName", "job1"),
            ("WebIdentityToken", token),
        ];
        self.query("sts", "AssumeRoleWithWebIdentity", &members)
            .anonymous()
    }
}

fn with(claims: &Value, name: &str, value: Value) -> Value {
    let mut claims = claims.clone();
    claims[name] = value;
    claims
}

#[tokio::test]
async fn a_trusted_subject_gets_a_session() {
    let (world, issuer) = (World::new().await, Issuer::start().await);
    world.trusting(&issuer).await;
    let token = issuer.token(&world.claims(&issuer));
    let answer = world.federate(&token).good().await;
    assert_eq!(
        element(&answer, "SubjectFromWebIdentityToken"),
        "job:orders"
    );
    assert_eq!(element(&answer, "Audience"), "tollgate");
    let key = super::Key {
        id: element(&answer, "AccessKeyId").to_owned(),
        secret: element(&answer, "SecretAccessKey").to_owned(),
        session_token: Some(element(&answer, "SessionToken").to_owned()),
    };
    world
        .query("rds", "DescribeDBProxies", &[])
        .key(&key)
        .good()
        .await;
}

#[tokio::test]
async fn other_tokens_are_refused_with_awss_codes() {
    let (world, issuer) = (World::new().await, Issuer::start().await);
    let good = world.claims(&issuer);
    let unknown = world
        .federate(&issuer.token(&good))
        .refused(400, "InvalidIdentityToken")
        .await;
    assert!(
        unknown.contains("No OpenIDConnect provider found"),
        "{unknown}"
    );
    world.trusting(&issuer).await;
    let now = world.now_ms.load(Ordering::Relaxed) / 1_000;
    for (name, value, status, code) in [
        ("sub", json!("job:other"), 403, "AccessDenied"),
        ("repo", json!({"name": "other"}), 403, "AccessDenied"),
        ("aud", json!("other"), 400, "InvalidIdentityToken"),
        ("azp", json!("other"), 400, "InvalidIdentityToken"),
        ("nbf", json!(now + 60), 400, "InvalidIdentityToken"),
        ("exp", json!(now - 60), 400, "ExpiredTokenException"),
        ("exp", Value::Null, 400, "InvalidIdentityToken"),
    ] {
        let token = issuer.token(&with(&good, name, value));
        world.federate(&token).refused(status, code).await;
    }
    let other = Issuer::start().await;
    world
        .federate(&other.token(&good))
        .refused(400, "InvalidIdentityToken")
        .await;
    world
        .federate(&issuer.token_by("key-2", &good))
        .refused(400, "InvalidIdentityToken")
        .await;
    world
        .federate("rubbish")
        .refused(400, "InvalidIdentityToken")
        .await;
    let unsigned = jsonwebtoken::encode(
        &Header {
            kid: Some(KEY_ID.to_owned()),
            ..Header::new(Algorithm::HS256)
        },
        &good,
        &EncodingKey::from_secret(b"x"),
    );
    world
        .federate(&unsigned.unwrap())
        .refused(400, "InvalidIdentityToken")
        .await;
}

#[tokio::test]
async fn known_keys_serve_while_their_provider_is_away() {
    let (world, issuer) = (World::new().await, Issuer::start().await);
    world.trusting(&issuer).await;
    issuer.is_up.store(false, Ordering::Relaxed);
    let token = issuer.token(&world.claims(&issuer));
    world
        .federate(&token)
        .refused(400, "IDPCommunicationError")
        .await;
    issuer.is_up.store(true, Ordering::Relaxed);
    world.now_ms.fetch_add(31_000, Ordering::Relaxed);
    world.federate(&token).good().await;
    issuer.is_up.store(false, Ordering::Relaxed);
    world.now_ms.fetch_add(3_600_000, Ordering::Relaxed);
    let later = issuer.token(&world.claims(&issuer));
    world.federate(&later).good().await;
    world.now_ms.fetch_add(86_400_000, Ordering::Relaxed);
    let too_late = issuer.token(&world.claims(&issuer));
    world
        .federate(&too_late)
        .refused(400, "IDPCommunicationError")
        .await;
}
