//! What a session token says: whose session, from when to when, and what limits it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::policy::{Context, Value};

/// Whose session it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "kind")]
pub enum Holder {
    /// A role that somebody has assumed.
    #[serde(rename_all = "camelCase")]
    Role {
        /// The role's unique id: a later role of the same name is another one.
        id: String,
        /// The name that the caller gave to the session.
        session_name: String,
    },
    /// A user, or the root, who has exchanged a long-term key.
    #[serde(rename_all = "camelCase")]
    User {
        /// The user's unique id.
        id: String,
    },
}

/// The claims of a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Claims {
    /// The access key id that the token belongs to (`ASIA…`).
    pub access_key_id: String,
    /// Seconds since the epoch at which it was issued.
    pub issued_at: i64,
    /// The first second at which it is no longer valid.
    pub expires_at: i64,
    /// Whose session.
    pub holder: Holder,
    /// Policies that limit it further; every one of them must allow.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub policies: Vec<String>,
    /// Session tags; they outweigh the role's.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// Keys of the tags that are passed on when the session assumes another role.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub transitive_tags: Vec<String>,
    /// Who stands behind the session, through all roles.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_identity: Option<String>,
    /// What the identity provider said, by condition key (`idp.example:sub`).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub federated: BTreeMap<String, String>,
}

impl Claims {
    /// The unique id of the role or user.
    pub fn principal_id(&self) -> &str {
        match &self.holder {
            Holder::Role { id, .. } | Holder::User { id } => id,
        }
    }

    /// `aws:userid`: the unique id, with the session's name for a role.
    pub fn user_id(&self) -> String {
        match &self.holder {
            Holder::Role { id, session_name } => format!("{id}:{session_name}"),
            Holder::User { id } => id.clone(),
        }
    }

    /// Puts what conditions can ask about a session into a context. Tags of the role must be there already.
    pub fn describe(&self, context: &mut Context) {
        context
            .set("aws:TokenIssueTime", Value::instant(self.issued_at))
            .set("aws:userid", self.user_id());
        match &self.holder {
            Holder::Role { session_name, .. } => {
                context.set("sts:RoleSessionName", session_name.as_str());
            }
            Holder::User { .. } => {}
        }
        for (key, value) in &self.tags {
            context.set(&format!("aws:PrincipalTag/{key}"), value.as_str());
        }
        if let Some(source) = &self.source_identity {
            context.set("aws:SourceIdentity", source.as_str());
        }
        for (key, value) in &self.federated {
            context.set(key, value.as_str());
        }
    }
}
