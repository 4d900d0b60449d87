//! Streams over real sockets.

use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Wake, Waker};

use tokio::net::TcpListener;

use super::*;
use crate::tls::tests::{Authority, any_server};
use crate::tls::{ServerTls, client_config};

const MEBIBYTE: usize = 1024 * 1024;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Plain,
    Tls,
}

const BOTH: [Kind; 2] = [Kind::Plain, Kind::Tls];

async fn sockets() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (near, far) = tokio::join!(TcpStream::connect(address), listener.accept());
    let (near, far) = (near.unwrap(), far.unwrap().0);
    tune_server_socket(&near).unwrap();
    tune_client_socket(&far).unwrap();
    (near, far)
}

async fn tls_pair(config: &Arc<ClientConfig>, server: &ServerTls) -> (Stream, Stream) {
    let (near, far) = sockets().await;
    let name = ServerName::try_from("db.test").unwrap();
    let (near, far) = tokio::join!(
        connect_tls(near, Arc::clone(config), name),
        accept_tls(far, Arc::clone(&server.upgraded))
    );
    (near.unwrap(), far.unwrap().0)
}

/// Our server-side role as `near`, the other end as `far`.
async fn pair(kind: Kind) -> (Stream, Stream) {
    match kind {
        Kind::Plain => {
            let (near, far) = sockets().await;
            (Stream::Plain(near), Stream::Plain(far))
        }
        Kind::Tls => {
            let server = ServerTls::new(&Authority::new().server(&["db.test"])).unwrap();
            tls_pair(&client_config(&any_server()).unwrap(), &server).await
        }
    }
}

/// Sends all of `out` and reads `expected` bytes at the same time, as a relay does.
async fn exchange(stream: &mut Stream, out: &[u8], expected: usize) -> Vec<u8> {
    let mut sent = 0;
    let mut received = Vec::new();
    let mut buf = vec![0; 3000];
    poll_fn(|cx| {
        while sent < out.len() {
            let halves = out[sent..].split_at(out[sent..].len() / 2);
            let slices = [IoSlice::new(halves.0), IoSlice::new(halves.1)];
            match stream.poll_write_vectored(cx, &slices) {
                Poll::Ready(count) => sent += count.unwrap(),
                Poll::Pending => break,
            }
        }
        let flushed = stream.poll_flush(cx).map(Result::unwrap);
        while received.len() < expected {
            let count = ready!(stream.poll_read(cx, &mut buf)).unwrap();
            assert_ne!(count, 0, "closed too early");
            received.extend_from_slice(&buf[..count]);
        }
        if sent == out.len() {
            flushed
        } else {
            Poll::Pending
        }
    })
    .await;
    received
}

fn pattern(seed: u8, length: usize) -> Vec<u8> {
    (0..length)
        .map(|index| u8::try_from(index % 251).unwrap() ^ seed)
        .collect()
}

fn now<T>(poll: impl FnOnce(&mut Context<'_>) -> Poll<T>) -> Poll<T> {
    poll(&mut Context::from_waker(Waker::noop()))
}

async fn idle(stream: &mut Stream) -> IdleEvent {
    poll_fn(|cx| stream.poll_idle(cx)).await
}

#[tokio::test]
async fn carries_a_mebibyte_both_ways_at_once() {
    for kind in BOTH {
        let (mut near, mut far) = pair(kind).await;
        let (there, back) = (pattern(1, MEBIBYTE), pattern(2, MEBIBYTE));
        let (at_near, at_far) = tokio::join!(
            exchange(&mut near, &there, MEBIBYTE),
            exchange(&mut far, &back, MEBIBYTE)
        );
        assert!(at_near == back && at_far == there, "{kind:?}");
    }
}

/// Whether somebody was woken.
#[derive(Default)]
struct Bell(AtomicBool);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

async fn until_readable(stream: &Stream) {
    while !stream.is_readable() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// What a relay relies on when it leaves a socket alone: a read that found nothing is followed by a wake-up when
/// there is something, and until then the stream is not readable.
#[tokio::test]
async fn a_stream_that_is_left_alone_wakes_who_read_last() {
    for kind in BOTH {
        let (mut near, mut far) = pair(kind).await;
        let bell = Arc::new(Bell::default());
        let waker = Waker::from(Arc::clone(&bell));
        let mut buf = [0; 64];
        for round in 0..3 {
            bell.0.store(false, Ordering::Relaxed);
            assert!(
                near.poll_read(&mut Context::from_waker(&waker), &mut buf)
                    .is_pending()
            );
            assert_eq!(Watch::after_pending(), Watch::On);
            assert!(!near.is_readable(), "{kind:?} {round}");
            far.write_all(b"word").await.unwrap();
            until_readable(&near).await;
            assert!(bell.0.load(Ordering::Relaxed), "{kind:?} {round}");
            // A session ticket may have come before it.
            let count = poll_fn(|cx| near.poll_read(cx, &mut buf)).await.unwrap();
            assert_eq!(&buf[..count], b"word", "{kind:?} {round}");
        }
        assert!(now(|cx| near.poll_read(cx, &mut buf)).is_pending());
        drop(far);
        until_readable(&near).await;
    }
}

/// The socket has nothing any more, and nobody would be woken: what rustls holds must be seen without it.
#[tokio::test]
async fn a_stream_that_is_read_in_part_is_readable_until_it_is_empty() {
    for kind in BOTH {
        let (mut near, mut far) = pair(kind).await;
        let mut buf = [0; 64];
        assert!(now(|cx| near.poll_read(cx, &mut buf)).is_pending());
        assert!(!near.may_be_read(), "{kind:?}");
        let bell = Arc::new(Bell::default());
        let waker = Waker::from(Arc::clone(&bell));
        for round in 0..3 {
            bell.0.store(false, Ordering::Relaxed);
            let readable = near.poll_readable(&mut Context::from_waker(&waker));
            assert!(readable.is_pending(), "{kind:?} {round}");
            far.write_all(b"two words").await.unwrap();
            until_readable(&near).await;
            assert!(bell.0.load(Ordering::Relaxed), "{kind:?} {round}");
            let first = poll_fn(|cx| near.poll_read(cx, &mut buf[..3]))
                .await
                .unwrap();
            assert_eq!(&buf[..first], b"two", "{kind:?} {round}");
            assert!(near.may_be_read(), "{kind:?} {round}");
            assert!(
                now(|cx| near.poll_readable(cx)).is_ready(),
                "{kind:?} {round}"
            );
            let rest = poll_fn(|cx| near.poll_read(cx, &mut buf)).await.unwrap();
            assert_eq!(&buf[..rest], b" words", "{kind:?} {round}");
            assert!(!near.may_be_read(), "{kind:?} {round}");
        }
        far.shutdown();
        until_readable(&near).await;
        assert!(now(|cx| near.poll_readable(cx)).is_ready(), "{kind:?}");
        assert_eq!(poll_fn(|cx| near.poll_read(cx, &mut buf)).await.unwrap(), 0);
        assert!(near.may_be_read(), "{kind:?}: an end is something to read");
    }
}

/// Such a peer must not keep the thread for itself.
#[tokio::test]
async fn a_peer_that_sends_tickets_only_does_not_outstay_its_turn() {
    let mut server = ServerTls::new(&Authority::new().server(&["db.test"])).unwrap();
    Arc::make_mut(&mut server.upgraded).send_tls13_tickets = 200;
    let config = client_config(&any_server()).unwrap();
    let (mut near, mut far) = tls_pair(&config, &server).await;
    far.write_all(b"word").await.unwrap();
    until_readable(&near).await;
    let mut buf = [0; 64];
    poll_fn(|cx| {
        while let Poll::Ready(left) = coop::poll_proceed(cx) {
            left.made_progress();
        }
        assert!(near.poll_read(cx, &mut buf).is_pending());
        Poll::Ready(())
    })
    .await;
    assert!(near.is_readable(), "it has read all of it");
    tokio::task::yield_now().await;
    let count = poll_fn(|cx| near.poll_read(cx, &mut buf)).await.unwrap();
    assert_eq!(&buf[..count], b"word");
}

#[tokio::test]
async fn carries_single_bytes() {
    for kind in BOTH {
        let (mut near, mut far) = pair(kind).await;
        let text = pattern(3, 300);
        let mut received = BytesMut::new();
        for byte in &text {
            near.write_all(&[*byte]).await.unwrap();
            far.read_some(&mut received).await.unwrap();
        }
        assert_eq!(received, text, "{kind:?}");
    }
}

#[tokio::test]
async fn a_peer_that_does_not_read_stops_the_writer_and_loses_nothing() {
    for kind in BOTH {
        let (mut near, mut far) = pair(kind).await;
        let chunk = pattern(4, 64 * 1024);
        let mut taken = 0;
        while let Poll::Ready(count) =
            now(|cx| near.poll_write_vectored(cx, &[IoSlice::new(&chunk[taken % chunk.len()..])]))
        {
            taken += count.unwrap();
            assert!(taken < 64 * MEBIBYTE, "{kind:?}: nothing stops the writer");
            tokio::task::yield_now().await;
        }
        assert_eq!(near.has_pending_output(), kind == Kind::Tls);
        let expected: Vec<u8> = chunk.iter().copied().cycle().take(taken).collect();
        let (_, received) =
            tokio::join!(exchange(&mut near, &[], 0), exchange(&mut far, &[], taken));
        assert!(received == expected, "{kind:?}");
        assert!(!near.has_pending_output());
    }
}

#[tokio::test]
async fn a_goodbye_is_the_end_after_the_last_byte() {
    for kind in BOTH {
        let (mut near, mut far) = pair(kind).await;
        near.last_words(b"bye");
        let mut received = BytesMut::new();
        while far.read_some(&mut received).await.unwrap() > 0 {}
        assert_eq!(&received[..], b"bye", "{kind:?}");
    }
}

#[tokio::test]
async fn a_cut_tls_stream_is_not_a_clean_end() {
    let (mut near, far) = pair(Kind::Tls).await;
    let Stream::Tls(far) = far else {
        panic!("TLS was asked for")
    };
    drop(far.tcp);
    let error = near.read_some(&mut BytesMut::new()).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
}

#[tokio::test]
async fn a_quiet_connection_stays_idle() {
    for kind in BOTH {
        let (mut near, mut far) = pair(kind).await;
        far.write_all(b"Z").await.unwrap();
        near.read_some(&mut BytesMut::new()).await.unwrap();
        // Whatever the kernel had to say by now (the session ticket, under TLS) is no event.
        let quiet = tokio::time::timeout(Duration::from_millis(50), idle(&mut near)).await;
        assert!(quiet.is_err(), "{kind:?}: {quiet:?}");
    }
}

#[tokio::test]
async fn bytes_on_an_idle_connection_are_an_event_and_stay_readable() {
    for kind in BOTH {
        let (mut near, mut far) = pair(kind).await;
        assert!(now(|cx| near.poll_idle(cx)).is_pending());
        far.write_all(b"E").await.unwrap();
        assert!(
            matches!(idle(&mut near).await, IdleEvent::Bytes),
            "{kind:?}"
        );
        let mut received = BytesMut::new();
        near.read_some(&mut received).await.unwrap();
        assert_eq!(&received[..], b"E");
    }
}

#[tokio::test]
async fn the_end_of_an_idle_connection_is_an_event() {
    for kind in BOTH {
        let (mut near, mut far) = pair(kind).await;
        assert!(now(|cx| near.poll_idle(cx)).is_pending());
        far.shutdown();
        assert!(
            matches!(idle(&mut near).await, IdleEvent::Closed),
            "{kind:?}"
        );
    }
}

#[tokio::test]
async fn the_reset_of_an_idle_connection_is_an_event() {
    for kind in BOTH {
        let (mut near, far) = pair(kind).await;
        SockRef::from(far.tcp())
            .set_linger(Some(Duration::ZERO))
            .unwrap();
        drop(far);
        assert!(
            matches!(idle(&mut near).await, IdleEvent::Failed(_)),
            "{kind:?}"
        );
    }
}

#[tokio::test]
async fn a_key_update_is_answered_and_is_no_event() {
    let (mut near, mut far) = pair(Kind::Tls).await;
    for _ in 0..3 {
        let Stream::Tls(tls) = &mut far else {
            panic!("TLS was asked for")
        };
        tls.session.refresh_traffic_keys().unwrap();
        poll_fn(|cx| far.poll_flush(cx)).await.unwrap();
        let quiet = tokio::time::timeout(Duration::from_millis(50), idle(&mut near)).await;
        assert!(quiet.is_err(), "{quiet:?}");
    }
    let (there, back) = (pattern(5, 1000), pattern(6, 1000));
    let (at_near, at_far) = tokio::join!(
        exchange(&mut near, &there, 1000),
        exchange(&mut far, &back, 1000)
    );
    assert!(at_near == back && at_far == there);
}

#[tokio::test]
async fn moves_between_runtimes_with_its_keys() {
    for kind in BOTH {
        let (mut near, mut far) = pair(kind).await;
        near.write_all(b"before").await.unwrap();
        far.read_some(&mut BytesMut::new()).await.unwrap();
        let parked = near.deregister().unwrap();
        let (there, back) = (pattern(7, 100_000), pattern(8, 100_000));
        let (sent, expected) = (there.clone(), back.clone());
        let other_shard = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let mut near = parked.register().unwrap();
                let received = exchange(&mut near, &sent, expected.len()).await;
                assert!(received == expected);
                near.shutdown();
            });
        });
        let received = exchange(&mut far, &back, there.len()).await;
        assert!(received == there, "{kind:?}");
        assert_eq!(far.read_some(&mut BytesMut::new()).await.unwrap(), 0);
        other_shard.join().unwrap();
    }
}

#[tokio::test]
async fn bytes_that_came_before_the_move_are_not_lost() {
    for kind in BOTH {
        let (near, mut far) = pair(kind).await;
        let parked = near.deregister().unwrap();
        far.write_all(b"waiting").await.unwrap();
        let mut near = parked.register().unwrap();
        assert!(
            matches!(idle(&mut near).await, IdleEvent::Bytes),
            "{kind:?}"
        );
    }
}

#[test]
fn both_forms_can_be_sent_to_another_thread() {
    fn is_send<T: Send>() {}
    is_send::<Stream>();
    is_send::<Parked>();
}

#[tokio::test]
async fn a_client_that_gives_up_ends_the_handshake() {
    let server = ServerTls::new(&Authority::new().server(&["db.test"])).unwrap();
    let (near, far) = sockets().await;
    near.try_write(&[0x16, 3, 1, 0, 200]).unwrap();
    drop(near);
    let refused = accept_tls(far, server.upgraded)
        .await
        .map(|_| ())
        .unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::UnexpectedEof);
}

#[tokio::test]
async fn rubbish_instead_of_a_handshake_is_answered_with_an_alert() {
    let server = ServerTls::new(&Authority::new().server(&["db.test"])).unwrap();
    let (near, far) = sockets().await;
    let mut near = Stream::Plain(near);
    near.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    let refused = accept_tls(far, server.upgraded)
        .await
        .map(|_| ())
        .unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::InvalidData);
    let mut answer = BytesMut::new();
    near.read_some(&mut answer).await.unwrap();
    assert_eq!(answer.first(), Some(&0x15), "{answer:?}");
}

#[tokio::test]
async fn the_second_handshake_with_a_server_is_resumed() {
    let server = ServerTls::new(&Authority::new().server(&["db.test"])).unwrap();
    let config = client_config(&any_server()).unwrap();
    let mut kinds = Vec::new();
    for _ in 0..2 {
        let (mut near, mut far) = tls_pair(&config, &server).await;
        // The ticket follows the handshake and is read with the first bytes.
        far.write_all(b"Z").await.unwrap();
        near.read_some(&mut BytesMut::new()).await.unwrap();
        let Stream::Tls(tls) = &near else {
            panic!("TLS was asked for")
        };
        kinds.push(tls.session.handshake_kind());
        assert!(near.peer_certificate().is_some());
    }
    assert_ne!(kinds[0], Some(rustls::HandshakeKind::Resumed));
    assert_eq!(kinds[1], Some(rustls::HandshakeKind::Resumed));
}

#[tokio::test]
async fn tells_how_the_client_came_in() {
    let server = ServerTls::new(&Authority::new().server(&["db.test"])).unwrap();
    let config = client_config(&any_server()).unwrap();
    let (near, far) = sockets().await;
    let name = ServerName::try_from("db.test").unwrap();
    let (_near, accepted) = tokio::join!(
        connect_tls(near, config, name),
        accept_tls(far, server.direct)
    );
    let (stream, info) = accepted.unwrap();
    let expected = TlsInfo {
        version: "1.3",
        sni: Some("db.test".to_owned()),
        alpn: Some(b"postgresql".to_vec()),
    };
    assert_eq!(info, expected);
    assert!(stream.is_tls() && stream.tls_version() == Some("1.3"));
}
