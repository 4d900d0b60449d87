// pgjdbc through the proxy: queries, server-prepared statements, transactions, cursors, COPY, cancel, errors.

import java.io.ByteArrayOutputStream;
import java.io.StringReader;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Savepoint;
import java.sql.Statement;
import java.util.Properties;
import org.postgresql.PGConnection;
import org.postgresql.copy.CopyManager;

public class PgjdbcDriver {
    interface Action {
        void run() throws Exception;
    }

    static void check(boolean holds, String what) {
        if (!holds) {
            throw new AssertionError(what);
        }
    }

    static void refused(String state, Action action) throws Exception {
        try {
            action.run();
        } catch (SQLException error) {
            check(state.equals(error.getSQLState()), error.getSQLState() + " " + error.getMessage());
            return;
        }
        throw new AssertionError("not refused with " + state);
    }

    static int number(Connection conn, String sql) throws SQLException {
        try (Statement statement = conn.createStatement(); ResultSet rows = statement.executeQuery(sql)) {
            rows.next();
            return rows.getInt(1);
        }
    }

    static void execute(Connection conn, String sql) throws SQLException {
        try (Statement statement = conn.createStatement()) {
            statement.execute(sql);
        }
    }

    static void preparedStatements(Connection conn) throws SQLException {
        // From the fifth use on pgjdbc prepares on the server, under a name.
        try (PreparedStatement statement = conn.prepareStatement("SELECT ?::int * 2")) {
            for (int n = 0; n < 12; n++) {
                statement.setInt(1, n);
                try (ResultSet rows = statement.executeQuery()) {
                    rows.next();
                    check(rows.getInt(1) == 2 * n, "prepared " + n);
                }
            }
        }
    }

    static void batches(Connection conn) throws SQLException {
        execute(conn, "CREATE TABLE jdbc_rows (n int PRIMARY KEY)");
        try (PreparedStatement statement = conn.prepareStatement("INSERT INTO jdbc_rows VALUES (?)")) {
            for (int n = 0; n < 500; n++) {
                statement.setInt(1, n);
                statement.addBatch();
            }
            check(statement.executeBatch().length == 500, "batch");
        }
        check(number(conn, "SELECT count(*) FROM jdbc_rows") == 500, "batched rows");
    }

    static void transactions(Connection conn) throws Exception {
        conn.setAutoCommit(false);
        execute(conn, "INSERT INTO jdbc_rows VALUES (1000)");
        conn.rollback();
        execute(conn, "INSERT INTO jdbc_rows VALUES (1001)");
        Savepoint savepoint = conn.setSavepoint();
        refused("23505", () -> execute(conn, "INSERT INTO jdbc_rows VALUES (1001)"));
        conn.rollback(savepoint);
        conn.commit();
        try (Statement statement = conn.createStatement()) {
            statement.setFetchSize(50);
            int seen = 0;
            try (ResultSet rows = statement.executeQuery("SELECT n FROM generate_series(1, 1000) n")) {
                while (rows.next()) {
                    seen++;
                }
            }
            check(seen == 1000, "fetched in portions: " + seen);
        }
        conn.commit();
        conn.setAutoCommit(true);
        check(number(conn, "SELECT count(*) FROM jdbc_rows") == 501, "committed rows");
    }

    static void copy(Connection conn) throws Exception {
        execute(conn, "CREATE TABLE jdbc_copied (n int, t text)");
        CopyManager copy = conn.unwrap(PGConnection.class).getCopyAPI();
        StringBuilder text = new StringBuilder();
        for (int n = 0; n < 20000; n++) {
            text.append(n).append("\trow ").append(n).append('\n');
        }
        check(copy.copyIn("COPY jdbc_copied FROM STDIN", new StringReader(text.toString())) == 20000, "copy in");
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        check(copy.copyOut("COPY jdbc_copied TO STDOUT", out) == 20000, "copy out");
        refused("22P02", () -> copy.copyIn("COPY jdbc_copied FROM STDIN", new StringReader("x\ty\n")));
        check(number(conn, "SELECT count(*) FROM jdbc_copied") == 20000, "copied rows");
    }

    static void cancel(Connection conn) throws Exception {
        try (Statement statement = conn.createStatement()) {
            Thread canceller = new Thread(() -> {
                try {
                    Thread.sleep(500);
                    statement.cancel();
                } catch (Exception error) {
                    error.printStackTrace();
                }
            });
            canceller.start();
            refused("57014", () -> statement.execute("SELECT pg_sleep(30)"));
            canceller.join();
        }
        check(number(conn, "SELECT 2") == 2, "after cancel");
    }

    static void errors(Connection conn) throws Exception {
        refused("22012", () -> execute(conn, "SELECT 1/0"));
        refused("42P01", () -> execute(conn, "SELECT * FROM nowhere"));
        check(number(conn, "SELECT 3") == 3, "after errors");
    }

    public static void main(String[] arguments) throws Exception {
        Properties settings = new Properties();
        settings.setProperty("user", System.getenv("PGUSER"));
        settings.setProperty("password", System.getenv("PGPASSWORD"));
        settings.setProperty("sslmode", "verify-full");
        settings.setProperty("sslrootcert", System.getenv("PGSSLROOTCERT"));
        String url = "jdbc:postgresql://" + System.getenv("PGHOST") + ":" + System.getenv("PGPORT") + "/"
                + System.getenv("PGDATABASE");
        try (Connection conn = DriverManager.getConnection(url, settings)) {
            check(number(conn, "SELECT 1") == 1, "query");
            preparedStatements(conn);
            System.out.println("ok preparedStatements");
            batches(conn);
            System.out.println("ok batches");
            transactions(conn);
            System.out.println("ok transactions");
            copy(conn);
            System.out.println("ok copy");
            cancel(conn);
            System.out.println("ok cancel");
            errors(conn);
            System.out.println("ok errors");
        }
    }
}
