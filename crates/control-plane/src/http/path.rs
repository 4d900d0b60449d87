//! Paths of resources, for `Location`.

use tollgate_store::Kind;

/// Percent-encodes one path segment: secret and IAM names may hold slashes and other delimiters.
pub(crate) fn segment(name: &str) -> String {
    name.bytes()
        .fold(String::with_capacity(name.len()), |mut text, byte| {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                text.push(char::from(byte));
            } else {
                text.push('%');
                text.push_str(&hex::encode_upper([byte]));
            }
            text
        })
}

/// The path of a resource of a kind that stands on its own; nothing for parts of another resource.
pub(crate) fn of(kind: Kind, name: &str) -> Option<String> {
    let collection = match kind {
        Kind::Database => "databases",
        Kind::Secret => "secrets",
        Kind::Proxy => "proxies",
        Kind::User => "iam/users",
        Kind::Group => "iam/groups",
        Kind::Role => "iam/roles",
        Kind::Policy => "iam/policies",
        Kind::Decision => "audit/decisions",
        Kind::TargetGroup
        | Kind::Target
        | Kind::Endpoint
        | Kind::AccessKey
        | Kind::PolicyVersion
        | Kind::Membership
        | Kind::Attachment
        | Kind::InlinePolicy
        | Kind::OidcProvider
        | Kind::SecurityGroup
        | Kind::SecurityGroupRule => return None,
    };
    Some(format!("/v1/{collection}/{}", segment(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_slashes_stay_one_segment() {
        assert_eq!(
            of(Kind::Secret, "a/b+c").as_deref(),
            Some("/v1/secrets/a%2Fb%2Bc")
        );
        assert_eq!(of(Kind::Target, "x"), None);
    }
}
