// pgx: its cache modes, batches, CopyFrom, types, transactions, pool.
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"
)

var answers = bufio.NewReader(os.Stdin)

var ctx = context.Background()

func say(words string) {
	fmt.Println(words)
	if _, err := answers.ReadString('\n'); err != nil {
		os.Exit(1)
	}
}

// open connects as the PG* variables say; change may change the configuration.
func open(change func(*pgx.ConnConfig)) *pgx.Conn {
	config, err := pgx.ParseConfig("")
	must(err)
	if change != nil {
		change(config)
	}
	conn, err := pgx.ConnectConfig(ctx, config)
	must(err)
	return conn
}

func step(feature string, work func(*pgx.Conn)) {
	defer func() {
		if problem := recover(); problem != nil {
			say("failed " + feature + ": " + strings.ReplaceAll(fmt.Sprint(problem), "\n", " "))
		}
	}()
	conn := open(nil)
	defer conn.Close(ctx)
	work(conn)
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
	QueryRow(ctx context.Context, sql string, arguments ...any) pgx.Row
	Exec(ctx context.Context, sql string, arguments ...any) (pgconn.CommandTag, error)
}

func value[T any](conn querier, sql string, arguments ...any) T {
	var found T
	must(conn.QueryRow(ctx, sql, arguments...).Scan(&found))
	return found
}

func execute(conn querier, sql string, arguments ...any) {
	_, err := conn.Exec(ctx, sql, arguments...)
	must(err)
}

func refused(conn querier, state string, sql string) {
	_, err := conn.Exec(ctx, sql)
	var refusal *pgconn.PgError
	check(errors.As(err, &refusal) && refusal.Code == state, sql, ": ", err)
}

func repeat(conn querier, factor int) {
	for n := 0; n < 12; n++ {
		answer := value[int](conn, fmt.Sprintf("SELECT $1::int * %d", factor), n)
		check(answer == factor*n, "answer ", answer)
	}
	check(len(value[[]string](conn, "SELECT $1::text[]", []string{"a", "b"})) == 2, "array")
}

func modes() {
	step("queries, default mode (cache_statement)", func(conn *pgx.Conn) {
		repeat(conn, 2)
		repeat(conn, 3)
		rows, err := conn.Query(ctx, "SELECT n FROM generate_series(1, $1) n", 500)
		must(err)
		numbers, err := pgx.CollectRows(rows, pgx.RowTo[int])
		must(err)
		check(len(numbers) == 500, "rows")
	})
	for _, mode := range []pgx.QueryExecMode{
		pgx.QueryExecModeCacheDescribe, pgx.QueryExecModeDescribeExec,
		pgx.QueryExecModeExec, pgx.QueryExecModeSimpleProtocol,
	} {
		step("mode "+strings.ReplaceAll(mode.String(), " ", "_"), func(*pgx.Conn) {
			conn := open(func(config *pgx.ConnConfig) { config.DefaultQueryExecMode = mode })
			defer conn.Close(ctx)
			for n := 0; n < 12; n++ {
				check(value[int](conn, "SELECT $1::int * 4", n) == 4*n, "answer")
			}
		})
	}
	step("more statements than statement_cache_capacity", func(*pgx.Conn) {
		conn := open(func(config *pgx.ConnConfig) { config.StatementCacheCapacity = 4 })
		defer conn.Close(ctx)
		for round := 0; round < 3; round++ {
			for n := 0; n < 12; n++ {
				check(value[int](conn, fmt.Sprintf("SELECT $1::int + %d", n), n) == 2*n, "answer")
			}
		}
	})
	step("Prepare and Deallocate", func(conn *pgx.Conn) {
		_, err := conn.Prepare(ctx, "twice", "SELECT $1::int * 2")
		must(err)
		for n := 0; n < 5; n++ {
			check(value[int](conn, "twice", n) == 2*n, "answer")
		}
		must(conn.Deallocate(ctx, "twice"))
		must(conn.DeallocateAll(ctx))
		check(value[int](conn, "SELECT 1") == 1, "answer")
	})
	step("cached statement after ALTER TABLE", func(conn *pgx.Conn) {
		execute(conn, "CREATE TABLE altered AS SELECT 1 AS a")
		check(value[int](conn, "SELECT * FROM altered") == 1, "answer")
		execute(conn, "ALTER TABLE altered ADD COLUMN b int DEFAULT 2")
		var a, b int
		err := conn.QueryRow(ctx, "SELECT * FROM altered").Scan(&a, &b)
		if err != nil {
			// As without a proxy: the first use reports the stale statement, the next one is fresh.
			must(conn.QueryRow(ctx, "SELECT * FROM altered").Scan(&a, &b))
		}
		check(a == 1 && b == 2, "columns")
	})
}

func transactions() {
	step("transactions, nested, isolation, read only", func(conn *pgx.Conn) {
		execute(conn, "CREATE TABLE tx (n int PRIMARY KEY)")
		must(pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
			execute(tx, "INSERT INTO tx VALUES (1)")
			failed := pgx.BeginFunc(ctx, tx, func(inner pgx.Tx) error {
				_, err := inner.Exec(ctx, "INSERT INTO tx VALUES (1)")
				return err
			})
			check(failed != nil, "no error")
			return nil
		}))
		options := pgx.TxOptions{IsoLevel: pgx.Serializable, AccessMode: pgx.ReadOnly, DeferrableMode: pgx.Deferrable}
		must(pgx.BeginTxFunc(ctx, conn, options, func(tx pgx.Tx) error {
			check(value[string](tx, "SHOW transaction_isolation") == "serializable", "isolation")
			return nil
		}))
		check(value[int](conn, "SELECT count(*) FROM tx") == 1, "rows")
	})
	step("batches (SendBatch)", func(conn *pgx.Conn) {
		for round := 0; round < 3; round++ {
			batch := &pgx.Batch{}
			for n := 0; n < 20; n++ {
				batch.Queue("SELECT $1::int * 3", n)
				batch.Queue("SELECT $1::text", fmt.Sprint(n))
			}
			results := conn.SendBatch(ctx, batch)
			for n := 0; n < 20; n++ {
				var number int
				var word string
				must(results.QueryRow().Scan(&number))
				must(results.QueryRow().Scan(&word))
				check(number == 3*n && word == fmt.Sprint(n), "answers")
			}
			must(results.Close())
		}
		batch := &pgx.Batch{}
		batch.Queue("SELECT 1/0")
		batch.Queue("SELECT 1")
		check(conn.SendBatch(ctx, batch).Close() != nil, "no error")
		check(value[int](conn, "SELECT 1") == 1, "after an error")
	})
	step("CopyFrom, COPY out", func(conn *pgx.Conn) {
		execute(conn, "CREATE TABLE copied (n int, t text)")
		rows := make([][]any, 2000)
		for n := range rows {
			rows[n] = []any{n, fmt.Sprint("row ", n)}
		}
		count, err := conn.CopyFrom(ctx, pgx.Identifier{"copied"}, []string{"n", "t"}, pgx.CopyFromRows(rows))
		must(err)
		check(count == 2000, "copied")
		var out strings.Builder
		_, err = conn.PgConn().CopyTo(ctx, &out, "COPY copied TO STDOUT")
		must(err)
		check(strings.Count(out.String(), "\n") == 2000, "copied out")
	})
	step("LoadTypes: enum, composite", func(conn *pgx.Conn) {
		execute(conn, "CREATE TYPE mood AS ENUM ('good', 'bad')")
		execute(conn, "CREATE TYPE pair AS (a int, b mood)")
		types, err := conn.LoadTypes(ctx, []string{"mood", "pair"})
		must(err)
		conn.TypeMap().RegisterTypes(types)
		var a pgtype.Int4
		var b string
		must(conn.QueryRow(ctx, "SELECT (1, 'good')::pair").Scan(pgtype.CompositeFields{&a, &b}))
		check(a.Int32 == 1 && b == "good", "composite")
	})
}

func settings() {
	step("SET, set_config, RESET", func(conn *pgx.Conn) {
		execute(conn, "SET work_mem = '7MB'")
		execute(conn, "SET TIME ZONE 'Asia/Tokyo'")
		execute(conn, "SELECT set_config('app.tenant', $1, false)", "7")
		for n := 0; n < 4; n++ {
			check(value[string](conn, "SHOW work_mem") == "7MB", "work_mem")
			check(value[string](conn, "SELECT current_setting('app.tenant')") == "7", "app.tenant")
		}
		execute(conn, "RESET ALL")
		check(value[string](conn, "SHOW work_mem") == "4MB", "reset")
	})
	step("RuntimeParams at startup", func(*pgx.Conn) {
		conn := open(func(config *pgx.ConnConfig) {
			config.RuntimeParams["statement_timeout"] = "54321"
			config.RuntimeParams["search_path"] = "public"
			config.RuntimeParams["application_name"] = "steps"
		})
		defer conn.Close(ctx)
		for n := 0; n < 3; n++ {
			check(value[string](conn, "SHOW statement_timeout") == "54321ms", "statement_timeout")
		}
	})
	step("pgxpool: AfterConnect, BeforeAcquire, many goroutines", func(*pgx.Conn) {
		config, err := pgxpool.ParseConfig("")
		must(err)
		config.MaxConns = 4
		config.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
			_, err := conn.Exec(ctx, "SET TIME ZONE 'UTC'")
			return err
		}
		config.PrepareConn = func(ctx context.Context, conn *pgx.Conn) (bool, error) {
			return true, conn.Ping(ctx)
		}
		pool, err := pgxpool.NewWithConfig(ctx, config)
		must(err)
		var group sync.WaitGroup
		wrong := make(chan error, 40)
		for n := 0; n < 40; n++ {
			group.Add(1)
			go func() {
				defer group.Done()
				wrong <- pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
					var answer int
					err := tx.QueryRow(ctx, "SELECT $1::int * 3", n).Scan(&answer)
					if err == nil && answer != 3*n {
						err = fmt.Errorf("answer %d", answer)
					}
					return err
				})
			}()
		}
		group.Wait()
		close(wrong)
		for err := range wrong {
			must(err)
		}
		pool.Close()
	})
	step("cancel by context, errors", func(conn *pgx.Conn) {
		refused(conn, "22012", "SELECT 1/0")
		refused(conn, "42P01", "SELECT * FROM nowhere")
		refused(conn, "42601", "SELEKT")
		check(value[int](conn, "SELECT 3") == 3, "after errors")
		soon, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
		defer cancel()
		_, err := conn.Exec(soon, "SELECT pg_sleep(30)")
		check(err != nil, "not cancelled")
	})
}

func pins() {
	step("LISTEN (WaitForNotification), until UNLISTEN", func(conn *pgx.Conn) {
		execute(conn, "LISTEN news")
		say("held LISTEN")
		execute(conn, "NOTIFY news, 'hello'")
		soon, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		heard, err := conn.WaitForNotification(soon)
		must(err)
		check(heard.Payload == "hello", heard.Payload)
		execute(conn, "UNLISTEN news")
	})
	step("advisory lock of the session, until unlocked", func(conn *pgx.Conn) {
		execute(conn, "SELECT pg_advisory_lock($1)", 8)
		say("held ADVISORY_LOCK")
		check(value[bool](conn, "SELECT pg_advisory_unlock($1)", 8), "not locked")
	})
	step("temporary table, until DROP", func(conn *pgx.Conn) {
		execute(conn, "CREATE TEMP TABLE staying (n int)")
		say("held TEMPORARY_OBJECT")
		execute(conn, "INSERT INTO staying VALUES ($1)", 5)
		check(value[int](conn, "SELECT n FROM staying") == 5, "row")
		execute(conn, "DROP TABLE staying")
	})
}

func main() {
	fmt.Println("version 5")
	modes()
	transactions()
	settings()
	pins()
}
