//! What a database must be like: parsed once, then trusted.

use std::collections::BTreeMap;

use tollgate_types::{Engine, NameRule, TargetTls, TlsMode};

use super::check::Check;
use crate::http::decode::Decoded;
use crate::http::views::database::{CreateDatabase, Tls};
use crate::problem::Problem;

/// Most bytes of CA certificates.
const CA_PEM_LENGTH_MAX: usize = 256 * 1024;

/// A valid database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DatabaseSpec {
    pub(crate) name: String,
    pub(crate) engine: Engine,
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) tls: TargetTls,
    pub(crate) tags: BTreeMap<String, String>,
}

impl TryFrom<Decoded<CreateDatabase>> for DatabaseSpec {
    type Error = Problem;

    fn try_from(request: Decoded<CreateDatabase>) -> Result<Self, Problem> {
        let Decoded { value, problems } = request;
        let mut check = Check::new(problems);
        let name = check.name(NameRule::Identifier, value.name);
        let engine = value.engine.unwrap_or_else(|| {
            check.wrong(
                "/engine",
                "required",
                "engine is required: postgres, mysql or mariadb",
            );
            Engine::Postgres
        });
        let is_host_given = value.host.is_some();
        let host = check.required("/host", value.host);
        if is_host_given {
            check.host("/host", &host);
        }
        let port = value.port.unwrap_or(engine.default_port());
        if port == 0 {
            check.wrong(
                "/port",
                "1 <= port <= 65535",
                "port must be between 1 and 65535",
            );
        }
        let tls = tls(&mut check, value.tls.unwrap_or_default());
        let tags = value.tags.unwrap_or_default();
        check.tags(&tags);
        check.done(Self {
            name,
            engine,
            host,
            port,
            tls,
            tags,
        })
    }
}

fn tls(check: &mut Check, given: Tls) -> TargetTls {
    let mode = given.mode.unwrap_or_default();
    if let Some(pem) = &given.ca_pem {
        let certificates = pem.matches("-----BEGIN CERTIFICATE-----").count();
        if certificates == 0 || pem.len() > CA_PEM_LENGTH_MAX {
            let rule = "PEM with at least one certificate, at most 256 KiB";
            check.wrong(
                "/tls/caPem",
                rule,
                "caPem must hold at least one PEM certificate",
            );
        }
        if mode == TlsMode::Disable {
            let message = "caPem makes no sense while tls.mode is disable";
            check.wrong("/tls/caPem", "absent when /tls/mode = disable", message);
        }
    }
    TargetTls {
        mode,
        ca_pem: given.ca_pem,
    }
}
