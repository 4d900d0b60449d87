//! Whether an IAM token lets its bearer in: claims, key, signature, policy — in that order.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;

use tollgate_iam::policy::{Context, Decision, Outcome, Request};
use tollgate_iam::session::ACCESS_KEY_PREFIX;
use tollgate_iam::token::{Expected, KeyKind, Rejection, SERVICE, SigningKey, Token};
use tollgate_types::{PrincipalKind, ProxyConfig};

use crate::identity::Principal;
use crate::running::{LoginRule, Running, RunningEndpoint};

/// What a token is checked against.
pub(crate) struct TokenCheck<'a> {
    /// The running configuration.
    pub(crate) running: &'a Running,
    /// The proxy connected to.
    pub(crate) proxy: &'a ProxyConfig,
    /// The endpoint connected to.
    pub(crate) endpoint: &'a RunningEndpoint,
    /// The auth rule of the user, if the proxy has one.
    pub(crate) rule: Option<&'a LoginRule>,
    /// User the client wants to be.
    pub(crate) user: &'a str,
    /// Database or schema it wants; may be empty.
    pub(crate) database: &'a str,
    /// `rds-db:Engine` in conditions.
    pub(crate) engine: &'static str,
    /// The socket's peer.
    pub(crate) source: IpAddr,
    /// `1.2` or `1.3`.
    pub(crate) tls_version: &'a str,
    /// Seconds since the epoch.
    pub(crate) now_unix: i64,
}

/// What became known on the way to a verdict; kept for the audit event even when it is a refusal.
#[derive(Default)]
pub(crate) struct Findings {
    /// Access key named in the token.
    pub(crate) access_key_id: Option<String>,
    /// When the token says it was signed.
    pub(crate) issued_unix: Option<i64>,
    /// The caller.
    pub(crate) principal: Option<Arc<Principal>>,
    /// What decided.
    pub(crate) policy: Option<String>,
    /// A sentence for the operator.
    pub(crate) detail: String,
}

/// Checks `text`. On success `findings.principal` is set.
pub(crate) fn check(
    text: &str,
    with: &TokenCheck<'_>,
    findings: &mut Findings,
) -> Result<(), Rejection> {
    let token = Token::parse(text).inspect_err(|_| {
        "what came as password is not an IAM token".clone_into(&mut findings.detail);
    })?;
    findings.access_key_id = Some(token.access_key_id().to_owned());
    findings.issued_unix = Some(token.issued_at());
    let region = with
        .running
        .arn
        .as_ref()
        .map_or("", |arn| arn.region.as_str());
    let expected = Expected {
        endpoints: &with.endpoint.authorities,
        db_user: with.user,
        region,
        now_unix: with.now_unix,
    };
    token.check_claims(&expected).inspect_err(|reason| {
        findings.detail = claim_detail(*reason, &token, &expected);
    })?;
    let principal = match signing_key(&token, with, findings) {
        Ok((key, principal)) => {
            token.check_signature(&key).inspect_err(|_| {
                "the signature does not belong to this token and key"
                    .clone_into(&mut findings.detail);
            })?;
            principal
        }
        Err(reason) => {
            // The same work as for a known key, so that the time taken does not tell which keys exist.
            let _ = token.check_signature(&SigningKey::dummy());
            return Err(reason);
        }
    };
    findings.principal = Some(Arc::clone(&principal));
    if with.rule.is_none() {
        findings.detail = super::no_secret(with.user);
        return Err(Rejection::NoSecretForUser);
    }
    authorise(with, &token, &principal, findings)
}

/// The key that must have signed, and whose it is.
fn signing_key<'a>(
    token: &Token,
    with: &TokenCheck<'a>,
    findings: &mut Findings,
) -> Result<(Cow<'a, SigningKey>, Arc<Principal>), Rejection> {
    if token.access_key_id().starts_with(ACCESS_KEY_PREFIX) {
        return session_key(token, with, findings);
    }
    let running = with.running;
    let Some(key) = running.identity.access_key(token.access_key_id()) else {
        "no such access key".clone_into(&mut findings.detail);
        return Err(Rejection::UnknownAccessKey);
    };
    if !key.active {
        "the access key is inactive".clone_into(&mut findings.detail);
        return Err(Rejection::KeyInactive);
    }
    token.check_key_kind(KeyKind::LongTerm).inspect_err(|_| {
        "a session token came with a long-term access key".clone_into(&mut findings.detail);
    })?;
    let Some(signing) = key.signing_key(token.date(), token.region()) else {
        findings.detail = format!(
            "the configuration (revision {}) holds no signing key for {}",
            running.revision.0,
            token.date()
        );
        return Err(Rejection::SnapshotTooOld);
    };
    Ok((Cow::Borrowed(signing), Arc::clone(&key.principal)))
}

/// As [`signing_key`], for temporary credentials: their secret follows from their token.
fn session_key(
    token: &Token,
    with: &TokenCheck<'_>,
    findings: &mut Findings,
) -> Result<(Cow<'static, SigningKey>, Arc<Principal>), Rejection> {
    let Some(session_token) = token.session_token() else {
        "temporary credentials came without their session token".clone_into(&mut findings.detail);
        return Err(Rejection::SessionTokenMissing);
    };
    let Some(base) = &with.running.arn else {
        return Err(Rejection::SnapshotTooOld);
    };
    let presented = (token.access_key_id(), session_token);
    let opened = with
        .running
        .identity
        .session(base, presented, with.now_unix)
        .inspect_err(|reason| findings.detail = reason.to_string())?;
    let key = SigningKey::derive(&opened.secret, token.date(), token.region(), SERVICE);
    Ok((Cow::Owned(key), opened.principal))
}

fn authorise(
    with: &TokenCheck<'_>,
    token: &Token,
    principal: &Principal,
    findings: &mut Findings,
) -> Result<(), Rejection> {
    let Some(arn) = &with.running.arn else {
        return Err(Rejection::SnapshotTooOld);
    };
    let resource = arn.connect(&with.proxy.id, with.user);
    let context = context(with, token, principal);
    let request = Request {
        action: "rds-db:connect",
        resource: &resource,
        context: &context,
    };
    let decision = principal.policies.evaluate(&request);
    findings.policy = Some(decided_by(&decision));
    match decision.outcome {
        Outcome::Allow => Ok(()),
        Outcome::ExplicitDeny => {
            findings.detail = format!("a policy denies rds-db:connect on {resource}");
            Err(Rejection::PolicyExplicitDeny)
        }
        Outcome::ImplicitDeny => {
            findings.detail = format!("no policy allows rds-db:connect on {resource}");
            Err(Rejection::PolicyImplicitDeny)
        }
    }
}

fn decided_by(decision: &Decision) -> String {
    match &decision.statement {
        Some(statement) => {
            let sid = statement.sid.as_deref().unwrap_or("-");
            format!(
                "{:?}: {} v{} statement {} ({sid})",
                decision.layer, statement.policy, statement.version, statement.index
            )
        }
        None => format!("{:?}: no statement matched", decision.layer),
    }
}

fn context(with: &TokenCheck<'_>, token: &Token, principal: &Principal) -> Context {
    let mut context = Context::new();
    if principal.kind == PrincipalKind::User {
        context.set("aws:username", principal.name.as_str());
    }
    let kind = match principal.kind {
        PrincipalKind::Root => "Account",
        PrincipalKind::User => "User",
        PrincipalKind::Role => "AssumedRole",
    };
    context.set("aws:userid", principal.id.as_str());
    context.set("aws:PrincipalArn", principal.own_arn.as_ref());
    context.set("aws:PrincipalType", kind);
    for (name, value) in &principal.tags {
        context.set(&format!("aws:PrincipalTag/{name}"), value.as_str());
    }
    for (name, value) in &with.proxy.tags {
        context.set(&format!("aws:ResourceTag/{name}"), value.as_str());
    }
    let time = |unix: i64| {
        chrono::DateTime::from_timestamp(unix, 0)
            .map(|at| at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true))
            .unwrap_or_default()
    };
    context.set("aws:CurrentTime", time(with.now_unix));
    context.set("aws:EpochTime", with.now_unix.to_string());
    context.set("aws:TokenIssueTime", time(token.issued_at()));
    context.set("aws:SourceIp", with.source.to_canonical().to_string());
    context.set("aws:SecureTransport", "true");
    context.set("rds-db:DatabaseUser", with.user);
    context.set("rds-db:DatabaseName", with.database);
    context.set("rds-db:ProxyName", with.proxy.name.as_str());
    context.set("rds-db:Engine", with.engine);
    context.set("rds-db:TlsVersion", with.tls_version);
    match &principal.session {
        Some(claims) => {
            claims.describe(&mut context);
            context.set("rds-db:AuthMethod", "sts");
        }
        None => {
            context.set("rds-db:AuthMethod", "own-key");
        }
    }
    context
}

fn claim_detail(reason: Rejection, token: &Token, expected: &Expected<'_>) -> String {
    if reason == Rejection::HostMismatch {
        let hosts: Vec<String> = expected
            .endpoints
            .iter()
            .map(|e| format!("{}:{}", e.host, e.port))
            .collect();
        return format!(
            "the token is for {}:{}, this endpoint is {}",
            token.host(),
            token.port(),
            hosts.join(" or ")
        );
    }
    if reason == Rejection::UserMismatch {
        return format!(
            "the token is for user \"{}\", the connection for \"{}\"",
            token.db_user(),
            expected.db_user
        );
    }
    if reason == Rejection::WrongRegion {
        return format!(
            "the token is for region {}, this installation is {}",
            token.region(),
            expected.region
        );
    }
    if reason == Rejection::Expired {
        let ago = expected.now_unix.saturating_sub(token.expires_at());
        return format!("the token expired {ago} s ago");
    }
    if reason == Rejection::NotYetValid {
        let ahead = token.issued_at().saturating_sub(expected.now_unix);
        return format!("the token was signed {ahead} s in the future: compare the clocks");
    }
    reason.code().to_owned()
}
