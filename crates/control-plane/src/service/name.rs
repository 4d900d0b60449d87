//! Resources may be named by name, id or ARN; here all of them become what the store looks for.

use tollgate_types::Arn;

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

/// The name in `arn:aws:iam::…:KIND/NAME`, or the text itself. `kind` is user, group, role or policy.
pub(crate) fn iam<'t>(arn: &Arn, kind: &str, text: &'t str) -> &'t str {
    text.strip_prefix(arn.iam(&format!("{kind}/")).as_str())
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
        assert_eq!(iam(&arn, "user", "arn:aws:iam::1:user/fn"), "fn");
        assert_eq!(secret(&arn, &arn.secret("a-b/c", "AbCdEf")), "a-b/c");
        assert_eq!(secret(&arn, "a-b"), "a-b");
    }
}
