//! Makes login tokens, byte for byte as boto3's `generate_db_auth_token` does.

use std::fmt;
use std::fmt::Write as _;

use aws_lc_rs::digest;
use aws_sigv4::sign::v4;

use super::SERVICE;
use crate::{amz_date, percent};

/// Whom a token is for and who makes it. `Debug` prints no secret.
#[derive(Clone, Copy)]
pub struct MintRequest<'a> {
    /// Access key id.
    pub access_key_id: &'a str,
    /// The secret that belongs to it.
    pub secret_access_key: &'a str,
    /// The session token of temporary credentials.
    pub session_token: Option<&'a str>,
    /// Region of the credential scope.
    pub region: &'a str,
    /// Host the client dials, in any case; an IPv6 address may lack its brackets.
    pub host: &'a str,
    /// Port the client dials.
    pub port: u16,
    /// Database user.
    pub db_user: &'a str,
    /// The present second since the epoch; clamped to the years 1970 to 9999.
    pub now_unix: i64,
}

impl fmt::Debug for MintRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MintRequest")
            .field("access_key_id", &self.access_key_id)
            .field("host", &self.host)
            .field("port", &self.port)
            .field("db_user", &self.db_user)
            .finish_non_exhaustive()
    }
}

/// Makes a token that lives for 900 seconds.
pub fn mint(request: &MintRequest<'_>) -> String {
    let amz_date = amz_date::format(request.now_unix);
    let date = amz_date.get(..8).unwrap_or_default();
    let scope = format!("{date}/{}/{SERVICE}/aws4_request", request.region);
    let query = Query::new(request, &scope, &amz_date);

    let shown_host = if request.host.contains(':') && !request.host.starts_with('[') {
        format!("[{}]", request.host)
    } else {
        request.host.to_owned()
    };
    // botocore signs the lower-case host without the default port of https, and prints both as given.
    let mut signed_host = shown_host.to_ascii_lowercase();
    if request.port != 443 {
        let _ = write!(signed_host, ":{}", request.port);
    }
    let empty_hash = hex::encode(digest::digest(&digest::SHA256, b""));
    let canonical = format!(
        "GET\n/\n{}\nhost:{signed_host}\n\nhost\n{empty_hash}",
        query.canonical()
    );
    let string_to_sign = format!(
        "AWS4-HMAC-SHA256\n{amz_date}\n{scope}\n{}",
        hex::encode(digest::digest(&digest::SHA256, canonical.as_bytes()))
    );
    let key = v4::generate_signing_key(
        request.secret_access_key,
        amz_date::system_time(request.now_unix),
        request.region,
        SERVICE,
    );
    let signature = v4::calculate_signature(key, string_to_sign.as_bytes());
    format!(
        "{shown_host}:{}/?{}&X-Amz-Signature={signature}",
        request.port,
        query.shown()
    )
}

/// The query in two orders: signed order is by name, botocore prints the session token after the headers.
struct Query {
    head: String,
    session_token: String,
}

const SIGNED_HEADERS: &str = "&X-Amz-SignedHeaders=host";

impl Query {
    fn new(request: &MintRequest<'_>, scope: &str, amz_date: &str) -> Self {
        let head = format!(
            "Action=connect&DBUser={}&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={}&X-Amz-Date={amz_date}&X-Amz-Expires=900",
            percent::encode(request.db_user),
            percent::encode(&format!("{}/{scope}", request.access_key_id)),
        );
        let session_token = request.session_token.map_or_else(String::new, |token| {
            format!("&X-Amz-Security-Token={}", percent::encode(token))
        });
        Self {
            head,
            session_token,
        }
    }

    fn canonical(&self) -> String {
        [self.head.as_str(), &self.session_token, SIGNED_HEADERS].concat()
    }

    fn shown(&self) -> String {
        [self.head.as_str(), SIGNED_HEADERS, &self.session_token].concat()
    }
}
