//! Any bytes on any port: a clear error or a close, and nobody else is affected.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tollgate_testkit::{
    ClientTls, ScriptedClient,
    scripted::{GSS_ENC_REQUEST, SSL_REQUEST, message, request, startup},
};

use crate::support::{Orders, Setup};

/// Everything that comes back until the other side closes.
async fn answer(port: u16, bytes: &[u8]) -> Result<Vec<u8>> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    let _ = stream.write_all(bytes).await;
    let _ = stream.shutdown().await;
    let mut heard = Vec::new();
    let ended = tokio::time::timeout(Duration::from_secs(30), stream.read_to_end(&mut heard)).await;
    ended.context("neither an answer nor a close")?.ok();
    Ok(heard)
}

fn rubbish() -> Vec<Vec<u8>> {
    let mut all = vec![
        Vec::new(),
        vec![0],
        vec![0; 64],
        vec![0xff; 4096],
        b"GET / HTTP/1.1\r\nhost: x\r\n\r\n".to_vec(),
        vec![0x16, 3, 1, 0xff, 0xff],
        vec![0x16, 3, 1, 0, 5, 1, 0, 0, 1, 0],
        i32::MAX.to_be_bytes().to_vec(),
        i32::MIN.to_be_bytes().to_vec(),
        startup(0, &[]),
        startup(0, &[("user", "")]),
        [request(SSL_REQUEST), request(SSL_REQUEST)].concat(),
        [request(SSL_REQUEST), b"plain text behind it".to_vec()].concat(),
        [vec![0, 0, 0, 9, 0, 3, 0, 0], vec![1]].concat(),
    ];
    // Pseudo-random bytes from a fixed seed: the same rubbish in every run.
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    for length in 1..40_usize {
        let bytes = (0..length * 7).map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()[0]
        });
        all.push(bytes.collect());
    }
    all
}

#[tokio::test]
async fn rubbish_on_every_port_hurts_nobody() -> Result<()> {
    let orders = Orders::start().await?;
    let client = orders.connect().await?;
    for bytes in rubbish() {
        answer(orders.port, &bytes)
            .await
            .with_context(|| format!("{bytes:02x?}"))?;
        answer(orders.tollgate.api_port(), &bytes)
            .await
            .with_context(|| format!("{bytes:02x?}"))?;
        client.simple_query("SELECT 1").await?;
    }
    assert!(
        !orders.tollgate.log().contains("panicked"),
        "{}",
        orders.tollgate.log()
    );
    Ok(())
}

#[tokio::test]
async fn rubbish_after_the_login_ends_only_its_own_session() -> Result<()> {
    let orders = Setup::newest()?.pool_size(2).start().await?;
    let bystander = orders.connect().await?;
    for bytes in rubbish() {
        let mut client = orders.scripted().await?;
        let _ = client.send(&bytes).await;
        let _ = client.send(&message(b'X', &[])).await;
        drop(client);
        bystander.simple_query("SELECT 1").await?;
    }
    let mut client = orders.scripted().await?;
    client.send(&[b'Q', 0x7f, 0xff, 0xff, 0xff]).await?;
    let heard = client.until_closed().await?;
    let error = heard.first().context("closed without a word")?;
    assert_eq!(error.sqlstate().as_deref(), Some("08P01"), "{error:?}");
    assert!(!orders.tollgate.log().contains("panicked"));
    Ok(())
}

#[tokio::test]
async fn declared_lengths_allocate_nothing() -> Result<()> {
    let orders = Orders::start().await?;
    let before = resident_kib(&orders)?;
    let mut clients = Vec::new();
    for _ in 0..50 {
        let mut client = orders.scripted().await?;
        // A query of one gibibyte that never comes.
        client.send(&[b'Q', 0x3f, 0xff, 0xff, 0xff, b'S']).await?;
        clients.push(client);
    }
    let grown = resident_kib(&orders)?.saturating_sub(before);
    assert!(grown < 64 * 1024, "{grown} KiB for 50 announcements");
    Ok(())
}

fn resident_kib(orders: &Orders) -> Result<u64> {
    let id = orders.tollgate.id().context("not running")?;
    let status = std::fs::read_to_string(format!("/proc/{id}/status"))?;
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .context("no VmRSS")?;
    Ok(line
        .split_whitespace()
        .nth(1)
        .context("no number")?
        .parse()?)
}

#[tokio::test]
async fn a_slow_handshake_is_cut() -> Result<()> {
    let mut setup = Setup::newest()?;
    setup.tollgate = setup.tollgate.arg("--handshake-timeout", "2");
    let orders = setup.start().await?;
    let started = Instant::now();
    let (mut read, mut write) = TcpStream::connect(("127.0.0.1", orders.port))
        .await?
        .into_split();
    let trickling = async {
        for byte in startup(0, &[("user", &"x".repeat(200))]) {
            if write.write_all(&[byte]).await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    let mut heard = Vec::new();
    tokio::select! {
        read = read.read_to_end(&mut heard) => { read.ok(); }
        () = trickling => anyhow::bail!("the whole startup packet was taken, a byte at a time"),
    }
    println!("a slow handshake was cut after {:?}", started.elapsed());
    Ok(())
}

#[tokio::test]
async fn ssl_and_gss_requests_get_one_byte() -> Result<()> {
    let orders = Orders::start().await?;
    let mut client = ScriptedClient::plain(orders.port).await?;
    client.send(&request(GSS_ENC_REQUEST)).await?;
    assert_eq!(client.byte().await?, b'N');
    client.send(&request(SSL_REQUEST)).await?;
    assert_eq!(client.byte().await?, b'S');
    Ok(())
}

#[tokio::test]
async fn text_smuggled_behind_an_ssl_request_is_refused() -> Result<()> {
    let orders = Orders::start().await?;
    let smuggled = startup(0, &[("user", "app"), ("database", "orders")]);
    let heard = answer(orders.port, &[request(SSL_REQUEST), smuggled].concat()).await?;
    assert!(
        !heard.contains(&b'R'),
        "plain text behind SSLRequest was read: {heard:?}"
    );
    Ok(())
}

#[tokio::test]
async fn direct_tls_needs_the_right_alpn() -> Result<()> {
    let orders = Orders::start().await?;
    let tls = orders.tls.clone().alpn(&["postgresql"]);
    let mut client = ScriptedClient::direct_tls(orders.port, &tls).await?;
    client.login("app", "orders", &orders.token()).await?;
    client.query("SELECT 1").await?;
    client.until_ready().await?;
    for wrong in [orders.tls.clone(), orders.tls.clone().alpn(&["http/1.1"])] {
        let outcome = async {
            let mut client = ScriptedClient::direct_tls(orders.port, &wrong).await?;
            client.login("app", "orders", &orders.token()).await
        };
        assert!(
            outcome.await.is_err(),
            "direct TLS without ALPN was accepted"
        );
    }
    Ok(())
}

#[tokio::test]
async fn both_tls_versions_are_spoken_and_nothing_older() -> Result<()> {
    let orders = Orders::start().await?;
    let ca = std::fs::read_to_string(orders.tollgate.ca_file())?;
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let tls = ClientTls::with_versions(&ca, &[version])?;
        let mut client = ScriptedClient::tls(orders.port, &tls).await?;
        client.login("app", "orders", &orders.token()).await?;
    }
    // A ClientHello that offers TLS 1.0 at most.
    let mut hello = vec![0x16, 3, 1, 0, 45, 1, 0, 0, 41, 3, 1];
    hello.extend([7; 32]);
    hello.extend([0, 0, 2, 0, 0x2f, 1, 0]);
    let heard = answer(orders.port, &hello).await?;
    assert_ne!(heard.first(), Some(&0x16), "TLS 1.0 got a ServerHello");
    Ok(())
}

#[tokio::test]
async fn tls_early_data_is_not_taken() -> Result<()> {
    let orders = Orders::start().await?;
    let tls = orders.tls.clone().alpn(&["postgresql"]).early_data();
    for _ in 0..3 {
        let stream = TcpStream::connect(("127.0.0.1", orders.port)).await?;
        let mut stream = tls.connect("127.0.0.1", stream).await?;
        assert!(!stream.get_ref().1.is_early_data_accepted());
        // Let the session tickets arrive, so that the next round could resume.
        stream
            .write_all(&startup(0, &[("user", "app"), ("database", "orders")]))
            .await?;
        let mut asked = [0; 9];
        stream.read_exact(&mut asked).await?;
    }
    Ok(())
}

#[tokio::test]
async fn newer_protocols_and_unknown_options_are_negotiated() -> Result<()> {
    let orders = Orders::start().await?;
    let log_in = async |minor: u16, options: &[(&str, &str)]| {
        let mut client = ScriptedClient::tls(orders.port, &orders.tls).await?;
        let known = [("user", "app"), ("database", "orders")];
        client.startup(minor, &[&known, options].concat()).await?;
        let first = client.next().await?;
        let negotiated = (first.tag == b'v').then_some(first.body);
        if negotiated.is_some() {
            assert_eq!(client.next().await?.tag, b'R');
        }
        client
            .send_message(b'p', &[orders.token().as_bytes(), b"\0"].concat())
            .await?;
        let heard = client.until_ready().await?;
        let key = heard
            .into_iter()
            .find(|message| message.tag == b'K')
            .context("no key")?;
        anyhow::Ok((negotiated, key.body.len()))
    };
    assert_eq!(log_in(0, &[]).await?, (None, 8));
    let (negotiated, key) = log_in(2, &[]).await?;
    assert!(
        negotiated.is_none() && key > 8 && key <= 260,
        "{negotiated:?} {key}"
    );
    let (negotiated, _) = log_in(9, &[("_pq_.future", "1")]).await?;
    let body = negotiated.context("a future protocol was not negotiated")?;
    assert_eq!(body.get(..8), Some([0, 3, 0, 2, 0, 0, 0, 1].as_slice()));
    assert_eq!(body.get(8..), Some(b"_pq_.future\0".as_slice()));
    Ok(())
}

#[tokio::test]
async fn tokens_of_sixteen_kibibytes_are_read_and_longer_ones_refused() -> Result<()> {
    let orders = Orders::start().await?;
    for (length, whole) in [(14_000, true), (70_000, false)] {
        let session = "s".repeat(length);
        let token = orders.token_of(&orders.function, |request| {
            request.session_token = Some(&session);
        });
        let mut client = ScriptedClient::tls(orders.port, &orders.tls).await?;
        let refused = client
            .login("app", "orders", &token)
            .await
            .unwrap_err()
            .to_string();
        let expected = if whole { "28000" } else { "" };
        assert!(refused.contains(expected), "{refused}");
    }
    orders.connect().await?.simple_query("SELECT 1").await?;
    Ok(())
}

#[tokio::test]
async fn byte_by_byte_is_as_good_as_whole() -> Result<()> {
    let orders = Orders::start().await?;
    let mut client = ScriptedClient::tls(orders.port, &orders.tls).await?;
    let packet = startup(0, &[("user", "app"), ("database", "orders")]);
    let password = message(b'p', &[orders.token().as_bytes(), b"\0"].concat());
    for byte in [packet, password, message(b'Q', b"SELECT 1\0")].concat() {
        client.send(&[byte]).await?;
    }
    assert_eq!(client.next().await?.tag, b'R');
    client.until_ready().await?;
    let tags: Vec<u8> = client
        .until_ready()
        .await?
        .iter()
        .map(|message| message.tag)
        .collect();
    assert_eq!(tags, b"TDCZ");
    Ok(())
}
