//! Path `token`: a login token parsed and verified in full; the day's key is there already.

use tollgate_iam::token::{Authority, Expected, MintRequest, SERVICE, SigningKey, Token, mint};

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
/// 21 November 2026, noon.
const NOW: i64 = 1_795_262_400;

/// Verifies one token per call; returns 1 when it is good.
pub(crate) fn prepare() -> impl FnMut() -> usize {
    let token = mint(&MintRequest {
        access_key_id: "AKIDEXAMPLE",
        secret_access_key: SECRET,
        session_token: None,
        region: "us-east-1",
        host: "db.example.com",
        port: 5432,
        db_user: "app",
        now_unix: NOW,
    });
    let endpoints = [Authority {
        host: "db.example.com".to_owned(),
        port: 5432,
    }];
    let key = SigningKey::derive(SECRET, "20261121", "us-east-1", SERVICE);
    move || {
        let expected = Expected {
            endpoints: &endpoints,
            db_user: "app",
            region: "us-east-1",
            now_unix: NOW + 5,
        };
        let verified = Token::parse(std::hint::black_box(&token)).and_then(|token| {
            token.check_claims(&expected)?;
            token.check_signature(&key)
        });
        usize::from(verified.is_ok())
    }
}
