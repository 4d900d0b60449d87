//! Finding the way back when replies cannot be told apart: a question whose answer is unmistakable.
//!
//! After a COPY that failed with a Sync among its data, only the server knows how many times it will say
//! that it is ready. A Sync, and behind it the Parse of an empty statement with parameter types nobody
//! else would give, are answered in every state of a transaction; what comes before that answer is the
//! client's, what comes after it belongs to requests again.

use tollgate_wire_postgres::backend::TransactionStatus;
use tollgate_wire_postgres::backend::read;
use tollgate_wire_postgres::frame::Header;
use tollgate_wire_postgres::tag::backend as tag;

use super::client::Step;
use super::doubt::CopyEnd;
use super::head::Message;
use super::link::{Alignment, Entry, Link, Mode, Owner, Segment, StrayData};
use super::server::Verdict;
use super::statements::{self, sync};
use super::{Session, Want};
use crate::Effects;

/// The name of the empty statement, closed at once.
const NAME: &[u8] = b"tollgate_fence";

/// Marks the first parameter type of the fence; the second one counts.
const MARK: u32 = 0xf3c3_0000;

/// Longest reply to hold back in search of the fence's answer.
const MAX_HELD: usize = 32;

/// Bytes of notices to hold back beside them; more overtake what is held.
const MAX_NOTICES: usize = 16 * 1024;

/// Where a connection in doubt is on its way back.
#[derive(Debug)]
pub(super) struct Fence {
    stage: Stage,
    /// Replies that may be the fence's, and notices among them.
    held: Vec<u8>,
    /// The notices alone: they are the client's either way.
    notices: Vec<u8>,
    count: u32,
    /// What the server does once it has read everything before the fence.
    server: Server,
    unnamed: Unnamed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unnamed {
    Known,
    Lost,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    NotSent,
    Waiting,
    /// A `Z` is held.
    Ready,
    /// A `Z` and a `1` are held.
    Parsed,
    /// The fence was recognised; its last replies come.
    Found,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Server {
    Listens,
    /// It discards everything up to a Sync.
    Skips,
}

impl Fence {
    pub(super) const fn new() -> Self {
        Self {
            stage: Stage::NotSent,
            held: Vec::new(),
            notices: Vec::new(),
            count: 0,
            server: Server::Listens,
            unnamed: Unnamed::Known,
        }
    }

    /// A COPY ended like this, and replies cannot be told apart from here on.
    pub(super) fn is_due(&mut self, how: CopyEnd) {
        self.stage = Stage::NotSent;
        self.server = match how {
            CopyEnd::Completed => Server::Listens,
            // It skips to the next Sync.
            CopyEnd::Failed => Server::Skips,
        };
    }

    /// Whether a message must be held until it is known not to answer the fence.
    pub(super) fn may_be_answered_by(&self, header: Header) -> bool {
        self.stage != Stage::NotSent
            && header.total <= MAX_HELD
            && matches!(
                header.tag,
                tag::READY_FOR_QUERY
                    | tag::PARSE_COMPLETE
                    | tag::PARAMETER_DESCRIPTION
                    | tag::NO_DATA
                    | tag::CLOSE_COMPLETE
            )
    }

    /// Whether a message that is here completely must not overtake what is held.
    pub(super) fn holds_back(&self, header: Header) -> bool {
        let holds = match self.stage {
            Stage::Ready | Stage::Parsed => true,
            Stage::NotSent | Stage::Waiting | Stage::Found => false,
        };
        holds
            && header.tag == tag::NOTICE_RESPONSE
            && self.notices.len().saturating_add(header.total) <= MAX_NOTICES
    }

    /// Among what cannot be told apart are changes of the unnamed statement.
    pub(super) fn lose_unnamed(&mut self) {
        self.unnamed = Unnamed::Lost;
    }

    fn types(&self) -> [u8; 10] {
        let mut types = [0; 10];
        let numbers = [
            &2_u16.to_be_bytes()[..],
            &MARK.to_be_bytes(),
            &self.count.to_be_bytes(),
        ];
        let mut rest = types.as_mut_slice();
        for number in numbers {
            if let Some((now, later)) = rest.split_at_mut_checked(number.len()) {
                now.copy_from_slice(number);
                rest = later;
            } else {
                break;
            }
        }
        types
    }
}

impl Session {
    /// A message of the client while replies cannot be told apart.
    pub(super) fn begin_in_doubt(&mut self, message: Message<'_>, out: &mut Effects) -> Step {
        self.send_fence(out);
        let Some(link) = &mut self.link else {
            return Step::Wait(Want::Server);
        };
        if link.mode == Mode::Doubt {
            return Step::Wait(Want::Replies);
        }
        link.pass(message.header, Entry::None);
        Step::Taken
    }

    /// Sends the fence if it is due and the client is not in the middle of a message.
    pub(super) fn send_fence(&mut self, out: &mut Effects) {
        let Some(link) = &mut self.link else {
            return;
        };
        if link.mode != Mode::Doubt || link.fence.stage != Stage::NotSent || link.inbound.left > 0 {
            return;
        }
        link.fence.count = link.fence.count.wrapping_add(1);
        link.fence.stage = Stage::Waiting;
        let types = link.fence.types();
        out.server_lane().inject(|bytes| {
            sync(bytes);
            statements::probe(bytes, NAME, &types);
            sync(bytes);
        });
    }

    /// The fence has been passed: from here on every reply belongs to a request again.
    fn found_way(&mut self, status: TransactionStatus) {
        let Some(link) = &mut self.link else {
            return;
        };
        link.status = status;
        link.mode = Mode::Tracking;
        link.data = StrayData::None;
        link.segment = match link.fence.server {
            Server::Listens => Segment::Closed,
            // The Sync it waited for was ours; the client's is yet to come.
            Server::Skips => Segment::Refused,
        };
        link.fence.stage = Stage::NotSent;
        if link.fence.unnamed == Unnamed::Lost {
            link.fence.unnamed = Unnamed::Known;
            // What the connection has is the client's, whatever it is.
            link.alignment = Alignment::Confirmed;
            link.owner = Owner::Unknown;
            self.unnamed.lose_track();
        }
        self.names.segment_ends();
        self.settle(status);
    }

    /// A message of the server that may answer the fence: its place is found, and it is passed on or not.
    pub(super) fn beside_fence(
        &mut self,
        message_tag: u8,
        body: &[u8],
        out: &mut Effects,
    ) -> Verdict {
        let Some(link) = &mut self.link else {
            return Verdict::OutOfSync;
        };
        match (link.fence.stage, message_tag) {
            (Stage::Found, tag::NO_DATA | tag::CLOSE_COMPLETE) => {}
            (Stage::Found, tag::READY_FOR_QUERY) => match read::ready_for_query(body) {
                Ok(status) => self.found_way(status),
                Err(_) => return Verdict::OutOfSync,
            },
            (_, tag::READY_FOR_QUERY) => {
                link.release_held(out);
                link.hold(message_tag, body);
                link.fence.stage = Stage::Ready;
            }
            (Stage::Ready, tag::PARSE_COMPLETE) => {
                link.hold(message_tag, body);
                link.fence.stage = Stage::Parsed;
            }
            (Stage::Parsed, tag::PARAMETER_DESCRIPTION) if *body == link.fence.types() => {
                link.fence.held.clear();
                link.release_notices(out);
                link.fence.stage = Stage::Found;
            }
            _ => {
                link.release_held(out);
                link.fence.stage = Stage::Waiting;
                out.client_lane()
                    .inject(|bytes| statements::reply(bytes, message_tag, body));
            }
        }
        Verdict::GoOn
    }
}

impl Link {
    /// A message passes that is not looked at whole.
    pub(super) fn passes_fence(&mut self, message_tag: u8, out: &mut Effects) {
        let asynchronous = matches!(
            message_tag,
            tag::NOTICE_RESPONSE | tag::PARAMETER_STATUS | tag::NOTIFICATION_RESPONSE
        );
        if self.fence.stage != Stage::NotSent && !asynchronous {
            self.release_held(out);
            self.fence.stage = Stage::Waiting;
        }
        match message_tag {
            tag::ERROR_RESPONSE => self.fence.server = Server::Skips,
            tag::READY_FOR_QUERY => self.fence.server = Server::Listens,
            _ => {}
        }
    }

    fn hold(&mut self, message_tag: u8, body: &[u8]) {
        statements::reply(&mut self.fence.held, message_tag, body);
    }

    /// A notice waits in its place for what is held in front of it.
    pub(super) fn hold_notice(&mut self, body: &[u8]) {
        self.hold(tag::NOTICE_RESPONSE, body);
        statements::reply(&mut self.fence.notices, tag::NOTICE_RESPONSE, body);
    }

    /// What was held in front of the notices was the fence's.
    fn release_notices(&mut self, out: &mut Effects) {
        let notices = &mut self.fence.notices;
        if !notices.is_empty() {
            out.client_lane().inject(|bytes| bytes.append(notices));
        }
    }

    /// What was held is the client's.
    fn release_held(&mut self, out: &mut Effects) {
        if self.fence.held.first() == Some(&tag::READY_FOR_QUERY) {
            self.fence.server = Server::Listens;
        }
        self.fence.notices.clear();
        let held = &mut self.fence.held;
        if !held.is_empty() {
            out.client_lane().inject(|bytes| bytes.append(held));
        }
    }
}
