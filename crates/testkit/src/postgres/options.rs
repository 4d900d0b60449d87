//! What a throw-away server should be like.

use super::PostgresVersion;
use crate::Identity;

/// How TCP clients must log in (`pg_hba.conf`). The unix socket in the server's folder is always open
/// to the test itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostAuth {
    /// No questions asked.
    Trust,
    /// A password in clear text.
    Cleartext,
    /// PostgreSQL's md5; passwords are stored that way too.
    Md5,
    /// SCRAM-SHA-256.
    Scram,
}

impl HostAuth {
    pub(super) fn hba_method(self) -> &'static str {
        match self {
            Self::Trust => "trust",
            Self::Cleartext => "password",
            Self::Md5 => "md5",
            Self::Scram => "scram-sha-256",
        }
    }

    /// How the server stores new passwords.
    pub(super) fn password_encryption(self) -> &'static str {
        match self {
            Self::Md5 => "md5",
            Self::Trust | Self::Cleartext | Self::Scram => "scram-sha-256",
        }
    }
}

/// Options of a throw-away server; change the fields you care about.
#[derive(Debug, Clone)]
pub struct PostgresOptions {
    /// Which major version.
    pub version: PostgresVersion,
    /// How TCP clients log in.
    pub auth: HostAuth,
    /// Certificate and key; with them TLS is offered.
    pub tls: Option<Identity>,
    /// `max_connections`.
    pub max_connections: u32,
    /// Further settings, as in `postgresql.conf`.
    pub settings: Vec<(String, String)>,
}

impl PostgresOptions {
    /// SCRAM, no TLS, 100 connections.
    pub fn new(version: PostgresVersion) -> Self {
        Self {
            version,
            auth: HostAuth::Scram,
            tls: None,
            max_connections: 100,
            settings: Vec::new(),
        }
    }

    /// The same with another way to log in.
    #[must_use]
    pub fn auth(mut self, auth: HostAuth) -> Self {
        self.auth = auth;
        self
    }

    /// The same with TLS offered.
    #[must_use]
    pub fn tls(mut self, identity: Identity) -> Self {
        self.tls = Some(identity);
        self
    }

    /// The same with another `max_connections`.
    #[must_use]
    pub fn max_connections(mut self, count: u32) -> Self {
        self.max_connections = count;
        self
    }

    /// The same with one more setting.
    #[must_use]
    pub fn setting(mut self, name: &str, value: &str) -> Self {
        self.settings.push((name.to_owned(), value.to_owned()));
        self
    }
}
