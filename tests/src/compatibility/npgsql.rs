//! What Npgsql sends, message by message: its type loading at connect, prepended simple queries, prepared
//! statements, and what it sends when a connection goes back to its pool.

use anyhow::{Result, ensure};
use tollgate_testkit::{
    ScriptedClient,
    scripted::{Message, c_string, message},
};

use super::{Target, steps::Steps};

/// The reset of a pool that keeps prepared statements.
const RESET_WITHOUT_DEALLOCATE: &str = "CLOSE ALL;SET SESSION AUTHORIZATION DEFAULT;RESET ALL;\
    UNLISTEN *;SELECT pg_advisory_unlock_all();DISCARD SEQUENCES;DISCARD TEMP";

/// The types that a data source loads once, in the words of the library's own query cut to its tables.
const LOAD_TYPES: &str = "SELECT ns.nspname, t.oid, t.typname, t.typtype, t.typnotnull, t.elemtypoid \
    FROM (SELECT typ.oid, typ.typnamespace, typ.typname, typ.typtype, typ.typnotnull, \
    CASE WHEN proc.proname='array_recv' THEN typ.typelem END AS elemtypoid \
    FROM pg_type AS typ LEFT JOIN pg_proc AS proc ON proc.oid = typ.typreceive \
    LEFT JOIN pg_range AS rng ON rng.rngtypid = typ.oid) AS t \
    JOIN pg_namespace AS ns ON ns.oid = t.typnamespace WHERE t.typtype IN ('b', 'r', 'm', 'e', 'd')";

/// All steps, each on a connection of its own.
pub(super) async fn run(target: &Target, steps: &mut Steps<'_>) -> Result<()> {
    type_loading(&mut connect(target).await?).await?;
    steps.done("type loading at connect").await?;
    unprepared(&mut connect(target).await?).await?;
    steps.done("commands with parameters, batches").await?;
    prepared(&mut connect(target).await?).await?;
    steps
        .done("Prepare(), automatic preparation, Unprepare()")
        .await?;
    transactions(&mut connect(target).await?).await?;
    steps
        .done("BEGIN in the same write as the first command, savepoints")
        .await?;
    discarded(&mut connect(target).await?).await?;
    steps
        .done("DISCARD ALL in the same write as the next command (pool)")
        .await?;
    kept(&mut connect(target).await?).await?;
    steps
        .done("reset that keeps prepared statements (pool)")
        .await?;
    settings(&mut connect(target).await?).await?;
    steps.done("SET, reset").await?;
    copy(&mut connect(target).await?).await?;
    steps.done("binary import and export (COPY)").await?;
    let mut client = connect(target).await?;
    simple(&mut client, "LISTEN news").await?;
    steps.held("LISTEN").await?;
    simple(&mut client, "DISCARD ALL").await?;
    steps.done("LISTEN, until DISCARD ALL").await
}

async fn connect(target: &Target) -> Result<ScriptedClient> {
    let mut client = ScriptedClient::tls(target.place.port, &target.tls).await?;
    let parameters = [
        ("user", "app"),
        ("client_encoding", "UTF8"),
        ("database", target.database),
        ("application_name", "steps"),
        ("TimeZone", "UTC"),
    ];
    client.startup(0, &parameters).await?;
    let asked = client.next().await?;
    if asked.body == 3_u32.to_be_bytes() {
        client
            .send_message(b'p', &c_string(&target.place.password))
            .await?;
        client.until_ready().await?;
        return Ok(client);
    }
    anyhow::bail!("the server wants another login than a password: {asked:?}")
}

/// One command of a batch.
struct Command<'a> {
    statement: &'a str,
    /// `None`: prepared before.
    sql: Option<&'a str>,
    argument: Option<&'a str>,
}

fn command<'a>(sql: &'a str, argument: Option<&'a str>) -> Command<'a> {
    Command {
        statement: "",
        sql: Some(sql),
        argument,
    }
}

/// Parse (unless prepared), Bind, Describe, Execute of each command, then one Sync.
fn batch(commands: &[Command<'_>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for command in commands {
        if let Some(sql) = command.sql {
            bytes.extend(parse(command.statement, sql));
        }
        let mut bind = vec![0];
        bind.extend(c_string(command.statement));
        bind.extend([0, 0]);
        match command.argument {
            None => bind.extend([0, 0]),
            Some(argument) => {
                bind.extend([0, 1]);
                bind.extend(u32::try_from(argument.len()).unwrap_or(0).to_be_bytes());
                bind.extend(argument.as_bytes());
            }
        }
        bind.extend([0, 0]);
        bytes.extend(message(b'B', &bind));
        bytes.extend(message(b'D', b"P\0"));
        bytes.extend(message(b'E', &[0, 0, 0, 0, 0]));
    }
    bytes.extend(message(b'S', b""));
    bytes
}

fn parse(statement: &str, sql: &str) -> Vec<u8> {
    let mut body = c_string(statement);
    body.extend(c_string(sql));
    body.extend([0, 0]);
    message(b'P', &body)
}

/// Sends a batch and returns the first value of each row.
async fn run_batch(client: &mut ScriptedClient, commands: &[Command<'_>]) -> Result<Vec<String>> {
    client.send(&batch(commands)).await?;
    heard(client).await
}

async fn simple(client: &mut ScriptedClient, sql: &str) -> Result<Vec<String>> {
    client.query(sql).await?;
    heard(client).await
}

async fn heard(client: &mut ScriptedClient) -> Result<Vec<String>> {
    let messages = client.until_ready().await?;
    for message in &messages {
        ensure!(
            message.tag != b'E',
            "{:?} {:?}",
            message.sqlstate(),
            message.field(b'M')
        );
    }
    Ok(messages
        .iter()
        .filter(|message| message.tag == b'D')
        .map(first_value)
        .collect())
}

/// The first column of a `DataRow` as text.
fn first_value(row: &Message) -> String {
    let length = row.body.get(2..6).and_then(|bytes| bytes.try_into().ok());
    let length = usize::try_from(u32::from_be_bytes(length.unwrap_or_default())).unwrap_or(0);
    let value = row.body.get(6..6 + length).unwrap_or_default();
    String::from_utf8_lossy(value).into_owned()
}

async fn type_loading(client: &mut ScriptedClient) -> Result<()> {
    let version = command("SELECT version()", None);
    let types = command(LOAD_TYPES, None);
    let enums = command(
        "SELECT pg_type.oid, enumlabel FROM pg_enum JOIN pg_type ON pg_type.oid=enumtypid \
         ORDER BY oid, enumsortorder",
        None,
    );
    let rows = run_batch(client, &[version, types, enums]).await?;
    ensure!(rows.len() > 100, "{} rows", rows.len());
    Ok(())
}

async fn unprepared(client: &mut ScriptedClient) -> Result<()> {
    for n in ["1", "2", "3"] {
        let double = command("SELECT $1::int4 * 2", Some(n));
        let text = command("SELECT 'x' || $1::text", Some(n));
        let rows = run_batch(client, &[double, text]).await?;
        ensure!(
            rows.len() == 2 && rows.last() == Some(&format!("x{n}")),
            "{rows:?}"
        );
    }
    Ok(())
}

async fn prepared(client: &mut ScriptedClient) -> Result<()> {
    for (name, sql) in [
        ("_p1", "SELECT $1::int4 * 2"),
        ("_auto1", "SELECT $1::int4 * 3"),
    ] {
        let mut bytes = parse(name, sql);
        bytes.extend(message(b'D', &[b"S".as_slice(), &c_string(name)].concat()));
        bytes.extend(message(b'S', b""));
        client.send(&bytes).await?;
        heard(client).await?;
    }
    let again = |statement: &'static str| Command {
        statement,
        sql: None,
        argument: Some("7"),
    };
    for _ in 0..5 {
        let rows = run_batch(client, &[again("_p1"), again("_auto1")]).await?;
        ensure!(rows == ["14", "21"], "{rows:?}");
    }
    let mut bytes = message(b'C', b"S_p1\0");
    bytes.extend(message(b'S', b""));
    client.send(&bytes).await?;
    heard(client).await?;
    let rows = run_batch(client, &[again("_auto1")]).await?;
    ensure!(rows == ["21"], "{rows:?}");
    Ok(())
}

/// A simple query in the same write as a batch; both are answered, each with its own end.
async fn prepended(
    client: &mut ScriptedClient,
    sql: &str,
    commands: &[Command<'_>],
) -> Result<Vec<String>> {
    let mut bytes = message(b'Q', &c_string(sql));
    bytes.extend(batch(commands));
    client.send(&bytes).await?;
    heard(client).await?;
    heard(client).await
}

async fn transactions(client: &mut ScriptedClient) -> Result<()> {
    simple(client, "CREATE TABLE npgsql_tx (n int PRIMARY KEY)").await?;
    for n in ["1", "2", "3"] {
        let insert = command("INSERT INTO npgsql_tx VALUES ($1::int4)", Some(n));
        prepended(
            client,
            "BEGIN TRANSACTION ISOLATION LEVEL READ COMMITTED",
            &[insert],
        )
        .await?;
        let count = command("SELECT count(*)::text FROM npgsql_tx", None);
        prepended(client, "SAVEPOINT a", &[count]).await?;
        simple(client, "ROLLBACK TO SAVEPOINT a").await?;
        simple(client, "COMMIT").await?;
    }
    let rows = run_batch(client, &[command("SELECT count(*) FROM npgsql_tx", None)]).await?;
    ensure!(rows == ["3"], "{rows:?}");
    Ok(())
}

async fn discarded(client: &mut ScriptedClient) -> Result<()> {
    for _ in 0..5 {
        let rows = prepended(
            client,
            "DISCARD ALL",
            &[command("SELECT $1::int4", Some("5"))],
        )
        .await?;
        ensure!(rows == ["5"], "{rows:?}");
    }
    Ok(())
}

async fn kept(client: &mut ScriptedClient) -> Result<()> {
    client
        .send(&[parse("_p1", "SELECT $1::int4 * 2"), message(b'S', b"")].concat())
        .await?;
    heard(client).await?;
    for _ in 0..5 {
        let kept = Command {
            statement: "_p1",
            sql: None,
            argument: Some("5"),
        };
        let rows = prepended(client, RESET_WITHOUT_DEALLOCATE, &[kept]).await?;
        ensure!(rows == ["10"], "{rows:?}");
    }
    Ok(())
}

async fn settings(client: &mut ScriptedClient) -> Result<()> {
    simple(client, "SET work_mem = '7MB'").await?;
    for _ in 0..4 {
        ensure!(
            simple(client, "SHOW work_mem").await? == ["7MB"],
            "work_mem"
        );
        ensure!(
            simple(client, "SHOW TimeZone").await? == ["UTC"],
            "TimeZone"
        );
    }
    simple(client, RESET_WITHOUT_DEALLOCATE).await?;
    ensure!(simple(client, "SHOW work_mem").await? == ["4MB"], "reset");
    Ok(())
}

async fn copy(client: &mut ScriptedClient) -> Result<()> {
    simple(client, "CREATE TABLE npgsql_copied (n int4)").await?;
    client
        .query("COPY npgsql_copied FROM STDIN (FORMAT BINARY)")
        .await?;
    ensure!(client.next().await?.tag == b'G', "no CopyInResponse");
    let mut data = b"PGCOPY\n\xff\r\n\0".to_vec();
    data.extend([0; 8]);
    for n in 0..100_u32 {
        data.extend([0, 1, 0, 0, 0, 4]);
        data.extend(n.to_be_bytes());
    }
    data.extend([0xff, 0xff]);
    client.send_message(b'd', &data).await?;
    client.send_message(b'c', b"").await?;
    heard(client).await?;
    client
        .query("COPY npgsql_copied TO STDOUT (FORMAT BINARY)")
        .await?;
    let messages = client.until_ready().await?;
    let bytes: usize = messages
        .iter()
        .filter(|m| m.tag == b'd')
        .map(|m| m.body.len())
        .sum();
    ensure!(bytes == 19 + 100 * 10 + 2, "{bytes} bytes");
    Ok(())
}
