INSERT INTO cli_rows (n, t) VALUES (103, 'from');
INSERT INTO cli_rows (n, t) VALUES (104, 'a file');
