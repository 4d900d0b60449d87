//! Messages about statements with names on their way to the server: under another name, and with
//! messages of our own around them.

use super::names::cut;
use super::wire;
use crate::Effects;
use crate::postgres::head::{Message, kind_byte};
use crate::postgres::link::{Copy, Entry, Inbound, Lesson, Link, Segment};
use crate::postgres::queue::{Alias, DataEnd, Kind, Touches, Work};
use crate::postgres::settings::Reading;

/// Bytes of a Parse beside its names: header and one zero byte; of a Bind: one more.
const HEAD_OF_PARSE: usize = 6;
const HEAD_OF_BIND: usize = 7;

impl Link {
    /// Messages of another kind end the session: the server expects data.
    pub(in crate::postgres) fn takes_copy_data(&self) -> bool {
        matches!(
            self.copy,
            Copy::In {
                end: DataEnd::NotSent,
                ..
            }
        )
    }

    pub(in crate::postgres) fn alias(&mut self, alias: Alias) {
        if let Some(newest) = self.queue.back_mut() {
            newest.alias = alias;
        }
    }

    pub(in crate::postgres) fn touches(&mut self, touches: Touches) {
        if let Some(newest) = self.queue.back_mut() {
            newest.touches = touches;
        }
    }

    /// A message of our own is sent.
    pub(super) fn expect_work(&mut self, kind: Kind, work: Work) {
        self.expect(kind);
        if let Some(newest) = self.queue.back_mut() {
            newest.is_for(work);
        }
    }

    /// Asks the server for the replies it holds back, once for what has been sent.
    pub(super) fn flush_once(&mut self, out: &mut Effects) {
        let sent = self.queue.pushed();
        let holds_back = self.segment == Segment::Open || self.may_lose_track();
        if holds_back && self.flushed_at != sent {
            self.flushed_at = sent;
            out.server_lane().inject(wire::flush);
        }
    }

    /// The server ends the session for this, unless it has given the COPY up: then the statement has the
    /// client's own name, but must not meet what another client has left under it.
    pub(super) fn parse_amid_copy(&mut self, message: Message<'_>, name: &[u8], out: &mut Effects) {
        self.extended(message.header, Kind::Parse);
        if self.carried.own(cut(name)).is_some() {
            let number = self.carried.fresh_number();
            self.carried.is_left_over(number);
            self.rename_parse(message, name, number, out);
        }
    }

    pub(in crate::postgres) fn rename_bind(
        &mut self,
        message: Message<'_>,
        (portal, statement): (&[u8], &[u8]),
        number: u32,
        out: &mut Effects,
    ) {
        let names = portal.len().saturating_add(statement.len());
        let head = HEAD_OF_BIND.saturating_add(names);
        let tail = message.header.total.saturating_sub(head);
        let server_name = self.carried.name(number);
        out.server_lane()
            .inject(|bytes| wire::bind_head(bytes, portal, server_name.as_bytes(), tail));
        self.inbound.skip = head;
    }

    pub(super) fn rename_parse(
        &mut self,
        message: Message<'_>,
        name: &[u8],
        number: u32,
        out: &mut Effects,
    ) {
        let head = HEAD_OF_PARSE.saturating_add(name.len());
        let tail = message.header.total.saturating_sub(head);
        let server_name = self.carried.name(number);
        out.server_lane()
            .inject(|bytes| wire::parse_head(bytes, server_name.as_bytes(), tail));
        self.inbound.skip = head;
    }

    /// A Describe or Close goes under this number. It is all names, so nothing of it is passed on.
    pub(in crate::postgres) fn rename_target(
        &mut self,
        message: Message<'_>,
        number: u32,
        out: &mut Effects,
    ) {
        let server_name = self.carried.name(number);
        let kind = kind_byte(message).unwrap_or(b'S');
        out.server_lane().inject(|bytes| {
            wire::target(bytes, message.header.tag, kind, server_name.as_bytes());
        });
        self.inbound.skip = message.header.total;
    }

    /// The message at hand has been passed on completely.
    pub(in crate::postgres) fn passed(&mut self, out: &mut Effects) {
        let Some(lesson) = self.inbound.learn.take() else {
            return;
        };
        if self.inbound.entry == Entry::None {
            return;
        }
        let number = match lesson {
            Lesson::Shape(number) => number,
            Lesson::ReadingAndShape(number) => {
                self.run_aside(Reading::question().as_bytes(), Work::Reading, out);
                number
            }
        };
        self.ask_shape(number, out);
        self.close_leftovers(out);
    }

    /// Asks what the statement with this number takes and gives.
    pub(super) fn ask_shape(&mut self, number: u32, out: &mut Effects) {
        let name = self.carried.name(number);
        out.server_lane()
            .inject(|bytes| wire::target(bytes, b'D', b'S', name.as_bytes()));
        self.expect_work(Kind::Learn, Work::Number(number));
    }

    /// Closes statements that nobody will use, behind a message that sets the server's clock: a Close
    /// alone would start a transaction at the time of the statement before it.
    pub(super) fn close_leftovers(&mut self, out: &mut Effects) {
        let numbers = self.carried.make_room();
        for number in numbers {
            self.drop_number(number, out);
        }
    }

    /// Closes the statement with this number.
    pub(super) fn drop_number(&mut self, number: u32, out: &mut Effects) {
        let name = self.carried.name(number);
        out.server_lane()
            .inject(|bytes| wire::target(bytes, b'C', b'S', name.as_bytes()));
        self.expect_work(Kind::Drop, Work::Number(number));
    }

    /// Throws the message at hand away.
    pub(in crate::postgres) fn swallow(&mut self, total: usize) {
        self.inbound = Inbound {
            left: total,
            skip: total,
            ..Inbound::NONE
        };
    }
}
