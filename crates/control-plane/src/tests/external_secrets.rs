//! Auth rules that name secrets of an AWS Secrets Manager: what is known of them, and what becomes of proxies.

use serde_json::{Value, json};
use tollgate_secrets::{ExternalState, ExternalValues};
use tollgate_types::{
    HealthReason, HealthState, Observation, ObservedTarget, SecretString, TargetHealth,
};

use super::{Reply, World};

pub(super) const ARN: &str = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:shop/app-AbCdEf";

impl World {
    pub(super) fn elsewhere(&self, state: ExternalState) {
        let mut states = self.elsewhere.states.lock();
        states.insert(ARN.to_owned(), state);
    }

    async fn proxy_of_elsewhere(&self) {
        let body = json!({
            "name": "orders", "engineFamily": "POSTGRESQL",
            "auth": [{"secret": ARN, "iamAuth": "REQUIRED"}],
        });
        self.post("/v1/proxies", &body).await.expect(201);
    }

    pub(super) async fn until_secrets(&self, reason: &str, words: &str) {
        let fits = |reply: &Reply| {
            let found = reply.json["conditions"].as_array().map(Vec::as_slice);
            let is_it = |it: &Value| it["type"] == "SecretsResolved" && it["reason"] == reason;
            let found = found.unwrap_or_default().iter().find(|it| is_it(it));
            found.is_some_and(|it| it["message"].as_str().unwrap_or_default().contains(words))
        };
        self.until("/v1/proxies/orders", fits).await;
    }
}

pub(super) fn known(passwords: &[&str], trouble: Option<&str>) -> ExternalState {
    let texts = passwords.iter().map(|password| {
        let text = json!({"username": "app", "password": password, "engine": "postgres"});
        SecretString::from(text.to_string())
    });
    ExternalState::Known(ExternalValues {
        version_id: format!("of-{}", passwords.join("-")),
        texts: texts.collect(),
        trouble: trouble.map(str::to_owned),
    })
}

pub(super) async fn until_passwords(world: &World, wanted: &[&str]) {
    let fits = |snapshot: &tollgate_types::Snapshot| {
        let rules = snapshot.proxies.iter().flat_map(|proxy| &proxy.auth);
        let passwords = rules.flat_map(|rule| &rule.passwords);
        passwords
            .map(SecretString::expose)
            .eq(wanted.iter().copied())
    };
    world.snapshot_where(fits).await;
}

#[tokio::test]
async fn what_is_known_of_them_is_what_proxies_log_in_with() {
    let world = World::running().await;
    world.proxy_of_elsewhere().await;
    world
        .until_secrets("SecretUnusable", "is being fetched")
        .await;
    assert!(world.elsewhere.watched.lock().contains(ARN));
    world.elsewhere(known(&["first"], None));
    until_passwords(&world, &["first"]).await;
    world.until_secrets("AllResolved", "").await;
    world.elsewhere(known(&["second", "first"], None));
    until_passwords(&world, &["second", "first"]).await;
    world.elsewhere(known(&["second", "first"], Some("ThrottlingException")));
    world.until_secrets("Stale", "ThrottlingException").await;
    until_passwords(&world, &["second", "first"]).await;
    let refused = "AccessDeniedException: not yours".to_owned();
    world.elsewhere(ExternalState::Unreadable(refused));
    world.until_secrets("SecretUnusable", "not yours").await;
    until_passwords(&world, &[]).await;
}

#[tokio::test]
async fn a_refused_login_asks_for_them_again() {
    let world = World::running().await;
    world.proxy_of_elsewhere().await;
    world.elsewhere(known(&["first"], None));
    world.database("orders-db").await;
    let target = json!({"database": "orders-db"});
    world
        .post("/v1/proxies/orders/targets", &target)
        .await
        .expect(201);
    let snapshot = world
        .snapshot_where(|s| s.proxies.iter().any(|p| !p.targets.is_empty()))
        .await;
    assert!(world.elsewhere.hurried.lock().is_empty());
    let health = TargetHealth {
        state: HealthState::Unavailable,
        reason: Some(HealthReason::AuthFailure),
        ..TargetHealth::registering()
    };
    let target = snapshot.proxies[0].targets[0].id.clone();
    world.reports.send_replace(Observation {
        targets: vec![ObservedTarget {
            proxy: snapshot.proxies[0].id.clone(),
            target,
            health,
        }],
        ..Observation::default()
    });
    world
        .until("/v1/proxies/orders", |_| {
            world.elsewhere.hurried.lock().contains(ARN)
        })
        .await;
}
