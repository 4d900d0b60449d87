//! What a session has besides settings: temporary objects, cursors, locks, channels, sequences, seeds.

use super::Theme;

pub(super) const SCRIPTS: Theme = &[
    (
        "temporary tables",
        &[
            "Q(create temp table tt (i int))",
            "Q(insert into tt values (1))",
            "X(select count(*) from tt) S()",
            "Q(begin) Q(create temp table tu (i int)) Q(rollback) Q(select * from tu)",
            "Q(drop table tt)",
            "Q(select * from tt)",
            "Q(create temporary table if not exists pg_temp.tt (i int)) Q(select * from pg_temp.tt)",
            "Q(select 1 as a into temp tv) Q(select * from tv)",
            "Q(create table pg_temp.tw as select 2 as b) Q(select * from tw)",
            "Q(drop table tt, tv, tw) Q(select * from tw)",
        ],
    ),
    (
        "temporary tables that end by themselves",
        &[
            "Q(begin; create temp table tt (i int) on commit drop; insert into tt values (1)) Q(select * from tt) Q(commit)",
            "Q(select * from tt)",
            "Q(create temp table tt (i int) on commit delete rows) Q(insert into tt values (1))",
            "Q(select count(*) from tt) Q(begin; insert into tt values (1); select count(*) from tt; commit)",
            "Q(select count(*) from tt) Q(drop table tt)",
        ],
    ),
    (
        "temporary things of other kinds",
        &[
            "Q(create temp view tv as select 1 as a) Q(select * from tv)",
            "Q(create temp sequence ts) Q(select nextval('ts'))",
            "Q(select nextval('ts'), currval('ts'), lastval())",
            "Q(create function pg_temp.f() returns int language sql as 'select 5') Q(select pg_temp.f())",
            "Q(create type pg_temp.ty as (a int)) Q(select row(1)::pg_temp.ty)",
            "Q(select pg_temp.f()) Q(discard temp) Q(select pg_temp.f()) Q(select * from tv)",
        ],
    ),
    (
        "a temporary table hides another one",
        &[
            "Q(select * from t{n}) Q(create temp table t{n} (other text)) Q(select * from t{n})",
            "P(s|select * from t{n}) B(|s) E(|0) S()",
            "Q(drop table t{n})",
            "B(|s) E(|0) S()",
            "Q(select * from t{n})",
        ],
    ),
    (
        "cursors with hold",
        &[
            "Q(declare h cursor with hold for select generate_series(1, 5))",
            "Q(fetch 2 from h)",
            "X(fetch 2 from h) S()",
            "Q(select name, is_holdable, is_scrollable from pg_cursors)",
            "Q(close h) Q(fetch 1 from h)",
            "Q(begin; declare h cursor with hold for select 1; rollback) Q(fetch 1 from h)",
            "Q(begin; declare h scroll cursor with hold for select generate_series(1, 5); fetch 2 from h; commit)",
            "Q(fetch 2 from h) Q(fetch backward 3 from h) Q(move absolute 4 in h) Q(fetch all from h)",
            "Q(begin; close h; rollback) Q(fetch first from h) Q(close h)",
        ],
    ),
    (
        "cursors of a transaction",
        &[
            "Q(declare c cursor for select 1)",
            "Q(begin) Q(declare c cursor for select generate_series(1, 5)) Q(fetch 2 from c)",
            "X(fetch 1 from c) S() Q(move 1 in c) Q(fetch all from c) Q(close c) Q(fetch 1 from c) Q(rollback)",
            "X(begin) X(declare c cursor for select generate_series(1, 5)) S()",
            "P(f|fetch 2 from c) B(|f) E(|0) B(|f) E(|0) S() X(commit) S()",
            "B(|f) E(|0) S()",
            "Q(begin; declare c binary cursor for select 1; fetch 1 from c; commit)",
            "Q(begin; insert into t{n} values (1, 'x'); declare c cursor for select * from t{n} for update; fetch 1 from c; update t{n} set x = 'y' where current of c; commit)",
            "Q(select x from t{n})",
        ],
    ),
    (
        "session advisory locks",
        &[
            "Q(select pg_advisory_lock({n}))",
            "Q(select objid, mode from pg_locks where locktype = 'advisory' and pid = pg_backend_pid())",
            "X(select pg_advisory_lock({n})) S()",
            "Q(select pg_advisory_unlock({n})) Q(select pg_advisory_unlock({n})) Q(select pg_advisory_unlock({n}))",
            "Q(select pg_try_advisory_lock(7, {n}), pg_advisory_lock_shared(8, {n}))",
            "Q(select pg_advisory_unlock_all())",
            "Q(select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid())",
            "P(l|select pg_advisory_lock($1)) B(|l|{n}) E(|0) S()",
            "P(u|select pg_advisory_unlock($1)) B(|u|{n}) E(|0) S() B(|u|{n}) E(|0) S()",
        ],
    ),
    (
        "advisory locks and transactions",
        &[
            "Q(begin) Q(select pg_advisory_lock({n})) Q(rollback)",
            "Q(select pg_advisory_unlock({n}))",
            "Q(begin; select pg_advisory_xact_lock({n}); commit) Q(select pg_advisory_unlock({n}))",
            "Q(select pg_advisory_lock({n}), 1/0)",
            "Q(select pg_advisory_unlock({n}))",
            "X(select pg_advisory_lock({n})) X(select 1/0) S() Q(select pg_advisory_unlock({n}))",
            "Q(do $$ begin perform pg_advisory_lock({n}); end $$)",
            "Q(select pg_advisory_unlock({n}))",
        ],
    ),
    (
        "sequences",
        &[
            "Q(create sequence n{n}.s; create sequence n{n}.r)",
            "Q(select currval('n{n}.s'))",
            "Q(select nextval('n{n}.s')) Q(select currval('n{n}.s'))",
            "Q(select nextval('n{n}.s'))",
            "Q(select currval('n{n}.s'), lastval())",
            "X(select nextval('n{n}.r')) S()",
            "X(select lastval(), currval('n{n}.s'), currval('n{n}.r')) S()",
            "Q(begin; select nextval('n{n}.s'); rollback) Q(select currval('n{n}.s'))",
            "Q(select setval('n{n}.s', 40, false)) Q(select currval('n{n}.s')) Q(select nextval('n{n}.s'))",
            "Q(drop sequence n{n}.r) Q(select currval('n{n}.s'))",
        ],
    ),
    (
        "identity columns",
        &[
            "Q(create table n{n}.i (id serial, g int generated always as identity, x text))",
            "Q(insert into n{n}.i (x) values ('a') returning id, g)",
            "Q(insert into n{n}.i (x) values ('b'); select lastval())",
            "X(begin) X(insert into n{n}.i (x) values ('c')) S() X(select currval(pg_get_serial_sequence('n{n}.i', 'id'))) X(commit) S()",
        ],
    ),
    (
        "random numbers after a seed",
        &[
            "Q(select setseed(0.5)) Q(select random())",
            "Q(select random()) X(select random(), random()) S()",
            "Q(discard all) Q(select random())",
            "Q(set seed = 0.25) Q(select random())",
            "Q(begin; select setseed(0.1); rollback) Q(select random())",
        ],
    ),
    (
        "load",
        &[
            "Q(load 'nowhere') Q(load '$libdir/plugins/nowhere')",
            "Q(load 'plpgsql') Q(select 1)",
        ],
    ),
    (
        "rules and triggers that keep state",
        &[
            "Q(create function n{n}.t() returns trigger language plpgsql as $$ begin perform set_config('my.fired', new.x, true); return new; end $$)",
            "Q(create trigger g before insert on t{n} for each row execute function n{n}.t())",
            "Q(begin; insert into t{n} values (1, 'fired'); select current_setting('my.fired'); commit)",
            "Q(select coalesce(nullif(current_setting('my.fired', true), ''), 'none'))",
        ],
    ),
];
