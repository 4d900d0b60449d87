//! Small simple queries of our own: the init query and the questions of a health check.

use tollgate_wire_postgres::backend::read::{data_row, ready_for_query};
use tollgate_wire_postgres::backend::{ErrorFields, TransactionStatus};
use tollgate_wire_postgres::frontend;
use tollgate_wire_postgres::tag::backend as tag;

use super::login::{report, unexpected};
use super::messages::{Message, Messages};
use super::{OpenErrorKind, ServerConnection};

/// Rows that one of our questions may be answered with.
const MAX_ROWS: usize = 1000;

/// Columns as text, NULL as `None`.
pub(crate) type Row = Vec<Option<String>>;

/// Asks one question. The session must be idle and must be so afterwards.
pub(crate) async fn query_rows(
    connection: &mut ServerConnection,
    sql: &str,
) -> Result<Vec<Row>, OpenErrorKind> {
    let mut rows = Vec::new();
    let each = |message: &Message| {
        if rows.len() >= MAX_ROWS {
            return Err(OpenErrorKind::Protocol(format!(
                "more than {MAX_ROWS} rows"
            )));
        }
        rows.push(row(message)?);
        Ok(())
    };
    let failed = run(connection, sql, each).await?;
    match failed {
        None => Ok(rows),
        Some(fields) => Err(OpenErrorKind::Server(fields)),
    }
}

/// Runs the operator's init query, whatever it returns.
pub(super) async fn run_init(
    connection: &mut ServerConnection,
    sql: &str,
) -> Result<(), OpenErrorKind> {
    let failed = run(connection, sql, |_row| Ok(())).await?;
    match failed {
        None => Ok(()),
        Some(fields) => Err(OpenErrorKind::InitQuery(fields)),
    }
}

/// Sends `sql` and reads to the end of its answer, giving rows to `each`. Returns the server's error.
async fn run(
    connection: &mut ServerConnection,
    sql: &str,
    mut each: impl FnMut(&Message) -> Result<(), OpenErrorKind>,
) -> Result<Option<Box<ErrorFields>>, OpenErrorKind> {
    let mut request = Vec::new();
    frontend::query(&mut request, sql)?;
    connection.stream.write_all(&request).await?;
    let mut messages = Messages::new(&mut connection.stream);
    let mut failed = None;
    loop {
        let message = messages.next().await?;
        match message.tag {
            tag::DATA_ROW => each(&message)?,
            tag::ERROR_RESPONSE => {
                let fields = Box::new(ErrorFields::parse(&message.body)?);
                if fields.severity.ends_session() {
                    return Ok(Some(fields));
                }
                failed.get_or_insert(fields);
            }
            tag::PARAMETER_STATUS => report(&mut connection.parameters, &message)?,
            tag::READY_FOR_QUERY => {
                let status = ready_for_query(&message.body)?;
                messages.finish()?;
                if failed.is_none() && status != TransactionStatus::Idle {
                    let problem = "the query left a transaction open";
                    return Err(OpenErrorKind::Protocol(problem.to_owned()));
                }
                return Ok(failed);
            }
            tag::ROW_DESCRIPTION
            | tag::COMMAND_COMPLETE
            | tag::EMPTY_QUERY_RESPONSE
            | tag::NOTICE_RESPONSE => {}
            // COPY among them: nobody is here to speak it.
            _ => return Err(unexpected(&message, "a query")),
        }
    }
}

fn row(message: &Message) -> Result<Row, OpenErrorKind> {
    data_row(&message.body)?
        .map(|column| Ok(column?.map(|bytes| String::from_utf8_lossy(bytes).into_owned())))
        .collect()
}
