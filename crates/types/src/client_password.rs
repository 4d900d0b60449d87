//! How password logins of clients are checked, with RDS's names, and which engine family knows which way.

use serde::{Deserialize, Serialize};

use crate::EngineFamily;

/// How a password login is checked. There is no default without a family: see
/// [`ClientPasswordAuth::default_of`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ClientPasswordAuth {
    /// SCRAM-SHA-256 (and -PLUS over TLS).
    #[serde(rename = "POSTGRES_SCRAM_SHA_256")]
    PostgresScramSha256,
    /// PostgreSQL's md5.
    #[serde(rename = "POSTGRES_MD5")]
    PostgresMd5,
    /// MySQL's `caching_sha2_password`.
    #[serde(rename = "MYSQL_CACHING_SHA2_PASSWORD")]
    MysqlCachingSha2Password,
    /// `mysql_native_password`, for clients that know nothing newer.
    #[serde(rename = "MYSQL_NATIVE_PASSWORD")]
    MysqlNativePassword,
}

impl ClientPasswordAuth {
    /// Every way, those of one family together and its default first.
    pub const ALL: [Self; 4] = [
        Self::PostgresScramSha256,
        Self::PostgresMd5,
        Self::MysqlCachingSha2Password,
        Self::MysqlNativePassword,
    ];

    /// What a rule means that says nothing. Source: RDS API, `UserAuthConfig`.
    pub fn default_of(family: EngineFamily) -> Self {
        match family {
            EngineFamily::Postgresql => Self::PostgresScramSha256,
            EngineFamily::Mysql => Self::MysqlCachingSha2Password,
        }
    }

    /// The family whose clients know it.
    pub fn family(self) -> EngineFamily {
        match self {
            Self::PostgresScramSha256 | Self::PostgresMd5 => EngineFamily::Postgresql,
            Self::MysqlCachingSha2Password | Self::MysqlNativePassword => EngineFamily::Mysql,
        }
    }

    /// The upper-case name used in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PostgresScramSha256 => "POSTGRES_SCRAM_SHA_256",
            Self::PostgresMd5 => "POSTGRES_MD5",
            Self::MysqlCachingSha2Password => "MYSQL_CACHING_SHA2_PASSWORD",
            Self::MysqlNativePassword => "MYSQL_NATIVE_PASSWORD",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_of_a_family_is_its_own() {
        for family in [EngineFamily::Postgresql, EngineFamily::Mysql] {
            assert_eq!(ClientPasswordAuth::default_of(family).family(), family);
        }
    }
}
