//! Commands that we send ourselves. Each begins a new sequence of packet numbers.

use super::execute::PARAMETER_COUNT_AVAILABLE;
use super::{Command, ExecuteHead, Parameters};
use crate::capabilities::Capabilities;
use crate::frame::Sequence;
use crate::output::{Out, packet, put_lenenc};

fn command(out: &mut impl Out, code: Command, body: &[&[u8]]) {
    let mut sequence = Sequence::start();
    packet(out, &mut sequence, |out| {
        out.put(&[code.code()]);
        for part in body {
            out.put(part);
        }
    });
}

/// Writes `COM_QUERY` without attributes, in the form the capabilities ask for.
pub fn query(out: &mut impl Out, capabilities: Capabilities, text: &[u8]) {
    // No attributes, in one set.
    let none: &[u8] = if capabilities.contains(Capabilities::QUERY_ATTRIBUTES) {
        &[0, 1]
    } else {
        &[]
    };
    command(out, Command::Query, &[none, text]);
}

/// Writes `COM_INIT_DB`.
pub fn use_schema(out: &mut impl Out, name: &[u8]) {
    command(out, Command::InitDb, &[name]);
}

/// Writes `COM_PING`.
pub fn ping(out: &mut impl Out) {
    command(out, Command::Ping, &[]);
}

/// Writes `COM_QUIT`.
pub fn quit(out: &mut impl Out) {
    command(out, Command::Quit, &[]);
}

/// Writes `COM_RESET_CONNECTION`.
pub fn reset_connection(out: &mut impl Out) {
    command(out, Command::ResetConnection, &[]);
}

/// Writes `COM_SET_OPTION`.
pub fn set_option(out: &mut impl Out, option: u16) {
    command(out, Command::SetOption, &[&option.to_le_bytes()]);
}

/// Writes `COM_STMT_PREPARE`.
pub fn stmt_prepare(out: &mut impl Out, text: &[u8]) {
    command(out, Command::StmtPrepare, &[text]);
}

/// Writes `COM_STMT_CLOSE`, which has no answer.
pub fn stmt_close(out: &mut impl Out, statement_id: u32) {
    command(out, Command::StmtClose, &[&statement_id.to_le_bytes()]);
}

/// Writes `COM_STMT_RESET`.
pub fn stmt_reset(out: &mut impl Out, statement_id: u32) {
    command(out, Command::StmtReset, &[&statement_id.to_le_bytes()]);
}

/// Writes `COM_STMT_EXECUTE` with the statement id and flags of `head`, and the parameters given: so that an
/// execute that relies on types bound earlier can carry them to a server that has not seen them. The capabilities
/// are those of the server; the client's may differ in [`Capabilities::QUERY_ATTRIBUTES`]. A server without it
/// cannot take more parameters than the statement has: the count must be the declared one.
pub fn execute(
    out: &mut impl Out,
    capabilities: Capabilities,
    head: &ExecuteHead<'_>,
    parameters: &Parameters<'_>,
) {
    let attributed = capabilities.contains(Capabilities::QUERY_ATTRIBUTES);
    let flags = if attributed && parameters.count > 0 {
        head.flags | PARAMETER_COUNT_AVAILABLE
    } else {
        head.flags & !PARAMETER_COUNT_AVAILABLE
    };
    let mut sequence = Sequence::start();
    packet(out, &mut sequence, |out| {
        out.put(&[Command::StmtExecute.code()]);
        out.put(&head.statement_id.to_le_bytes());
        out.put(&[flags]);
        out.put(&1_u32.to_le_bytes());
        if parameters.count == 0 {
            return;
        }
        if attributed {
            put_lenenc(out, u64::from(parameters.count));
        }
        out.put(parameters.nulls);
        match parameters.types {
            Some(types) => {
                out.put(&[1]);
                types.put(out, capabilities);
            }
            None => out.put(&[0]),
        }
        out.put(parameters.values);
    });
}
