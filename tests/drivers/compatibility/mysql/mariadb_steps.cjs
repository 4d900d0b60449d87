// mariadb (npm): text and binary queries, batches, pipelining, streams, importFile, changeUser, reset, its pool.
'use strict'
const assert = require('node:assert')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const tls = require('node:tls')
const mariadb = require('mariadb')
const { step, held, run } = require('../steps.cjs')

const settings = {
  host: process.env.DB_HOST,
  port: Number(process.env.DB_PORT),
  user: process.env.DB_USER,
  password: process.env.DB_PASSWORD,
  database: process.env.DB_NAME,
  ssl: {
    ca: fs.readFileSync(process.env.DB_CA, 'utf8'),
    rejectUnauthorized: true,
    // Node.js takes an address for no name: it would look for "localhost" in the certificate.
    checkServerIdentity: (_, certificate) => tls.checkServerIdentity(process.env.DB_HOST, certificate),
  },
}

// Some things it does with MariaDB only.
const mariadbBehind = process.env.DB_KIND === 'mariadb'

const open = (more = {}) => mariadb.createConnection({ ...settings, ...more })

async function value(conn, sql, args) {
  return Object.values((await conn.query(sql, args))[0])[0]
}

async function computed(conn, sql, args) {
  return Object.values((await conn.execute(sql, args))[0])[0]
}

const refused = (conn, errno, sql) => assert.rejects(conn.query(sql), { errno })

step('queries with parameters (text)', async (conn) => {
  for (let n = 0; n < 10; n += 1) assert.equal(Number(await value(conn, 'SELECT ? + 1', [n])), n + 1)
  assert.equal(await value(conn, 'SELECT ?', ["it's naïve 🙂"]), "it's naïve 🙂")
})

step('prepared statements (execute, prepare, close)', async (conn) => {
  for (let n = 0; n < 10; n += 1) {
    assert.equal(Number(await computed(conn, 'SELECT ? * 2', [n])), 2 * n)
    assert.equal(await computed(conn, 'SELECT CONCAT(?, ?)', ['naïve ', '🙂']), 'naïve 🙂')
  }
  const statement = await conn.prepare('SELECT ? * 7 AS n')
  for (let n = 0; n < 5; n += 1) assert.equal(Number((await statement.execute([n]))[0].n), 7 * n)
  await statement.close()
  await assert.rejects(conn.execute('SELECT nothing FROM nowhere'), { errno: 1146 })
})

step('types: JSON, DECIMAL, dates, blobs, big numbers', async (conn) => {
  await conn.query(`CREATE TABLE kinds3 (u BIGINT UNSIGNED, d DECIMAL(30, 10), j JSON, b VARBINARY(9),
    micro DATETIME(6), e ENUM('a', 'b'))`)
  const row = [18446744073709551615n, '12345678901234567890.0123456789', '{"a": [1]}', Buffer.from([0, 255]), '2024-02-29 01:02:03.456789', 'b']
  await conn.query('INSERT INTO kinds3 VALUES (?, ?, ?, ?, ?, ?)', row)
  const sql = { sql: 'SELECT u, d, b, micro, e FROM kinds3', rowsAsArray: true, dateStrings: true }
  for (const found of [(await conn.query(sql))[0], (await conn.execute(sql))[0]]) {
    assert.deepEqual(found, [row[0], row[1], row[3], row[4], row[5]])
  }
})

step('transactions, savepoints, isolation levels, read only', async (conn) => {
  await conn.query('CREATE TABLE tx3 (n INT PRIMARY KEY)')
  await conn.beginTransaction()
  await conn.query('INSERT INTO tx3 VALUES (1)')
  await conn.query('SAVEPOINT a')
  await refused(conn, 1062, 'INSERT INTO tx3 VALUES (1)')
  await conn.query('ROLLBACK TO SAVEPOINT a')
  await conn.commit()
  await conn.beginTransaction()
  await conn.execute('INSERT INTO tx3 VALUES (?)', [2])
  await conn.rollback()
  await conn.query('SET TRANSACTION ISOLATION LEVEL SERIALIZABLE, READ ONLY')
  await conn.beginTransaction()
  await refused(conn, 1792, 'INSERT INTO tx3 VALUES (3)')
  await conn.commit()
  await conn.query('SET autocommit = 0')
  await conn.query('INSERT INTO tx3 VALUES (4)')
  await conn.rollback()
  await conn.query('SET autocommit = 1')
  assert.equal(await value(conn, 'SELECT COUNT(*) FROM tx3'), 1n)
})

step('batch (bulk where the server can), insertId, affectedRows', async (conn) => {
  await conn.query('CREATE TABLE many3 (n INT PRIMARY KEY AUTO_INCREMENT, t VARCHAR(60))')
  await conn.batch('INSERT INTO many3 (t) VALUES (?)', Array.from({ length: 500 }, (_, n) => [`text ${n}`]))
  assert.equal(await value(conn, 'SELECT COUNT(*) FROM many3'), 500n)
  await conn.batch('INSERT INTO many3 (t) VALUES (?)', [['a'], [null], ['naïve 🙂']])
  const one = await conn.execute('INSERT INTO many3 (t) VALUES (?)', ['last'])
  assert.equal(await value(conn, 'SELECT LAST_INSERT_ID()'), one.insertId)
  assert.equal((await conn.query('UPDATE many3 SET t = ? WHERE n <= 100', ['x'])).affectedRows, 100)
})

step('streams of rows', async (conn) => {
  let seen = 0
  for await (const row of conn.queryStream('SELECT a.n FROM many3 a, many3 b LIMIT 20000')) seen += row.n > 0 ? 1 : 0
  assert.equal(seen, 20000)
})

step('several statements in one text', async () => {
  const conn = await open({ multipleStatements: true })
  const found = await conn.query('SELECT 1 AS a; UPDATE tx3 SET n = n; SELECT 3 AS a')
  assert.deepEqual([Number(found[0][0].a), Number(found[2][0].a)], [1, 3])
  await conn.end()
})

step('stored procedure with result sets', async (conn) => {
  await conn.query('CREATE PROCEDURE two3(IN a INT, OUT b INT) BEGIN SELECT a AS x; SELECT a + 1 AS x; SET b = a * 2; END')
  const sets = await conn.query('CALL two3(?, @b)', [4])
  assert.deepEqual([sets[0][0].x, sets[1][0].x], [4, 5])
  assert.equal(Number(await value(conn, 'SELECT @b')), 8)
})

step('pipelining: queries sent before the answers', async (conn) => {
  const sums = Array.from({ length: 50 }, (_, n) => (n % 2 ? value(conn, 'SELECT ? + 1', [n]) : computed(conn, 'SELECT ? + 1', [n])))
  assert.deepEqual((await Promise.all(sums)).map(Number), Array.from({ length: 50 }, (_, n) => n + 1))
})

step('LOAD DATA LOCAL INFILE, importFile', async () => {
  const conn = await open({ permitLocalInfile: true })
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'steps-'))
  const file = path.join(folder, 'rows.txt')
  fs.writeFileSync(file, Array.from({ length: 20000 }, (_, n) => `${n + 5000},row ${n}\n`).join(''))
  await conn.query(`LOAD DATA LOCAL INFILE '${file}' INTO TABLE many3 FIELDS TERMINATED BY ','`)
  assert.equal(await value(conn, 'SELECT COUNT(*) FROM many3 WHERE n >= 5000'), 20000n)
  fs.writeFileSync(file, "INSERT INTO many3 (t) VALUES ('imported');\nINSERT INTO many3 (t) VALUES ('imported');\n")
  await conn.importFile({ file })
  assert.equal(await value(conn, "SELECT COUNT(*) FROM many3 WHERE t = 'imported'"), 2n)
  fs.rmSync(folder, { recursive: true })
  await conn.end()
})

step('values over 16 MiB in both directions', async () => {
  const conn = await open({ maxAllowedPacket: 64 << 20 })
  assert.equal(Number(await value(conn, 'SELECT LENGTH(?)', ['x'.repeat(17 << 20)])), 17 << 20)
  assert.equal((await value(conn, "SELECT REPEAT('y', 17 * 1024 * 1024)")).length, 17 << 20)
  await conn.end()
})

step('settings, user variables, time zones, charset, initSql', async (conn) => {
  await conn.query("SET time_zone = '+05:30', lock_wait_timeout = 7, @a = 40")
  for (let n = 0; n < 3; n += 1) {
    assert.equal(await value(conn, 'SELECT CAST(FROM_UNIXTIME(0) AS CHAR)'), '1970-01-01 05:30:00')
    assert.equal(Number(await value(conn, 'SELECT @@lock_wait_timeout')), 7)
    assert.equal(Number(await computed(conn, 'SELECT @a + 2')), 42)
  }
  const other = await open({ charset: 'latin1', initSql: ["SET sql_mode = 'ANSI_QUOTES'"], sessionVariables: { lock_wait_timeout: 8 }, connectAttributes: { program: 'steps' } })
  for (let n = 0; n < 3; n += 1) {
    assert.equal(await value(other, 'SELECT ?', ['naïve']), 'naïve')
    assert.equal(Number(await value(other, 'SELECT @@lock_wait_timeout')), 8)
    assert.equal(await value(other, 'SELECT @@sql_mode'), 'ANSI_QUOTES')
  }
  await other.end()
})

step('changeUser, reset, ping', async (conn) => {
  await conn.query('SET @a = 6')
  if (mariadbBehind) {
    await conn.changeUser({ user: settings.user, password: settings.password, database: 'other' })
    assert.equal(await value(conn, 'SELECT DATABASE()'), 'other')
    assert.equal(await value(conn, 'SELECT @a'), null)
  }
  await conn.query('SET @a = 7, time_zone = "+03:00"')
  await conn.reset()
  assert.equal(await value(conn, 'SELECT @a'), null)
  assert.equal(await value(conn, 'SELECT @@time_zone'), 'SYSTEM')
  await conn.ping()
  assert.equal(Number(await value(conn, 'SELECT CONNECTION_ID()')), conn.threadId)
})

step('pool: concurrent queries, transactions, resets', async () => {
  const pool = mariadb.createPool({ ...settings, connectionLimit: 3, resetAfterUse: true, minDelayValidation: 0 })
  await Promise.all(Array.from({ length: 30 }, async (_, n) => {
    const conn = await pool.getConnection()
    await conn.beginTransaction()
    assert.equal(Number(await computed(conn, 'SELECT ? * 3', [n])), 3 * n)
    if (mariadbBehind) assert.equal(await value(conn, 'SELECT @left'), null)
    await conn.query('SET @left = 1')
    await conn.commit()
    await conn.release()
    assert.equal(Number(await value(pool, 'SELECT ? * 5', [n])), 5 * n)
  }))
  await pool.end()
})

step('errors leave the connection usable', async (conn) => {
  for (let n = 0; n < 3; n += 1) {
    await refused(conn, 1064, 'SELEKT')
    await refused(conn, 1146, 'SELECT * FROM nowhere')
    await refused(conn, 1062, 'INSERT INTO tx3 VALUES (1)')
  }
  assert.equal(Number(await value(conn, 'SELECT 3')), 3)
})

step('temporary table, until DROP', async (conn) => {
  await conn.query('CREATE TEMPORARY TABLE staying (n INT)')
  await held('TEMPORARY_OBJECT')
  await conn.execute('INSERT INTO staying VALUES (?)', [5])
  assert.equal(await value(conn, 'SELECT n FROM staying'), 5)
  await conn.query('DROP TEMPORARY TABLE staying')
})

step('GET_LOCK, until RELEASE_LOCK', async (conn) => {
  assert.equal(Number(await value(conn, "SELECT GET_LOCK('steps3', 5)")), 1)
  await held('ADVISORY_LOCK')
  assert.equal(Number(await value(conn, "SELECT RELEASE_LOCK('steps3')")), 1)
})

run(require('mariadb/package.json').version, open, (conn) => conn.end().catch(() => {}))
