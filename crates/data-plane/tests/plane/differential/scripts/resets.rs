//! DISCARD, DEALLOCATE ALL, UNLISTEN *, CLOSE ALL: what ends a session's state.

use super::Theme;

pub(super) const SCRIPTS: Theme = &[
    (
        "discard all takes everything",
        &[
            "P(s1|select 1) S() Q(prepare q as select 2; set work_mem = '7MB'; set role alice)",
            "Q(reset role; create temp table tt (i int); listen c{n}; select pg_advisory_lock({n}))",
            "Q(declare h cursor with hold for select 1)",
            "Q(discard all)",
            "B(|s1) S() Q(execute q) Q(show work_mem) Q(select * from tt) Q(fetch 1 from h)",
            "Q(select * from pg_listening_channels()) Q(select current_user)",
            "Q(select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid())",
        ],
    ),
    (
        "discard all by the extended protocol",
        &[
            "P(s1|select 1) S() Q(set work_mem = '7MB')",
            "P(d|discard all) B(|d) E(|0) S()",
            "B(|s1) S() B(|d) S() Q(show work_mem)",
            "P(s1|select 2) S() B(|s1) E(|0) S()",
        ],
    ),
    (
        "discard all that fails",
        &[
            "P(s1|select 1) S() Q(set work_mem = '7MB')",
            "Q(begin) Q(discard all) Q(rollback)",
            "B(|s1) E(|0) S() Q(show work_mem)",
            "Q(select 1; discard all)",
            "B(|s1) E(|0) S() Q(show work_mem)",
        ],
    ),
    (
        "discard all in a pipeline",
        &[
            "P(s1|select 1) S() Q(discard all) P(s1|select 2) B(|s1) E(|0) S() Q(discard all) B(|s1) E(|0) S()",
            "P(s1|select 3) S() P(s2|select 4) S() X(discard all) S() P(s1|select 5) S() B(|s1) E(|0) B(|s2) E(|0) S()",
        ],
    ),
    (
        "discard plans, sequences and temp",
        &[
            "P(s1|select 1) S() Q(create temp table tt (i int)) Q(create sequence n{n}.s)",
            "Q(select nextval('n{n}.s'))",
            "Q(discard plans) B(|s1) E(|0) S()",
            "Q(select currval('n{n}.s')) Q(select lastval())",
            "Q(discard sequences) Q(select lastval())",
            "Q(discard temporary) Q(select * from tt) B(|s1) E(|0) S()",
        ],
    ),
    (
        "deallocate all",
        &[
            "P(s1|select 1) S() P(s2|select 2) S() Q(prepare q as select 3)",
            "Q(deallocate all)",
            "B(|s1) S() B(|s2) S() Q(execute q)",
            "P(s1|select 4) S() B(|s1) E(|0) S()",
            "Q(begin) Q(deallocate all) Q(rollback)",
            "B(|s1) S()",
        ],
    ),
    (
        "deallocate all in a pipeline",
        &[
            "P(s1|select 1) S() Q(deallocate all) P(s1|select 2) S() Q(deallocate all) P(s1|select 3) S()",
            "B(|s1) E(|0) S()",
            "P(s2|select 4) X(deallocate all) B(|s2) E(|0) S()",
            "P(s3|select 5) B(|s3) X(deallocate all) E(|0) S() B(|s3) S()",
        ],
    ),
    (
        "reset all leaves the rest",
        &[
            "P(s1|select 1) S() Q(create temp table tt (i int)) Q(set work_mem = '7MB')",
            "Q(reset all) B(|s1) E(|0) S() Q(select * from tt) Q(show work_mem) Q(drop table tt)",
        ],
    ),
    (
        "close all and unlisten everything",
        &[
            "Q(declare h cursor with hold for select 1; declare g cursor with hold for select 2; listen c{n}; listen d{n})",
            "Q(close all) Q(unlisten *)",
            "Q(fetch 1 from h) Q(select count(*) from pg_cursors) Q(notify c{n})",
            "Q(begin; listen c{n}; rollback) Q(notify c{n})",
            "Q(listen c{n}) Q(begin; unlisten *; rollback) Q(notify c{n}, 'still')",
        ],
    ),
    (
        "reset queries of client libraries",
        &[
            "Q(set work_mem = '7MB'; listen c{n}; select pg_advisory_lock({n}))",
            "Q(SELECT pg_advisory_unlock_all(); CLOSE ALL; UNLISTEN *; RESET ALL;)",
            "Q(show work_mem) Q(notify c{n})",
            "Q(set session authorization default; reset all; close all; unlisten *; select pg_advisory_unlock_all(); discard plans; discard temp; discard sequences)",
            "Q(select pg_advisory_unlock_all()) Q(deallocate all)",
            "Q(ROLLBACK) Q(DISCARD ALL)",
        ],
    ),
];
