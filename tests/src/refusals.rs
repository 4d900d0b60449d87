//! Every refusal: the client gets a code and an id, the operator finds the precise reason under that id.

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tokio_postgres::{Config, config::SslMode};

use crate::support::{
    Key, Orders, PATIENCE, Setup, connect_policy, correlation_id, decision, eventually, now_unix,
    refusal,
};

/// Refused with `sqlstate`; the decision under the shown id is a deny for `reason`, and the client was
/// told neither the reason nor anything of the token.
async fn check(orders: &Orders, config: &Config, sqlstate: &str, reason: &str) -> Result<Value> {
    let error = refusal(orders, config)
        .await
        .with_context(|| reason.to_owned())?;
    assert_eq!(error.code().code(), sqlstate, "{reason}: {error:?}");
    assert_eq!(error.severity(), "FATAL", "{reason}");
    let shown = format!("{error:?}");
    assert!(
        !shown.contains(reason),
        "the client is told the reason: {shown}"
    );
    let id = correlation_id(error.message()).with_context(|| reason.to_owned())?;
    let event = decision(orders, &id).await?;
    assert_eq!(event["outcome"], "deny", "{event}");
    assert_eq!(event["reason"], reason, "{event}");
    Ok(event)
}

async fn check_token(orders: &Orders, token: &str, reason: &str) -> Result<Value> {
    let mut config = orders.config();
    config.password(token);
    check(orders, &config, "28000", reason).await
}

#[tokio::test]
async fn an_accepted_login_is_audited_too() -> Result<()> {
    let orders = Orders::start().await?;
    let client = orders.connect().await?;
    let sessions = orders.sessions().await?;
    let id = sessions[0]["id"].as_str().context("no id")?.to_owned();
    let event = decision(&orders, &id).await?;
    assert_eq!(event["outcome"], "allow", "{event}");
    assert_eq!(event["accessKeyId"], orders.function.id.as_str());
    assert_eq!(event["dbUser"], "app");
    assert_eq!(event["source"]["ip"], "127.0.0.1");
    drop(client);
    Ok(())
}

#[tokio::test]
async fn tokens_that_name_something_else() -> Result<()> {
    let orders = Orders::start().await?;
    let key = &orders.function;
    let token = orders.token_of(key, |request| request.host = "localhost");
    let event = check_token(&orders, &token, "HOST_MISMATCH").await?;
    let expected = format!("127.0.0.1:{}", orders.port);
    assert!(
        event["detail"]
            .as_str()
            .unwrap_or_default()
            .contains(&expected),
        "{event}"
    );
    let token = orders.token_of(key, |request| request.port = 5432);
    check_token(&orders, &token, "HOST_MISMATCH").await?;
    let token = orders.token_of(key, |request| request.db_user = "admin");
    check_token(&orders, &token, "USER_MISMATCH").await?;
    let token = orders.token_of(key, |request| request.region = "eu-west-1");
    check_token(&orders, &token, "WRONG_REGION").await?;
    let without_port = orders.token().replacen(&format!(":{}", orders.port), "", 1);
    check_token(&orders, &without_port, "HOST_PORT_MISSING").await?;
    Ok(())
}

#[tokio::test]
async fn tokens_at_the_wrong_time() -> Result<()> {
    let orders = Orders::start().await?;
    let key = &orders.function;
    let token = orders.token_of(key, |request| request.now_unix = now_unix() - 1_000);
    check_token(&orders, &token, "EXPIRED").await?;
    let token = orders.token_of(key, |request| request.now_unix = now_unix() + 1_000);
    check_token(&orders, &token, "NOT_YET_VALID").await?;
    let token = orders
        .token()
        .replacen("X-Amz-Expires=900", "X-Amz-Expires=9000", 1);
    check_token(&orders, &token, "EXPIRES_TOO_LONG").await?;
    Ok(())
}

#[tokio::test]
async fn tokens_with_the_wrong_key() -> Result<()> {
    let orders = Orders::start().await?;
    let unknown = Key {
        id: "AKIAUNKNOWNUNKNOWNXX".to_owned(),
        secret: orders.function.secret.clone(),
    };
    check_token(
        &orders,
        &orders.token_of(&unknown, |_| {}),
        "UNKNOWN_ACCESS_KEY",
    )
    .await?;
    let forged = Key {
        id: orders.function.id.clone(),
        secret: "not the secret".to_owned(),
    };
    check_token(
        &orders,
        &orders.token_of(&forged, |_| {}),
        "SIGNATURE_MISMATCH",
    )
    .await?;
    let with_session = orders.token_of(&orders.function, |request| {
        request.session_token = Some("somebody-elses-session");
    });
    check_token(&orders, &with_session, "SESSION_TOKEN_INVALID").await?;
    Ok(())
}

#[tokio::test]
async fn tampered_and_rubbish_tokens() -> Result<()> {
    let orders = Orders::start().await?;
    let good = orders.token();
    let last = good.chars().last().context("an empty token")?;
    let other = if last == '0' { '1' } else { '0' };
    let flipped = format!("{}{other}", good.trim_end_matches(last));
    let flipped = if flipped.len() == good.len() {
        flipped
    } else {
        good.replacen("Signature=", "Signature=0", 1)
    };
    let mut config = orders.config();
    config.password(&flipped);
    let error = refusal(&orders, &config).await?;
    let event = decision(&orders, &correlation_id(error.message())?).await?;
    let reason = event["reason"].as_str().unwrap_or_default();
    assert!(
        ["SIGNATURE_MISMATCH", "MALFORMED"].contains(&reason),
        "{event}"
    );
    check_token(&orders, &format!("{good}&DBUser=admin"), "DUPLICATE_PARAM").await?;
    check_token(
        &orders,
        &good.replacen("Action=connect", "Action=drop", 1),
        "WRONG_ACTION",
    )
    .await?;
    check_token(&orders, &good.replacen("rds-db", "rds", 1), "WRONG_SERVICE").await?;
    check_token(
        &orders,
        &good.replacen("HMAC-SHA256", "HMAC-SHA1", 1),
        "WRONG_ALGORITHM",
    )
    .await?;
    check_token(&orders, "a password", "MALFORMED").await?;
    check_token(&orders, &format!("{good}&extra=1"), "UNKNOWN_PARAM").await?;
    Ok(())
}

#[tokio::test]
async fn an_inactive_key_is_refused_and_works_again_when_active() -> Result<()> {
    let orders = Orders::start().await?;
    let path = format!("/v1/iam/users/fn/access-keys/{}", orders.function.id);
    orders
        .api
        .patch(&path, &json!({"active": false}))
        .await?
        .expect(200)?;
    let refused = eventually(async || check_token(&orders, &orders.token(), "KEY_INACTIVE").await);
    tokio::time::timeout(PATIENCE, refused).await??;
    orders
        .api
        .patch(&path, &json!({"active": true}))
        .await?
        .expect(200)?;
    eventually(async || orders.connect().await).await?;
    Ok(())
}

#[tokio::test]
async fn policies_decide_and_an_explicit_deny_wins() -> Result<()> {
    let orders = Orders::start().await?;
    orders
        .api
        .post("/v1/iam/users", &json!({"name": "nobody"}))
        .await?
        .expect(201)?;
    let nobody = Key::create(&orders.api, "nobody").await?;
    eventually(async || {
        let token = orders.token_of(&nobody, |_| {});
        let mut config = orders.config();
        config.password(&token);
        let error = refusal(&orders, &config).await?;
        let event = decision(&orders, &correlation_id(error.message())?).await?;
        anyhow::ensure!(event["reason"] == "POLICY_IMPLICIT_DENY", "{event}");
        Ok(())
    })
    .await?;
    let mut deny = connect_policy("app");
    deny["Statement"][0]["Effect"] = json!("Deny");
    let policy = json!({"name": "deny-orders", "document": deny});
    orders
        .api
        .post("/v1/iam/policies", &policy)
        .await?
        .expect(201)?;
    let attach = "/v1/iam/users/fn/policies/deny-orders";
    assert!(
        orders
            .api
            .put(attach, &json!({}))
            .await?
            .status
            .is_success()
    );
    let event = eventually(async || {
        let error = refusal(&orders, &orders.config()).await?;
        let event = decision(&orders, &correlation_id(error.message())?).await?;
        anyhow::ensure!(event["reason"] == "POLICY_EXPLICIT_DENY", "{event}");
        Ok(event)
    })
    .await?;
    assert!(
        event["policy"]
            .as_str()
            .unwrap_or_default()
            .contains("deny-orders"),
        "{event}"
    );
    assert!(orders.api.delete(attach).await?.status.is_success());
    eventually(async || orders.connect().await).await?;
    Ok(())
}

#[tokio::test]
async fn the_source_address_condition_is_truthful() -> Result<()> {
    let orders = Orders::start().await?;
    let mut document = connect_policy("app");
    document["Statement"][0]["Condition"] = json!({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}});
    let elsewhere = json!({"name": "from-elsewhere", "document": document});
    orders
        .api
        .post("/v1/iam/policies", &elsewhere)
        .await?
        .expect(201)?;
    document["Statement"][0]["Condition"] = json!({"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}});
    let here = json!({"name": "from-here", "document": document});
    orders
        .api
        .post("/v1/iam/policies", &here)
        .await?
        .expect(201)?;
    for (user, policy) in [("away", "from-elsewhere"), ("local", "from-here")] {
        orders
            .api
            .post("/v1/iam/users", &json!({"name": user}))
            .await?
            .expect(201)?;
        let attach = format!("/v1/iam/users/{user}/policies/{policy}");
        assert!(
            orders
                .api
                .put(&attach, &json!({}))
                .await?
                .status
                .is_success()
        );
    }
    let away = Key::create(&orders.api, "away").await?;
    let local = Key::create(&orders.api, "local").await?;
    eventually(async || {
        let mut config = orders.config();
        config.password(orders.token_of(&local, |_| {}));
        orders.connect_as(&config).await
    })
    .await?;
    check_token(
        &orders,
        &orders.token_of(&away, |_| {}),
        "POLICY_IMPLICIT_DENY",
    )
    .await?;
    Ok(())
}

#[tokio::test]
async fn tls_is_required_before_anything_is_asked() -> Result<()> {
    let orders = Orders::start().await?;
    let mut config = orders.config();
    config.ssl_mode(SslMode::Disable);
    check(&orders, &config, "28000", "TLS_REQUIRED").await?;
    Ok(())
}

#[tokio::test]
async fn a_token_is_never_asked_for_in_plain_text() -> Result<()> {
    let orders = Setup::newest()?
        .proxy("requireTls", json!(false))
        .start()
        .await?;
    let mut config = orders.config();
    config.ssl_mode(SslMode::Disable);
    check(&orders, &config, "28000", "TLS_REQUIRED").await?;
    Ok(())
}

#[tokio::test]
async fn a_user_without_a_secret_is_refused() -> Result<()> {
    let orders = Orders::start().await?;
    let mut config = orders.config();
    config.user("stranger");
    config.password(orders.token_of(&orders.function, |request| request.db_user = "stranger"));
    let error = refusal(&orders, &config).await?;
    assert!(
        ["28000", "28P01"].contains(&error.code().code()),
        "{error:?}"
    );
    let event = decision(&orders, &correlation_id(error.message())?).await?;
    assert_eq!(event["reason"], "NO_SECRET_FOR_USER", "{event}");
    Ok(())
}

#[tokio::test]
async fn unknown_databases_and_settings_get_the_servers_own_codes() -> Result<()> {
    let orders = Orders::start().await?;
    let mut config = orders.config();
    config.dbname("missing");
    assert_eq!(refusal(&orders, &config).await?.code().code(), "3D000");
    let mut config = orders.config();
    config.options("-c no_such_setting=1");
    assert_eq!(refusal(&orders, &config).await?.code().code(), "42704");
    let mut config = orders.config();
    config.options("-c work_mem=rubbish");
    assert_eq!(refusal(&orders, &config).await?.code().code(), "22023");
    Ok(())
}

#[tokio::test]
async fn good_settings_in_the_startup_packet_are_applied() -> Result<()> {
    let orders = Setup::newest()?.pool_size(2).start().await?;
    let mut config = orders.config();
    config.options(r"-c work_mem=9MB --application_name=a\ b");
    let client = orders.connect_as(&config).await?;
    let plain = orders.connect().await?;
    for _ in 0..3 {
        let mine: String = client.query_one("SHOW work_mem", &[]).await?.get(0);
        let name: String = client.query_one("SHOW application_name", &[]).await?.get(0);
        let theirs: String = plain.query_one("SHOW work_mem", &[]).await?.get(0);
        assert_eq!(
            (mine.as_str(), name.as_str(), theirs.as_str()),
            ("9MB", "a b", "4MB")
        );
    }
    Ok(())
}

#[tokio::test]
async fn simulation_agrees_with_the_decision() -> Result<()> {
    let orders = Orders::start().await?;
    let ask = |db_user: &str| {
        json!({
            "principal": "arn:aws:iam::000000000000:user/fn", "action": "rds-db:connect",
            "resource": format!(
                "arn:aws:rds-db:us-east-1:000000000000:dbuser:{}/{db_user}", orders.proxy_id
            ),
        })
    };
    let allowed = orders
        .api
        .post("/v1/iam:simulate", &ask("app"))
        .await?
        .expect(200)?;
    assert_eq!(allowed["decision"], "ALLOW", "{allowed}");
    let denied = orders
        .api
        .post("/v1/iam:simulate", &ask("admin"))
        .await?
        .expect(200)?;
    assert_eq!(denied["decision"], "IMPLICIT_DENY", "{denied}");
    Ok(())
}
