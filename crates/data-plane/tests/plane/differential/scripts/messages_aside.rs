//! Notices, notifications and reports: what comes without being asked for.

use super::Theme;

pub(super) const SCRIPTS: Theme = &[
    (
        "notices keep their place",
        &[
            "Q(do $$ begin raise notice 'one'; raise warning 'two'; raise info 'three'; end $$; select 1)",
            "X(do $$ begin raise notice 'one'; end $$) X(select 1) S()",
            "X(do $$ begin raise notice 'before'; raise exception 'after'; end $$) S()",
            "Q(select 1; do $$ begin raise notice 'between'; end $$; select 2)",
            "Q(do $$ begin for i in 1..50 loop raise notice 'number %', i; end loop; end $$)",
            "Q(commit) Q(rollback) Q(drop table if exists nowhere) Q(create schema if not exists n{n})",
        ],
    ),
    (
        "notices of large size",
        &[
            "Q(do $$ begin raise notice '%', repeat('x', 20000); end $$)",
            "X(do $$ begin raise notice '%', repeat('x', 20000); end $$) S() X(select 1) S()",
        ],
    ),
    (
        "notifications to oneself",
        &[
            "Q(listen c{n})",
            "Q(notify c{n}) Q(notify c{n}, 'payload')",
            "Q(begin) Q(notify c{n}, 'in a transaction') Q(select 1) Q(commit)",
            "Q(begin; notify c{n}, 'rolled back'; rollback)",
            "X(notify c{n}, 'extended') S() X(select pg_notify('c{n}', 'by function')) S()",
            "Q(notify c{n}, 'a'; notify c{n}, 'b'; notify c{n}, 'a')",
            "X(notify c{n}, 'first') S() X(notify c{n}, 'second') S() S()",
            "Q(unlisten c{n}) Q(notify c{n}, 'unheard')",
        ],
    ),
    (
        "listening in transactions",
        &[
            "Q(begin; listen c{n}) Q(notify c{n}, 'too early') Q(commit)",
            "Q(notify c{n}, 'heard')",
            "Q(begin; unlisten c{n}; rollback) Q(notify c{n}, 'still heard')",
            "Q(begin; unlisten c{n}; commit) Q(notify c{n}, 'unheard')",
            "X(listen c{n}) X(select 1/0) S() Q(notify c{n}, 'unheard')",
            "X(listen c{n}) X(notify c{n}, 'both') S() Q(select * from pg_listening_channels())",
            "Q(listen c{n}) Q(listen \"C{n}\") Q(select * from pg_listening_channels() order by 1)",
            "Q(unlisten *) Q(select * from pg_listening_channels())",
        ],
    ),
    (
        "notify without a listener",
        &[
            "Q(notify c{n}) X(notify c{n}, 'x') S() Q(begin; notify c{n}; rollback)",
            "Q(notify n*100) Q(select pg_notify('', 'x')) Q(select pg_notify('c{n}', repeat('x', 9000)))",
        ],
    ),
];
