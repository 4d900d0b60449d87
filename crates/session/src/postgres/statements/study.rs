//! What the server is asked behind a text that prepares statements, or drops them out of sight: which there
//! are, how they were read, and what they give. The client hears nothing of it.

use std::collections::VecDeque;

use tollgate_sql::EffectSet;
use tollgate_wire_postgres::backend::TransactionStatus;
use tollgate_wire_postgres::backend::{self, read};
use tollgate_wire_postgres::tag::frontend as tag;

use super::names::Others;
use super::rereading::Read;
use super::wire;
use crate::Effects;
use crate::postgres::link::{Copy, Link, Mode, Segment};
use crate::postgres::queue::{Kind, Meaning, Noise, Work};
use crate::postgres::settings::Reading;
use crate::postgres::{Session, Want};

/// What is to be asked about the statements of one client.
#[derive(Debug)]
pub(in crate::postgres) struct Study {
    due: Due,
    /// Made, and nothing asked yet.
    untold: Vec<Untold>,
    /// Those that are asked about, in order.
    asked: VecDeque<Untold>,
    roster: Vec<Listed>,
    adopted: Adopted,
    outcome: Outcome,
    /// What the client is not told before all is known: what it does next might change the result of what it
    /// has prepared.
    withheld: Option<TransactionStatus>,
}

/// A statement of SQL of which the result is not known yet.
#[derive(Debug)]
pub(super) struct Untold {
    pub(super) name: Box<[u8]>,
    pub(super) text: Box<[u8]>,
    pub(super) meaning: Meaning,
    pub(super) read: Read,
}

/// A statement that the server has.
#[derive(Debug)]
pub(super) struct Listed {
    pub(super) name: Box<[u8]>,
    /// What made it, if that was SQL.
    pub(super) text: Option<Box<[u8]>>,
}

/// Whether the client's next message waits until nothing is left to ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Due {
    No,
    Yes,
    /// And settings have changed since, or may have: how statements were read is no longer to be learnt.
    TooLate,
}

/// When the texts came of the statements that the roster may bring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Adopted {
    /// With the requests that it is asked behind.
    New,
    /// Perhaps long before, and under other settings.
    Older,
}

/// How the questions have gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Well,
    Failed,
}

/// Effects after which the settings may be others than those a `PREPARE` in the same text was read under.
const RESETTING: EffectSet = EffectSet::SETTING
    .union(EffectSet::SETTING_UNKNOWN)
    .union(EffectSet::LOCAL_SETTING)
    .union(EffectSet::LOCAL_SETTING_UNKNOWN)
    .union(EffectSet::RESET_ALL)
    .union(EffectSet::PROCEDURE)
    .union(EffectSet::COMMIT)
    .union(EffectSet::ROLLBACK)
    .union(EffectSet::ROLLBACK_TO);

/// Effects of code out of sight.
const CODE: EffectSet = EffectSet::ROUTINE.union(EffectSet::PROCEDURE);

const DROPS: EffectSet = EffectSet::DEALLOCATE.union(EffectSet::DEALLOCATE_ALL);

impl Study {
    pub(in crate::postgres) const fn new() -> Self {
        Self {
            due: Due::No,
            untold: Vec::new(),
            asked: VecDeque::new(),
            roster: Vec::new(),
            adopted: Adopted::New,
            outcome: Outcome::Well,
            withheld: None,
        }
    }

    /// A text with these effects is sent.
    pub(super) fn runs(&mut self, effects: EffectSet) {
        let out_of_sight = effects.intersects(CODE) && effects.intersects(DROPS);
        if effects.intersects(EffectSet::PREPARE) || out_of_sight {
            self.due = Due::Yes;
        }
        if self.due == Due::Yes && effects.intersects(RESETTING) {
            self.due = Due::TooLate;
        }
    }

    /// A text is sent after whose failure the server may have to be asked, which must be before anything else runs:
    /// in a transaction that has just begun, a question is one too many.
    pub(super) fn may_leave_changes_open(&mut self) {
        if self.due == Due::No {
            self.due = Due::Yes;
        }
    }

    /// True when the settings are still those that the last `PREPARE` was read under.
    pub(super) fn is_in_time(&self) -> bool {
        self.due == Due::Yes
    }

    pub(super) fn add(&mut self, untold: Untold) {
        self.forget(&untold.name);
        self.untold.push(untold);
    }

    /// True when the end of the client's last request is not to be told yet.
    pub(in crate::postgres) fn withholds(&self) -> bool {
        !self.untold.is_empty() && self.withheld.is_none()
    }

    /// The client's request is over, and the client was not told so.
    pub(in crate::postgres) fn withhold(&mut self, status: TransactionStatus) {
        self.withheld = Some(status);
    }

    fn tell(&mut self, out: &mut Effects) {
        if let Some(status) = self.withheld.take() {
            out.client_lane()
                .inject(|bytes| backend::ready_for_query(bytes, status));
        }
    }

    /// The statement is gone.
    pub(super) fn forget(&mut self, name: &[u8]) {
        self.untold.retain(|untold| *untold.name != *name);
    }

    /// All of them are.
    pub(super) fn forget_all(&mut self) {
        self.untold.clear();
    }

    /// The statement that has just been asked about.
    pub(super) fn told(&mut self) -> Option<Untold> {
        self.asked.pop_front()
    }

    /// A portal may prepare, whose text came nobody knows when.
    pub(in crate::postgres) fn older_texts_run(&mut self) {
        self.adopted = Adopted::Older;
    }

    /// True if a text in the roster may have come under other settings than those of now.
    pub(super) fn adopts_older_texts(&self) -> bool {
        self.adopted == Adopted::Older
    }

    /// What the roster has brought is taken over.
    pub(super) fn all_are_adopted(&mut self) {
        self.adopted = Adopted::New;
    }

    pub(super) fn take_roster(&mut self) -> Vec<Listed> {
        std::mem::take(&mut self.roster)
    }

    /// A row of the roster.
    pub(in crate::postgres) fn listed(&mut self, data_row_body: &[u8]) {
        let Ok(mut row) = read::data_row(data_row_body) else {
            return;
        };
        let (Some(Ok(Some(name))), Some(Ok(text))) = (row.next(), row.next()) else {
            return;
        };
        self.roster.push(Listed {
            name: name.into(),
            text: text.map(Into::into),
        });
    }

    /// A question failed.
    pub(in crate::postgres) fn failed(&mut self) {
        self.outcome = Outcome::Failed;
    }

    /// The questions have been answered. True if the transaction that they were asked in has failed with them.
    pub(in crate::postgres) fn spoils(&mut self, status: TransactionStatus) -> bool {
        let outcome = std::mem::replace(&mut self.outcome, Outcome::Well);
        outcome == Outcome::Failed && status == TransactionStatus::Failed
    }
}

impl Session {
    /// What the client's next message has to wait for, because the server has to be asked before it.
    pub(in crate::postgres) fn studies_first(
        &mut self,
        message_tag: u8,
        out: &mut Effects,
    ) -> Option<Want> {
        if matches!(
            message_tag,
            tag::COPY_DATA | tag::COPY_DONE | tag::COPY_FAIL | tag::FLUSH
        ) {
            return None;
        }
        let uncertain = self.names.others() == Others::Possible;
        let link = self.link.as_mut()?;
        if (link.study.due == Due::No && !uncertain) || matches!(link.copy, Copy::In { .. }) {
            return None;
        }
        match link.segment {
            Segment::Closed => (!link.queue.is_empty()).then_some(Want::Replies),
            Segment::Open if message_tag == tag::SYNC => None,
            // What is there may stand for what is not, and must not be run.
            Segment::Open if uncertain && !link.queue.is_empty() => Some(self.settle_first(out)),
            Segment::Open if uncertain && link.status != TransactionStatus::Failed => {
                let question = link.roster_question();
                link.run_aside(&question, Work::Roster, out);
                Some(self.settle_first(out))
            }
            Segment::Open | Segment::Skipping | Segment::Refused => None,
        }
    }

    /// Asks what there is to ask, if nothing is under way.
    pub(in crate::postgres) fn study(&mut self, out: &mut Effects) {
        let others = self.names.others();
        let Some(link) = &mut self.link else {
            return;
        };
        let nothing = link.study.untold.is_empty() && others != Others::Possible;
        if !link.is_at_rest() {
            return;
        }
        if nothing {
            link.study.due = Due::No;
            link.study.tell(out);
            return;
        }
        if link.status == TransactionStatus::Failed {
            // Nothing more can be asked in it; when it is over nobody remembers how its texts were read.
            link.study.due = Due::TooLate;
            link.study.too_late();
            link.study.tell(out);
            return;
        }
        link.noise = Noise::Quiet;
        if others == Others::Possible {
            let question = link.roster_question();
            link.run_aside(&question, Work::Roster, out);
        } else {
            link.ask_about_untold(out);
        }
        link.own_sync(out);
        link.noise = Noise::Heard;
    }
}

impl Study {
    fn too_late(&mut self) {
        for untold in &mut self.untold {
            if matches!(untold.read, Read::AsAnswered) {
                untold.read = Read::Unknown;
            }
        }
    }
}

impl Link {
    /// True when nothing is under way, in a transaction or not.
    fn is_at_rest(&self) -> bool {
        self.queue.is_empty()
            && self.segment == Segment::Closed
            && self.copy == Copy::None
            && self.mode == Mode::Tracking
            && self.inbound.left == 0
            && self.outbound.left == 0
    }

    fn ask_about_untold(&mut self, out: &mut Effects) {
        for untold in std::mem::take(&mut self.study.untold) {
            if matches!(untold.read, Read::AsAnswered) {
                self.run_aside(Reading::question().as_bytes(), Work::Reading, out);
            }
            out.server_lane()
                .inject(|bytes| wire::target(bytes, b'D', b'S', &untold.name));
            self.expect_work(Kind::Learn, Work::Study);
            self.study.asked.push_back(untold);
        }
    }

    /// Asks for names and texts of all statements but our own.
    fn roster_question(&self) -> Vec<u8> {
        let prefix = self.carried.prefix();
        let prefix = String::from_utf8_lossy(prefix.as_bytes()).into_owned();
        let length = prefix.len();
        format!(
            "SELECT name,CASE WHEN from_sql THEN statement END FROM pg_catalog.pg_prepared_statements \
             WHERE pg_catalog.left(name,{length}) OPERATOR(pg_catalog.<>) '{prefix}'"
        )
        .into_bytes()
    }
}
