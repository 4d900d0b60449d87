// pgjdbc: server-prepared statements, connection properties, batches, fetch size, generated keys, metadata, COPY.

import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.InputStreamReader;
import java.io.StringReader;
import java.sql.Array;
import java.sql.CallableStatement;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Savepoint;
import java.sql.Statement;
import java.sql.Types;
import java.util.Properties;
import org.postgresql.PGConnection;
import org.postgresql.PGNotification;
import org.postgresql.copy.CopyManager;

public class PgjdbcSteps {
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
        settings.setProperty("user", System.getenv("PGUSER"));
        settings.setProperty("password", System.getenv("PGPASSWORD"));
        settings.setProperty("sslmode", "verify-full");
        settings.setProperty("sslrootcert", System.getenv("PGSSLROOTCERT"));
        for (int at = 0; at < more.length; at += 2) {
            settings.setProperty(more[at], more[at + 1]);
        }
        String url = "jdbc:postgresql://" + System.getenv("PGHOST") + ":" + System.getenv("PGPORT") + "/"
                + System.getenv("PGDATABASE");
        return DriverManager.getConnection(url, settings);
    }

    static void step(String feature, Work work) throws Exception {
        try (Connection conn = open()) {
            work.run(conn);
            say("done " + feature);
        } catch (Exception | AssertionError error) {
            StackTraceElement where = error.getStackTrace()[0];
            for (StackTraceElement element : error.getStackTrace()) {
                if (element.getClassName().startsWith("PgjdbcSteps") && !element.getMethodName().equals("check")) {
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

    static void refused(String state, Connection conn, String sql) throws Exception {
        try {
            execute(conn, sql);
        } catch (SQLException error) {
            check(state.equals(error.getSQLState()), error.getSQLState() + " " + error.getMessage());
            return;
        }
        throw new AssertionError("not refused with " + state);
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

    static void repeat(Connection conn, String sql, int times, int factor) throws SQLException {
        try (PreparedStatement statement = conn.prepareStatement(sql)) {
            for (int n = 0; n < times; n++) {
                statement.setInt(1, n);
                try (ResultSet rows = statement.executeQuery()) {
                    rows.next();
                    check(rows.getInt(1) == factor * n, sql + " " + n);
                }
            }
        }
    }

    static void queries() throws Exception {
        step("queries", conn -> {
            check(text(conn, "SELECT 1").equals("1"), "query");
            repeat(conn, "SELECT ?::int * 2", 4, 2);
            check(conn.isValid(5), "valid");
        });
        step("prepared statements, prepareThreshold by default, 12 uses", conn -> {
            repeat(conn, "SELECT ?::int * 2", 12, 2);
            repeat(conn, "SELECT ?::int * 2", 12, 2);
        });
        step("prepareThreshold 1, in transactions", conn -> {
            try (Connection other = open("prepareThreshold", "1")) {
                other.setAutoCommit(false);
                for (int n = 0; n < 5; n++) {
                    repeat(other, "SELECT ?::int * 3", 3, 3);
                    other.commit();
                }
            }
        });
        step("prepareThreshold 0, preferQueryMode simple", conn -> {
            try (Connection other = open("prepareThreshold", "0")) {
                repeat(other, "SELECT ?::int * 4", 12, 4);
            }
            try (Connection other = open("preferQueryMode", "simple")) {
                repeat(other, "SELECT ?::int * 5", 12, 5);
            }
        });
        step("more prepared statements than preparedStatementCacheQueries", conn -> {
            try (Connection other = open("prepareThreshold", "1", "preparedStatementCacheQueries", "4")) {
                for (int round = 0; round < 3; round++) {
                    for (int n = 1; n < 12; n++) {
                        repeat(other, "SELECT ?::int * " + n, 2, n);
                    }
                }
            }
        });
        step("cached statement after ALTER TABLE (autosave)", conn -> {
            execute(conn, "CREATE TABLE altered AS SELECT 1 AS a");
            try (Connection other = open("prepareThreshold", "1", "autosave", "conservative")) {
                for (int round = 0; round < 2; round++) {
                    try (PreparedStatement statement = other.prepareStatement("SELECT * FROM altered")) {
                        for (int n = 0; n < 3; n++) {
                            try (ResultSet rows = statement.executeQuery()) {
                                check(rows.getMetaData().getColumnCount() == 1 + round, "columns");
                            }
                        }
                    }
                    execute(conn, "ALTER TABLE altered ADD COLUMN IF NOT EXISTS b text");
                }
            }
        });
    }

    static void properties() throws Exception {
        step("setSchema, getSchema", conn -> {
            execute(conn, "CREATE SCHEMA tenant");
            conn.setSchema("tenant");
            for (int n = 0; n < 4; n++) {
                check(conn.getSchema().equals("tenant"), "schema");
            }
            execute(conn, "DROP SCHEMA tenant");
            conn.setSchema("public");
        });
        step("setTransactionIsolation", conn -> {
            conn.setTransactionIsolation(Connection.TRANSACTION_SERIALIZABLE);
            for (int n = 0; n < 4; n++) {
                check(conn.getTransactionIsolation() == Connection.TRANSACTION_SERIALIZABLE, "isolation");
                check(text(conn, "SHOW transaction_isolation").equals("serializable"), "shown isolation");
            }
            conn.setTransactionIsolation(Connection.TRANSACTION_READ_COMMITTED);
            check(text(conn, "SHOW transaction_isolation").equals("read committed"), "isolation again");
        });
        step("setReadOnly", conn -> {
            conn.setReadOnly(true);
            conn.setAutoCommit(false);
            check(text(conn, "SHOW transaction_read_only").equals("on"), "read only in a transaction");
            conn.commit();
            conn.setAutoCommit(true);
            conn.setReadOnly(false);
            check(text(conn, "SHOW transaction_read_only").equals("off"), "writable");
        });
        step("readOnlyMode always", conn -> {
            try (Connection other = open("readOnlyMode", "always")) {
                other.setReadOnly(true);
                for (int n = 0; n < 3; n++) {
                    check(text(other, "SHOW default_transaction_read_only").equals("on"), "read only");
                }
                other.setReadOnly(false);
            }
        });
        step("setClientInfo, setNetworkTimeout, setQueryTimeout", conn -> {
            conn.setClientInfo("ApplicationName", "steps");
            for (int n = 0; n < 3; n++) {
                check(text(conn, "SHOW application_name").equals("steps"), "application_name");
            }
            conn.setNetworkTimeout(Runnable::run, 60000);
            try (Statement statement = conn.createStatement()) {
                statement.setQueryTimeout(1);
                statement.execute("SELECT pg_sleep(30)");
                throw new AssertionError("no timeout");
            } catch (SQLException error) {
                check(error.getSQLState().equals("57014"), error.getMessage());
            }
            check(text(conn, "SELECT 2").equals("2"), "after the timeout");
        });
        step("properties currentSchema, options, ApplicationName, assumeMinServerVersion", conn -> {
            try (Connection other = open("currentSchema", "public,pg_catalog", "options",
                    "-c statement_timeout=54321", "ApplicationName", "steps", "assumeMinServerVersion", "15")) {
                for (int n = 0; n < 3; n++) {
                    check(text(other, "SHOW statement_timeout").equals("54321ms"), "options");
                    check(text(other, "SHOW search_path").equals("public,pg_catalog"), "schema");
                }
            }
        });
        step("SET and RESET", conn -> {
            execute(conn, "SET work_mem = '7MB'");
            execute(conn, "SET SESSION TIME ZONE 'Asia/Tokyo'");
            for (int n = 0; n < 4; n++) {
                check(text(conn, "SHOW work_mem").equals("7MB"), "work_mem");
            }
            execute(conn, "RESET ALL");
            check(text(conn, "SHOW work_mem").equals("4MB"), "reset");
        });
    }

    static void transactions() throws Exception {
        step("autocommit off, savepoints, rollback", conn -> {
            execute(conn, "CREATE TABLE tx (n int PRIMARY KEY)");
            conn.setAutoCommit(false);
            execute(conn, "INSERT INTO tx VALUES (1)");
            Savepoint savepoint = conn.setSavepoint("a");
            refused("23505", conn, "INSERT INTO tx VALUES (1)");
            conn.rollback(savepoint);
            conn.releaseSavepoint(conn.setSavepoint());
            conn.commit();
            execute(conn, "INSERT INTO tx VALUES (2)");
            conn.rollback();
            check(text(conn, "SELECT count(*) FROM tx").equals("1"), "rows");
            conn.commit();
        });
        step("fetch size in a transaction", conn -> {
            conn.setAutoCommit(false);
            try (PreparedStatement statement = conn.prepareStatement("SELECT n FROM generate_series(1, ?) n")) {
                statement.setFetchSize(50);
                for (int round = 0; round < 7; round++) {
                    statement.setInt(1, 500);
                    int seen = 0;
                    try (ResultSet rows = statement.executeQuery()) {
                        while (rows.next()) {
                            seen++;
                        }
                    }
                    check(seen == 500, "rows " + seen);
                }
            }
            conn.commit();
        });
        step("batches, reWriteBatchedInserts", conn -> {
            execute(conn, "CREATE TABLE batched (n int)");
            for (String rewrite : new String[] {"false", "true"}) {
                try (Connection other = open("reWriteBatchedInserts", rewrite);
                        PreparedStatement statement = other.prepareStatement("INSERT INTO batched VALUES (?)")) {
                    for (int round = 0; round < 3; round++) {
                        for (int n = 0; n < 100; n++) {
                            statement.setInt(1, n);
                            statement.addBatch();
                        }
                        check(statement.executeBatch().length == 100, "batch");
                    }
                }
            }
            check(text(conn, "SELECT count(*) FROM batched").equals("600"), "rows");
        });
        step("getGeneratedKeys", conn -> {
            execute(conn, "CREATE TABLE keyed (id bigserial PRIMARY KEY, t text)");
            try (PreparedStatement statement = conn.prepareStatement("INSERT INTO keyed (t) VALUES (?)",
                    Statement.RETURN_GENERATED_KEYS)) {
                for (int n = 1; n < 8; n++) {
                    statement.setString(1, "x");
                    statement.executeUpdate();
                    try (ResultSet keys = statement.getGeneratedKeys()) {
                        keys.next();
                        check(keys.getLong("id") == n, "key " + n);
                    }
                }
            }
        });
        step("nextval of a sequence (as Hibernate asks)", conn -> {
            execute(conn, "CREATE SEQUENCE hibernate_sequence INCREMENT 50");
            try (PreparedStatement statement = conn.prepareStatement("select nextval('hibernate_sequence')")) {
                for (int n = 0; n < 8; n++) {
                    try (ResultSet rows = statement.executeQuery()) {
                        rows.next();
                        check(rows.getLong(1) == 50L * n + 1, "next value");
                    }
                }
            }
        });
        step("updatable and scrollable results", conn -> {
            execute(conn, "CREATE TABLE updated AS SELECT n, 'x'::text AS t FROM generate_series(1, 10) n");
            execute(conn, "ALTER TABLE updated ADD PRIMARY KEY (n)");
            try (Statement statement = conn.createStatement(ResultSet.TYPE_SCROLL_INSENSITIVE,
                    ResultSet.CONCUR_UPDATABLE); ResultSet rows = statement.executeQuery("SELECT * FROM updated")) {
                check(rows.last() && rows.getRow() == 10, "last");
                rows.updateString("t", "y");
                rows.updateRow();
            }
            check(text(conn, "SELECT count(*) FROM updated WHERE t = 'y'").equals("1"), "updated");
        });
    }

    static void rest() throws Exception {
        step("metadata: tables, columns, keys, types, parameters", conn -> {
            execute(conn, "CREATE TABLE described (id int PRIMARY KEY, tags text[], j jsonb)");
            for (ResultSet rows : new ResultSet[] {
                    conn.getMetaData().getTables(null, "public", "%", new String[] {"TABLE"}),
                    conn.getMetaData().getColumns(null, "public", "described", "%"),
                    conn.getMetaData().getPrimaryKeys(null, "public", "described"),
                    conn.getMetaData().getIndexInfo(null, "public", "described", false, true),
                    conn.getMetaData().getTypeInfo(), conn.getMetaData().getSchemas()}) {
                check(rows.next(), "nothing described");
                rows.close();
            }
            try (PreparedStatement statement = conn.prepareStatement("SELECT * FROM described WHERE id = ?")) {
                check(statement.getMetaData().getColumnCount() == 3, "columns");
                check(statement.getParameterMetaData().getParameterCount() == 1, "parameters");
            }
        });
        step("arrays, enums, functions (CallableStatement)", conn -> {
            execute(conn, "CREATE TYPE mood AS ENUM ('good', 'bad')");
            try (PreparedStatement statement = conn.prepareStatement("SELECT ?::text[], 'good'::mood")) {
                Array array = conn.createArrayOf("text", new String[] {"a", "b"});
                statement.setArray(1, array);
                try (ResultSet rows = statement.executeQuery()) {
                    rows.next();
                    check(((String[]) rows.getArray(1).getArray()).length == 2, "array");
                    check(rows.getObject(2).toString().equals("good"), "enum");
                }
            }
            try (CallableStatement call = conn.prepareCall("{ ? = call upper(?) }")) {
                call.registerOutParameter(1, Types.VARCHAR);
                call.setString(2, "x");
                call.execute();
                check(call.getString(1).equals("X"), "call");
            }
        });
        step("COPY in and out", conn -> {
            execute(conn, "CREATE TABLE copied (n int, t text)");
            CopyManager copy = conn.unwrap(PGConnection.class).getCopyAPI();
            StringBuilder rows = new StringBuilder();
            for (int n = 0; n < 2000; n++) {
                rows.append(n).append("\trow ").append(n).append('\n');
            }
            check(copy.copyIn("COPY copied FROM STDIN", new StringReader(rows.toString())) == 2000, "in");
            check(copy.copyOut("COPY copied TO STDOUT", new ByteArrayOutputStream()) == 2000, "out");
        });
        step("large objects in a transaction", conn -> {
            conn.setAutoCommit(false);
            var objects = conn.unwrap(PGConnection.class).getLargeObjectAPI();
            long id = objects.createLO();
            try (var object = objects.open(id)) {
                object.write(new byte[] {1, 2, 3});
                object.seek(0);
                check(object.read(10).length == 3, "large object");
            }
            objects.delete(id);
            conn.commit();
        });
        step("errors leave the connection usable", conn -> {
            refused("22012", conn, "SELECT 1/0");
            refused("42P01", conn, "SELECT * FROM nowhere");
            refused("42601", conn, "SELEKT");
            check(text(conn, "SELECT 3").equals("3"), "after errors");
        });
        step("LISTEN, until UNLISTEN", conn -> {
            execute(conn, "LISTEN news");
            say("held LISTEN");
            execute(conn, "NOTIFY news, 'hello'");
            PGNotification[] heard = conn.unwrap(PGConnection.class).getNotifications(5000);
            check(heard != null && heard[0].getParameter().equals("hello"), "heard");
            execute(conn, "UNLISTEN *");
        });
        step("temporary table, until DROP", conn -> {
            execute(conn, "CREATE TEMP TABLE staying (n int)");
            say("held TEMPORARY_OBJECT");
            execute(conn, "INSERT INTO staying VALUES (1)");
            check(text(conn, "SELECT n FROM staying").equals("1"), "temporary row");
            execute(conn, "DROP TABLE staying");
        });
        step("holdable result (HOLD_CURSORS_OVER_COMMIT), read in one go", conn -> {
            conn.setAutoCommit(false);
            try (Statement statement = conn.createStatement(ResultSet.TYPE_FORWARD_ONLY, ResultSet.CONCUR_READ_ONLY,
                    ResultSet.HOLD_CURSORS_OVER_COMMIT);
                    ResultSet rows = statement.executeQuery("SELECT n FROM generate_series(1, 10) n")) {
                conn.commit();
                check(rows.next(), "held rows");
            }
            conn.commit();
        });
    }

    public static void main(String[] arguments) throws Exception {
        String[] version = org.postgresql.util.DriverInfo.DRIVER_VERSION.split("\\.");
        System.out.println("version " + version[0] + "." + version[1]);
        queries();
        properties();
        transactions();
        rest();
    }
}
