//! Tables of what bodies execute, and whether that is proven.

use proptest::prelude::*;

use super::*;
use crate::{Dialect, EffectSet as E, classify};

fn found(body: &str) -> Findings {
    of_body(StringStyle::Standard, body.as_bytes(), Owner::Routine, 0)
}

fn names(findings: &Findings) -> String {
    let names = findings.settings.iter().map(String::from_utf8_lossy);
    names.collect::<Vec<_>>().join(" ")
}

const LASTING: E = crate::routines::LASTING;

fn assert_harmless(body: &str) {
    let findings = found(body);
    let lasting = findings.effects.intersection(LASTING);
    assert_eq!(lasting, E::NONE, "{body}");
    assert_eq!(names(&findings), "", "{body}");
}

fn assert_unproven(body: &str) {
    let findings = found(body);
    assert!(
        findings
            .effects
            .intersects(E::UNREAD_CODE.union(E::SETTING_UNKNOWN)),
        "{body}: {:?} {}",
        findings.effects,
        names(&findings)
    );
}

#[test]
fn ordinary_triggers_are_harmless() {
    for body in [
        "begin execute format('INSERT INTO %I.%I VALUES ($1.*)', TG_TABLE_SCHEMA, \
         'm_' || to_char(NEW.t,'YYYY_MM')) USING NEW; return null; end",
        "begin EXECUTE 'INSERT INTO ' || quote_ident(tbl) || ' VALUES (($1).*)' USING NEW; return null; end",
        "DECLARE tbl text := TG_TABLE_NAME || '_' || to_char(NEW.at, 'YYYYMM'); \
         BEGIN EXECUTE 'INSERT INTO ' || tbl || ' SELECT ($1).*' USING NEW; RETURN NULL; END",
        "DECLARE part text; d date; BEGIN d := date_trunc('month', NEW.at); part := 'p_' || to_char(d, 'YYYY_MM'); \
         IF NOT EXISTS (SELECT 1 FROM pg_class WHERE relname = part) THEN \
         EXECUTE 'CREATE TABLE ' || part || ' (CHECK (at >= ''' || d || ''')) INHERITS (' || TG_RELNAME || ');'; \
         EXECUTE 'CREATE INDEX ' || part || '_i ON ' || part || ' (at)'; END IF; \
         EXECUTE format('INSERT INTO %I (a, b) VALUES ($1, $2)', part) USING NEW.a, NEW.b; RETURN NULL; END",
        "begin EXECUTE format('SELECT count(*) FROM %I', t) INTO n; return n; end",
        "begin EXECUTE 'ALTER TABLE ' || t::regclass || ' ADD COLUMN x int'; end",
        "begin EXECUTE format('INSERT INTO %I.%I_log (op, row) VALUES (%L, $1)', 'audit', TG_TABLE_NAME, TG_OP) \
         USING to_jsonb(NEW); PERFORM pg_notify('changed', TG_TABLE_NAME); RETURN NEW; END",
        "begin execute 'INSERT INTO audit.log SELECT ''' || TG_OP || ''', now(), $1' using old; return old; end",
        "begin NEW.updated_at := now(); RETURN NEW; end",
        "begin execute 'refresh materialized view concurrently totals'; return null; end",
        "declare r record; begin for r in select quote_ident(relname) as t from pg_class loop \
         execute 'analyze ' || r.t; end loop; end",
        "declare q text; begin q := 'select count(*) from ' || quote_ident(t); \
         if w is not null then q := q || ' where id = ' || quote_literal(w); end if; execute q into n; end",
        "declare q text := ''; c text; begin for c in select quote_ident(column_name) from information_schema.columns \
         loop q := q || c || ', '; end loop; execute 'select ' || q || '1 from t'; end",
        "begin execute (select string_agg(format('drop table %I', t), '; ') from x); end",
        "begin execute format('create table %I partition of %I for values from (%L) to (%L)', a, b, c, d); end",
        "begin for i in 1..5 loop execute 'create table p_' || i || ' (like p)'; end loop; end",
        "begin execute format('update %I set %I = $1, b = %s where id = $%s', t, c, n::int, 2::int) using x, y; end",
        "begin execute format('create trigger %I before update on %I for each row execute function touch()', a, b); end",
        "begin execute format('alter table %I add constraint %I check (a > %s)', t, n, x::numeric); end",
        "begin execute format('grant execute on function %I(int) to %I', f, r); end",
        "begin return query execute format('select * from %I.%I where a = any($1)', s, t) using x; end",
        "begin open c for execute 'select * from ' || quote_ident(t); return c; end",
        "begin execute case when a then 'analyze t' else 'analyze u' end; end",
        "begin execute $q$select 1 from t where a = 'set app.x = 1'$q$; end",
        "begin execute format($f$comment on table %I is 'made %s'$f$, t, current_date::date); end",
        "begin grant execute on function f() to x; end",
    ] {
        assert_harmless(body);
    }
}

#[test]
fn pieces_are_read_as_they_come_together() {
    for (body, settings) in [
        ("begin execute 'se' || 't my.x = 1'; end", "my.x"),
        (
            "begin execute 'select set_' || 'config(''my.x'', ''1'', false)'; end",
            "my.x",
        ),
        ("begin execute concat('set', ' my', '.x = 1'); end", "my.x"),
        (
            "begin execute format('se%s my.x = %L', 't', v); end",
            "my.x",
        ),
        ("begin execute format('%I my.x = 1', 'set'); end", "my.x"),
        (
            "begin execute 'select set_'\n'config(''my.x'', ''1'', false)'; end",
            "my.x",
        ),
        (
            "declare a text := 'set '; begin execute a || 'my.x = 1'; end",
            "my.x",
        ),
        (
            "begin execute case when a then 'set my.x = 1' else 'set my.y = 1' end; end",
            "my.x my.y",
        ),
        ("begin execute coalesce('set my.x = 1', 'x'); end", "my.x"),
        ("begin execute E'set\\nmy.x = 1'; end", "my.x"),
        (
            "begin execute format('select set_config(%L, %L, false)', 'my.x', v); end",
            "my.x",
        ),
        (
            "begin execute 'do $d$ begin execute ''se'' || ''t my.x = 1''; end $d$'; end",
            "my.x",
        ),
        (
            "begin execute 'select query_to_xml(''select set_'' || ''config(''''my.x'''', 1, false)'', a, b, c)'; end",
            "my.x",
        ),
        (
            "begin perform query_to_xml('select set_' || 'config(''my.x'', 1, false)', a, b, c); end",
            "my.x",
        ),
        ("begin execute format('set my.%s = 1', 'x'); end", "my.x"),
    ] {
        let findings = found(body);
        assert_eq!(names(&findings), settings, "{body}");
        assert!(!findings.effects.intersects(E::UNREAD_CODE), "{body}");
    }
}

#[test]
fn what_could_be_anything_is_unproven() {
    for body in [
        "begin execute q; end",
        "begin execute new.q; return new; end",
        "begin execute $1; end",
        "begin execute format('select %s', x); end",
        "begin execute 'select ' || x; end",
        "begin execute f(x); end",
        "begin execute format(f, x); end",
        "begin execute format('%s', TG_ARGV[0]); end",
        "begin execute 'insert into ' || tg_argv[0] || ' values (1)'; end",
        "declare q text; begin select body into q from jobs; execute q; end",
        "declare q text := 'select 1'; begin execute 'select ''x''' into q; execute q; end",
        "declare q text := 'select 1'; begin fetch c into q; execute q; end",
        "declare q text := 'select 1'; begin call p(q); execute q; end",
        "declare q text := 'select 1'; begin insert into t values (1) returning a into q; execute q; end",
        "declare q text[]; begin q[1] := x; execute q[1]; end",
        "declare q text := 'select 1'; begin <<a>> begin a.q := x; end; execute q; end",
        "<<b>> declare q text := 'select 1'; begin b.q = x; execute q; end",
        "declare q text := 'select 1'; begin get diagnostics q = message_text; execute q; end",
        "declare q text := 'select 1'; z alias for q; begin z := x; execute q; end",
        "declare q text; begin foreach q in array a loop execute q; end loop; end",
        "declare q text; begin for q in execute x loop execute q; end loop; end",
        "declare r record; begin for r in select a as q from t loop execute r.q; end loop; end",
        "begin declare q text := 'select 1'; begin null; end; execute q; end",
        "#variable_conflict use_column declare q text := 'a'; begin execute (select q from t); end",
        "begin perform query_to_xml(q, a, b, c); end",
        "begin perform query_to_xml(nulls => true, query => 'x'); end",
        "begin perform ts_stat(q); perform 1; end",
        "begin perform \"query_to_xml\"($1, a, b, c); end",
        "begin execute 'execute p'; end",
        "begin execute 'explain analyze execute p'; end",
        "begin execute format('do %L', x); end",
        "begin execute 'do ' || quote_literal(x); end",
        "begin execute U&'\\0073et my.x = 1'; end",
        "begin execute E'\\x73et my.x = 1'; end",
    ] {
        assert_unproven(body);
    }
}

#[test]
fn what_is_filled_in_must_not_change_how_the_rest_is_read() {
    for body in [
        "begin execute format('%I my.x = 1', v); end",
        "begin execute format('select 1; %I my.x = 1', v); end",
        "begin execute quote_ident(v) || ' my.x = 1'; end",
        "begin execute 'se' || quote_ident(v) || ' my.x = 1'; end",
        "begin execute format('set %I = 1', v); end",
        "begin execute format('set my.%I = 1', v); end",
        "begin execute format('set my.x%s = 1', v::int); end",
        "begin execute format('reset my.%I', v); end",
        "begin execute format('select %I(''my.x'', ''1'', false)', f); end",
        "begin execute format('select %I.%I (''my.x'', ''1'', false)', s, f); end",
        "begin execute format('select set_%I(''my.x'', ''1'', false)', f); end",
        "begin execute format('call %I()', f); end",
        "begin execute format('select * from a join %I(1) on true', f); end",
        "begin execute format('select 1 from t where %I(a)', f); end",
        "begin execute format('select set_%sconfig(''my.x'', ''1'', false)', v::int); end",
        "begin execute format('select set_config(%L, ''1'', false)', v); end",
        "begin execute format('select set_config(''my.%s'', ''1'', false)', v::int); end",
        "begin execute format('select query_to_xml(%L, true, true, '''')', v); end",
        "begin execute 'select ''' || quote_ident(v) || ''''; end",
        "begin execute 'select ''' || quote_literal(v) || ''''; end",
        "begin execute 'select \"' || quote_ident(v) || '\"'; end",
        "begin execute 'select ''a''' || quote_literal(v); end",
        "begin execute 'select e' || quote_literal(v) || '''set'; end",
        "begin execute 'select U&' || quote_ident(v); end",
        "begin execute 'select $' || quote_ident(v) || '$ set $' || quote_ident(v) || '$'; end",
        "begin execute format('select $b$ %I $b$', v); end",
        "begin execute format('do $b$ begin execute %L; end $b$', v); end",
        "begin execute 'select 1 -' || n::int || E'\\n, set_config(k, v, false)'; end",
        "begin execute 'select 1 /' || quote_ident(v) || '* x */'; end",
        "begin execute 'select 1 -- ' || quote_ident(v) || ' x'; end",
        "begin execute format('select 1 as a from t where b = %s', now()::text); end",
        "begin execute format('explain %I p', v); end",
        "begin execute format('create table a as %I p', v); end",
        "begin execute case when a then 'set_' end || x || 'config()'; end",
        "begin execute 'select set_' || coalesce(string_agg('x', ','), '') || 'config(k, v, false)' from t; end",
        "begin execute format('select set_%sconfig(''my.'' || k, ''1'', false)', case when a then 'x' end); end",
        "begin execute format('%s set my.x = 1; select %I()', case when a then 'comment on' end, f); end",
    ] {
        assert_unproven(body);
    }
    // Where what is filled in is NULL a statement starts.
    let body =
        "begin execute format('%s set my.x = 1', case when a then 'select 1 where' end); end";
    assert_eq!(names(&found(body)), "my.x");
}

#[test]
fn what_is_added_to_a_variable_may_come_in_any_order() {
    for body in [
        "declare q text := 'select set_'; begin q := q || 'config(k, v, false)'; execute q; end",
        "declare q text := ''; begin if a then q := q || 'select set_config'; end if; \
         q := q || '(''my.x'', ''1'', false)'; execute q; end",
        "declare q text := 'select set_config '; begin q := q || ' (k, v, false)'; execute q; end",
        "declare q text := ''; begin q := q || ' ''my.'; q := q || ' set '; execute q; end",
        "declare q text := ''; begin q := q || 'set '; q := q || ' my.x = 1'; execute q; end",
        "declare q text := ' my.x = 1'; begin q := 'set ' || q; execute q; end",
        "declare q text := ''; begin q := 'config(k, v, false)' || q; q := 'set_' || q; execute q; end",
        "declare q text := 'do '; begin q := q || ' $$ begin execute x; end $$'; execute q; end",
        "declare q text := 'explain '; begin q := q || ' execute p '; execute q; end",
        "declare q text := 'select '; begin q := q || quote_ident(f); q := q || ' (1)'; execute q; end",
        "declare q text := 'select a '; begin q := '(' || q || ')' || q; execute q; end",
        "declare a text := b; b text := a; begin execute a; end",
    ] {
        assert_unproven(body);
    }
    for body in [
        "declare q text := 'update t'; begin q := q || ' set ' || quote_ident(c) || ' = 1'; execute q; end",
        "declare q text := 'insert into t '; begin q := q || ' (a, b) '; q := q || ' values (1, 2) '; execute q; end",
        "declare q text; begin q := 'select 1 from t where true '; for c in select 1 loop \
         q := q || format(' and %I = %L', k, v); end loop; execute q; end",
    ] {
        assert_harmless(body);
    }
}

#[test]
fn bodies_without_parameters_know_all_their_names() {
    let body = "begin declare q text := 'select 1'; begin execute q; end; end";
    assert_unproven(body);
    let findings = of_body(StringStyle::Standard, body.as_bytes(), Owner::Nobody, 0);
    assert!(!findings.effects.intersects(E::UNREAD_CODE));
}

/// What a text of the client's may do.
fn effects(text: &str) -> (E, String) {
    let summary = classify(Dialect::PostgreSql, StringStyle::Standard, text.as_bytes());
    let names = summary.settings.iter().map(String::from_utf8_lossy);
    (summary.effects, names.collect::<Vec<_>>().join(" "))
}

#[test]
fn texts_of_clients_are_judged_alike() {
    for (text, settings) in [
        ("do $$ begin execute 'se' || 't my.x = 1'; end $$", "my.x"),
        ("do 'begin execute ''se'' || ''t my.x = 1''; end'", "my.x"),
        (
            "select query_to_xml('select set_' || 'config(''my.x'', 1::text, false)', true, true, '')",
            "my.x",
        ),
        (
            "select pg_catalog.query_to_xml ('select set_config(''my.x'', ''1'', false)', true, true, '')",
            "my.x",
        ),
        (
            "select * from crosstab('select set_config(''my.x'', ''1'', false)') as t(a text)",
            "my.x",
        ),
        (
            "select ts_rewrite('a'::tsquery, 'select set_config(''my.x'', ''1'', false)')",
            "my.x",
        ),
        (
            "select * from connectby('(select set_config(''my.x'', ''1'', false)) t', 'a', 'b', 'c', 0, '~') as t(a text)",
            "my.x",
        ),
    ] {
        let (effects, names) = effects(text);
        assert_eq!(names, settings, "{text}");
        assert!(effects.intersects(E::PROCEDURE), "{text}");
        assert!(
            !effects.intersects(E::SETTING_UNKNOWN),
            "{text}: {effects:?}"
        );
    }
    for text in [
        "do $$ begin execute q; end $$",
        "do $$ begin execute 'set ' || chr(109); end $$",
        "do E'begin\\nexecute q; end'",
        "do language plpgsql $x$ begin execute current_setting('a.b'); end $x$",
        "select query_to_xml($1, true, true, '')",
        "select \"query_to_xml\"('select set_' || chr(99), true, true, '')",
        "select * from ts_stat('select ' || x)",
        "select 1; select * from crosstab($1) as t(a text)",
        "select distinct on (a) ts_stat(q) from t",
        "select query_to_xml('select 1', a, b, c); do $$ begin execute q; end $$",
        "create table x as select query_to_xml(y, true, true, '') from z",
        "prepare p as select query_to_xml($1, true, true, '')",
    ] {
        let (effects, _) = effects(text);
        let unknown = E::SETTING | E::SETTING_UNKNOWN | E::UNREAD_CODE;
        assert_eq!(effects.intersection(unknown), unknown, "{text}");
    }
    for text in [
        "select query_to_xml('select * from t', true, false, '')",
        "select * from crosstab('select a, b, c from t', 'select 1') as t(a text)",
        "do $$ begin execute format('drop table %I', 'x'); end $$",
        "do $$ begin perform 1; end $$",
        "select ts_rewrite('a'::tsquery, 'b'::tsquery, 'c'::tsquery)",
        "create function crosstab(text) returns int language sql as 'select 1'",
        "select ts_stat, crosstab from t",
        "select word from ts_stat(('select '::text || 'a'::text)) ts_stat(word, ndoc, nentry)",
    ] {
        let (effects, names) = effects(text);
        let lasting = effects.intersection(LASTING);
        assert_eq!((lasting, names.as_str()), (E::NONE, ""), "{text}");
    }
}

#[test]
fn too_much_is_unproven() {
    let nested = (0..100).fold(String::from("'a'"), |inner, _| format!("({inner})"));
    assert_unproven(&format!("begin execute {nested}; end"));
    let mut doubling = String::from("declare v0 text := 'x';");
    for at in 1..30 {
        let last = at - 1;
        doubling = format!("{doubling} v{at} text := v{last} || v{last};");
    }
    assert_unproven(&format!("{doubling} begin execute v29; end"));
    let long = format!(
        "do $$ begin execute 'a'; {} end $$",
        "null; ".repeat(20_000)
    );
    assert!(effects(&long).0.intersects(E::UNREAD_CODE));
}

proptest! {
    #[test]
    fn any_body_can_be_read(body in "(execute|declare|text|:=|=|;|begin|end|\\|\\||'[a-z %]{0,4}'|q|r\\.q|for|in|loop|into|select|\\(|\\)|case|when|then|format|,|quote_ident|[\"$'\\\\:.-]| ){0,60}") {
        drop(found(&body));
        drop(effects(&format!("do $x${body}$x$; select query_to_xml({body}")));
    }

    /// However a statement is cut into constants, it is read whole.
    #[test]
    fn no_cut_hides_a_setting(cuts in prop::collection::btree_set(1_usize..37, 0..6)) {
        let text = "select set_config($$my.x$$, a, false)";
        let mut pieces = Vec::new();
        let mut start = 0;
        for cut in cuts.into_iter().chain([text.len()]) {
            pieces.push(format!("'{}'", &text[start..cut]));
            start = cut;
        }
        let body = format!("begin execute {}; end", pieces.join(" || "));
        let findings = found(&body);
        prop_assert!(findings.effects.intersects(E::SETTING), "{}", body);
        let assigned = format!("declare q text := ''; begin q := q || {}; execute q; end", pieces.join("; q := q || "));
        let findings = found(&assigned);
        prop_assert!(findings.effects.intersects(E::SETTING | E::UNREAD_CODE), "{}", assigned);
    }
}
