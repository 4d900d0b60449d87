// node-postgres through the proxy: queries, named statements, transactions, COPY, cancel, errors, a pool.
'use strict'
const assert = require('node:assert')
const fs = require('node:fs')
const { pipeline } = require('node:stream/promises')
const { Readable } = require('node:stream')
const pg = require('pg')
const { from: copyFrom, to: copyTo } = require('pg-copy-streams')

const settings = {
  host: process.env.PGHOST,
  port: Number(process.env.PGPORT),
  user: process.env.PGUSER,
  password: process.env.PGPASSWORD,
  database: process.env.PGDATABASE,
  ssl: { ca: fs.readFileSync(process.env.PGSSLROOTCERT, 'utf8'), rejectUnauthorized: true },
}

async function queries(client) {
  assert.equal((await client.query('SELECT 1 AS n')).rows[0].n, 1)
  assert.equal((await client.query('SELECT $1::int + 1 AS n', [41])).rows[0].n, 42)
  const many = await client.query("SELECT n, repeat('x', 50) FROM generate_series(1, 5000) n")
  assert.equal(many.rowCount, 5000)
  const both = await client.query('SELECT 1; SELECT 2')
  assert.equal(both.length, 2)
}

async function namedStatements(client) {
  for (let n = 0; n < 10; n += 1) {
    const query = { name: 'double', text: 'SELECT $1::int * 2 AS n', values: [n] }
    assert.equal((await client.query(query)).rows[0].n, 2 * n)
  }
}

async function transactions(client) {
  await client.query('CREATE TABLE node_rows (n int PRIMARY KEY)')
  await client.query('BEGIN')
  await client.query('INSERT INTO node_rows VALUES (1)')
  await client.query('COMMIT')
  await client.query('BEGIN')
  await client.query('INSERT INTO node_rows VALUES (2)')
  await client.query('ROLLBACK')
  await client.query('BEGIN')
  await assert.rejects(client.query('INSERT INTO node_rows VALUES (1)'), { code: '23505' })
  await assert.rejects(client.query('SELECT 1'), { code: '25P02' })
  await client.query('ROLLBACK')
  assert.equal((await client.query('SELECT count(*)::int AS n FROM node_rows')).rows[0].n, 1)
}

async function copy(client) {
  await client.query('CREATE TABLE node_copied (n int, t text)')
  const rows = Array.from({ length: 20000 }, (_, n) => `${n}\trow ${n}\n`)
  await pipeline(Readable.from(rows), client.query(copyFrom('COPY node_copied FROM STDIN')))
  let lines = 0
  for await (const chunk of client.query(copyTo('COPY node_copied TO STDOUT'))) {
    lines += chunk.toString().split('\n').length - 1
  }
  assert.equal(lines, 20000)
}

async function cancel(client) {
  const { processID, secretKey } = client
  const slow = assert.rejects(client.query('SELECT pg_sleep(30)'), { code: '57014' })
  await new Promise((resolve) => setTimeout(resolve, 500))
  const link = new pg.Connection({ ssl: false })
  link.on('connect', () => link.cancel(processID, secretKey))
  link.on('error', () => {})
  link.connect(settings.port, settings.host)
  await slow
  assert.equal((await client.query('SELECT 2 AS n')).rows[0].n, 2)
}

async function errors(client) {
  await assert.rejects(client.query('SELECT 1/0'), { code: '22012' })
  await assert.rejects(client.query('SELECT * FROM nowhere'), { code: '42P01' })
  await assert.rejects(client.query('SELECT $1::int', ['x']), { code: '22P02' })
  assert.equal((await client.query('SELECT 3 AS n')).rows[0].n, 3)
}

async function pool() {
  const many = new pg.Pool({ ...settings, max: 5 })
  const answers = await Promise.all(
    Array.from({ length: 40 }, (_, n) => many.query('SELECT $1::int * 3 AS n', [n])),
  )
  answers.forEach((answer, n) => assert.equal(answer.rows[0].n, 3 * n))
  await many.end()
}

async function main() {
  const client = new pg.Client(settings)
  await client.connect()
  for (const part of [queries, namedStatements, transactions, copy, cancel, errors]) {
    await part(client)
    console.log('ok', part.name)
  }
  await client.end()
  await pool()
  console.log('ok pool')
}

main().catch((error) => {
  console.error(error)
  process.exit(1)
})
