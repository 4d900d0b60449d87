//! Client messages by name.

use tollgate_testkit::scripted::{c_string, message};

pub(crate) fn query(sql: &str) -> Vec<u8> {
    message(b'Q', &c_string(sql))
}

pub(crate) fn parse(name: &str, sql: &str) -> Vec<u8> {
    let mut body = c_string(name);
    body.extend(c_string(sql));
    body.extend([0, 0]);
    message(b'P', &body)
}

/// The same with types of parameters by their object ids.
pub(crate) fn parse_typed(name: &str, sql: &str, types: &[u32]) -> Vec<u8> {
    let mut body = c_string(name);
    body.extend(c_string(sql));
    body.extend(u16::try_from(types.len()).expect("few types").to_be_bytes());
    for id in types {
        body.extend(id.to_be_bytes());
    }
    message(b'P', &body)
}

/// How a portal's rows come.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Results {
    Text,
    Binary,
}

/// Binds text parameters, results as text.
pub(crate) fn bind(portal: &str, statement: &str, values: &[&str]) -> Vec<u8> {
    bind_as(portal, statement, values, Results::Text)
}

/// Binds text parameters.
pub(crate) fn bind_as(portal: &str, statement: &str, values: &[&str], results: Results) -> Vec<u8> {
    let mut body = c_string(portal);
    body.extend(c_string(statement));
    body.extend([0, 0]);
    arguments(values, &mut body);
    match results {
        Results::Text => body.extend([0, 0]),
        Results::Binary => body.extend([0, 1, 0, 1]),
    }
    message(b'B', &body)
}

/// The number of values and the values; `NULL` is none.
fn arguments(values: &[&str], body: &mut Vec<u8>) {
    let count = u16::try_from(values.len()).expect("few values");
    body.extend(count.to_be_bytes());
    for value in values {
        if *value == "NULL" {
            body.extend((-1_i32).to_be_bytes());
            continue;
        }
        let length = u32::try_from(value.len()).expect("short values");
        body.extend(length.to_be_bytes());
        body.extend(value.as_bytes());
    }
}

pub(crate) fn describe(kind: u8, name: &str) -> Vec<u8> {
    let mut body = vec![kind];
    body.extend(c_string(name));
    message(b'D', &body)
}

pub(crate) fn execute(portal: &str, rows: u32) -> Vec<u8> {
    let mut body = c_string(portal);
    body.extend(rows.to_be_bytes());
    message(b'E', &body)
}

pub(crate) fn close(kind: u8, name: &str) -> Vec<u8> {
    let mut body = vec![kind];
    body.extend(c_string(name));
    message(b'C', &body)
}

pub(crate) fn sync() -> Vec<u8> {
    message(b'S', &[])
}

pub(crate) fn flush() -> Vec<u8> {
    message(b'H', &[])
}

pub(crate) fn copy_data(data: &str) -> Vec<u8> {
    message(b'd', data.as_bytes())
}

pub(crate) fn copy_done() -> Vec<u8> {
    message(b'c', &[])
}

pub(crate) fn copy_fail(why: &str) -> Vec<u8> {
    message(b'f', &c_string(why))
}

/// `int4pl(left, right)` by its object id, everything as text.
pub(crate) fn add_by_id(left: &str, right: &str) -> Vec<u8> {
    call(177, &[left, right])
}

/// A function by its object id, everything as text.
pub(crate) fn call(function: u32, values: &[&str]) -> Vec<u8> {
    let mut body = function.to_be_bytes().to_vec();
    body.extend([0, 0]);
    arguments(values, &mut body);
    body.extend([0, 0]);
    message(b'F', &body)
}
