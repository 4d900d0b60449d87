//! Cancel requests: of what runs, of what waits, and of nothing at all. A notice says that the statement has
//! begun, since a request that comes before that meets nothing; one that says that a cancel was caught has the
//! code of a cancel, by which all of them are counted.

use super::Theme;

pub(super) const SCRIPTS: Theme = &[
    (
        "a query is cancelled",
        &[
            "Q(do $$ begin raise notice 'now'; perform pg_sleep(60); end $$) K(1)",
            "Q(select 1; do $$ begin raise notice 'now'; perform pg_sleep(60); end $$; select 2) K(4)",
            "Q(select 3) Q(do $$ begin raise notice 'now'; perform pg_sleep(60); end $$) Q(select 4) K(5)",
            "Q(do $$ begin raise notice 'now'; perform pg_sleep(60); end $$) K(1) K(3) Q(select 5)",
            "Q(do $$ begin raise notice 'now'; perform pg_sleep(60); exception when query_canceled then raise notice using message = 'caught', errcode = '57014'; end $$) K(1)",
        ],
    ),
    (
        "nothing is cancelled",
        &[
            "K(0)",
            "Q(select 1) K(4) Q(select 2)",
            "Q(begin) K(2) Q(select 3) K(6) Q(commit)",
            "Q(select 1/0) K(2) X(select 4) S() K(7) S()",
            "Q(listen c{n}) K(2) Q(notify c{n}) K(5) Q(unlisten *)",
            "Q(set work_mem = '7MB') K(2) Q(show work_mem)",
        ],
    ),
    (
        "a cancel in a transaction",
        &[
            "Q(begin) Q(do $$ begin raise notice 'now'; perform pg_sleep(60); end $$) K(3)",
            "Q(select 1)",
            "Q(rollback) Q(select 2)",
            "Q(begin; insert into t{n} values (1, 'x'); savepoint a) Q(do $$ begin raise notice 'now'; perform pg_sleep(60); end $$) K(5)",
            "Q(rollback to a) Q(select count(*) from t{n}) Q(commit)",
            "Q(begin; insert into t{n} values (2, 'y'); do $$ begin raise notice 'now'; perform pg_sleep(60); end $$; commit) K(3)",
            "Q(commit) Q(select count(*) from t{n})",
        ],
    ),
    (
        "a cancel in a pipeline",
        &[
            "X(do $$ begin raise notice 'now'; perform pg_sleep(60); end $$) X(select 2) S() K(3)",
            "X(insert into t{n} values (1, 'x')) X(do $$ begin raise notice 'now'; perform pg_sleep(60); end $$) X(select 3) S() X(select 4) S() K(6)",
            "Q(select count(*) from t{n})",
            "X(do $$ begin raise notice 'now'; perform pg_sleep(60); end $$) K(3) X(select 5) S()",
            "X(do $$ begin raise notice 'now'; perform pg_sleep(60); end $$) H() K(3) ~() S() X(select 6) S()",
            "X(select 7) H() K(4) X(select 8) S()",
            "X(begin) X(do $$ begin raise notice 'now'; perform pg_sleep(60); end $$) S() K(6)",
            "X(select 9) S() X(rollback) S()",
        ],
    ),
    (
        "a cancel of statements with names",
        &[
            "P(s1|do $$ begin raise notice 'now'; perform pg_sleep(60); end $$) P(s2|select 1) S()",
            "B(|s1) E(|0) S() K(2)",
            "B(|s1) E(|0) B(|s2) E(|0) S() B(|s2) E(|0) S() K(2)",
            "B(|s2) E(|0) S() CS(s1) S()",
            "Q(prepare q as select pg_sleep(60)) P(|do $$ begin raise notice 'now'; execute 'select pg_sleep(60)'; end $$) S()",
            "B(|) E(|0) S() K(2)",
            "B(|) E(|0) S() K(2)",
            "DS() S() Q(deallocate q)",
        ],
    ),
    (
        "a cancel amid rows",
        &[
            "Q(create function n{n}.slow(i int) returns int language plpgsql as $$ begin if i = 2 then raise notice 'now'; perform pg_sleep(60); end if; return i; end $$)",
            "Q(select n{n}.slow(g) from generate_series(1, 3) g) K(3)",
            "P(|select n{n}.slow(g) from generate_series(1, 3) g) B(|) E(|1) E(|1) S() K(5)",
            "Q(begin) P(|select n{n}.slow(g) from generate_series(1, 3) g) B(p1|) E(p1|1) S()",
            "E(p1|0) S() K(1)",
            "E(p1|0) S() Q(rollback)",
            "Q(begin; declare c cursor for select n{n}.slow(g) from generate_series(1, 3) g; fetch 1 from c)",
            "Q(fetch 1 from c) K(1)",
            "Q(fetch 1 from c) Q(commit)",
            "Q(select 1)",
        ],
    ),
    (
        "a cancel of a copy to the client",
        &[
            "Q(create function n{n}.slow(i int) returns int language plpgsql as $$ begin if i = 2 then raise notice 'now'; perform pg_sleep(60); end if; return i; end $$)",
            "Q(copy (select n{n}.slow(g) from generate_series(1, 3) g) to stdout) K(3)",
            "X(copy (select n{n}.slow(g) from generate_series(1, 3) g) to stdout) X(select 1) S() K(5)",
            "Q(select 2)",
        ],
    ),
    (
        "a cancel of a copy from the client",
        &[
            "Q(copy t{n} from stdin) K(1) d(1\\tone\\n) d(2\\ttwo\\n) c() Q(select count(*) from t{n})",
            "Q(begin) Q(copy t{n} from stdin) K(3) d(1\\tone\\n) c() Q(select 2) Q(rollback)",
            "X(copy t{n} from stdin) H() K(3) d(1\\tone\\n) d(2\\ttwo\\n) c() S() X(select count(*) from t{n}) S()",
            "Q(copy t{n} from stdin; select 4) K(1) d(1\\tone\\n) c() Q(select 5)",
            "Q(select count(*) from t{n})",
        ],
    ),
    (
        "a cancel of a copy whose rows take their time",
        &[
            "Q(create function n{n}.t() returns trigger language plpgsql as $$ begin raise notice 'now'; perform pg_sleep(60); return new; end $$)",
            "Q(create trigger g before insert on t{n} for each row execute function n{n}.t())",
            "Q(copy t{n} from stdin) d(1\\tone\\n) d(2\\ttwo\\n) K(2) c() Q(select count(*) from t{n})",
            "X(copy t{n} from stdin) d(1\\tone\\n) d(2\\ttwo\\n) c() S() X(select 1) S() K(4)",
            "X(copy t{n} from stdin) d(1\\tone\\n) c() X(select 2) S() X(select 3) S() K(4)",
            "Q(select 4)",
        ],
    ),
    (
        "what was set before a cancel",
        &[
            "Q(set work_mem = '7MB')",
            "Q(set work_mem = '8MB'; do $$ begin raise notice 'now'; perform pg_sleep(60); end $$) K(2)",
            "Q(show work_mem)",
            "X(set datestyle = 'German') X(do $$ begin raise notice 'now'; perform pg_sleep(60); end $$) S() K(6)",
            "Q(show datestyle)",
            "Q(begin) Q(set local timezone = 'CET') Q(do $$ begin raise notice 'now'; perform pg_sleep(60); end $$) K(6)",
            "Q(rollback) Q(show timezone)",
            "Q(do $$ begin perform set_config('work_mem', '9MB', false); raise notice 'now'; perform pg_sleep(60); end $$) K(1)",
            "Q(show work_mem)",
        ],
    ),
    (
        "what stays after a cancel",
        &[
            "Q(create temp table tt (i int); listen c{n}) Q(do $$ begin raise notice 'now'; perform pg_sleep(60); end $$) K(4)",
            "Q(insert into tt values (1); notify c{n})",
            "Q(do $$ begin perform pg_advisory_lock({n}); raise notice 'now'; perform pg_sleep(60); end $$) K(1)",
            "Q(select pg_advisory_unlock({n}))",
            "Q(unlisten *; drop table tt)",
            "Q(select 1)",
        ],
    ),
];
