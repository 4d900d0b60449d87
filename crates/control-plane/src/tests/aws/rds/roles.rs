//! The proxy's role must be allowed to read its secrets, or nobody logs in.

use serde_json::json;
use tollgate_store::{Expect, RoleUpdate};
use tollgate_types::{HealthState, ObservedTarget, Snapshot, TargetHealth, TargetRole};

use super::{ROLE, World, element, good};
use crate::tests::{PATIENCE, external_secrets};

const PROXY: (&str, &str) = ("DBProxyName", "orders");

/// How many auth rules the only proxy has for data planes.
fn rules(snapshot: &Snapshot) -> Option<usize> {
    snapshot.proxies.first().map(|proxy| proxy.auth.len())
}

impl World {
    /// Repeats `DescribeDBProxyTargets` until the target is in this state.
    async fn target_in(&self, state: &str) -> String {
        self.target_where(|shown| element(shown, "State") == state)
            .await
    }

    /// Repeats `DescribeDBProxyTargets` until the answer fits.
    async fn target_where(&self, fits: impl Fn(&str) -> bool) -> String {
        let started = tokio::time::Instant::now();
        loop {
            let shown = good(self, "DescribeDBProxyTargets", &[PROXY]).await;
            if fits(&shown) {
                return shown;
            }
            assert!(started.elapsed() < PATIENCE, "{shown}");
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    }

    /// A data plane that has reached every target.
    fn reach_targets(&self) {
        self.report(|observation| {
            let snapshot = self.snapshots.borrow().clone().unwrap();
            for proxy in &snapshot.proxies {
                let targets = proxy.targets.iter().map(|target| ObservedTarget {
                    proxy: proxy.id.clone(),
                    target: target.id.clone(),
                    health: TargetHealth {
                        state: HealthState::Available,
                        reason: None,
                        description: "the target is available".to_owned(),
                        role: Some(TargetRole::ReadWrite),
                        last_check_unix: 1,
                        ..TargetHealth::registering()
                    },
                });
                observation.targets.extend(targets);
            }
        });
    }

    /// Proxy `orders` with the role and the target `orders-db`, reached.
    async fn with_target(&self, secret: &str) {
        self.rds_proxy("orders", secret).await;
        self.database("orders-db").await;
        let target = ("DBInstanceIdentifiers.member.1", "orders-db");
        good(self, "RegisterDBProxyTargets", &[PROXY, target]).await;
        let has_target = |snapshot: &Snapshot| {
            let mut proxies = snapshot.proxies.iter();
            proxies.any(|proxy| !proxy.targets.is_empty())
        };
        self.snapshot_where(has_target).await;
        self.reach_targets();
    }
}

#[tokio::test]
async fn a_missing_permission_is_named_and_its_arrival_noticed() {
    let world = World::running().await;
    world.secret("orders-app").await;
    let secret = world.secret_arn("orders-app").await;
    let nothing = json!([{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]);
    world.proxy_role("proxy-role", &nothing).await;
    world.with_target(&secret).await;
    world
        .snapshot_where(|snapshot| rules(snapshot) == Some(0))
        .await;
    let shown = world.target_in("UNAVAILABLE").await;
    assert_eq!(element(&shown, "Reason"), "AUTH_FAILURE");
    let words = element(&shown, "Description");
    for named in ["secretsmanager:GetSecretValue", ROLE, &secret] {
        assert!(words.contains(named), "{named}: {words}");
    }
    let resolved = |reply: &super::super::super::Reply, reason: &str| {
        let conditions = reply.json["conditions"].as_array().unwrap();
        conditions
            .iter()
            .any(|found| found["type"] == "SecretsResolved" && found["reason"] == reason)
    };
    let path = "/v1/proxies/orders";
    world
        .until(path, |reply| resolved(reply, "PermissionMissing"))
        .await;

    let statement = json!([{
        "Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": secret,
    }]);
    world.policy("reads-now", &statement).await;
    let attach = "/v1/iam/roles/proxy-role/policies/reads-now";
    let put = world.call(http::Method::PUT, attach);
    put.send().await.expect(204);
    world
        .snapshot_where(|snapshot| rules(snapshot) == Some(1))
        .await;
    let shown = world.target_in("AVAILABLE").await;
    assert!(!shown.contains("Description") && !shown.contains("Reason"));
    assert_eq!(element(&shown, "Role"), "READ_WRITE");
    world
        .until(path, |reply| resolved(reply, "AllResolved"))
        .await;
}

#[tokio::test]
async fn a_role_that_rds_may_not_assume_reads_nothing() {
    let world = World::running().await;
    let secret = world.with_role().await;
    world.with_target(&secret).await;
    world.target_in("AVAILABLE").await;
    let trust = json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole",
        }],
    });
    let role = world.store.role_get("proxy-role").await.unwrap();
    let update = RoleUpdate {
        description: role.description,
        trust_policy: trust.to_string(),
        max_session_s: role.max_session_s,
    };
    let write = world.store.begin_at(1).await.unwrap();
    write
        .role_update("proxy-role", Expect::Anything, update)
        .await
        .unwrap();
    write.commit().await.unwrap();
    world
        .snapshot_where(|snapshot| rules(snapshot) == Some(0))
        .await;
    let shown = world.target_in("UNAVAILABLE").await;
    assert!(element(&shown, "Description").contains("sts:AssumeRole"));
}

#[tokio::test]
async fn a_role_that_is_gone_reads_nothing() {
    let world = World::running().await;
    let secret = world.with_role().await;
    world.with_target(&secret).await;
    world.target_in("AVAILABLE").await;
    let detach = "/v1/iam/roles/proxy-role/policies/proxy-role-reads";
    world.delete(detach).await.expect(204);
    world.delete("/v1/iam/roles/proxy-role").await.expect(204);
    // In between the role was there and allowed nothing, which the reconciler may have seen and said.
    let gone = |shown: &str| {
        element(shown, "State") == "UNAVAILABLE"
            && element(shown, "Description").contains("does not exist")
    };
    world.target_where(gone).await;
}

#[tokio::test]
async fn a_secret_of_another_arn_is_another_secret() {
    let world = World::running().await;
    let secret = world.with_role().await;
    let other = format!(
        "{}zzzzzz",
        secret.rsplit_once('-').unwrap().0.to_owned() + "-"
    );
    world.with_target(&other).await;
    let shown = world.target_in("UNAVAILABLE").await;
    let words = element(&shown, "Description");
    assert!(
        words.contains("there is no secret") && words.contains(&other),
        "{words}"
    );
    let named = [PROXY, ("Auth.member.1.SecretArn", secret.as_str())];
    good(&world, "ModifyDBProxy", &named).await;
    world
        .snapshot_where(|snapshot| rules(snapshot) == Some(1))
        .await;
    world.target_in("AVAILABLE").await;
}

#[tokio::test]
async fn without_a_role_everything_is_as_before() {
    let world = World::running().await;
    world.secret("orders-app").await;
    world.proxy("orders").await;
    let snapshot = world
        .snapshot_where(|snapshot| rules(snapshot) == Some(1))
        .await;
    assert_eq!(snapshot.proxies[0].auth[0].secret_name, "orders-app");
}

#[tokio::test]
async fn a_role_must_be_allowed_to_read_secrets_that_live_elsewhere() {
    let world = World::running().await;
    let nothing = json!([{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]);
    world.proxy_role("proxy-role", &nothing).await;
    world.elsewhere(external_secrets::known(&["first"], None));
    world.with_target(external_secrets::ARN).await;
    world
        .until_secrets("PermissionMissing", external_secrets::ARN)
        .await;
    let statement = json!([{"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": external_secrets::ARN}]);
    world.policy("reads", &statement).await;
    let attach = "/v1/iam/roles/proxy-role/policies/reads";
    world
        .call(http::Method::PUT, attach)
        .send()
        .await
        .expect(204);
    external_secrets::until_passwords(&world, &["first"]).await;
}
