//! What security groups say about the addresses of clients: it counts for new connections, at once.

use std::time::Duration;

use anyhow::{Context, Result};
use tokio::time::sleep;
use tollgate_testkit::MySqlKind;
use tollgate_types::{
    AuthDecision, AuthOutcome, ClientNetworks, IamAuth, IpProtocol, Permission, PoolPolicy,
    RuleSource, Traffic,
};

use crate::fixture::{Fixture, Served, ask};
use crate::mysql::fixture as mysql;

/// What a rule for one network admits.
fn from(network: &str, port: u16) -> Result<ClientNetworks> {
    let ports = (Some(i32::from(port)), Some(i32::from(port)));
    let source = RuleSource::ipv4(network)?;
    let rule = Permission::new(Traffic::Ingress, IpProtocol::Tcp, ports, source)?;
    Ok(ClientNetworks::of([&rule], port))
}

async fn admit(served: &mut Served, admitted: ClientNetworks) -> Result<()> {
    let change = |snapshot: &mut tollgate_types::Snapshot| {
        for endpoint in &mut snapshot.proxies[0].endpoints {
            endpoint.admitted = admitted.clone();
        }
    };
    served.change(change).await
}

/// The event of the only client that was turned away.
async fn turned_away(served: &Served) -> Result<AuthDecision> {
    for _ in 0..6000 {
        let found = {
            let decisions = served.decisions.0.lock();
            let mut refused = decisions
                .iter()
                .filter(|decision| decision.reason == "SECURITY_GROUP");
            refused.next().cloned()
        };
        if let Some(found) = found {
            return Ok(found);
        }
        sleep(Duration::from_millis(10)).await;
    }
    anyhow::bail!("no event")
}

fn counted(served: &Served) -> bool {
    let text = served.metrics.encode_text();
    text.lines()
        .any(|line| line.contains("reason=\"SECURITY_GROUP\"") && line.ends_with(" 1"))
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_clients_are_let_in_by_rules_only() -> Result<()> {
    let mut f = Fixture::start(PoolPolicy::default(), IamAuth::Disabled).await?;
    let before = f.connect().await?;
    admit(&mut f, from("10.0.0.0/8", 5432)?).await?;
    let refused = f.connect().await.map(|_| ()).unwrap_err();
    let refused = refused
        .downcast_ref::<tokio_postgres::Error>()
        .and_then(tokio_postgres::Error::as_db_error)
        .context("not the server's word")?;
    assert_eq!(refused.code().code(), "28000");
    let event = turned_away(&f).await?;
    assert!(
        refused.message().contains(&event.correlation_id),
        "{refused}"
    );
    assert_eq!(event.outcome, AuthOutcome::Deny);
    assert_eq!(
        (event.db_user.as_str(), event.source.ip.as_str()),
        ("app", "127.0.0.1")
    );
    assert!(counted(&f));
    assert_eq!(ask(&before, "select 1").await?, "1", "a session stays");
    admit(&mut f, from("127.0.0.0/8", 5432)?).await?;
    assert_eq!(ask(&f.connect().await?, "select 2").await?, "2");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_clients_that_want_tls_are_refused_before_it() -> Result<()> {
    let mut f = Fixture::start(PoolPolicy::default(), IamAuth::Disabled).await?;
    admit(&mut f, ClientNetworks::default()).await?;
    let refused = f.psql(Fixture::password(), "require", "select 1");
    assert!(refused.is_err());
    let event = turned_away(&f).await?;
    assert_eq!((event.tls, event.db_user.as_str()), (None, ""));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn mysql_clients_are_let_in_by_rules_only() -> Result<()> {
    let setup = mysql::Setup::new(MySqlKind::MariaDb, PoolPolicy::default());
    let mut f = mysql::Fixture::start(setup).await?;
    admit(&mut f, from("10.0.0.0/8", 3306)?).await?;
    for _ in 0..20 {
        // More often than failed logins are borne: turning away is none.
        let refused = f.connect().await.map(|_| ()).unwrap_err();
        let told = format!("{refused:#}");
        assert!(
            told.contains("1130") && told.contains("not allowed to connect"),
            "{told}"
        );
    }
    let event = turned_away(&f).await?;
    assert_eq!(event.engine, "mysql");
    admit(&mut f, from("127.0.0.1/32", 3306)?).await?;
    f.connect().await?;
    Ok(())
}
