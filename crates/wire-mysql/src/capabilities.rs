//! What a connection can do: the capability bits of MySQL, and MariaDB's extended ones above bit 31.

use crate::bits::bit_set;

/// A set of capability bits. Bits 0–31 are MySQL's (`mysql_com.h`, `CLIENT_…`); bits 32–63 are MariaDB's
/// extended ones (`MARIADB_CLIENT_…`), which travel in four bytes that MySQL fills with zeroes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Capabilities(u64);

bit_set! { Capabilities, u64,
    /// Bit 0. MySQL: "new more secure passwords", always set. MariaDB reads it as `CLIENT_MYSQL`: a peer that
    /// clears it knows the extended capabilities.
    LONG_PASSWORD = 1;
    /// Affected rows count rows that were found, not rows that were changed.
    FOUND_ROWS = 1 << 1;
    /// All column flags are sent.
    LONG_FLAG = 1 << 2;
    /// The login names a database.
    CONNECT_WITH_DB = 1 << 3;
    /// `database.table.column` is refused.
    NO_SCHEMA = 1 << 4;
    /// zlib compression.
    COMPRESS = 1 << 5;
    /// An ODBC client.
    ODBC = 1 << 6;
    /// `LOAD DATA LOCAL` may ask the client for a file.
    LOCAL_FILES = 1 << 7;
    /// Spaces before `(` are ignored; becomes part of `sql_mode`.
    IGNORE_SPACE = 1 << 8;
    /// The protocol of version 4.1; everything here needs it.
    PROTOCOL_41 = 1 << 9;
    /// `interactive_timeout` instead of `wait_timeout`.
    INTERACTIVE = 1 << 10;
    /// TLS follows the short login packet.
    SSL = 1 << 11;
    /// Status flags know about transactions.
    TRANSACTIONS = 1 << 13;
    /// Authentication data has a length byte (`CLIENT_RESERVED2`, `CLIENT_SECURE_CONNECTION`).
    SECURE_CONNECTION = 1 << 15;
    /// Several statements in one `COM_QUERY`.
    MULTI_STATEMENTS = 1 << 16;
    /// Several results for one `COM_QUERY`.
    MULTI_RESULTS = 1 << 17;
    /// Several results for one `COM_STMT_EXECUTE`.
    PS_MULTI_RESULTS = 1 << 18;
    /// Authentication plugins are named, and may be switched.
    PLUGIN_AUTH = 1 << 19;
    /// The login carries attributes of the client program.
    CONNECT_ATTRS = 1 << 20;
    /// Authentication data has a length-encoded length.
    PLUGIN_AUTH_LENENC = 1 << 21;
    /// A login with an expired password leads to a session that can only change it.
    CAN_HANDLE_EXPIRED_PASSWORDS = 1 << 22;
    /// OK packets carry changes of session state.
    SESSION_TRACK = 1 << 23;
    /// OK packets end results instead of EOF packets.
    DEPRECATE_EOF = 1 << 24;
    /// MySQL: column definitions may be left out.
    OPTIONAL_RESULTSET_METADATA = 1 << 25;
    /// zstd compression.
    ZSTD_COMPRESSION = 1 << 26;
    /// MySQL: statements carry named attributes.
    QUERY_ATTRIBUTES = 1 << 27;
    /// MySQL: more than one authentication factor.
    MULTI_FACTOR_AUTHENTICATION = 1 << 28;
    /// Asks for a server that checks certificates; client-side only (`CLIENT_SSL_VERIFY_SERVER_CERT`).
    SSL_VERIFY_SERVER_CERT = 1 << 30;
    /// Client-side only (`CLIENT_REMEMBER_OPTIONS`).
    REMEMBER_OPTIONS = 1 << 31;
    /// MariaDB: progress reports as ERR packets with code 0xFFFF.
    MARIADB_PROGRESS = 1 << 32;
    /// MariaDB: `COM_STMT_BULK_EXECUTE`.
    MARIADB_STMT_BULK = 1 << 34;
    /// MariaDB: column definitions carry extended types.
    MARIADB_EXTENDED_METADATA = 1 << 35;
    /// MariaDB: column definitions that have not changed are left out.
    MARIADB_CACHE_METADATA = 1 << 36;
    /// MariaDB: bulk executes answer with one result per row of parameters.
    MARIADB_BULK_UNIT_RESULTS = 1 << 37;
}

/// All capabilities that only MariaDB has.
const MARIADB: u64 = 0xffff_ffff_0000_0000;

impl Capabilities {
    /// From MySQL's 32 bits and MariaDB's 32 extended ones.
    pub fn from_wire(base: u32, extended: u32) -> Self {
        Self(u64::from(base) | (u64::from(extended) << 32))
    }

    /// MySQL's 32 bits, as they are written.
    pub fn base(self) -> u32 {
        let [a, b, c, d, ..] = self.0.to_le_bytes();
        u32::from_le_bytes([a, b, c, d])
    }

    /// MariaDB's 32 extended bits, as they are written.
    pub fn extended(self) -> u32 {
        let [.., a, b, c, d] = self.0.to_le_bytes();
        u32::from_le_bytes([a, b, c, d])
    }

    /// What a MariaDB server may not be asked and does not know: MySQL's own bits above 24.
    pub const MYSQL_ONLY: Self = Self(
        Self::OPTIONAL_RESULTSET_METADATA.0
            | Self::QUERY_ATTRIBUTES.0
            | Self::MULTI_FACTOR_AUTHENTICATION.0,
    );

    /// All extended bits.
    pub const MARIADB_ONLY: Self = Self(MARIADB);

    /// Bits that change what statements mean and cannot be changed after the login. Two clients that
    /// differ in one of them can never use the same server connection.
    pub const SEMANTIC: Self = Self(
        Self::FOUND_ROWS.0
            | Self::IGNORE_SPACE.0
            | Self::INTERACTIVE.0
            | Self::LOCAL_FILES.0
            | Self::ODBC.0
            | Self::CAN_HANDLE_EXPIRED_PASSWORDS.0
            | Self::MULTI_RESULTS.0
            | Self::PS_MULTI_RESULTS.0,
    );

    /// Either of the two ways to leave out column definitions: MySQL's or MariaDB's.
    #[inline]
    pub fn may_omit_metadata(self) -> bool {
        self.intersects(Self(
            Self::OPTIONAL_RESULTSET_METADATA.0 | Self::MARIADB_CACHE_METADATA.0,
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_halves_survive_the_wire() {
        let all = Capabilities::PROTOCOL_41 | Capabilities::MARIADB_CACHE_METADATA;
        assert_eq!(all.base(), 0x200);
        assert_eq!(all.extended(), 0x10);
        assert_eq!(Capabilities::from_wire(0x200, 0x10), all);
        assert!(all.may_omit_metadata());
    }

    #[test]
    fn debug_names_bits() {
        let set = Capabilities::SSL | Capabilities::from_wire(1 << 14, 0);
        assert_eq!(format!("{set:?}"), "[SSL, 0x4000]");
    }

    #[test]
    fn sets_behave_as_sets() {
        let two = Capabilities::SSL | Capabilities::COMPRESS;
        assert!(two.contains(Capabilities::SSL));
        assert!(!Capabilities::SSL.contains(two));
        assert!(Capabilities::SSL.intersects(two));
        assert_eq!(two.without(Capabilities::SSL), Capabilities::COMPRESS);
        assert_eq!(two.both(Capabilities::SSL), Capabilities::SSL);
        assert!(Capabilities::EMPTY.is_empty());
    }
}
