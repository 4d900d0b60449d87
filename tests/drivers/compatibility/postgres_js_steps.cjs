// postgres.js: prepared by default, types fetched, transactions, reserved connections, cursors, COPY, listen.
'use strict'
const assert = require('node:assert')
const fs = require('node:fs')
const path = require('node:path')
const { Readable } = require('node:stream')
const { pipeline } = require('node:stream/promises')
const tls = require('node:tls')
const postgres = require('postgres')
const { step, held, run } = require('./steps.cjs')

const settings = {
  host: process.env.PGHOST,
  port: Number(process.env.PGPORT),
  user: process.env.PGUSER,
  password: process.env.PGPASSWORD,
  database: process.env.PGDATABASE,
  ssl: {
    ca: fs.readFileSync(process.env.PGSSLROOTCERT, 'utf8'),
    // The library names no server when the host is an address; the certificate is for the address.
    checkServerIdentity: (_, certificate) => tls.checkServerIdentity(process.env.PGHOST, certificate),
  },
  max: 3,
  onnotice: () => {},
}

step('queries, prepared by default', async (sql) => {
  for (let n = 0; n < 12; n += 1) assert.equal((await sql`SELECT ${n}::int + 1 AS n`)[0].n, n + 1)
  const rows = await sql`SELECT n, ${'x'} AS t FROM generate_series(1, 500) n`
  assert.equal(rows.length, 500)
  const many = await Promise.all(Array.from({ length: 60 }, (_, n) => sql`SELECT ${n}::int * 2 AS n`))
  many.forEach((answer, n) => assert.equal(answer[0].n, 2 * n))
})

step('types fetched: arrays, json, dates', async (sql) => {
  await sql`CREATE TYPE mood AS ENUM ('good', 'bad')`
  assert.deepEqual((await sql`SELECT ${sql.array([1, 2])}::int[] AS a`)[0].a, [1, 2])
  assert.deepEqual((await sql`SELECT ${sql.json({ a: 1 })} AS j`)[0].j, { a: 1 })
  assert.ok((await sql`SELECT now() AS t`)[0].t instanceof Date)
  assert.equal((await sql`SELECT ${'good'}::mood AS m`)[0].m, 'good')
})

step('prepare: false', async () => {
  const other = postgres({ ...settings, prepare: false, fetch_types: false })
  for (let n = 0; n < 6; n += 1) assert.equal((await other`SELECT ${n}::int AS n`)[0].n, n)
  await other.end()
})

step('transactions and savepoints', async (sql) => {
  await sql`CREATE TABLE tx (n int PRIMARY KEY, t text)`
  await sql.begin(async (tx) => {
    await tx`INSERT INTO tx ${tx([{ n: 1, t: 'a' }, { n: 2, t: 'b' }])}`
    await assert.rejects(tx.savepoint((inner) => inner`INSERT INTO tx VALUES (1)`), { code: '23505' })
  })
  await assert.rejects(
    sql.begin(async (tx) => {
      await tx`INSERT INTO tx VALUES (3)`
      throw new Error('roll back')
    }),
  )
  const [{ level }] = await sql.begin('ISOLATION LEVEL SERIALIZABLE READ ONLY', (tx) => [
    tx`SELECT current_setting('transaction_isolation') AS level`,
  ]).then(([rows]) => rows)
  assert.equal(level, 'serializable')
  assert.equal((await sql`SELECT count(*)::int AS n FROM tx`)[0].n, 2)
  assert.equal((await sql`INSERT INTO tx VALUES (9, 'z') RETURNING n`)[0].n, 9)
})

step('simple queries (unsafe, several statements, files)', async (sql) => {
  const answers = await sql.unsafe('SELECT 1 AS a; SELECT 2 AS b')
  assert.equal(answers[1][0].b, 2)
  assert.equal((await sql`SELECT 1 AS n`.simple())[0].n, 1)
  assert.equal((await sql`SELECT 1 AS n, ${'x'}::text AS t`.describe()).columns.length, 2)
})

step('cursors and forEach', async (sql) => {
  let seen = 0
  await sql`SELECT n FROM generate_series(1, 250) n`.cursor(100, (rows) => {
    seen += rows.length
  })
  assert.equal(seen, 250)
  for await (const [row] of sql`SELECT n FROM generate_series(1, 20) n`.cursor()) {
    if (row.n === 5) break
  }
  await sql`SELECT n FROM generate_series(1, 20) n`.forEach(() => {
    seen += 1
  })
  assert.equal(seen, 270)
})

step('COPY in and out', async (sql) => {
  await sql`CREATE TABLE copied (n int, t text)`
  const rows = Array.from({ length: 2000 }, (_, n) => `${n}\trow ${n}\n`)
  await pipeline(Readable.from(rows), await sql`COPY copied FROM STDIN`.writable())
  let lines = 0
  for await (const chunk of await sql`COPY copied TO STDOUT`.readable()) {
    lines += chunk.toString().split('\n').length - 1
  }
  assert.equal(lines, 2000)
})

step('settings at startup (connection)', async () => {
  const other = postgres({
    ...settings,
    connection: { application_name: 'steps', statement_timeout: 54321, search_path: 'public' },
  })
  for (let n = 0; n < 3; n += 1) assert.equal((await other`SHOW statement_timeout`)[0].statement_timeout, '54321ms')
  await other.end()
})

step('reserved connection with SET', async (sql) => {
  const one = await sql.reserve()
  await one`SET work_mem = '7MB'`
  for (let n = 0; n < 4; n += 1) assert.equal((await one`SHOW work_mem`)[0].work_mem, '7MB')
  await one`RESET work_mem`
  one.release()
})

step('errors leave the connection usable', async (sql) => {
  await assert.rejects(sql`SELECT 1/0`, { code: '22012' })
  await assert.rejects(sql`SELECT * FROM nowhere`, { code: '42P01' })
  await assert.rejects(sql.unsafe('SELEKT'), { code: '42601' })
  assert.equal((await sql`SELECT 3 AS n`)[0].n, 3)
})

step('cached statement after ALTER TABLE', async (sql) => {
  await sql`CREATE TABLE altered AS SELECT 1 AS a`
  const columns = async () => Object.keys((await sql`SELECT * FROM altered`)[0]).length
  assert.equal(await columns(), 1)
  await sql`ALTER TABLE altered ADD COLUMN b text`
  assert.equal(await columns(), 2)
})

step('listen (a connection of its own), until unlisten', async (sql) => {
  let hear
  const heard = new Promise((resolve) => {
    hear = resolve
  })
  const { unlisten } = await sql.listen('news', hear)
  await held('LISTEN')
  await sql.notify('news', 'hello')
  assert.equal(await heard, 'hello')
  await unlisten()
})

step('advisory lock on a reserved connection, until unlocked', async (sql) => {
  const one = await sql.reserve()
  await one`SELECT pg_advisory_lock(8)`
  await held('ADVISORY_LOCK')
  await one`SELECT pg_advisory_unlock(8)`
  one.release()
})

const folder = path.dirname(require.resolve('postgres'))
const manifest = JSON.parse(fs.readFileSync(path.join(folder, '../../package.json'), 'utf8'))
run(manifest.version, async () => postgres(settings), (sql) => sql.end())
