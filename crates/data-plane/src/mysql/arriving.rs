//! A MySQL client's way from an accepted socket to its last session: `COM_CHANGE_USER` begins another one over the
//! same connection.

use std::rc::Rc;
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tollgate_iam::token::Rejection;

use super::door::{Admission, Admitted, Door, Visit};
use super::face::Face;
use super::greeting::{self, Begun};
use super::server::Terms;
use crate::accept::{Arrived, Room, throttle};
use crate::gatekeeper::{Gate, gate};
use crate::login::Place;
use crate::metrics::ProxyMetrics;
use crate::pool_key::PoolKey;
use crate::random::{self, CorrelationId};
use crate::sessions::{NewSession, connection_id};
use crate::shard::Shard;

/// Serves one client until it has left.
pub(crate) async fn serve(
    shard: Rc<Shard>,
    arrived: Arrived,
    socket: TcpStream,
    permit: OwnedSemaphorePermit,
) {
    let process_id = shard
        .sessions
        .fresh_process_id(shard.seed.index, shard.seed.settings.shards);
    let id = random::correlation_id();
    let door = door(&shard, &arrived, connection_id(process_id));
    // A login takes more room than a session, which this is the task of.
    let visit = Box::pin(door.visit(socket, &id.to_string())).await;
    drop(permit);
    let hall = Hall {
        shard,
        arrived,
        process_id,
    };
    let Some(mut admitted) = hall.note(visit) else {
        return;
    };
    let _counted = hall.arrived.proxy.shared.count();
    let (mut place, face) = (door.place, door.face);
    let patience = hall.shard.seed.settings.handshake_timeout;
    let mut id = id;
    loop {
        let Some(Begun { relay, remembered }) = Box::pin(hall.begin(admitted, id)).await else {
            return;
        };
        let Some(rejoining) = Box::new(relay).run().await else {
            return;
        };
        id = random::correlation_id();
        // Who may log in may have changed since.
        place.running = Arc::clone(&hall.shard.running.borrow());
        let Some(proxy) = place.running.proxies.get(&place.proxy.config.id) else {
            return;
        };
        place.proxy = Arc::clone(proxy);
        place.throttled = throttle(&hall.shard, place.peer);
        let again = Door {
            face: face.clone(),
            tls: hall.shard.seed.tls.load_full(),
            place,
            connection_id: connection_id(process_id),
            admission: Admission::Open,
            patience,
        };
        let visit = Box::pin(again.revisit(remembered, rejoining, &id.to_string())).await;
        place = again.place;
        admitted = match hall.note(visit) {
            Some(admitted) => admitted,
            None => return,
        };
    }
}

fn door(shard: &Shard, arrived: &Arrived, connection_id: u32) -> Door {
    let gate = gate(&arrived.proxy, &arrived.endpoint, arrived.peer);
    let serves = shard.serves(&arrived.proxy.config.id);
    let admission = match (gate, arrived.room, serves) {
        (Gate::Shut, _, _) => Admission::Barred,
        (Gate::Open, Room::Full, _) => Admission::Full,
        (Gate::Open, Room::Left, true) => Admission::Open,
        (Gate::Open, Room::Left, false) => Admission::Closing,
    };
    let tls = shard.seed.tls.load_full();
    Door {
        face: Face::of_targets(&arrived.proxy.targets),
        place: Place {
            running: Arc::clone(&shard.running.borrow()),
            proxy: Arc::clone(&arrived.proxy),
            endpoint: Arc::clone(&arrived.endpoint),
            peer: arrived.peer,
            binding: tls.channel_binding.clone(),
            mock_key: Arc::clone(&shard.seed.mock_key),
            throttled: throttle(shard, arrived.peer),
        },
        tls,
        connection_id,
        admission,
        patience: shard.seed.settings.handshake_timeout,
    }
}

/// Where clients are between the door and their sessions.
struct Hall {
    shard: Rc<Shard>,
    arrived: Arrived,
    process_id: i32,
}

impl Hall {
    /// Counts and reports what the door decided.
    fn note(&self, visit: Visit) -> Option<Admitted> {
        if let Some(decision) = visit.decision {
            self.metrics().decided(visit.refused);
            self.shard.seed.settings.decisions.record(decision);
        }
        // Whoever was not let in has not failed to log in: a rule may come any time.
        if visit
            .refused
            .is_some_and(|refused| refused != Rejection::SecurityGroup)
        {
            let now = self.shard.clock.coarse();
            self.shard.failed_logins.note(self.arrived.peer.ip(), now);
        }
        visit.admitted
    }

    fn metrics(&self) -> &Rc<ProxyMetrics> {
        &self.arrived.metrics
    }

    async fn begin(&self, admitted: Admitted, id: CorrelationId) -> Option<Begun> {
        let Admitted { login, principal } = admitted;
        let said = &login.said;
        // The door lets nobody in whose names are not UTF-8.
        let user = std::str::from_utf8(&said.user).ok()?;
        let schema = std::str::from_utf8(&said.schema).ok()?;
        // The session sets what a login cannot name.
        let collation = u8::try_from(login.collation).unwrap_or_default();
        let terms = Terms::of_client(login.capabilities, collation);
        let proxy = &self.arrived.proxy.config.id;
        let program = said
            .attributes
            .iter()
            .find_map(|(name, value)| (name == b"program_name").then_some(value));
        let new = NewSession {
            id,
            proxy: proxy.clone(),
            endpoint: Arc::clone(&self.arrived.endpoint),
            key: self
                .shard
                .keys_of(proxy)
                .intern(PoolKey::mysql(user, schema, terms)),
            application: program.map(|name| String::from_utf8_lossy(name).into()),
            principal,
            peer: self.arrived.peer,
            tls: login.tls.is_some(),
        };
        let metrics = Rc::clone(self.metrics());
        greeting::greet(Rc::clone(&self.shard), login, new, self.process_id, metrics).await
    }
}
