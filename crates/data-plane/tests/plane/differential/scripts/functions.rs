//! The function-call protocol and large objects, whose descriptors live as long as a transaction.

use super::Theme;

pub(super) const SCRIPTS: Theme = &[
    (
        "function calls by object id",
        &[
            "F(1|2)",
            "F(1|2) F(3|4) F(1|x) F(5|6)",
            "FN(1258|a|b) FN(871|x) FN(99999|1) FN(177|1) FN(177|NULL|2)",
            "Q(begin) F(1|2) F(1|x) F(1|2) Q(rollback) F(1|2)",
            "F(2147483647|1)",
            "FN(2077|work_mem) FN(2078|work_mem|7MB|f)",
            "FN(2077|work_mem) Q(show work_mem)",
        ],
    ),
    (
        "function calls after errors",
        &[
            "X(select 1/0) F(1|2) S() F(1|2)",
            "P(|selec) F(1|2) Q(select 1) S()",
            "Q(select 1/0) F(1|2) Q(begin; select 1/0) F(1|2) Q(rollback)",
        ],
    ),
    (
        "large objects",
        &[
            "Q(select lo_create(9{n}00))",
            "Q(begin) Q(select lo_open(9{n}00, 131072)) Q(select lowrite(0, 'content')) Q(commit)",
            "Q(select lo_get(9{n}00)) Q(select loread(0, 10))",
            "Q(begin; select lo_open(9{n}00, 262144)) FN(954|0|4) FN(956|0|0|0) FN(952|0) Q(commit)",
            "Q(begin) Q(select lo_open(9{n}00, 262144)) Q(select 1/0) Q(rollback) Q(select loread(0, 10))",
            "X(select lo_open(9{n}00, 262144)) X(select loread(0, 3)) S() X(select loread(0, 3)) S()",
            "Q(select lo_put(9{n}00, 0, 'other')) Q(select lo_get(9{n}00, 0, 5)) Q(select lo_unlink(9{n}00))",
        ],
    ),
    (
        "functions that notice, fail and set",
        &[
            "Q(create function n{n}.f(i int) returns int language plpgsql as $$ begin raise notice 'got %', i; return 10 / i; end $$)",
            "Q(select n{n}.f(5)) Q(select n{n}.f(0)) X(select n{n}.f(2)) X(select n{n}.f(0)) S()",
            "Q(create function n{n}.g() returns setof int language sql as 'select generate_series(1, 3)')",
            "Q(select n{n}.g()) P(|select * from n{n}.g()) B(|) E(|2) E(|2) S()",
            "Q(create procedure n{n}.p(inout a int) language plpgsql as $$ begin a := a + 1; commit; end $$)",
            "Q(call n{n}.p(1)) P(c|call n{n}.p($1)) B(|c|5) DP() E(|0) S()",
        ],
    ),
    (
        "code that sets for the session",
        &[
            "Q(create function n{n}.s(v text) returns text language plpgsql as $$ begin perform set_config('my.tenant', v, false); return v; end $$)",
            "Q(select n{n}.s('a')) Q(show my.tenant)",
            "P(s|select n{n}.s($1)) B(|s|b) E(|0) S() Q(show my.tenant)",
            "Q(begin; select n{n}.s('c'); rollback) Q(show my.tenant)",
            "Q(begin; savepoint a; select n{n}.s('d'); rollback to a; commit) Q(show my.tenant)",
            "Q(prepare q as select n{n}.s('e')) Q(execute q) Q(show my.tenant)",
            "Q(create table n{n}.w (i int)) Q(create function n{n}.t() returns trigger language plpgsql as $$ begin set work_mem = '7MB'; return new; end $$)",
            "Q(create trigger t before insert on n{n}.w for each row execute function n{n}.t())",
            "Q(insert into n{n}.w values (1)) Q(show work_mem) Q(reset work_mem) Q(show work_mem)",
            "Q(do $$ begin perform set_config('my.other', 'f', false); end $$) Q(show my.other)",
        ],
    ),
];
