//! Resources may be named by name, id or ARN; here all of them become what the store looks for.

use tollgate_types::{Arn, ProxyId};

/// What ids of target groups start with.
const TARGET_GROUP: &str = "prx-tg-";

/// The name in `arn:aws:rds:…:db:NAME`, or the text itself.
pub(crate) fn database<'t>(arn: &Arn, text: &'t str) -> &'t str {
    text.strip_prefix(arn.rds("db", "").as_str())
        .unwrap_or(text)
}

/// The id in `arn:aws:rds:…:db-proxy:ID`, or the text itself (a name or an id).
pub(crate) fn proxy<'t>(arn: &Arn, text: &'t str) -> &'t str {
    text.strip_prefix(arn.rds("db-proxy", "").as_str())
        .unwrap_or(text)
}

/// The id of the proxy in `arn:aws:rds:…:target-group:prx-tg-…`, or the text itself (the proxy's name or id).
pub(crate) fn target_group(arn: &Arn, text: &str) -> String {
    match text.strip_prefix(arn.rds("target-group", TARGET_GROUP).as_str()) {
        Some(letters) => format!("{}{letters}", ProxyId::PREFIX),
        None => text.to_owned(),
    }
}

/// ARN of a proxy's target group, whose id has the letters of the proxy's.
pub(crate) fn target_group_arn(arn: &Arn, proxy: &str) -> String {
    let letters = proxy.strip_prefix(ProxyId::PREFIX).unwrap_or(proxy);
    arn.rds("target-group", &format!("{TARGET_GROUP}{letters}"))
}

/// The id in `arn:aws:rds:…:db-proxy-endpoint:ID`, or the text itself.
pub(crate) fn endpoint<'t>(arn: &Arn, text: &'t str) -> &'t str {
    text.strip_prefix(arn.rds("db-proxy-endpoint", "").as_str())
        .unwrap_or(text)
}

/// The name in `arn:aws:iam::…:KIND/PATH/NAME`, or the text itself. `kind` is user, group, role or policy.
pub(crate) fn iam<'t>(arn: &Arn, kind: &str, text: &'t str) -> &'t str {
    text.strip_prefix(arn.iam(&format!("{kind}/")).as_str())
        .map_or(text, |rest| {
            rest.rsplit_once('/').map_or(rest, |(_path, name)| name)
        })
}

/// The URL without `https://` in `arn:aws:iam::…:oidc-provider/URL`, or the text itself.
pub(crate) fn oidc_provider<'t>(arn: &Arn, text: &'t str) -> &'t str {
    text.strip_prefix(arn.iam("oidc-provider/").as_str())
        .unwrap_or(text)
}

/// The name in `arn:aws:secretsmanager:…:secret:NAME-SUFFIX`, or the text itself.
pub(crate) fn secret<'t>(arn: &Arn, text: &'t str) -> &'t str {
    let with_dash = arn.secret("", "");
    let prefix = with_dash.strip_suffix('-').unwrap_or(&with_dash);
    text.strip_prefix(prefix)
        .and_then(|rest| rest.rsplit_once('-'))
        .map_or(text, |(name, _suffix)| name)
}

/// Whether this is the ARN of a secret, of this installation or of any account of AWS.
/// Source: Secrets Manager API, `SecretARNType`.
pub(crate) fn is_secret_arn(text: &str) -> bool {
    let parts: Vec<&str> = text.splitn(7, ':').collect();
    let [scheme, partition, service, region, account, kind, name] = parts.as_slice() else {
        return false;
    };
    let of_label = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
    let of_name = |c: u8| c.is_ascii_alphanumeric() || b"/_+=.@!-".contains(&c);
    (*scheme, *service, *kind) == ("arn", "secretsmanager", "secret")
        && partition.starts_with("aws")
        && partition.bytes().all(of_label)
        && (1..=64).contains(&region.len())
        && region.bytes().all(of_label)
        && account.len() == 12
        && account.bytes().all(|c| c.is_ascii_digit())
        && !name.is_empty()
        && name.bytes().all(of_name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_out_of_arns_of_this_installation_only() {
        let arn = Arn {
            region: "r".into(),
            account_id: "1".into(),
        };
        assert_eq!(database(&arn, "arn:aws:rds:r:1:db:orders-db"), "orders-db");
        assert_eq!(
            database(&arn, "arn:aws:rds:x:1:db:orders-db"),
            "arn:aws:rds:x:1:db:orders-db"
        );
        assert_eq!(proxy(&arn, "arn:aws:rds:r:1:db-proxy:prx-1"), "prx-1");
        let group = target_group_arn(&arn, "prx-1");
        assert_eq!(group, "arn:aws:rds:r:1:target-group:prx-tg-1");
        assert_eq!(target_group(&arn, &group), "prx-1");
        assert_eq!(target_group(&arn, "orders"), "orders");
        let reader = "arn:aws:rds:r:1:db-proxy-endpoint:prx-endpoint-1";
        assert_eq!(endpoint(&arn, reader), "prx-endpoint-1");
        assert_eq!(iam(&arn, "user", "arn:aws:iam::1:user/fn"), "fn");
        assert_eq!(iam(&arn, "user", "arn:aws:iam::1:user/a/b/fn"), "fn");
        let provider = "arn:aws:iam::1:oidc-provider/idp.example/a";
        assert_eq!(oidc_provider(&arn, provider), "idp.example/a");
        assert_eq!(secret(&arn, &arn.secret("a-b/c", "AbCdEf")), "a-b/c");
        assert_eq!(secret(&arn, "a-b"), "a-b");
    }
}
