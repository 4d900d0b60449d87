//! What IAM has and this installation does not, where clients ask for it anyway: before they delete a user or
//! a role, Terraform and the console look for instance profiles, devices and certificates.

use std::sync::Arc;

use serde::Serialize;
use serde::ser::SerializeMap;

use super::fault::no_such_entity;
use super::principal::{ROLE, USER, user_or_self};
use crate::aws::call::{Answer, Call};
use crate::aws::fault::Refusal;
use crate::aws::shape::Members;
use crate::aws::table::{Authorized, Operation};
use crate::http::table::Kind;

/// Lists about a user that are always empty: operation, and element of the answer.
const OF_USERS: [(&str, &str); 4] = [
    ("ListMFADevices", "MFADevices"),
    ("ListSSHPublicKeys", "SSHPublicKeys"),
    ("ListSigningCertificates", "Certificates"),
    (
        "ListServiceSpecificCredentials",
        "ServiceSpecificCredentials",
    ),
];

pub(super) fn operations() -> Vec<Operation> {
    let user = Authorized::One(Kind::User, USER.member);
    let role = Authorized::One(Kind::Role, ROLE.member);
    let mut found = vec![
        Operation::new("ListInstanceProfilesForRole", role, instance_profiles),
        Operation::new("GetLoginProfile", user, login_profile),
        Operation::new("DeleteLoginProfile", user, login_profile),
    ];
    found.extend(OF_USERS.map(|(operation, element)| {
        Operation::new(operation, Authorized::ByHandler, move |call| {
            of_user(call, (operation, element))
        })
    }));
    found
}

/// An empty list with its element's name.
struct Nothing(&'static str);

impl Serialize for Nothing {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry(self.0, &Members::<()>(Vec::new()))?;
        map.serialize_entry("IsTruncated", &false)?;
        map.end()
    }
}

async fn instance_profiles(call: Arc<Call>) -> Result<Answer, Refusal> {
    call.api.store.role_get(ROLE.named(&call)?).await?;
    call.answer(&Nothing("InstanceProfiles"))
}

/// Of the caller where no user is named.
async fn of_user(
    call: Arc<Call>,
    (operation, element): (&'static str, &'static str),
) -> Result<Answer, Refusal> {
    let given = call.input.text(USER.member).map(str::to_owned);
    let user = user_or_self(&call, given, &format!("iam:{operation}")).await?;
    call.api.store.user_get(&user).await?;
    call.answer(&Nothing(element))
}

async fn login_profile(call: Arc<Call>) -> Result<Answer, Refusal> {
    let row = call.api.store.user_get(USER.named(&call)?).await?;
    let message = format!("Login Profile for User {} cannot be found.", row.name);
    Err(no_such_entity(message).into())
}
