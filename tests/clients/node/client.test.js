// @clickhouse/client against the server whose address CANDOR_CLICKHOUSE_URL gives.

import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, test } from 'node:test'
import { Readable } from 'node:stream'

import { ClickHouseError, ClickHouseLogLevel, createClient } from '@clickhouse/client'

const url = process.env.CANDOR_CLICKHOUSE_URL
const database = `node_${randomUUID().replaceAll('-', '')}`
// Expected failures would fill the log.
const log = { level: ClickHouseLogLevel.OFF }
const client = createClient({ url, database, log })

before(async () => {
  const setup = createClient({ url })
  await setup.command({ query: `CREATE DATABASE ${database}` })
  await setup.close()
})

after(async () => {
  await client.command({ query: `DROP DATABASE ${database} SYNC` })
  await client.close()
})

async function table(name) {
  await client.command({
    query: `CREATE TABLE ${name} (site UInt64, path String, country Nullable(String))
      ENGINE = MergeTree ORDER BY site SETTINGS non_replicated_deduplication_window = 100`,
  })
}

function rows(count) {
  return Array.from({ length: count }, (_, n) => ({
    site: n,
    path: `/it's/${n}`,
    country: n % 2 ? null : 'SE',
  }))
}

test('ping', async () => {
  assert.equal((await client.ping()).success, true)
})

test('rows round trip, plain and compressed', async () => {
  for (const on of [false, true]) {
    const name = `round_trip_${on}`
    await table(name)
    const other = createClient({ url, database, log, compression: { request: on, response: on } })
    const inserted = await other.insert({ table: name, values: rows(1000), format: 'JSONEachRow' })
    assert.equal(inserted.summary.written_rows, '1000')
    const answer = await other.query({
      query: `SELECT * FROM ${name} ORDER BY site`,
      format: 'JSONEachRow',
    })
    assert.deepEqual(await answer.json(), rows(1000))
    await other.close()
  }
})

test('streams go in and out', async () => {
  await table('streams')
  const values = Readable.from(rows(5000), { objectMode: true })
  await client.insert({ table: 'streams', values, format: 'JSONEachRow' })
  const answer = await client.query({
    query: 'SELECT number FROM numbers(1000000)',
    format: 'JSONEachRow',
  })
  let count = 0
  for await (const block of answer.stream()) count += block.length
  assert.equal(count, 1_000_000)
  const stored = await client.query({ query: 'SELECT count() AS n FROM streams', format: 'JSON' })
  assert.equal((await stored.json()).data[0].n, 5000)
})

test('parameters are bound', async () => {
  const evil = `it's \\ "{}" ; \t`
  const answer = await client.query({
    query: 'SELECT {text:String} AS text, {numbers:Array(UInt8)} AS numbers',
    query_params: { text: evil, numbers: [1, 2] },
    format: 'JSONEachRow',
  })
  assert.deepEqual(await answer.json(), [{ text: evil, numbers: [1, 2] }])
})

test('sessions keep temporary tables', async () => {
  const session = createClient({ url, session_id: randomUUID() })
  await session.command({ query: 'CREATE TEMPORARY TABLE mine (x UInt8)' })
  await session.insert({ table: 'mine', values: [[7]], format: 'JSONCompactEachRow' })
  const answer = await session.query({ query: 'SELECT x FROM mine', format: 'JSONEachRow' })
  assert.deepEqual(await answer.json(), [{ x: 7 }])
  await session.close()
  await assert.rejects(client.command({ query: 'SELECT x FROM mine' }), { code: '60' })
})

test('tokens make a retry harmless', async () => {
  await table('tokens')
  for (let turn = 0; turn < 2; turn++) {
    await client.insert({
      table: 'tokens',
      values: rows(10),
      format: 'JSONEachRow',
      clickhouse_settings: { insert_deduplication_token: 'T' },
    })
  }
  const stored = await client.query({ query: 'SELECT count() AS n FROM tokens', format: 'JSON' })
  assert.equal((await stored.json()).data[0].n, 10)
})

test('errors say what the server says', async () => {
  await assert.rejects(client.query({ query: 'SELECT * FROM nosuch' }), (error) => {
    assert.ok(error instanceof ClickHouseError)
    assert.equal(error.code, '60')
    assert.equal(error.type, 'UNKNOWN_TABLE')
    return true
  })
  await assert.rejects(client.query({ query: "SELECT file('/etc/passwd')" }), { code: '497' })
})

test('late errors reach the client', async () => {
  const answer = await client.query({
    query: 'SELECT throwIf(number = 2900000) AS x FROM numbers(3000000)',
    format: 'JSONEachRow',
    clickhouse_settings: { max_threads: 1 },
  })
  await assert.rejects(async () => {
    for await (const block of answer.stream()) void block
  })
})
