//! `Write`: one transaction with its precondition, its rows, its revision and its kept answer.

use std::sync::Arc;

use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DatabaseTransaction, DbBackend, EntityTrait,
    QueryFilter, Set, SqliteTransactionMode, Statement, TransactionOptions, TransactionTrait,
};
use tokio::sync::OwnedSemaphorePermit;
use tollgate_types::Revision;

use crate::cell;
use crate::entity::{config_revision, idempotency};
use crate::error::{Kind, StoreError, is_lock_timeout};
use crate::in_flight::Claim;
use crate::store::{Shared, Store, watched};

/// Seconds for which an answer is kept under its idempotency key: one day.
const ANSWER_KEPT_S: i64 = 86_400;

/// What every write is told.
#[derive(Debug, Clone)]
pub struct WriteContext {
    /// Seconds since the epoch, written into `created_at` and `updated_at`.
    pub now_unix: i64,
    /// The caller's idempotency key, if it sent one.
    pub idempotency: Option<Idempotency>,
}

impl WriteContext {
    /// A write without an idempotency key.
    pub fn at(now_unix: i64) -> Self {
        Self {
            now_unix,
            idempotency: None,
        }
    }
}

/// An idempotency key and the call it stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idempotency {
    /// Unique id of the caller: keys of different callers never meet.
    pub principal: String,
    /// The key.
    pub key: String,
    /// Method and path.
    pub operation: String,
    /// A hash of the body.
    pub request_hash: String,
}

/// The answer that a repeated call gets again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredAnswer {
    /// HTTP status.
    pub status: u16,
    /// The body. One with a secret in it must be sealed by the caller.
    pub body: String,
    /// `ETag`.
    pub etag: Option<String>,
    /// `Location`.
    pub location: Option<String>,
}

/// What the caller expects to find before it changes something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// Whatever is there.
    Anything,
    /// This generation.
    Generation(u64),
}

impl Expect {
    /// Fails with [`StoreError::PreconditionFailed`] when `current` is not what was expected.
    pub(crate) fn check(self, kind: Kind, name: &str, current: i64) -> Result<(), StoreError> {
        let current: u64 = cell::number(current, name)?;
        match self {
            Self::Generation(expected) if expected != current => {
                Err(StoreError::PreconditionFailed {
                    kind,
                    name: name.to_owned(),
                    current,
                })
            }
            Self::Anything | Self::Generation(_) => Ok(()),
        }
    }
}

/// How a write begins.
#[derive(Debug)]
pub enum Begun {
    /// A transaction is open.
    Fresh(Write),
    /// The same call was made before; this was its answer.
    Replay(StoredAnswer),
}

/// An open transaction. Dropping it takes everything back.
///
/// Writers come one after the other, over all processes: what is read inside a `Write` stays true until
/// it is committed. So keep it short, and wait for nothing else while it is open.
#[derive(Debug)]
pub struct Write {
    // Dropped in this order: the transaction ends before the next writer is let in.
    pub(crate) transaction: DatabaseTransaction,
    pub(crate) now: i64,
    revision: Revision,
    idempotency: Option<Idempotency>,
    _claim: Option<Claim>,
    _turn: OwnedSemaphorePermit,
    shared: Arc<Shared>,
}

impl Store {
    /// Opens a transaction, or tells the answer that was given under the same idempotency key.
    ///
    /// A call with a key that is being worked on waits for the first one for a few seconds, then fails
    /// with [`StoreError::IdempotencyInFlight`]. The same key for another call is
    /// [`StoreError::IdempotencyKeyReused`].
    pub async fn begin(&self, context: WriteContext) -> Result<Begun, StoreError> {
        self.watched(begin(self.shared(), context)).await
    }

    /// Opens a transaction without an idempotency key.
    pub async fn begin_at(&self, now_unix: i64) -> Result<Write, StoreError> {
        match self.begin(WriteContext::at(now_unix)).await? {
            Begun::Fresh(write) => Ok(write),
            Begun::Replay(_) => Err(StoreError::corrupt("an answer was kept without a key")),
        }
    }

    /// Forgets answers that were given more than a day before `now_unix`; returns how many.
    pub async fn idempotency_prune(&self, now_unix: i64) -> Result<u64, StoreError> {
        let writer = self.link().writer().await?;
        self.watched(async {
            let old = idempotency::Column::CreatedAt.lte(now_unix.saturating_sub(ANSWER_KEPT_S));
            let deleted = idempotency::Entity::delete_many()
                .filter(old)
                .exec(writer)
                .await?;
            Ok(deleted.rows_affected)
        })
        .await
    }
}

/// A transaction that is going to write: SQLite gives it the lock at once, or makes it wait.
pub(crate) fn of_writer() -> TransactionOptions {
    TransactionOptions {
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        ..TransactionOptions::default()
    }
}

async fn begin(shared: &Arc<Shared>, context: WriteContext) -> Result<Begun, StoreError> {
    let patience = shared.link.settings().acquire_timeout;
    let writer = shared.link.writer().await?;
    let claim = match &context.idempotency {
        Some(call) => {
            let name = (call.principal.clone(), call.key.clone());
            Some(shared.in_flight.claim(name, patience).await?)
        }
        None => None,
    };
    let turn = tokio::time::timeout(patience, Arc::clone(&shared.writers).acquire_owned())
        .await
        .map_err(|_| StoreError::unavailable("too many writers are waiting"))?
        .map_err(StoreError::unavailable)?;
    let transaction = writer.begin_with_options(of_writer()).await?;
    if let Some(call) = &context.idempotency {
        claim_everywhere(&transaction, call).await?;
    }
    let revision = next_revision(&transaction).await?;
    if let Some(call) = &context.idempotency
        && let Some(answer) = kept_answer(&transaction, call, context.now_unix).await?
    {
        transaction.rollback().await?;
        return Ok(Begun::Replay(answer));
    }
    Ok(Begun::Fresh(Write {
        transaction,
        now: context.now_unix,
        revision,
        idempotency: context.idempotency,
        _claim: claim,
        _turn: turn,
        shared: Arc::clone(shared),
    }))
}

/// The claim that other processes on the same PostgreSQL see; it ends with the transaction.
async fn claim_everywhere(
    transaction: &DatabaseTransaction,
    call: &Idempotency,
) -> Result<(), StoreError> {
    if transaction.get_database_backend() != DbBackend::Postgres {
        return Ok(());
    }
    let lock = Statement::from_sql_and_values(
        DbBackend::Postgres,
        "SELECT pg_advisory_xact_lock(hashtextextended($1 || chr(10) || $2, 7305230412000002))",
        [call.principal.clone().into(), call.key.clone().into()],
    );
    match transaction.execute_raw(lock).await {
        Ok(_) => Ok(()),
        Err(error) if is_lock_timeout(&error) => Err(StoreError::IdempotencyInFlight),
        Err(error) => Err(error.into()),
    }
}

/// Raises the revision. On PostgreSQL its row lock is what makes writers of all processes come one after
/// the other.
async fn next_revision(transaction: &DatabaseTransaction) -> Result<Revision, StoreError> {
    config_revision::Entity::update_many()
        .col_expr(
            config_revision::Column::Revision,
            Expr::col(config_revision::Column::Revision).add(1),
        )
        .exec(transaction)
        .await?;
    revision(transaction).await
}

/// The present revision.
pub(crate) async fn revision<C: ConnectionTrait>(connection: &C) -> Result<Revision, StoreError> {
    let row = config_revision::Entity::find().one(connection).await?;
    let row = row.ok_or_else(|| StoreError::corrupt("config_revision has no row"))?;
    cell::number(row.revision, "config_revision").map(Revision)
}

/// The answer kept for this call, unless it is too old.
async fn kept_answer(
    transaction: &DatabaseTransaction,
    call: &Idempotency,
    now: i64,
) -> Result<Option<StoredAnswer>, StoreError> {
    let id = (call.principal.clone(), call.key.clone());
    let kept = idempotency::Entity::find_by_id(id.clone())
        .one(transaction)
        .await?;
    let Some(kept) = kept else { return Ok(None) };
    if kept.created_at <= now.saturating_sub(ANSWER_KEPT_S) {
        idempotency::Entity::delete_by_id(id)
            .exec(transaction)
            .await?;
        return Ok(None);
    }
    if kept.operation != call.operation || kept.request_hash != call.request_hash {
        return Err(StoreError::IdempotencyKeyReused);
    }
    Ok(Some(StoredAnswer {
        status: cell::number(kept.status, "idempotency, status")?,
        body: kept.body,
        etag: kept.etag,
        location: kept.location,
    }))
}

impl Write {
    /// The revision that this write makes.
    pub fn revision(&self) -> Revision {
        self.revision
    }

    /// Makes everything durable. Nothing is kept under the idempotency key: a repeated call runs again.
    ///
    /// After [`StoreError::Unavailable`] it is unknown whether the write took place.
    pub async fn commit(self) -> Result<Revision, StoreError> {
        // `_claim` and `_turn` live until the end of this function: the next writer waits that long.
        let Self {
            transaction,
            revision,
            shared,
            _claim,
            _turn,
            ..
        } = self;
        watched(&shared.link, async { Ok(transaction.commit().await?) }).await?;
        Ok(revision)
    }

    /// Makes everything durable, and keeps the answer for a repeated call when there is a key.
    pub async fn commit_answered(self, answer: &StoredAnswer) -> Result<Revision, StoreError> {
        if let Some(call) = &self.idempotency {
            let row = idempotency::ActiveModel {
                principal: Set(call.principal.clone()),
                key: Set(call.key.clone()),
                operation: Set(call.operation.clone()),
                request_hash: Set(call.request_hash.clone()),
                status: Set(i64::from(answer.status)),
                body: Set(answer.body.clone()),
                etag: Set(answer.etag.clone()),
                location: Set(answer.location.clone()),
                created_at: Set(self.now),
            };
            watched(&self.shared.link, async {
                Ok(row.insert(&self.transaction).await?)
            })
            .await?;
        }
        self.commit().await
    }
}
