//! Server connections for the pools, and ending what they are busy with.

use std::sync::Arc;

use tollgate_session::mysql::{Cleanup, Server, ServerConfig, ServerState};
use tollgate_types::{AuthConfig, ProbeStep};
use tollgate_wire_mysql::version::{Family, ServerVersion};

use super::server::kill::{self, Victim};
use super::server::{self, Facts, OpenPlan, ServerConnection, Terms};
use crate::cleaning;
use crate::engine::Mysql;
use crate::opening::DEADLINE;
use crate::pool_key::PoolKey;
use crate::pooled::Pooled;
use crate::random;
use crate::server::{OpenError, OpenErrorKind};
use crate::target::{TargetPlan, TargetShared};

/// Prepared statements that all connections of a pool keep together: of the 16,382 that a server allows by default
/// (`max_prepared_stmt_count`), a quarter is left for others.
const STATEMENTS: u32 = 12_000;
/// Prepared statements that one connection keeps at most.
const STATEMENTS_EACH: u32 = 250;
/// Those it may always keep.
const STATEMENTS_LEAST: u32 = 8;

/// Opens a connection and makes it ready for its first client.
pub(crate) async fn open(
    target: &TargetShared,
    key: &Arc<PoolKey>,
) -> Result<Pooled<Mysql>, OpenError> {
    let plan = target.plan();
    let server = server::open(&open_plan(&plan, key)?).await?;
    let config = ServerConfig {
        capabilities: server.facts.capabilities,
        thread_id: server.facts.connection_id,
        server: session_server(server.facts.version),
        schema: key.database.as_bytes().to_vec(),
        max_statements: statements_each(target.credits.limit()),
    };
    let mut state = ServerState::new(config);
    state.watch_code(&target.code);
    arm(server, key, state).await
}

/// Logs in, reads what the server says, and leaves.
pub(crate) async fn visit(target: &TargetShared, key: &PoolKey) -> Result<Facts, OpenError> {
    let plan = target.plan();
    let connection = server::open(&open_plan(&plan, key)?).await?;
    let facts = connection.facts.clone();
    connection.close();
    Ok(facts)
}

/// Has the server say what sessions begin with, and report what they change.
async fn arm(
    server: ServerConnection,
    key: &Arc<PoolKey>,
    state: ServerState,
) -> Result<Pooled<Mysql>, OpenError> {
    let mut conn: Pooled<Mysql> = Pooled::without_state(server, key);
    let arming = cleaning::drive(&mut conn, Cleanup::arming(state));
    let armed = tokio::time::timeout(DEADLINE, arming).await;
    let problem = match armed {
        Ok(Ok(proof)) => {
            conn.state = Some(proof.into_state());
            return Ok(conn);
        }
        Ok(Err(error)) => error.to_string(),
        Err(_elapsed) => "it took too long".to_owned(),
    };
    Err(OpenError {
        step: ProbeStep::Auth,
        kind: OpenErrorKind::Lost(format!(
            "while it was asked what sessions begin with: {problem}"
        )),
    })
}

/// Ends the statement that a connection of `key` is busy with.
pub(crate) async fn kill_query(
    target: &TargetShared,
    key: &PoolKey,
    victim: Victim,
) -> Result<(), OpenError> {
    let plan = target.plan();
    match kill::kill_query(&open_plan(&plan, key)?, &victim).await? {
        kill::Killed::Told | kill::Killed::Gone => Ok(()),
    }
}

fn open_plan<'a>(plan: &'a TargetPlan, key: &'a PoolKey) -> Result<OpenPlan<'a>, OpenError> {
    if let Some(error) = &plan.tls_error {
        return Err(OpenError::tls_policy(error));
    }
    let of_user = |rule: &&AuthConfig| rule.username == key.user;
    let Some(rule) = plan.auth.iter().find(of_user) else {
        return Err(OpenError::no_credentials(&key.user));
    };
    Ok(OpenPlan {
        target: &plan.config,
        tls: plan.tls.clone(),
        user: &key.user,
        passwords: &rule.passwords,
        schema: &key.database,
        terms: key.terms.unwrap_or(Terms::OURS),
        init_query: plan.policy.init_query.as_deref(),
        random: random::fill,
        deadline: DEADLINE,
    })
}

/// Family and version as session machines know them.
pub(crate) fn session_server(version: ServerVersion) -> Server {
    let number = u32::from(version.major)
        .saturating_mul(10_000)
        .saturating_add(u32::from(version.minor) * 100)
        .saturating_add(u32::from(version.patch));
    match version.family {
        Family::MySql => Server::MySql { version: number },
        Family::MariaDb => Server::MariaDb { version: number },
    }
}

fn statements_each(connections: u32) -> usize {
    let each = STATEMENTS / connections.max(1);
    usize::try_from(each.clamp(STATEMENTS_LEAST, STATEMENTS_EACH)).unwrap_or(8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_numbers_that_comments_can_be_compared_with() {
        let number = |text: &[u8]| session_server(ServerVersion::parse(text).unwrap());
        assert_eq!(number(b"8.0.36"), Server::MySql { version: 80_036 });
        let maria = number(b"5.5.5-10.11.6-MariaDB");
        assert_eq!(maria, Server::MariaDb { version: 101_106 });
    }

    #[test]
    fn many_connections_keep_few_statements_each() {
        assert_eq!(statements_each(0), 250);
        assert_eq!(statements_each(100), 120);
        assert_eq!(statements_each(10_000), 8);
    }
}
