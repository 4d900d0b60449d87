//! The rungs of a MySQL or MariaDB server's health: greeting and TLS, login, role and room.

use std::collections::HashMap;
use std::net::SocketAddr;

use tokio::net::TcpStream;
use tokio::time::Instant;
use tollgate_types::{ProbeStep, SecretString, TargetRole};

use super::defaults;
use super::server::{Credentials, Greeted, ServerConnection, Terms, greeted, log_in, query_rows};
use crate::fingerprint::Sight;
use crate::probe::{
    Failure, Ladder, Logins, ProbePlan, ServerFacts, Top, auth, dns, tcp, tls_words,
};
use crate::server::{Deadline, OpenError, OpenErrorKind, dial};

/// Role, capacity and version.
const FACTS: [&str; 5] = [
    "read_only",
    "super_read_only",
    "innodb_read_only",
    "max_connections",
    "version",
];

/// Variables of which one that is on makes a server a reader. Readers of Aurora have the last one.
const READ_ONLY: [&str; 3] = ["read_only", "super_read_only", "innodb_read_only"];

/// Climbs the ladder.
pub(crate) async fn to_the_top(plan: &ProbePlan<'_>, ladder: &mut Ladder) -> Result<Top, Failure> {
    let deadline = Deadline::after(plan.deadline);
    let addresses = dns(plan, ladder, deadline).await?;
    // Servers count connections that are broken off before the login, and block hosts with too many of them
    // (`max_connect_errors`). With nobody to log in, every probe would be one.
    ladder.somebody(plan)?;
    let tcp = tcp(&addresses, ladder, deadline).await?;
    let since = Instant::now();
    let way = Way {
        plan,
        addresses: &addresses,
        deadline,
    };
    let first = match plan.tls_error {
        Some(problem) => Err(OpenError::tls_policy(problem)),
        None => way.greeted(tcp).await,
    };
    // A server that is full says so instead of greeting: that is the next rung's business.
    let first = match first {
        Err(error) if error.step == ProbeStep::Auth => {
            return Err(ladder.failed(ProbeStep::Auth, since, error));
        }
        other => ladder.rung(ProbeStep::Tls, since, other, |greeted| {
            tls_words(greeted.how, &greeted.stream, plan.target.tls.mode)
        })?,
    };
    let since = Instant::now();
    let logins = log_everybody_in(&way, first).await;
    let (mut connection, description) = auth(ladder, since, logins)?;
    let since = Instant::now();
    let answer = deadline.limit(ProbeStep::Role, ask(&mut connection)).await;
    let (server, sight) =
        ladder.rung(ProbeStep::Role, since, answer, |(facts, _)| facts.words())?;
    connection.close();
    Ok(Top {
        server,
        sight: Some(sight),
        description,
    })
}

/// How connections are made.
struct Way<'a> {
    plan: &'a ProbePlan<'a>,
    addresses: &'a [SocketAddr],
    deadline: Deadline,
}

impl Way<'_> {
    async fn greeted(&self, tcp: TcpStream) -> Result<Greeted, OpenError> {
        let way = (&Terms::OURS, self.deadline);
        greeted(tcp, self.plan.target, self.plan.tls.as_ref(), way).await
    }

    /// Logs one user in, over `first` while there is one.
    async fn log_in(
        &self,
        (user, passwords): (&str, &[SecretString]),
        first: &mut Option<Greeted>,
    ) -> Result<ServerConnection, OpenError> {
        let mut refused = None;
        for password in passwords {
            let greeted = match first.take() {
                Some(greeted) => greeted,
                None => {
                    self.greeted(dial(self.addresses, self.deadline).await?)
                        .await?
                }
            };
            let credentials = Credentials {
                user,
                password: Some(password),
                schema: "",
                terms: &Terms::OURS,
                random: self.plan.random,
                tls_mode: self.plan.target.tls.mode,
            };
            let part = log_in(greeted, &credentials);
            match self.deadline.limit(ProbeStep::Auth, part).await {
                Err(error) if error.is_refused_password() => {
                    refused.get_or_insert(error);
                }
                done => return done,
            }
        }
        Err(refused.unwrap_or_else(|| OpenError::no_credentials(user)))
    }
}

async fn log_everybody_in(way: &Way<'_>, first: Greeted) -> Logins<ServerConnection> {
    let mut first = Some(first);
    let mut logins = Logins {
        connection: None,
        entered: Vec::new(),
        failed: Vec::new(),
    };
    for login in way.plan.logins {
        let name = login.0.to_owned();
        match way.log_in(*login, &mut first).await {
            Ok(connection) => {
                logins.entered.push(name);
                match logins.connection {
                    None => logins.connection = Some(connection),
                    Some(_) => connection.close(),
                }
            }
            // Nobody else will get further, and each would wait for the same silence.
            Err(error) if !error.concerns_the_key() => {
                logins.failed.push((name, error));
                break;
            }
            Err(error) => logins.failed.push((name, error)),
        }
    }
    logins
}

/// Everything in one question that both families answer, variables they do not know left out. Nobody needs a
/// privilege for it.
async fn ask(connection: &mut ServerConnection) -> Result<(ServerFacts, Sight), OpenErrorKind> {
    let names: Vec<String> = FACTS
        .iter()
        .chain(defaults::asked())
        .map(|name| format!("'{name}'"))
        .collect();
    let question = format!(
        "SHOW GLOBAL VARIABLES WHERE Variable_name IN ({})",
        names.join(", ")
    );
    let rows = query_rows(connection, &question).await?;
    let known: HashMap<String, String> = rows
        .into_iter()
        .filter_map(|row| match <[Option<String>; 2]>::try_from(row) {
            Ok([Some(name), Some(value)]) => Some((name.to_ascii_lowercase(), value)),
            Ok([_, _]) | Err(_) => None,
        })
        .collect();
    let sight = defaults::sight(connection.address(), &known);
    Ok((facts(&known)?, sight))
}

fn facts(known: &HashMap<String, String>) -> Result<ServerFacts, OpenErrorKind> {
    let missing =
        |name: &str| OpenErrorKind::Protocol(format!("the server does not say what its {name} is"));
    let room = known
        .get("max_connections")
        .and_then(|room| room.parse().ok())
        .ok_or_else(|| missing("max_connections"))?;
    // Every server has the first one. Newer ones of MariaDB have more values than two.
    if !known.contains_key("read_only") {
        return Err(missing("read_only"));
    }
    let is_off = |value: &String| ["OFF", "0"].contains(&value.as_str());
    let reader = READ_ONLY
        .iter()
        .filter_map(|name| known.get(*name))
        .any(|value| !is_off(value));
    Ok(ServerFacts {
        role: if reader {
            TargetRole::ReadOnly
        } else {
            TargetRole::ReadWrite
        },
        max_connections: room,
        version: known
            .get("version")
            .cloned()
            .ok_or_else(|| missing("version"))?,
    })
}

#[cfg(test)]
mod tests;
