//! Path `tokenizer`: what a statement of an ordinary application may do, read from its text.

use tollgate_sql::{Dialect, StringStyle, classify};

const STATEMENT: &[u8] = b"SELECT o.id, o.total, c.name -- the newest first\n\
    FROM orders AS o JOIN customers AS c ON c.id = o.customer_id\n\
    WHERE o.state = 'it''s open' AND o.total > 12.50 AND c.region IN ('north', 'south')\n\
    ORDER BY o.created_at DESC LIMIT 20";

/// Reads one statement per call; returns how many statements it saw.
pub(crate) fn prepare() -> impl FnMut() -> usize {
    move || {
        let text = std::hint::black_box(STATEMENT);
        let summary = classify(Dialect::PostgreSql, StringStyle::Standard, text);
        usize::try_from(summary.statements).unwrap_or_default()
    }
}
