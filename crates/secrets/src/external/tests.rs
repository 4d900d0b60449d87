//! Answers of Secrets Manager that no emulator gives, from a socket that says them.

use aws_sdk_secretsmanager::config::retry::RetryConfig;
use aws_sdk_secretsmanager::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_secretsmanager::{Client, Config};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::fetch::{self, Fetched, Trouble};
use super::*;

const ARN: &str = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:a-AbCdEf";

/// A client of a server that gives every request this answer.
async fn client_of(status: u16, body: String) -> Client {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let answer = format!(
                "HTTP/1.1 {status} X\r\ncontent-type: application/x-amz-json-1.1\r\ncontent-length: {}\r\n\
                 connection: close\r\n\r\n{body}",
                body.len()
            );
            let mut request = [0; 8_192];
            let _ = socket.read(&mut request).await;
            let _ = socket.write_all(answer.as_bytes()).await;
        }
    });
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-west-1"))
        .endpoint_url(url)
        .retry_config(RetryConfig::disabled())
        .credentials_provider(Credentials::for_tests());
    Client::from_conf(config.build())
}

async fn refused(status: u16, code: &str) -> Trouble {
    let body = format!(r#"{{"__type":"{code}","Message":"said by AWS"}}"#);
    let client = client_of(status, body).await;
    fetch::newest(&client, ARN, Some("v1")).await.unwrap_err()
}

fn known() -> Shared {
    let values = ExternalValues {
        version_id: "v1".to_owned(),
        texts: vec![SecretString::from("one")],
        trouble: None,
    };
    Shared {
        state: Mutex::new(ExternalState::Known(values)),
        hurry: Notify::new(),
    }
}

#[tokio::test]
async fn what_passes_leaves_the_values_in_use() {
    for (status, code) in [
        (400, "ThrottlingException"),
        (500, "InternalServiceError"),
        (400, "ExpiredTokenException"),
        (400, "UnrecognizedClientException"),
    ] {
        let trouble = refused(status, code).await;
        assert!(matches!(trouble, Trouble::Passing(_)), "{code}: {trouble}");
        let shared = known();
        shared.take(ARN, Err(trouble));
        let ExternalState::Known(values) = shared.state.lock().clone() else {
            panic!("{code}: the values are gone");
        };
        assert_eq!(values.texts, [SecretString::from("one")]);
        assert!(values.trouble.is_some_and(|words| words.contains(code)));
        shared.take(ARN, Ok(Fetched::Unchanged));
        assert!(matches!(&*shared.state.lock(), ExternalState::Known(it) if it.trouble.is_none()));
    }
}

#[tokio::test]
async fn what_aws_denies_is_not_used_any_more() {
    for code in [
        "ResourceNotFoundException",
        "InvalidRequestException",
        "AccessDeniedException",
    ] {
        let trouble = refused(400, code).await;
        let shared = known();
        shared.take(ARN, Err(trouble));
        let state = shared.state.lock().clone();
        let said = matches!(&state, ExternalState::Unreadable(words) if words.contains(code));
        assert!(said, "{code}: {state:?}");
    }
}

#[tokio::test]
async fn nothing_of_a_foreign_answer_is_repeated() {
    for status in [200, 302, 502] {
        let client = client_of(status, "<html>hunter2</html>".to_owned()).await;
        let trouble = fetch::newest(&client, ARN, None).await.unwrap_err();
        assert!(matches!(trouble, Trouble::Passing(_)), "{trouble}");
        assert!(!trouble.to_string().contains("hunter2"), "{trouble}");
    }
}
