//! Entry points for a fuzzer: any bytes, no panic, and the same answer however they are cut.

use crate::{Dialect, Scanner, StringStyle, Summary, classify, digest};

/// Classifies `data` whole and in pieces whose lengths come from the data itself.
pub fn fuzz_classify(data: &[u8]) {
    for style in [StringStyle::Standard, StringStyle::BackslashEscapes] {
        let whole = classify(Dialect::PostgreSql, style, data);
        let pieces = in_pieces(style, data);
        assert!(whole == pieces, "{whole:?} became {pieces:?}");
    }
}

/// Digests `data`: never more than the limit, and a whole digest is its own digest.
pub fn fuzz_digest(data: &[u8]) {
    for style in [StringStyle::Standard, StringStyle::BackslashEscapes] {
        let whole = digest(Dialect::PostgreSql, style, data, usize::MAX);
        if !whole.contains('…') {
            let again = digest(Dialect::PostgreSql, style, whole.as_bytes(), usize::MAX);
            assert!(whole == again, "{whole:?} became {again:?}");
        }
        for limit in [0, 3, 10] {
            let cut = digest(Dialect::PostgreSql, style, data, limit);
            assert!(cut.len() <= limit, "{cut:?} is longer than {limit}");
        }
    }
}

fn in_pieces(style: StringStyle, data: &[u8]) -> Summary {
    let mut scanner = Scanner::new(Dialect::PostgreSql, style);
    let mut rest = data;
    while let Some(first) = rest.first() {
        let length = usize::from(first % 7).saturating_add(1).min(rest.len());
        let (piece, tail) = rest.split_at_checked(length).unwrap_or((rest, &[]));
        scanner.feed(piece);
        rest = tail;
    }
    scanner.finish()
}
