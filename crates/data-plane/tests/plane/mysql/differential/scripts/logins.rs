//! Logins with all kinds of wishes.

use super::{Of, Theme};

pub(super) const SCRIPTS: Theme = &[
    (
        Of::Both,
        "no schema",
        &[
            "L(schema=)",
            "Q(SELECT DATABASE())",
            "Q(SELECT * FROM fixed)",
            "P(s|SELECT 1) E(s)",
            "Q(USE {db})",
            "Q(SELECT DATABASE())",
            "Q(SELECT COUNT(*) FROM fixed)",
            "Q(SELECT 1)",
            "RC()",
            "Q(SELECT DATABASE())",
        ],
    ),
    (
        Of::Both,
        "another schema",
        &[
            "L(schema={db}x)",
            "Q(SELECT DATABASE())",
            "L() Q(SELECT DATABASE())",
        ],
    ),
    (
        Of::Both,
        "a schema that does not exist",
        &["L(schema=nowhere)", "Q(SELECT 1)"],
    ),
    (
        Of::Both,
        "collations",
        &[
            "L(collation=8)",
            "Q(SELECT @@character_set_client, @@character_set_connection, @@character_set_results, @@collation_connection)",
            "Q(SELECT 1)",
            "L(collation=33)",
            "Q(SELECT @@character_set_client, @@collation_connection)",
            "L(collation=46)",
            "Q(SELECT @@character_set_client, @@collation_connection, 'a' = 'A')",
            "RC()",
            "Q(SELECT @@character_set_client, @@collation_connection)",
        ],
    ),
    (
        Of::Both,
        "spaces before brackets",
        &[
            "L(+space)",
            "Q(SELECT @@sql_mode)",
            "Q(SELECT COUNT (*) FROM fixed)",
            "Q(SET sql_mode = '')",
            "Q(SELECT @@sql_mode)",
            "RC()",
            "Q(SELECT @@sql_mode)",
        ],
    ),
];
