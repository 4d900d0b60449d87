//! SQL that names prepared statements: several in one text, stale ones, ones that code drops or makes.

use super::Theme;

pub(super) const SCRIPTS: Theme = &[
    (
        "several prepares in one text",
        &[
            "Q(prepare a as select 1; prepare b(int) as select $1 + 1; select 'behind')",
            "Q(execute a) Q(execute b(1))",
            "Q(select name, parameter_types, from_sql from pg_prepared_statements order by 1)",
            "B(|a) E(|0) S() DS(b) S() B(|b|41) E(|0) S()",
            "Q(prepare c as select 3; execute c; deallocate c; prepare c as select 4) Q(execute c)",
            "Q(begin; prepare d as select 5; commit) Q(execute d)",
            "Q(begin; prepare e as select 6; rollback; prepare f as select 7) Q(execute e; execute f)",
            "Q(deallocate a; deallocate b) Q(execute a) Q(execute b(1)) Q(execute c) Q(deallocate all)",
            "Q(prepare a as select 8; prepare a as select 9) Q(execute a)",
        ],
    ),
    (
        "several prepares of which some fail",
        &[
            "Q(prepare a as select 1; prepare b as selec)",
            "Q(execute a)",
            "Q(prepare a as select 1; prepare b as select * from nowhere; prepare c as select 3)",
            "Q(execute a) Q(execute b) Q(execute c)",
            "Q(begin) Q(prepare d as select 4; select 1/0; prepare e as select 5) Q(execute d) Q(rollback) Q(execute d) Q(execute e)",
            "Q(deallocate a; select 1/0; deallocate d) Q(execute a) Q(execute d)",
            "Q(deallocate nothing; deallocate d) Q(execute d)",
            "Q(deallocate d; deallocate all; prepare d as select 6; execute d)",
        ],
    ),
    (
        "a text whose commit fails behind a prepare",
        &[
            "Q(create table n{n}.k (i int unique deferrable initially deferred))",
            "Q(insert into n{n}.k values (1), (1); prepare a as select 1)",
            "Q(execute a)",
            "Q(insert into n{n}.k values (1), (1); deallocate a)",
            "Q(execute a) Q(select count(*) from pg_prepared_statements)",
        ],
    ),
    (
        "several prepares in a pipeline",
        &[
            "Q(prepare a as select 1; prepare b as select 2) Q(execute a) Q(execute b; deallocate b) Q(execute b)",
            "Q(begin) Q(prepare c as select 3; select 1) Q(execute c) Q(commit) Q(execute c) P(d|select 4) S() Q(execute d)",
            "X(prepare e as select 5) X(execute e) S() X(execute e) S()",
            "Q(prepare f as select 6) P(g|select 7) B(|f) E(|0) B(|g) E(|0) S()",
        ],
    ),
    (
        "execute of a statement whose table changed",
        &[
            "Q(create table n{n}.a (i int); insert into n{n}.a values (1))",
            "Q(prepare s as select * from n{n}.a) Q(prepare p(int) as select *, $1 as p from n{n}.a) Q(prepare u as update n{n}.a set i = i)",
            "Q(execute s) Q(execute p(7)) Q(execute u)",
            "Q(alter table n{n}.a add j int)",
            "Q(execute s)",
            "Q(select 1; execute s; select 2)",
            "Q(execute p(7)) Q(execute p) Q(execute p(7, 8)) Q(execute p('x')) Q(execute u)",
            "Q(explain execute s) Q(create table n{n}.b as execute s) X(execute s) S() X(execute p(1)) S()",
            "B(|s) E(|0) S() DS(s) S() DS(p) S() B(|p) S() B(|p|7) S()",
            "Q(begin) Q(execute s) Q(execute s) Q(rollback)",
            "Q(begin; execute s) Q(select 1) Q(rollback)",
            "Q(alter table n{n}.a drop j)",
            "Q(execute s) Q(execute p(7)) B(|s) E(|0) S()",
            "Q(alter table n{n}.a add k int) Q(execute s) Q(discard plans) Q(execute s) Q(deallocate s) Q(prepare s as select * from n{n}.a) Q(execute s)",
            "Q(alter table n{n}.a drop k; execute s)",
        ],
    ),
    (
        "execute of a protocol statement whose table changed",
        &[
            "Q(create table n{n}.a (i int); insert into n{n}.a values (1))",
            "P(s|select * from n{n}.a) P(p|select *, $1::int as p from n{n}.a) S()",
            "Q(execute s) Q(execute p(7))",
            "Q(alter table n{n}.a add j int)",
            "Q(execute s) Q(execute p(7)) Q(execute p) Q(explain execute s) B(|s) S() X(execute s) S()",
            "Q(begin) Q(select 1) Q(execute s) Q(rollback)",
            "Q(alter table n{n}.a drop j)",
            "Q(execute s) Q(execute p(7)) B(|s) E(|0) S()",
        ],
    ),
    (
        "a stale statement inside code",
        &[
            "Q(create table n{n}.a (i int))",
            "Q(prepare s as select * from n{n}.a)",
            "Q(alter table n{n}.a add j int)",
            "Q(do $$ begin execute 'execute s'; end $$)",
            "Q(execute s)",
        ],
    ),
    (
        "a statement that can no longer be made is in nobody else's way",
        &[
            "Q(create table n{n}.a (i int))",
            "Q(prepare broken as select * from n{n}.a; prepare fine as select 1) P(lost|select * from n{n}.a) P(kept|select 2) S()",
            "Q(drop table n{n}.a)",
            "Q(deallocate nothing; execute fine)",
            "Q(execute fine; execute kept) Q(prepare more as select 3; execute more) Q(deallocate more; execute fine)",
            "Q(explain (costs off) execute fine) Q(create table n{n}.c as execute kept)",
            "Q(select name, parameter_types, from_sql from pg_prepared_statements where name not in ('broken', 'lost') order by 1)",
            "Q(do $$ begin execute 'execute fine'; end $$)",
            "Q(begin) Q(execute fine; execute kept) Q(commit)",
            "Q(select count(*) from pg_prepared_statements)",
            "Q(deallocate broken; deallocate lost; execute fine) Q(execute broken) B(|lost) S()",
        ],
    ),
    (
        "deallocate in code",
        &[
            "Q(prepare a as select 1; prepare b as select 2) P(c|select 3) P(d|select 4) S()",
            "Q(do $$ begin execute 'deallocate a'; execute 'deallocate c'; end $$)",
            "Q(execute a) Q(execute b) B(|c) S() B(|d) E(|0) S()",
            "P(c|select 5) S() B(|c) E(|0) S() Q(prepare a as select 6) Q(execute a)",
            "Q(create function n{n}.drops() returns int language plpgsql as $$ begin execute 'deallocate all'; return 1; end $$)",
            "Q(select n{n}.drops())",
            "Q(execute a) Q(execute b) B(|c) S() B(|d) S() Q(select count(*) from pg_prepared_statements)",
            "Q(prepare a as select 7; prepare b as select 8) P(c|select 9) S()",
            "X(select n{n}.drops()) S()",
            "Q(execute a) B(|c) S() P(c|select 10) B(|c) E(|0) S()",
            "Q(prepare a as select 11) Q(begin) Q(select n{n}.drops()) Q(execute a) Q(rollback) Q(execute a)",
            "Q(prepare a as select 12) Q(begin) Q(select n{n}.drops(), 1/0) Q(rollback) Q(execute a)",
            "P(c|select 13) S() Q(begin) Q(select n{n}.drops()) P(c|select 14) B(|c) E(|0) S() Q(commit) B(|c) E(|0) S()",
        ],
    ),
    (
        "prepare in code",
        &[
            "Q(do $$ begin execute 'prepare a as select 1'; end $$)",
            "Q(execute a)",
            "Q(select name, statement, from_sql from pg_prepared_statements)",
            "Q(create function n{n}.makes() returns int language plpgsql as $$ begin execute 'prepare b(int) as select $1'; return 1; end $$)",
            "Q(select n{n}.makes()) Q(execute b(5))",
            "Q(select n{n}.makes()) Q(execute b(6)) B(|b|7) E(|0) S()",
            "Q(deallocate a) Q(execute a) Q(deallocate all) Q(execute b(8))",
        ],
    ),
];

/// Statements whose constants are read under settings that a transaction has changed.
pub(super) const READING: Theme = &[
    (
        "prepare in a transaction that has changed settings",
        &[
            "Q(begin) Q(set local datestyle = 'SQL, DMY') Q(prepare a as select '01/02/2020'::date)",
            "Q(execute a) Q(commit)",
            "Q(execute a)",
            "Q(begin; set local datestyle = 'SQL, DMY') Q(prepare b as select '01/02/2020'::date) Q(rollback) Q(execute b)",
            "Q(set datestyle = 'SQL, DMY') Q(execute a) Q(execute b) Q(prepare c as select '01/02/2020'::date) Q(reset datestyle) Q(execute c) Q(execute a)",
            "Q(begin) Q(set local intervalstyle = 'iso_8601') X(prepare d as select interval '-1 2:03') S() X(commit) S() Q(execute d)",
        ],
    ),
    (
        "prepare in a pipeline that changes settings",
        &[
            "Q(begin) Q(set local datestyle = 'SQL, DMY') Q(prepare a as select '01/02/2020'::date) Q(set local datestyle = 'SQL, MDY') Q(execute a) Q(commit) Q(execute a)",
            "Q(set datestyle = 'SQL, DMY') Q(prepare b as select '01/02/2020'::date) Q(reset datestyle) Q(execute b)",
            "Q(execute b)",
        ],
    ),
];
