//! Anything but a client on the listening port: refused or cut, and nobody else notices.

use std::net::Ipv4Addr;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tollgate_testkit::scripted::{self, SSL_REQUEST, c_string, message, request};
use tollgate_types::{IamAuth, PoolPolicy};

use crate::dice::{Dice, seed};
use crate::fixture::{Fixture, PATIENCE, Setup, ask};

async fn fixture() -> Result<Fixture> {
    let policy = PoolPolicy {
        maximum_pool_size: Some(2),
        ..PoolPolicy::default()
    };
    Fixture::start_as(Setup {
        // Whoever says nothing is to be cut soon.
        handshake_timeout: Duration::from_secs(5),
        ..Setup::new(policy, IamAuth::Disabled)
    })
    .await
}

async fn knock(port: u16) -> Result<TcpStream> {
    TcpStream::connect((Ipv4Addr::LOCALHOST, port))
        .await
        .context("connecting")
}

/// Sends the bytes and hears what there is until the other side closes, which it must.
async fn throw(port: u16, bytes: &[u8]) -> Result<Vec<u8>> {
    let mut stream = knock(port).await?;
    // The other side may close before it has read everything.
    let _ = stream.write_all(bytes).await;
    let mut heard = Vec::new();
    let reading = stream.read_to_end(&mut heard);
    // A reset is a close as well.
    let _ = timeout(PATIENCE, reading)
        .await
        .with_context(|| format!("still open after {:02x?}", &bytes[..bytes.len().min(64)]))?;
    Ok(heard)
}

fn packet(length: u32, rest: &[u8]) -> Vec<u8> {
    [&length.to_be_bytes(), rest].concat()
}

/// Resident memory of this process, in KiB.
fn resident() -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    number.context("no VmRSS")?.parse().context("VmRSS")
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_first_packets_are_refused() -> Result<()> {
    let f = fixture().await?;
    let startup = scripted::startup(0, &[("user", "app"), ("database", "orders")]);
    let long = scripted::startup(0, &[("user", &"x".repeat(11_000))]);
    let refused: Vec<(&str, Vec<u8>)> = vec![
        ("a length of zero", packet(0, &[0; 16])),
        ("a length of four", packet(4, &[0; 16])),
        ("a length of a gigabyte", packet(0x4000_0000, &[0, 3, 0, 0])),
        ("a negative length", packet(0xffff_ffff, &[0, 3, 0, 0])),
        ("a startup packet that is too long", long),
        ("no user", scripted::startup(0, &[("database", "orders")])),
        ("no terminator", packet(13, b"\0\x03\0\0user\0")),
        ("a value without its end", packet(14, b"\0\x03\0\0user\0x")),
        ("protocol 2", packet(8, &[0, 2, 0, 0])),
        ("protocol 99", packet(8, &[0, 99, 0, 0])),
        ("http", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_vec()),
        (
            "bytes behind an SSL request",
            [request(SSL_REQUEST), startup.clone()].concat(),
        ),
        (
            "a query instead of a password",
            [startup.clone(), message(b'Q', &c_string("select 1"))].concat(),
        ),
        (
            "a huge password",
            [startup.clone(), vec![b'p', 0x40, 0, 0, 0]].concat(),
        ),
        (
            "an empty SASL answer",
            [startup, message(b'p', &[])].concat(),
        ),
    ];
    for (name, bytes) in refused {
        let heard = throw(f.port, &bytes).await.context(name)?;
        ensure!(
            heard.contains(&b'E'),
            "{name} was answered with {heard:02x?}"
        );
    }
    assert_eq!(ask(&f.connect().await?, "select 1").await?, "1");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn random_bytes_and_broken_tls_end_without_harm() -> Result<()> {
    let f = fixture().await?;
    let client = f.connect().await?;
    let seed = seed();
    let mut dice = Dice::new(seed);
    let mut throws = Vec::new();
    for number in 0..200 {
        let length = 1 + dice.below(600);
        let noise: Vec<u8> = (0..length).map(|_| dice.roll().to_le_bytes()[0]).collect();
        let bytes = match number % 4 {
            0 => noise,
            1 => [&[0x16, 3, 1], noise.as_slice()].concat(),
            2 => packet(
                u32::try_from(length).unwrap_or(0) + 8,
                &[&[0, 3, 0, 0], noise.as_slice()].concat(),
            ),
            _ => {
                let mut startup = scripted::startup(0, &[("user", "app"), ("options", "-c x=y")]);
                let at = dice.below(startup.len());
                startup[at] ^= noise[0];
                startup
            }
        };
        let port = f.port;
        throws.push(async move { throw(port, &bytes).await });
    }
    for result in futures_util::future::join_all(throws).await {
        result.with_context(|| format!("TOLLGATE_SEED={seed}"))?;
    }
    // After the promise of TLS, rubbish instead of a handshake.
    let mut stream = knock(f.port).await?;
    stream.write_all(&request(SSL_REQUEST)).await?;
    assert_eq!(timeout(PATIENCE, stream.read_u8()).await??, b'S');
    stream.write_all(&[0x55; 300]).await?;
    let mut rest = Vec::new();
    let _ = timeout(PATIENCE, stream.read_to_end(&mut rest)).await?;
    assert_eq!(ask(&client, "select 2").await?, "2");
    assert_eq!(ask(&f.connect().await?, "select 3").await?, "3");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_of_one_byte_a_second_is_cut() -> Result<()> {
    let f = fixture().await?;
    let mut stream = knock(f.port).await?;
    let (mut read, mut write) = stream.split();
    let startup = scripted::startup(0, &[("user", "app"), ("database", "orders")]);
    let trickle = async {
        for byte in startup {
            if write.write_all(&[byte]).await.is_err() {
                break;
            }
            sleep(Duration::from_secs(1)).await;
        }
        std::future::pending::<()>().await;
    };
    let mut rest = Vec::new();
    tokio::select! {
        () = trickle => {}
        // It would take longer than that to send it all.
        end = timeout(Duration::from_secs(30), read.read_to_end(&mut rest)) => drop(end?),
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn two_thousand_silent_connections_disturb_nobody() -> Result<()> {
    let f = fixture().await?;
    let client = f.connect().await?;
    let before = resident()?;
    let mut silent = Vec::new();
    for number in 0..2000 {
        let mut stream = knock(f.port).await?;
        if number % 2 == 0 {
            stream.write_all(&[0, 0, 0]).await?;
        }
        silent.push(stream);
        if number % 100 == 0 {
            assert_eq!(ask(&client, "select 1").await?, "1", "with {number} others");
        }
    }
    let grown = resident()?.saturating_sub(before);
    ensure!(grown < 96 * 1024, "{grown} KiB more");
    let newcomer = timeout(PATIENCE, async {
        loop {
            // Too many connections are refused until the silent ones are cut.
            if let Ok(newcomer) = f.connect().await {
                return newcomer;
            }
            sleep(Duration::from_millis(100)).await;
        }
    });
    assert_eq!(ask(&newcomer.await?, "select 2").await?, "2");
    drop(silent);
    assert_eq!(ask(&client, "select 3").await?, "3");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn rubbish_in_a_session_ends_that_session_only() -> Result<()> {
    let f = fixture().await?;
    let door = f.door();
    let other = f.connect().await?;
    let bad: [&[u8]; 7] = [
        b"Q\0\0\0\x03",
        b"Q\xff\xff\xff\xffselect 1\0",
        b"Q\x7f\xff\xff\xff",
        b"y\0\0\0\x04",
        b"p\0\0\0\x09hello",
        b"\0\0\0\x08\x04\xd2\x16\x2f",
        b"\x16\x03\x01\x02\x00\x01",
    ];
    for bytes in bad {
        let mut raw = crate::raw::Raw::login(&door).await?;
        raw.send(bytes).await?;
        let said = raw.next().await.with_context(|| format!("{bytes:02x?}"))?;
        assert_eq!(said.sqlstate().as_deref(), Some("08P01"), "{bytes:02x?}");
        assert_eq!(raw.hear().await?, None, "{bytes:02x?}");
    }
    // Malformed messages are the server's to refuse, in its own words.
    for bytes in [
        message(b'Q', b"select 1"),
        message(b'B', b"a"),
        message(b'B', b"\0\0\xff\xff"),
        message(b'P', b"\0select 1\0\xff\xff"),
        message(b'D', b"Xa\0"),
        message(b'E', b"\0"),
        message(b'C', b"S"),
        message(b'F', b"\0"),
        message(b'S', b"surplus"),
    ] {
        let mut raw = crate::raw::Raw::login(&door).await?;
        raw.send(&[bytes.clone(), message(b'S', &[])].concat())
            .await?;
        let heard = raw.until_ready().await;
        drop(heard);
    }
    for _ in 0..4 {
        assert_eq!(ask(&other, "select 1").await?, "1");
    }
    Ok(())
}
