//! Character sets and collations a login can name: the id in one byte, and what it means.

/// A collation that a client may name by its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Collation {
    /// `information_schema.COLLATIONS.ID`. Ids above 255 cannot be named in a login.
    pub id: u16,
    /// Its name.
    pub name: &'static str,
    /// The character set it belongs to.
    pub charset: &'static str,
}

macro_rules! collations {
    ($( $id:literal $charset:literal $name:literal; )+) => {
        /// Sorted by id. The default collations of all character sets, and the Unicode ones drivers use.
        const COLLATIONS: &[Collation] = &[
            $( Collation { id: $id, name: $name, charset: $charset }, )+
        ];
    };
}

collations! {
    1 "big5" "big5_chinese_ci";
    3 "dec8" "dec8_swedish_ci";
    4 "cp850" "cp850_general_ci";
    5 "latin1" "latin1_german1_ci";
    6 "hp8" "hp8_english_ci";
    7 "koi8r" "koi8r_general_ci";
    8 "latin1" "latin1_swedish_ci";
    9 "latin2" "latin2_general_ci";
    10 "swe7" "swe7_swedish_ci";
    11 "ascii" "ascii_general_ci";
    12 "ujis" "ujis_japanese_ci";
    13 "sjis" "sjis_japanese_ci";
    16 "hebrew" "hebrew_general_ci";
    18 "tis620" "tis620_thai_ci";
    19 "euckr" "euckr_korean_ci";
    22 "koi8u" "koi8u_general_ci";
    24 "gb2312" "gb2312_chinese_ci";
    25 "greek" "greek_general_ci";
    26 "cp1250" "cp1250_general_ci";
    28 "gbk" "gbk_chinese_ci";
    30 "latin5" "latin5_turkish_ci";
    32 "armscii8" "armscii8_general_ci";
    33 "utf8mb3" "utf8mb3_general_ci";
    35 "ucs2" "ucs2_general_ci";
    36 "cp866" "cp866_general_ci";
    37 "keybcs2" "keybcs2_general_ci";
    38 "macce" "macce_general_ci";
    39 "macroman" "macroman_general_ci";
    40 "cp852" "cp852_general_ci";
    41 "latin7" "latin7_general_ci";
    45 "utf8mb4" "utf8mb4_general_ci";
    46 "utf8mb4" "utf8mb4_bin";
    47 "latin1" "latin1_bin";
    48 "latin1" "latin1_general_ci";
    49 "latin1" "latin1_general_cs";
    51 "cp1251" "cp1251_general_ci";
    54 "utf16" "utf16_general_ci";
    56 "utf16le" "utf16le_general_ci";
    57 "cp1256" "cp1256_general_ci";
    59 "cp1257" "cp1257_general_ci";
    60 "utf32" "utf32_general_ci";
    63 "binary" "binary";
    65 "ascii" "ascii_bin";
    83 "utf8mb3" "utf8mb3_bin";
    92 "geostd8" "geostd8_general_ci";
    95 "cp932" "cp932_japanese_ci";
    97 "eucjpms" "eucjpms_japanese_ci";
    192 "utf8mb3" "utf8mb3_unicode_ci";
    224 "utf8mb4" "utf8mb4_unicode_ci";
    246 "utf8mb4" "utf8mb4_unicode_520_ci";
    248 "gb18030" "gb18030_chinese_ci";
    255 "utf8mb4" "utf8mb4_0900_ai_ci";
}

/// `utf8mb4_general_ci`, which both families know: what a greeting names for a MariaDB target.
pub const UTF8MB4_GENERAL_CI: u8 = 45;

/// `utf8mb4_0900_ai_ci`, the default of MySQL 8 and later; MariaDB does not know this id.
pub const UTF8MB4_0900_AI_CI: u8 = 255;

/// The collation with this id, if a login can name it and drivers do. `None` says nothing about whether a
/// server knows the id.
pub fn collation(id: u16) -> Option<&'static Collation> {
    let at = COLLATIONS
        .binary_search_by_key(&id, |collation| collation.id)
        .ok()?;
    COLLATIONS.get(at)
}

/// Whether a byte below 0x80 can be the second half of a character, so that a quote or backslash that is
/// found byte by byte may not be one.
pub fn has_ascii_trail_bytes(charset: &str) -> bool {
    ["big5", "cp932", "gb18030", "gbk", "sjis"].contains(&charset)
}

/// Whether a client may not use the character set: it has no single-byte ASCII, so no statement can be
/// written in it (server message 1231, "Variable `character_set_client` can't be set to the value of").
pub fn is_refused_for_clients(charset: &str) -> bool {
    ["ucs2", "utf16", "utf16le", "utf32"].contains(&charset)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_without_duplicates() {
        assert!(COLLATIONS.is_sorted_by(|a, b| a.id < b.id));
    }

    #[test]
    fn finds_the_defaults() {
        let name = |id| collation(id).map(|found| found.name);
        assert_eq!(name(8), Some("latin1_swedish_ci"));
        assert_eq!(
            name(u16::from(UTF8MB4_GENERAL_CI)),
            Some("utf8mb4_general_ci")
        );
        assert_eq!(
            name(u16::from(UTF8MB4_0900_AI_CI)),
            Some("utf8mb4_0900_ai_ci")
        );
        assert_eq!(name(0), None);
        assert_eq!(name(256), None);
    }

    #[test]
    fn knows_difficult_character_sets() {
        assert!(has_ascii_trail_bytes("sjis"));
        assert!(!has_ascii_trail_bytes("utf8mb4"));
        assert!(is_refused_for_clients("utf16"));
        assert!(!is_refused_for_clients("gbk"));
    }
}
