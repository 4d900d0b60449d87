// node-postgres: queries, named statements, cursors, COPY, settings, its pool.
'use strict'
const assert = require('node:assert')
const fs = require('node:fs')
const { once } = require('node:events')
const { pipeline } = require('node:stream/promises')
const { Readable } = require('node:stream')
const pg = require('pg')
const Cursor = require('pg-cursor')
const { from: copyFrom, to: copyTo } = require('pg-copy-streams')
const { step, held, run } = require('./steps.cjs')

const settings = {
  host: process.env.PGHOST,
  port: Number(process.env.PGPORT),
  user: process.env.PGUSER,
  password: process.env.PGPASSWORD,
  database: process.env.PGDATABASE,
  ssl: { ca: fs.readFileSync(process.env.PGSSLROOTCERT, 'utf8'), rejectUnauthorized: true },
}

async function value(client, ...query) {
  return Object.values((await client.query(...query)).rows[0])[0]
}

step('queries, parameters, several statements', async (client) => {
  assert.equal(await value(client, 'SELECT 1'), 1)
  for (let n = 0; n < 10; n += 1) assert.equal(await value(client, 'SELECT $1::int + 1', [n]), n + 1)
  assert.equal((await client.query('SELECT 1; SELECT 2')).length, 2)
  assert.deepEqual(await value(client, 'SELECT $1::jsonb', [{ a: 1 }]), { a: 1 })
  const rows = await client.query({ text: 'SELECT n FROM generate_series(1, 500) n', rowMode: 'array' })
  assert.equal(rows.rowCount, 500)
})

step('named statements', async (client) => {
  for (let n = 0; n < 10; n += 1) {
    assert.equal(await value(client, { name: 'double', text: 'SELECT $1::int * 2', values: [n] }), 2 * n)
    assert.equal(await value(client, { name: 'triple', text: 'SELECT $1::int * 3', values: [n] }), 3 * n)
  }
  await assert.rejects(client.query({ name: 'wrong', text: 'SELECT nothing FROM nowhere' }), { code: '42P01' })
  assert.equal(await value(client, { name: 'wrong', text: 'SELECT 5' }), 5)
})

step('transactions and savepoints', async (client) => {
  await client.query('CREATE TABLE tx (n int PRIMARY KEY)')
  await client.query('BEGIN')
  await client.query('INSERT INTO tx VALUES (1)')
  await client.query('SAVEPOINT a')
  await assert.rejects(client.query('INSERT INTO tx VALUES (1)'), { code: '23505' })
  await client.query('ROLLBACK TO a')
  await client.query('COMMIT')
  await client.query('BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY')
  assert.equal(await value(client, 'SELECT count(*)::int FROM tx'), 1)
  await client.query('ROLLBACK')
})

step('cursors (pg-cursor)', async (client) => {
  const cursor = client.query(new Cursor('SELECT n FROM generate_series(1, $1::int) n', [250]))
  let seen = 0
  for (;;) {
    const rows = await cursor.read(100)
    if (rows.length === 0) break
    seen += rows.length
  }
  await cursor.close()
  assert.equal(seen, 250)
  const early = client.query(new Cursor('SELECT n FROM generate_series(1, 1000) n'))
  assert.equal((await early.read(10)).length, 10)
  await early.close()
  assert.equal(await value(client, 'SELECT 1'), 1)
})

step('COPY in and out (pg-copy-streams)', async (client) => {
  await client.query('CREATE TABLE copied (n int, t text)')
  const rows = Array.from({ length: 2000 }, (_, n) => `${n}\trow ${n}\n`)
  await pipeline(Readable.from(rows), client.query(copyFrom('COPY copied FROM STDIN')))
  let lines = 0
  for await (const chunk of client.query(copyTo('COPY copied TO STDOUT'))) {
    lines += chunk.toString().split('\n').length - 1
  }
  assert.equal(lines, 2000)
})

step('SET, SHOW, RESET', async (client) => {
  await client.query("SET search_path = pg_catalog, public; SET work_mem = '7MB'")
  await client.query("SET TIME ZONE 'Asia/Tokyo'")
  await client.query("SELECT set_config('app.tenant', $1, false)", ['7'])
  for (let n = 0; n < 5; n += 1) {
    assert.equal(await value(client, 'SHOW search_path'), 'pg_catalog, public')
    assert.equal(await value(client, 'SHOW app.tenant'), '7')
  }
  await client.query('RESET ALL')
  assert.equal(await value(client, 'SHOW work_mem'), '4MB')
})

step('settings at startup: statement_timeout, application_name, options', async () => {
  const other = new pg.Client({
    ...settings,
    statement_timeout: 54321,
    lock_timeout: 50000,
    idle_in_transaction_session_timeout: 60000,
    application_name: 'steps',
    options: '-c search_path=public',
  })
  await other.connect()
  for (let n = 0; n < 3; n += 1) {
    assert.equal(await value(other, 'SHOW statement_timeout'), '54321ms')
    assert.equal(await value(other, 'SHOW search_path'), 'public')
  }
  await other.end()
})

step('Pool: concurrent queries, transactions, SET for every new connection', async () => {
  const pool = new pg.Pool({ ...settings, max: 4 })
  pool.on('connect', (client) => client.query("SET TIME ZONE 'UTC'"))
  const work = async (n) => {
    const client = await pool.connect()
    try {
      await client.query('BEGIN')
      const answer = await value(client, { name: 'q', text: 'SELECT $1::int * 3', values: [n] })
      await client.query('COMMIT')
      return answer
    } finally {
      client.release()
    }
  }
  const answers = await Promise.all(Array.from({ length: 40 }, (_, n) => work(n)))
  assert.deepEqual(answers, answers.map((_, n) => 3 * n))
  assert.equal((await pool.query('SELECT $1::int AS n', [5])).rows[0].n, 5)
  await pool.end()
})

step('errors leave the connection usable', async (client) => {
  await assert.rejects(client.query('SELECT 1/0'), { code: '22012' })
  await assert.rejects(client.query('SELECT $1::int', ['x']), { code: '22P02' })
  await assert.rejects(client.query('SELEKT'), { code: '42601' })
  assert.equal(await value(client, 'SELECT 3'), 3)
})

step('LISTEN, until UNLISTEN', async (client) => {
  await client.query('LISTEN news')
  await held('LISTEN')
  const heard = once(client, 'notification')
  await client.query("NOTIFY news, 'hello'")
  assert.equal((await heard)[0].payload, 'hello')
  await client.query('UNLISTEN news')
})

step('advisory lock of the session, until unlocked', async (client) => {
  await client.query('SELECT pg_advisory_lock($1)', [8])
  await held('ADVISORY_LOCK')
  assert.equal(await value(client, 'SELECT pg_advisory_unlock($1)', [8]), true)
})

step('temporary table, until DROP', async (client) => {
  await client.query('CREATE TEMP TABLE staying AS SELECT 1 AS n')
  await held('TEMPORARY_OBJECT')
  assert.equal(await value(client, 'SELECT n FROM staying'), 1)
  await client.query('DROP TABLE staying')
})

run(
  require('pg/package.json').version,
  async () => {
    const client = new pg.Client(settings)
    await client.connect()
    return client
  },
  (client) => client.end(),
)
