//! Requests that get no server connection: what their clients are told, in order, and that they stay.

use std::rc::Rc;
use std::task::Context;

use tollgate_pool::BorrowError;
use tollgate_session::Effects;

use super::{Appetite, Input, Relay, Step};
use crate::engine::{Engine, Machine};
use crate::target_pool::TargetPool;

impl<E: Engine> Relay<E> {
    pub(super) fn refuse_borrow(
        &mut self,
        pool: &Rc<TargetPool<E>>,
        error: &BorrowError,
        cx: &mut Context<'_>,
    ) -> Step<()> {
        let refusal = self.refusal(pool, error);
        let mut effects = self.shard.take_effects();
        let result = self.refuse(&refusal, &mut effects, cx);
        self.shard.return_effects(effects);
        result
    }

    /// Answers the waiting request with an error, in order; the client stays.
    pub(super) fn refuse(
        &mut self,
        refusal: &E::Refusal,
        effects: &mut Effects,
        cx: &mut Context<'_>,
    ) -> Step<()> {
        effects.clear();
        self.session.refuse(refusal, effects);
        self.appetite = Appetite::Hungry;
        self.write_effects(effects, Input::Client, cx)
    }

    /// What the client is told when its request got no server connection.
    pub(super) fn refusal(&self, pool: &TargetPool<E>, error: &BorrowError) -> E::Refusal {
        let open = pool.last_error(&self.key);
        let database = &pool.target.database;
        let refusal = E::refusals().not_borrowed(error, open.as_ref(), database);
        E::refusals().identified(refusal, self.registered.control.id)
    }
}
