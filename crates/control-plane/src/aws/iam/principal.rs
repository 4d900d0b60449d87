//! The three kinds of principals that have policies: what differs between them, and whom a request names.

use tollgate_store::AttachTo;
use tollgate_types::PrincipalKind;

use crate::aws::call::Call;
use crate::aws::fault::Refusal;
use crate::http::table::{Kind, On};

/// What differs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Principal {
    pub(super) to: AttachTo,
    pub(super) kind: Kind,
    /// The member of requests that names it.
    pub(super) member: &'static str,
    /// Most characters of its inline policies together. Source: IAM User Guide, "IAM quotas".
    pub(super) inline_size_max: usize,
}

pub(super) const USER: Principal = Principal {
    to: AttachTo::User,
    kind: Kind::User,
    member: "UserName",
    inline_size_max: 2_048,
};

pub(super) const GROUP: Principal = Principal {
    to: AttachTo::Group,
    kind: Kind::Group,
    member: "GroupName",
    inline_size_max: 5_120,
};

pub(super) const ROLE: Principal = Principal {
    to: AttachTo::Role,
    kind: Kind::Role,
    member: "RoleName",
    inline_size_max: 10_240,
};

impl Principal {
    /// The name in a request.
    pub(super) fn named(self, call: &Call) -> Result<&str, Refusal> {
        let name = call.input.text(self.member);
        name.ok_or_else(|| Refusal::Missing(self.member.to_owned()))
    }
}

/// The user that a request is about: the named one, else the caller.
pub(super) async fn user_or_self(
    call: &Call,
    named: Option<String>,
    action: &str,
) -> Result<String, Refusal> {
    let user = match named {
        Some(name) => name,
        None => match call.caller.kind {
            PrincipalKind::User => call.caller.name.clone(),
            PrincipalKind::Root | PrincipalKind::Role => {
                let message = "Must specify userName when calling with non-User credentials";
                return Err(Refusal::Invalid(message.to_owned()));
            }
        },
    };
    call.allow(action, On::One(Kind::User), &user).await?;
    Ok(user)
}
