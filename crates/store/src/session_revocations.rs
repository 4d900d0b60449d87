//! Since when the temporary credentials of a principal count: everything issued until then is void.

use sea_orm::sea_query::OnConflict;
use sea_orm::{EntityTrait, Set};

use crate::entity::session_revocations;
use crate::{StoreError, Write};

/// One principal's revocation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRevocationRow {
    /// Unique id of the role or user, or the account's number for the root.
    pub principal_id: String,
    /// Seconds since the epoch: sessions issued then or earlier are void.
    pub revoked_at: i64,
}

impl From<session_revocations::Model> for SessionRevocationRow {
    fn from(row: session_revocations::Model) -> Self {
        Self {
            principal_id: row.principal_id,
            revoked_at: row.revoked_at,
        }
    }
}

impl Write {
    /// Makes every session that this principal has now void.
    pub async fn session_revoke(
        &self,
        principal_id: &str,
    ) -> Result<SessionRevocationRow, StoreError> {
        let row = session_revocations::ActiveModel {
            principal_id: Set(principal_id.to_owned()),
            revoked_at: Set(self.now),
        };
        let replace = OnConflict::column(session_revocations::Column::PrincipalId)
            .update_column(session_revocations::Column::RevokedAt)
            .to_owned();
        session_revocations::Entity::insert(row)
            .on_conflict(replace)
            .exec_without_returning(&self.transaction)
            .await?;
        Ok(SessionRevocationRow {
            principal_id: principal_id.to_owned(),
            revoked_at: self.now,
        })
    }
}
