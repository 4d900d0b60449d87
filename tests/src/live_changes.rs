//! Changes act on a running proxy, and no session is dropped for them.

use anyhow::Result;
use futures_util::future::try_join_all;
use serde_json::json;
use tokio_postgres::config::SslMode;

use crate::support::{APP_PASSWORD, Orders, Setup, eventually};

const GROUP: &str = "/v1/proxies/orders/target-groups/default";

/// Waits until the newest settings are in force.
async fn applied(orders: &Orders) -> Result<()> {
    let path = "/v1/proxies/orders?waitFor=available&timeout=60s";
    let proxy = orders.api.get(path).await?.expect(200)?;
    assert_eq!(proxy["status"], "available", "{proxy}");
    Ok(())
}

async fn busiest(orders: &Orders, clients: &[tokio_postgres::Client]) -> Result<u32> {
    let work = try_join_all(
        clients
            .iter()
            .map(|client| client.simple_query("SELECT pg_sleep(2)")),
    );
    let watch = async {
        // They sleep for much longer than it takes to look, on a busy machine too.
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        orders.postgres.superuser_sql(
            "postgres",
            "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(2)%' AND state = 'active' AND pid <> pg_backend_pid()",
        )
    };
    let (worked, seen) = tokio::join!(work, watch);
    worked?;
    Ok(seen?.parse()?)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_pool_grows_and_shrinks_under_its_clients() -> Result<()> {
    let orders = Setup::newest()?.pool_size(2).start().await?;
    let clients = try_join_all((0..6).map(|_| orders.connect())).await?;
    assert!(busiest(&orders, &clients).await? <= 2);
    orders
        .api
        .patch(GROUP, &json!({"maximumPoolSize": 6}))
        .await?
        .expect(200)?;
    applied(&orders).await?;
    eventually(async || {
        let busy = busiest(&orders, &clients).await?;
        anyhow::ensure!(busy > 2, "the larger pool is not used");
        Ok(())
    })
    .await?;
    orders
        .api
        .patch(GROUP, &json!({"maximumPoolSize": 1}))
        .await?
        .expect(200)?;
    applied(&orders).await?;
    eventually(async || {
        try_join_all(clients.iter().map(|client| client.simple_query("SELECT 1"))).await?;
        let open = orders.postgres.backends("orders")?;
        anyhow::ensure!(open <= 1, "{open} server connections are open");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_rotated_secret_is_used_and_nobody_notices() -> Result<()> {
    let orders = Setup::newest()?.pool_size(2).start().await?;
    let client = orders.connect().await?;
    client.simple_query("SELECT 1").await?;
    let fresh = "Rotated-pw-5e8a";
    orders
        .postgres
        .superuser_sql("postgres", &format!("ALTER ROLE app PASSWORD '{fresh}'"))?;
    let value = json!({"username": "app", "password": fresh});
    let rotated = orders
        .api
        .put("/v1/secrets/orders-app/value", &value)
        .await?;
    assert!(rotated.status.is_success(), "{}", rotated.text);
    // Old server connections go; every new one needs the new password.
    orders.postgres.terminate_backends("orders")?;
    // They are only told to go. One that has not gone yet might still be lent, which ends the session that uses it.
    eventually(async || {
        let left = orders.postgres.backends("orders")?;
        anyhow::ensure!(left == 0, "{left} server connections are open");
        Ok(())
    })
    .await?;
    eventually(async || Ok(client.simple_query("SELECT 2").await?)).await?;
    let newcomer = eventually(async || orders.connect().await).await?;
    newcomer.simple_query("SELECT 3").await?;
    assert_ne!(fresh, APP_PASSWORD);
    Ok(())
}

#[tokio::test]
async fn during_a_rotation_the_previous_password_still_works() -> Result<()> {
    let orders = Setup::newest()?.pool_size(1).start().await?;
    // First the secret, later the database: in between only the previous one is right.
    let value = json!({"username": "app", "password": "Not-yet-set-77"});
    let rotated = orders
        .api
        .put("/v1/secrets/orders-app/value", &value)
        .await?;
    assert!(rotated.status.is_success(), "{}", rotated.text);
    applied(&orders).await?;
    orders.postgres.terminate_backends("orders")?;
    eventually(async || {
        let client = orders.connect().await?;
        client.simple_query("SELECT 1").await?;
        Ok(())
    })
    .await
}

#[tokio::test]
async fn requiring_tls_closes_the_door_but_not_the_house() -> Result<()> {
    let setup = Setup::newest()?.passwords("POSTGRES_SCRAM_SHA_256");
    let orders = setup.proxy("requireTls", json!(false)).start().await?;
    let mut config = orders.config();
    config.ssl_mode(SslMode::Disable).password(APP_PASSWORD);
    let inside = orders.connect_as(&config).await?;
    let change = json!({"requireTls": true});
    orders
        .api
        .patch("/v1/proxies/orders", &change)
        .await?
        .expect(200)?;
    applied(&orders).await?;
    let error = crate::support::refusal(&orders, &config).await?;
    assert_eq!(error.code().code(), "28000");
    inside.simple_query("SELECT 1").await?;
    Ok(())
}

#[tokio::test]
async fn a_second_endpoint_opens_and_closes() -> Result<()> {
    let orders = Orders::start().await?;
    let client = orders.connect().await?;
    let body = json!({"name": "second", "targetRole": "READ_WRITE"});
    let made = orders
        .api
        .post("/v1/proxies/orders/endpoints", &body)
        .await?
        .expect(201)?;
    let port = u16::try_from(made["port"].as_u64().unwrap_or_default())?;
    assert_ne!(port, orders.port);
    applied(&orders).await?;
    let token = orders.token_of(&orders.function, |request| request.port = port);
    let mut config = orders.config();
    let config = config.password(token);
    let mut elsewhere = tokio_postgres::Config::new();
    elsewhere
        .host("127.0.0.1")
        .port(port)
        .user("app")
        .dbname("orders")
        .ssl_mode(SslMode::Require);
    elsewhere.password(config.get_password().unwrap_or_default());
    let other = orders.connect_as(&elsewhere).await?;
    other.simple_query("SELECT 1").await?;
    drop(other);
    let gone = orders
        .api
        .delete("/v1/proxies/orders/endpoints/second")
        .await?;
    assert!(gone.status.is_success(), "{}", gone.text);
    eventually(async || {
        let refused = tokio::net::TcpStream::connect(("127.0.0.1", port))
            .await
            .is_err();
        anyhow::ensure!(refused, "the port is still open");
        Ok(())
    })
    .await?;
    client.simple_query("SELECT 2").await?;
    Ok(())
}

#[tokio::test]
async fn an_init_query_runs_on_every_server_connection() -> Result<()> {
    let setup = Setup::newest()?
        .pool_size(2)
        .pool("initQuery", json!("SET work_mem = '11MB'"));
    let orders = setup.start().await?;
    for _ in 0..3 {
        let client = orders.connect().await?;
        let shown: String = client.query_one("SHOW work_mem", &[]).await?.get(0);
        assert_eq!(shown, "11MB");
        client.batch_execute("SET work_mem = '5MB'").await?;
    }
    Ok(())
}
