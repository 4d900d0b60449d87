//! MySQL and MariaDB behind the seam.

use std::io;
use std::rc::Rc;
use std::sync::Arc;

use tollgate_pool::BorrowError;
use tollgate_session::mysql as session;
use tollgate_session::{Effects, PinReason};
use tollgate_types::SessionState;

use super::advice;
use super::machine::{
    Cancel, CancelTarget, Cleaner, CleanerEvent, Doomed, Farewell, Kill, Killed, Machine, Past,
    Progress, Proof, ServerEvent, ServerProgress, Told, Want,
};
use super::{Belongs, Engine, Parked, Refusals, Server};
use crate::choosing::NoTarget;
use crate::mysql::opening;
use crate::mysql::server::kill::Victim;
use crate::mysql::server::{ParkedConnection, ServerConnection};
use crate::pool_key::PoolKey;
use crate::pooled::Pooled;
use crate::random::CorrelationId;
use crate::reply::mysql::{self as reply, Refusal};
use crate::server::OpenError;
use crate::stream::Stream;
use crate::target_pool::TargetPool;

/// The engine, in both families.
pub(crate) struct Mysql;

impl Engine for Mysql {
    type Session = session::Session;
    type State = session::ServerState;
    type Proof = session::Clean;
    type Refusal = Refusal;
    type Server = ServerConnection;
    type Parked = ParkedConnection;
    type Victim = Victim;

    async fn open(pool: &TargetPool<Self>, key: &Arc<PoolKey>) -> Result<Pooled<Self>, OpenError> {
        let epoch = pool.target.epoch();
        let conn = opening::open(&pool.target, key).await?;
        pool.learn(key, &conn.server.facts, epoch);
        Ok(conn)
    }

    fn keepalive(state: Self::State) -> session::Cleanup {
        session::Cleanup::keepalive(state)
    }

    fn victim(server: &ServerConnection) -> Option<Victim> {
        Some(server.victim())
    }

    async fn end_statement(
        pool: &Rc<TargetPool<Self>>,
        key: &Arc<PoolKey>,
        victim: Victim,
    ) -> io::Result<()> {
        opening::kill_query(&pool.target, key, victim)
            .await
            .map_err(|error| io::Error::other(error.to_string()))
    }

    /// No command takes a current schema away again.
    fn is_of(key: &PoolKey, state: &Self::State) -> Belongs {
        if key.database.is_empty() && state.has_schema() {
            Belongs::NoLonger
        } else {
            Belongs::Yes
        }
    }

    /// Connections are told apart by the schema they were opened with, so that a client whose schema has changed
    /// is better served by others.
    fn key_now(session: &Self::Session, key: &PoolKey) -> Option<PoolKey> {
        let schema = std::str::from_utf8(session.schema()).ok()?;
        // MySQL takes a name with a zero in it, but nobody can log in to it.
        let differs = schema != key.database && !schema.contains('\0');
        differs.then(|| key.with_database(schema))
    }

    fn advice(reason: PinReason) -> &'static str {
        advice::mysql(reason)
    }

    fn refusals() -> &'static dyn Refusals<Self> {
        &Replies
    }
}

impl Machine for session::Session {
    type State = session::ServerState;
    type Proof = session::Clean;
    type Cleaner = session::Cleanup;
    type Refusal = Refusal;

    #[inline]
    fn on_client(&mut self, input: &[u8], out: &mut Effects) -> Progress<session::Clean> {
        let progress = self.on_client(input, out);
        let want = match progress.want {
            session::Want::More => Want::More,
            session::Want::Replies => Want::Replies,
            session::Want::Server => Want::Server,
            session::Want::Release(proof) => Want::Release(proof),
            session::Want::Kill(request) => Want::Kill(kill(request)),
            session::Want::ChangeUser => Want::ChangeUser,
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

    fn refuse(&mut self, refusal: &Refusal, _out: &mut Effects) {
        self.refuse(refusal.code, &refusal.message);
    }

    fn on_server_lost(&mut self, refusal: &Refusal, out: &mut Effects) -> Told {
        match self.on_server_lost(refusal.code, &refusal.message, out) {
            session::Told::Yes => Told::Yes,
            session::Told::No => Told::No,
            session::Told::Unharmed => Told::Unharmed,
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
            session::CancelTarget::Server(_) => CancelTarget::Server,
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

    /// What a client sets as `wait_timeout` is for connections to a server; the proxy has its own.
    fn idle_limit_ms(&self) -> Option<u64> {
        None
    }

    fn last_words(&self, refusal: &Refusal) -> Option<Vec<u8>> {
        self.last_words(refusal.code, &refusal.message)
    }

    fn killed(&mut self, outcome: Killed) {
        self.killed(match outcome {
            Killed::Done => session::Killed::Done,
            Killed::NotOurs => session::Killed::NotOurs,
            Killed::Denied => session::Killed::Denied,
            Killed::Itself => session::Killed::Itself,
        });
    }
}

fn kill(request: session::KillRequest) -> Kill {
    use tollgate_session::mysql::KillTarget;
    Kill {
        id: request.id,
        what: match request.target {
            KillTarget::Connection => Doomed::Connection,
            KillTarget::Query => Doomed::Statement,
            KillTarget::QueryId => Doomed::OnServer,
        },
    }
}

impl Proof for session::Clean {
    type State = session::ServerState;

    fn past(&self) -> Past {
        match self.past() {
            session::Past::AsOpened => Past::Untouched,
            session::Past::SettingsTouched | session::Past::WasReset => Past::SettingsTouched,
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
        i32::try_from(self.facts.connection_id).unwrap_or(i32::MAX)
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

impl Refusals<Mysql> for Replies {
    fn terminated(&self) -> Refusal {
        reply::shutting_down()
    }

    fn idle_timeout(&self) -> Refusal {
        reply::idle_timeout()
    }

    fn too_large(&self, limit: usize) -> Refusal {
        reply::too_large(limit)
    }

    fn cancelled(&self) -> Refusal {
        reply::interrupted()
    }

    fn server_lost(&self, target: &str) -> Refusal {
        reply::server_lost(target)
    }

    fn no_target(&self, none: &NoTarget) -> Refusal {
        let (role, why) = none.parts();
        reply::no_target(role, why)
    }

    fn not_borrowed(&self, error: &BorrowError, open: Option<&OpenError>, target: &str) -> Refusal {
        match (error, open) {
            // The server's own words where it gave any for this user and schema.
            (BorrowError::Unavailable(_), Some(open)) => reply::open_failed(open, target),
            _ => reply::borrow_refused(error, target),
        }
    }

    fn identified(&self, refusal: Refusal, id: CorrelationId) -> Refusal {
        refusal.identified(&id.to_string())
    }
}
