// MariaDB Connector/J: text and binary statements, batches, fetch size, procedures, LOCAL INFILE, metadata, its options.

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.CallableStatement;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Savepoint;
import java.sql.Statement;
import java.sql.Types;
import java.time.LocalDateTime;
import java.util.Arrays;
import java.util.Properties;

public class ConnectorJSteps {
    static final BufferedReader ANSWERS = new BufferedReader(new InputStreamReader(System.in));

    interface Work {
        void run(Connection conn) throws Exception;
    }

    static void say(String words) throws Exception {
        System.out.println(words);
        System.out.flush();
        if (ANSWERS.readLine() == null) {
            throw new IllegalStateException("nobody is listening any more");
        }
    }

    static Connection open(String... more) throws SQLException {
        Properties settings = new Properties();
        settings.setProperty("user", System.getenv("DB_USER"));
        settings.setProperty("password", System.getenv("DB_PASSWORD"));
        settings.setProperty("sslMode", "verify-full");
        settings.setProperty("serverSslCert", System.getenv("DB_CA"));
        for (int at = 0; at < more.length; at += 2) {
            settings.setProperty(more[at], more[at + 1]);
        }
        String url = "jdbc:mariadb://" + System.getenv("DB_HOST") + ":" + System.getenv("DB_PORT") + "/"
                + System.getenv("DB_NAME");
        return DriverManager.getConnection(url, settings);
    }

    static void step(String feature, Work work) throws Exception {
        try (Connection conn = open()) {
            work.run(conn);
            say("done " + feature);
        } catch (Exception | AssertionError error) {
            StackTraceElement where = error.getStackTrace()[0];
            for (StackTraceElement element : error.getStackTrace()) {
                if (element.getClassName().startsWith("ConnectorJSteps") && !element.getMethodName().equals("check")) {
                    where = element;
                    break;
                }
            }
            say("failed " + feature + ": line " + where.getLineNumber() + " " + String.valueOf(error).replace('\n', ' '));
        }
    }

    static void check(boolean holds, String what) {
        if (!holds) {
            throw new AssertionError(what);
        }
    }

    static void refused(int number, Connection conn, String sql) throws Exception {
        try {
            execute(conn, sql);
        } catch (SQLException error) {
            check(number == error.getErrorCode(), error.getErrorCode() + " " + error.getMessage());
            return;
        }
        throw new AssertionError("not refused with " + number);
    }

    static String text(Connection conn, String sql) throws SQLException {
        try (Statement statement = conn.createStatement(); ResultSet rows = statement.executeQuery(sql)) {
            rows.next();
            return rows.getString(1);
        }
    }

    static void execute(Connection conn, String sql) throws SQLException {
        try (Statement statement = conn.createStatement()) {
            statement.execute(sql);
        }
    }

    static void repeat(Connection conn, int factor) throws SQLException {
        try (PreparedStatement statement = conn.prepareStatement("SELECT ? * " + factor + ", ?")) {
            for (int n = 0; n < 12; n++) {
                statement.setInt(1, n);
                statement.setString(2, "naïve \uD83D\uDE42");
                try (ResultSet rows = statement.executeQuery()) {
                    rows.next();
                    check(rows.getInt(1) == n * factor, "answer");
                    check("naïve \uD83D\uDE42".equals(rows.getString(2)), rows.getString(2));
                }
            }
        }
    }

    static void queries() throws Exception {
        step("queries, prepared by the client", conn -> {
            check("42".equals(text(conn, "SELECT 6 * 7")), "42");
            repeat(conn, 2);
        });
        step("useServerPrepStmts, more statements than prepStmtCacheSize", conn -> {
            try (Connection other = open("useServerPrepStmts", "true", "prepStmtCacheSize", "4")) {
                for (int round = 0; round < 2; round++) {
                    for (int factor = 2; factor < 12; factor++) {
                        repeat(other, factor);
                    }
                }
            }
        });
        step("types: DECIMAL, JSON, dates, blobs, unsigned (text and binary)", conn -> {
            execute(conn, "CREATE TABLE kinds4 (u BIGINT UNSIGNED, d DECIMAL(30, 10), j JSON, b VARBINARY(9), micro DATETIME(6))");
            for (String binary : new String[] {"false", "true"}) {
                try (Connection other = open("useServerPrepStmts", binary);
                        PreparedStatement insert = other.prepareStatement("INSERT INTO kinds4 VALUES (?, ?, ?, ?, ?)")) {
                    insert.setObject(1, new BigInteger("18446744073709551615"));
                    insert.setBigDecimal(2, new BigDecimal("12345678901234567890.0123456789"));
                    insert.setString(3, "{\"a\": [1]}");
                    insert.setBytes(4, new byte[] {0, -1});
                    insert.setObject(5, LocalDateTime.of(2024, 2, 29, 1, 2, 3, 456_789_000));
                    check(insert.executeUpdate() == 1, "inserted");
                    try (PreparedStatement select = other.prepareStatement("SELECT * FROM kinds4 WHERE u > ?")) {
                        select.setInt(1, 5);
                        try (ResultSet rows = select.executeQuery()) {
                            while (rows.next()) {
                                check("18446744073709551615".equals(rows.getString(1)), rows.getString(1));
                                check("12345678901234567890.0123456789".equals(rows.getString(2)), rows.getString(2));
                                check(Arrays.equals(rows.getBytes(4), new byte[] {0, -1}), "bytes");
                                check(rows.getObject(5, LocalDateTime.class).getNano() == 456_789_000, "micro");
                            }
                        }
                    }
                }
            }
        });
        step("fetch size (rows one by one)", conn -> {
            execute(conn, "CREATE TABLE many4 (n INT PRIMARY KEY AUTO_INCREMENT, t VARCHAR(60))");
            try (PreparedStatement insert = conn.prepareStatement("INSERT INTO many4 (t) VALUES (?)")) {
                for (int n = 0; n < 300; n++) {
                    insert.setString(1, "text " + n);
                    insert.addBatch();
                }
                check(insert.executeBatch().length == 300, "batch");
            }
            try (Statement statement = conn.createStatement()) {
                statement.setFetchSize(50);
                int seen = 0;
                try (ResultSet rows = statement.executeQuery("SELECT a.n FROM many4 a, many4 b")) {
                    while (rows.next()) {
                        seen++;
                    }
                }
                check(seen == 90_000, "rows " + seen);
            }
        });
        step("batches: bulk, rewritten, plain; getGeneratedKeys", conn -> {
            for (String[] how : new String[][] {
                {"useBulkStmts", "true"}, {"rewriteBatchedStatements", "true"}, {"useBulkStmts", "false"},
            }) {
                try (Connection other = open(how);
                        PreparedStatement insert = other.prepareStatement(
                                "INSERT INTO many4 (t) VALUES (?)", Statement.RETURN_GENERATED_KEYS)) {
                    for (int n = 0; n < 100; n++) {
                        insert.setString(1, n % 7 == 0 ? null : "batch " + n);
                        insert.addBatch();
                    }
                    check(insert.executeBatch().length == 100, "batch");
                    insert.setString(1, "one");
                    check(insert.executeUpdate() == 1, "one");
                    try (ResultSet keys = insert.getGeneratedKeys()) {
                        check(keys.next(), "key");
                        check(keys.getString(1).equals(text(other, "SELECT LAST_INSERT_ID()")), "last");
                    }
                }
            }
            check("603".equals(text(conn, "SELECT COUNT(*) FROM many4")), "rows");
        });
        step("allowMultiQueries", conn -> {
            try (Connection other = open("allowMultiQueries", "true"); Statement statement = other.createStatement()) {
                statement.execute("SELECT 1; UPDATE many4 SET n = n; SELECT 3");
                check(!statement.getMoreResults() && statement.getUpdateCount() >= 0, "count");
                check(statement.getMoreResults(), "second set");
                try (ResultSet rows = statement.getResultSet()) {
                    check(rows.next() && rows.getInt(1) == 3, "3");
                }
            }
        });
        step("values over 16 MiB in both directions", conn -> {
            try (Connection other = open("maxAllowedPacket", "67108864");
                    PreparedStatement statement = other.prepareStatement("SELECT LENGTH(?), REPEAT('y', 17 * 1024 * 1024)")) {
                statement.setBytes(1, new byte[17 << 20]);
                try (ResultSet rows = statement.executeQuery()) {
                    rows.next();
                    check(rows.getInt(1) == 17 << 20, "sent");
                    check(rows.getString(2).length() == 17 << 20, "received");
                }
            }
        });
        step("LOAD DATA LOCAL INFILE", conn -> {
            try (Connection other = open("allowLocalInfile", "true")) {
                StringBuilder rows = new StringBuilder();
                for (int n = 5000; n < 25000; n++) {
                    rows.append(n).append(",row\n");
                }
                Path file = Files.createTempFile("steps", ".txt");
                Files.write(file, rows.toString().getBytes(StandardCharsets.UTF_8));
                execute(other, "LOAD DATA LOCAL INFILE '" + file + "' INTO TABLE many4 FIELDS TERMINATED BY ','");
                Files.delete(file);
            }
            check("20000".equals(text(conn, "SELECT COUNT(*) FROM many4 WHERE n >= 5000")), "rows");
        });
    }

    static void transactions() throws Exception {
        step("autocommit off, savepoints, rollback", conn -> {
            execute(conn, "CREATE TABLE tx4 (n INT PRIMARY KEY)");
            conn.setAutoCommit(false);
            execute(conn, "INSERT INTO tx4 VALUES (1)");
            Savepoint point = conn.setSavepoint("a");
            refused(1062, conn, "INSERT INTO tx4 VALUES (1)");
            execute(conn, "INSERT INTO tx4 VALUES (2)");
            conn.rollback(point);
            conn.commit();
            execute(conn, "INSERT INTO tx4 VALUES (3)");
            conn.rollback();
            conn.setAutoCommit(true);
            check("1".equals(text(conn, "SELECT COUNT(*) FROM tx4")), "rows");
        });
        step("setTransactionIsolation, setReadOnly", conn -> {
            for (int level : new int[] {
                Connection.TRANSACTION_SERIALIZABLE, Connection.TRANSACTION_READ_COMMITTED,
                Connection.TRANSACTION_READ_UNCOMMITTED, Connection.TRANSACTION_REPEATABLE_READ,
            }) {
                conn.setTransactionIsolation(level);
                for (int n = 0; n < 3; n++) {
                    text(conn, "SELECT 1");
                    check(conn.getTransactionIsolation() == level, "level");
                }
            }
            conn.setReadOnly(true);
            check(conn.isReadOnly(), "read only");
            conn.setReadOnly(false);
            execute(conn, "INSERT INTO tx4 VALUES (4)");
        });
        step("stored procedures: result sets, IN, OUT, INOUT; functions", conn -> {
            execute(conn, "CREATE PROCEDURE two4(IN a INT, OUT b INT, INOUT c INT) BEGIN SELECT a; SET b = a * 2, c = c + 1; SELECT a + 1; END");
            execute(conn, "CREATE FUNCTION doubled4(a INT) RETURNS INT DETERMINISTIC RETURN a * 2");
            for (int n = 0; n < 3; n++) {
                try (CallableStatement call = conn.prepareCall("{call two4(?, ?, ?)}")) {
                    call.setInt(1, n);
                    call.registerOutParameter(2, Types.INTEGER);
                    call.setInt(3, 10);
                    call.registerOutParameter(3, Types.INTEGER);
                    check(call.execute(), "set");
                    check(call.getInt(2) == 2 * n && call.getInt(3) == 11, "out");
                }
                try (CallableStatement call = conn.prepareCall("{? = call doubled4(?)}")) {
                    call.registerOutParameter(1, Types.INTEGER);
                    call.setInt(2, n);
                    call.execute();
                    check(call.getInt(1) == 2 * n, "function");
                }
            }
        });
    }

    static void settings() throws Exception {
        step("setCatalog, isValid, setNetworkTimeout, setQueryTimeout", conn -> {
            conn.setCatalog("other");
            check("other".equals(text(conn, "SELECT DATABASE()")) && "other".equals(conn.getCatalog()), "catalog");
            check(conn.isValid(5), "valid");
            try (Statement statement = conn.createStatement()) {
                statement.setQueryTimeout(30);
                statement.execute("SELECT 1");
            }
        });
        step("options sessionVariables, timezone, connectionAttributes, initSql, tinyInt1isBit", conn -> {
            try (Connection other = open("sessionVariables", "sql_mode='ANSI_QUOTES',lock_wait_timeout=8",
                    "connectionAttributes", "program:steps", "initSql", "SET @greeting = 'hello'")) {
                for (int n = 0; n < 3; n++) {
                    check("ANSI_QUOTES".equals(text(other, "SELECT @@sql_mode")), "sql_mode");
                    check("8".equals(text(other, "SELECT @@lock_wait_timeout")), "timeout");
                    check("hello".equals(text(other, "SELECT @greeting")), "greeting");
                }
            }
        });
        step("SET: time zone, user variables", conn -> {
            execute(conn, "SET time_zone = '+05:30', @a = 40");
            for (int n = 0; n < 3; n++) {
                check("42".equals(text(conn, "SELECT @a + 2")), "variable");
                check("1970-01-01 05:30:00".equals(text(conn, "SELECT CAST(FROM_UNIXTIME(0) AS CHAR)")), "time zone");
            }
        });
        step("useResetConnection (reset of a pool)", conn -> {
            try (Connection other = open("useResetConnection", "true")) {
                execute(other, "SET @a = 40");
                ((org.mariadb.jdbc.Connection) other).reset();
                // It asks servers of MariaDB only.
                boolean asks = System.getenv("DB_KIND").equals("mariadb");
                check(asks == (text(other, "SELECT @a") == null), "reset");
            }
        });
        step("metadata: tables, columns, keys, types", conn -> {
            for (ResultSet rows : new ResultSet[] {
                conn.getMetaData().getTables(null, null, "many4", null),
                conn.getMetaData().getColumns(null, null, "many4", "%"),
                conn.getMetaData().getPrimaryKeys(null, null, "many4"),
                conn.getMetaData().getTypeInfo(),
            }) {
                check(rows.next(), "metadata");
                rows.close();
            }
        });
        step("warnings, errors leave the connection usable", conn -> {
            try (Statement statement = conn.createStatement()) {
                statement.executeQuery("SELECT CAST('12x' AS SIGNED)").close();
                check(statement.getWarnings() != null, "warning");
            }
            for (int n = 0; n < 3; n++) {
                refused(1064, conn, "SELEKT");
                refused(1146, conn, "SELECT * FROM nowhere");
                refused(1062, conn, "INSERT INTO tx4 VALUES (1)");
            }
            check("3".equals(text(conn, "SELECT 3")), "3");
        });
        step("temporary table, until DROP", conn -> {
            execute(conn, "CREATE TEMPORARY TABLE staying (n INT)");
            say("held TEMPORARY_OBJECT");
            execute(conn, "INSERT INTO staying VALUES (5)");
            check("5".equals(text(conn, "SELECT n FROM staying")), "row");
            execute(conn, "DROP TEMPORARY TABLE staying");
        });
        step("GET_LOCK, until RELEASE_LOCK", conn -> {
            check("1".equals(text(conn, "SELECT GET_LOCK('steps4', 5)")), "lock");
            say("held ADVISORY_LOCK");
            check("1".equals(text(conn, "SELECT RELEASE_LOCK('steps4')")), "unlock");
        });
    }

    public static void main(String[] arguments) throws Exception {
        try (Connection conn = open()) {
            System.out.println("version " + conn.getMetaData().getDriverVersion());
        }
        queries();
        transactions();
        settings();
    }
}
