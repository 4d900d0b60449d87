//! Ending the statement that a server connection is busy with, over a connection of its own.

use std::net::SocketAddr;

use tollgate_types::ProbeStep;
use tollgate_wire_mysql::error_code::ErrorCode;

use super::{OpenPlan, enter, query_rows};
use crate::server::{Deadline, OpenError, OpenErrorKind};

/// Names one session on one server. The address is the session's own: behind a name with several addresses,
/// another server has another session under the number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Victim {
    /// Where the session is.
    pub(crate) address: SocketAddr,
    /// Its number there.
    pub(crate) connection_id: u32,
}

/// What the server said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Killed {
    /// The statement ends as soon as the server looks.
    Told,
    /// There is no such session any more.
    Gone,
}

/// Sends `KILL QUERY` as the plan's user, who may end what runs under its own name. The caller keeps the session
/// away from others until this returns, and until the statement's answer has come: what arrives late ends the
/// next statement.
pub(crate) async fn kill_query(plan: &OpenPlan<'_>, victim: &Victim) -> Result<Killed, OpenError> {
    let deadline = Deadline::after(plan.deadline);
    // The schema may be gone, and nothing here needs one.
    let bare = OpenPlan {
        tls: plan.tls.clone(),
        schema: "",
        init_query: None,
        ..*plan
    };
    let mut connection = enter(&bare, &[victim.address], deadline).await?;
    let sql = format!("KILL QUERY {}", victim.connection_id);
    let said = deadline
        .limit(ProbeStep::Role, query_rows(&mut connection, &sql))
        .await;
    connection.close();
    match said {
        Ok(_) => Ok(Killed::Told),
        Err(OpenError {
            kind: OpenErrorKind::MySql(error),
            ..
        }) if error.code == ErrorCode::NO_SUCH_THREAD.code => Ok(Killed::Gone),
        Err(error) => Err(error),
    }
}
