//! What relays and pools need of an engine. Everything else about it is its own: the listener, the login,
//! the greeting.

mod advice;
mod machine;
mod mysql;
mod pools;
mod postgres;

use std::io;
use std::rc::Rc;
use std::sync::Arc;

use tollgate_pool::BorrowError;
use tollgate_session::PinReason;

use crate::choosing::NoTarget;
use crate::pool_key::PoolKey;
use crate::pooled::Pooled;
use crate::random::CorrelationId;
use crate::server::OpenError;
use crate::stream::Stream;
use crate::target_pool::TargetPool;

pub(crate) use machine::{
    Cancel, CancelTarget, Cleaner, CleanerEvent, Doomed, Farewell, Kill, Killed, Machine, Past,
    Proof, ServerEvent, Told, Want,
};
pub(crate) use mysql::Mysql;
pub(crate) use pools::{AnyPool, Crossing, Speaks};
pub(crate) use postgres::Postgres;

/// A database software with its protocol.
pub(crate) trait Engine: Speaks + Sized + 'static {
    /// The session machine.
    type Session: Machine<State = Self::State, Proof = Self::Proof, Refusal = Self::Refusal>;
    /// What the pool keeps of a server connection.
    type State: Send + 'static;
    /// That one is clean.
    type Proof: Proof<State = Self::State>;
    /// What clients are told when something is refused.
    type Refusal;
    /// A logged-in connection to a server.
    type Server: Server<Parked = Self::Parked>;
    /// One on its way to another shard.
    type Parked: Parked<Server = Self::Server>;
    /// What it takes to end the statement that a connection is busy with.
    type Victim: 'static;

    /// Opens a server connection of `key`, ready for its first client.
    fn open(
        pool: &TargetPool<Self>,
        key: &Arc<PoolKey>,
    ) -> impl Future<Output = Result<Pooled<Self>, OpenError>>;

    /// Tests an idle connection.
    fn keepalive(state: Self::State) -> <Self::Session as Machine>::Cleaner;

    /// What it takes to end what `server` is busy with; `None` where the server gave no key.
    fn victim(server: &Self::Server) -> Option<Self::Victim>;

    /// Ends it. Returns when the server has been told.
    fn end_statement(
        pool: &Rc<TargetPool<Self>>,
        key: &Arc<PoolKey>,
        victim: Self::Victim,
    ) -> impl Future<Output = io::Result<()>>;

    /// Whether a clean connection is one of `key` still.
    fn is_of(key: &PoolKey, state: &Self::State) -> Belongs;

    /// The key of the connections that suit a session, if it is not the one it had.
    fn key_now(session: &Self::Session, key: &PoolKey) -> Option<PoolKey>;

    /// How clients avoid a pin, for the log.
    fn advice(reason: PinReason) -> &'static str;

    /// What clients are told.
    fn refusals() -> &'static dyn Refusals<Self>;
}

/// Whether a clean connection may go back to where it came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Belongs {
    /// It may.
    Yes,
    /// It no longer is what its key says.
    NoLonger,
}

/// One table per engine of what clients are told while they are served.
pub(crate) trait Refusals<E: Engine> {
    /// The proxy ends the session.
    fn terminated(&self) -> E::Refusal;
    /// The client was idle for too long.
    fn idle_timeout(&self) -> E::Refusal;
    /// A message of the client is longer than `limit` bytes, and would have to be seen whole.
    fn too_large(&self, limit: usize) -> E::Refusal;
    /// The client's own wish ended a request that waited for a server connection.
    fn cancelled(&self) -> E::Refusal;
    /// The server connection broke during a request.
    fn server_lost(&self, target: &str) -> E::Refusal;
    /// No target serves the endpoint's role.
    fn no_target(&self, none: &NoTarget) -> E::Refusal;
    /// A request got no server connection; `open` is what the server itself said to that.
    fn not_borrowed(
        &self,
        error: &BorrowError,
        open: Option<&OpenError>,
        target: &str,
    ) -> E::Refusal;
    /// The same refusal with the session's id in it, unless the text is the server's own.
    fn identified(&self, refusal: E::Refusal, id: CorrelationId) -> E::Refusal;
}

/// A logged-in connection to a server.
pub(crate) trait Server: Sized + 'static {
    /// The same on its way to another shard.
    type Parked;
    /// The bytes.
    fn stream(&mut self) -> &mut Stream;
    /// The server's number for it, for people; 0 where there is none.
    fn number(&self) -> i32;
    /// Says goodbye and closes.
    fn close(self);
    /// Leaves this thread's runtime.
    fn park(self) -> io::Result<Self::Parked>;
}

/// A server connection on its way to another shard.
pub(crate) trait Parked: Send + Sized + 'static {
    /// The same in use.
    type Server;
    /// Enters the runtime of the calling thread.
    fn unpark(self) -> io::Result<Self::Server>;
}
