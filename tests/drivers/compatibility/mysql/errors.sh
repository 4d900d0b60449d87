# A command line that goes on after errors. CLI is the client with its options, DB_NAME the database.
$CLI --force --batch "$DB_NAME" 2>/dev/null <<'SQL'
SELECT nothing;
SELEKT;
SELECT * FROM nowhere;
INSERT INTO cli_rows VALUES (1, NULL);
INSERT INTO cli_rows (t) VALUES ('kept');
SQL
true
