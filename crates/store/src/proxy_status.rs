//! What becomes of a proxy: its status by compare-and-set, its deletion in two steps.

use sea_orm::IntoActiveModel;
use sea_orm::sea_query::Expr;
use sea_orm::{ActiveModelTrait, ColumnTrait, EntityTrait, ModelTrait, QueryFilter, Set};
use tollgate_types::{Condition, ProxyEvent, ProxyId, ProxyStatus};

use crate::entity::proxies;
use crate::proxies::{ProxyRow, find, status_of};
use crate::tags::{self, TagKind};
use crate::{Expect, Kind, Outcome, Page, Store, StoreError, Write, cell, limit};

/// A new status, and what must still be true for it to be written.
#[derive(Debug, Clone)]
pub struct ProxyStatusChange {
    /// Which proxy.
    pub id: ProxyId,
    /// The generation for which the new status was computed.
    pub expected_generation: u64,
    /// The status from which it was computed.
    pub expected_status: ProxyStatus,
    /// The new status.
    pub status: ProxyStatus,
    /// A sentence about it; empty when there is nothing to say.
    pub status_reason: String,
    /// All conditions.
    pub conditions: Vec<Condition>,
    /// The newest generation that the data plane was seen to run.
    pub observed_generation: u64,
}

impl Store {
    /// Writes a status, if generation and status are still the expected ones. Changes neither the
    /// configuration revision nor `updated_at`: what is observed is not what was asked for.
    pub async fn proxy_status_set(
        &self,
        change: &ProxyStatusChange,
    ) -> Result<Outcome, StoreError> {
        let writer = self.link().writer().await?;
        self.watched(async {
            let written = proxies::Entity::update_many()
                .col_expr(proxies::Column::Status, Expr::value(change.status.as_str()))
                .col_expr(
                    proxies::Column::StatusReason,
                    Expr::value(change.status_reason.clone()),
                )
                .col_expr(
                    proxies::Column::Conditions,
                    Expr::value(cell::json(&change.conditions)?),
                )
                .col_expr(
                    proxies::Column::ObservedGeneration,
                    Expr::value(cell::counter(change.observed_generation)),
                )
                .filter(proxies::Column::Id.eq(change.id.as_str()))
                .filter(proxies::Column::Generation.eq(cell::counter(change.expected_generation)))
                .filter(proxies::Column::Status.eq(change.expected_status.as_str()))
                .exec(writer)
                .await?;
            Ok(match written.rows_affected {
                0 => Outcome::Lost,
                _ => Outcome::Applied,
            })
        })
        .await
    }
}

impl Write {
    /// Asks for a proxy's deletion: status deleting, new generation, and the second at which what still
    /// runs through it is cut. Asking again changes nothing and answers the same.
    ///
    /// Fails with [`StoreError::NotFound`] or [`StoreError::PreconditionFailed`].
    pub async fn proxy_delete_request(
        &self,
        name: &str,
        expect: Expect,
        drain_deadline: i64,
    ) -> Result<ProxyRow, StoreError> {
        let mut row = find(&self.transaction, name).await?;
        expect.check(Kind::Proxy, &row.name, row.generation)?;
        if row.delete_requested_at.is_none() {
            let status = status_of(&row)?.after(ProxyEvent::DeleteRequested);
            let generation = row.generation.saturating_add(1);
            let mut change = row.into_active_model();
            change.status = Set(status.as_str().to_owned());
            change.generation = Set(generation);
            change.updated_at = Set(self.now);
            change.delete_requested_at = Set(Some(self.now));
            change.drain_deadline = Set(Some(drain_deadline));
            row = change.update(&self.transaction).await?;
        }
        let tags = tags::of(&self.transaction, TagKind::Proxy, &row.id).await?;
        ProxyRow::new(row, tags)
    }

    /// Removes a drained proxy with everything that belongs to it; its ports are free again.
    ///
    /// Fails with [`StoreError::NotFound`], or with [`StoreError::InUse`] when nobody asked for its
    /// deletion.
    pub async fn proxy_remove(&self, id: &ProxyId) -> Result<(), StoreError> {
        let row = find(&self.transaction, id.as_str()).await?;
        if status_of(&row)? != ProxyStatus::Deleting {
            return Err(StoreError::InUse {
                kind: Kind::Proxy,
                name: row.name,
                by: vec!["its clients: deletion was not asked for".to_owned()],
            });
        }
        self.tags_clear(TagKind::Proxy, &row.id).await?;
        self.tags_clear(TagKind::TargetGroup, &row.id).await?;
        let page = Page::first(u32::try_from(limit::ENDPOINTS_PER_PROXY).unwrap_or(u32::MAX));
        for endpoint in self.endpoint_list(&row.id, &page).await?.items {
            self.tags_clear(TagKind::Endpoint, &endpoint.id).await?;
        }
        row.delete(&self.transaction).await?;
        Ok(())
    }
}
