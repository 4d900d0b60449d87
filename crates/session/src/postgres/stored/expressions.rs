//! The question for expressions of the catalogue that call functions of PostgreSQL which matter.
//!
//! Views, rules, defaults, policies, checks and conditions of triggers are no routines, and what they refer to
//! that came with the server is not among the dependencies of the catalogue. Their trees name the functions
//! by object id.

use std::fmt::Write as _;

use super::question::{MAX_BODY, escaped};

/// Functions that do what lasts, execute texts, or look at prepared statements.
const FUNCTIONS: &str = "^(set_config|set_limit|setseed|currval|lastval|pg_(try_)?advisory_(un)?lock.*|\
    query_to_xml.*|ts_stat|ts_rewrite|crosstab.*|connectby|xpath_table|pg_prepared_statement|\
    dblink_(connect|connect_u|open|send_query)|pg_replication_origin_session_.*|\
    pg_(create|copy)_(logical|physical)_replication_slot)$";

/// Views that matter.
const VIEWS: &str = "^(pg_prepared_statements|pg_settings)$";

/// Appends a `SELECT` of as many columns as bodies of routines have, one row for each expression. It can be
/// followed by a `WHERE`, and needs `p`.
pub(super) fn push(sql: &mut String) {
    let _ = write!(
        sql,
        "SELECT NULL,{},'sql','a',CASE WHEN pg_catalog.length(x.body) OPERATOR(pg_catalog.<=) {MAX_BODY} \
         THEN {} END FROM (SELECT e.name,e.body FROM (",
        escaped("x.name"),
        escaped("x.body"),
    );
    // A rule is read as if it were a query.
    let rule = "pg_catalog.regexp_replace(pg_catalog.pg_get_ruledef(o.oid),'^CREATE','SELECT')";
    let trigger =
        "pg_catalog.regexp_replace(pg_catalog.pg_get_triggerdef(o.oid),'^CREATE','SELECT')";
    let sources = [
        ("pg_rewrite", "o.ev_action", rule.to_owned()),
        ("pg_rewrite", "o.ev_qual", rule.to_owned()),
        ("pg_attrdef", "o.adbin", expression("o.adbin", "o.adrelid")),
        (
            "pg_policy",
            "o.polqual",
            expression("o.polqual", "o.polrelid"),
        ),
        (
            "pg_policy",
            "o.polwithcheck",
            expression("o.polwithcheck", "o.polrelid"),
        ),
        (
            "pg_constraint",
            "o.conbin",
            expression("o.conbin", "o.conrelid"),
        ),
        ("pg_trigger", "o.tgqual", trigger.to_owned()),
        (
            "pg_type",
            "o.typdefaultbin",
            expression("o.typdefaultbin", "'0'"),
        ),
    ];
    for (at, (catalogue, tree, body)) in sources.iter().enumerate() {
        if at > 0 {
            sql.push_str(" UNION ALL ");
        }
        let _ = write!(
            sql,
            "SELECT pg_catalog.pg_describe_object('pg_catalog.{catalogue}'::pg_catalog.regclass,o.oid,0) \
             AS name,{body} AS body FROM pg_catalog.{catalogue} o,p \
             WHERE o.oid OPERATOR(pg_catalog.>=) '16384' \
             AND {tree}::pg_catalog.text OPERATOR(pg_catalog.~) p.pattern",
        );
    }
    sql.push_str(") AS e) AS x");
}

fn expression(tree: &str, relation: &str) -> String {
    format!("pg_catalog.concat('SELECT ',pg_catalog.pg_get_expr({tree},{relation}))")
}

/// What a tree has in it that calls one of the functions or reads one of the views: `p`, an item of a `WITH`.
pub(super) fn push_pattern(sql: &mut String) {
    let _ = write!(
        sql,
        "p AS (SELECT pg_catalog.concat('funcid (',\
         (SELECT pg_catalog.string_agg(f.oid::pg_catalog.text,'|') FROM pg_catalog.pg_proc f \
         WHERE f.proname::pg_catalog.text OPERATOR(pg_catalog.~) '{FUNCTIONS}'),') |relid (',\
         (SELECT pg_catalog.string_agg(v.oid::pg_catalog.text,'|') FROM pg_catalog.pg_class v \
         WHERE v.relname::pg_catalog.text OPERATOR(pg_catalog.~) '{VIEWS}' \
         AND v.oid OPERATOR(pg_catalog.<) '16384'),') ') AS pattern)"
    );
}
