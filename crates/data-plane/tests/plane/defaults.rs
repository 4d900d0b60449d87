//! Defaults that change under a running proxy: who is told, who keeps what, and who is not disturbed.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tollgate_testkit::PostgresVersion;
use tollgate_testkit::scripted::Message;
use tollgate_types::{IamAuth, PoolPolicy};

use crate::differential::messages::query;
use crate::fixture::{Fixture, Setup, ask};
use crate::raw::{Raw, describe, first_value};

/// Longer than a probe lets a change go unnoticed.
const PATIENCE: Duration = Duration::from_secs(90);

async fn fixture() -> Result<Fixture> {
    let policy = PoolPolicy {
        maximum_pool_size: Some(6),
        ..PoolPolicy::default()
    };
    Fixture::start(policy, IamAuth::Disabled).await
}

/// What the messages say a parameter is, if they do.
fn told(messages: &[Message], name: &str) -> Option<String> {
    let head = format!("{name}\0");
    let reports = messages.iter().filter(|message| message.tag == b'S');
    let mut values = reports.filter_map(|report| report.body.strip_prefix(head.as_bytes()));
    let value = values.next_back()?.strip_suffix(b"\0")?;
    Some(String::from_utf8_lossy(value).into_owned())
}

async fn run(client: &mut Raw, sql: &[u8]) -> Result<Vec<Message>> {
    let mut bytes = sql.to_vec();
    bytes.push(0);
    let length = u32::try_from(bytes.len() + 4)?;
    client
        .send(&[b"Q", &length.to_be_bytes()[..], &bytes].concat())
        .await?;
    client.until_ready().await
}

async fn value(client: &mut Raw, sql: &str) -> Result<String> {
    let heard = run(client, sql.as_bytes()).await?;
    first_value(&heard).with_context(|| format!("{:?}", heard.iter().map(describe).next()))
}

/// Logs in until a greeting says this.
async fn until_greeted_with(f: &Fixture, name: &str, wanted: &str) -> Result<Raw> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let client = Raw::login(&f.door()).await?;
        let greeting = told(&client.greeting, name);
        if greeting.as_deref() == Some(wanted) {
            return Ok(client);
        }
        if Instant::now() > deadline {
            bail!("{name} is still told to be {greeting:?}");
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_altered_by_a_client_greets_the_next_login() -> Result<()> {
    let f = fixture().await?;
    let mut old = Raw::login(&f.door()).await?;
    let zone = told(&old.greeting, "TimeZone").context("a time zone")?;
    let alter =
        "alter role app set timezone = 'Asia/Tokyo'; alter role app set statement_timeout = '7s'";
    run(&mut old, alter.as_bytes()).await?;
    // Whichever shard these meet.
    for _ in 0..6 {
        let mut new = Raw::login(&f.door()).await?;
        assert_eq!(
            told(&new.greeting, "TimeZone").as_deref(),
            Some("Asia/Tokyo")
        );
        assert_eq!(value(&mut new, "show timezone").await?, "Asia/Tokyo");
        assert_eq!(value(&mut new, "show statement_timeout").await?, "7s");
    }
    assert_eq!(
        value(&mut old, "show timezone").await?,
        zone,
        "as it was told"
    );
    assert_eq!(
        value(&mut old, "show statement_timeout").await?,
        "7s",
        "nobody was told"
    );
    let heard = run(&mut old, b"reset timezone").await?;
    assert_eq!(told(&heard, "TimeZone").as_deref(), Some("Asia/Tokyo"));
    Ok(())
}

/// Bytes mean what the client was told they mean, before and after.
#[tokio::test(flavor = "multi_thread")]
async fn a_role_altered_beside_the_proxy_garbles_nobodys_text() -> Result<()> {
    let f = fixture().await?;
    let mut old = Raw::login(&f.door()).await?;
    assert_eq!(
        told(&old.greeting, "client_encoding").as_deref(),
        Some("UTF8")
    );
    f.postgres
        .superuser_sql("orders", "alter role app set client_encoding = 'LATIN1'")?;
    let mut new = until_greeted_with(&f, "client_encoding", "LATIN1").await?;
    for _ in 0..3 {
        let heard = run(&mut old, "select 'é', char_length('é')".as_bytes()).await?;
        let row = heard.iter().find(|message| message.tag == b'D');
        let row = row.context("a row")?;
        assert_eq!(row.body, b"\0\x02\0\0\0\x02\xc3\xa9\0\0\0\x011", "UTF-8");
        let heard = run(&mut new, b"select '\xe9', char_length('\xe9')").await?;
        let row = heard.iter().find(|message| message.tag == b'D');
        let row = row.context("a row")?;
        assert_eq!(row.body, b"\0\x02\0\0\0\x01\xe9\0\0\0\x011", "LATIN1");
    }
    Ok(())
}

async fn reload_is_noticed(version: PostgresVersion) -> Result<()> {
    let policy = PoolPolicy {
        maximum_pool_size: Some(6),
        ..PoolPolicy::default()
    };
    let f = Fixture::start_as(Setup {
        version,
        ..Setup::new(policy, IamAuth::Disabled)
    })
    .await?;
    let (mut old, mut quiet) = (Raw::login(&f.door()).await?, Raw::login(&f.door()).await?);
    let zone = told(&old.greeting, "TimeZone").context("a time zone")?;
    value(&mut old, "show timezone").await?;
    let path = "alter system set search_path = elsewhere";
    f.postgres.superuser_sql("postgres", path)?;
    let change = "alter system set timezone = 'Asia/Tokyo'";
    f.postgres.superuser_sql("postgres", change)?;
    f.postgres
        .superuser_sql("postgres", "select pg_reload_conf()")?;
    let mut new = until_greeted_with(&f, "TimeZone", "Asia/Tokyo").await?;
    assert_eq!(value(&mut new, "show timezone").await?, "Asia/Tokyo");
    assert_eq!(value(&mut quiet, "show timezone").await?, zone);
    assert_eq!(value(&mut old, "show timezone").await?, zone);
    // Only newer servers tell clients of it, so only there a client relies on it.
    let path = match told(&old.greeting, "search_path") {
        Some(path) => path,
        None => "elsewhere".to_owned(),
    };
    assert_eq!(value(&mut old, "show search_path").await?, path);
    assert_eq!(value(&mut new, "show search_path").await?, "elsewhere");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_beside_the_proxy_is_noticed() -> Result<()> {
    reload_is_noticed(PostgresVersion::V15).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_of_a_server_that_reports_more_is_noticed() -> Result<()> {
    if !PostgresVersion::V18.available() {
        return Ok(());
    }
    reload_is_noticed(PostgresVersion::V18).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_by_a_client_is_noticed() -> Result<()> {
    let f = fixture().await?;
    f.postgres
        .superuser_sql("postgres", "alter role app superuser")?;
    let mut root = until_greeted_with(&f, "is_superuser", "on").await?;
    let mut other = Raw::login(&f.door()).await?;
    let zone = told(&other.greeting, "TimeZone").context("a time zone")?;
    run(&mut root, b"alter system set timezone = 'Asia/Tokyo'").await?;
    run(&mut root, b"select pg_reload_conf()").await?;
    let mut new = until_greeted_with(&f, "TimeZone", "Asia/Tokyo").await?;
    assert_eq!(value(&mut new, "show timezone").await?, "Asia/Tokyo");
    assert_eq!(value(&mut other, "show timezone").await?, zone);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_with_another_configuration_is_noticed() -> Result<()> {
    let mut f = fixture().await?;
    let mut old = Raw::login(&f.door()).await?;
    let zone = told(&old.greeting, "TimeZone").context("a time zone")?;
    let change = "alter system set timezone = 'Asia/Tokyo'";
    f.postgres.superuser_sql("postgres", change)?;
    f.postgres.restart()?;
    until_greeted_with(&f, "TimeZone", "Asia/Tokyo").await?;
    assert_eq!(value(&mut old, "show timezone").await?, zone);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_superuser_hears_that_it_is_one() -> Result<()> {
    let f = fixture().await?;
    let mut old = Raw::login(&f.door()).await?;
    assert_eq!(told(&old.greeting, "is_superuser").as_deref(), Some("off"));
    f.postgres
        .superuser_sql("postgres", "alter role app superuser")?;
    until_greeted_with(&f, "is_superuser", "on").await?;
    let heard = run(&mut old, b"select 1").await?;
    assert_eq!(told(&heard, "is_superuser").as_deref(), Some("on"));
    assert_eq!(first_value(&heard).as_deref(), Some("1"));
    let heard = run(&mut old, b"select 2").await?;
    assert_eq!(told(&heard, "is_superuser"), None, "once");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_a_server_connection_keeps_it() -> Result<()> {
    let f = fixture().await?;
    let (busy, pinned) = (f.connect().await?, f.connect().await?);
    let owner = f.connect().await?;
    owner.batch_execute("create table t (n int)").await?;
    pinned.batch_execute("listen news").await?;
    busy.batch_execute("begin; insert into t values (1)")
        .await?;
    let pid = "select pg_backend_pid()";
    let (of_busy, of_pinned) = (ask(&busy, pid).await?, ask(&pinned, pid).await?);
    owner
        .batch_execute("alter role app set timezone = 'Asia/Tokyo'")
        .await?;
    until_greeted_with(&f, "TimeZone", "Asia/Tokyo").await?;
    assert_eq!(ask(&busy, pid).await?, of_busy);
    busy.batch_execute("insert into t values (2); commit")
        .await?;
    assert_eq!(ask(&owner, "select count(*) from t").await?, "2");
    assert_ne!(
        ask(&busy, pid).await?,
        of_busy,
        "not from before the change"
    );
    assert_eq!(ask(&pinned, pid).await?, of_pinned);
    pinned.batch_execute("unlisten news").await?;
    let deadline = Instant::now() + PATIENCE;
    // The server is asked whether it really listens to nothing; the client need not wait for that.
    while ask(&pinned, pid).await? == of_pinned {
        if Instant::now() > deadline {
            bail!("a connection from before the change is lent again");
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

/// Waits until the target was probed once more.
async fn next_probe(f: &Fixture) -> Result<()> {
    let seen = || {
        let seen = f.plane.observations();
        let seen = seen.borrow();
        seen.targets[0].health.last_check_unix
    };
    let deadline = Instant::now() + PATIENCE;
    let last = seen();
    while seen() == last {
        if Instant::now() > deadline {
            bail!("nobody probes");
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

/// Two probes of a server whose defaults are what they were.
#[tokio::test(flavor = "multi_thread")]
async fn probes_that_find_nothing_new_cost_no_connection() -> Result<()> {
    let f = fixture().await?;
    let client = f.connect().await?;
    client
        .batch_execute("alter role app set timezone = 'Asia/Tokyo'")
        .await?;
    // The probe has its own say, and once more what was put off: on a busy machine that takes longer than it should.
    tokio::time::sleep(Duration::from_secs(3)).await;
    next_probe(&f).await?;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let pid = "select pg_backend_pid()";
    let before = ask(&client, pid).await?;
    for _ in 0..2 {
        next_probe(&f).await?;
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(ask(&client, pid).await?, before);
    Ok(())
}

/// The FATAL that ends a session, unasked.
async fn last_words(client: &mut Raw) -> Result<(String, String)> {
    let message = client.next().await?;
    let field = |code| message.field(code).unwrap_or_default();
    let words = (field(b'C'), field(b'M'));
    assert!(client.hear().await?.is_none(), "closed behind it");
    Ok(words)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_limits_its_idle_time_is_ended() -> Result<()> {
    let f = fixture().await?;
    let (mut set, mut other) = (Raw::login(&f.door()).await?, Raw::login(&f.door()).await?);
    let mut door = f.door();
    // Long enough for another login to end in that time on a busy machine.
    let own = ("idle_session_timeout".to_owned(), "6s".to_owned());
    door.startup.push(own);
    let mut freed = Raw::login(&door).await?;
    run(&mut freed, b"set idle_session_timeout = 0").await?;
    let mut born = Raw::login(&door).await?;
    assert_eq!(value(&mut born, "select 1").await?, "1");
    let mut working = Raw::login(&f.door()).await?;
    set.send(&query("set idle_session_timeout = '1s'")).await?;
    set.until_ready().await?;
    run(&mut working, b"set idle_session_timeout = '1s'; begin").await?;
    let sql = "begin; set local idle_session_timeout = '1s'; commit; select 1";
    run(&mut other, sql.as_bytes()).await?;
    let expected = (
        "57P05".to_owned(),
        "terminating connection due to idle-session timeout".to_owned(),
    );
    assert_eq!(last_words(&mut set).await?, expected);
    assert_eq!(last_words(&mut born).await?, expected);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(value(&mut working, "select 5").await?, "5", "not idle");
    run(&mut working, b"set idle_session_timeout = 0; commit").await?;
    tokio::time::sleep(Duration::from_millis(2500)).await;
    assert_eq!(value(&mut working, "select 6").await?, "6", "taken back");
    assert_eq!(value(&mut other, "select 7").await?, "7");
    assert_eq!(value(&mut freed, "select 8").await?, "8");
    Ok(())
}
