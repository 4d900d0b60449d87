//! PostgreSQL behind the seam.

use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tollgate_pool::BorrowError;
use tollgate_session::postgres as session;
use tollgate_session::{Effects, PinReason};
use tollgate_types::SessionState;
use tollgate_wire_postgres::backend::{self, ErrorFields};

use super::advice;
use super::machine::{
    Cancel, CancelTarget, Cleaner, CleanerEvent, Farewell, Killed, Machine, Past, Progress, Proof,
    ServerEvent, ServerProgress, Told, Want,
};
use super::{Belongs, Engine, Parked, Refusals, Server};
use crate::choosing::NoTarget;
use crate::opening;
use crate::pool_key::PoolKey;
use crate::pooled::Pooled;
use crate::random::CorrelationId;
use crate::reply;
use crate::server::{self, CancelHandle, OpenError, ParkedConnection, ServerConnection};
use crate::stream::Stream;
use crate::target_pool::TargetPool;

/// Time for delivering a cancel request; beyond it the server connection is closed.
const CANCEL_DEADLINE: Duration = Duration::from_secs(10);

/// The engine.
pub(crate) struct Postgres;

impl Engine for Postgres {
    type Session = session::Session;
    type State = session::ServerState;
    type Proof = session::Clean;
    type Refusal = ErrorFields;
    type Server = ServerConnection;
    type Parked = ParkedConnection;
    type Victim = CancelHandle;

    async fn open(pool: &TargetPool<Self>, key: &Arc<PoolKey>) -> Result<Pooled<Self>, OpenError> {
        let epoch = pool.target.epoch();
        let book = pool.target.routines.of(&key.database);
        let server = opening::postgres(&pool.target, key).await?;
        let defaults = pool.learn(key, &server.parameters, epoch);
        let state = session::ServerState::with_defaults(defaults)
            .with_process_id(server.process_id)
            .with_routines(book);
        Ok(Pooled::fresh(server, key, state))
    }

    fn keepalive(state: Self::State) -> session::Cleanup {
        session::Cleanup::keepalive(state)
    }

    fn victim(server: &ServerConnection) -> Option<CancelHandle> {
        server.cancel_handle()
    }

    async fn end_statement(
        pool: &Rc<TargetPool<Self>>,
        _key: &Arc<PoolKey>,
        victim: CancelHandle,
    ) -> io::Result<()> {
        let plan = pool.target.plan();
        server::cancel(
            &victim,
            &plan.config.host,
            plan.tls.clone(),
            CANCEL_DEADLINE,
        )
        .await
    }

    fn is_of(_key: &PoolKey, _state: &Self::State) -> Belongs {
        Belongs::Yes
    }

    fn key_now(_session: &Self::Session, _key: &PoolKey) -> Option<PoolKey> {
        None
    }

    fn advice(reason: PinReason) -> &'static str {
        advice::postgres(reason)
    }

    fn refusals() -> &'static dyn Refusals<Self> {
        &Replies
    }
}

impl Machine for session::Session {
    type State = session::ServerState;
    type Proof = session::Clean;
    type Cleaner = session::Cleanup;
    type Refusal = ErrorFields;

    #[inline]
    fn on_client(&mut self, input: &[u8], out: &mut Effects) -> Progress<session::Clean> {
        let progress = self.on_client(input, out);
        let want = match progress.want {
            session::Want::More => Want::More,
            session::Want::Replies => Want::Replies,
            session::Want::Server => Want::Server,
            session::Want::Release(proof) => Want::Release(proof),
            session::Want::Close(session::CloseReason::Terminated) => Want::Goodbye,
            session::Want::Close(_) => Want::Close,
        };
        Progress {
            consumed: progress.consumed,
            want,
        }
    }

    #[inline]
    fn on_server(&mut self, input: &[u8], out: &mut Effects) -> ServerProgress<session::Clean> {
        let progress = self.on_server(input, out);
        let event = match progress.event {
            session::ServerEvent::More => ServerEvent::More,
            session::ServerEvent::Release(proof) => ServerEvent::Release(proof),
            session::ServerEvent::ServerFatal => ServerEvent::ServerFatal,
            session::ServerEvent::OutOfSync => ServerEvent::OutOfSync,
        };
        ServerProgress {
            consumed: progress.consumed,
            event,
        }
    }

    fn suits(&self, state: &session::ServerState) -> bool {
        self.suits(state)
    }

    fn attach(&mut self, state: session::ServerState) {
        self.attach(state);
    }

    fn refuse(&mut self, refusal: &ErrorFields, out: &mut Effects) {
        self.refuse(refusal, out);
    }

    fn on_server_lost(&mut self, refusal: &ErrorFields, out: &mut Effects) -> Told {
        match self.on_server_lost(refusal, out) {
            session::Told::Yes => Told::Yes,
            session::Told::No => Told::No,
        }
    }

    fn on_client_gone(&mut self) -> Farewell<session::Clean, session::Cleanup> {
        match self.on_client_gone() {
            session::Farewell::Nothing => Farewell::Nothing,
            session::Farewell::Clean(proof) => Farewell::Clean(proof),
            session::Farewell::Cleanup(cleanup) => Farewell::Cleanup(cleanup),
            session::Farewell::CloseServer { cancel } => Farewell::CloseServer(match cancel {
                session::Cancel::First => Cancel::First,
                session::Cancel::No => Cancel::No,
            }),
        }
    }

    fn cancel_target(&self) -> CancelTarget {
        match self.cancel_target() {
            session::CancelTarget::Nothing => CancelTarget::Nothing,
            session::CancelTarget::Server => CancelTarget::Server,
            session::CancelTarget::Later => CancelTarget::Later,
        }
    }

    fn cancel_began(&mut self) {
        self.cancel_began();
    }

    fn cancel_ended(&mut self, out: &mut Effects) -> Option<session::Clean> {
        self.cancel_ended(out)
    }

    fn state(&self) -> SessionState {
        self.state()
    }

    fn at_boundary(&self) -> bool {
        self.at_boundary()
    }

    fn in_transaction(&self) -> bool {
        self.in_transaction()
    }

    fn idle_limit_ms(&self) -> Option<u64> {
        self.idle_limit_ms()
    }

    fn last_words(&self, refusal: &ErrorFields) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        backend::error_response(&mut out, refusal);
        self.at_boundary().then_some(out)
    }

    /// PostgreSQL has no statement that ends another client: its functions know processes only.
    fn killed(&mut self, _outcome: Killed) {}
}

impl Proof for session::Clean {
    type State = session::ServerState;

    fn past(&self) -> Past {
        match self.past() {
            session::Past::Untouched => Past::Untouched,
            session::Past::SettingsTouched => Past::SettingsTouched,
        }
    }

    fn into_state(self) -> session::ServerState {
        self.into_state()
    }
}

impl Cleaner for session::Cleanup {
    type Proof = session::Clean;

    fn bytes(&self) -> &[u8] {
        self.bytes()
    }

    fn on_server(self, input: &[u8]) -> (usize, CleanerEvent<Self>) {
        let progress = self.on_server(input);
        let event = match progress.event {
            session::CleanupEvent::More(next) => CleanerEvent::More(next),
            session::CleanupEvent::Clean(proof) => CleanerEvent::Clean(proof),
            session::CleanupEvent::Failed => CleanerEvent::Failed,
        };
        (progress.consumed, event)
    }
}

impl Server for ServerConnection {
    type Parked = ParkedConnection;

    #[inline]
    fn stream(&mut self) -> &mut Stream {
        &mut self.stream
    }

    fn number(&self) -> i32 {
        self.process_id
    }

    fn close(self) {
        self.close();
    }

    fn park(self) -> io::Result<ParkedConnection> {
        self.park()
    }
}

impl Parked for ParkedConnection {
    type Server = ServerConnection;

    fn unpark(self) -> io::Result<ServerConnection> {
        self.unpark()
    }
}

struct Replies;

impl Refusals<Postgres> for Replies {
    fn terminated(&self) -> ErrorFields {
        reply::terminated()
    }

    fn idle_timeout(&self) -> ErrorFields {
        reply::idle_timeout()
    }

    fn too_large(&self, limit: usize) -> ErrorFields {
        reply::message_too_large(limit)
    }

    fn cancelled(&self) -> ErrorFields {
        reply::cancelled_while_waiting()
    }

    fn server_lost(&self, target: &str) -> ErrorFields {
        reply::server_lost(target)
    }

    fn no_target(&self, none: &NoTarget) -> ErrorFields {
        let (role, why) = none.parts();
        reply::no_target(role, why)
    }

    fn not_borrowed(
        &self,
        error: &BorrowError,
        open: Option<&OpenError>,
        target: &str,
    ) -> ErrorFields {
        match (error, open) {
            // The server's own words where it gave any for this user and database.
            (BorrowError::Unavailable(_), Some(open)) => {
                reply::open_failed(open, target, reply::Told::InSession)
            }
            _ => reply::borrow_refused(error, target),
        }
    }

    fn identified(&self, refusal: ErrorFields, id: CorrelationId) -> ErrorFields {
        reply::identified(refusal, id)
    }
}
