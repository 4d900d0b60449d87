//! Entry points for a fuzzer: any bytes, no panic, and the same answer however they are cut.

use super::{Backslash, Charset, DoubleQuotes, Mode, Scanner, Server, Summary, classify, digest};

/// Classifies `data` in several modes, whole and in pieces whose lengths come from the data itself.
pub fn fuzz_classify(data: &[u8]) {
    for mode in modes() {
        let whole = classify(mode, data);
        let pieces = in_pieces(mode, data);
        assert!(whole == pieces, "{whole:?} became {pieces:?}");
        let length = u64::try_from(data.len()).unwrap_or(u64::MAX);
        for call in &whole.connection_ids {
            assert!(call.span.start < call.span.end && call.span.end <= length);
        }
        let objects = &whole.objects;
        let tables = objects.tables.iter().map(|table| table.name);
        let questions = whole.questions.iter().map(|question| question.span);
        for span in objects.locks.iter().copied().chain(tables).chain(questions) {
            assert!(span.start < span.end && span.end <= length);
        }
        if let Some(kill) = whole.kill {
            assert!(kill.span.start < kill.span.end && kill.span.end <= length);
        }
    }
}

/// Digests `data` in several modes: never more than the limit.
pub fn fuzz_digest(data: &[u8]) {
    for mode in modes() {
        for limit in [0, 3, 10, usize::MAX] {
            let cut = digest(mode, data, limit);
            assert!(cut.len() <= limit, "{cut:?} is longer than {limit}");
        }
    }
}

/// Modes that between them take every branch.
pub(super) fn modes() -> [Mode; 4] {
    let plain = Mode::default();
    let mariadb = Mode {
        server: Server::MariaDb { version: 101_106 },
        ..plain
    };
    [
        plain,
        mariadb,
        Mode {
            double_quotes: DoubleQuotes::Identifier,
            backslash: Backslash::Literal,
            charset: Charset::SingleByte,
            ..plain
        },
        Mode {
            charset: Charset::Unsafe,
            ..mariadb
        },
    ]
}

fn in_pieces(mode: Mode, data: &[u8]) -> Summary {
    let mut scanner = Scanner::new(mode);
    let mut rest = data;
    while let Some(first) = rest.first() {
        let length = usize::from(first % 7).saturating_add(1).min(rest.len());
        let (piece, tail) = rest.split_at_checked(length).unwrap_or((rest, &[]));
        scanner.feed(piece);
        rest = tail;
    }
    scanner.finish()
}
