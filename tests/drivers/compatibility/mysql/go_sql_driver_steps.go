// go-sql-driver: database/sql with prepared and interpolated parameters, transactions, its pool, LOCAL INFILE, options.
package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/go-sql-driver/mysql"
)

var answers = bufio.NewReader(os.Stdin)

var ctx = context.Background()

func say(words string) {
	fmt.Println(words)
	if _, err := answers.ReadString('\n'); err != nil {
		os.Exit(1)
	}
}

// open makes a pool as the DB_* variables say; change may change the configuration.
func open(change func(*mysql.Config)) *sql.DB {
	config := mysql.NewConfig()
	config.User = os.Getenv("DB_USER")
	config.Passwd = os.Getenv("DB_PASSWORD")
	config.Net = "tcp"
	config.Addr = os.Getenv("DB_HOST") + ":" + os.Getenv("DB_PORT")
	config.DBName = os.Getenv("DB_NAME")
	config.TLSConfig = "steps"
	if change != nil {
		change(config)
	}
	db, err := sql.Open("mysql", config.FormatDSN())
	must(err)
	return db
}

func step(feature string, work func(*sql.DB)) {
	defer func() {
		if problem := recover(); problem != nil {
			say("failed " + feature + ": " + strings.ReplaceAll(fmt.Sprint(problem), "\n", " "))
		}
	}()
	db := open(nil)
	defer db.Close()
	work(db)
	say("done " + feature)
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func check(holds bool, what ...any) {
	if !holds {
		panic(fmt.Sprint(what...))
	}
}

type querier interface {
	QueryRowContext(ctx context.Context, text string, arguments ...any) *sql.Row
	ExecContext(ctx context.Context, text string, arguments ...any) (sql.Result, error)
}

func value[T any](conn querier, text string, arguments ...any) T {
	var found T
	must(conn.QueryRowContext(ctx, text, arguments...).Scan(&found))
	return found
}

func execute(conn querier, text string, arguments ...any) sql.Result {
	done, err := conn.ExecContext(ctx, text, arguments...)
	must(err)
	return done
}

func refused(conn querier, number uint16, text string) {
	_, err := conn.ExecContext(ctx, text)
	var refusal *mysql.MySQLError
	check(errors.As(err, &refusal) && refusal.Number == number, text, ": ", err)
}

func single(db *sql.DB) *sql.Conn {
	conn, err := db.Conn(ctx)
	must(err)
	return conn
}

func queries() {
	step("queries with parameters (prepared for one use)", func(db *sql.DB) {
		for n := 0; n < 12; n++ {
			check(value[int](db, "SELECT ? * 2", n) == 2*n, "answer")
			check(value[string](db, "SELECT CONCAT(?, '🙂')", "naïve") == "naïve🙂", "text")
		}
	})
	step("interpolateParams", func(*sql.DB) {
		db := open(func(config *mysql.Config) { config.InterpolateParams = true })
		defer db.Close()
		for n := 0; n < 12; n++ {
			check(value[int](db, "SELECT ? * 2", n) == 2*n, "answer")
			check(value[string](db, "SELECT ?", "it's naïve 🙂") == "it's naïve 🙂", "text")
		}
	})
	step("Prepare, kept over many uses and goroutines", func(db *sql.DB) {
		db.SetMaxOpenConns(3)
		statement, err := db.Prepare("SELECT ? * 7")
		must(err)
		defer statement.Close()
		var group sync.WaitGroup
		results := make(chan error, 40)
		for n := 0; n < 40; n++ {
			group.Add(1)
			go func() {
				defer group.Done()
				var answer int
				err := statement.QueryRow(n).Scan(&answer)
				if err == nil && answer != 7*n {
					err = fmt.Errorf("%d for %d", answer, n)
				}
				results <- err
			}()
		}
		group.Wait()
		close(results)
		for err := range results {
			must(err)
		}
	})
	step("types: DECIMAL, JSON, dates, blobs, unsigned", func(*sql.DB) {
		db := open(func(config *mysql.Config) { config.ParseTime = true; config.Loc = time.UTC })
		defer db.Close()
		execute(db, "CREATE TABLE kinds5 (u BIGINT UNSIGNED, d DECIMAL(30, 10), j JSON, b VARBINARY(9), micro DATETIME(6))")
		micro := time.Date(2024, 2, 29, 1, 2, 3, 456789000, time.UTC)
		decimal := "12345678901234567890.0123456789"
		execute(db, "INSERT INTO kinds5 VALUES (?, ?, ?, ?, ?)", uint64(1<<64-1), decimal, `{"a": [1]}`, []byte{0, 255}, micro)
		var u uint64
		var d, j string
		var b []byte
		var at time.Time
		must(db.QueryRow("SELECT * FROM kinds5 WHERE u > ?", 5).Scan(&u, &d, &j, &b, &at))
		check(u == 1<<64-1 && d == decimal && strings.Contains(j, "[1]") && string(b) == "\x00\xff" && at.Equal(micro), u, d, j, b, at)
	})
	step("many rows, several statements (multiStatements), bulk insert", func(*sql.DB) {
		db := open(func(config *mysql.Config) { config.MultiStatements = true })
		defer db.Close()
		execute(db, "CREATE TABLE many5 (n INT PRIMARY KEY AUTO_INCREMENT, t VARCHAR(60))")
		marks := strings.TrimSuffix(strings.Repeat("(?),", 500), ",")
		texts := make([]any, 500)
		for n := range texts {
			texts[n] = fmt.Sprint("text ", n)
		}
		done := execute(db, "INSERT INTO many5 (t) VALUES "+marks, texts...)
		count, err := done.RowsAffected()
		must(err)
		check(count == 500, "affected ", count)
		rows, err := db.Query("SELECT a.n FROM many5 a, many5 b LIMIT 20000")
		must(err)
		seen := 0
		for rows.Next() {
			seen++
		}
		must(rows.Err())
		check(seen == 20000, "rows ", seen)
		rows, err = db.Query("SELECT 1; SELECT 3")
		must(err)
		check(rows.Next() && rows.NextResultSet() && rows.Next(), "two sets")
		must(rows.Close())
	})
	step("LastInsertId, ROW_COUNT() on one connection", func(db *sql.DB) {
		conn := single(db)
		defer conn.Close()
		id, err := execute(conn, "INSERT INTO many5 (t) VALUES (?)", "last").LastInsertId()
		must(err)
		check(value[int64](conn, "SELECT LAST_INSERT_ID()") == id, "last")
		execute(conn, "UPDATE many5 SET t = 'x' WHERE n <= 100")
		check(value[int](conn, "SELECT ROW_COUNT()") == 100, "row count")
	})
	step("stored procedure with result sets", func(db *sql.DB) {
		execute(db, "CREATE PROCEDURE two5(IN a INT) BEGIN SELECT a; SELECT a + 1; END")
		for n := 0; n < 4; n++ {
			rows, err := db.Query("CALL two5(?)", n)
			must(err)
			var first, second int
			check(rows.Next(), "first")
			must(rows.Scan(&first))
			check(rows.NextResultSet() && rows.Next(), "second")
			must(rows.Scan(&second))
			check(first == n && second == n+1, first, second)
			must(rows.Close())
		}
	})
	step("LOAD DATA LOCAL INFILE (reader)", func(db *sql.DB) {
		mysql.RegisterReaderHandler("rows", func() io.Reader {
			var rows strings.Builder
			for n := 5000; n < 25000; n++ {
				fmt.Fprintf(&rows, "%d,row\n", n)
			}
			return strings.NewReader(rows.String())
		})
		execute(db, "LOAD DATA LOCAL INFILE 'Reader::rows' INTO TABLE many5 FIELDS TERMINATED BY ','")
		check(value[int](db, "SELECT COUNT(*) FROM many5 WHERE n >= 5000") == 20000, "rows")
	})
	step("values over 16 MiB in both directions", func(*sql.DB) {
		db := open(func(config *mysql.Config) { config.MaxAllowedPacket = 0 })
		defer db.Close()
		check(value[int](db, "SELECT LENGTH(?)", strings.Repeat("x", 17<<20)) == 17<<20, "sent")
		check(len(value[string](db, "SELECT REPEAT('y', 17 * 1024 * 1024)")) == 17<<20, "received")
	})
}

func transactions() {
	step("transactions, isolation levels, read only, savepoints", func(db *sql.DB) {
		execute(db, "CREATE TABLE tx5 (n INT PRIMARY KEY)")
		for _, level := range []sql.IsolationLevel{sql.LevelSerializable, sql.LevelReadCommitted, sql.LevelDefault} {
			tx, err := db.BeginTx(ctx, &sql.TxOptions{Isolation: level})
			must(err)
			execute(tx, "INSERT INTO tx5 VALUES (?)", 1)
			execute(tx, "SAVEPOINT a")
			refused(tx, 1062, "INSERT INTO tx5 VALUES (1)")
			execute(tx, "ROLLBACK TO SAVEPOINT a")
			must(tx.Rollback())
		}
		tx, err := db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
		must(err)
		refused(tx, 1792, "INSERT INTO tx5 VALUES (2)")
		must(tx.Commit())
		tx, err = db.Begin()
		must(err)
		execute(tx, "INSERT INTO tx5 VALUES (3)")
		must(tx.Commit())
		check(value[int](db, "SELECT COUNT(*) FROM tx5") == 1, "rows")
	})
	step("options: charset, loc, parameters, clientFoundRows, attributes", func(*sql.DB) {
		db := open(func(config *mysql.Config) {
			config.Params = map[string]string{"charset": "latin1", "time_zone": "'+05:30'", "sql_mode": "'ANSI_QUOTES'"}
			config.ClientFoundRows = true
			config.ConnectionAttributes = "program:steps"
		})
		defer db.Close()
		for n := 0; n < 3; n++ {
			check(value[string](db, "SELECT @@sql_mode") == "ANSI_QUOTES", "sql_mode")
			check(value[string](db, "SELECT CAST(FROM_UNIXTIME(0) AS CHAR)") == "1970-01-01 05:30:00", "time zone")
		}
		for n := 0; n < 2; n++ {
			count, err := execute(db, "UPDATE many5 SET t = 'same' WHERE n <= 10").RowsAffected()
			must(err)
			check(count == 10, "found rows ", count)
		}
	})
	step("SET and user variables on one connection", func(db *sql.DB) {
		conn := single(db)
		defer conn.Close()
		execute(conn, "SET lock_wait_timeout = 7, @a = 40")
		for n := 0; n < 3; n++ {
			check(value[int](conn, "SELECT @a + 2") == 42, "variable")
			check(value[int](conn, "SELECT @@lock_wait_timeout") == 7, "setting")
		}
	})
	step("pool: ping, idle and lifetime limits, many goroutines", func(db *sql.DB) {
		db.SetMaxOpenConns(3)
		db.SetConnMaxLifetime(50 * time.Millisecond)
		var group sync.WaitGroup
		results := make(chan error, 30)
		for n := 0; n < 30; n++ {
			group.Add(1)
			go func() {
				defer group.Done()
				tx, err := db.Begin()
				if err == nil {
					var answer int
					err = tx.QueryRow("SELECT ? * 3", n).Scan(&answer)
					if err == nil && answer != 3*n {
						err = fmt.Errorf("%d for %d", answer, n)
					}
					err = errors.Join(err, tx.Commit())
				}
				results <- errors.Join(err, db.Ping())
			}()
		}
		group.Wait()
		close(results)
		for err := range results {
			must(err)
		}
	})
	step("cancel by context", func(db *sql.DB) {
		soon, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
		defer cancel()
		var answer int
		err := db.QueryRowContext(soon, "SELECT SLEEP(20)").Scan(&answer)
		check(err != nil, "not cancelled")
		check(value[int](db, "SELECT 3") == 3, "3")
	})
	step("errors leave the connection usable", func(db *sql.DB) {
		conn := single(db)
		defer conn.Close()
		for n := 0; n < 3; n++ {
			refused(conn, 1064, "SELEKT")
			refused(conn, 1146, "SELECT * FROM nowhere")
			refused(conn, 1062, "INSERT INTO tx5 VALUES (3)")
			_, err := conn.PrepareContext(ctx, "SELECT ? FROM nowhere")
			check(err != nil, "prepared")
		}
		check(value[int](conn, "SELECT 3") == 3, "3")
	})
}

func pins() {
	step("temporary table, until DROP", func(db *sql.DB) {
		conn := single(db)
		defer conn.Close()
		execute(conn, "CREATE TEMPORARY TABLE staying (n INT)")
		say("held TEMPORARY_OBJECT")
		execute(conn, "INSERT INTO staying VALUES (?)", 5)
		check(value[int](conn, "SELECT n FROM staying") == 5, "row")
		execute(conn, "DROP TEMPORARY TABLE staying")
	})
	step("GET_LOCK, until RELEASE_LOCK", func(db *sql.DB) {
		conn := single(db)
		defer conn.Close()
		check(value[int](conn, "SELECT GET_LOCK('steps5', 5)") == 1, "lock")
		say("held ADVISORY_LOCK")
		check(value[int](conn, "SELECT RELEASE_LOCK('steps5')") == 1, "unlock")
	})
	step("GET_LOCK of a parameter, until RELEASE_ALL_LOCKS", func(db *sql.DB) {
		conn := single(db)
		defer conn.Close()
		check(value[int](conn, "SELECT GET_LOCK(?, 5)", "steps5") == 1, "lock")
		say("held ADVISORY_LOCK")
		check(value[int](conn, "SELECT RELEASE_LOCK(?)", "steps5") == 1, "unlock")
		check(value[int](conn, "SELECT RELEASE_ALL_LOCKS()") == 0, "more")
	})
}

func main() {
	authority, err := os.ReadFile(os.Getenv("DB_CA"))
	must(err)
	roots := x509.NewCertPool()
	check(roots.AppendCertsFromPEM(authority), "no authority")
	must(mysql.RegisterTLSConfig("steps", &tls.Config{RootCAs: roots, ServerName: os.Getenv("DB_HOST")}))
	fmt.Println("version 1.9")
	queries()
	transactions()
	pins()
}
