//! `waitFor`: satisfied, hopeless, or out of time.

use std::time::Duration;

use serde_json::json;
use tollgate_types::EndpointState;

use super::World;

#[tokio::test]
async fn waits_until_the_proxy_is_available() {
    let world = World::running().await;
    world.proxy("orders").await;
    let path = "/v1/proxies/orders?waitFor=available&timeout=60s";
    let (reply, ()) = futures_util::join!(world.get(path), async {
        tokio::time::sleep(Duration::from_millis(30)).await;
        world.obey();
    });
    let reply = reply.expect(200);
    assert_eq!(
        reply.header("wait-result"),
        Some("satisfied"),
        "{}",
        reply.text
    );
    assert_eq!(
        (&reply.json["status"], &reply.json["endpoints"][0]["status"]),
        (&json!("available"), &json!("available"))
    );
    let modified = world
        .get("/v1/proxies/orders?waitFor=modified&timeout=60")
        .await;
    assert_eq!(modified.header("wait-result"), Some("satisfied"));
}

#[tokio::test]
async fn tells_when_time_is_up() {
    let world = World::running().await;
    world.proxy("orders").await;
    for goal in ["available", "deleted", "targetsAvailable"] {
        let path = format!("/v1/proxies/orders?waitFor={goal}&timeout=50ms");
        let reply = world.get(&path).await.expect(200);
        assert_eq!(
            reply.header("wait-result"),
            Some("timeout"),
            "{}",
            reply.text
        );
        assert_eq!(reply.json["name"], "orders");
    }
}

#[tokio::test]
async fn stops_when_somebody_must_act() {
    let world = World::running().await;
    world.proxy("orders").await;
    world
        .snapshot_where(|snapshot| !snapshot.proxies.is_empty())
        .await;
    world.report(|observation| {
        let taken = EndpointState::PortRejected {
            message: "address already in use".to_owned(),
        };
        observation.proxies[0].endpoints[0].state = taken;
    });
    let reply = world
        .get("/v1/proxies/orders?waitFor=available&timeout=60s")
        .await
        .expect(200);
    assert_eq!(reply.header("wait-result"), Some("terminal"));
    assert_eq!(reply.json["status"], "incompatible-network");
    assert!(
        reply.json["statusReason"]
            .as_str()
            .unwrap()
            .contains("address already in use")
    );
    assert_eq!(reply.json["endpoints"][0]["status"], "incompatible-network");
    world.obey();
    let healed = world
        .until("/v1/proxies/orders", |reply| {
            reply.json["status"] == "available"
        })
        .await;
    assert!(healed.json.get("statusReason").is_none());
}

#[tokio::test]
async fn waits_until_the_proxy_is_gone() {
    let world = World::running().await;
    world.proxy("orders").await;
    let path = "/v1/proxies/orders?waitFor=deleted&timeout=60s";
    let deleted = world.delete("/v1/proxies/orders").await.expect(202);
    assert_eq!(deleted.json["status"], "deleting");
    let (reply, ()) = futures_util::join!(world.get(path), async {
        // Whoever waits must have seen the proxy before it goes, on a busy machine too: later it is not found.
        tokio::time::sleep(Duration::from_secs(1)).await;
        world.obey();
    });
    assert_eq!(reply.expect(200).header("wait-result"), Some("satisfied"));
    world
        .get("/v1/proxies/orders")
        .await
        .refused(404, "NOT_FOUND");
    world.get(path).await.refused(404, "NOT_FOUND");
}

#[tokio::test]
async fn a_wrong_wait_is_refused() {
    let world = World::new().await;
    world.proxy("orders").await;
    for query in [
        "waitFor=happy",
        "waitFor=available&timeout=61s",
        "waitFor=available&timeout=soon",
    ] {
        world
            .get(&format!("/v1/proxies/orders?{query}"))
            .await
            .refused(400, "VALIDATION_FAILED");
    }
}
