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

/// Binds text parameters, results as text.
pub(crate) fn bind(portal: &str, statement: &str, values: &[&str]) -> Vec<u8> {
    let mut body = c_string(portal);
    body.extend(c_string(statement));
    body.extend([0, 0]);
    body.extend(
        u16::try_from(values.len())
            .expect("few values")
            .to_be_bytes(),
    );
    for value in values {
        body.extend(
            u32::try_from(value.len())
                .expect("short values")
                .to_be_bytes(),
        );
        body.extend(value.as_bytes());
    }
    body.extend([0, 0]);
    message(b'B', &body)
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
    let mut body = 177_u32.to_be_bytes().to_vec();
    body.extend([0, 0, 0, 2]);
    for value in [left, right] {
        body.extend(
            u32::try_from(value.len())
                .expect("short values")
                .to_be_bytes(),
        );
        body.extend(value.as_bytes());
    }
    body.extend([0, 0]);
    message(b'F', &body)
}
