//! The client's half: which message is at hand, whether it needs a server, and what answer it will get.

use memchr::memchr;
use tollgate_sql::{Dialect, EffectSet, Scanner, Summary};
use tollgate_wire_postgres::backend::{self, ErrorFields, TransactionStatus};
use tollgate_wire_postgres::frame::{self, Frame, HEADER_LEN, Header};
use tollgate_wire_postgres::sqlstate::SqlState;
use tollgate_wire_postgres::tag::frontend as tag;

use super::link::{Alignment, Copy, Entry, Inbound, Link, Mode, Owner, Segment};
use super::names;
use super::queue::{DataEnd, Expected, Kind, Meaning, NameChange, Statements, Syncs};
use super::unnamed::{Remedy, Remembered, Unnamed};
use super::{CloseReason, MAX_HEAD, Progress, Session, Unlinked, Want};
use crate::Effects;

/// Closes the unnamed statement; answered with `3`. PostgreSQL manual, "Message Formats".
const CLOSE_UNNAMED: &[u8] = b"C\0\0\0\x06S\0";

/// Functions of large objects by object id: descriptors end with the transaction, as in a session of its
/// own. Any other function called by id may do anything. Source: PostgreSQL 15 `pg_proc.dat`.
const HARMLESS_FUNCTIONS: [u32; 20] = [
    715, 764, 765, 767, 952, 953, 954, 955, 956, 957, 958, 964, 1004, 3170, 3171, 3172, 3457, 3458,
    3459, 3460,
];

/// What became of one look at the input.
enum Step {
    /// The message at hand starts here and is to be passed on or thrown away.
    Taken,
    Wait(Want),
}

/// One message of the client, as far as it has arrived.
#[derive(Clone, Copy)]
struct Message<'a> {
    header: Header,
    bytes: &'a [u8],
}

/// A name at the start of a body.
enum Head<'a> {
    Name {
        name: &'a [u8],
        rest: &'a [u8],
    },
    /// The body has no room for it: the server will say so.
    Malformed,
    /// More bytes are needed.
    Short,
    /// More bytes will not do.
    TooLong,
}

impl Session {
    /// Looks at bytes of the client. Whole messages and parts of long ones are consumed; a header that has
    /// not arrived completely is not.
    pub fn on_client(&mut self, input: &[u8], out: &mut Effects) -> Progress {
        let mut consumed = 0_usize;
        loop {
            let rest = input.get(consumed..).unwrap_or_default();
            let taken = self.continue_message(rest, consumed, out);
            consumed = consumed.saturating_add(taken);
            if taken > 0
                && self.between_messages()
                && let Some(clean) = self.release_if_clean()
            {
                let want = Want::Release(clean);
                return Progress { consumed, want };
            }
            if taken > 0 {
                continue;
            }
            let step = match frame::next(rest) {
                Frame::Complete(header) | Frame::Incomplete(header) => {
                    let body_end = header.total.min(rest.len());
                    let bytes = rest.get(..body_end).unwrap_or_default();
                    self.begin(Message { header, bytes }, out)
                }
                Frame::NeedHeader => Step::Wait(Want::More),
                Frame::Invalid(error) => Step::Wait(self.violation(&error.to_string(), out)),
            };
            match step {
                Step::Taken => {}
                Step::Wait(want) => return Progress { consumed, want },
            }
        }
    }

    fn between_messages(&self) -> bool {
        self.link
            .as_ref()
            .is_some_and(|link| link.inbound.left == 0 && link.queue.is_empty())
    }

    /// Passes on, or throws away, what has arrived of the message in progress. Returns its length.
    fn continue_message(&mut self, rest: &[u8], at: usize, out: &mut Effects) -> usize {
        if self.discard > 0 {
            let length = self.discard.min(rest.len());
            self.discard = self.discard.saturating_sub(length);
            return length;
        }
        let Some(link) = &mut self.link else {
            return 0;
        };
        let length = link.inbound.left.min(rest.len());
        if length == 0 {
            return 0;
        }
        let bytes = rest.get(..length).unwrap_or_default();
        out.server_lane().forward(at, length);
        link.inbound.left = link.inbound.left.saturating_sub(length);
        record(link, &mut self.unnamed, bytes);
        if link.inbound.text.is_some() {
            self.read_text(bytes);
        }
        length
    }

    /// Feeds the SQL text in `bytes` to the scanner, and judges it when it is complete.
    fn read_text(&mut self, bytes: &[u8]) {
        let Some(link) = &mut self.link else {
            return;
        };
        let inbound = &mut link.inbound;
        let skipped = inbound.prefix.min(bytes.len());
        inbound.prefix = inbound.prefix.saturating_sub(skipped);
        let text = bytes.get(skipped..).unwrap_or_default();
        let end = memchr(0, text);
        if let Some(scanner) = &mut inbound.text {
            scanner.feed(text.get(..end.unwrap_or(text.len())).unwrap_or_default());
        }
        if end.is_none() && inbound.left > 0 {
            return;
        }
        if let Some(scanner) = inbound.text.take() {
            self.text_read(&scanner.finish());
        }
    }

    /// The text of the newest request is known: note what running it will mean.
    fn text_read(&mut self, summary: &Summary) {
        let Some(link) = &mut self.link else {
            return;
        };
        if link.inbound.entry == Entry::None {
            return;
        }
        let meaning = meaning_of(summary, link, self.named_effects);
        let Some(newest) = link.queue.back_mut() else {
            return;
        };
        if newest.kind == Kind::UnnamedParse {
            newest.meaning.effects = meaning.effects;
            self.unnamed.change_means(meaning.effects);
            link.segment_statement = Some(meaning);
            return;
        }
        let names_a_statement = meaning.effects.intersects(EffectSet::PREPARE);
        if newest.kind == Kind::Parse || names_a_statement {
            self.named_effects.insert(meaning.effects);
        }
        if newest.kind == Kind::Query {
            newest.meaning = meaning;
        }
    }

    /// Decides about the message whose header is at hand.
    fn begin(&mut self, message: Message<'_>, out: &mut Effects) -> Step {
        if message.header.tag == tag::TERMINATE {
            return self.terminate();
        }
        if !is_known(message.header.tag) {
            let text = format!("invalid frontend message type {}", message.header.tag);
            return Step::Wait(self.violation(&text, out));
        }
        if self.link.is_some() {
            self.begin_linked(message, out)
        } else {
            self.begin_unlinked(message, out)
        }
    }

    fn terminate(&mut self) -> Step {
        if let Some(link) = &self.link {
            // What was sent before is meant to run to its end, as it would on a connection of its own.
            let will_be_ready = link.segment == Segment::Closed
                && !matches!(link.copy, Copy::In { .. })
                && link.mode == Mode::Tracking;
            if !link.queue.is_empty() && will_be_ready {
                return Step::Wait(Want::Replies);
            }
        }
        // Nothing that still runs needs a cancel: the client has left in good order.
        self.unlinked = Unlinked::Leaving;
        Step::Wait(Want::Close(CloseReason::Terminated))
    }

    fn begin_unlinked(&mut self, message: Message<'_>, out: &mut Effects) -> Step {
        let Header { tag, total } = message.header;
        match self.unlinked {
            Unlinked::DropMessage => {
                self.unlinked = Unlinked::Serving;
                self.discard = total;
                return Step::Taken;
            }
            Unlinked::SkipToSync => {
                self.discard = total;
                if tag == tag::SYNC {
                    self.unlinked = Unlinked::Serving;
                    ready(out);
                }
                return Step::Taken;
            }
            Unlinked::Serving | Unlinked::Waiting(_) | Unlinked::Leaving => {}
        }
        match tag {
            tag::SYNC => ready(out),
            tag::CLOSE => match head(message, 1) {
                // Statements with a name keep their connection, portals end with their transaction: what
                // is closed here does not exist, which PostgreSQL calls success.
                Head::Name { name, .. } if message.bytes.len() >= total && closes(message) => {
                    if name.is_empty() && kind_byte(message) == Some(b'S') {
                        self.unnamed.change_starts();
                        self.unnamed.drop_statement(Remembered::Nothing);
                    }
                    out.client_lane().inject(backend::close_complete);
                }
                Head::Short => return Step::Wait(Want::More),
                Head::Name { .. } | Head::Malformed | Head::TooLong => return self.wait(tag),
            },
            // A Flush has nothing to flush. COPY data that comes late, after the server has given the COPY
            // up, is ignored by PostgreSQL as well.
            tag::FLUSH | tag::COPY_DATA | tag::COPY_DONE | tag::COPY_FAIL => {}
            _ => return self.wait(tag),
        }
        self.discard = total;
        Step::Taken
    }

    fn wait(&mut self, tag: u8) -> Step {
        self.unlinked = Unlinked::Waiting(tag);
        Step::Wait(Want::Server)
    }

    fn begin_linked(&mut self, message: Message<'_>, out: &mut Effects) -> Step {
        let Some(link) = &mut self.link else {
            return Step::Wait(Want::Server);
        };
        let skipped = link.segment == Segment::Skipping && message.header.tag != tag::SYNC;
        if link.mode == Mode::Doubt || skipped {
            link.pass(message.header, Entry::None);
            return Step::Taken;
        }
        if link.queue.is_full() {
            return Step::Wait(Want::Replies);
        }
        match message.header.tag {
            tag::QUERY => self.query(message.header),
            tag::PARSE => return self.parse(message, out),
            tag::BIND => return self.bind(message, out),
            tag::DESCRIBE => return self.describe(message, out),
            tag::EXECUTE => return self.execute(message, out),
            tag::CLOSE => return self.close(message, out),
            tag::FUNCTION_CALL => return self.function_call(message),
            tag::SYNC => link.sync(message.header),
            tag::COPY_DONE | tag::COPY_FAIL => link.copy_end(message.header),
            _ => link.pass(message.header, Entry::None),
        }
        Step::Taken
    }

    fn query(&mut self, header: Header) {
        let Some(link) = &mut self.link else {
            return;
        };
        link.expect(Kind::Query);
        link.segment = Segment::Closed;
        link.unnamed_changes(&mut self.unnamed);
        link.pass(header, Entry::Queued);
        link.scan(HEADER_LEN);
    }

    fn parse(&mut self, message: Message<'_>, out: &mut Effects) -> Step {
        let name = match head(message, 0) {
            Head::Name { name, .. } => name,
            // Whatever the server makes of it, it is no statement.
            Head::Malformed => b"?",
            Head::Short => return Step::Wait(Want::More),
            Head::TooLong => return Step::Wait(self.name_too_long(out)),
        };
        let Some(link) = &mut self.link else {
            return Step::Wait(Want::Server);
        };
        link.segment = Segment::Open;
        if name.is_empty() {
            link.expect(Kind::UnnamedParse);
            if let Some(newest) = link.queue.back_mut() {
                newest.kept = Remembered::Bytes(0);
            }
            link.unnamed_changes(&mut self.unnamed);
            link.segment_statement = None;
        } else {
            link.expect(Kind::Parse);
            let change = NameChange::Add(names::kept(name));
            link.set_name_change(change);
        }
        link.pass(message.header, Entry::Queued);
        link.scan(HEADER_LEN.saturating_add(name.len()).saturating_add(1));
        Step::Taken
    }

    fn bind(&mut self, message: Message<'_>, out: &mut Effects) -> Step {
        let (portal, statement) = match two_names(message) {
            Ok(names) => names,
            Err(Head::Short) => return Step::Wait(Want::More),
            Err(Head::TooLong) => return Step::Wait(self.name_too_long(out)),
            // The server will refuse it, so nothing is bound.
            Err(Head::Name { .. } | Head::Malformed) => (&b"?"[..], &b"?"[..]),
        };
        let meaning = if statement.is_empty() {
            if let Some(want) = self.align(out) {
                return Step::Wait(want);
            }
            let sent = self
                .link
                .as_ref()
                .and_then(|link| link.segment_statement.clone());
            sent.unwrap_or_else(|| Meaning::of_effects(self.unnamed.possible_effects()))
        } else {
            Meaning::of_effects(self.named_effects)
        };
        let Some(link) = &mut self.link else {
            return Step::Wait(Want::Server);
        };
        link.bound.insert(meaning.effects);
        if portal.is_empty() {
            link.segment_portal = Some(meaning);
        }
        link.extended(message.header, Kind::Bind);
        Step::Taken
    }

    fn describe(&mut self, message: Message<'_>, out: &mut Effects) -> Step {
        let name = match head(message, 1) {
            Head::Name { name, .. } => name,
            Head::Malformed => b"?",
            Head::Short => return Step::Wait(Want::More),
            Head::TooLong => return Step::Wait(self.name_too_long(out)),
        };
        let statement = kind_byte(message) == Some(b'S');
        if statement
            && name.is_empty()
            && let Some(want) = self.align(out)
        {
            return Step::Wait(want);
        }
        let Some(link) = &mut self.link else {
            return Step::Wait(Want::Server);
        };
        let kind = if statement {
            Kind::DescribeStatement
        } else {
            Kind::DescribeColumns
        };
        link.extended(message.header, kind);
        Step::Taken
    }

    fn execute(&mut self, message: Message<'_>, out: &mut Effects) -> Step {
        let portal = match head(message, 0) {
            Head::Name { name, .. } => name,
            Head::Malformed => b"?",
            Head::Short => return Step::Wait(Want::More),
            Head::TooLong => return Step::Wait(self.name_too_long(out)),
        };
        let Some(link) = &mut self.link else {
            return Step::Wait(Want::Server);
        };
        let sent = link.segment_portal.clone().filter(|_| portal.is_empty());
        let mut meaning = sent.unwrap_or_else(|| Meaning::of_effects(link.bound));
        if meaning.effects.intersects(EffectSet::PREPARE) {
            self.named_effects.insert(meaning.effects);
        }
        if meaning.effects.intersects(EffectSet::EXECUTE) {
            meaning.effects.insert(self.named_effects);
        }
        link.extended(message.header, Kind::Execute);
        if let Some(newest) = link.queue.back_mut() {
            newest.meaning = meaning;
        }
        Step::Taken
    }

    fn close(&mut self, message: Message<'_>, out: &mut Effects) -> Step {
        let name = match head(message, 1) {
            Head::Name { name, .. } => name,
            Head::Malformed => b"?",
            Head::Short => return Step::Wait(Want::More),
            Head::TooLong => return Step::Wait(self.name_too_long(out)),
        };
        let statement = kind_byte(message) == Some(b'S');
        let Some(link) = &mut self.link else {
            return Step::Wait(Want::Server);
        };
        if statement && name.is_empty() {
            link.unnamed_changes(&mut self.unnamed);
            link.segment_statement = None;
            link.extended(message.header, Kind::UnnamedClose);
            return Step::Taken;
        }
        link.extended(message.header, Kind::Close);
        if statement {
            link.set_name_change(NameChange::Remove(names::kept(name)));
        }
        Step::Taken
    }

    fn function_call(&mut self, message: Message<'_>) -> Step {
        let body = message.header.body(message.bytes);
        let function = body.first_chunk::<4>().map(|id| u32::from_be_bytes(*id));
        if function.is_none() && message.header.body_len() >= 4 {
            return Step::Wait(Want::More);
        }
        let Some(link) = &mut self.link else {
            return Step::Wait(Want::Server);
        };
        link.expect(Kind::FunctionCall);
        let harmless = function.is_none_or(|id| HARMLESS_FUNCTIONS.contains(&id));
        if !harmless && let Some(newest) = link.queue.back_mut() {
            newest.meaning = Meaning::of_effects(EffectSet::UNKNOWN);
        }
        link.segment = Segment::Closed;
        link.pass(message.header, Entry::Queued);
        Step::Taken
    }

    /// Makes sure that the unnamed statement on the connection is the client's. Returns what to wait for
    /// if that cannot be told yet.
    fn align(&mut self, out: &mut Effects) -> Option<Want> {
        let link = self.link.as_mut()?;
        match link.alignment {
            Alignment::Confirmed | Alignment::Sent => return None,
            Alignment::No => {}
        }
        if self.unnamed.is_changing() {
            // Replaced in an earlier segment, with an outcome that is not known. The server will answer:
            // that segment is complete.
            return Some(Want::Replies);
        }
        let (kind, message) = match self.unnamed.remedy() {
            Remedy::Parse(message) => (Kind::InjectedParse, message),
            Remedy::Close => (Kind::InjectedClose, CLOSE_UNNAMED),
        };
        out.server_lane()
            .inject(|bytes| bytes.extend_from_slice(message));
        link.expect(kind);
        link.segment = Segment::Open;
        link.alignment = Alignment::Sent;
        link.owner = Owner::Unknown;
        None
    }

    fn name_too_long(&mut self, out: &mut Effects) -> Want {
        let text = "name of a statement or portal is too long";
        self.fatal(
            &ErrorFields::fatal(SqlState::PROGRAM_LIMIT_EXCEEDED, text),
            out,
        );
        Want::Close(CloseReason::NameTooLong)
    }

    fn violation(&mut self, text: &str, out: &mut Effects) -> Want {
        self.fatal(&ErrorFields::fatal(SqlState::PROTOCOL_VIOLATION, text), out);
        Want::Close(CloseReason::ProtocolViolation)
    }

    fn fatal(&mut self, fields: &ErrorFields, out: &mut Effects) {
        if self.at_boundary() {
            out.client_lane()
                .inject(|bytes| backend::error_response(bytes, fields));
        }
    }
}

impl Link {
    /// The message at hand goes to the server as it is.
    fn pass(&mut self, header: Header, entry: Entry) {
        self.inbound = Inbound {
            left: header.total,
            entry,
            ..Inbound::NONE
        };
    }

    /// The message at hand has SQL text behind its first `prefix` bytes.
    fn scan(&mut self, prefix: usize) {
        self.inbound.prefix = prefix;
        self.inbound.text = Some(Scanner::new(Dialect::PostgreSql, self.parameters.style()));
    }

    fn expect(&mut self, kind: Kind) {
        self.queue.push(Expected::new(kind));
    }

    fn extended(&mut self, header: Header, kind: Kind) {
        self.expect(kind);
        self.segment = Segment::Open;
        self.pass(header, Entry::Queued);
    }

    fn set_name_change(&mut self, change: NameChange) {
        if let Some(newest) = self.queue.back_mut() {
            newest.meaning.name = Some(Box::new(change));
        }
    }

    /// The message at hand replaces or drops the unnamed statement, here and for the client alike.
    fn unnamed_changes(&mut self, unnamed: &mut Unnamed) {
        unnamed.change_starts();
        self.owner = Owner::Unknown;
        if self.alignment == Alignment::No {
            self.alignment = Alignment::Sent;
        }
    }

    fn sync(&mut self, header: Header) {
        if let Copy::In {
            end: DataEnd::NotSent,
            syncs,
        } = &mut self.copy
        {
            // The server ignores it unless the COPY has failed by the time it is read.
            *syncs = Syncs::Swallowed;
            self.pass(header, Entry::None);
            return;
        }
        self.expect(Kind::Sync);
        self.segment = Segment::Closed;
        self.segment_statement = None;
        self.segment_portal = None;
        if self.alignment == Alignment::Sent {
            self.alignment = Alignment::No;
        }
        self.pass(header, Entry::Queued);
    }

    fn copy_end(&mut self, header: Header) {
        match &mut self.copy {
            Copy::In { end, .. } if *end == DataEnd::NotSent => *end = DataEnd::Sent,
            Copy::None | Copy::In { .. } | Copy::Out => {
                // A COPY the server has not begun yet will find this mark.
                if !self.queue.is_empty() {
                    self.expect(Kind::CopyEnd);
                }
            }
        }
        self.pass(header, Entry::None);
    }
}

/// Keeps the bytes of an unnamed Parse.
fn record(link: &mut Link, unnamed: &mut Unnamed, bytes: &[u8]) {
    if link.inbound.entry == Entry::None {
        return;
    }
    if let Some(newest) = link.queue.back_mut()
        && newest.kind == Kind::UnnamedParse
    {
        newest.kept = unnamed.record(newest.kept, bytes);
    }
}

fn meaning_of(summary: &Summary, link: &mut Link, named: EffectSet) -> Meaning {
    let mut effects = summary.effects;
    let uncertain = link.settings_in_flight || link.parameters.backslash_is_ambiguous();
    if effects.intersects(EffectSet::AMBIGUOUS_ESCAPE) && uncertain {
        // The server may have read the strings in another way, and run what looks like data here.
        effects.insert(EffectSet::UNKNOWN);
    }
    let sets = EffectSet::SETTING
        .union(EffectSet::LOCAL_SETTING)
        .union(EffectSet::PROCEDURE)
        .union(EffectSet::EXECUTE);
    link.settings_in_flight |= effects.intersects(sets);
    if effects.intersects(EffectSet::EXECUTE) {
        effects.insert(named);
    }
    let statements = if summary.statements <= 1 {
        Statements::One
    } else {
        Statements::Many
    };
    let name = summary.name.map(|name| {
        let name = names::kept(name.as_bytes());
        Box::new(if effects.intersects(EffectSet::PREPARE) {
            NameChange::Add(name)
        } else {
            NameChange::Remove(name)
        })
    });
    Meaning {
        effects,
        statements,
        name,
    }
}

fn ready(out: &mut Effects) {
    out.client_lane()
        .inject(|bytes| backend::ready_for_query(bytes, TransactionStatus::Idle));
}

/// The name that starts `skip` bytes into the body.
fn head(message: Message<'_>, skip: usize) -> Head<'_> {
    let body = message.header.body(message.bytes);
    let found = body
        .get(skip..)
        .and_then(|rest| memchr(0, rest).and_then(|end| rest.split_at_checked(end)));
    match found {
        Some((name, rest)) => Head::Name {
            name,
            rest: rest.get(1..).unwrap_or_default(),
        },
        None => missing(message),
    }
}

fn missing(message: Message<'_>) -> Head<'_> {
    if message.bytes.len() >= message.header.total {
        Head::Malformed
    } else if message.bytes.len() >= MAX_HEAD {
        Head::TooLong
    } else {
        Head::Short
    }
}

/// The portal and the statement of a Bind.
fn two_names(message: Message<'_>) -> Result<(&[u8], &[u8]), Head<'_>> {
    let (portal, rest) = match head(message, 0) {
        Head::Name { name, rest } => (name, rest),
        other @ (Head::Malformed | Head::Short | Head::TooLong) => return Err(other),
    };
    match memchr(0, rest) {
        Some(end) => Ok((portal, rest.get(..end).unwrap_or_default())),
        None => Err(missing(message)),
    }
}

/// `S` for a statement, `P` for a portal.
fn kind_byte(message: Message<'_>) -> Option<u8> {
    message.header.body(message.bytes).first().copied()
}

fn closes(message: Message<'_>) -> bool {
    matches!(kind_byte(message), Some(b'S' | b'P'))
}

fn is_known(message_tag: u8) -> bool {
    matches!(
        message_tag,
        tag::BIND
            | tag::CLOSE
            | tag::DESCRIBE
            | tag::EXECUTE
            | tag::FUNCTION_CALL
            | tag::FLUSH
            | tag::PARSE
            | tag::QUERY
            | tag::SYNC
            | tag::COPY_DONE
            | tag::COPY_DATA
            | tag::COPY_FAIL
    )
}
