//! A door on a port, with one user behind it, and a session that says OK to everything.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use bytes::Buf;
use tokio::net::TcpListener;
use tokio::sync::{Mutex, mpsc};
use tollgate_iam::token::{MintRequest, SigningKey, mint};
use tollgate_testkit::TestCa;
use tollgate_types::{
    AccessKeyConfig, Arn, AuthConfig, ClientNetworks, ClientPasswordAuth, DaySigningKey,
    EndpointConfig, EngineFamily, IamAuth, IdentityConfig, PoolPolicy, PrincipalConfig,
    PrincipalKind, ProxyConfig, ProxyPhase, Revision, SNAPSHOT_FORMAT, Snapshot, TargetHealth,
    TargetRole, TlsMode,
};
use tollgate_wire_mysql::command::Command;
use tollgate_wire_mysql::frame::{self, Frame};
use tollgate_wire_mysql::handshake::ChangeUser;
use tollgate_wire_mysql::status::StatusFlags;

use super::*;
use crate::login::Throttle;
use crate::mysql::server::tests::target_at;
use crate::mysql::server::{OpenPlan, ServerConnection, Terms, open};
use crate::random;
use crate::running::Running;
use crate::server::OpenError;
use crate::server::tests::policy;
use crate::target::{TargetPlan, TargetShared};
use crate::tls::{ServerIdentity, mysql_client_config};

/// The password of `app`.
pub(super) const PASSWORD: &str = "the password of app";
const ACCESS_KEY: &str = "AKIATESTTESTTESTTEST";
const SECRET_KEY: &str = "secret-of-the-only-principal";
const REGION: &str = "us-east-1";

/// What a test wants to be different.
#[derive(Clone)]
pub(super) struct Setup {
    face: Face,
    iam: IamAuth,
    require_tls: bool,
    admission: Admission,
    throttled: Throttle,
    patience: Duration,
    client_password: ClientPasswordAuth,
}

impl Setup {
    pub(super) fn new(face: Face) -> Self {
        Self {
            face,
            iam: IamAuth::Disabled,
            require_tls: false,
            admission: Admission::Open,
            throttled: Throttle::Open,
            patience: Duration::from_secs(20),
            client_password: ClientPasswordAuth::MysqlCachingSha2Password,
        }
    }

    /// The user's auth rule asks for `mysql_native_password`.
    pub(super) fn native(self) -> Self {
        Self {
            client_password: ClientPasswordAuth::MysqlNativePassword,
            ..self
        }
    }

    pub(super) fn tokens(self) -> Self {
        Self {
            iam: IamAuth::Required,
            ..self
        }
    }

    pub(super) fn require_tls(self) -> Self {
        Self {
            require_tls: true,
            ..self
        }
    }

    pub(super) fn admission(self, admission: Admission) -> Self {
        Self { admission, ..self }
    }

    pub(super) fn throttled(self) -> Self {
        Self {
            throttled: Throttle::Closed,
            ..self
        }
    }

    pub(super) fn patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }
}

/// The door and who has been there.
pub(super) struct World {
    pub(super) port: u16,
    pub(super) ca: TestCa,
    /// Clients that got in.
    pub(super) logins: Arc<AtomicUsize>,
    pub(super) engine: tollgate_types::Engine,
    decisions: Mutex<mpsc::UnboundedReceiver<AuthDecision>>,
}

/// What every visitor shares.
struct Behind {
    setup: Setup,
    tls: Arc<ServerTls>,
    running: Arc<Running>,
    logins: Arc<AtomicUsize>,
    numbers: AtomicU32,
    decisions: mpsc::UnboundedSender<AuthDecision>,
}

impl World {
    pub(super) async fn start(setup: Setup) -> Self {
        let ca = TestCa::new().unwrap();
        let identity = ca.server(&["127.0.0.1", "localhost"]).unwrap();
        let identity =
            ServerIdentity::from_pem(identity.cert_pem.as_bytes(), identity.key_pem.as_bytes())
                .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let snapshot = snapshot(&setup, port);
        let running = Running::compile(&snapshot, &Running::default(), &HashMap::new());
        let logins = Arc::new(AtomicUsize::new(0));
        let (sender, decisions) = mpsc::unbounded_channel();
        let engine = setup.face.engine;
        let behind = Arc::new(Behind {
            setup,
            tls: Arc::new(ServerTls::new(&identity).unwrap()),
            running: Arc::new(running),
            logins: Arc::clone(&logins),
            numbers: AtomicU32::new(1),
            decisions: sender,
        });
        tokio::spawn(async move {
            while let Ok((socket, peer)) = listener.accept().await {
                tokio::spawn(Arc::clone(&behind).serve(socket, peer));
            }
        });
        Self {
            port,
            ca,
            logins,
            engine,
            decisions: Mutex::new(decisions),
        }
    }

    /// The next audit event.
    pub(super) async fn decision(&self) -> AuthDecision {
        let mut decisions = self.decisions.lock().await;
        let next = tokio::time::timeout(Duration::from_secs(20), decisions.recv());
        next.await.unwrap().unwrap()
    }

    pub(super) fn token(&self, user: &str) -> String {
        self.token_at(user, crate::clock::unix_seconds())
    }

    pub(super) fn expired_token(&self, user: &str) -> String {
        self.token_at(user, crate::clock::unix_seconds() - 1200)
    }

    fn token_at(&self, user: &str, now_unix: i64) -> String {
        mint(&MintRequest {
            access_key_id: ACCESS_KEY,
            secret_access_key: SECRET_KEY,
            session_token: None,
            region: REGION,
            host: "127.0.0.1",
            port: self.port,
            db_user: user,
            now_unix,
        })
    }

    /// Comes in through our own back door.
    pub(super) async fn open(
        &self,
        user: &str,
        password: &str,
        mode: TlsMode,
    ) -> Result<ServerConnection, OpenError> {
        let target = target_at(self.engine, self.port, policy(mode, Some(&self.ca)));
        open(&OpenPlan {
            tls: Some(mysql_client_config(&target.tls).unwrap()),
            target: &target,
            user,
            passwords: &[password.into()],
            schema: "orders",
            terms: Terms::OURS,
            init_query: None,
            random: random::fill,
            deadline: Duration::from_secs(20),
        })
        .await
    }
}

impl Behind {
    async fn serve(self: Arc<Self>, socket: TcpStream, peer: SocketAddr) {
        let proxy = self
            .running
            .proxies
            .values()
            .next()
            .map(Arc::clone)
            .unwrap();
        let door = Door {
            face: self.setup.face.clone(),
            tls: Arc::clone(&self.tls),
            place: Place {
                running: Arc::clone(&self.running),
                proxy,
                endpoint: Arc::from("default"),
                peer,
                binding: None,
                mock_key: Arc::new([0; 32]),
                throttled: self.setup.throttled,
            },
            connection_id: self.numbers.fetch_add(1, Ordering::Relaxed),
            admission: self.setup.admission,
            patience: self.setup.patience,
        };
        let visit = door
            .visit(socket, &random::correlation_id().to_string())
            .await;
        if let Some(decision) = visit.decision {
            assert_eq!(visit.refused.is_none(), visit.admitted.is_some());
            if let Some(Admitted { login, principal }) = &visit.admitted {
                assert_eq!(principal.as_deref(), decision.principal_arn.as_deref());
                assert_eq!(login.connection_id, door.connection_id);
            }
            // Tests that do not look at it have dropped the world.
            let _ = self.decisions.send(decision);
        }
        if let Some(Admitted { mut login, .. }) = visit.admitted {
            self.logins.fetch_add(1, Ordering::Relaxed);
            if login.welcome(StatusFlags::AUTOCOMMIT).await.is_ok() {
                self.say_yes(login, &door).await;
            }
        }
    }

    /// Answers every command with OK until the client leaves, or fails to become somebody else.
    async fn say_yes(&self, mut login: Box<Login>, door: &Door) {
        loop {
            let Frame::Complete(header) = frame::next(&login.rest) else {
                if login.stream.read_some(&mut login.rest).await.unwrap_or(0) == 0 {
                    return;
                }
                continue;
            };
            let payload = header.payload(&login.rest).to_vec();
            login.rest.advance(header.total());
            login.sequence = Sequence::after(1);
            match Command::of(&payload) {
                Some(Command::Quit) => return,
                Some(Command::ChangeUser) => {
                    let change = ChangeUser::parse(&payload[1..], login.capabilities).unwrap();
                    login.change_user(change);
                    let engine = door.face.engine;
                    let id = random::correlation_id().to_string();
                    let ended = authenticate(&mut login, &door.place, engine, &id).await;
                    // Tests that do not look at it have dropped the world.
                    let _ = self.decisions.send(ended.decision.unwrap());
                    if let Err(Refused::Tell(refusal)) = ended.result {
                        login.tell(&refusal).await.unwrap();
                        return;
                    }
                }
                Some(_) | None => {}
            }
            if login.welcome(StatusFlags::AUTOCOMMIT).await.is_err() {
                return;
            }
        }
    }
}

/// A target whose last probe found a MySQL of this version.
pub(super) fn target_of_version(version: &str) -> Arc<TargetShared> {
    let setup = Setup::new(Face::of(tollgate_types::Engine::Mysql, None));
    let proxy = proxy(&setup, 1);
    let config = target_at(setup.face.engine, 1, policy(TlsMode::Disable, None));
    let plan = TargetPlan::new(config, PoolPolicy::default(), Vec::new());
    let target = TargetShared::new(&proxy, plan, 1);
    target.set_health(TargetHealth {
        server_version: Some(version.to_owned()),
        ..TargetHealth::registering()
    });
    Arc::new(target)
}

fn proxy(setup: &Setup, port: u16) -> ProxyConfig {
    ProxyConfig {
        id: "prx-0a1b2c3d4e5f60718".parse().unwrap(),
        name: "orders".to_owned(),
        generation: 1,
        engine_family: EngineFamily::Mysql,
        require_tls: setup.require_tls,
        idle_client_timeout_s: 1800,
        auth: vec![AuthConfig {
            secret_name: "orders-app".to_owned(),
            secret_version: "1".to_owned(),
            iam: setup.iam,
            client_password: setup.client_password,
            username: "app".to_owned(),
            passwords: vec![PASSWORD.into()],
        }],
        endpoints: vec![EndpointConfig {
            name: "default".to_owned(),
            target_role: TargetRole::ReadWrite,
            host: "127.0.0.1".to_owned(),
            aliases: Vec::new(),
            port,
            admitted: ClientNetworks::everybody(),
        }],
        pool: PoolPolicy::default(),
        targets: Vec::new(),
        tags: BTreeMap::new(),
        phase: ProxyPhase::Serving,
    }
}

fn snapshot(setup: &Setup, port: u16) -> Snapshot {
    Snapshot {
        format: SNAPSHOT_FORMAT,
        revision: Revision(1),
        created_unix: crate::clock::unix_seconds(),
        arn: Arn {
            region: REGION.to_owned(),
            account_id: "000000000000".to_owned(),
        },
        proxies: vec![proxy(setup, port)],
        identity: identity(),
    }
}

fn identity() -> IdentityConfig {
    let principal = PrincipalConfig {
        id: "AIDATEST".to_owned(),
        arn: "arn:aws:iam::000000000000:root".to_owned(),
        name: "root".to_owned(),
        kind: PrincipalKind::Root,
        tags: BTreeMap::new(),
        policies: Vec::new(),
    };
    // Twenty minutes ago may have been yesterday.
    let day = |back: i64| {
        let at = chrono::Utc::now() - chrono::Duration::days(back);
        let date = at.format("%Y%m%d").to_string();
        let key = SigningKey::derive(SECRET_KEY, &date, REGION, "rds-db");
        DaySigningKey {
            date,
            region: REGION.to_owned(),
            key_hex: key.to_hex().as_str().into(),
        }
    };
    IdentityConfig {
        access_keys: vec![AccessKeyConfig {
            access_key_id: ACCESS_KEY.to_owned(),
            principal_id: principal.id.clone(),
            active: true,
            signing_keys: vec![day(0), day(1)],
        }],
        principals: vec![principal],
        ..IdentityConfig::default()
    }
}
