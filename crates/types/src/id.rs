//! Resource ids and ARNs, spelled as AWS spells them.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

const ALPHABET: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
const SUFFIX_LEN: usize = 17;

/// Why a text is not an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not an id: expected `{prefix}` followed by 17 of [0-9a-z]")]
pub struct IdError {
    /// The offending text.
    pub text: String,
    /// The prefix that was expected.
    pub prefix: &'static str,
}

fn suffix(random: &[u8; SUFFIX_LEN]) -> String {
    random
        .iter()
        .filter_map(|byte| ALPHABET.get(usize::from(*byte).checked_rem(ALPHABET.len())?))
        .map(|letter| char::from(*letter))
        .collect()
}

fn check(text: &str, prefix: &'static str) -> Result<(), IdError> {
    let fits = text.strip_prefix(prefix).is_some_and(|rest| {
        rest.len() == SUFFIX_LEN && rest.bytes().all(|b| ALPHABET.contains(&b))
    });
    if fits {
        Ok(())
    } else {
        Err(IdError {
            text: text.to_owned(),
            prefix,
        })
    }
}

/// Many things keep the id of one proxy or target: copies share the text.
macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// What every id of this kind starts with.
            pub const PREFIX: &'static str = $prefix;

            /// Makes an id from 17 random bytes (the caller owns the randomness).
            pub fn from_random(random: &[u8; SUFFIX_LEN]) -> Self {
                Self(format!("{}{}", $prefix, suffix(random)).into())
            }

            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;

            fn try_from(text: String) -> Result<Self, IdError> {
                check(&text, $prefix)?;
                Ok(Self(text.into()))
            }
        }

        impl std::str::FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                Self::try_from(text.to_owned())
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0.as_ref().to_owned()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

id!(
    /// A proxy's unchanging id; IAM policies name it in `rds-db:connect` resources.
    ProxyId,
    "prx-"
);
id!(
    /// One registration of a database in a target group.
    TargetId,
    "tgt-"
);

/// Builds ARNs of one installation (partition `aws`, a region, an account).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arn {
    /// Region used in every regional ARN.
    pub region: String,
    /// Twelve digits.
    pub account_id: String,
}

impl Arn {
    /// `arn:aws:rds:REGION:ACCOUNT:KIND:RESOURCE` (`db-proxy`, `target-group`, `db-proxy-endpoint`, `db`).
    pub fn rds(&self, kind: &str, resource: &str) -> String {
        format!(
            "arn:aws:rds:{}:{}:{kind}:{resource}",
            self.region, self.account_id
        )
    }

    /// `arn:aws:ec2:REGION:ACCOUNT:KIND/ID`.
    pub fn ec2(&self, kind: &str, id: &str) -> String {
        format!(
            "arn:aws:ec2:{}:{}:{kind}/{id}",
            self.region, self.account_id
        )
    }

    /// The resource a connection is authorised against: `dbuser:PROXY-ID/DB-USER`.
    pub fn connect(&self, proxy: &ProxyId, db_user: &str) -> String {
        format!(
            "arn:aws:rds-db:{}:{}:dbuser:{proxy}/{db_user}",
            self.region, self.account_id
        )
    }

    /// `arn:aws:iam::ACCOUNT:PATH` (`user/fn`, `role/app`, `policy/connect`, `root`).
    pub fn iam(&self, path: &str) -> String {
        format!("arn:aws:iam::{}:{path}", self.account_id)
    }

    /// `arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION`.
    pub fn assumed_role(&self, role: &str, session: &str) -> String {
        format!(
            "arn:aws:sts::{}:assumed-role/{role}/{session}",
            self.account_id
        )
    }

    /// `arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME-SUFFIX`.
    pub fn secret(&self, name: &str, suffix: &str) -> String {
        format!(
            "arn:aws:secretsmanager:{}:{}:secret:{name}-{suffix}",
            self.region, self.account_id
        )
    }

    /// A resource of the REST API itself: `arn:aws:tollgate:REGION:ACCOUNT:PATH`.
    pub fn tollgate(&self, path: &str) -> String {
        format!(
            "arn:aws:tollgate:{}:{}:{path}",
            self.region, self.account_id
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_ids_parse_back() {
        let id = ProxyId::from_random(&[
            0, 1, 35, 36, 71, 255, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19,
        ]);
        assert_eq!(id.as_str().parse::<ProxyId>().unwrap(), id);
        assert_eq!(id.as_str().len(), 21);
    }

    #[test]
    fn refuses_foreign_text() {
        for text in [
            "",
            "prx-",
            "db-0a1b2c3d4e5f60718",
            "prx-0A1b2c3d4e5f60718",
            "prx-0a1b2c3d4e5f607181",
        ] {
            assert!(text.parse::<ProxyId>().is_err(), "{text}");
        }
    }

    #[test]
    fn connect_arn_names_the_proxy_id() {
        let arn = Arn {
            region: "us-east-1".into(),
            account_id: "000000000000".into(),
        };
        let id: ProxyId = "prx-0a1b2c3d4e5f60718".parse().unwrap();
        assert_eq!(
            arn.connect(&id, "app"),
            "arn:aws:rds-db:us-east-1:000000000000:dbuser:prx-0a1b2c3d4e5f60718/app"
        );
    }
}
