//! SQLSTATEs of conditions that statements leave as warnings, where the server has shown only their numbers.
//!
//! Sources: `performance_schema.events_errors_summary_global_by_error` of MySQL 9.7, `errmsg-utf8.txt` of
//! MariaDB 10.11.

use tollgate_sql::mysql::Server;

/// The SQLSTATE of the condition with this number; `None` where it is not known for certain.
pub(super) fn of(code: u16, server: Server) -> Option<[u8; 5]> {
    let state = match code {
        1249 | 1261 | 1262 | 1265 | 1311 => b"01000",
        1329 => b"02000",
        1406 => b"22001",
        1264 | 1690 => b"22003",
        1263 => b"22004",
        1292 => b"22007",
        1441 => b"22008",
        1365 => b"22012",
        1048 | 1062 | 1451 | 1452 => b"23000",
        1758 => b"35000",
        1049 | 1061 | 1064 | 1068 | 1072 | 1091 | 1230 | 1231 | 1280 | 1286 | 1305 => b"42000",
        1050 => b"42S01",
        1051 | 1146 => b"42S02",
        1060 => b"42S21",
        1054 => b"42S22",
        1003 | 1007 | 1008 | 1105 | 1196 | 1246 | 1260 | 1266 | 1267 | 1270 | 1287 | 1294
        | 1298 | 1300 | 1301 | 1360 | 1364 | 1381 | 1396 | 1411 | 1478 | 1526 | 1592 | 1618
        | 1681 | 1739 | 1748 | 1759 | 1831 => b"HY000",
        _ => match (server, code) {
            (Server::MySql { .. }, 1366 | 3090 | 3135 | 3170 | 3719 | 3720 | 3778)
            | (Server::MariaDb { .. }, 1973 | 1974) => b"HY000",
            (Server::MariaDb { .. }, 1366 | 1918) => b"22007",
            (Server::MySql { .. } | Server::MariaDb { .. }, _) => return None,
        },
    };
    Some(*state)
}
