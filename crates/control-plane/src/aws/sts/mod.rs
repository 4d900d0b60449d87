//! Security Token Service, version 2011-06-15.

mod access_key_info;
mod assume_role;
mod caller_identity;
mod credentials;
mod limits;
mod session_token;
mod web_identity;

use super::fault::{Fault, Refusal};
use super::table::{Authorized, Operation};
use super::words;

/// The table.
pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::new(
            "GetCallerIdentity",
            Authorized::Everybody,
            caller_identity::get,
        ),
        Operation::new("AssumeRole", Authorized::ByHandler, assume_role::assume),
        Operation::new(
            "AssumeRoleWithWebIdentity",
            Authorized::Unsigned,
            web_identity::assume,
        ),
        Operation::new("GetSessionToken", Authorized::Everybody, session_token::get),
        Operation::new(
            "GetAccessKeyInfo",
            Authorized::Everybody,
            access_key_info::get,
        ),
    ]
}

/// A refusal in STS's words.
pub(super) fn fault(refusal: Refusal) -> Fault {
    words::identity(refusal)
}
