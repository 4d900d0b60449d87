//! Replies as servers send them, packet by packet and cut at every byte.

use proptest::prelude::*;

use super::*;
use crate::capabilities::Capabilities;
use crate::decode::DecodeError;
use crate::error_code::ErrorCode;
use crate::frame::{self, Frame, Header, MAX_PAYLOAD, Sequence};
use crate::output::{Out, packet};
use crate::status::StatusFlags;

const OLD: Capabilities = Capabilities::PROTOCOL_41;
const NEW: Capabilities = Capabilities::PROTOCOL_41
    .with(Capabilities::DEPRECATE_EOF)
    .with(Capabilities::SESSION_TRACK);
const BOTH: [Capabilities; 2] = [OLD, NEW];

const IDLE: StatusFlags = StatusFlags::AUTOCOMMIT;

/// Payloads of one reply, written as the server with these capabilities would.
struct Reply {
    capabilities: Capabilities,
    payloads: Vec<Vec<u8>>,
}

impl Reply {
    fn new(capabilities: Capabilities) -> Self {
        Self {
            capabilities,
            payloads: Vec::new(),
        }
    }

    fn raw(mut self, payload: &[u8]) -> Self {
        self.payloads.push(payload.to_vec());
        self
    }

    fn written(self, write: impl FnOnce(&mut Vec<u8>, &mut Sequence, Capabilities)) -> Self {
        let mut out = Vec::new();
        write(&mut out, &mut Sequence::after(1), self.capabilities);
        let Frame::Complete(header) = frame::next(&out) else {
            unreachable!("builders write whole packets");
        };
        let payload = header.payload(&out).to_vec();
        self.raw(&payload)
    }

    fn ok(self, status: StatusFlags) -> Self {
        self.written(|out, sequence, capabilities| {
            ok(out, sequence, capabilities, &OkPacket::with_status(status));
        })
    }

    fn end(self, status: StatusFlags) -> Self {
        self.written(|out, sequence, capabilities| {
            end_of_rows(out, sequence, capabilities, &OkPacket::with_status(status));
        })
    }

    /// The EOF behind definitions, where this server sends one.
    fn definitions_end(self, status: StatusFlags) -> Self {
        if self.capabilities.contains(Capabilities::DEPRECATE_EOF) {
            self
        } else {
            self.end(status)
        }
    }

    fn definitions(mut self, count: usize) -> Self {
        for _ in 0..count {
            self = self.written(|out, sequence, capabilities| {
                column_definition(out, sequence, capabilities, b"c", 45);
            });
        }
        self
    }

    fn columns(self, count: u16) -> Self {
        self.written(|out, sequence, capabilities| {
            column_count(out, sequence, capabilities, count);
        })
        .definitions(usize::from(count))
        .definitions_end(IDLE)
    }

    fn error(self, code: ErrorCode) -> Self {
        self.written(|out, sequence, capabilities| {
            error(out, sequence, capabilities, code, "no");
        })
    }

    /// Scans the reply, giving each packet byte by byte, and gives what was seen.
    fn scan(&self, kind: ReplyKind) -> Vec<Seen> {
        let mut scanner = ReplyScanner::new(kind, self.capabilities);
        let mut all = Vec::new();
        for payload in &self.payloads {
            all.push(feed(&mut scanner, payload).expect("a server would send this"));
        }
        assert_eq!(
            scanner.is_done(),
            all.last().is_some_and(|seen| seen.then == Then::End)
        );
        all
    }

    fn parts(&self, kind: ReplyKind) -> Vec<Part> {
        self.scan(kind).into_iter().map(|seen| seen.part).collect()
    }

    /// Scans a reply that must end with its last packet and not before.
    fn ends(&self, kind: ReplyKind) {
        let seen = self.scan(kind);
        let (last, before) = seen.split_last().expect("at least one packet");
        assert_eq!(last.then, Then::End, "{seen:?}");
        assert!(before.iter().all(|seen| seen.then != Then::End), "{seen:?}");
    }
}

fn header_of(payload: &[u8]) -> Header {
    Header {
        length: u32::try_from(payload.len()).expect("short"),
        sequence: 0,
    }
}

/// Gives a packet to the scanner with more and more of its payload, as it would come from a socket.
fn feed(scanner: &mut ReplyScanner, payload: &[u8]) -> Result<Seen, ReplyError> {
    let header = header_of(payload);
    for here in 0..payload.len() {
        let before = *scanner;
        match scanner.packet(header, &payload[..here])? {
            None => assert_eq!(*scanner, before, "waiting changes nothing"),
            Some(seen) => {
                assert!(here <= PEEK);
                return Ok(seen);
            }
        }
        assert!(here < PEEK, "{PEEK} bytes always suffice");
    }
    scanner
        .packet(header, payload)
        .map(|seen| seen.expect("all of it is here"))
}

#[test]
fn single_packets_end_a_reply() {
    for capabilities in BOTH {
        Reply::new(capabilities).ok(IDLE).ends(ReplyKind::Single);
        Reply::new(capabilities).end(IDLE).ends(ReplyKind::Single);
        Reply::new(capabilities)
            .ok(IDLE)
            .ends(ReplyKind::TextResults);
        Reply::new(capabilities)
            .raw(b"Uptime: 1")
            .ends(ReplyKind::Text);
        for kind in [
            ReplyKind::Single,
            ReplyKind::TextResults,
            ReplyKind::BinaryResults,
            ReplyKind::Fields,
            ReplyKind::Text,
            ReplyKind::Prepared,
            ReplyKind::CursorRows,
            ReplyKind::Login,
        ] {
            Reply::new(capabilities).error(ErrorCode::PARSE).ends(kind);
        }
    }
    assert!(ReplyScanner::new(ReplyKind::None, NEW).is_done());
}

#[test]
fn a_result_ends_behind_its_rows() {
    for capabilities in BOTH {
        let reply = Reply::new(capabilities)
            .columns(2)
            .raw(b"\x011\xfb")
            .raw(b"\xfb\x012")
            .raw(b"\0\0")
            .end(IDLE | StatusFlags::IN_TRANS);
        reply.ends(ReplyKind::TextResults);
        let last = *reply.parts(ReplyKind::TextResults).last().expect("an end");
        assert_eq!(last.status(), Some(IDLE | StatusFlags::IN_TRANS));
    }
}

#[test]
fn binary_rows_begin_with_zero_and_are_not_ok() {
    for capabilities in BOTH {
        Reply::new(capabilities)
            .columns(1)
            .raw(b"\0\0\x01\0\0\0\0\0\0\0")
            .end(IDLE)
            .ends(ReplyKind::BinaryResults);
        let mut scanner = ReplyScanner::new(ReplyKind::CursorRows, capabilities);
        let row = feed(&mut scanner, b"\0\0\x01\0\0\0").expect("a row");
        assert_eq!((row.part, row.then), (Part::Row, Then::More));
        assert!(matches!(
            feed(&mut scanner, b"\x031"),
            Err(ReplyError::Unexpected { first: 3, .. })
        ));
    }
}

#[test]
fn an_error_among_rows_ends_everything() {
    for capabilities in BOTH {
        let reply = Reply::new(capabilities)
            .columns(1)
            .raw(b"\x011")
            .error(ErrorCode::QUERY_INTERRUPTED);
        reply.ends(ReplyKind::TextResults);
        let seen = reply.parts(ReplyKind::TextResults);
        assert_eq!(seen.last(), Some(&Part::Error { code: 1317 }));
        assert_eq!(seen.last().and_then(Part::status), None);
    }
}

#[test]
fn results_follow_while_the_status_says_so() {
    let more = IDLE | StatusFlags::MORE_RESULTS_EXISTS;
    for capabilities in BOTH {
        Reply::new(capabilities)
            .columns(1)
            .raw(b"\x011")
            .end(more)
            .ok(more)
            .columns(1)
            .end(more | StatusFlags::PS_OUT_PARAMS)
            .ok(IDLE)
            .ends(ReplyKind::TextResults);
        Reply::new(capabilities)
            .columns(1)
            .end(more)
            .error(ErrorCode::PARSE)
            .ends(ReplyKind::BinaryResults);
    }
}

#[test]
fn a_row_of_16_mib_that_begins_with_fe_is_no_end() {
    for capabilities in BOTH {
        let mut scanner = ReplyScanner::new(ReplyKind::TextResults, capabilities);
        for payload in &Reply::new(capabilities).columns(1).payloads {
            feed(&mut scanner, payload).expect("a result");
        }
        let full = Header {
            length: MAX_PAYLOAD,
            sequence: 9,
        };
        let row = scanner
            .packet(full, b"\xfe")
            .expect("a row")
            .expect("decided");
        assert_eq!((row.part, row.then), (Part::Row, Then::More));
        // The continuation begins with bytes that would be an EOF or an ERR.
        for start in [&b"\xfe\0\0\x02\0"[..], b"\xff\x01\x02", b""] {
            let mut copy = scanner;
            let rest = copy.packet(header_of(start), start).expect("a piece");
            assert_eq!(rest.map(|seen| seen.part), Some(Part::Continued));
            let end = Reply::new(capabilities).end(IDLE);
            let seen = feed(&mut copy, &end.payloads[0]).expect("the end");
            assert_eq!(seen.then, Then::End);
        }
    }
}

#[test]
fn an_eof_among_ok_is_not_guessed_about() {
    let mut scanner = ReplyScanner::new(ReplyKind::TextResults, NEW);
    for payload in &Reply::new(NEW).columns(1).payloads {
        feed(&mut scanner, payload).expect("a result");
    }
    assert_eq!(
        feed(&mut scanner, b"\xfe\0\0\x02\0"),
        Err(ReplyError::Unexpected {
            first: 0xfe,
            length: 5,
            place: "among rows"
        })
    );
}

#[test]
fn prepared_statements_have_two_groups() {
    for capabilities in BOTH {
        for (parameters, columns) in [(0_u16, 0_u16), (2, 0), (0, 3), (2, 1)] {
            let statement = Prepared {
                statement_id: 9,
                columns,
                parameters,
                warnings: 0,
                metadata: Metadata::Follows,
            };
            let mut reply = Reply::new(capabilities).written(|out, sequence, capabilities| {
                prepared(out, sequence, capabilities, &statement);
            });
            for count in [parameters, columns] {
                if count > 0 {
                    reply = reply.definitions(usize::from(count)).definitions_end(IDLE);
                }
            }
            reply.ends(ReplyKind::Prepared);
            assert_eq!(
                reply.parts(ReplyKind::Prepared).first(),
                Some(&Part::Prepared(statement))
            );
        }
    }
}

#[test]
fn definitions_can_be_left_out() {
    let optional = NEW | Capabilities::OPTIONAL_RESULTSET_METADATA;
    Reply::new(optional)
        .raw(b"\x02\0")
        .raw(b"\x011\x012")
        .end(IDLE)
        .ends(ReplyKind::TextResults);
    Reply::new(optional)
        .raw(b"\0\x01\0\0\0\x02\0\x01\0\0\0\0\0")
        .ends(ReplyKind::Prepared);
    let cached = OLD | Capabilities::MARIADB_CACHE_METADATA;
    Reply::new(cached)
        .raw(b"\x01\0")
        .raw(b"\xfe\0\0\x02\0")
        .raw(b"\0\0\x01")
        .raw(b"\xfe\0\0\x02\0")
        .ends(ReplyKind::BinaryResults);
    // Without DEPRECATE_EOF every group has its EOF, as MySQL 9.7 sends it.
    let reply = Reply::new(OLD | Capabilities::OPTIONAL_RESULTSET_METADATA)
        .raw(b"\0\x0d\0\0\0\x02\0\x02\0\0\0\0\0")
        .end(IDLE)
        .end(IDLE);
    reply.ends(ReplyKind::Prepared);
    let new = Reply::new(optional).raw(&reply.payloads[0]);
    assert_eq!(
        bridged(&new, ReplyKind::Prepared, reply.capabilities),
        reply.payloads
    );
    assert_eq!(bridged(&reply, ReplyKind::Prepared, optional), new.payloads);
    // A prepare of MariaDB has no flag.
    Reply::new(NEW | Capabilities::MARIADB_CACHE_METADATA)
        .raw(b"\0\x01\0\0\0\x01\0\0\0\0\0\0")
        .definitions(1)
        .ends(ReplyKind::Prepared);
    let mut scanner = ReplyScanner::new(ReplyKind::TextResults, optional);
    assert_eq!(
        feed(&mut scanner, b"\x02\x07"),
        Err(ReplyError::Malformed(DecodeError::Value {
            field: "metadata flag",
            value: 7
        }))
    );
}

#[test]
fn a_cursor_leaves_its_rows_on_the_server() {
    let open = IDLE | StatusFlags::CURSOR_EXISTS;
    Reply::new(OLD)
        .raw(b"\x01")
        .definitions(1)
        .end(open)
        .ends(ReplyKind::BinaryResults);
    Reply::new(NEW)
        .raw(b"\x01")
        .definitions(1)
        .end(open)
        .ends(ReplyKind::BinaryResults);
    for capabilities in BOTH {
        Reply::new(capabilities)
            .raw(b"\0\0\x01")
            .raw(b"\0\0\x02")
            .end(open | StatusFlags::LAST_ROW_SENT)
            .ends(ReplyKind::CursorRows);
        // The server did not open the cursor that was asked for.
        Reply::new(capabilities)
            .columns(1)
            .raw(b"\0\0\x01")
            .end(IDLE)
            .ends(ReplyKind::BinaryResults);
    }
}

#[test]
fn output_parameters_announce_what_follows_in_front() {
    // As MySQL 9.7 sends them without DEPRECATE_EOF.
    let more = IDLE | StatusFlags::MORE_RESULTS_EXISTS;
    let reply = Reply::new(OLD)
        .raw(b"\x01")
        .definitions(1)
        .end(more | StatusFlags::PS_OUT_PARAMS)
        .raw(b"\0\0\x05\0\0\0")
        .end(IDLE)
        .ok(IDLE);
    reply.ends(ReplyKind::BinaryResults);
    let parts = reply.parts(ReplyKind::BinaryResults);
    let end = parts
        .get(4)
        .and_then(Part::status)
        .expect("the end of the rows");
    assert!(end.contains(more | StatusFlags::PS_OUT_PARAMS));
}

#[test]
fn fields_have_no_count() {
    for capabilities in BOTH {
        Reply::new(capabilities)
            .definitions(3)
            .end(IDLE)
            .ends(ReplyKind::Fields);
        Reply::new(capabilities).end(IDLE).ends(ReplyKind::Fields);
    }
}

#[test]
fn a_file_is_sent_between_request_and_ok() {
    for capabilities in BOTH {
        let mut scanner = ReplyScanner::new(ReplyKind::TextResults, capabilities);
        let seen = feed(&mut scanner, b"\xfb/tmp/x").expect("a request");
        assert_eq!((seen.part, seen.then), (Part::FileRequest, Then::Client));
        let data = |length| Header {
            length,
            sequence: 2,
        };
        assert_eq!(scanner.upload(data(10)), Ok(Upload::Goes));
        // The empty packet behind a full one ends that payload only.
        assert_eq!(scanner.upload(data(MAX_PAYLOAD)), Ok(Upload::Goes));
        assert_eq!(scanner.upload(data(0)), Ok(Upload::Goes));
        assert_eq!(scanner.upload(data(0)), Ok(Upload::Finished));
        assert!(scanner.upload(data(0)).is_err());
        let more = Reply::new(capabilities).ok(IDLE | StatusFlags::MORE_RESULTS_EXISTS);
        let seen = feed(&mut scanner, &more.payloads[0]).expect("OK");
        assert_eq!(seen.then, Then::More);
        let last = Reply::new(capabilities).ok(IDLE);
        let seen = feed(&mut scanner, &last.payloads[0]).expect("OK");
        assert_eq!(seen.then, Then::End);
    }
}

#[test]
fn an_error_during_an_upload_waits_for_its_end() {
    let mut scanner = ReplyScanner::new(ReplyKind::TextResults, NEW);
    feed(&mut scanner, b"\xfbx").expect("a request");
    let refusal = Reply::new(NEW).error(ErrorCode::UNKNOWN);
    let seen = feed(&mut scanner, &refusal.payloads[0]).expect("an error");
    assert_eq!(seen.then, Then::Client);
    assert!(!scanner.is_done());
    let empty = Header {
        length: 0,
        sequence: 3,
    };
    assert_eq!(scanner.upload(empty), Ok(Upload::Refused));
    assert!(scanner.is_done());
}

#[test]
fn nothing_but_an_error_may_interrupt_an_upload() {
    let mut scanner = ReplyScanner::new(ReplyKind::TextResults, NEW);
    feed(&mut scanner, b"\xfbx").expect("a request");
    let done = Reply::new(NEW).ok(IDLE);
    assert!(feed(&mut scanner, &done.payloads[0]).is_err());
}

#[test]
fn a_report_of_progress_is_no_error() {
    let report = b"\xff\xff\xff\x01\x01\x02\x64\0\0\x04copy";
    let progress = NEW | Capabilities::MARIADB_PROGRESS;
    let reply = Reply::new(progress).raw(report).raw(report).ok(IDLE);
    reply.ends(ReplyKind::TextResults);
    assert_eq!(
        reply.parts(ReplyKind::TextResults).first(),
        Some(&Part::Progress)
    );
    let mut scanner = ReplyScanner::new(ReplyKind::TextResults, NEW);
    assert!(feed(&mut scanner, report).is_err());
}

#[test]
fn packets_that_cannot_come_are_refused() {
    let cases: [(ReplyKind, &[u8]); 9] = [
        (ReplyKind::TextResults, b""),
        (ReplyKind::TextResults, b"\0\0\0\x02\0"),
        (ReplyKind::TextResults, b"\xfe\0\0\x02\0"),
        (ReplyKind::TextResults, b"\xfd\0\0\x01"),
        (ReplyKind::TextResults, b"\x01\x01"),
        (ReplyKind::Single, b"\x05"),
        (ReplyKind::Prepared, b"\x01"),
        (ReplyKind::Prepared, b"\0\x01\0\0\0"),
        (ReplyKind::Single, b"\xff\x01"),
    ];
    for capabilities in BOTH {
        for (kind, payload) in cases {
            let mut scanner = ReplyScanner::new(kind, capabilities);
            assert!(
                feed(&mut scanner, payload).is_err(),
                "{kind:?} {payload:x?}"
            );
        }
    }
    let mut done = ReplyScanner::new(ReplyKind::None, NEW);
    assert_eq!(
        feed(&mut done, b"\xff\x15\x04"),
        Err(ReplyError::AfterEnd { length: 3 })
    );
}

/// An OK as a MySQL 8 server sends it after `SET autocommit=0`, from the layout of the manual.
const TRACKED: &[u8] = b"\0\0\0\0\x40\0\0\0\x11\0\x0f\x0aautocommit\x03OFF";

#[test]
fn tracked_changes_are_read() {
    let (form, end) = read_end(TRACKED, NEW).expect("an OK");
    assert_eq!(form, Form::Ok);
    assert_eq!(end.head.status, StatusFlags::SESSION_STATE_CHANGED);
    let changes: Vec<_> = Changes::new(end.changes).collect();
    assert_eq!(
        changes,
        [Ok(Change::SystemVariable {
            name: b"autocommit",
            value: Some(b"OFF")
        })]
    );
}

#[test]
fn a_flag_without_changes_is_forgiven() {
    for packet in [&b"\0\0\0\x02\x40\0\0"[..], b"\0\0\0\x02\x40\0\0\x01i"] {
        let (_, end) = read_end(packet, NEW).expect("an OK");
        assert!(end.changes.is_empty());
    }
    // MariaDB sets it in EOF packets, which cannot carry any.
    let (form, end) = read_end(b"\xfe\0\0\x02\x40", OLD).expect("an EOF");
    assert_eq!((form, end.changes), (Form::Eof, &b""[..]));
}

#[test]
fn without_tracking_the_text_has_a_length_too() {
    let (_, end) = read_end(b"\0\x01\x02\x02\0\x03\0\x0fRows matched: 1", OLD).expect("an OK");
    assert_eq!(end.info, b"Rows matched: 1");
    assert_eq!(end.head.affected_rows, 1);
    assert_eq!(end.head.last_insert_id, 2);
    assert_eq!(end.head.warnings, 3);
}

#[test]
fn ok_packets_are_translated() {
    let (_, end) = read_end(TRACKED, NEW).expect("an OK");
    let mut same = Vec::new();
    ok(&mut same, &mut Sequence::after(1), NEW, &end);
    assert_eq!(same.get(4..), Some(TRACKED));
    let mut plain = Vec::new();
    ok(&mut plain, &mut Sequence::after(1), OLD, &end);
    assert_eq!(plain.get(4..), Some(&b"\0\0\0\0\0\0\0"[..]), "flag cleared");
    let mut eof = Vec::new();
    end_of_rows(&mut eof, &mut Sequence::after(1), OLD, &end);
    assert_eq!(eof.get(4..), Some(&b"\xfe\0\0\0\0"[..]));
    // Nothing tracked: the flag is not set, whatever the status says.
    let lying = OkPacket::with_status(IDLE | StatusFlags::SESSION_STATE_CHANGED);
    let mut quiet = Vec::new();
    end_of_rows(&mut quiet, &mut Sequence::after(1), NEW, &lying);
    assert_eq!(quiet.get(4..), Some(&b"\xfe\0\0\x02\0\0\0"[..]));
}

#[test]
fn all_kinds_of_changes_survive_writing() {
    let all = [
        Change::SystemVariable {
            name: b"character_set_results",
            value: None,
        },
        Change::SystemVariable {
            name: b"sql_mode",
            value: Some(b""),
        },
        Change::Schema(b"shop"),
        Change::StateChange(b"1"),
        Change::Gtids(b"3e11fa47-71ca-11e1-9e33-c80aa9429562:5"),
        Change::TransactionCharacteristics(b"SET TRANSACTION READ ONLY;"),
        Change::TransactionState(TransactionState(*b"T_R___S_")),
        Change::Unknown {
            kind: 9,
            data: b"xyz",
        },
    ];
    let mut data = Vec::new();
    for change in &all {
        put_change(&mut data, change);
    }
    let read: Result<Vec<_>, _> = Changes::new(&data).collect();
    assert_eq!(read.as_deref(), Ok(&all[..]));
}

#[test]
fn mariadb_puts_several_variables_into_one_change() {
    let data = b"\x00\x11\x01a\x011\x01b\xfb\x02cd\x00\x03efg\x01x\x01\x02\x01s";
    let names: Result<Vec<_>, _> = Changes::new(data).collect();
    let names = names.expect("well formed");
    assert_eq!(names.len(), 5);
    assert_eq!(names.last(), Some(&Change::Schema(b"s")));
    assert_eq!(
        names.get(1),
        Some(&Change::SystemVariable {
            name: b"b",
            value: None
        })
    );
}

#[test]
fn changes_end_after_an_error() {
    let mut changes = Changes::new(b"\x01\x05ab");
    assert!(matches!(changes.next(), Some(Err(_))));
    assert_eq!(changes.next(), None);
}

#[test]
fn transaction_states_are_understood() {
    let state = |text: &[u8; 8]| TransactionState(*text);
    assert!(TransactionState::FREE.is_free());
    assert!(state(b"T_______").is_untouched());
    assert!(state(b"I_R___S_").in_transaction());
    assert!(!state(b"I_R___S_").is_untouched());
    let locked = state(b"_______L");
    assert!(locked.has_locked_tables() && !locked.in_transaction() && !locked.is_free());
}

#[test]
fn errors_carry_a_state_when_the_peer_knows_of_them() {
    for (capabilities, sqlstate) in [(OLD, Some(*b"08004")), (Capabilities::EMPTY, None)] {
        let mut out = Vec::new();
        error(
            &mut out,
            &mut Sequence::start(),
            capabilities,
            ErrorCode::CON_COUNT,
            "Too many connections",
        );
        let found = ErrPacket::parse(&out[4..]).expect("an error");
        assert_eq!(found.code, 1040);
        assert_eq!(found.sqlstate, sqlstate);
        assert_eq!(found.message, b"Too many connections");
    }
}

#[test]
fn long_messages_are_cut_between_characters() {
    let mut out = Vec::new();
    let message = "ä".repeat(400);
    error(
        &mut out,
        &mut Sequence::start(),
        OLD,
        ErrorCode::UNKNOWN,
        &format!("x{message}"),
    );
    let found = ErrPacket::parse(&out[4..]).expect("an error");
    assert_eq!(found.message.len(), 511);
    assert!(std::str::from_utf8(found.message).is_ok());
    assert!(ErrPacket::parse(b"\xff\x01\x02#12").is_err());
    assert!(ErrPacket::parse(b"\0\x01\x02").is_err());
}

/// Sends a reply through the bridge, as a proxy would, and gives the client's payloads.
fn bridged(reply: &Reply, kind: ReplyKind, client: Capabilities) -> Vec<Vec<u8>> {
    let mut scanner = ReplyScanner::new(kind, reply.capabilities);
    let mut bridge = EofBridge::new(reply.capabilities, client);
    let mut result = Reply::new(client);
    for payload in &reply.payloads {
        let seen = feed(&mut scanner, payload).expect("a server would send this");
        let plan = bridge.plan(&seen.part);
        let insert = |result: Reply, insert| match insert {
            Insert::Eof => result.end(IDLE),
            Insert::TwoEofs => result.end(IDLE).end(IDLE),
            Insert::Nothing => result,
        };
        result = insert(result, plan.before);
        result = match plan.packet {
            Treatment::Forward => result.raw(payload),
            Treatment::Drop => result,
            Treatment::AsEof | Treatment::AsOk => {
                result.end(seen.part.status().expect("it ends something"))
            }
        };
        result = insert(result, plan.after);
    }
    result.payloads
}

/// Every shape of reply, for a server and a client with these capabilities.
fn shapes(capabilities: Capabilities) -> Vec<(ReplyKind, Reply)> {
    let more = IDLE | StatusFlags::MORE_RESULTS_EXISTS;
    let open = IDLE | StatusFlags::CURSOR_EXISTS;
    let new = || Reply::new(capabilities);
    let statement = |parameters, columns| Prepared {
        statement_id: 1,
        columns,
        parameters,
        warnings: 0,
        metadata: Metadata::Follows,
    };
    let prepare = |statement: Prepared| {
        new().written(|out, sequence, capabilities| {
            prepared(out, sequence, capabilities, &statement);
        })
    };
    vec![
        (
            ReplyKind::TextResults,
            new().columns(2).raw(b"\x011").end(IDLE),
        ),
        (ReplyKind::TextResults, new().columns(1).end(IDLE)),
        (
            ReplyKind::BinaryResults,
            new().raw(b"\x01").definitions(1).end(open),
        ),
        (
            ReplyKind::TextResults,
            new().columns(1).end(more).columns(1).end(more).ok(IDLE),
        ),
        (
            ReplyKind::TextResults,
            new().columns(1).error(ErrorCode::QUERY_INTERRUPTED),
        ),
        (ReplyKind::TextResults, new().error(ErrorCode::PARSE)),
        (ReplyKind::Prepared, prepare(statement(0, 0))),
        (
            ReplyKind::Prepared,
            prepare(statement(2, 0))
                .definitions(2)
                .definitions_end(IDLE),
        ),
        (
            ReplyKind::Prepared,
            prepare(statement(1, 2))
                .definitions(1)
                .definitions_end(IDLE)
                .definitions(2)
                .definitions_end(IDLE),
        ),
        (ReplyKind::Fields, new().definitions(2).end(IDLE)),
        (ReplyKind::CursorRows, new().raw(b"\0\0\x01").end(open)),
        (ReplyKind::Single, new().end(IDLE)),
        (ReplyKind::Single, new().ok(IDLE)),
    ]
}

#[test]
fn every_reply_can_be_translated_in_every_direction() {
    for server in BOTH {
        for client in BOTH {
            for ((kind, from), (_, to)) in shapes(server).iter().zip(shapes(client)) {
                assert_eq!(
                    bridged(from, *kind, client),
                    to.payloads,
                    "{kind:?} {server:?} to {client:?}"
                );
            }
        }
    }
}

#[test]
fn progress_does_not_bring_the_eof_forward() {
    let mut bridge = EofBridge::new(NEW, OLD);
    assert!(!bridge.is_idle());
    let last = Part::Definition {
        of: Definitions::Columns,
        left: 0,
    };
    assert_eq!(bridge.plan(&last).after, Insert::Nothing);
    assert_eq!(bridge.plan(&Part::Progress).before, Insert::Nothing);
    assert_eq!(bridge.plan(&Part::Row).before, Insert::Eof);
    assert!(EofBridge::new(NEW, NEW).is_idle());
}

#[test]
fn a_cursor_that_fails_to_open_has_no_eof() {
    let last = Part::Definition {
        of: Definitions::Columns,
        left: 0,
    };
    let error = Part::Error { code: 1690 };
    let mut bridge = EofBridge::new(NEW, OLD);
    bridge.plan(&last);
    assert_eq!(bridge.plan(&error).before, Insert::Eof);
    let mut bridge = EofBridge::new(NEW, OLD).opening_cursor();
    bridge.plan(&last);
    assert_eq!(bridge.plan(&error).before, Insert::Nothing);
}

fn any_payload() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..40),
        Just(b"\x01".to_vec()),
        Just(b"\xfe\0\0\x02\0".to_vec()),
        Just(b"\0\0\0\x02\0\0\0".to_vec()),
        Just(b"\xfe\0\0\x0a\0\0\0".to_vec()),
        Just(b"\x03def".to_vec()),
        Just(b"\xfbname".to_vec()),
        Just(b"\xff\x15\x04#28000no".to_vec()),
        Just(b"\0\x01\0\0\0\x01\0\x01\0\0\0\0".to_vec()),
    ]
}

const KINDS: [ReplyKind; 10] = [
    ReplyKind::None,
    ReplyKind::Single,
    ReplyKind::TextResults,
    ReplyKind::BinaryResults,
    ReplyKind::Fields,
    ReplyKind::Text,
    ReplyKind::Prepared,
    ReplyKind::CursorRows,
    ReplyKind::Login,
    ReplyKind::Stream,
];

proptest! {
    #[test]
    fn a_cut_packet_is_seen_as_the_whole_one(
        kind in proptest::sample::select(KINDS.to_vec()),
        deprecate in any::<bool>(),
        payloads in proptest::collection::vec(any_payload(), 1..12),
    ) {
        let capabilities = if deprecate { NEW } else { OLD };
        let mut whole = ReplyScanner::new(kind, capabilities);
        let mut cut = whole;
        for payload in &payloads {
            let at_once = whole.packet(header_of(payload), payload);
            let in_pieces = feed(&mut cut, payload);
            prop_assert_eq!(at_once.map(|seen| seen.expect("all is here")), in_pieces);
            if in_pieces.is_err() {
                break;
            }
            prop_assert_eq!(whole, cut);
        }
    }

    #[test]
    fn packets_behind_a_payload_are_not_read(payload in any_payload(), behind in any_payload()) {
        let mut alone = ReplyScanner::new(ReplyKind::TextResults, NEW);
        let mut followed = alone;
        let both = [payload.clone(), behind].concat();
        let header = header_of(&payload);
        prop_assert_eq!(alone.packet(header, &payload), followed.packet(header, &both));
    }

    #[test]
    fn ends_survive_writing(
        affected_rows in any::<u64>(),
        last_insert_id in any::<u64>(),
        status in any::<u16>(),
        warnings in any::<u16>(),
        info in proptest::collection::vec(any::<u8>(), 0..20),
    ) {
        let status = StatusFlags::from_wire(status).without(StatusFlags::SESSION_STATE_CHANGED);
        let head = OkHead { affected_rows, last_insert_id, status, warnings };
        let end = OkPacket { head, info: &info, changes: &[] };
        for capabilities in BOTH {
            let mut out = Vec::new();
            ok(&mut out, &mut Sequence::start(), capabilities, &end);
            prop_assert_eq!(read_end(&out[4..], capabilities), Ok((Form::Ok, end)));
        }
    }
}

#[test]
fn rows_are_written_as_they_are_read() {
    let mut out = Vec::new();
    let mut sequence = Sequence::after(3);
    text_row(&mut out, &mut sequence, [Some(&b"42"[..]), None]);
    assert_eq!(out, b"\x04\0\0\x03\x0242\xfb");
    packet(&mut out, &mut sequence, |out| out.put(b""));
    assert_eq!(out.get(8..), Some(&b"\0\0\0\x04"[..]));
}
