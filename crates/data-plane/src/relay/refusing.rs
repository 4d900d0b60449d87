//! Requests that get no server connection: what their clients are told, in order, and that they stay.

use std::rc::Rc;
use std::sync::Arc;
use std::task::Context;

use tollgate_pool::BorrowError;
use tollgate_session::Effects;
use tollgate_wire_postgres::backend::ErrorFields;

use super::{Appetite, Input, Relay, Step};
use crate::pool_key::PoolKey;
use crate::reply::{self, Told};
use crate::target_pool::TargetPool;

impl Relay {
    pub(super) fn refuse_borrow(
        &mut self,
        pool: &Rc<TargetPool>,
        error: &BorrowError,
        cx: &mut Context<'_>,
    ) -> Step<()> {
        let fields = refusal(pool, &self.registered.control.key, error);
        let mut effects = self.shard.effects.take();
        let result = self.refuse(&fields, &mut effects, cx);
        self.shard.effects.set(effects);
        result
    }

    /// Answers the waiting request with an error, in order; the client stays.
    pub(super) fn refuse(
        &mut self,
        fields: &ErrorFields,
        effects: &mut Effects,
        cx: &mut Context<'_>,
    ) -> Step<()> {
        effects.clear();
        self.session.refuse(fields, effects);
        self.appetite = Appetite::Hungry;
        self.write_effects(effects, Input::Client, cx)
    }
}

/// What a client is told whose request got no server connection: the server's own words where it
/// gave any for this user and database.
pub(super) fn refusal(pool: &TargetPool, key: &Arc<PoolKey>, error: &BorrowError) -> ErrorFields {
    match (error, pool.last_error(key)) {
        (BorrowError::Unavailable(_), Some(open)) => {
            reply::open_failed(&open, &pool.target.database, Told::InSession)
        }
        _ => reply::borrow_refused(error, &pool.target.database),
    }
}
