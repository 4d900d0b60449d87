//! Auth decisions: kept for operators who ask why somebody was let in or refused.

use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbBackend, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect, Statement,
};
use tollgate_types::{AuthDecision, AuthOutcome};

use crate::entity::audit_decisions;
use crate::page::{Listed, Page};
use crate::{Kind, Store, StoreError, cell};

/// Which decisions to list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DecisionFilter {
    /// Only those of the proxy with this name.
    pub proxy_name: Option<String>,
    /// Only these.
    pub outcome: Option<AuthOutcome>,
}

/// What may stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecisionRetention {
    /// Milliseconds since the epoch: everything earlier goes.
    pub not_before_ms: i64,
    /// How many stay at most: the newest ones.
    pub rows_max: u64,
}

impl Store {
    /// Keeps decisions, all or none; one that is kept already is left alone.
    pub async fn decision_insert_many(&self, decisions: &[AuthDecision]) -> Result<(), StoreError> {
        let rows = decisions
            .iter()
            .map(row_of)
            .collect::<Result<Vec<_>, _>>()?;
        let rows = cell::json(&rows)?;
        let writer = self.link().writer().await?;
        self.watched(async {
            let backend = writer.get_database_backend();
            let insert = Statement::from_sql_and_values(backend, insertion(backend), [rows.into()]);
            writer.execute_raw(insert).await?;
            Ok(())
        })
        .await
    }

    /// The decision with this correlation id.
    pub async fn decision_get(&self, correlation_id: &str) -> Result<AuthDecision, StoreError> {
        let reader = self.link().reader().await?;
        self.watched(async {
            let row = audit_decisions::Entity::find_by_id(correlation_id)
                .one(reader)
                .await?;
            let row = row.ok_or_else(|| StoreError::not_found(Kind::Decision, correlation_id))?;
            decision_of(&row)
        })
        .await
    }

    /// Decisions, the newest first. A page's `after` is what the page before gave as `next`; any other
    /// text starts from the newest.
    pub async fn decision_list(
        &self,
        filter: &DecisionFilter,
        page: &Page,
    ) -> Result<Listed<AuthDecision>, StoreError> {
        let reader = self.link().reader().await?;
        self.watched(async {
            let mut select = audit_decisions::Entity::find()
                .order_by_desc(audit_decisions::Column::TimeMs)
                .order_by_desc(audit_decisions::Column::CorrelationId)
                .limit(page.fetch_limit());
            if let Some(name) = &filter.proxy_name {
                select = select.filter(audit_decisions::Column::ProxyName.eq(name));
            }
            if let Some(outcome) = &filter.outcome {
                select = select.filter(audit_decisions::Column::Outcome.eq(cell::word(outcome)?));
            }
            if let Some((time_ms, id)) = page.after.as_deref().and_then(position) {
                let earlier = audit_decisions::Column::TimeMs.lt(time_ms);
                let same = Condition::all()
                    .add(audit_decisions::Column::TimeMs.eq(time_ms))
                    .add(audit_decisions::Column::CorrelationId.lt(id));
                select = select.filter(Condition::any().add(earlier).add(same));
            }
            let rows = select.all(reader).await?;
            let key =
                |row: &audit_decisions::Model| format!("{}:{}", row.time_ms, row.correlation_id);
            Listed::cut(rows, page, key).try_map(|row| decision_of(&row))
        })
        .await
    }

    /// Forgets old decisions; returns how many.
    pub async fn decision_prune(&self, stay: DecisionRetention) -> Result<u64, StoreError> {
        let writer = self.link().writer().await?;
        self.watched(async {
            let too_old = audit_decisions::Column::TimeMs.lt(stay.not_before_ms);
            let deleted = audit_decisions::Entity::delete_many()
                .filter(too_old)
                .exec(writer)
                .await?;
            let newest_to_go: Option<i64> = audit_decisions::Entity::find()
                .select_only()
                .column(audit_decisions::Column::TimeMs)
                .order_by_desc(audit_decisions::Column::TimeMs)
                .offset(stay.rows_max)
                .limit(1)
                .into_tuple()
                .one(writer)
                .await?;
            let Some(newest_to_go) = newest_to_go else {
                return Ok(deleted.rows_affected);
            };
            let too_many = audit_decisions::Column::TimeMs.lte(newest_to_go);
            let more = audit_decisions::Entity::delete_many()
                .filter(too_many)
                .exec(writer)
                .await?;
            Ok(deleted.rows_affected.saturating_add(more.rows_affected))
        })
        .await
    }
}

/// One statement for any number of rows, which come as a JSON list of lists. Drivers keep the statements that
/// they have prepared, so there must be one text; and each statement is a way to the driver's thread and back.
fn insertion(backend: DbBackend) -> &'static str {
    if backend == DbBackend::Postgres {
        return "INSERT INTO audit_decisions (correlation_id, time_ms, proxy_name, outcome, decision) \
                SELECT r ->> 0, (r ->> 1)::bigint, r ->> 2, r ->> 3, r ->> 4 FROM json_array_elements($1::json) AS r \
                ON CONFLICT (correlation_id) DO NOTHING";
    }
    // Without a WHERE, SQLite would take ON for a part of the FROM.
    "INSERT INTO audit_decisions (correlation_id, time_ms, proxy_name, outcome, decision) \
     SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4 FROM json_each($1) WHERE true \
     ON CONFLICT (correlation_id) DO NOTHING"
}

/// A decision in the order of the columns. It is a text within the list: PostgreSQL takes no U+0000 out of JSON.
fn row_of(decision: &AuthDecision) -> Result<(&str, i64, &str, String, String), StoreError> {
    Ok((
        &decision.correlation_id,
        decision.time_unix_ms,
        &decision.proxy_name,
        cell::word(&decision.outcome)?,
        cell::json(decision)?,
    ))
}

fn decision_of(row: &audit_decisions::Model) -> Result<AuthDecision, StoreError> {
    cell::parse(&row.decision, &format!("decision {}", row.correlation_id))
}

/// `time:id`, as [`Store::decision_list`] gives it out.
fn position(after: &str) -> Option<(i64, &str)> {
    let (time, id) = after.split_once(':')?;
    Some((time.parse().ok()?, id))
}
