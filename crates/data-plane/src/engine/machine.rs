//! What a session machine asks of the relay and tells it, in words that are the same for every engine.

use tollgate_session::Effects;
use tollgate_types::SessionState;

/// One client's session machine. See `tollgate_session` for what the calls mean.
pub(crate) trait Machine: 'static {
    /// What the pool keeps of a server connection.
    type State: Send + 'static;
    /// The proof that a server connection is clean.
    type Proof: Proof<State = Self::State>;
    /// Makes an idle server connection clean.
    type Cleaner: Cleaner<Proof = Self::Proof>;
    /// What clients are told when something is refused.
    type Refusal;

    /// The client's bytes.
    fn on_client(&mut self, input: &[u8], out: &mut Effects) -> Progress<Self::Proof>;
    /// The server's bytes.
    fn on_server(&mut self, input: &[u8], out: &mut Effects) -> ServerProgress<Self::Proof>;
    /// Whether a server connection in this state has the session's settings already.
    fn suits(&self, state: &Self::State) -> bool;
    /// Gives the session a server connection.
    fn attach(&mut self, state: Self::State);
    /// Refuses what waits for a server connection.
    fn refuse(&mut self, refusal: &Self::Refusal, out: &mut Effects);
    /// The server connection broke.
    fn on_server_lost(&mut self, refusal: &Self::Refusal, out: &mut Effects) -> Told;
    /// The client is gone.
    fn on_client_gone(&mut self) -> Farewell<Self::Proof, Self::Cleaner>;
    /// Whether the client's statement can be ended now.
    fn cancel_target(&self) -> CancelTarget;
    /// A request to end it is about to be sent.
    fn cancel_began(&mut self);
    /// The request has been acted upon.
    fn cancel_ended(&mut self, out: &mut Effects) -> Option<Self::Proof>;
    /// For the sessions view.
    fn state(&self) -> SessionState;
    /// Whether a message of our own may be written to the client.
    fn at_boundary(&self) -> bool;
    /// Whether a transaction is open.
    fn in_transaction(&self) -> bool;
    /// For how long the client itself wants to be idle at the most; `Some(0)`: for ever.
    fn idle_limit_ms(&self) -> Option<u64>;
    /// What ends the session when nothing is under way; `None` where it would not be understood.
    fn last_words(&self, refusal: &Self::Refusal) -> Option<Vec<u8>>;
    /// What became of a [`Want::Kill`].
    fn killed(&mut self, outcome: Killed);
}

/// That a server connection is clean.
pub(crate) trait Proof {
    /// What the pool keeps.
    type State;
    /// Whether clients have changed settings on the connection since it was opened.
    fn past(&self) -> Past;
    /// The state to keep.
    fn into_state(self) -> Self::State;
}

/// Makes an idle server connection clean, or finds that it is.
pub(crate) trait Cleaner: Sized {
    /// What is found in the end.
    type Proof;
    /// What to send.
    fn bytes(&self) -> &[u8];
    /// Looks at what the server answers; says how much of it is done with.
    fn on_server(self, input: &[u8]) -> (usize, CleanerEvent<Self>);
}

/// How far an answer to a [`Cleaner`] has come.
pub(crate) enum CleanerEvent<C: Cleaner> {
    /// More is to come.
    More(C),
    /// The connection is clean.
    Clean(C::Proof),
    /// It will not be.
    Failed,
}

/// What clients have done to a server connection since it was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Past {
    /// Nothing that an init query may have set is changed.
    Untouched,
    /// It may be.
    SettingsTouched,
}

/// How far the client's bytes were understood.
pub(crate) struct Progress<P> {
    /// Bytes of the input that are done with.
    pub(crate) consumed: usize,
    /// What is needed to go on.
    pub(crate) want: Want<P>,
}

/// What a session wants after looking at the client's bytes.
pub(crate) enum Want<P> {
    /// More bytes of the client.
    More,
    /// Replies of the server.
    Replies,
    /// A server connection.
    Server,
    /// To give the server connection back.
    Release(P),
    /// To end another client's connection or statement.
    Kill(Kill),
    /// To log in again.
    ChangeUser,
    /// To close.
    Close,
    /// The same; the client has said goodbye and hears no more.
    Goodbye,
}

/// Whom a client wants to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Kill {
    /// The number clients know it by.
    pub(crate) id: u64,
    /// What is to end.
    pub(crate) what: Doomed,
}

/// What of a client is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Doomed {
    /// Its connection.
    Connection,
    /// What it is doing.
    Statement,
    /// A statement that only the server knows by its number.
    OnServer,
}

/// What became of a [`Kill`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Killed {
    /// It is done.
    Done,
    /// No client has this number.
    NotOurs,
    /// It is another user's.
    Denied,
    /// It was the client's own.
    Itself,
}

/// How far the server's bytes were understood.
pub(crate) struct ServerProgress<P> {
    /// Bytes of the input that are done with.
    pub(crate) consumed: usize,
    /// What they meant.
    pub(crate) event: ServerEvent<P>,
}

/// What the server's bytes meant.
pub(crate) enum ServerEvent<P> {
    /// More is to come.
    More,
    /// The server connection is clean and no longer the session's.
    Release(P),
    /// The server ended the session.
    ServerFatal,
    /// The server said what cannot be.
    OutOfSync,
}

/// What the loss of its server connection means to the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Told {
    /// It was told. Close.
    Yes,
    /// It could not be told. Close.
    No,
    /// Nothing of it was there: it goes on.
    Unharmed,
}

/// What to do with the server connection of a client that is gone.
pub(crate) enum Farewell<P, C> {
    /// There is none.
    Nothing,
    /// It is clean.
    Clean(P),
    /// This makes it so.
    Cleanup(C),
    /// It cannot be saved.
    CloseServer(Cancel),
}

/// Whether what runs must be ended before its connection is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cancel {
    /// Something is running that nobody waits for.
    First,
    /// Nothing is.
    No,
}

/// Where a request to end the client's statement should go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CancelTarget {
    /// Nowhere: nothing is running.
    Nothing,
    /// To the server.
    Server,
    /// To the server, but not yet: it is at work on something of the proxy's own.
    Later,
}
