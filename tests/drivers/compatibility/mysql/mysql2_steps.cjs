// mysql2: text and binary queries, transactions, streams, LOCAL INFILE, changeUser, its pool.
'use strict'
const assert = require('node:assert')
const fs = require('node:fs')
const { Readable } = require('node:stream')
const mysql = require('mysql2/promise')
const { step, held, run } = require('../steps.cjs')

const settings = {
  host: process.env.DB_HOST,
  port: Number(process.env.DB_PORT),
  user: process.env.DB_USER,
  password: process.env.DB_PASSWORD,
  database: process.env.DB_NAME,
  ssl: { ca: fs.readFileSync(process.env.DB_CA, 'utf8'), rejectUnauthorized: true },
}

const open = (more = {}) => mysql.createConnection({ ...settings, ...more })

async function value(conn, sql, ...args) {
  return Object.values((await conn.query(sql, ...args))[0][0])[0]
}

async function computed(conn, sql, ...args) {
  return Object.values((await conn.execute(sql, ...args))[0][0])[0]
}

const refused = (conn, errno, sql) => assert.rejects(conn.query(sql), { errno })

step('queries with parameters (text)', async (conn) => {
  for (let n = 0; n < 10; n += 1) assert.equal(await value(conn, 'SELECT ? + 1', [n]), n + 1)
  assert.equal(await value(conn, 'SELECT ?', ["it's naïve 🙂"]), "it's naïve 🙂")
  assert.deepEqual((await conn.query({ sql: 'SELECT 1, 2', rowsAsArray: true }))[0], [[1, 2]])
})

step('prepared statements (execute, prepare, unprepare)', async (conn) => {
  for (let n = 0; n < 10; n += 1) {
    assert.equal(await computed(conn, 'SELECT ? * 2', [n]), 2 * n)
    assert.equal(await computed(conn, 'SELECT CONCAT(?, ?)', ['naïve ', '🙂']), 'naïve 🙂')
  }
  const statement = await conn.prepare('SELECT ? * 7 AS n')
  for (let n = 0; n < 5; n += 1) assert.equal((await statement.execute([n]))[0][0].n, 7 * n)
  await statement.close()
  await assert.rejects(conn.execute('SELECT nothing FROM nowhere'), { errno: 1146 })
})

step('types: JSON, DECIMAL, dates, blobs, big numbers', async (conn) => {
  await conn.query(`CREATE TABLE kinds2 (u BIGINT UNSIGNED, d DECIMAL(30, 10), j JSON, b VARBINARY(9),
    micro DATETIME(6), e ENUM('a', 'b'))`)
  const row = ['18446744073709551615', '12345678901234567890.0123456789', '{"a": [1]}', Buffer.from([0, 255]), '2024-02-29 01:02:03.456789', 'b']
  await conn.execute('INSERT INTO kinds2 VALUES (?, ?, ?, ?, ?, ?)', row)
  const exact = { supportBigNumbers: true, bigNumberStrings: true, dateStrings: true, rowsAsArray: true }
  for (const found of [
    (await conn.query({ sql: 'SELECT u, d, b, micro, e FROM kinds2', ...exact }))[0][0],
    (await conn.execute({ sql: 'SELECT u, d, b, micro, e FROM kinds2', ...exact }))[0][0],
  ]) {
    assert.deepEqual(found.slice(1), [row[1], row[3], row[4], row[5]])
  }
})

step('transactions, savepoints, isolation levels, read only', async (conn) => {
  await conn.query('CREATE TABLE tx2 (n INT PRIMARY KEY)')
  await conn.beginTransaction()
  await conn.query('INSERT INTO tx2 VALUES (1)')
  await conn.query('SAVEPOINT a')
  await refused(conn, 1062, 'INSERT INTO tx2 VALUES (1)')
  await conn.query('ROLLBACK TO SAVEPOINT a')
  await conn.commit()
  await conn.beginTransaction()
  await conn.execute('INSERT INTO tx2 VALUES (?)', [2])
  await conn.rollback()
  await conn.query('SET TRANSACTION ISOLATION LEVEL SERIALIZABLE, READ ONLY')
  await conn.beginTransaction()
  await refused(conn, 1792, 'INSERT INTO tx2 VALUES (3)')
  await conn.commit()
  await conn.query('SET autocommit = 0')
  await conn.query('INSERT INTO tx2 VALUES (4)')
  await conn.rollback()
  await conn.query('SET autocommit = 1')
  assert.equal(await value(conn, 'SELECT COUNT(*) FROM tx2'), 1)
})

step('bulk insert, insertId, affectedRows', async (conn) => {
  await conn.query('CREATE TABLE many2 (n INT PRIMARY KEY AUTO_INCREMENT, t VARCHAR(60))')
  const [made] = await conn.query('INSERT INTO many2 (t) VALUES ?', [Array.from({ length: 500 }, (_, n) => [`text ${n}`])])
  assert.equal(made.affectedRows, 500)
  const [one] = await conn.execute('INSERT INTO many2 (t) VALUES (?)', ['last'])
  assert.equal(await value(conn, 'SELECT LAST_INSERT_ID()'), one.insertId)
  const [changed] = await conn.query('UPDATE many2 SET t = ? WHERE n <= 100', ['x'])
  assert.equal(changed.changedRows, 100)
})

step('streams of rows', async (conn) => {
  let seen = 0
  for await (const row of conn.connection.query('SELECT a.n FROM many2 a, many2 b LIMIT 20000').stream()) seen += row.n > 0 ? 1 : 0
  assert.equal(seen, 20000)
})

step('several statements in one text', async () => {
  const conn = await open({ multipleStatements: true })
  const [found] = await conn.query('SELECT 1 AS a; UPDATE tx2 SET n = n; SELECT 3 AS a')
  assert.deepEqual([found[0][0].a, found[2][0].a], [1, 3])
  await conn.end()
})

step('stored procedure with result sets', async (conn) => {
  await conn.query('CREATE PROCEDURE two2(IN a INT, OUT b INT) BEGIN SELECT a AS x; SELECT a + 1 AS x; SET b = a * 2; END')
  const [sets] = await conn.query('CALL two2(?, @b)', [4])
  assert.deepEqual([sets[0][0].x, sets[1][0].x], [4, 5])
  assert.equal(await value(conn, 'SELECT @b'), 8)
  const [again] = await conn.execute('CALL two2(?, @b)', [5])
  assert.deepEqual([again[0][0].x, again[1][0].x], [5, 6])
})

step('queries queued before the answers', async (conn) => {
  const sums = Array.from({ length: 50 }, (_, n) => (n % 2 ? value(conn, 'SELECT ? + 1', [n]) : computed(conn, 'SELECT ? + 1', [n])))
  assert.deepEqual((await Promise.all(sums)).map(Number), Array.from({ length: 50 }, (_, n) => n + 1))
})

step('LOAD DATA LOCAL INFILE (stream)', async (conn) => {
  const rows = Array.from({ length: 20000 }, (_, n) => Buffer.from(`${n + 5000},row ${n}\n`))
  await conn.query({
    sql: "LOAD DATA LOCAL INFILE 'rows' INTO TABLE many2 FIELDS TERMINATED BY ','",
    infileStreamFactory: () => Readable.from(rows),
  })
  assert.equal(await value(conn, 'SELECT COUNT(*) FROM many2 WHERE n >= 5000'), 20000)
})

step('values over 16 MiB in both directions', async (conn) => {
  assert.equal(await value(conn, 'SELECT LENGTH(?)', ['x'.repeat(17 << 20)]), 17 << 20)
  assert.equal((await value(conn, "SELECT REPEAT('y', 17 * 1024 * 1024)")).length, 17 << 20)
})

step('settings, user variables, time zones, charset latin1', async (conn) => {
  await conn.query("SET time_zone = '+05:30', lock_wait_timeout = 7, @a = 40")
  for (let n = 0; n < 3; n += 1) {
    assert.equal(await value(conn, 'SELECT CAST(FROM_UNIXTIME(0) AS CHAR)'), '1970-01-01 05:30:00')
    assert.equal(await value(conn, 'SELECT @@lock_wait_timeout'), 7)
    assert.equal(Number(await computed(conn, 'SELECT @a + 2')), 42)
  }
  const latin = await open({ charset: 'latin1', connectAttributes: { program: 'steps' } })
  assert.equal(await value(latin, 'SELECT ?', ['naïve']), 'naïve')
  await latin.end()
})

step('changeUser, reset, ping', async (conn) => {
  await conn.query('SET @a = 6')
  await conn.changeUser({ database: 'other' })
  assert.equal(await value(conn, 'SELECT DATABASE()'), 'other')
  assert.equal(await value(conn, 'SELECT @a'), null)
  await conn.ping()
  assert.equal(await value(conn, 'SELECT CONNECTION_ID()'), conn.threadId)
})

step('pool: concurrent queries, transactions', async () => {
  const pool = mysql.createPool({ ...settings, connectionLimit: 3 })
  await Promise.all(Array.from({ length: 30 }, async (_, n) => {
    const conn = await pool.getConnection()
    await conn.beginTransaction()
    assert.equal(Number(await computed(conn, 'SELECT ? * 3', [n])), 3 * n)
    await conn.commit()
    conn.release()
    assert.equal(await value(pool, 'SELECT ? * 5', [n]), 5 * n)
  }))
  await pool.end()
})

step('errors leave the connection usable', async (conn) => {
  for (let n = 0; n < 3; n += 1) {
    await refused(conn, 1064, 'SELEKT')
    await refused(conn, 1146, 'SELECT * FROM nowhere')
    await refused(conn, 1062, 'INSERT INTO tx2 VALUES (1)')
  }
  assert.equal(await value(conn, 'SELECT 3'), 3)
})

step('temporary table, until DROP', async (conn) => {
  await conn.query('CREATE TEMPORARY TABLE staying (n INT)')
  await held('TEMPORARY_OBJECT')
  await conn.execute('INSERT INTO staying VALUES (?)', [5])
  assert.equal(await value(conn, 'SELECT n FROM staying'), 5)
  await conn.query('DROP TEMPORARY TABLE staying')
})

step('GET_LOCK, until RELEASE_LOCK', async (conn) => {
  assert.equal(await value(conn, "SELECT GET_LOCK('steps2', 5)"), 1)
  await held('ADVISORY_LOCK')
  assert.equal(await value(conn, "SELECT RELEASE_LOCK('steps2')"), 1)
})

run(require('mysql2/package.json').version, open, (conn) => conn.end().catch(() => {}))
