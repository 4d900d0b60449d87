//! What all operations have in common: problems, etags, pages, media types, request ids.

use http::Method;
use serde_json::json;

use super::World;

#[tokio::test]
async fn unknown_paths_and_methods_are_problems() {
    let world = World::new().await;
    let reply = world
        .get("/v1/nothing")
        .await
        .refused(404, "ROUTE_NOT_FOUND");
    assert_eq!(reply.json["instance"], "/v1/nothing");
    let call = world.call(Method::PUT, "/v1/proxies");
    let reply = call.send().await.refused(405, "METHOD_NOT_ALLOWED");
    assert!(reply.header("allow").unwrap().contains("POST"));
}

#[tokio::test]
async fn a_body_must_be_a_json_object_of_bounded_size() {
    let world = World::new().await;
    let post = |body: Vec<u8>| {
        let call = world
            .call(Method::POST, "/v1/proxies")
            .header("content-type", "application/json");
        call.body(body).send()
    };
    post(b"{\"name\":".to_vec())
        .await
        .refused(400, "MALFORMED_JSON");
    post(Vec::new()).await.refused(400, "MALFORMED_JSON");
    post(vec![0xff, 0xfe]).await.refused(400, "MALFORMED_JSON");
    post(b"[]".to_vec()).await.refused(400, "VALIDATION_FAILED");
    post(vec![b' '; 1024 * 1024 + 1])
        .await
        .refused(413, "BODY_TOO_LARGE");
    let deep = format!("{{\"a\":{}1{}}}", "[".repeat(5_000), "]".repeat(5_000));
    post(deep.into_bytes()).await.refused(400, "MALFORMED_JSON");
}

#[tokio::test]
async fn a_body_must_say_that_it_is_json() {
    let world = World::new().await;
    let post = |media: &'static str| {
        let call = world
            .call(Method::POST, "/v1/proxies")
            .body("{}")
            .header("content-type", media);
        call.send()
    };
    post("application/x-www-form-urlencoded")
        .await
        .refused(415, "UNSUPPORTED_MEDIA_TYPE");
    post("text/json")
        .await
        .refused(415, "UNSUPPORTED_MEDIA_TYPE");
    post("application/json; charset=utf-8")
        .await
        .refused(400, "VALIDATION_FAILED");
    post("application/merge-patch+json")
        .await
        .refused(400, "VALIDATION_FAILED");
}

#[tokio::test]
async fn a_request_id_is_taken_over_or_made() {
    let world = World::new().await;
    let with = |id: &str| {
        let call = world
            .call(Method::GET, "/v1/nothing")
            .header("x-request-id", id);
        call.send()
    };
    assert_eq!(with("mine-1").await.json["requestId"], "mine-1");
    for strange in ["a b", "<script>", &"x".repeat(200)] {
        let reply = with(strange).await;
        assert!(
            reply.json["requestId"]
                .as_str()
                .unwrap()
                .starts_with("req-"),
            "{}",
            reply.text
        );
    }
}

#[tokio::test]
async fn unknown_query_parameters_are_refused() {
    let world = World::new().await;
    let reply = world
        .get("/v1/proxies?pagesize=5&pageSize=5&pageSize=6")
        .await;
    let reply = reply.refused(400, "VALIDATION_FAILED");
    assert_eq!(reply.pointers(), ["?pagesize", "?pageSize"]);
    for size in ["0", "1001", "-1", "x", ""] {
        let reply = world.get(&format!("/v1/proxies?pageSize={size}")).await;
        assert_eq!(
            reply.refused(400, "VALIDATION_FAILED").pointers(),
            ["?pageSize"]
        );
    }
}

#[tokio::test]
async fn changes_need_the_present_etag() {
    let world = World::new().await;
    world.database("db").await;
    let path = "/v1/databases/db";
    let first = world.get(path).await.etag();
    let change = |etag: Option<&str>, port: u16| {
        let call = world.call(Method::PATCH, path).json(&json!({"port": port}));
        match etag {
            Some(etag) => call.header("if-match", etag).send(),
            None => call.send(),
        }
    };
    change(None, 1).await.refused(428, "PRECONDITION_REQUIRED");
    world
        .call(Method::DELETE, path)
        .send()
        .await
        .refused(428, "PRECONDITION_REQUIRED");
    change(Some(&first), 6001).await.expect(200);
    let stale = change(Some(&first), 6002)
        .await
        .refused(412, "ETAG_MISMATCH");
    let current = world.get(path).await.etag();
    assert_eq!(stale.json["currentEtag"], current);
    change(Some(&format!("\"9-0\", {current}")), 6003)
        .await
        .expect(200);
    change(Some("*"), 6004).await.expect(200);
    let call = world.call(Method::DELETE, path).header("if-match", &first);
    call.send().await.refused(412, "ETAG_MISMATCH");
    assert_eq!(world.get(path).await.json["port"], 6004);
}

#[tokio::test]
async fn an_etag_does_not_fit_a_later_namesake() {
    let world = World::new().await;
    world.database("db").await;
    let etag = world.get("/v1/databases/db").await.etag();
    world.delete("/v1/databases/db").await.expect(204);
    world.database("db").await;
    let call = world
        .call(Method::DELETE, "/v1/databases/db")
        .header("if-match", &etag);
    call.send().await.refused(412, "ETAG_MISMATCH");
}

#[tokio::test]
async fn sub_resources_may_be_changed_without_an_etag_but_honour_one() {
    let world = World::new().await;
    world.secret("orders-app").await;
    let value = json!({"username": "app", "password": "x"});
    let put = |etag: &str| {
        let call = world
            .call(Method::PUT, "/v1/secrets/orders-app/value")
            .json(&value);
        call.header("if-match", etag).send()
    };
    world
        .put("/v1/secrets/orders-app/value", &value)
        .await
        .expect(200);
    put("\"1-00000000\"").await.refused(412, "ETAG_MISMATCH");
    let etag = world.get("/v1/secrets/orders-app").await.etag();
    put(&etag).await.expect(200);
}

#[tokio::test]
async fn a_taken_name_says_where_it_is() {
    let world = World::new().await;
    world.database("db").await;
    let body = json!({"name": "db", "engine": "postgres", "host": "10.0.0.5"});
    let reply = world
        .post("/v1/databases", &body)
        .await
        .refused(409, "ALREADY_EXISTS");
    assert_eq!(reply.header("location"), Some("/v1/databases/db"));
}

#[tokio::test]
async fn lists_come_in_pages_that_survive_inserts() {
    let world = World::new().await;
    for name in ["b", "d", "f", "h", "j"] {
        world.database(name).await;
    }
    let mut names = Vec::new();
    let mut path = "/v1/databases?pageSize=2".to_owned();
    loop {
        let page = world.get(&path).await.expect(200);
        names.extend(
            page.items()
                .iter()
                .map(|item| item["name"].as_str().unwrap().to_owned()),
        );
        let Some(token) = page.json["nextPageToken"].as_str() else {
            break;
        };
        path = format!("/v1/databases?pageSize=2&pageToken={token}");
        // Before what was seen, and behind it.
        world.database(&format!("a{}", names.len())).await;
        world.database(&format!("z{}", names.len())).await;
    }
    assert_eq!(
        names
            .iter()
            .filter(|name| "bdfhj".contains(name.as_str()))
            .count(),
        5,
        "{names:?}"
    );
    let mut sorted = names.clone();
    sorted.sort();
    sorted.dedup();
    assert_eq!(names, sorted);
}

#[tokio::test]
async fn a_page_token_fits_its_own_list_only() {
    let world = World::new().await;
    for name in ["a", "b"] {
        world.database(name).await;
    }
    let page = world.get("/v1/databases?pageSize=1").await.expect(200);
    let token = page.json["nextPageToken"].as_str().unwrap();
    assert!(!token.contains('='));
    for path in ["/v1/secrets", "/v1/audit/decisions"] {
        let reply = world.get(&format!("{path}?pageToken={token}")).await;
        reply.refused(400, "INVALID_PAGE_TOKEN");
    }
    let mut altered = token.to_owned().into_bytes();
    for at in [0, altered.len() / 2, altered.len() - 1] {
        let kept = altered[at];
        altered[at] = if kept == b'A' { b'B' } else { b'A' };
        let path = format!(
            "/v1/databases?pageToken={}",
            String::from_utf8(altered.clone()).unwrap()
        );
        world.get(&path).await.refused(400, "INVALID_PAGE_TOKEN");
        altered[at] = kept;
    }
    world
        .get("/v1/databases?pageToken=")
        .await
        .refused(400, "INVALID_PAGE_TOKEN");
    world
        .get(&format!("/v1/databases?pageToken={token}&pageSize=5"))
        .await
        .expect(200);
}

#[tokio::test]
async fn health_and_document_are_open() {
    let world = World::new().await;
    for path in ["/livez", "/openapi.json"] {
        world
            .call(Method::GET, path)
            .anonymous()
            .send()
            .await
            .expect(200);
    }
    let document = world.get("/openapi.json").await.json;
    assert_eq!(document["openapi"], "3.1.0");
}

#[tokio::test]
async fn a_panic_is_an_internal_problem_and_names_no_cause() {
    use axum::response::IntoResponse;
    let response = crate::http::after_panic(Box::new("secret words")).into_response();
    assert_eq!(response.status().as_u16(), 500);
    let problem = response
        .extensions()
        .get::<crate::problem::Problem>()
        .unwrap();
    assert!(!format!("{problem:?}").contains("secret words"));
}

#[tokio::test]
async fn a_path_that_is_not_utf_8_is_a_problem_like_any_other() {
    let world = World::new().await;
    for path in ["/v1/proxies/%ff", "/v1/iam/users/%C3/access-keys"] {
        world.get(path).await.refused(404, "ROUTE_NOT_FOUND");
    }
}

#[tokio::test]
async fn a_patch_of_a_fixed_member_names_the_other_wrong_members_too() {
    let world = World::new().await;
    world.proxy("orders").await;
    let patch = json!({"name": "other", "idleClientTimeout": 28_801, "status": "x", "tags": {}});
    let refused = world.patch("/v1/proxies/orders", &patch).await;
    let refused = refused.refused(400, "VALIDATION_FAILED");
    let mut pointers = refused.pointers();
    pointers.sort_unstable();
    assert_eq!(
        pointers,
        ["/idleClientTimeout", "/name", "/status", "/tags"]
    );
}
