//! Small queries of our own: the session's trackers, the init query and the questions of a health check.

use bytes::BytesMut;
use tollgate_wire_mysql::command;
use tollgate_wire_mysql::frame::{Header, MAX_SERVER_LOGIN_PACKET, Sequence};
use tollgate_wire_mysql::reply::{
    Change, Changes, ErrPacket, Part, ReplyKind, ReplyScanner, Seen, Then, read_end, text_values,
};
use tollgate_wire_mysql::status::StatusFlags;

use super::{ServerConnection, ServerError, Variables};
use crate::mysql::packets::Packets;
use crate::server::OpenErrorKind;

/// Rows that one of our questions may be answered with.
const MAX_ROWS: usize = 1000;

/// Columns as text, NULL as `None`.
pub(crate) type Row = Vec<Option<String>>;

/// Asks one question.
pub(crate) async fn query_rows(
    connection: &mut ServerConnection,
    sql: &str,
) -> Result<Vec<Row>, OpenErrorKind> {
    let mut rows = Vec::new();
    let each = |payload: &[u8]| {
        if rows.len() >= MAX_ROWS {
            let problem = format!("more than {MAX_ROWS} rows");
            return Err(OpenErrorKind::Protocol(problem));
        }
        rows.push(row(payload)?);
        Ok(())
    };
    match run(connection, sql, each).await? {
        None => Ok(rows),
        Some(error) => Err(OpenErrorKind::MySql(error)),
    }
}

/// Runs the operator's init query, whatever it returns.
pub(super) async fn run_init(
    connection: &mut ServerConnection,
    sql: &str,
) -> Result<(), OpenErrorKind> {
    match run(connection, sql, |_row| Ok(())).await? {
        None => Ok(()),
        Some(error) => Err(OpenErrorKind::MySqlInit(error)),
    }
}

/// Sends `sql` and reads to the end of its answer, giving rows to `each`. Keeps what the answer says about the
/// session. Returns the server's error, which ends the answer.
pub(super) async fn run(
    connection: &mut ServerConnection,
    sql: &str,
    mut each: impl FnMut(&[u8]) -> Result<(), OpenErrorKind>,
) -> Result<Option<Box<ServerError>>, OpenErrorKind> {
    let capabilities = connection.facts.capabilities;
    let mut request = Vec::new();
    command::write_query(&mut request, capabilities, sql.as_bytes());
    connection.stream.write_all(&request).await?;
    let mut input = BytesMut::new();
    let mut sequence = Sequence::after(1);
    let mut packets = Packets {
        stream: &mut connection.stream,
        input: &mut input,
        sequence: &mut sequence,
        limit: MAX_SERVER_LOGIN_PACKET,
    };
    let mut scanner = ReplyScanner::new(ReplyKind::TextResults, capabilities);
    let mut failed = None;
    loop {
        let payload = packets.next().await?;
        let Seen { part, then } = see(&mut scanner, &payload)?;
        if let Some(status) = part.status() {
            connection.facts.status = status;
        }
        match part {
            Part::Row => each(&payload)?,
            Part::End { .. } => {
                let (_, end) = read_end(&payload, capabilities)?;
                note(&mut connection.variables, end.changes)?;
            }
            Part::Error { .. } => {
                let error = ServerError::of(&ErrPacket::parse(&payload)?);
                failed = Some(Box::new(error));
            }
            // There is no client whose file could be meant.
            Part::FileRequest => {
                let problem = "the query asks for a file of the client";
                return Err(OpenErrorKind::Protocol(problem.to_owned()));
            }
            Part::Continued
            | Part::Progress
            | Part::Columns { .. }
            | Part::Definition { .. }
            | Part::DefinitionsEnd { .. }
            | Part::Prepared(_)
            | Part::Text
            | Part::Login
            | Part::Stream => {}
        }
        match then {
            Then::More | Then::Client => {}
            Then::End => break,
        }
    }
    let status = connection.facts.status;
    let problem = if !input.is_empty() {
        "the server sent more than was asked for"
    } else if failed.is_none() && status.contains(StatusFlags::IN_TRANS) {
        "the query left a transaction open"
    } else {
        return Ok(failed);
    };
    Err(OpenErrorKind::Protocol(problem.to_owned()))
}

fn see(scanner: &mut ReplyScanner, payload: &[u8]) -> Result<Seen, OpenErrorKind> {
    let header = Header {
        length: u32::try_from(payload.len()).unwrap_or(u32::MAX),
        sequence: 0,
    };
    scanner.packet(header, payload)?.ok_or_else(|| {
        OpenErrorKind::Protocol("a packet of the answer says nothing of what it is".to_owned())
    })
}

/// Notes the values that system variables have now.
fn note(variables: &mut Variables, changes: &[u8]) -> Result<(), OpenErrorKind> {
    for change in Changes::new(changes) {
        let Change::SystemVariable { name, value } = change? else {
            continue;
        };
        let name = String::from_utf8_lossy(name);
        let value = value.map(|value| Box::from(String::from_utf8_lossy(value).as_ref()));
        match variables.iter_mut().find(|(known, _)| **known == *name) {
            Some((_, old)) => *old = value,
            None => variables.push((Box::from(name.as_ref()), value)),
        }
    }
    Ok(())
}

fn row(payload: &[u8]) -> Result<Row, OpenErrorKind> {
    text_values(payload)
        .map(|value| Ok(value?.map(|bytes| String::from_utf8_lossy(bytes).into_owned())))
        .collect()
}
